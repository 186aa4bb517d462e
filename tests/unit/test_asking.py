"""Asker: what is told of a run, in which order, how often, and what is remembered."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest

from xai_widget.attribution import Attribution
from xai_widget.explainers import build_method
from xai_widget.targets import Target
from xai_widget.widget.asking import REMEMBERED, REPORTS_PER_SECOND, Asker, Wish
from xai_widget.widget.jobs import Job

SOON = 10.0  # seconds; nothing here waits that long unless it is broken
News = tuple[Literal["status", "session", "result", "error", "end"], Any, Any]


class Notes:
    """A reporter that writes everything down: (kind, request id, what)."""

    def __init__(self) -> None:
        self.news: list[News] = []

    def report_status(self, news: dict[str, Any]) -> None:
        self.news.append(("status", news["request_id"], news["state"]))

    def report_session(self, index: int) -> None:
        self.news.append(("session", None, index))

    def report_result(self, request_id: Any, _wish: Wish, attribution: Attribution) -> None:
        self.news.append(("result", request_id, attribution.meta["fraction"]))

    def report_error(self, request_id: Any, error: BaseException) -> None:
        self.news.append(("error", request_id, error))

    def report_end(self, request_id: Any, outcome: str) -> None:
        self.news.append(("end", request_id, outcome))

    def of(self, kind: str) -> list[News]:
        return [news for news in self.news if news[0] == kind]


class Scripted:
    """A session whose runs yield these fractions; `before` is called ahead of each estimate."""

    def __init__(self, fractions: list[float], before: Callable[[float], object] = lambda _fraction: None) -> None:
        self.fractions = fractions
        self.before = before
        self.changed = False
        self.asked: list[tuple[Any, Any]] = []

    def refresh(self) -> bool:
        changed, self.changed = self.changed, False
        return changed

    def run(self, _method: Any, targets: Any, layer: Any, *, fresh: bool) -> Iterator[list[Attribution]]:
        assert fresh  # the asker has looked at the model
        self.asked.append((targets, layer))
        for fraction in self.fractions:
            self.before(fraction)
            yield [an_attribution(fraction)]


class Clock:
    """Stands still until it is told how late it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("xai_widget.widget.asking.time", SimpleNamespace(monotonic=lambda: self.now))


class Gate:
    """Holds a run at each estimate until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def __call__(self, _fraction: float) -> None:
        self.reached.release()
        assert self.open.acquire(timeout=SOON)


def an_attribution(fraction: float) -> Attribution:
    values = np.full((2, 2), fraction, np.float32)
    return Attribution(values, "occlusion", {}, 0, "cat", None, (2, 2), meta={"fraction": fraction})


def a_wish(target: Target = None, layer: Any = None, **params: Any) -> Wish:
    return Wish(0, build_method("occlusion", params), target, layer)


def asker_of(session: Scripted) -> tuple[Asker, Notes]:
    notes = Notes()
    return Asker([session], notes), notes


def finished(job: Job) -> Job:
    assert job.ended.wait(SOON)
    return job


def test_a_run_tells_queued_running_results_done_in_this_order() -> None:
    asker, notes = asker_of(Scripted([1.0]))
    finished(asker.ask(a_wish(), "r1"))
    assert notes.news == [
        ("status", "r1", "queued"),
        ("status", "r1", "running"),
        ("result", "r1", 1.0),
        ("status", "r1", "done"),
    ]


def test_requests_without_a_name_are_counted() -> None:
    asker, notes = asker_of(Scripted([1.0]))
    first, second = finished(asker.ask(a_wish())), finished(asker.ask(a_wish()))
    assert (first.request_id, second.request_id) == (1, 2)
    assert {news[1] for news in notes.news} == {1, 2}


def test_the_session_is_asked_for_the_wish() -> None:
    session = Scripted([1.0])
    asker, _ = asker_of(session)
    finished(asker.ask(a_wish(target=3, layer=("a", "b"))))
    finished(asker.ask(a_wish(target=None)))
    assert session.asked == [([3], ("a", "b")), (None, None)]


def test_progress_is_told_at_most_ten_times_a_second_and_the_end_always(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    steps = 1000  # one a millisecond

    def tick(_fraction: float) -> None:
        clock.now += 0.001

    asker, notes = asker_of(Scripted([step / steps for step in range(1, steps + 1)], tick))
    finished(asker.ask(a_wish()))
    fractions = [fraction for _, _, fraction in notes.of("result")]
    assert len(fractions) == REPORTS_PER_SECOND + 1
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.001
    assert fractions[-1] == 1.0
    assert notes.of("status")[-1] == ("status", 1, "done")


def test_progress_carries_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    told = []

    def two_seconds(_fraction: float) -> None:
        clock.now += 2

    asker, notes = asker_of(Scripted([0.25, 0.5, 1.0], two_seconds))
    monkeypatch.setattr(notes, "report_status", lambda news: told.append((news["fraction"], news["eta_s"])))
    finished(asker.ask(a_wish()))
    assert told == [(0.0, None), (0.0, None), (0.25, 6.0), (0.5, 4.0), (1.0, None)]


def test_news_of_a_superseded_run_never_follows_that_of_the_newest() -> None:
    gate = Gate()
    session = Scripted([0.5, 1.0], gate)
    asker, notes = asker_of(session)
    old = asker.ask(a_wish(target=1), "old")
    assert gate.reached.acquire(timeout=SOON)
    new = asker.ask(a_wish(target=2), "new")
    gate.open.release(4)
    finished(old)
    finished(new)
    start = notes.news.index(("status", "new", "queued"))
    assert [news for news in notes.news[start:] if news[1] == "old"] == [("end", "old", "superseded")]
    assert notes.news[-1] == ("status", "new", "done")
    assert asker.latest is not None
    assert asker.latest[2] == "new"
    assert list(asker.finished) == [a_wish(target=2).key]


def test_a_waiting_run_that_is_superseded_is_answered() -> None:
    gate = Gate()
    asker, notes = asker_of(Scripted([1.0], gate))
    jobs = [asker.ask(a_wish(target=1), "first")]
    assert gate.reached.acquire(timeout=SOON)
    jobs += [asker.ask(a_wish(target=target), f"r{target}") for target in (2, 3, 4)]
    gate.open.release(2)
    for job in jobs:
        finished(job)
    assert sorted(notes.of("end")) == [("end", name, "superseded") for name in ("first", "r2", "r3")]
    assert notes.of("result") == [("result", "r4", 1.0)]


def test_cancel_keeps_the_last_partial_map_and_says_cancelled() -> None:
    gate = Gate()
    asker, notes = asker_of(Scripted([0.25, 0.5, 1.0], gate))
    job = asker.ask(a_wish(), "r1")
    assert gate.reached.acquire(timeout=SOON)
    gate.open.release()
    assert gate.reached.acquire(timeout=SOON)
    assert asker.cancel() is True
    gate.open.release()
    assert finished(job).outcome == "cancelled"
    assert notes.news[-2:] == [("end", "r1", "cancelled"), ("status", "r1", "cancelled")]
    assert asker.latest is not None
    assert asker.latest[1].meta["fraction"] < 1
    assert not asker.finished
    assert asker.cancel() is False


def test_a_failure_is_told_recorded_and_cleared_by_the_next_run() -> None:
    error = ArithmeticError("boom")

    def fail(_fraction: float) -> None:
        raise error

    session = Scripted([1.0], fail)
    asker, notes = asker_of(session)
    assert finished(asker.ask(a_wish(), "bad")).error is error
    assert notes.news[-2:] == [("error", "bad", error), ("status", "bad", "error")]
    assert asker.failure == ("bad", error)
    gate = Gate()
    session.before = gate
    job = asker.ask(a_wish(), "good")
    assert asker.failure is None
    gate.open.release()
    finished(job)
    assert asker.failure is None
    assert notes.news[-1] == ("status", "good", "done")


def test_the_failure_of_a_superseded_run_is_answered_but_not_recorded() -> None:
    gate, error = Gate(), ArithmeticError("boom")

    def fail_first(_fraction: float) -> None:
        gate(0)
        if len(session.asked) == 1:
            raise error

    session = Scripted([1.0], fail_first)
    asker, notes = asker_of(session)
    old = asker.ask(a_wish(target=1), "old")
    assert gate.reached.acquire(timeout=SOON)
    new = asker.ask(a_wish(target=2), "new")
    gate.open.release(2)
    finished(old)
    finished(new)
    assert notes.of("error") == [("error", "old", error)]
    assert ("status", "old", "error") not in notes.news
    assert asker.failure is None
    assert notes.news[-1] == ("status", "new", "done")


def test_finished_results_are_bounded_and_the_oldest_go_first() -> None:
    asker, _ = asker_of(Scripted([1.0]))
    for target in range(REMEMBERED + 3):
        finished(asker.ask(a_wish(target=target)))
    assert list(asker.finished) == [a_wish(target=target).key for target in range(3, REMEMBERED + 3)]
    finished(asker.ask(a_wish(target=3)))
    finished(asker.ask(a_wish(target=99)))
    assert a_wish(target=3).key in asker.finished
    assert a_wish(target=4).key not in asker.finished


def test_a_changed_model_makes_old_results_forgotten_and_is_told() -> None:
    session = Scripted([1.0])
    asker, notes = asker_of(session)
    finished(asker.ask(a_wish(target=1)))
    assert not notes.of("session")
    session.changed = True
    finished(asker.ask(a_wish(target=2)))
    assert list(asker.finished) == [a_wish(target=2).key]
    assert notes.of("session") == [("session", None, 0)]


def test_a_wish_that_cannot_be_asked_is_a_run_that_failed_and_ends_the_one_before() -> None:
    gate, error = Gate(), ValueError("no such layer")
    asker, notes = asker_of(Scripted([0.5, 1.0], gate))
    old = asker.ask(a_wish(), "old")
    assert gate.reached.acquire(timeout=SOON)
    asker.refuse(error, "new")
    assert notes.news[-2:] == [("error", "new", error), ("status", "new", "error")]
    gate.open.release(2)
    assert finished(old).outcome == "cancelled"
    assert notes.news[-1] == ("end", "old", "cancelled")
    assert asker.failure == ("new", error)
    assert asker.latest is None


def test_forget_drops_every_result() -> None:
    asker, _ = asker_of(Scripted([1.0]))
    finished(asker.ask(a_wish()))
    asker.failure = (1, ValueError("old"))
    asker.forget()
    assert not asker.finished
    assert asker.latest is None
    assert asker.failure is None


def test_equal_questions_have_equal_keys() -> None:
    assert a_wish(layer=("a", "b")).key == a_wish(layer=["a", "b"]).key
    assert a_wish(window=8).key == a_wish(window=8).key
    assert a_wish(window=8).key != a_wish(window=9).key
    assert a_wish(target=1).key != a_wish(target=2).key
    assert len({a_wish(layer=["a", "b"]).key, a_wish(layer="a").key, a_wish().key}) == 3
