"""One worker thread; in every lane the newest request wins.

A job is a generator of progress. The worker looks at the job's cancel event between two steps and closes the generator
itself (closing a generator from another thread raises). Between two steps it also looks whether a more urgent lane has
something to do: covering a place is answered while a long run goes on, and a strip of small maps waits for the map
that somebody looks at. The thread starts with the first job and ends when none is left, so that an idle widget holds
no thread.
"""

import atexit
import contextvars
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

Outcome = Literal["done", "cancelled", "superseded", "error"]
Lane = Literal["probe", "main", "regions", "others", "film"]
# The most urgent first.
LANES: Final[tuple[Lane, ...]] = ("probe", "main", "regions", "others", "film")
# Ctrl-C is only seen between two waits for a job.
POLL_SECONDS: Final = 0.1
# How long a Python that ends waits for steps under way.
LAST_SECONDS: Final = 5.0
LOG: Final = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """A request on its way.

    Attributes
    ----------
    request_id : int or str
        Names it in every message.
    steps : callable
        Returns the generator that does the work, a step at a time.
    finish : callable
        Called once, in the worker (or in the thread that superseded a waiting job), with the outcome and the exception.
    """

    request_id: int | str
    steps: Callable[[], Iterator[None]]
    finish: Callable[["Job", Outcome, BaseException | None], None]
    outcome: Outcome | None = None
    error: BaseException | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    advanced: threading.Event = field(default_factory=threading.Event)
    _stop: Outcome | None = None
    _steps: Iterator[None] | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked it to end."""
        return self._stop is not None

    def stop(self, why: Outcome) -> None:
        """Ask the job to end after its current step."""
        if self._stop is None:
            self._stop = why

    def end(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Record how the job ended and tell whoever waits."""
        self.outcome, self.error = outcome, error
        try:
            self.finish(self, outcome, error)
        except Exception:
            # A page that went away must not end the worker: the next job needs it.
            LOG.exception("Nobody could be told that request %s ended.", self.request_id)
        finally:
            self.advanced.set()
            self.ended.set()

    def step(self) -> None:
        """Work for one step; end when the steps are over, or somebody asked to stop."""
        try:
            if self._stop is None and self._advance():
                return
            self._close()
        except BaseException as error:  # noqa: BLE001 - whatever a model raises is shown in the widget
            self.end("error", error)
            return
        self.end(self._stop or "done")

    def _advance(self) -> bool:
        """Take a step; returns whether there may be more."""
        if self._steps is None:
            self._steps = self.steps()
        try:
            next(self._steps)
        except StopIteration:
            return False
        except BaseException:
            self._steps = None
            raise
        self.advanced.set()
        return self._stop is None

    def _close(self) -> None:
        close = getattr(self._steps, "close", None)
        self._steps = None
        if close is not None:
            close()


class _Queue:
    """One lane: the job that is under way, and the one that waits to replace it."""

    def __init__(self) -> None:
        self.running: Job | None = None
        self.waiting: Job | None = None

    @property
    def newest(self) -> Job | None:
        return self.waiting or self.running

    def turn(self) -> Job | None:
        """Return the job whose turn it is: the one under way to its end, then the one that waits."""
        if self.running is None or self.running.ended.is_set():
            self.running, self.waiting = self.waiting, None
        return self.running


class Worker:
    """Steps jobs in a thread of its own; a new job stops the one under way in its lane and replaces a waiting one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[Lane, _Queue] = {lane: _Queue() for lane in LANES}
        self._thread: threading.Thread | None = None

    @property
    def current(self) -> Job | None:
        """The newest job of the main lane that has not ended."""
        with self._lock:
            newest = self._lanes["main"].newest
            return None if newest is None or newest.ended.is_set() else newest

    def should_pause(self, lane: Lane) -> bool:
        """Whether the job under way in `lane` is to end, or a more urgent lane has something to do.

        The worker looks between two steps by itself; a long step can ask meanwhile.
        """
        with self._lock:
            running = self._lanes[lane].running
            urgent = LANES[: LANES.index(lane)]
            return (running is not None and running.is_stopping) or any(
                newest is not None and not newest.ended.is_set()
                for newest in (self._lanes[each].newest for each in urgent)
            )

    def submit(self, job: Job, lane: Lane = "main") -> None:
        """Queue `job`; older ones of its lane end as superseded."""
        with self._lock:
            queue = self._lanes[lane]
            dropped, queue.waiting = queue.waiting, job
            if queue.running is not None:
                queue.running.stop("superseded")
            if self._thread is None:
                # ipykernel reads the parent message from the context: the thread must work in the submitter's.
                context = contextvars.copy_context()
                self._thread = threading.Thread(target=context.run, args=(self._work,), name="xai-widget", daemon=True)
                self._thread.start()
                _WORKERS.add(self)
        if dropped is not None:
            dropped.end("superseded")

    def cancel(self) -> bool:
        """Stop what is under way in every lane and drop what waits; returns whether there was anything."""
        with self._lock:
            dropped = [queue.waiting for queue in self._lanes.values() if queue.waiting is not None]
            running = [queue.running for queue in self._lanes.values() if queue.running is not None]
            running = [job for job in running if not job.ended.is_set()]
            for queue in self._lanes.values():
                queue.waiting = None
            for job in running:
                job.stop("cancelled")
        for job in dropped:
            job.end("cancelled")
        return bool(dropped or running)

    def join(self, seconds: float) -> None:
        """Wait until nothing is left to do, at most so long."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _work(self) -> None:
        while True:
            with self._lock:
                turns = (queue.turn() for queue in self._lanes.values())
                job = next((job for job in turns if job is not None), None)
                if job is None:
                    self._thread = None
                    return
            job.step()


_WORKERS: Final[weakref.WeakSet[Worker]] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Let no thread be in PyTorch when Python ends: it would be killed there, and the process would abort."""
    deadline = time.monotonic() + LAST_SECONDS
    workers = list(_WORKERS)
    for worker in workers:
        worker.cancel()
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
