"""Independent parts of one computation, side by side: each on its share of a processor's threads.

Threads that work on one layer together wait for each other at the end of every layer. Where there are many small ones,
two halves that never wait take less time.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

STREAMS: Final = 2
# Seconds after which a caller that waits looks for an interrupt: one that comes just before a wait begins, or to another
# thread, does not end it.
LOOKS_EVERY: Final = 0.1


def side_by_side(work: Callable[[int], Tensor], parts: Sequence[int]) -> list[Tensor]:
    """Return what `work` gives for every part, in their order.

    Parameters
    ----------
    work : callable
        Runs without gradients, in the caller's precision, in several threads at once: it may not change what another
        part reads.
    parts : sequence of int

    Raises
    ------
    BaseException
        The first error of any part, or the caller's interrupt: once every stream has stopped.

    Examples
    --------
    >>> [found.item() for found in side_by_side(lambda part: torch.tensor(2 * part), range(3))]
    [0, 2, 4]
    """
    threads = torch.get_num_threads()
    if min(threads, len(parts)) < STREAMS:
        return [work(part) for part in parts]
    shared = _Shared(work, parts, threads // STREAMS)
    streams = [_Stream(shared) for _ in range(STREAMS)]
    try:
        for stream in streams:
            stream.start()
        shared.begun.wait()
        # The number is a thread's own, but threads that begin later take the latest.
        torch.set_num_threads(threads)
        for stream in streams:
            while not stream.ended.wait(LOOKS_EVERY):
                pass
    finally:  # after an interrupt: the streams end after the part that they are at
        shared.is_over = True
        shared.begun.abort()
        for stream in streams:
            if stream.ident is not None:
                stream.ended.wait()
        torch.set_num_threads(threads)
    if shared.error is not None:
        raise shared.error
    return [shared.found[place] for place in range(len(parts))]


class _Shared:
    """What the streams of one call share."""

    def __init__(self, work: Callable[[int], Tensor], parts: Sequence[int], threads: int) -> None:
        self.work, self.threads = work, threads
        self.left = iter(enumerate(parts))
        self.inference = torch.is_inference_mode_enabled()
        self.lowered = torch.is_autocast_enabled("cpu")
        self.begun = threading.Barrier(STREAMS + 1)
        self.is_over = False
        self.found: dict[int, Tensor] = {}
        self.error: BaseException | None = None


class _Stream(threading.Thread):
    def __init__(self, shared: _Shared) -> None:
        super().__init__(name="xai-widget stream", daemon=True)
        self._shared = shared
        # `join` is not to be relied on: once interrupted, it takes a thread that runs for one that has ended.
        self.ended = threading.Event()

    def run(self) -> None:
        """Run parts until none is left."""
        shared = self._shared
        try:
            torch.get_num_threads()  # until it has been asked for, the number that is set is not kept
            torch.set_num_threads(shared.threads)
            shared.begun.wait()
            with (
                torch.inference_mode(shared.inference),
                torch.no_grad(),
                torch.autocast("cpu", torch.bfloat16, enabled=shared.lowered),
            ):
                for place, part in shared.left:
                    if shared.is_over:
                        return
                    shared.found[place] = shared.work(part)
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            shared.error, shared.is_over = shared.error or error, True
        finally:
            self.ended.set()
