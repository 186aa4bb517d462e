"""Which operation a call is: from modules, functions and methods, as torch.fx shows them, to `operations`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from torch import Tensor, nn
from torch.fx.node import Node
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from xai_widget.engine.incremental.operations import Concatenates, Joins, Operation, Pointwise, Slides
from xai_widget.engine.incremental.regions import Ints, Sliding, based
from xai_widget.engine.incremental.tracing import CONVOLUTIONS as OWN
from xai_widget.engine.incremental.tracing import Traced, call, called
from xai_widget.engine.winograd import WinogradConv2d

POINTWISE: Final = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh,
    nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Softplus, nn.Softsign, nn.LogSigmoid, nn.Threshold, nn.PReLU,
    nn.Dropout, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Identity,
)  # fmt: skip
NAMES: Final = frozenset({
    "relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "elu", "elu_", "celu", "selu", "gelu", "silu", "mish",
    "sigmoid", "sigmoid_", "tanh", "tanh_", "hardtanh", "hardtanh_", "hardswish", "hardsigmoid", "softplus", "clamp",
    "clamp_", "clip", "abs", "exp", "log", "sqrt", "square", "neg", "pow", "float", "contiguous", "dropout", "dropout2d",
    "dropout3d",
})  # fmt: skip
# Arithmetic of two activations, of an activation and a number, or of an activation and one number a channel.
ARITHMETIC: Final = frozenset({
    "add", "sub", "mul", "truediv", "div", "true_divide", "multiply", "subtract", "maximum", "minimum",
    "iadd", "isub", "imul", "itruediv", "add_", "sub_", "mul_", "div_",
})  # fmt: skip
CONVOLVE: Final = frozenset({nn.Conv2d.forward, nn.Conv3d.forward, WinogradConv2d.forward})
CONVOLUTIONS: Final = {"conv2d": functional.conv2d, "conv3d": functional.conv3d}
MAXIMA: Final = {"max_pool2d": functional.max_pool2d, "max_pool3d": functional.max_pool3d}
MEANS: Final = {"avg_pool2d": functional.avg_pool2d, "avg_pool3d": functional.avg_pool3d}
CONCATENATIONS: Final = frozenset({"cat", "concat", "concatenate"})
# What slides over a map, and the names of its arguments.
GEOMETRIC: Final = {
    **dict.fromkeys(CONVOLUTIONS, ("input", "weight", "bias", "stride", "padding", "dilation", "groups")),
    **dict.fromkeys(MAXIMA, ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")),
    **dict.fromkeys(
        MEANS,
        ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    ),
}
Values = Mapping[Node, Any]


def operation_of(traced: Traced, node: Node, values: Values, hanging: set[Node]) -> Operation | None:
    """Return how a region passes a node, or None where it does not.

    Parameters
    ----------
    values : mapping
        What every node gave for the clean inputs.
    hanging : set of Node
        Those that depend on the input; the others are constants.
    """
    module = traced.module(node)
    if module is not None:
        (source, *others), hooks = node.all_input_nodes, module._forward_hooks
        is_plain = node.args == (source,) and not others and not hooks and _is_map(values[source])
        return _of_module(module, source, values[source], values[node]) if is_plain else None
    name = called(node)
    if name in CONCATENATIONS:
        return _concatenation(node, values, hanging)
    if name in ARITHMETIC:
        return _arithmetic(traced, node, values, hanging)
    maps = [other for other in node.all_input_nodes if other in hanging]
    source = maps[0]
    if node.args[:1] != (source,) or len(maps) > 1:
        return None
    if isinstance(values[source], tuple | list):  # parts of an activation
        is_part = name == "getitem" and isinstance(node.args[1], int)
        return Pointwise(_as_called(traced, node)) if is_part else None
    return _of_function(traced, node, name, values) if _is_map(values[source]) else None


def _is_map(value: object) -> bool:
    return isinstance(value, Tensor) and value.ndim >= 3 and value.is_floating_point()


def _given(node: Node, place: int, name: str) -> Any:
    return node.args[place] if len(node.args) > place else node.kwargs.get(name)


def _of_module(module: nn.Module, source: Node, given: Tensor, result: Any) -> Operation | None:
    kind = type(module)
    is_settled = isinstance(module, _BatchNorm) and module.running_mean is not None and not module.training
    if is_settled or isinstance(module, POINTWISE):
        return Pointwise(module)
    if isinstance(module, nn.Conv2d | nn.Conv3d) and kind.forward in CONVOLVE:
        if module.padding_mode != "zeros":
            return None
        return _convolution(
            source, given, result, module.weight, module.bias, module.stride, module.padding, module.dilation,
            module.groups, module.convolved if isinstance(module, OWN) else None,
        )  # fmt: skip
    if isinstance(module, nn.MaxPool2d | nn.MaxPool3d) and not module.return_indices:
        return _maximum(source, given, result, module.kernel_size, module.stride, module.padding, module.dilation)
    if isinstance(module, nn.AvgPool2d | nn.AvgPool3d):
        return _mean(
            source, given, result, module.kernel_size, module.stride, module.padding, module.ceil_mode,
            module.count_include_pad, module.divisor_override,
        )  # fmt: skip
    return None


def _of_function(traced: Traced, node: Node, name: str, values: Values) -> Operation | None:
    if name in GEOMETRIC:
        return _sliding(node, name, values)
    run = Pointwise(_as_called(traced, node))
    if name == "batch_norm":
        return None if _given(node, 5, "training") else run
    if name in NAMES:
        source, result = node.all_input_nodes[0], values[node]
        alone = len(node.all_input_nodes) == 1 and isinstance(result, Tensor) and result.shape == values[source].shape
        return run if alone else None
    return run if _is_of_channels(node, name) else None


def _sliding(node: Node, name: str, values: Values) -> Operation | None:
    bound: dict[str, Any] = dict(zip(GEOMETRIC[name], node.args, strict=False)) | dict(node.kwargs)
    source = bound["input"]
    bound = {key: values[value] if isinstance(value, Node) else value for key, value in bound.items()}
    given, result = bound.pop("input"), values[node]
    if name in CONVOLUTIONS:
        plain = {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        return _convolution(source, given, result, **(plain | bound))
    if name in MEANS:
        plain = {"stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True, "divisor_override": None}
        return _mean(source, given, result, **(plain | bound))
    if bound.get("return_indices"):
        return None
    plain = {"stride": None, "padding": 0, "dilation": 1}
    taken = {key: value for key, value in bound.items() if key not in {"ceil_mode", "return_indices"}}
    return _maximum(source, given, result, **(plain | taken))


def _each(value: Any, dims: int) -> Ints:
    """Return one number an axis."""
    numbers = np.atleast_1d(np.asarray(value, np.int64))
    return np.broadcast_to(numbers, (dims,)).copy()


def _geometry(given: Tensor, result: Tensor, kernel: Ints, stride: Ints, before: Ints, dilation: Ints) -> Sliding:
    size, out = np.array(given.shape[2:]), np.array(result.shape[2:])
    reach = (kernel - 1) * dilation + 1
    after = np.maximum(0, (out - 1) * stride + reach - size - before)
    return Sliding(reach, stride, before, after, size, out)


def _convolution(
    source: Node, given: Tensor, result: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
    dilation: Any, groups: int, unpadded: Callable[[Tensor], Tensor] | None = None,
) -> Operation | None:  # fmt: skip
    dims = given.ndim - 2
    kernel, steps, holes = np.array(weight.shape[2:]), _each(stride, dims), _each(dilation, dims)
    before = holes * (kernel - 1) // 2 if padding == "same" else _each(0 if padding == "valid" else padding, dims)
    geometry = _geometry(given, result, kernel, steps, before, holes)
    function = CONVOLUTIONS[f"conv{dims}d"]

    def run(windows: Tensor) -> Tensor:
        return function(windows, weight, bias, steps.tolist(), 0, holes.tolist(), groups)

    return Pointwise(unpadded or run) if geometry.is_pointwise else Slides(source, geometry, unpadded or run)


def _maximum(
    source: Node, given: Tensor, result: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> Operation:
    dims = given.ndim - 2
    kernel, holes = _each(kernel_size, dims), _each(dilation, dims)
    steps = kernel if stride is None or stride == [] else _each(stride, dims)
    geometry = _geometry(given, result, kernel, steps, _each(padding, dims), holes)
    function = MAXIMA[f"max_pool{dims}d"]

    def run(windows: Tensor) -> Tensor:
        return function(windows, kernel.tolist(), steps.tolist(), 0, holes.tolist())

    return Slides(source, geometry, run, fill=float("-inf"))


def _mean(
    source: Node, given: Tensor, result: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Operation:  # fmt: skip
    dims = given.ndim - 2
    kernel = _each(kernel_size, dims)
    steps = kernel if stride is None or stride == [] else _each(stride, dims)
    geometry = _geometry(given, result, kernel, steps, _each(padding, dims), np.ones(dims, np.int64))
    function = MEANS[f"avg_pool{dims}d"]

    def run(windows: Tensor, divisor: int | None = divisor_override) -> Tensor:
        return function(windows, kernel.tolist(), steps.tolist(), 0, False, True, divisor)

    if not (geometry.before | geometry.after).any() or divisor_override is not None:
        return Slides(source, geometry, run)
    # Near the border the sum may be divided by fewer places: what ones become tells by how many.
    ones = given.new_ones((1, 1, *given.shape[2:]))
    mean = function(
        ones, kernel.tolist(), steps.tolist(), _each(padding, dims).tolist(), ceil_mode, count_include_pad, None
    )
    none = np.zeros(dims, np.int64)
    total = run(based(ones, geometry.before, geometry.after, 0.0).values, divisor=1)
    return Slides(source, geometry, partial(run, divisor=1), weights=based(mean / total, none, none, 0.0))


def _arithmetic(traced: Traced, node: Node, values: Values, hanging: set[Node]) -> Operation | None:
    """Return what joins two activations, or changes one by numbers that are the same at all places."""
    result, whole = values[node], values[traced.nodes[0]].ndim
    if not _is_map(result) or len(node.args) != 2 or any(isinstance(value, Node) for value in node.kwargs.values()):
        return None
    nodes = [value for value in node.args if isinstance(value, Node)]
    maps = [other for other in nodes if other in hanging]
    if any(not isinstance(values[other], Tensor) or values[other].shape != result.shape for other in maps):
        return None
    run = _as_called(traced, node)
    if len(maps) == 2:
        return Joins((maps[0], maps[1]), run, np.array(result.shape[2:])) if result.ndim == whole else None
    others = [values[other] for other in nodes if other not in hanging]
    is_even = all(side == 1 for other in others if isinstance(other, Tensor) for side in other.shape[2 - whole :])
    return Pointwise(run) if is_even else None


def _as_called(traced: Traced, node: Node) -> Callable[..., Any]:
    """Return a node's function, to be called with its arguments."""

    def run(*args: Any, **kwargs: Any) -> Any:
        return call(traced, node, args, kwargs)

    return run


def _concatenation(node: Node, values: Values, hanging: set[Node]) -> Operation | None:
    parts = node.args[0] if node.args else node.kwargs.get("tensors")
    result = values[node]
    if _given(node, 1, "dim") not in {1, 1 - result.ndim} or not isinstance(parts, list | tuple):
        return None
    sources = [part for part in parts if isinstance(part, Node) and part in hanging]
    if len(sources) != len(parts) or not _is_map(result):
        return None
    return Concatenates(node, tuple(sources), np.array(result.shape[2:]))


def _is_of_channels(node: Node, name: str) -> bool:
    """Whether a call picks or splits channels, or makes room for them."""
    if name == "getitem":
        index = node.args[1]
        if (
            not isinstance(index, tuple)
            or len(index) < 2
            or any(part != slice(None) for part in (index[0], *index[2:]))
        ):
            return False
        picked = index[1]
        parts = (picked.start, picked.stop, picked.step) if isinstance(picked, slice) else (picked,)
        return all(part is None or isinstance(part, int) for part in parts)
    if name == "unsqueeze":
        return bool(_given(node, 1, "dim") == 1)
    is_split = name in {"chunk", "split"} and _given(node, 2, "dim") == 1
    return is_split and all(called(user) == "getitem" for user in node.users)
