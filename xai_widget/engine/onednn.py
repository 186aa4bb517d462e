"""Layers that hand their numbers to oneDNN as it wants them: for forwards without gradients on a processor, in float32.

A convolution rearranges its weights at every call, which is a third of a forward of one input: a packed one keeps them
rearranged. With one thread, or one small input, PyTorch takes another way than oneDNN's, up to six times as long where
channels lie side by side. A linear layer goes to a library that does not know every processor: oneDNN does, and takes
half the time on some; so do the projections of `nn.MultiheadAttention`. Results are the same up to rounding.
"""

from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Convolution(nn.modules.conv._ConvNd):
    @property
    def _numbers(self) -> Tensor:
        return self.weight

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002 - torch's name
        del bias
        batch = input if input.ndim == weight.ndim else input[None]
        found = self.convolved(batch, cast("tuple[int, ...]", self.padding))
        return found if batch is input else found[0]

    def convolved(self, x: Tensor, padding: tuple[int, ...] = ()) -> Tensor:
        """Return the convolution of `[N, C, *S]` with another padding than its own: none, if none is given."""
        pads, stride, dilation, groups = geometry(self)
        return convolved(x, self._numbers, self.bias, list(padding) or [0] * len(pads), stride, dilation, groups)


class Conv2d(_Convolution, nn.Conv2d):
    """A convolution by oneDNN, however many threads and inputs there are."""


class Conv3d(_Convolution, nn.Conv3d):
    """The same for volumes."""


class _Packed(_Convolution):
    packed: Tensor

    @property
    def _numbers(self) -> Tensor:
        return self.packed


class PackedConv2d(_Packed, nn.Conv2d):
    """A convolution whose weights are laid out once."""


class PackedConv3d(_Packed, nn.Conv3d):
    """The same for volumes."""


class Linear(nn.Linear):
    """A linear layer that oneDNN computes."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the product with the weights, `[..., K]`."""
        return product(input, self.weight, self.bias)


class MultiheadAttention(nn.MultiheadAttention):
    """Self-attention whose projections oneDNN computes."""

    def forward(  # noqa: D102 - its own
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        alone = not need_weights and key_padding_mask is None and attn_mask is None and not is_causal
        if not (alone and query is key and key is value and query.ndim == 3):
            return super().forward(
                query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
            )
        x = query if self.batch_first else query.transpose(0, 1)
        together = product(x, self.in_proj_weight, self.in_proj_bias).reshape(*x.shape[:2], 3, self.num_heads, -1)
        q, k, v = together.permute(2, 0, 3, 1, 4)  # [N, heads, L, d]
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out = product(mixed, self.out_proj.weight, self.out_proj.bias)
        return out if self.batch_first else out.transpose(0, 1), None


# PyTorch's own, for its compiler: without oneDNN, or in a version to come, they are not there.
OPERATIONS: Final = ("_reorder_convolution_weight", "_convolution_pointwise", "_linear_pointwise")
PACKED: Final[dict[type, type]] = {nn.Conv2d: PackedConv2d, nn.Conv3d: PackedConv3d}
# With the same weights.
SHARING: Final[dict[type, type]] = {
    nn.Conv2d: Conv2d,
    nn.Conv3d: Conv3d,
    nn.Linear: Linear,
    nn.MultiheadAttention: MultiheadAttention,
}


def serves(inputs: Tensor) -> bool:
    """Whether there is anything to gain for these inputs, and oneDNN is there."""
    if inputs.dtype != torch.float32 or inputs.device.type != "cpu":
        return False
    return all(hasattr(torch.ops.mkldnn, name) for name in OPERATIONS)


def is_plain(layer: nn.Module) -> bool:
    """Whether this is one of PyTorch's layers and nothing else: no hook sets its weights, nobody computes them."""
    if type(layer) is nn.MultiheadAttention:
        return _attends_to_tokens(layer)
    weight = layer._parameters.get("weight")
    if not isinstance(weight, nn.Parameter) or weight.dtype != torch.float32 or layer._forward_pre_hooks:
        return False
    if type(layer) is nn.Linear:
        return True
    return type(layer) in PACKED and not isinstance(layer.padding, str) and layer.padding_mode == "zeros"


def _attends_to_tokens(layer: nn.MultiheadAttention) -> bool:
    """Whether its keys and values are the tokens, as wide as these, and its weights are plain."""
    if layer.bias_k is not None or layer.bias_v is not None or layer.add_zero_attn or layer._forward_pre_hooks:
        return False
    weights = layer._parameters.get("in_proj_weight"), layer.out_proj._parameters.get("weight")
    plain = all(isinstance(weight, nn.Parameter) and weight.dtype == torch.float32 for weight in weights)
    return plain and type(layer.out_proj) is nn.modules.linear.NonDynamicallyQuantizableLinear


def pack(layer: Any, shape: list[int]) -> int:
    """Make a convolution a packed one, for inputs of this shape `[N, C, *S]`; returns the bytes of its weights."""
    weight: Tensor = layer.weight
    layer.packed = packed_weight(weight, *geometry(layer), shape)
    without_numbers(layer)
    layer.__class__ = PACKED[type(layer)]
    return int(weight.nbytes)


def packed_weight(
    weight: Tensor, padding: list[int], stride: list[int], dilation: list[int], groups: int, shape: list[int]
) -> Tensor:
    """Return weights as a convolution of inputs of this shape wants them; others are taken as well, a little slower."""
    with torch.inference_mode(False), torch.no_grad():
        found: Tensor = torch.ops.mkldnn._reorder_convolution_weight(weight, padding, stride, dilation, groups, shape)
        return found


def convolved(
    x: Tensor,
    packed: Tensor,
    bias: Tensor | None,
    padding: list[int],
    stride: list[int],
    dilation: list[int],
    groups: int,
) -> Tensor:
    """Return the convolution of `[N, C, *S]` with packed weights."""
    found: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, packed, bias, padding, stride, dilation, groups, "none", [], ""
    )
    return found


def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the product of `[..., C]` with weights `[K, C]`, which may lie transposed: `[..., K]`."""
    found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return found


def mixed(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the convolution of `[N, C, *S]` with single taps `[K, C]`, the channels of both side by side."""
    return product(x.movedim(1, -1), weight, bias).movedim(-1, 1)


def is_channels_last(x: Tensor) -> bool:
    """Whether the channels of `[N, C, *S]` lie side by side."""
    return x.movedim(1, -1).is_contiguous()


def without_numbers(layer: Any) -> None:
    """Take the numbers of a layer's weights: a network may ask for their type and place, nobody reads them any more."""
    with torch.inference_mode(False), torch.no_grad():
        weight = layer.weight
        layer.weight = nn.Parameter(weight.new_empty(()).expand(weight.shape), requires_grad=False)


def geometry(layer: Any) -> tuple[list[int], list[int], list[int], int]:
    """Return padding, stride, dilation and groups of a convolution."""
    return list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups
