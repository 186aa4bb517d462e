"""The model on many variants of the same inputs, in chunks that fit: edited inputs, and points on a path or in noise.

Chunks are bounded in memory, whatever the model does with it (an out-of-memory error halves them), and in time where
a run must be cancelled promptly.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from xai_widget.engine.edits import Edits, fill_for
from xai_widget.engine.rectified import GradientKind, backward_as, gradients_as
from xai_widget.engine.runner import Runner, Tally

PICTURE: Final = 3 * 224 * 224
# Elements of what is asked at once. Fixed, so that a map does not depend on timing.
CHUNK_ELEMENTS: Final = 32 * PICTURE
# Elements of what a processor runs at once. Of more, what layers hand on outgrows its caches long before its memory; of
# less, deep layers of few positions lose more than that wins.
CACHED_ELEMENTS: Final = 16 * PICTURE
LARGEST_CHUNK: Final = 128


@dataclass(frozen=True)
class Pace:
    """How much runs together.

    Attributes
    ----------
    seconds : float
        Duration of one forward of one input.
    limit : float or None
        Upper bound for the duration of a chunk; None: chunks of a fixed size.
    """

    seconds: float
    limit: float | None

    def batch(self, inputs: Tensor) -> int:
        """Return how many variants of all of `inputs` `[N, C, *S]` make a chunk."""
        size = max(1, _rows(inputs, CHUNK_ELEMENTS) // len(inputs))
        if self.limit is None:
            return size
        return max(1, min(size, int(self.limit / max(1e-6, self.seconds * len(inputs)))))


def rows_together(inputs: Tensor) -> int:
    """Return how many inputs of this shape run in one pass; a chunk of more takes several."""
    return _rows(inputs, CACHED_ELEMENTS if inputs.device.type == "cpu" else CHUNK_ELEMENTS)


def _rows(inputs: Tensor, elements: int) -> int:
    return max(1, min(LARGEST_CHUNK, elements // math.prod(inputs.shape[1:])))


def logits_of(runner: Runner, inputs: Tensor, *, own: bool = False) -> Tensor:
    """Return logits `[n, K]` of one chunk, without a graph; `own` as for `Runner.raw`."""
    with runner.session(grad=False):
        logits = runner.logits(inputs, own=own)
    with torch.inference_mode(False):
        return logits.clone()  # an ordinary tensor: a callable target may differentiate it later


def edited_logits(
    runner: Runner, inputs: Tensor, known: Tensor, edits: Edits, mask: Tensor | None, pace: Pace, start: int = 0
) -> Iterator[Tensor]:
    """Yield logits `[N, n, K]` of the inputs, whose own are `known` `[N, K]`, under the edits from `start` on."""
    size, limit, rows = pace.batch(inputs), pace.limit, rows_together(inputs)
    runner = runner.prepared(inputs, len(inputs) * (len(edits) - start))
    offset = _offset(runner, inputs, known)
    own = runner.module is not None  # other callables may keep what they are given
    fill = fill_for(inputs, edits.fill, mask=mask)
    buffer: Tensor | None = None
    while start < len(edits):
        count = min(size, len(edits) - start)
        began = time.perf_counter()
        try:
            if buffer is None or len(buffer) < count:
                buffer = None  # the old one goes first
                buffer = _buffer(inputs, count, runner.layout)
            part = buffer[:count]
            edits.write(part, inputs, fill, start, mask)
            logits = torch.cat([logits_of(runner, batch, own=own) for batch in torch.split(part.flatten(0, 1), rows)])
        except (torch.OutOfMemoryError, RuntimeError) as error:
            largest = min(rows, count * len(inputs))
            if not _is_out_of_memory(error) or largest == 1:
                raise
            buffer, size, rows = None, max(1, count // 2), largest // 2
            continue
        logits = logits.reshape(count, *known.shape).transpose(0, 1)
        yield logits if offset is None else logits + offset
        start += count
        if limit is not None:
            per_edit = (time.perf_counter() - began) / count
            size = max(1, min(LARGEST_CHUNK, 2 * size, int(limit / per_edit)))


def _offset(runner: Runner, inputs: Tensor, known: Tensor) -> Tensor | None:
    """Return what a prepared copy's rounding takes from the logits of the inputs themselves, `[N, 1, K]`.

    Edits are compared with logits that the model itself gave: in bfloat16 what both round differently is more than what
    many edits change. In full precision it is nothing.
    """
    if not runner.is_lowered_copy:
        return None
    uncounted = replace(runner, tally=Tally())
    own = torch.cat([logits_of(uncounted, batch) for batch in torch.split(inputs, rows_together(inputs))])
    return (known - own)[:, None]


def _buffer(inputs: Tensor, count: int, layout: torch.memory_format) -> Tensor:
    """Return room for edits `[count, N, C, *S]` whose rows, one after the other, lie as `layout` says."""
    order = torch.contiguous_format if layout is torch.preserve_format else layout
    rows = torch.empty_like(inputs[:1].expand(count * len(inputs), *inputs.shape[1:]), memory_format=order)
    return rows.reshape(count, *inputs.shape)


def gradients_at(
    runner: Runner,
    inputs: Tensor,
    variant: Callable[[int], Tensor],
    count: int,
    score: Callable[[Tensor, int], Tensor],
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
    # More inputs than fit together are split, whatever number of variants a chunk has.
    start, size, rows = 0, pace.batch(inputs), rows_together(inputs)
    while start < count:
        stop = min(count, start + size)
        variants = torch.cat([variant(index) for index in range(start, stop)])
        try:
            parts = [
                _scores_and_gradients(runner, variants[first : first + rows], score, first, kind)
                for first in range(0, len(variants), rows)
            ]
        except (torch.OutOfMemoryError, RuntimeError) as error:
            largest = min(rows, len(variants))
            if not _is_out_of_memory(error) or largest == 1:
                raise
            size, rows = max(1, (stop - start) // 2), largest // 2
            continue
        scores, gradients = (torch.cat(found) for found in zip(*parts, strict=True))
        gradients = gradients.reshape(stop - start, *inputs.shape)
        yield scores.reshape(stop - start, -1).transpose(0, 1), gradients.transpose(0, 1)
        start = stop


def _scores_and_gradients(
    runner: Runner, inputs: Tensor, score: Callable[[Tensor, int], Tensor], first: int, kind: GradientKind
) -> tuple[Tensor, Tensor]:
    with runner.session(grad=True):
        leaf = inputs.detach().clone().requires_grad_()
        with backward_as(kind):
            logits = runner.logits(leaf)
        value = score(logits, first)
        gradient = gradients_as(kind, value.sum(), [leaf])[0] if value.requires_grad else None
        if gradient is None:
            message = (
                "The scores do not depend on the input differentiably (the forward leaves PyTorch or runs under"
                " no_grad). Use a black-box method such as 'occlusion'."
            )
            raise ValueError(message)
        runner.tally.backwards += len(leaf)
        return value.detach(), gradient


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
