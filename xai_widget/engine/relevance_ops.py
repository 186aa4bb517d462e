"""Which of PyTorch's functions passes relevance in which way, by name: modules, functions and methods alike."""

from collections.abc import Mapping
from typing import Final

from xai_widget.engine.relevance_calls import Handler
from xai_widget.engine.relevance_linear import batch_norm, product, summed, weighted
from xai_widget.engine.relevance_signals import (
    add,
    divide,
    filled,
    log_softmax,
    mixed,
    moved,
    multiply,
    passed,
    written,
)

WEIGHTED: Final = frozenset([f"conv{n}d" for n in (1, 2, 3)] + [f"conv_transpose{n}d" for n in (1, 2, 3)] + ["linear"])
PRODUCTS: Final = frozenset({"matmul", "mm"})
SUMS: Final = frozenset(
    [f"{kind}avg_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)] + ["mean", "sum", "interpolate"]
)
GATES: Final = frozenset({"sigmoid", "hardsigmoid", "softmax"})
# fmt: off
ACTIVATIONS: Final = GATES | frozenset([
    "relu", "relu6", "hardtanh", "leaky_relu", "rrelu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "hardswish", "tanh", "softplus", "softsign", "hardshrink", "softshrink", "tanhshrink", "threshold", "clamp",
    "clamp_min", "clamp_max", "clip", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
    "feature_alpha_dropout", "feature_dropout", "neg", "negative",
])
# fmt: on
UNGATED: Final = ACTIVATIONS - GATES
WINNERS: Final = frozenset(
    [f"{kind}max_pool{n}d" + end for kind in ("", "adaptive_") for n in (1, 2, 3) for end in ("", "_with_indices")]
    + ["amax"]
)
# fmt: off
MOVED: Final = WINNERS | frozenset([
    "view", "reshape", "view_as", "reshape_as", "flatten", "unflatten", "permute", "transpose", "swapaxes",
    "swapdims", "movedim", "moveaxis", "squeeze", "unsqueeze", "split", "tensor_split", "chunk", "unbind", "narrow",
    "select", "index_select", "__getitem__", "gather", "take_along_dim", "roll", "flip", "contiguous", "clone",
    "alias", "to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu", "cuda", "expand", "expand_as",
    "broadcast_to", "repeat", "repeat_interleave", "tile", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle",
    "unfold", "T", "mT", "t", "adjoint", "requires_grad_", "atleast_1d", "atleast_2d", "atleast_3d",
])
# fmt: on
HANDLERS: Final[Mapping[str, Handler]] = {
    **dict.fromkeys(WEIGHTED, weighted),
    **dict.fromkeys(PRODUCTS, product),
    **dict.fromkeys(SUMS, summed),
    **dict.fromkeys(ACTIVATIONS, passed),
    **dict.fromkeys(MOVED, moved),
    **dict.fromkeys(("pad", "masked_fill", "constant_pad_nd"), filled),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack", "hstack", "vstack", "where", "maximum", "max"), mixed),
    **dict.fromkeys(("__setitem__", "copy_"), written),
    **dict.fromkeys(("add", "sub", "rsub", "__rsub__", "subtract"), add),
    **dict.fromkeys(("mul", "multiply"), multiply),
    **dict.fromkeys(("div", "divide", "true_divide"), divide),
    "batch_norm": batch_norm,
    "log_softmax": log_softmax,
}
