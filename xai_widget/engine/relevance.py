"""Relevance: what each part of the input contributed to a score, passed back operation by operation.

One forward runs under a function mode that puts, in the place of each operation, a step with the same values whose
backward takes relevance where autograd takes gradients. Autograd itself then moves relevance through views,
concatenations, residual connections and modules that are used many times; no module is replaced and nothing is traced.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from xai_widget.engine.capture import Score, logit_gradient
from xai_widget.engine.facts import Facts
from xai_widget.engine.relevance_calls import Call, Refused
from xai_widget.engine.relevance_ops import GATES, HANDLERS, MOVED, PRODUCTS, UNGATED, WEIGHTED
from xai_widget.engine.relevance_steps import Composite, Ledger
from xai_widget.engine.relevance_trace import Mark, Trace, combined, tensors_in
from xai_widget.engine.relevance_weights import Weights
from xai_widget.engine.runner import Runner


@dataclass(frozen=True, eq=False)
class Relevance:
    """Where the score comes from.

    Attributes
    ----------
    values : Tensor
        `[N, C, *S]`; with what was absorbed it adds up to `start`.
    start : Tensor
        `[N]`: the relevance that was sent back; the score itself for a class or a contrast.
    absorbed : mapping of str to Tensor
        `[N]` by operation: what ended in biases, constants and stabilisers, as it was measured there.
    """

    values: Tensor
    start: Tensor
    absorbed: Mapping[str, Tensor]

    @classmethod
    def joined(cls, parts: Sequence["Relevance"]) -> "Relevance":
        """Return the parts of a batch as one."""
        values, start = torch.cat([part.values for part in parts]), torch.cat([part.start for part in parts])
        names = dict.fromkeys(name for part in parts for name in part.absorbed)
        absorbed = {n: torch.cat([p.absorbed.get(n, torch.zeros_like(p.start)) for p in parts]) for n in names}
        return cls(values, start, absorbed)


def relevance(runner: Runner, facts: Facts, inputs: Tensor, score: Score, composite: Composite) -> Relevance:
    """Pass the relevance of each row's score back to the inputs; one forward, one backward.

    Parameters
    ----------
    inputs : Tensor
        `[N, C, *S]`.
    score : callable
        `[N, K] -> [N]`, differentiable. Relevance starts as ∂score/∂logits ⊙ logits.
    composite : Composite
        Which rule for which operation.

    Raises
    ------
    ValueError
        Relevance comes to an operation without a rule; or the output does not depend on the input differentiably.
    """
    ledger = Ledger(len(inputs))
    weights = Weights.of(runner)
    trace = Trace(runner, facts.model, composite, ledger, weights)
    try:
        with runner.session(grad=True):
            leaf = inputs.detach().clone().requires_grad_()
            root = leaf.clone()  # a model may change what it is given
            trace.begin(root)
            with _RelevanceMode(trace):
                logits = runner.logits(root)
            if not trace.is_attached(logits):
                message = (
                    f"The scores of {facts.model} do not depend on the input differentiably (the forward leaves PyTorch"
                    " or runs under no_grad). Use a black-box method such as 'occlusion'."
                )
                raise ValueError(message)
            trace.mark(logits)
            start = logit_gradient(score, logits) * logits.detach()
            runner.tally.backwards += len(inputs)
            (values,) = torch.autograd.grad(logits, leaf, start)
    finally:
        trace.close()
        weights.keep(runner)
    return Relevance(values.detach(), start.sum(1), ledger.absorbed)


class _RelevanceMode(TorchFunctionMode):
    """Sees every function PyTorch runs in this thread and gives those on the input's way their step."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run `func`; what it makes of the signal is hung on it by steps."""
        del types
        trace, kwargs = self._trace, dict(kwargs or {})
        tensors = list(tensors_in((args, kwargs)))
        attached = [tensor for tensor in tensors if trace.is_attached(tensor)]
        if not attached and any(tensor.requires_grad for tensor in tensors):
            with torch.no_grad():  # what is made of parameters alone is a constant, frozen or not
                return func(*args, **kwargs)
        if not attached or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        call, target = _read(func, args, kwargs, attached)
        if len(attached) == 1 and attached[0] is target and call.name in UNGATED:
            # Relevance passes as if nothing had been done, and so it may be done behind autograd's back.
            with torch.no_grad():
                return func(*args, **(kwargs | ({"inplace": True} if "inplace" in kwargs else {})))
        marks = [trace.mark(tensor) for tensor in attached]
        try:
            result = HANDLERS[call.name](trace, call) if call.name in HANDLERS else self._unknown(call)
        except Refused as refused:
            result = self._refuse(call, str(refused))
        if target is not None:
            result = target.copy_(result)
        is_weighted = call.name in WEIGHTED or call.name in PRODUCTS
        behind = combined(marks)
        mark = Mark(behind.linear or is_weighted, (behind.gate and not is_weighted) or call.name in GATES)
        trace.learn(tensors_in((result, args)), mark)
        return result

    def _unknown(self, call: Call) -> Any:
        """Shapes, comparisons and constants may be read off a signal; anything else made of it has no rule."""
        result = call.run(*call.args, **call.kwargs)
        fresh = [
            t for t in tensors_in((result, call.args)) if self._trace.is_attached(t) and not self._trace.is_known(t)
        ]
        if not fresh:
            return result
        return self._barred(call, result, "")

    def _refuse(self, call: Call, why: str) -> Any:
        return self._barred(call, call.run(*call.args, **call.kwargs), why)

    def _barred(self, call: Call, result: Any, why: str) -> Any:
        """Return `result` behind steps that raise if relevance comes that way: a gate or a loss may hold anything."""

        def bar(value: Any) -> Any:
            if isinstance(value, Tensor):
                if not self._trace.is_attached(value):
                    return value
                barred = self._trace.refusal(value, call.attached, call.name, why)
                is_in_place = any(value is given for given in tensors_in(call.args))
                return value.copy_(barred) if is_in_place else barred
            if isinstance(value, list | tuple):
                items = [bar(item) for item in value]
                return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
            return {key: bar(item) for key, item in value.items()} if isinstance(value, dict) else value

        return bar(result)


def _read(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], attached: list[Tensor]
) -> tuple[Call, Tensor | None]:
    """Return a call of any spelling out of place, and the tensor its result belongs into, if any."""
    name = getattr(func, "__name__", type(func).__name__)
    if name == "__get__":  # x.T, x.shape
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    name = name[1:] if name[1:] in HANDLERS else name  # F.threshold calls itself "_threshold"
    run, target = func, None
    if kwargs.get("inplace"):
        kwargs["inplace"] = False
        target = args[0]
    elif name.endswith("_") and not name.startswith("__") and name != "copy_":
        plain = _out_of_place(name[:-1])
        if plain is not None:
            run, name, target = plain, name[:-1], args[0]
    return Call(name, run, args, kwargs, attached), target


def _out_of_place(name: str) -> Callable[..., Any] | None:
    if name not in HANDLERS or name in MOVED:
        return None
    found: Callable[..., Any] | None = getattr(Tensor, name, None) or getattr(functional, name, None)
    return found
