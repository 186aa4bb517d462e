"""Modified backward passes: what a rectifier lets through on the way back.

The forward is the model's own. A mode around it sees every call of a rectifier, as a module, a function or a method, in
place or not, and gives each call a backward of its own; the model's modules are not touched. A tensor that feeds other
operations too keeps their gradients as they are.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xai_widget.engine.calls import argument

GradientKind = Literal["plain", "guided", "deconv"]
GRADIENTS: Final[tuple[GradientKind, ...]] = ("plain", "guided", "deconv")
_IN_PLACE: Final = frozenset(
    {
        torch.relu_,
        torch.Tensor.relu_,
        torch.threshold_,
        functional.hardtanh_,
        torch.clamp_,
        torch.clip_,
        torch.clamp_min_,
        torch.Tensor.clamp_,
        torch.Tensor.clip_,
        torch.Tensor.clamp_min_,
    }
)
_RELU: Final[frozenset[Callable[..., Any]]] = frozenset(
    {torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, functional.relu}
)
_THRESHOLD: Final[frozenset[Callable[..., Any]]] = frozenset({functional.threshold, torch.threshold, torch.threshold_})
# The two parameters after the input that say what a call does, with their defaults.
_CLAMP: Final = (("min", None), ("max", None))
_HARDTANH: Final = (("min_val", -1.0), ("max_val", 1.0))
_BOUNDED: Final[dict[Callable[..., Any], tuple[tuple[str, float | None], tuple[str, float | None]]]] = {
    functional.hardtanh: _HARDTANH,
    functional.hardtanh_: _HARDTANH,
    **dict.fromkeys((torch.clamp, torch.clamp_, torch.clip, torch.clip_), _CLAMP),
    **dict.fromkeys((torch.Tensor.clamp, torch.Tensor.clamp_, torch.Tensor.clip, torch.Tensor.clip_), _CLAMP),
    **dict.fromkeys((torch.clamp_min, torch.clamp_min_, torch.Tensor.clamp_min, torch.Tensor.clamp_min_), _CLAMP),
    **dict.fromkeys(_THRESHOLD, (("threshold", None), ("value", None))),
}
_RECTIFIERS: Final = _RELU | {functional.relu6} | _BOUNDED.keys()
_INPLACE_POSITION: Final = {functional.relu: 1, functional.relu6: 1, functional.hardtanh: 3, functional.threshold: 3}


def backward_as(kind: GradientKind) -> AbstractContextManager[object]:
    """Return the context in which a forward builds a graph with this kind of backward."""
    return nullcontext() if kind == "plain" else RectifiedBackward(kind)


def gradients_as(
    kind: GradientKind,
    value: Tensor,
    points: Sequence[Tensor],
    *,
    retain_graph: bool = False,
    within: TorchFunctionMode | None = None,
) -> tuple[Tensor | None, ...]:
    """Return the gradient of the number `value` at `points`, None where it does not depend on one.

    Parts of a model that are checkpointed run once more on the way back, and have to find the mode there, and `within`,
    another mode of the forward. `torch.autograd.grad` steps out of a mode before it begins; the engine itself does not.
    """
    if kind == "plain" and within is None:
        return torch.autograd.grad(value, points, retain_graph=retain_graph, allow_unused=True)
    start = (torch.ones_like(value),)
    engine = torch.autograd.Variable._execution_engine
    with backward_as(kind), nullcontext() if within is None else within:
        found = engine.run_backward(
            (value,), start, retain_graph, False, tuple(points), allow_unreachable=True, accumulate_grad=False
        )
    return cast("tuple[Tensor | None, ...]", found)


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
        x = _input(args, kwargs)
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
        for opened in ctx.saved_tensors:  # where it was open, for "guided" alone
            positive = positive * opened
        return positive, None, None


def rectifier_ceiling(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> float | None:
    """Return the ceiling where a call of PyTorch rectifies: infinity for max(x, 0), 6 for ReLU6; None elsewhere.

    Whole numbers (positions, indices) are no activations: bounding them is not rectifying.

    Parameters
    ----------
    func : callable
        As a `TorchFunctionMode` sees it.
    args, kwargs
        Of the call.
    """
    if func not in _RECTIFIERS or not _input(args, kwargs).is_floating_point():
        return None
    if func in _RELU:
        return math.inf
    if func is functional.relu6:
        return 6.0
    first, second = _BOUNDED[func]
    low, high = argument(args, kwargs, 1, *first), argument(args, kwargs, 2, *second)
    if not isinstance(low, int | float) or low != 0 or not isinstance(high, int | float | None):
        return None
    if func in _THRESHOLD:  # threshold(x, 0, 0): the second number is what stands below the first
        return math.inf if high == 0 else None
    return math.inf if high is None else float(high)


def _input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    found: Tensor = args[0] if args else kwargs["input"]
    return found


def _in_place(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    position = _INPLACE_POSITION.get(func)
    by_position = position is not None and len(args) > position and args[position] is True
    return func in _IN_PLACE or by_position or kwargs.get("inplace") is True
