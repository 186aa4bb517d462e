"""One worker thread, newest request wins.

A job is a generator of progress. The worker looks at the job's cancel event between two steps and closes the generator
itself (closing a generator from another thread raises). The thread starts with the first job and ends when none is
left, so that an idle widget holds no thread.
"""

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Outcome = Literal["done", "cancelled", "superseded", "error"]
# Ctrl-C is only seen between two waits for a job.
POLL_SECONDS: Final = 0.1
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

    def run(self) -> None:
        """Work until the steps are over, or somebody asked to stop."""
        if self._stop is not None:
            self.end(self._stop)
            return
        try:
            steps = self.steps()
            try:
                for _ in steps:
                    self.advanced.set()
                    if self._stop is not None:
                        break
            finally:
                _close(steps)
        except BaseException as error:  # noqa: BLE001 - whatever a model raises is shown in the widget
            self.end("error", error)
            return
        self.end(self._stop or "done")


class Worker:
    """Runs one job at a time in a thread of its own; a new job stops the running one and replaces a waiting one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: Job | None = None
        self._running: Job | None = None
        self._thread: threading.Thread | None = None

    @property
    def current(self) -> Job | None:
        """The newest job that has not ended."""
        with self._lock:
            return self._waiting or self._running

    def submit(self, job: Job) -> None:
        """Queue `job`; older ones end as superseded."""
        with self._lock:
            dropped, self._waiting = self._waiting, job
            if self._running is not None:
                self._running.stop("superseded")
            if self._thread is None:
                # ipykernel reads the parent message from the context: the thread must work in the submitter's.
                context = contextvars.copy_context()
                self._thread = threading.Thread(target=context.run, args=(self._work,), name="xai-widget", daemon=True)
                self._thread.start()
        if dropped is not None:
            dropped.end("superseded")

    def cancel(self) -> bool:
        """Stop the running job and drop the waiting one; returns whether there was any."""
        with self._lock:
            dropped, self._waiting = self._waiting, None
            running = self._running
            if running is not None:
                running.stop("cancelled")
        if dropped is not None:
            dropped.end("cancelled")
        return dropped is not None or running is not None

    def _work(self) -> None:
        while True:
            with self._lock:
                self._running, self._waiting = self._waiting, None
                if self._running is None:
                    self._thread = None
                    return
                job = self._running
            job.run()


def _close(steps: Any) -> None:
    close = getattr(steps, "close", None)
    if close is not None:
        close()
