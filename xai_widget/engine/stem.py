"""The first convolution on the way back: the gradient at an input of few channels, as one forward convolution.

Backward through a strided convolution of three channels, processors are several times slower than its arithmetic asks.
Between two strides every place of the input has the same few taps, so that the gradient there is an ordinary
convolution of the gradient above, with one output channel for every place of a stride.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xai_widget.engine.calls import argument

_CONVOLUTIONS: Final[dict[Callable[..., Any], int]] = {
    functional.conv1d: 1,
    functional.conv2d: 2,
    functional.conv3d: 3,
}
_BY_DIMS: Final = {dims: convolve for convolve, dims in _CONVOLUTIONS.items()}
# Pictures and volumes, and a channel or two more. With more of them the usual way back is as fast.
FEW: Final = 4


class StemBackward(TorchFunctionMode):
    """Gives strided convolutions of few channels a faster backward to their input; their numbers stay the same.

    A context for the forward; and for the backward, where parts of a model that are checkpointed run once more.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one call of PyTorch."""
        del types
        kwargs = kwargs or {}
        stem = _stem(func, args, kwargs) if func in _CONVOLUTIONS else None
        if stem is None:
            return func(*args, **kwargs)
        return _Stem.apply(func, args[0], *stem)


class _Strided(NamedTuple):
    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]


def _stem(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Strided | None:
    """Return what a convolution does, where its backward is to be replaced."""
    if not args or torch.is_autocast_enabled("cpu"):
        return None
    dims, x = _CONVOLUTIONS[func], args[0]
    weight, bias = argument(args, kwargs, 1, "weight", None), argument(args, kwargs, 2, "bias", None)
    if not (x.requires_grad and x.device.type == "cpu" and x.ndim == dims + 2 and x.shape[1] <= FEW):
        return None
    if weight.requires_grad or (bias is not None and bias.requires_grad) or weight.shape[1] != x.shape[1]:
        return None
    padding = argument(args, kwargs, 4, "padding", 0)
    stride, dilation = (
        _each(argument(args, kwargs, at, name, 1), dims) for at, name in ((3, "stride"), (5, "dilation"))
    )
    if isinstance(padding, str) or max(stride) == 1 or max(dilation) > 1:
        return None
    return _Strided(weight, bias, stride, _each(padding, dims))


def _each(value: int | Sequence[int], dims: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values if len(values) == dims else values * dims


class _Stem(torch.autograd.Function):
    """A convolution whose weights are constants."""

    @staticmethod
    def forward(
        ctx: Any,
        convolve: Callable[..., Tensor],
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, ...],
        padding: tuple[int, ...],
    ) -> Tensor:
        ctx.weight, ctx.size, ctx.stride, ctx.padding = weight, x.shape[2:], stride, padding
        return convolve(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        found = strided_gradient(gradients[0], ctx.weight, ctx.size, ctx.stride, ctx.padding)
        return None, found, None, None, None, None


def strided_gradient(
    gradient: Tensor, weight: Tensor, size: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """Return the gradient at the input of a strided convolution, `[N, C, *size]`.

    Parameters
    ----------
    gradient : Tensor
        At its output, `[N, K, *O]`.
    weight : Tensor
        `[K, C, *kernel]`.
    size, stride, padding : sequence of int
        Of the input, and of the convolution, one number an axis.
    """
    dims = len(stride)
    axes = range(dims)
    taps = [-(-kernel // step) for kernel, step in zip(weight.shape[2:], stride, strict=True)]
    # Place step·q + a of the padded input is reached from output q - j by the tap a + step·j.
    room = [
        side
        for tap, step, kernel in zip(taps, stride, weight.shape[2:], strict=True)
        for side in (tap * step - kernel, 0)
    ]
    apart = functional.pad(weight, room[::-1]).reshape(
        *weight.shape[:2], *(n for pair in zip(taps, stride, strict=True) for n in pair)
    )
    turned = apart.flip([2 + 2 * axis for axis in axes])
    turned = turned.permute(1, *(3 + 2 * axis for axis in axes), 0, *(2 + 2 * axis for axis in axes))
    kernel = turned.reshape(weight.shape[1] * math.prod(stride), len(weight), *taps)
    phases = cast("Tensor", _BY_DIMS[dims](gradient, kernel, None, 1, [tap - 1 for tap in taps]))
    steps = phases.shape[2:]
    phases = phases.reshape(len(gradient), weight.shape[1], *stride, *steps)
    together = phases.permute(0, 1, *(at for axis in axes for at in (2 + dims + axis, 2 + axis)))
    whole = together.reshape(len(gradient), weight.shape[1], *(n * step for n, step in zip(steps, stride, strict=True)))
    ends = [(-before, before + n - have) for before, n, have in zip(padding, size, whole.shape[2:], strict=True)]
    return functional.pad(whole, [end for pair in ends[::-1] for end in pair])
