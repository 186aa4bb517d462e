"""Convolutions whose way back PyTorch takes slowly: the first one, and with one thread those of single taps.

Backward through a strided convolution of three channels, processors are several times slower than its arithmetic asks.
Between two strides every place of the input has the same few taps, so that the gradient there is an ordinary
convolution of the gradient above, with one output channel for every place of a stride.

With one thread and a few inputs PyTorch computes convolutions of single taps without oneDNN. Where channels lie side by
side they are products of matrices, there and back, and oneDNN takes half the time. (With more threads that wins on some
networks and loses on others.)
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xai_widget.engine.calls import argument
from xai_widget.engine.onednn import is_channels_last, mixed, serves

_CONVOLUTIONS: Final[dict[Callable[..., Any], int]] = {
    functional.conv1d: 1,
    functional.conv2d: 2,
    functional.conv3d: 3,
}
_BY_DIMS: Final = {dims: convolve for convolve, dims in _CONVOLUTIONS.items()}
# Pictures and volumes, and a channel or two more. With more of them the usual way back is as fast.
FEW: Final = 4


class StemBackward(TorchFunctionMode):
    """Gives some convolutions with constant weights a faster backward to their input; their numbers stay the same.

    A context for the forward; and for the backward, where parts of a model that are checkpointed run once more.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one call of PyTorch."""
        del types
        kwargs = kwargs or {}
        given = _read(func, args, kwargs) if func in _CONVOLUTIONS else None
        if given is None:
            return func(*args, **kwargs)
        if given.is_stem(args[0]):
            return _Stem.apply(func, args[0], given.weight, given.bias, given.stride, given.padding)
        if given.is_tap(args[0]):
            return _Tap.apply(args[0], given.weight, given.bias)
        return func(*args, **kwargs)


class _Convolution(NamedTuple):
    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def is_stem(self, x: Tensor) -> bool:
        """Whether it is a strided convolution of few channels, which are not in groups."""
        few = x.shape[1] <= FEW and self.weight.shape[1] == x.shape[1]
        return few and max(self.stride) > 1 and max(self.dilation) == 1

    def is_tap(self, x: Tensor) -> bool:
        """Whether it mixes channels at every place alone, they lie side by side, and there is one thread."""
        alone = max(*self.weight.shape[2:], *self.stride) == 1 and not any(self.padding)
        whole = self.weight.shape[1] == x.shape[1] and x.dtype == self.weight.dtype
        return torch.get_num_threads() == 1 and alone and whole and serves(x) and is_channels_last(x)


def _read(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Convolution | None:
    """Return what a convolution does whose input alone is differentiated, on a processor and in full precision."""
    if not args or torch.is_autocast_enabled("cpu"):
        return None
    dims, x = _CONVOLUTIONS[func], args[0]
    weight, bias = argument(args, kwargs, 1, "weight", None), argument(args, kwargs, 2, "bias", None)
    if not (x.requires_grad and x.device.type == "cpu" and x.ndim == dims + 2):
        return None
    if weight.requires_grad or (bias is not None and bias.requires_grad):
        return None
    padding = argument(args, kwargs, 4, "padding", 0)
    if isinstance(padding, str):
        return None
    stride, dilation = (
        _each(argument(args, kwargs, at, name, 1), dims) for at, name in ((3, "stride"), (5, "dilation"))
    )
    return _Convolution(weight, bias, stride, _each(padding, dims), dilation)


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


class _Tap(torch.autograd.Function):
    """A convolution of single taps whose weights are constants."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.weight = weight.flatten(1)
        found = mixed(x, ctx.weight, bias)
        # Not a view, which a ReLU behind it may not change in place.
        return found.new_empty(0).set_(found.untyped_storage(), 0, found.shape, found.stride())

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return mixed(gradients[0], ctx.weight.T, None), None, None


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
