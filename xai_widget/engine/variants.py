"""The model on many edits of the same inputs, in chunks that fit.

Chunks are bounded in memory, whatever the model does with it (an out-of-memory error halves them), and in time where
a run must be cancelled promptly.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from xai_widget.engine.edits import Edits, fill_for
from xai_widget.engine.runner import Runner

# Elements of one chunk of inputs: 32 colour pictures of 224 x 224. Fixed, so that a map does not depend on timing.
CHUNK_ELEMENTS: Final = 32 * 3 * 224 * 224
LARGEST_CHUNK: Final = 128
# Of volumes a processor takes fewer: the activations of their networks outgrow its caches long before its memory.
VOLUMES_SHARE: Final = 4


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
        """Return how many variants of all of `inputs` `[N, C, *S]` run together."""
        size = max(1, rows_together(inputs) // len(inputs))
        if self.limit is None:
            return size
        return max(1, min(size, int(self.limit / max(1e-6, self.seconds * len(inputs)))))


def rows_together(inputs: Tensor) -> int:
    """Return how many inputs of this shape run together."""
    share = VOLUMES_SHARE if inputs.ndim == 5 and inputs.device.type == "cpu" else 1
    return max(1, min(LARGEST_CHUNK, CHUNK_ELEMENTS // share // math.prod(inputs.shape[1:])))


def logits_of(runner: Runner, inputs: Tensor) -> Tensor:
    """Return logits `[n, K]` of one chunk, without a graph."""
    with runner.session(grad=False):
        logits = runner.logits(inputs)
    with torch.inference_mode(False):
        return logits.clone()  # an ordinary tensor: a callable target may differentiate it later


def edited_logits(
    runner: Runner, inputs: Tensor, edits: Edits, mask: Tensor | None, pace: Pace, start: int = 0
) -> Iterator[Tensor]:
    """Yield logits `[N, n, K]` of the inputs under the edits from `start` on."""
    size, limit = pace.batch(inputs), pace.limit
    fill = fill_for(inputs, edits.fill, mask=mask)
    buffer: Tensor | None = None
    while start < len(edits):
        count = min(size, len(edits) - start)
        try:
            if buffer is None or len(buffer) < count:
                buffer = inputs.new_empty((count, *inputs.shape))
            part = buffer[:count]
            began = time.perf_counter()
            edits.write(part, inputs, fill, start, mask)
            logits = logits_of(runner, part.flatten(0, 1))
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or count == 1:
                raise
            buffer, size = None, count // 2
            continue
        yield logits.reshape(count, len(inputs), -1).transpose(0, 1)
        start += count
        if limit is not None:
            per_edit = (time.perf_counter() - began) / count
            size = max(1, min(LARGEST_CHUNK, 2 * size, int(limit / per_edit)))


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a smaller chunk may do what failed so."""
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
