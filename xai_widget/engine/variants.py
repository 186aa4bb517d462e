"""The model on many edits of the same inputs, in chunks that fit.

Chunks are bounded in memory, whatever the model does with it (an out-of-memory error halves them), and in time where
a run must be cancelled promptly.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from xai_widget.engine.edits import Boxes, Edits, fill_for
from xai_widget.engine.facts import Facts
from xai_widget.engine.incremental import windows_for
from xai_widget.engine.runner import Runner, Tally

PICTURE: Final = 3 * 224 * 224
# Elements of what is asked at once. Fixed, so that a map does not depend on timing.
CHUNK_ELEMENTS: Final = 32 * PICTURE
# Elements of what a processor runs at once. Of more, what layers hand on outgrows its caches long before its memory (16
# pictures take a tenth longer than 8); of less, deep layers of few positions lose more than that wins.
CACHED_ELEMENTS: Final = 8 * PICTURE
# Elements of the widest layer's output, of all layers' outputs together. What is freed of these stays with the process,
# in pieces that the next do not fit into: about a sixth of all (8 pictures of a ResNet-50 held 210 MB, 4 hold 110).
WIDEST_ELEMENTS: Final = 8 * 64 * 112 * 112
HANDED_ON_ELEMENTS: Final = 210 * 2**20
LARGEST_CHUNK: Final = 128


@dataclass(frozen=True)
class Pace:
    """How much runs together.

    Attributes
    ----------
    facts : Facts
        Of the model: how long one forward of one input takes, and what its layers hand on.
    limit : float or None
        Upper bound for the duration of a chunk; None: chunks of a fixed size.
    """

    facts: Facts
    limit: float | None

    def batch(self, inputs: Tensor) -> int:
        """Return how many variants of all of `inputs` `[N, C, *S]` make a chunk."""
        size = max(1, _rows(inputs, CHUNK_ELEMENTS) // len(inputs))
        if self.limit is None:
            return size
        return max(1, min(size, int(self.limit / max(1e-6, self.facts.seconds * len(inputs)))))

    def rows(self, inputs: Tensor) -> int:
        """Return how many inputs of this shape run in one pass; a chunk of more takes several."""
        if inputs.device.type != "cpu":
            return _rows(inputs, CHUNK_ELEMENTS)
        sizes = [math.prod(layer.shape) for layer in self.facts.layers]
        whole = sum(size * layer.calls for size, layer in zip(sizes, self.facts.layers, strict=True))
        bounds = (WIDEST_ELEMENTS // max(1, max(sizes, default=1)), HANDED_ON_ELEMENTS // max(1, whole))
        fit = max(1, min(bounds))
        # Threads share a power of two evenly.
        return min(_rows(inputs, CACHED_ELEMENTS), 1 << (fit.bit_length() - 1))


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
    size, limit, rows = pace.batch(inputs), pace.limit, pace.rows(inputs)
    runner = runner.prepared(inputs, len(inputs) * (len(edits) - start))
    offset = _offset(runner, inputs, known, rows)
    own = runner.module is not None  # other callables may keep what they are given
    fill = fill_for(inputs, edits.fill, mask=mask)
    windows = windows_for(runner, inputs, edits, fill, mask, start) if isinstance(edits, Boxes) else None
    if windows is not None and limit is None:
        size = windows.together
    buffer: Tensor | None = None
    while start < len(edits):
        count = min(size, len(edits) - start)
        began = time.perf_counter()
        try:
            if windows is not None:
                logits = windows.logits(start, count)
            else:
                if buffer is None or len(buffer) < count:
                    buffer = None  # the old one goes first
                    buffer = _buffer(inputs, count, runner.layout)
                part = buffer[:count]
                edits.write(part, inputs, fill, start, mask)
                batches = torch.split(part.flatten(0, 1), rows)
                logits = torch.cat([logits_of(runner, batch, own=own) for batch in batches])
        except (torch.OutOfMemoryError, RuntimeError) as error:
            largest = min(rows, count * len(inputs))
            if not is_out_of_memory(error) or largest == 1:
                raise
            buffer, size, rows = None, max(1, count // 2), largest // 2
            continue
        logits = logits.reshape(count, *known.shape).transpose(0, 1)
        yield logits if offset is None else logits + offset
        start += count
        if limit is not None:
            per_edit = (time.perf_counter() - began) / count
            size = max(1, min(LARGEST_CHUNK, 2 * size, int(limit / per_edit)))


def _offset(runner: Runner, inputs: Tensor, known: Tensor, rows: int) -> Tensor | None:
    """Return what a prepared copy's rounding takes from the logits of the inputs themselves, `[N, 1, K]`.

    Edits are compared with logits that the model itself gave: in bfloat16 what both round differently is more than what
    many edits change. In full precision it is nothing.
    """
    if not runner.is_lowered_copy:
        return None
    uncounted = replace(runner, tally=Tally())
    own = torch.cat([logits_of(uncounted, batch) for batch in torch.split(inputs, rows)])
    return (known - own)[:, None]


def _buffer(inputs: Tensor, count: int, layout: torch.memory_format) -> Tensor:
    """Return room for edits `[count, N, C, *S]` whose rows, one after the other, lie as `layout` says."""
    order = torch.contiguous_format if layout is torch.preserve_format else layout
    rows = torch.empty_like(inputs[:1].expand(count * len(inputs), *inputs.shape[1:]), memory_format=order)
    return rows.reshape(count, *inputs.shape)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a smaller chunk may do what failed so."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
