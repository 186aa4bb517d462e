"""Where rows are explained: here, or in local processes; and the loop that keeps them busy.

At most `window` rows are out at once, so that neither inputs nor results pile up however many rows there are.
"""

import os
import re
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import Pipe, current_process
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

import torch
from joblib.externals.loky import ProcessPoolExecutor

from xai_widget.cohort.running.items import Item
from xai_widget.cohort.running.luggage import Luggage, explain_with, unpack
from xai_widget.cohort.running.rows import Outcome, Task

# Rows out at once for each worker: one is explained while the next one waits beside it.
AHEAD: Final = 2


class WorkerDied(RuntimeError):
    """A worker was gone before it answered."""


class Pool(Protocol):
    """Something that explains rows."""

    @property
    def window(self) -> int:
        """How many rows may be out at once."""

    def submit(self, row: int) -> Any:
        """Begin a row and return a future; raises WorkerDied where the workers are gone."""

    def finished(self, futures: Iterable[Any]) -> Iterable[Any]:
        """Return those that are done, after waiting for one at least."""

    def outcome(self, future: Any) -> Outcome:
        """Return what became of a row; raises WorkerDied where its worker is gone."""

    def renew(self) -> None:
        """Start workers anew after some died."""

    def close(self) -> None:
        """End; what is still under way is dropped."""


def outcomes(pool: Pool, rows: Iterable[int], held: Callable[[], int]) -> Iterator[Outcome]:
    """Yield the outcomes of rows as they come.

    Rows that were out when a worker died are tried again one at a time: then the one that kills its worker is known.

    Parameters
    ----------
    pool : Pool
        Where they are explained.
    rows : iterable of int
        In the order in which they begin.
    held : callable
        How many outcomes the caller still holds in memory: they count as out.
    """
    waiting, flying, lost = iter(rows), dict[Any, int](), deque[int]()
    while True:
        alone = bool(lost) and not flying
        if alone:
            pool.renew()
            row = lost.popleft()
            flying[pool.submit(row)] = row
        elif not lost:
            for row in islice(waiting, max(0, pool.window - len(flying) - held())):
                try:
                    flying[pool.submit(row)] = row
                except WorkerDied:
                    lost.append(row)
        if not flying and not lost:
            return
        for future in pool.finished(flying) if flying else ():
            row = flying.pop(future)
            try:
                yield pool.outcome(future)
            except WorkerDied as error:
                if alone:
                    pool.renew()
                    yield Outcome.failed(row, None, error)
                else:
                    lost.append(row)


# -- here ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Here:
    """Explains rows in this process, one after the other."""

    task: Task
    window: int = 1

    def submit(self, row: int) -> Future[Outcome]:
        """Explain a row."""
        future: Future[Outcome] = Future()
        future.set_result(self.task.explain(row))
        return future

    def finished(self, futures: Iterable[Future[Outcome]]) -> list[Future[Outcome]]:
        """Return all."""
        return list(futures)

    def outcome(self, future: Future[Outcome]) -> Outcome:
        """Return what became of a row."""
        return future.result()

    def renew(self) -> None:
        """Nothing to start."""

    def close(self) -> None:
        """Nothing to end."""


# -- elsewhere ----------------------------------------------------------------------------------------------------------


class Local:
    """Explains rows in local processes.

    Parameters
    ----------
    luggage : Luggage
        What each process gets once.
    count : int
        Of processes; they share the threads that this one would use.
    """

    def __init__(self, luggage: Luggage, count: int) -> None:
        self._luggage = luggage
        self._count = count
        self._start()

    @property
    def window(self) -> int:
        """How many rows may be out at once."""
        return AHEAD * self._count

    def submit(self, row: int) -> Future[Outcome]:
        """Begin a row."""
        try:
            future: Future[Outcome] = self._executor.submit(_explain, row, self._luggage.item(row))
        except BrokenProcessPool as error:
            raise WorkerDied(_words(error)) from error
        return future

    def finished(self, futures: Iterable[Future[Outcome]]) -> set[Future[Outcome]]:
        """Return those that are done, after waiting for one at least."""
        return wait(futures, return_when=FIRST_COMPLETED).done

    def outcome(self, future: Future[Outcome]) -> Outcome:
        """Return what became of a row."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            raise WorkerDied(_words(error)) from error

    def renew(self) -> None:
        """Start processes anew where some died."""
        if self._executor._flags.broken is not None:  # noqa: SLF001 - it says so nowhere else
            self.close()
            self._start()

    def close(self) -> None:
        """End the processes."""
        self._executor.shutdown(wait=True, kill_workers=True)
        for end in (self._alive, self._watched):
            end.close()

    def _start(self) -> None:
        threads = max(1, torch.get_num_threads() // self._count)
        # Only this process holds the one end: when it is gone, in whatever way, the other end says so.
        self._watched, self._alive = Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(
            max_workers=self._count,
            initializer=_Process.settle,
            initargs=(self._luggage.packed, threads, self._watched),
            env={"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
        )


def _words(error: BaseException) -> str:
    codes = re.search(r"\{(.+)\}", str(error))
    detail = f" ({codes[1]})" if codes else ""
    return f"The process that explained this input died{detail}. Perhaps it ran out of memory."


class _Process:
    """What a worker process holds: one task."""

    packed: bytes | None = None
    task: Task | None = None

    @classmethod
    def settle(cls, packed: bytes, threads: int, watched: Connection) -> None:
        threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
        # Ctrl-C reaches all processes of a terminal: this one is ended by the one that started it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        torch.set_num_threads(threads)
        cls.packed = packed

    @classmethod
    def loaded(cls) -> Task:
        if cls.task is None:
            if cls.packed is None:
                message = f"Process {os.getpid()} was given no task."
                raise RuntimeError(message)
            # Processes are numbered from 1, in their names.
            cls.task = unpack(cls.packed, int(current_process().name.rpartition("-")[2]) - 1)
            cls.packed = None
        return cls.task


def _end_with(watched: Connection) -> None:
    """End this process when the one that started it is gone."""
    with suppress(EOFError, OSError):
        watched.recv_bytes()
    os._exit(1)


def _explain(row: int, item: Item | Outcome | None) -> Outcome:
    return explain_with(_Process.loaded(), row, item)
