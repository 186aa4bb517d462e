"""Modified backward passes: what a rectifier lets through on the way back.

The forward is the model's own. A mode around it sees every call of a rectifier, as a module, a function or a method, in
place or not, and gives each call a backward of its own; the model's modules are not touched. A tensor that feeds other
operations too keeps their gradients as they are.
"""

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

GradientKind = Literal["plain", "guided", "deconv"]
GRADIENTS: Final[tuple[GradientKind, ...]] = ("plain", "guided", "deconv")
_IN_PLACE: Final = frozenset(
    {
        torch.relu_,
        torch.Tensor.relu_,
        functional.hardtanh_,
        torch.clamp_,
        torch.clip_,
        torch.clamp_min_,
        torch.Tensor.clamp_,
        torch.Tensor.clip_,
        torch.Tensor.clamp_min_,
    }
)
_RELU: Final = frozenset({torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, functional.relu})
# The two parameters after the input that say what a call does, with their defaults.
_CLAMP: Final = (("min", None), ("max", None))
_HARDTANH: Final = (("min_val", -1.0), ("max_val", 1.0))
_BOUNDED: Final[dict[Callable[..., Any], tuple[tuple[str, float | None], tuple[str, float | None]]]] = {
    functional.hardtanh: _HARDTANH,
    functional.hardtanh_: _HARDTANH,
    **dict.fromkeys((torch.clamp, torch.clamp_, torch.clip, torch.clip_), _CLAMP),
    **dict.fromkeys((torch.Tensor.clamp, torch.Tensor.clamp_, torch.Tensor.clip, torch.Tensor.clip_), _CLAMP),
    **dict.fromkeys((torch.clamp_min, torch.clamp_min_, torch.Tensor.clamp_min, torch.Tensor.clamp_min_), _CLAMP),
}
_INPLACE_POSITION: Final = {functional.relu: 1, functional.relu6: 1, functional.hardtanh: 3, functional.threshold: 3}


def backward_as(kind: GradientKind) -> AbstractContextManager[object]:
    """Return the context in which a forward builds a graph with this kind of backward."""
    return nullcontext() if kind == "plain" else RectifiedBackward(kind)


class RectifiedBackward(TorchFunctionMode):
    """Gives every rectifier of the forwards inside a modified backward.

    Parameters
    ----------
    kind : {"guided", "deconv"}
        "guided": the gradient passes where the rectifier was open *and* the gradient is positive
        (Springenberg et al. 2014); "deconv": where the gradient is positive (Zeiler and Fergus 2014).
    """

    def __init__(self, kind: GradientKind) -> None:
        super().__init__()
        self._guided = kind == "guided"

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one call of PyTorch; a rectifier gets its modified backward."""
        del types
        kwargs = kwargs or {}
        ceiling = rectifier_ceiling(func, args, kwargs)
        if ceiling is None:
            return func(*args, **kwargs)
        x: Tensor = args[0] if args else kwargs["input"]
        out = cast("Tensor", _Rectify.apply(x, ceiling, self._guided))
        if _in_place(func, args, kwargs):
            return x.copy_(out)
        if isinstance(destination := kwargs.get("out"), Tensor):
            return destination.copy_(out)
        return out


class _Rectify(torch.autograd.Function):
    """min(max(x, 0), ceiling) with a modified backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ceiling: float, guided: bool) -> Tensor:
        if guided:
            ctx.save_for_backward((x > 0) & (x < ceiling))
        return x.clamp(0, ceiling)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        positive = gradients[0].clamp(min=0)
        if ctx.saved_tensors:
            positive = positive * ctx.saved_tensors[0]
        return positive, None, None


def rectifier_ceiling(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> float | None:
    """Return the ceiling where a call of PyTorch rectifies: infinity for max(x, 0), 6 for ReLU6; None elsewhere.

    Parameters
    ----------
    func : callable
        As a `TorchFunctionMode` sees it.
    args, kwargs
        Of the call.
    """
    if func in _RELU:
        return math.inf
    if func is functional.relu6:
        return 6.0
    if func is functional.threshold:
        is_relu = _given(args, kwargs, 1, "threshold") == 0 and _given(args, kwargs, 2, "value") == 0
        return math.inf if is_relu else None
    if func not in _BOUNDED:
        return None
    low, high = (_given(args, kwargs, i, name, default) for i, (name, default) in enumerate(_BOUNDED[func], start=1))
    if not isinstance(low, int | float) or low != 0 or not isinstance(high, int | float | None):
        return None
    return math.inf if high is None else float(high)


def _given(args: tuple[Any, ...], kwargs: dict[str, Any], index: int, name: str, default: Any = None) -> Any:
    return args[index] if len(args) > index else kwargs.get(name, default)


def _in_place(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    position = _INPLACE_POSITION.get(func)
    by_position = position is not None and len(args) > position and args[position] is True
    return func in _IN_PLACE or by_position or kwargs.get("inplace") is True
