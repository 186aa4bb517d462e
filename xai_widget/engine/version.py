"""The version of a model: a value that changes when the model would answer differently.

``p.data`` edits and fused optimisers do not bump a tensor's ``_version``, so the version also carries a
strided checksum of the values: everything for small models, a bounded sample (in at most about 2 ms) for large ones.
"""

from collections.abc import Hashable, Iterator
from types import BuiltinFunctionType, FunctionType, NoneType
from typing import Final

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
    modules = model.named_modules(remove_duplicate=False)
    structure = tuple((name, id(module), _attributes(module)) for name, module in modules)
    tensors = list(_named_tensors(model))
    total = sum(tensor.numel() for _, tensor in tensors)
    share = min(1.0, SAMPLED_ELEMENTS / max(1, total))
    states = tuple((name, *_identity(tensor), _checksum(tensor, share)) for name, tensor in tensors)
    return structure, states


def _attributes(module: nn.Module) -> tuple[tuple[str, Hashable], ...]:
    """Return the plain attributes a forward may read: numbers, words, functions. The training flag is ours to set."""
    state = vars(module)
    return tuple((name, value) for name, value in state.items() if type(value) in PLAIN and name != "training")


def _named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters(remove_duplicate=True)
    yield from model.named_buffers(remove_duplicate=True)


def _identity(tensor: Tensor) -> tuple[int, int, torch.Size, str, int]:
    counter = -1 if tensor.is_inference() else tensor._version
    pointer = 0 if _has_no_data(tensor) else tensor.data_ptr()
    return id(tensor), pointer, tensor.shape, tensor.device.type, counter


def _has_no_data(tensor: Tensor) -> bool:
    return tensor.is_meta or is_lazy(tensor)


def _checksum(tensor: Tensor, share: float) -> int:
    if _has_no_data(tensor) or tensor.numel() == 0 or tensor.is_quantized or tensor.is_sparse:
        return 0
    flat = tensor.detach().reshape(-1)
    step = max(1, flat.numel() // max(SAMPLED_AT_LEAST, int(flat.numel() * share)))
    if step > 1 and tensor.ndim > 1 and tensor.shape[-1] % step == 0:
        step += 1  # not a divisor of the row length: the sample moves through the columns from row to row
    if tensor.device.type != "cpu" or tensor.dtype == torch.bfloat16:
        flat, step = flat[::step].float().cpu(), 1
    return hash(flat.numpy()[::step].tobytes())
