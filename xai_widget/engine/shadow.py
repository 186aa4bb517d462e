"""A shadow: a model of one's own that shares the user's weights.

Hooks, ``eval()`` and substitutions happen on the shadow, so that the user's model keeps its modes, flags, hooks and
gradients even while it is being trained in another cell. A shadow costs milliseconds: modules are copied, the
storage of the parameters is shared. Buffers are copied (they are small), because some modules write into theirs.
"""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def make_shadow(model: nn.Module, device: torch.device | None = None) -> nn.Module | None:
    """Return a frozen copy of `model` in eval mode that shares its parameters' storage.

    Parameters
    ----------
    model : torch.nn.Module
        Untouched.
    device : torch.device, optional
        Where the shadow should live; elsewhere than the model it holds real copies.

    Returns
    -------
    torch.nn.Module or None
        None where the model can be copied neither by `copy.deepcopy` nor module by module: run it through
        `borrowed` then.
    """
    with torch.inference_mode(False), torch.no_grad():
        shadow = _deep(model) or _replica(model)
        if shadow is None:
            return None
        shadow.eval()
        for module in shadow.modules():
            # Forward hooks may be part of how a model computes (weight_norm); backward hooks only watch a training.
            module._backward_hooks.clear()
            module._backward_pre_hooks.clear()
        for parameter in shadow.parameters():  # one by one: scripted modules have no requires_grad_ of their own
            parameter.requires_grad_(False)
        return shadow if device is None else shadow.to(device)


@contextmanager
def borrowed(model: nn.Module, lock: threading.RLock) -> Iterator[nn.Module]:
    """Lend the user's own model in eval mode, under `lock`, and put every training flag back."""
    with lock:
        modes = [(module, module.training) for module in model.modules()]
        try:
            for module, _ in modes:
                module.training = False
            yield model
        finally:
            for module, training in modes:
                module.training = training


def _deep(model: nn.Module) -> nn.Module | None:
    try:
        shadow: nn.Module = copy.deepcopy(model, _shared_tensors(model))
    except Exception:  # noqa: BLE001 - a user's __deepcopy__ or an uncopyable attribute may raise anything
        return None
    return shadow if _is_separate(model, shadow) else None


def _is_separate(model: nn.Module, shadow: nn.Module) -> bool:
    """Whether no module is shared: a `__deepcopy__` that returns `self` is no copy."""
    own = {id(module) for module in model.modules()}
    return not any(id(module) in own for module in shadow.modules())


def _shared_tensors(model: nn.Module) -> dict[int, Any]:
    """Return a deepcopy memo that maps every tensor of the model to the shadow's own view of it."""
    memo: dict[int, Any] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            if parameter is not None and id(parameter) not in memo:
                memo[id(parameter)] = _frozen(parameter)
        for buffer in module._buffers.values():
            if buffer is not None and id(buffer) not in memo:
                memo[id(buffer)] = buffer.detach().clone()
        for value in vars(module).values():
            # Tensors kept as plain attributes (a legacy weight_norm's `weight`) cannot be deep-copied with a graph.
            if isinstance(value, Tensor) and id(value) not in memo:
                memo[id(value)] = value.detach().clone()
    return memo


def _frozen(parameter: nn.Parameter) -> nn.Parameter:
    # `.data` shares the storage but not the version counter: an optimiser step in another thread does not make
    # our backward fail, and we leave no mark. Inference tensors cannot be saved for a backward: those are copied.
    data = parameter.detach().clone() if parameter.is_inference() else parameter.data
    return nn.Parameter(data, requires_grad=False)


def _replica(model: nn.Module) -> nn.Module | None:
    """Rebuild the module tree shallowly: for models whose attributes (locks, files) refuse `copy.deepcopy`."""
    memo = _shared_tensors(model)
    copies: dict[int, nn.Module] = {}
    try:
        for module in model.modules():
            twin = module.__new__(type(module))
            twin.__dict__ = dict(vars(module))
            copies[id(module)] = twin
        for module in model.modules():
            _rewire(copies[id(module)], copies, memo)
    except Exception:  # noqa: BLE001 - exotic modules (scripted, with slots) may refuse in any way
        return None
    return copies[id(model)]


def _rewire(twin: nn.Module, copies: dict[int, nn.Module], memo: dict[int, Any]) -> None:
    state = twin.__dict__
    for name, value in state.items():
        if name in {"_parameters", "_buffers"}:
            state[name] = {key: memo.get(id(tensor), tensor) for key, tensor in value.items()}
        elif name == "_modules":
            state[name] = {key: copies.get(id(child), child) for key, child in value.items()}
        elif name.startswith("_") and isinstance(value, dict):
            state[name] = copy.copy(value)  # hook tables: ours must not enter the user's
        else:
            state[name] = _translate(value, copies, memo)


def _translate(value: Any, copies: dict[int, nn.Module], memo: dict[int, Any]) -> Any:
    """Return `value` with references to the original's modules and tensors replaced by the replica's."""
    if isinstance(value, nn.Module):
        return copies.get(id(value), value)
    if isinstance(value, Tensor):
        return memo.get(id(value), value)
    if type(value) in {list, tuple}:
        return type(value)(_translate(item, copies, memo) for item in value)
    if type(value) is dict:
        return {key: _translate(item, copies, memo) for key, item in value.items()}
    owner = getattr(value, "__self__", None)
    if isinstance(owner, nn.Module) and id(owner) in copies:
        return value.__func__.__get__(copies[id(owner)])
    return value
