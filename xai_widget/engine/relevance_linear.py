"""Linear operations under relevance: convolutions, linear layers, products with a constant, means, batch norms."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import grad

from xai_widget.engine.relevance_calls import Call, Refused, only
from xai_widget.engine.relevance_steps import LinearOp, step, wide
from xai_widget.engine.relevance_trace import Trace

# Of convolutions, behind input, weight and bias.
OPTIONS: Final = ("stride", "padding", "dilation", "groups")
TRANSPOSED_OPTIONS: Final = ("stride", "padding", "output_padding", "groups", "dilation")
ADJOINTS: Final[Mapping[str, Callable[..., Tensor]]] = {
    "conv1d": grad.conv1d_input,
    "conv2d": grad.conv2d_input,
    "conv3d": grad.conv3d_input,
}


def weighted(trace: Trace, call: Call) -> Tensor:
    """Convolutions and F.linear: (input, weight, bias, ...)."""
    (x, weight, bias), rest, options = call.leading("input", "weight", "bias")
    if not trace.is_attached(x) or len(call.attached) > 1:
        raise Refused("its weight depends on the input")
    is_linear, is_transposed = call.name == "linear", call.name.startswith("conv_transpose")
    axes = weight.ndim - 2
    options = dict(zip(TRANSPOSED_OPTIONS if is_transposed else OPTIONS, rest, strict=False)) | options

    def rescale(scale: Tensor) -> Tensor:
        if not is_transposed:
            return scale.reshape(-1, *(1,) * (weight.ndim - 1))
        per_group = scale.reshape(-1, weight.shape[1])  # [groups, out / groups]
        return per_group.repeat_interleave(len(weight) // len(per_group), 0).reshape(*weight.shape[:2], *(1,) * axes)

    op = LinearOp(
        map=lambda values, matrix: call.run(values, matrix, None, **options),
        source=weight.detach(),
        bias=None if bias is None else bias.detach().reshape(-1, *(() if is_linear else (1,) * axes)),
        kind="linear" if is_linear else "convolution",
        name=trace.name(call.name),
        first=not trace.mark(x).linear,
        # Behind a linear layer a batch norm's channels are the layer's only where there are no positions between.
        rescale=None if is_linear and x.ndim != 2 else rescale,
        transpose=_transpose(call.name, options),
        groups=options.get("groups", 1),
        made_of=(weight,),
        weights=trace.weights,
    )
    out = linear_step(trace, op, x, lambda values: call.run(values, weight, bias, **options))
    trace.produced(out, op, x)
    return out


def _transpose(name: str, options: Mapping[str, Any]) -> Callable[[Tensor, Tensor, Tensor], Tensor] | None:
    if name == "linear":
        return lambda share, _x, weight: share @ weight
    adjoint = ADJOINTS.get(name)
    if adjoint is None or isinstance(options.get("padding"), str):
        return None
    return lambda share, x, weight: adjoint(x.shape, weight, share, **options)


def product(trace: Trace, call: Call) -> Tensor:
    """Matrix products with a constant on one side."""
    (a, b), _, _ = call.leading("input", "mat2" if call.name == "mm" else "other")
    if trace.is_attached(a) and trace.is_attached(b):
        raise Refused("a product of two signals, as in attention")
    is_left = trace.is_attached(a)
    x, weight = (a, b) if is_left else (b, a)
    op = LinearOp(
        map=torch.matmul if is_left else lambda values, matrix: torch.matmul(matrix, values),
        source=weight.detach(),
        bias=None,
        kind="linear",
        name=trace.name(call.name),
        first=not trace.mark(x).linear,
        made_of=(weight,),
    )
    return linear_step(trace, op, x, lambda values: op.map(values, weight))


def summed(trace: Trace, call: Call) -> Tensor:
    """Average pooling, means, sums and interpolation: a linear operation without weights."""
    x, rest = only(trace, call)

    def run(values: Tensor) -> Tensor:
        out: Tensor = call.run(values, *rest, **call.kwargs)
        return out

    op = LinearOp(
        map=lambda values, one: run(values) * one,
        source=torch.ones((), device=x.device),
        bias=None,
        kind="sum",
        name=trace.name(call.name),
    )
    return linear_step(trace, op, x, run, copied=True)


def linear_step(
    trace: Trace, op: LinearOp, x: Tensor, run: Callable[[Tensor], Tensor], *, copied: bool = False
) -> Tensor:
    """Return `run(x)`; relevance passes by the composite's rule for `op`. `copied`: x may be changed in place later."""
    outputs: list[Tensor] = []  # the network may write into what it gets

    def run_and_keep(values: Tensor) -> Tensor:
        out = run(values)
        if op.transpose is not None and trace.composite.reads_output(op):
            outputs.append(out.clone())
        return out

    def back(relevance: Tensor, given: Tensor) -> tuple[Tensor]:
        dtype = wide(given)
        executed = replace(op, output=outputs.pop() if outputs else None).to(dtype)
        passed, absorbed = trace.composite.rule(op)(executed, given.to(dtype), relevance.to(dtype))
        trace.ledger.enter(op.name, absorbed)
        return (passed.to(given.dtype),)

    return step(run_and_keep, back, x, keep=(x.detach().clone() if copied else x,))


def batch_norm(trace: Trace, call: Call) -> Tensor:
    """Merged with the linear operation in front; standing alone it is one of its own, a factor for each channel."""
    (x, mean, variance), rest, options = call.leading("input", "running_mean", "running_var")
    if rest or mean is None or options.get("training"):
        raise Refused("it normalises by the statistics of the batch")
    if len(call.attached) > 1:
        raise Refused("its weight depends on the input")
    dtype = wide(x)
    scale = (variance.to(dtype) + options.get("eps", 1e-5)).rsqrt()
    scale = scale if options.get("weight") is None else scale * options["weight"].detach().to(dtype)
    shift = -mean.to(dtype) * scale
    shift = shift if options.get("bias") is None else shift + options["bias"].detach().to(dtype)
    name, values = trace.name(call.name), x.detach()
    produced = trace.producer(x)
    made_of = tuple(value for value in (mean, variance, options.get("weight")) if value is not None)
    merged = None if produced is None else produced.op.to(dtype).merged(scale, shift, name, made_of)
    if produced is not None and merged is not None:
        return linear_step(trace, merged, produced.x, lambda _given: call.run(values, mean, variance, **options))
    shape = (-1,) + (1,) * (x.ndim - 2)
    alone = LinearOp(torch.mul, scale.reshape(shape), shift.reshape(shape), "scale", name)
    return linear_step(trace, alone, x, lambda given: call.run(given, mean, variance, **options))
