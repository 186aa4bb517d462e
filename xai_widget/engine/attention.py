"""Attention maps of every layer from one forward, and the gradients of a score there."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from xai_widget.engine.attention_calls import ExplicitAttention
from xai_widget.engine.facts import AttentionFact, Facts
from xai_widget.engine.packed import packed
from xai_widget.engine.runner import Runner

Score = Callable[[Tensor], Tensor]


@dataclass(eq=False)
class Attention:
    """Attention maps of N inputs, and what is needed to differentiate behind them.

    Attributes
    ----------
    maps : tuple of Tensor
        `[N, heads, L, L]` a layer, in order; row i says how much token i takes from every token, and sums to 1.
    prefix : int
        Tokens in front of the grid.
    grid : tuple of int
        Patches; `L = prefix + prod(grid)`.
    first : int
        The graph begins at this map: gradients are known there and behind.
    nbytes : int
        Memory of maps and graph.
    logits : Tensor
        `[N, K]`, with the graph.
    """

    maps: tuple[Tensor, ...]
    prefix: int
    grid: tuple[int, ...]
    first: int
    nbytes: int
    logits: Tensor
    _points: tuple[Tensor, ...]
    _read: Tensor | None = None
    _last: tuple[Hashable, tuple[Tensor, ...]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def knows(self, key: Hashable) -> bool:
        """Whether the gradients of the score called `key` come without a backward."""
        return self._last is not None and self._last[0] == key

    def gradients(self, score: Score, key: Hashable) -> tuple[Tensor, ...]:
        """Return ∂ score(logits).sum() / ∂ map `[N, heads, L, L]` for the maps from `first` on; rows are independent.

        Parameters
        ----------
        score : callable
            `[N, K] -> [N]`, differentiable.
        key : Hashable
            Names the score: the gradients of the last one are kept.

        Raises
        ------
        ValueError
            The logits do not depend on the maps differentiably.
        """
        with self._lock:
            if self._last is None or self._last[0] != key:
                found = self._differentiate(score)
                if found is None:
                    message = (
                        "The scores do not depend on the attention differentiably (the forward runs under no_grad or"
                        " leaves PyTorch). Use 'attention_rollout', or a black-box method such as 'occlusion'."
                    )
                    raise ValueError(message)
                self._last = (key, found)
                self._note_read(found[-1])
            return self._last[1]

    @property
    def knows_read(self) -> bool:
        """Whether `read` comes without a backward."""
        return self._read is not None or not self.logits.requires_grad

    def read(self) -> Tensor | None:
        """Return which tokens the model reads behind its last attention, bool `[L]`.

        By looking: where nothing behind the last attention depends on a token, the gradient of the scores at that
        token's row of the last map is exactly zero. So a class token is told from a mean over the tokens, and one
        class token from two. A backward through the last layers alone. None where there are no gradients.
        """
        with self._lock:
            if not self.knows_read:
                found = self._differentiate(lambda logits: logits.square().sum(-1))
                if found is not None:
                    self._note_read(found[-1])
            return self._read

    def _note_read(self, gradient: Tensor) -> None:
        read = gradient.abs().amax((0, 1, 3)) > 0
        if self._read is None and bool(read.any()):  # a score that is constant here tells nothing
            self._read = read

    def _differentiate(self, score: Score) -> tuple[Tensor, ...] | None:
        """Return the gradients at the maps, zero where the score does not depend on one; None if it does on none."""
        with torch.inference_mode(False), torch.enable_grad():
            value = score(self.logits).sum()
            if not value.requires_grad:
                return None
            found = torch.autograd.grad(value, self._points, retain_graph=True, allow_unused=True)
        if all(gradient is None for gradient in found):
            return None
        return tuple(
            torch.zeros_like(point) if gradient is None else gradient.detach()
            for point, gradient in zip(self._points, found, strict=True)
        )


def attend(runner: Runner, facts: Facts, inputs: Tensor, first: int = 0, read: Tensor | None = None) -> Attention:
    """Run the model once on `inputs`, its attention in explicit form, and return the maps.

    Nothing in front of map `first` is differentiated, and no gradient of a parameter is computed.

    Parameters
    ----------
    first : int
        Where the graph begins; negative numbers count from the last map.
    read : Tensor, optional
        Which tokens the model reads, where that is known. The last map's graph is only good for telling it: with
        ``first=-1`` there is none then.

    Raises
    ------
    ValueError
        The model has no attention maps over one grid of tokens, or others than it had in the measured pass.
    """
    fact = facts.attention
    if fact is None or fact.grid is None or fact.windowed:
        message = f"{facts.model} has no attention over one grid of tokens. Use 'grad_cam' or 'saliency'."
        raise ValueError(message)
    first = fact.layers if first == -1 and read is not None else first % fact.layers
    points: list[Tensor] = []

    def see(probabilities: Tensor) -> Tensor:
        if len(points) == first:
            probabilities = probabilities.detach().requires_grad_()  # the graph starts here
        points.append(probabilities)
        return probabilities

    if first == fact.layers:
        runner = packed(runner, inputs)
    with runner.session(grad=first < fact.layers), ExplicitAttention(see):
        logits = runner.logits(inputs)
    if len(points) != fact.layers or any(point.shape[2] != fact.tokens for point in points):
        sizes = sorted({point.shape[2] for point in points})
        message = (
            f"{facts.model} gave {len(points)} attention maps over {sizes} tokens; {fact.layers} over {fact.tokens}"
            " were seen when it was measured. Its attention changes from run to run; use 'occlusion'."
        )
        raise ValueError(message)
    with torch.inference_mode(False):  # an ordinary tensor: a callable target may differentiate it later
        logits = logits.clone() if logits.is_inference() else logits
    maps = tuple(point.detach() for point in points)
    nbytes = sum(values.nbytes for values in maps) + _graph_bytes(facts, fact, inputs, first)
    return Attention(maps, fact.prefix, fact.grid, first, nbytes, logits, tuple(points[first:]), read)


def _graph_bytes(facts: Facts, fact: AttentionFact, inputs: Tensor, first: int) -> int:
    """Estimate the memory of the graph: a copy of every output, and of the maps, for the share of the layers in it."""
    elements = sum(torch.Size(layer.shape).numel() * layer.calls for layer in facts.layers)
    elements += 2 * fact.layers * fact.heads * fact.tokens**2
    share = (fact.layers - first) / fact.layers
    return int(share * elements * inputs.shape[0] * inputs.element_size())
