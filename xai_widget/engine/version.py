"""The version of a model: a value that changes when the model would answer differently.

``p.data`` edits and fused optimisers do not bump a tensor's ``_version``, so the version also carries a
strided checksum of the values: everything for small models, a bounded sample (in at most about 2 ms) for large ones.
"""

from collections.abc import Hashable
from types import BuiltinFunctionType, FunctionType, NoneType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

# Elements looked at in one check of a large model, and at least in each of its tensors.
SAMPLED_ELEMENTS: Final = 250_000
SAMPLED_AT_LEAST: Final = 64
PLAIN: Final = frozenset({int, float, str, bool, NoneType, FunctionType, BuiltinFunctionType})


def model_version(model: nn.Module) -> Hashable:
    """Return the version of `model`: structure, tensor identities, in-place counters and a checksum of the values.

    Parameters
    ----------
    model : torch.nn.Module
        It is only read.

    Returns
    -------
    Hashable
        Equal values mean: same modules, same tensors, same (sampled) numbers.

    Examples
    --------
    >>> from torch import nn
    >>> net = nn.Linear(2, 2)
    >>> before = model_version(net)
    >>> _ = net.weight.data.add_(1)
    >>> model_version(net) == before
    False
    """
    structure: list[Hashable] = []
    tensors: dict[int, tuple[str, str, Tensor]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        structure.append((path, id(module), _plain(vars(module))))
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None:
                tensors.setdefault(id(tensor), (path, name, tensor))
    total = sum(tensor.numel() for _, _, tensor in tensors.values() if not is_lazy(tensor))
    share = min(1.0, SAMPLED_ELEMENTS / max(1, total))
    states = tuple((path, name, number, *_state(tensor, share)) for number, (path, name, tensor) in tensors.items())
    return tuple(structure), states


def _plain(state: dict[str, Any]) -> tuple[tuple[str, Hashable], ...]:
    """Return the plain attributes a forward may read: numbers, words, functions. The training flag is ours to set."""
    return tuple([(name, value) for name, value in state.items() if type(value) in PLAIN and name != "training"])


def _state(tensor: Tensor, share: float) -> tuple[Hashable, ...]:
    """Return where a tensor is, how often it was written to, and a checksum of this share of its values.

    Large models have hundreds of tensors, and this runs before every question: each is asked no more than needed.
    """
    if is_lazy(tensor):
        return ()
    device, counter = tensor.device.type, -1 if tensor.is_inference() else tensor._version
    if device == "meta" or tensor.layout is not torch.strided:
        return device, counter
    pointer, shape, count = tensor.data_ptr(), tensor.shape, tensor.numel()
    if count == 0 or tensor.is_quantized:
        return device, counter, pointer, shape
    step = max(1, count // max(SAMPLED_AT_LEAST, int(count * share)))
    if step > 1 and len(shape) > 1 and shape[-1] % step == 0:
        step += 1  # not a divisor of the row length: the sample moves through the columns from row to row
    if device != "cpu" or tensor.dtype is torch.bfloat16:
        sample = tensor.detach().reshape(-1)[::step].float().cpu().numpy()
    else:
        sample = tensor.detach().numpy().reshape(-1)[::step]
    return device, counter, pointer, shape, hash(sample.tobytes())
