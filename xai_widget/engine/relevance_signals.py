"""Sums and products of signals, activations, and what only moves values, under relevance."""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xai_widget.engine.relevance_calls import Call, Refused, only
from xai_widget.engine.relevance_steps import step, wide
from xai_widget.engine.relevance_trace import Trace


def add(trace: Trace, call: Call) -> Tensor:
    """Sums and differences: relevance is divided among the signals, and a constant absorbs."""
    (a, b), rest, options = call.leading("input", "other")
    factor = float(options.pop("alpha", 1))
    if rest or options:
        raise Refused("")
    if call.name in {"sub", "subtract"}:
        factor = -factor
    if call.name in {"rsub", "__rsub__"}:
        a, b, factor = b, a, -factor
    terms = [(a, 1.0), (b, factor)]
    constants = [(value, weight) for value, weight in terms if not trace.is_attached(value)]
    if all(not isinstance(value, Tensor) and value == 0 for value, _ in constants) and constants:
        return passed(trace, call)  # as sum([x, ...]) begins: 0 + x
    return _additive(trace, call, [term for term in terms if trace.is_attached(term[0])], constants)


def log_softmax(trace: Trace, call: Call) -> Tensor:
    """Log-probabilities x − log Σ exp x: what is subtracted absorbs like a bias."""
    x, rest = only(trace, call)
    with torch.no_grad():
        shift = call.run(x, *rest, **call.kwargs) - x
    return _additive(trace, call, [(x, 1.0)], [(shift, 1.0)])


def _additive(
    trace: Trace, call: Call, terms: Sequence[tuple[Tensor, float]], constants: Sequence[tuple[Any, float]]
) -> Tensor:
    """Relevance is divided in proportion to the contributions; a constant's share is absorbed."""
    name = trace.name(call.name)
    factors = [factor for _, factor in terms]
    fixed = [(value.detach().clone() if isinstance(value, Tensor) else value, factor) for value, factor in constants]

    def back(relevance: Tensor, *given: Tensor) -> list[Tensor]:
        relevance = relevance.to(wide(relevance))
        wider = [value.to(relevance.dtype) for value in given]
        parts = [value if factor == 1 else value * factor for value, factor in zip(wider, factors, strict=True)]
        signal = functools.reduce(torch.add, parts)
        constant = [value * factor for value, factor in fixed]
        share = trace.composite.share(relevance, functools.reduce(torch.add, constant, signal))
        trace.ledger.enter(name, relevance - share * signal)
        return [
            (share * part).sum_to_size(value.shape).to(value.dtype) for part, value in zip(parts, given, strict=True)
        ]

    inputs = [value for value, _ in terms]
    # Autograd keeps nothing for a sum, so that models may change its parts in place: copies are kept.
    return step(
        lambda *_: call.run(*call.args, **call.kwargs), back, *inputs, keep=[x.detach().clone() for x in inputs]
    )


def multiply(trace: Trace, call: Call) -> Tensor:
    """A constant, a parameter or a gate scales: all relevance goes to the signal."""
    (a, b), rest, options = call.leading("input", "other")
    if rest or options:
        raise Refused("")
    signal = a if trace.is_attached(a) else b
    if trace.is_attached(a) and trace.is_attached(b):
        gates = [trace.mark(value).gate for value in (a, b)]
        if gates[0] == gates[1]:
            raise Refused("a product of two signals")
        signal = b if gates[0] else a
    return _scaled(call, signal)


def divide(trace: Trace, call: Call) -> Tensor:
    """A constant divisor scales; a signal has no rule as one."""
    (a, b), rest, options = call.leading("input", "other")
    if rest or options or not trace.is_attached(a) or trace.is_attached(b):
        raise Refused("it divides by a signal" if trace.is_attached(b) else "")
    return _scaled(call, a)


def _scaled(call: Call, signal: Tensor) -> Tensor:
    shape = signal.shape
    return step(
        lambda _signal: call.run(*call.args, **call.kwargs), lambda relevance: (relevance.sum_to_size(shape),), signal
    )


def passed(_trace: Trace, call: Call) -> Tensor:
    """Activations: relevance passes unchanged."""
    signal = call.attached[0]
    if len(call.attached) > 1:
        raise Refused("a parameter of it depends on the input")
    return _scaled(call, signal)


# -- moving values ----------------------------------------------------------------------------------------------------


def moved(_trace: Trace, call: Call) -> Any:
    """Views, selections and winners: relevance is moved as gradients are."""
    return call.run(*call.args, **call.kwargs)


def filled(trace: Trace, call: Call) -> Tensor:
    """Padding and filling: what reaches the constant is absorbed."""
    x, rest = only(trace, call)
    name, shape = trace.name(call.name), x.shape

    def back(relevance: Tensor) -> tuple[Tensor]:
        with torch.enable_grad():
            leaf = relevance.new_zeros(shape).requires_grad_()
            (passed,) = torch.autograd.grad(call.run(leaf, *rest, **call.kwargs), leaf, relevance)
        trace.ledger.enter(name, relevance.reshape(len(leaf), -1).sum(1) - passed.reshape(len(leaf), -1).sum(1))
        return (passed,)

    return step(lambda values: call.run(values, *rest, **call.kwargs), back, x)


def mixed(trace: Trace, call: Call) -> Any:
    """Concatenation, where, maximum: constants among the values absorb what reaches them."""
    name, anchor = trace.name(call.name), call.attached[0]

    def hung(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)([hung(item) for item in value])
        if not isinstance(value, Tensor) or not value.is_floating_point() or trace.is_attached(value):
            return value
        if call.name in {"where", "maximum", "max"}:
            value = value + torch.zeros_like(anchor)
        return trace.sink(value, anchor, name)

    args = call.args
    if call.name == "where":
        args = (args[0], *(torch.full_like(anchor, v) if isinstance(v, int | float) else v for v in args[1:]))
    return call.run(*(hung(value) for value in args), **{key: hung(value) for key, value in call.kwargs.items()})


def written(trace: Trace, call: Call) -> Any:
    """`x[index] = value` and `x.copy_(value)`: as it stands, constants written absorb."""
    target, *index, value = call.args
    if not trace.is_attached(value):
        place = target[index[0]] if index else target
        value = torch.as_tensor(value, dtype=target.dtype, device=target.device).expand(place.shape)
        value = trace.sink(value, call.attached[0], trace.name("write"))
    return call.run(target, *index, value)
