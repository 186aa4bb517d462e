"""Activations of many layers from one forward, and gradients there by a backward through the head alone."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from xai_widget.engine.facts import Facts, Head, LayerFact
from xai_widget.engine.hooks import Hook, hooked
from xai_widget.engine.packed import packed
from xai_widget.engine.rectified import GradientKind, backward_as, gradients_as
from xai_widget.engine.runner import Runner
from xai_widget.engine.watch import first_tensor

Score = Callable[[Tensor], Tensor]
# Called between two layers of a long pass; it may raise.
Check = Callable[[], None]


@dataclass(eq=False)
class Captured:
    """Activations by layer (`[N, C, *grid]` where there is a grid), the logits `[N, K]`, and what is needed to differentiate above them.

    Where every captured layer feeds a GAP + linear head, gradients are a closed form of the head's weights and no
    graph is held; elsewhere the autograd graph between the lowest captured layer and the logits is held.
    """

    activations: dict[str, Tensor]
    logits: Tensor
    points: dict[str, Tensor]
    layers: dict[str, LayerFact | None]
    head: Head | None
    nbytes: int
    kind: GradientKind = "plain"
    _row: int | None = None
    _last: tuple[Hashable, dict[str, Tensor]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def knows(self, key: Hashable) -> bool:
        """Whether gradients of the score called `key` come without a backward."""
        return self.head is not None or (self._last is not None and self._last[0] == key)

    def row(self, index: int) -> "Captured":
        """Return what was captured of one row; a graph stays that of all rows."""
        at = slice(index, index + 1)
        activations = {name: values[at] for name, values in self.activations.items()}
        return replace(
            self, activations=activations, logits=self.logits[at], _row=index, _last=None, _lock=threading.Lock()
        )

    def gradients(self, score: Score, key: Hashable, check: Check | None = None) -> dict[str, Tensor]:
        """Return ∂ score(logits).sum() / ∂ activation for every captured layer; rows are independent.

        Parameters
        ----------
        score : callable
            `[N, K] -> [N]`, differentiable.
        key : Hashable
            Names the score: the gradients of the last one are kept.
        check : callable, optional
            Called at every layer on the way down; what it raises ends the backward.
        """
        with self._lock:
            if self._last is None or self._last[0] != key:
                self._last = (key, self._differentiate(score, check))
            return self._last[1]

    def _differentiate(self, score: Score, check: Check | None) -> dict[str, Tensor]:
        with torch.inference_mode(False), torch.enable_grad():
            if self.head is not None:
                return _closed_form(self.activations, self.head, logit_gradient(score, self.logits))
            names = list(self.points)
            points = [self.points[name] for name in names]
            with _checked(points, check):
                gradients = gradients_as(self.kind, score(self.logits).sum(), points, retain_graph=True)
            at = slice(None) if self._row is None else slice(self._row, self._row + 1)
            found = {
                name: torch.zeros_like(self.points[name]) if gradient is None else gradient.detach()
                for name, gradient in zip(names, gradients, strict=True)
            }
            return {name: on_grid(gradient[at], self.layers[name]) for name, gradient in found.items()}


def logit_gradient(score: Score, logits: Tensor) -> Tensor:
    """Return ∂ score / ∂ logits `[N, K]`: one-hot for a class, +1 and -1 for a contrast, anything for a callable."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = logits.detach().clone().requires_grad_()
        value = score(leaf)
        if not value.requires_grad:
            return torch.zeros_like(leaf)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return gradient


def _closed_form(activations: dict[str, Tensor], head: Head, logit_gradients: Tensor) -> dict[str, Tensor]:
    weights = logit_gradients @ head.weight.to(logit_gradients)  # [N, C]
    gradients = {}
    for name, values in activations.items():
        positions = values[0, 0].numel()
        shape = weights.shape + (1,) * (values.ndim - 2)
        gradients[name] = (weights / positions).reshape(shape).expand_as(values).to(values.dtype)
    return gradients


def capture(
    runner: Runner,
    facts: Facts,
    inputs: Tensor,
    layers: Sequence[str],
    kind: GradientKind = "plain",
    check: Check | None = None,
) -> Captured:
    """Run the model once on `inputs` and return what `layers` gave, ready for this kind of gradient.

    Nothing below the lowest captured layer is differentiated, and no gradient of a parameter is computed. Where a
    layer runs several times in one forward, its last output is captured. `check` is called at every captured layer, and
    what it raises ends the forward.

    Raises
    ------
    ValueError
        A layer did not run, or the output does not depend on it differentiably.
    """
    module = runner.module
    if module is None:
        message = "This model is a black box: its layers cannot be read. Pass the torch.nn.Module itself."
        raise ValueError(message)
    head = facts.head if facts.head is not None and facts.head.linear else None
    closed = kind == "plain" and head is not None and set(layers) <= set(head.layers)
    if closed:
        runner = packed(runner, inputs, layers)
        module = runner.module or module
    points: dict[str, Tensor] = {}
    taps = {name: _tap(points, name, check, graph=not closed) for name in layers}
    with runner.session(grad=not closed), hooked(module, taps), backward_as(kind):
        logits = runner.logits(inputs)
    missing = [name for name in layers if name not in points]
    if missing:
        message = f"Layer {missing[0]!r} did not run for this input. See layers(model, img) for those that do."
        raise ValueError(message)
    if not closed and not logits.requires_grad:
        message = (
            f"The output of {facts.model} does not depend on layer {layers[0]!r} differentiably (its forward runs under"
            " no_grad or leaves PyTorch). Use a black-box method such as 'occlusion'."
        )
        raise ValueError(message)
    facts_of = {name: facts.layer(name) for name in layers}
    activations = {name: on_grid(point.detach(), facts_of[name]) for name, point in points.items()}
    if closed:  # computed in inference mode: make them ordinary tensors, the score is differentiated below
        with torch.inference_mode(False):
            activations = {name: values.clone() for name, values in activations.items()}
            logits = logits.clone()
    nbytes = sum(values.nbytes for values in activations.values())
    nbytes += 0 if closed else _graph_bytes(facts, layers, inputs)
    return Captured(activations, logits, {} if closed else points, facts_of, head if closed else None, nbytes, kind)


def on_grid(values: Tensor, layer: LayerFact | None) -> Tensor:
    """Return what a layer gave `[N, ...]` as `[N, C, *grid]`, without the tokens in front of the grid."""
    if layer is None or layer.grid is None or layer.layout == "channels_first":
        return values
    if layer.layout == "tokens":
        values = values[:, layer.prefix :].reshape(len(values), *layer.grid, -1)
    return values.movedim(-1, 1)


@contextmanager
def _checked(points: Sequence[Tensor], check: Check | None) -> Iterator[None]:
    """Call `check` when a backward comes to each of `points`."""
    if check is None:
        yield
        return

    def came(_gradient: Tensor) -> None:
        check()

    handles = [point.register_hook(came) for point in points]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tap(points: dict[str, Tensor], name: str, check: Check | None, *, graph: bool) -> Hook:
    def tap(_module: nn.Module, _args: Any, output: Any) -> Any:
        if check is not None:
            check()
        out = first_tensor(output)
        if out is None:
            return None
        if graph and out.is_floating_point() and not out.requires_grad:
            out = out.detach().requires_grad_()  # the graph starts here: nothing below is differentiated
        points[name] = out
        # Downstream gets a copy: an in-place ReLU behind the layer must not change what was captured.
        return _replace_tensor(output, out.clone())

    return tap


def _replace_tensor(output: Any, new: Tensor) -> Any:
    """Return `output` with its first tensor replaced, in the same structure."""
    if isinstance(output, Tensor):
        return new
    if isinstance(output, dict):
        copied = output.copy()
        copied[next(key for key, value in output.items() if isinstance(value, Tensor))] = new
        return copied
    index = next(i for i, item in enumerate(output) if isinstance(item, Tensor))
    items = [*output[:index], new, *output[index + 1 :]]
    return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)


def _graph_bytes(facts: Facts, layers: Sequence[str], inputs: Tensor) -> int:
    """Estimate the memory of the graph: one copy of every output from the first captured layer on."""
    names = [layer.name for layer in facts.layers]
    start = min(names.index(name) for name in layers) if set(layers) <= set(names) else 0
    elements = sum(torch.Size(layer.shape).numel() * layer.calls for layer in facts.layers[start:])
    return elements * inputs.shape[0] * inputs.element_size()
