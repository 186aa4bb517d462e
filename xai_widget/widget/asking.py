"""Asker: turns a widget's settings into attributions, in the background, and reports what happens.

It knows sessions and jobs and nothing of Jupyter; the widget hands it a `Reporter`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Protocol, TypeAlias

from xai_widget.attribution import Attribution
from xai_widget.explainers import Layer, Method
from xai_widget.session import Session
from xai_widget.targets import Target
from xai_widget.widget.jobs import Job, Lane, Outcome, Worker
from xai_widget.widget.protocol import RequestId, Status, status

REPORTS_PER_SECOND: Final = 10
REMEMBERED: Final = 32
# Of results that nobody has asked for yet.
PREPARED_BYTES: Final = 16 * 2**20
# Partial maps of large volumes come less often.
BYTES_PER_SECOND: Final = 20e6


Key: TypeAlias = tuple[int, Method, Target, Layer]
"""Session, method, target and layer."""


@dataclass(frozen=True)
class Wish:
    """What is asked: settings at one moment."""

    session: int
    method: Method
    target: Target
    layer: Layer

    @property
    def key(self) -> Key:
        """Equal for equal questions."""
        return self.session, self.method, self.target, as_key(self.layer)


def as_key(layer: Layer) -> Layer:
    """Return a layer as it can stand in a key: several as a tuple."""
    return tuple(layer) if isinstance(layer, list) else layer


class Reporter(Protocol):
    """Where news goes; called from the worker's thread."""

    def report_status(self, news: Status) -> None:
        """The state changed, or there is progress."""

    def report_session(self, index: int) -> None:
        """The model of a session has changed, and with it the predictions and perhaps the layers."""

    def report_result(self, request_id: RequestId, wish: Wish, attribution: Attribution) -> None:
        """A map, partial or final."""

    def report_error(self, request_id: RequestId, error: BaseException) -> None:
        """The run failed."""

    def report_end(self, request_id: RequestId, outcome: Outcome) -> None:
        """The run was superseded or cancelled and brings nothing more."""


class Asker:
    """Runs wishes on sessions, newest first, and remembers what came out.

    Parameters
    ----------
    sessions : sequence of Session
        What can be asked about.
    reporter : Reporter
        Where news goes.

    Attributes
    ----------
    finished : OrderedDict
        Final attributions by the wish's key, the one asked for last at the end; at most `REMEMBERED`.
    prepared : OrderedDict
        Final attributions that came with other answers, by the key of a wish that may follow, the newest at the end;
        at most `PREPARED_BYTES`.
    latest : tuple of Wish, Attribution, request id; or None
        The newest map, partial or final.
    failure : tuple of request id and exception, or None
        Set while the newest run is a failed one.
    lock : threading.RLock
        Held while news is told. Whoever tells the page anything else takes it too: with one lock nobody can wait for
        the other.
    """

    def __init__(self, sessions: Sequence[Session], reporter: Reporter) -> None:
        self.sessions = sessions
        self.finished: OrderedDict[Key, Attribution] = OrderedDict()
        self.prepared: OrderedDict[Key, Attribution] = OrderedDict()
        self.latest: tuple[Wish, Attribution, RequestId] | None = None
        self.failure: tuple[RequestId, BaseException] | None = None
        self.lock = threading.RLock()
        self._reporter = reporter
        self._worker = Worker()
        self._ids = count(1)
        self._newest: RequestId = None

    @property
    def job(self) -> Job | None:
        """The newest job that has not ended."""
        return self._worker.current

    def ask(self, wish: Wish, request_id: RequestId = None) -> Job:
        """Start a run for `wish`; the one before, if any, is superseded."""
        return self.perform(lambda name: self._steps(name, wish), request_id)

    def perform(self, steps: Callable[[RequestId], Iterator[None]], request_id: RequestId = None) -> Job:
        """Start a run of other steps, which are handed its name; the one before, if any, is superseded."""
        name = request_id if request_id is not None else next(self._ids)
        job = Job(name, lambda: steps(name), self._ended)
        with self.lock:
            self._newest = name
            self.failure = None
            self._reporter.report_status(status("queued", name, message="Waiting"))
        self._worker.submit(job)
        return job

    def hold(self, message: str) -> None:
        """Wait until somebody asks for a run, and say why; a run of earlier settings is stopped."""
        with self.lock:
            self._newest = next(self._ids)
            self.failure = None
            self._reporter.report_status(status("idle", self._newest, message=message))
        self._worker.cancel()

    def refuse(self, error: Exception, request_id: RequestId = None) -> None:
        """Take a wish that cannot be asked as a run that failed at once; the one before, if any, is cancelled."""
        name = request_id if request_id is not None else next(self._ids)
        with self.lock:
            self._newest = name
            self.failure = (name, error)
            self._reporter.report_error(name, error)
            self._reporter.report_status(status("error", name, message="Failed"))
        self._worker.cancel()

    def beside(self, lane: Lane, request_id: RequestId, steps: Callable[[], Iterator[None]]) -> Job:
        """Do something else in a lane of its own; an exception is told under `request_id`."""
        job = Job(request_id if request_id is not None else next(self._ids), steps, self._beside_ended)
        self._worker.submit(job, lane)
        return job

    def _beside_ended(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        with self.lock:
            if error is not None:
                self._reporter.report_error(job.request_id, error)
            elif outcome != "done":
                self._reporter.report_end(job.request_id, outcome)

    def should_pause(self, lane: Lane) -> bool:
        """Whether what runs in `lane` keeps something more urgent waiting, or is to end; asked in the worker."""
        return self._worker.should_pause(lane)

    def cancel(self) -> bool:
        """Stop what is running or waiting; returns whether there was anything."""
        return self._worker.cancel()

    def forget(self) -> None:
        """Drop every result (the model has changed)."""
        self.finished.clear()
        self.prepared.clear()
        self.latest = None
        self.failure = None

    def changed(self, session: int) -> None:
        """Drop final results and tell the page: the model of a session has changed."""
        with self.lock:
            self.finished.clear()
            self.prepared.clear()
            self._reporter.report_session(session)

    def drop(self, session: int) -> None:
        """Forget a session's results: another one takes its place."""
        with self.lock:
            for results in (self.finished, self.prepared):
                for key in [key for key in results if key[0] == session]:
                    del results[key]
            if self.latest is not None and self.latest[0].session == session:
                self.latest = None

    def keep(self, wish: Wish, attribution: Attribution) -> None:
        """Remember a final result, and drop what was asked for longest ago."""
        with self.lock:
            self.finished[wish.key] = attribution
            while len(self.finished) > REMEMBERED:
                self.finished.popitem(last=False)

    def prepare(self, results: Mapping[Key, Attribution]) -> None:
        """Remember final results that may be asked for next; where there are too many, the oldest are dropped."""
        with self.lock:
            for key, attribution in results.items():
                self.prepared[key] = attribution
                self.prepared.move_to_end(key)
            held = sum(attribution.values.nbytes for attribution in self.prepared.values())
            while held > PREPARED_BYTES:
                held -= self.prepared.popitem(last=False)[1].values.nbytes

    def show_again(self, request_id: RequestId) -> None:
        """Show the newest map as what this run ended with."""
        if self.latest is not None:
            self._show(request_id, *self.latest[:2])

    def tell(self, request_id: RequestId, news: Status) -> None:
        """Report progress, unless a newer run has begun: its news would be overwritten."""
        with self.lock:
            if request_id == self._newest:
                self._reporter.report_status(news)

    def _steps(self, request_id: RequestId, wish: Wish) -> Iterator[None]:
        session = self.sessions[wish.session]
        self.tell(request_id, status("running", request_id, message=wish.method.label))
        if session.refresh():
            self.changed(wish.session)
        yield
        known = self.finished.get(wish.key)
        if known is not None:  # asked before, and the model is still the same
            self.finished.move_to_end(wish.key)
            self._show(request_id, wish, known)
            return
        if (known := self.prepared.get(wish.key)) is not None:
            self._deliver(request_id, wish, known)
            return
        began = time.monotonic()
        reported = 0.0
        target_row = None if wish.target is None else [wish.target]
        for (attribution,) in session.run(wish.method, target_row, wish.layer, fresh=True):
            fraction = float(attribution.meta["fraction"])
            now = time.monotonic()
            pause = max(1 / REPORTS_PER_SECOND, attribution.values.nbytes / BYTES_PER_SECOND)
            if fraction < 1 and now - reported < pause:
                yield
                continue
            reported = now
            self._deliver(request_id, wish, attribution)
            if fraction < 1:
                eta = (now - began) * (1 - fraction) / fraction if fraction > 0 else None
                progress = status("running", request_id, fraction=fraction, message=wish.method.label, eta_s=eta)
                self.tell(request_id, progress)
            yield

    def _deliver(self, request_id: RequestId, wish: Wish, attribution: Attribution) -> None:
        with self.lock:
            if request_id != self._newest:
                return
            if attribution.meta["fraction"] >= 1:
                self.keep(wish, attribution)
            self._show(request_id, wish, attribution)

    def _show(self, request_id: RequestId, wish: Wish, attribution: Attribution) -> None:
        with self.lock:
            if request_id == self._newest:
                self.latest = (wish, attribution, request_id)
                self._reporter.report_result(request_id, wish, attribution)

    def _ended(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        match outcome:
            case "done":
                self.tell(job.request_id, status("done", job.request_id, fraction=1.0, message="Done"))
            case "error" if error is not None:
                with self.lock:
                    if job.request_id == self._newest:
                        self.failure = (job.request_id, error)
                    self._reporter.report_error(job.request_id, error)
                self.tell(job.request_id, status("error", job.request_id, message="Failed"))
            case _:
                self._reporter.report_end(job.request_id, outcome)
                if outcome == "cancelled":
                    self.tell(job.request_id, status("cancelled", job.request_id, message="Cancelled"))
