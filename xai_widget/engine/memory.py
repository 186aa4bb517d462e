"""Memory: what was computed for one batch of inputs, and can be asked for again."""

import hashlib
from collections.abc import Hashable
from functools import cached_property
from typing import Any, Final, TypeVar

import torch
from torch import Tensor

from xai_widget.engine.attention import Attention
from xai_widget.engine.capture import Captured
from xai_widget.engine.rectified import GradientKind
from xai_widget.engine.runner import Runner
from xai_widget.engine.store import CACHE_BYTES

T = TypeVar("T")
# A graph above this size is not held after a run.
GRAPH_BYTES: Final = 16 * 2**20
# A result above this size would drive the copies of the network out of the model's cache, which every input needs.
LARGEST_SHARED: Final = CACHE_BYTES // 4
# Of the list of what was captured of some inputs.
INDEX_BYTES: Final = 256


class Memory:
    """Logits, kept logits and captured layers of one batch of inputs.

    What was computed here is held as long as the memory lives (an attribution answers further targets from it). Through
    the model's store, other cases with the same inputs find it too, as long as the store keeps it.

    Parameters
    ----------
    runner : Runner
        How the model is run; results of differently run models never meet.
    inputs : Tensor
        `[N, C, *S]`.
    beside : Memory, optional
        One of the same inputs: what they are is not looked up again.
    of : Memory, optional
        One of the inputs that these are variants or rows of: what is forgotten of those is forgotten of these.
    """

    def __init__(
        self, runner: Runner, inputs: Tensor, beside: "Memory | None" = None, *, of: "Memory | None" = None
    ) -> None:
        self._runner = runner
        self._inputs = inputs
        self._beside = beside
        source = beside if of is None else of
        self._shared: set[bytes] = set() if source is None else source._shared  # digests of what the store keeps
        self._own: dict[tuple[Any, ...], object] = {}
        self._rows: dict[int, Memory] = {}

    def recall(self, key: tuple[Hashable, ...], kind: type[T]) -> T | None:
        """Return what is kept under `key`, if it is a `kind`."""
        found = self._own.get(key)
        if found is None:
            found = self._runner.store.get((self._runner.key, self._digest, key))
            if found is not None:
                self._own[key] = found
        return found if isinstance(found, kind) else None

    def keep(self, key: tuple[Hashable, ...], value: object, nbytes: int) -> None:
        """Keep `value` of `nbytes` bytes under `key`."""
        self._own[key] = value
        if nbytes <= LARGEST_SHARED:
            self._shared.add(self._digest)
            self._runner.store.put((self._runner.key, self._digest, key), value, nbytes)
            if isinstance(value, Captured):
                self._runner.store.put(self._captures, (*self._shared_captures(), key), INDEX_BYTES)

    def captured(self, layers: tuple[str, ...], kind: GradientKind) -> Captured | None:
        """Return a capture of at least these layers for this kind of gradient, if there is one."""
        for key in (*self._own, *self._shared_captures()):
            if key[:2] == ("capture", kind) and set(layers) <= set(key[2]):
                found = self.recall(key, Captured)
                if found is not None:
                    return found
        return None

    @property
    def _captures(self) -> Hashable:
        return self._runner.key, self._digest, "captures"

    def _shared_captures(self) -> tuple[tuple[Any, ...], ...]:
        """Return the keys under which the store keeps captures of these inputs, or kept them once."""
        found: tuple[tuple[Any, ...], ...] | None = self._runner.store.get(self._captures)
        return () if found is None else found

    def row(self, index: int) -> "Memory":
        """Return the memory of one row of the inputs, with what was captured of it; it lasts as long as this one."""
        if len(self._inputs) == 1:
            return self
        if index not in self._rows:
            self._rows[index] = Memory(self._runner, self._inputs[index : index + 1], of=self)
        row = self._rows[index]
        for key, value in self._own.items():
            if isinstance(value, Captured) and key not in row._own:
                row._own[key] = value.row(index)
        return row

    def release(self) -> None:
        """Let go of large graphs when a run is over; small ones answer further targets."""
        for row in self._rows.values():
            row.release()
        for key, value in list(self._own.items()):
            if isinstance(value, Attention | Captured) and value.nbytes > GRAPH_BYTES:
                del self._own[key]

    def forget(self) -> None:
        """Let go of everything, here and where other cases with the same inputs, their rows or variants would find it."""
        self._own.clear()
        self._rows.clear()
        digests = {self._digest, *self._shared}
        kept = (key for key in self._runner.store.held() if isinstance(key, tuple))
        self._runner.store.forget([key for key in kept if key[1] in digests])
        self._shared.clear()

    @cached_property
    def _digest(self) -> bytes:
        return digest_of(self._inputs) if self._beside is None else self._beside._digest


def digest_of(values: Tensor) -> bytes:
    """Return a digest of a tensor's numbers and shape."""
    array = values.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return hashlib.blake2b(array.tobytes() + str(tuple(values.shape)).encode(), digest_size=16).digest()
