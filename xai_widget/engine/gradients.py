"""Scores and their gradients at many variants of the same inputs (points on a path, noisy copies), in chunks that fit.

A chunk is bounded by what its graph holds: the outputs of all layers, until the way back has passed them.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from xai_widget.engine.rectified import GradientKind, backward_as, gradients_as
from xai_widget.engine.runner import Runner
from xai_widget.engine.stem import StemBackward
from xai_widget.engine.variants import LARGEST_CHUNK, PICTURE, Pace, is_out_of_memory

Score = Callable[[Tensor, int], Tensor]
# What the graph of a chunk may hold on a processor. Memory of more is given back to the system and asked for again with
# every chunk, which costs more than larger chunks win.
GRAPH_BYTES: Final = 64 * 2**20
# The first chunk of a model whose graphs have not been seen yet: one colour picture of 224 x 224, or several small ones.
FIRST_ELEMENTS: Final = PICTURE


def gradients_at(
    runner: Runner,
    inputs: Tensor,
    variant: Callable[[int], Tensor],
    count: int,
    score: Score,
    kind: GradientKind,
    pace: Pace,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield scores `[N, m]` and gradients `[N, m, C, *S]` at `count` variants of the inputs.

    Parameters
    ----------
    variant : callable
        ``variant(i)`` is the i-th variant, `[N, C, *S]`.
    score : callable
        ``score(logits, first)`` scores logits `[n, K]` of the rows from `first` on, of variants one after the other.
    """
    plain, runner = runner, runner.prepared(inputs, count * len(inputs), kind)
    graph = _Graph(runner, inputs, (kind, runner is plain))
    start, size, most = 0, pace.batch(inputs), pace.rows(inputs)
    while start < count:
        # More inputs than fit together are split, whatever number of variants a chunk has.
        rows = min(most, graph.rows)
        stop = min(count, start + min(size, max(1, rows // len(inputs))))
        began = time.perf_counter()
        variants = torch.cat([variant(index) for index in range(start, stop)])
        try:
            parts = [
                _scores_and_gradients(runner, variants[first : first + rows], score, first, kind, graph)
                for first in range(0, len(variants), rows)
            ]
        except (torch.OutOfMemoryError, RuntimeError) as error:
            largest = min(rows, len(variants))
            if not is_out_of_memory(error) or largest == 1:
                raise
            size, most = max(1, (stop - start) // 2), largest // 2
            continue
        del variants
        scores, gradients = parts[0] if len(parts) == 1 else map(torch.cat, zip(*parts, strict=True))
        del parts
        gradients = gradients.reshape(stop - start, *inputs.shape)
        if pace.limit is not None:
            each = (time.perf_counter() - began) / (stop - start)
            size = max(1, min(LARGEST_CHUNK, 2 * size, int(pace.limit / each)))
        yield scores.reshape(stop - start, -1).transpose(0, 1), gradients.transpose(0, 1)
        start = stop


class _Graph:
    """How many inputs may be differentiated together, from what the graph of one holds: seen once for a model."""

    def __init__(self, runner: Runner, inputs: Tensor, key: Hashable) -> None:
        self._store, self._key = runner.store, ("graph", runner.key, key, tuple(inputs.shape[1:]))
        self._bounded = inputs.device.type == "cpu"
        self._unseen = max(1, FIRST_ELEMENTS // inputs[0].numel())
        self._shared = () if runner.module is None else tuple(runner.module.parameters())

    @property
    def rows(self) -> int:
        """Inputs of one chunk."""
        if not self._bounded:
            return LARGEST_CHUNK
        each = self._store.get(self._key)
        return self._unseen if each is None else max(1, min(LARGEST_CHUNK, GRAPH_BYTES // max(1, each)))

    @contextmanager
    def watching(self, rows: int) -> Iterator[None]:
        """See what the graph of a forward of so many rows holds besides parameters, where that is not known."""
        if not self._bounded or self._store.get(self._key) is not None:
            yield
            return
        shared = {parameter.data_ptr() for parameter in self._shared}
        held: dict[int, int] = {}

        def note(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in shared:
                held[storage.data_ptr()] = storage.nbytes()
            return tensor

        with saved_tensors_hooks(note, lambda tensor: tensor):
            yield
        self._store.put(self._key, sum(held.values()) // rows, 0)


def _scores_and_gradients(
    runner: Runner, inputs: Tensor, score: Score, first: int, kind: GradientKind, graph: _Graph
) -> tuple[Tensor, Tensor]:
    stem = StemBackward()
    with runner.session(grad=True):
        # Under a caller's inference mode variants are inference tensors, which no graph can begin with.
        leaf = (inputs.clone() if inputs.is_inference() else inputs.detach()).requires_grad_()
        with backward_as(kind), stem, graph.watching(len(leaf)):
            logits = runner.logits(leaf)
        value = score(logits, first)
        gradient = gradients_as(kind, value.sum(), [leaf], within=stem)[0] if value.requires_grad else None
        if gradient is None:
            message = (
                "The scores do not depend on the input differentiably (the forward leaves PyTorch or runs under"
                " no_grad). Use a black-box method such as 'occlusion'."
            )
            raise ValueError(message)
        runner.tally.backwards += len(leaf)
        return value.detach(), gradient
