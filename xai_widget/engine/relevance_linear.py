"""Linear operations under relevance: convolutions, linear layers, products with a constant, means, batch norms."""

from collections.abc import Callable

import torch
from torch import Tensor

from xai_widget.engine.relevance_calls import Call, Refused, only
from xai_widget.engine.relevance_steps import LinearOp, step, wide
from xai_widget.engine.relevance_trace import Trace


def weighted(trace: Trace, call: Call) -> Tensor:
    """Convolutions and F.linear: (input, weight, bias, ...)."""
    (x, weight, bias), rest, options = call.leading("input", "weight", "bias")
    if not trace.is_attached(x) or len(call.attached) > 1:
        raise Refused("its weight depends on the input")
    is_linear = call.name == "linear"
    axes = weight.ndim - 2

    def rescale(scale: Tensor) -> Tensor:
        if not call.name.startswith("conv_transpose"):
            return scale.reshape(-1, *(1,) * (weight.ndim - 1))
        per_group = scale.reshape(-1, weight.shape[1])  # [groups, out / groups]
        return per_group.repeat_interleave(len(weight) // len(per_group), 0).reshape(*weight.shape[:2], *(1,) * axes)

    op = LinearOp(
        map=lambda values, matrix: call.run(values, matrix, None, *rest, **options),
        weight=weight.detach(),
        bias=None if bias is None else bias.detach().reshape(-1, *(() if is_linear else (1,) * axes)),
        kind="linear" if is_linear else "convolution",
        name=trace.name(call.name),
        first=not trace.mark(x).linear,
        # Behind a linear layer a batch norm's channels are the layer's only where there are no positions between.
        rescale=None if is_linear and x.ndim != 2 else rescale,
    )
    out = linear_step(trace, op, x, lambda values: call.run(values, weight, bias, *rest, **options))
    trace.produced(out, op, x)
    return out


def product(trace: Trace, call: Call) -> Tensor:
    """Matrix products with a constant on one side."""
    (a, b), _, _ = call.leading("input", "mat2" if call.name == "mm" else "other")
    if trace.is_attached(a) and trace.is_attached(b):
        raise Refused("a product of two signals, as in attention")
    is_left = trace.is_attached(a)
    x, weight = (a, b) if is_left else (b, a)
    op = LinearOp(
        map=torch.matmul if is_left else lambda values, matrix: torch.matmul(matrix, values),
        weight=weight.detach(),
        bias=None,
        kind="linear",
        name=trace.name(call.name),
        first=not trace.mark(x).linear,
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
        weight=torch.ones((), device=x.device),
        bias=None,
        kind="sum",
        name=trace.name(call.name),
    )
    return linear_step(trace, op, x, run, copied=True)


def linear_step(
    trace: Trace, op: LinearOp, x: Tensor, run: Callable[[Tensor], Tensor], *, copied: bool = False
) -> Tensor:
    """Return `run(x)`; relevance passes by the composite's rule for `op`. `copied`: x may be changed in place later."""

    def back(relevance: Tensor, given: Tensor) -> tuple[Tensor]:
        dtype = wide(given)
        passed, absorbed = trace.composite.rule(op)(op.to(dtype), given.to(dtype), relevance.to(dtype))
        trace.ledger.enter(op.name, absorbed)
        return (passed.to(given.dtype),)

    return step(run, back, x, keep=(x.detach().clone() if copied else x,))


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
    merged = None if produced is None else produced.op.to(dtype).merged(scale, shift, name)
    if produced is not None and merged is not None:
        return linear_step(trace, merged, produced.x, lambda _given: call.run(values, mean, variance, **options))
    shape = (-1,) + (1,) * (x.ndim - 2)
    alone = LinearOp(torch.mul, scale.reshape(shape), shift.reshape(shape), "scale", name)
    return linear_step(trace, alone, x, lambda given: call.run(given, mean, variance, **options))
