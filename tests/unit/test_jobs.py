"""One worker thread: the newest job wins, cancel is prompt, and everything ends exactly once."""

import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from xai_widget.widget.jobs import Job, Outcome, Worker

SOON = 10.0  # seconds; nothing here waits that long unless it is broken
BOOM = ArithmeticError("boom")


@dataclass
class Log:
    """How each job ended, by its request id, in order."""

    endings: list[tuple[int | str, Outcome]] = field(default_factory=list)
    errors: dict[int | str, BaseException | None] = field(default_factory=dict)

    def __call__(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        self.endings.append((job.request_id, outcome))
        self.errors[job.request_id] = error


class Gated:
    """A generator of endless steps, each of which waits until it is let through; records where it was closed."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.closed_in: str | None = None
        self.steps = 0
        self._gate = threading.Semaphore(0)

    def __call__(self) -> Iterator[None]:
        try:
            while True:
                self.started.set()
                assert self._gate.acquire(timeout=SOON)
                self.steps += 1
                yield
        finally:
            self.closed_in = threading.current_thread().name

    def let_through(self, steps: int = 1) -> None:
        self._gate.release(steps)


def steps_of(*actions: Callable[[], object]) -> Callable[[], Iterator[None]]:
    def steps() -> Iterator[None]:
        for action in actions:
            action()
            yield

    return steps


def finished(job: Job) -> bool:
    return job.ended.wait(SOON)


def test_a_job_runs_all_its_steps_in_a_thread_of_its_own() -> None:
    log, places = Log(), []
    job = Job(1, steps_of(*[lambda: places.append(threading.current_thread().name)] * 3), log)
    Worker().submit(job)
    assert finished(job)
    assert places == ["xai-widget"] * 3
    assert log.endings == [(1, "done")]
    assert (job.outcome, job.error) == ("done", None)


def test_a_newer_job_stops_the_running_one_after_its_step() -> None:
    log, worker, gated = Log(), Worker(), Gated()
    old = Job("old", gated, log)
    worker.submit(old)
    assert gated.started.wait(SOON)
    new = Job("new", steps_of(), log)
    worker.submit(new)
    assert not old.ended.is_set()
    gated.let_through()
    assert finished(old)
    assert finished(new)
    assert gated.steps == 1
    assert log.endings == [("old", "superseded"), ("new", "done")]


def test_of_many_waiting_jobs_only_the_newest_runs_and_each_ends_once() -> None:
    log, worker, gated, ran = Log(), Worker(), Gated(), []
    first = Job(0, gated, log)
    worker.submit(first)
    assert gated.started.wait(SOON)
    waiting = [Job(name, steps_of(lambda name=name: ran.append(name)), log) for name in range(1, 6)]
    for job in waiting:
        worker.submit(job)
    assert log.endings == [(name, "superseded") for name in (1, 2, 3, 4)]
    gated.let_through()
    assert all(finished(job) for job in (first, *waiting))
    assert ran == [5]
    assert log.endings == [*[(name, "superseded") for name in (1, 2, 3, 4, 0)], (5, "done")]


def test_cancel_stops_the_running_job_and_drops_the_waiting_one() -> None:
    log, worker, gated = Log(), Worker(), Gated()
    running, waiting = Job("running", gated, log), Job("waiting", steps_of(pytest.fail), log)
    worker.submit(running)
    assert gated.started.wait(SOON)
    worker.submit(waiting)
    assert worker.cancel() is True
    assert waiting.outcome == "cancelled"
    gated.let_through()
    assert finished(running)
    # The running one had been superseded by the waiting one before: the first reason stands.
    assert log.endings == [("waiting", "cancelled"), ("running", "superseded")]


def test_cancel_ends_a_running_job_as_cancelled() -> None:
    log, worker, gated = Log(), Worker(), Gated()
    job = Job(1, gated, log)
    worker.submit(job)
    assert gated.started.wait(SOON)
    assert worker.cancel() is True
    gated.let_through()
    assert finished(job)
    assert log.endings == [(1, "cancelled")]
    assert gated.steps == 1


def test_cancel_of_nothing_says_so() -> None:
    worker = Worker()
    assert worker.cancel() is False
    job = Job(1, steps_of(), Log())
    worker.submit(job)
    assert finished(job)
    assert _idle(worker)
    assert worker.cancel() is False


def test_a_job_stopped_before_it_starts_takes_no_step() -> None:
    log = Log()
    job = Job(1, pytest.fail, log)
    job.stop("cancelled")
    job.step()
    assert log.endings == [(1, "cancelled")]


@pytest.mark.parametrize("steps", [lambda: _raise(BOOM), steps_of(lambda: _raise(BOOM))], ids=["before", "within"])
def test_an_exception_ends_the_job_with_it_and_the_next_job_runs(steps: Callable[[], Iterator[None]]) -> None:
    log, worker = Log(), Worker()
    bad, good = Job("bad", steps, log), Job("good", steps_of(), log)
    worker.submit(bad)
    assert finished(bad)
    worker.submit(good)
    assert finished(good)
    assert log.endings == [("bad", "error"), ("good", "done")]
    assert bad.error is BOOM
    assert log.errors == {"bad": BOOM, "good": None}


def test_even_an_exit_raised_by_a_model_ends_its_job_alone() -> None:
    log, worker = Log(), Worker()
    bad, good = Job("bad", steps_of(lambda: _raise(SystemExit(1))), log), Job("good", steps_of(), log)
    worker.submit(bad)
    assert finished(bad)
    worker.submit(good)
    assert finished(good)
    assert log.endings == [("bad", "error"), ("good", "done")]


def test_the_generator_is_closed_in_the_workers_thread() -> None:
    worker, gated = Worker(), Gated()
    job = Job(1, gated, Log())
    worker.submit(job)
    assert gated.started.wait(SOON)
    worker.cancel()
    gated.let_through()
    assert finished(job)
    assert gated.closed_in == "xai-widget"


def test_an_exception_while_closing_is_an_error_of_the_job() -> None:
    log, worker, entered, leave = Log(), Worker(), threading.Event(), threading.Event()

    def steps() -> Iterator[None]:
        try:
            entered.set()
            assert leave.wait(SOON)
            yield
        finally:
            message = "cannot clean up"
            raise OSError(message)

    job = Job(1, steps, log)
    worker.submit(job)
    assert entered.wait(SOON)
    worker.cancel()
    leave.set()
    assert finished(job)
    assert job.outcome == "error"
    assert isinstance(job.error, OSError)


def test_the_thread_ends_when_nothing_is_left_and_a_new_one_starts_for_the_next_job() -> None:
    worker, threads = Worker(), []
    for _ in range(2):
        job = Job(1, steps_of(lambda: threads.append(threading.current_thread())), Log())
        worker.submit(job)
        assert finished(job)
        threads[-1].join(SOON)
        assert not threads[-1].is_alive()
        assert worker.current is None
    assert threads[0] is not threads[1]
    assert all(thread.daemon for thread in threads)


def test_jobs_that_follow_each_other_closely_share_one_thread() -> None:
    worker, threads, gated = Worker(), set(), Gated()
    first = Job(0, gated, Log())
    worker.submit(first)
    assert gated.started.wait(SOON)
    second = Job(1, steps_of(lambda: threads.add(threading.current_thread().ident)), Log())
    worker.submit(second)
    names = [thread.ident for thread in threading.enumerate() if thread.name == "xai-widget"]
    gated.let_through()
    assert finished(second)
    assert threads <= set(names)


def test_the_thread_works_in_the_context_of_whoever_submitted() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("parent", default="nobody")
    seen = []
    job = Job(1, steps_of(lambda: seen.append(variable.get())), Log())

    def submit() -> None:
        variable.set("the cell")
        Worker().submit(job)

    contextvars.copy_context().run(submit)
    assert finished(job)
    assert seen == ["the cell"]
    assert variable.get() == "nobody"


def test_current_is_the_newest_job_that_has_not_ended() -> None:
    worker, gated = Worker(), Gated()
    old, new = Job("old", gated, Log()), Job("new", steps_of(), Log())
    assert worker.current is None
    worker.submit(old)
    assert gated.started.wait(SOON)
    assert worker.current is old
    worker.submit(new)
    assert worker.current is new
    gated.let_through()
    assert finished(new)
    assert _idle(worker)


def test_whoever_waits_is_told_of_progress_and_of_the_end() -> None:
    worker, gated = Worker(), Gated()
    job = Job(1, gated, Log())
    worker.submit(job)
    assert gated.started.wait(SOON)
    assert not job.advanced.is_set()
    gated.let_through()
    assert job.advanced.wait(SOON)
    job.advanced.clear()
    worker.cancel()
    gated.let_through()
    assert job.advanced.wait(SOON)
    assert finished(job)


def test_a_listener_that_fails_keeps_nobody_waiting_and_the_next_job_runs(caplog: pytest.LogCaptureFixture) -> None:
    def finish(job: Job, _outcome: Outcome, _error: BaseException | None) -> None:
        message = f"the page of {job.request_id} is gone"
        raise ConnectionError(message)

    worker, log = Worker(), Log()
    bad, good = Job("bad", steps_of(), finish), Job("good", steps_of(), log)
    worker.submit(bad)
    assert finished(bad)
    worker.submit(good)
    assert finished(good)
    assert log.endings == [("good", "done")]
    assert "the page of bad is gone" in caplog.text


def _raise(error: BaseException) -> Iterator[None]:
    raise error


def _idle(worker: Worker) -> bool:
    """Wait for the worker's thread, if it is still there, and tell whether nothing is left."""
    thread = worker._thread
    if thread is not None:
        thread.join(SOON)
    return worker.current is None


# -- lanes ----------------------------------------------------------------------------------------------------------


def test_a_more_urgent_lane_is_served_between_two_steps_of_a_long_run() -> None:
    worker, log, long = Worker(), Log(), Gated()
    order: list[str] = []
    run = Job("run", long, log)
    worker.submit(run)
    assert long.started.wait(SOON)
    probe = Job("probe", steps_of(lambda: order.append(f"after {long.steps} steps")), log)
    worker.submit(probe, "probe")
    long.let_through()
    assert probe.ended.wait(SOON)
    assert order == ["after 1 steps"]
    assert not run.ended.is_set()
    worker.cancel()
    long.let_through()
    assert run.ended.wait(SOON)
    assert log.endings == [("probe", "done"), ("run", "cancelled")]


def test_a_less_urgent_lane_waits_for_the_run() -> None:
    worker, log, long = Worker(), Log(), Gated()
    run, film = Job("run", long, log), Job("film", steps_of(lambda: None), log)
    worker.submit(run)
    assert long.started.wait(SOON)
    worker.submit(film, "film")
    long.let_through(3)
    assert not film.ended.is_set()
    run.stop("superseded")
    long.let_through()
    assert film.ended.wait(SOON)
    assert log.endings == [("run", "superseded"), ("film", "done")]


def test_a_new_job_replaces_those_of_its_own_lane_only() -> None:
    worker, log, long = Worker(), Log(), Gated()
    worker.submit(Job("run", long, log))
    assert long.started.wait(SOON)
    films = [Job(f"film {n}", steps_of(lambda: None), log) for n in range(3)]
    for film in films:
        worker.submit(film, "film")
    assert log.endings == [("film 0", "superseded"), ("film 1", "superseded")]
    worker.cancel()
    long.let_through()
    assert films[2].ended.wait(SOON)


def test_a_long_step_can_ask_whether_it_keeps_somebody_waiting() -> None:
    worker, log, film, long = Worker(), Log(), Gated(), Gated()
    job = Job("film", film, log)
    worker.submit(job, "film")
    assert film.started.wait(SOON)
    assert not worker.should_pause("film")
    run = Job("run", long, log)
    worker.submit(run)
    assert worker.should_pause("film")
    assert not worker.should_pause("main")
    film.let_through()
    assert long.started.wait(SOON)
    assert worker.should_pause("film")
    run.stop("cancelled")
    long.let_through()
    assert finished(run)
    film.let_through()
    assert not worker.should_pause("film")
    job.stop("superseded")
    assert worker.should_pause("film")
    film.let_through()
    assert finished(job)


# What is registered first is called last.
IN_A_RUN = """
import atexit, threading
atexit.register(lambda: print("left", [each.name for each in threading.enumerate() if each.name == "xai-widget"]))
from torchvision.models import resnet18
from tests.recorded import Recorded
from xai_widget import examples
given = dict(labels=list(map(str, range(1000))), method="rise", params={"samples": 20_000}, auto_run=False)
w = Recorded(resnet18(weights=None).eval(), examples.photo("cat"), **given)
w.hear({"kind": "run", "request_id": "r"})
job = w.asker.job
assert job.advanced.wait(60)
print("runs", not job.ended.is_set())
"""


def test_a_python_that_ends_in_the_middle_of_a_run_leaves_no_thread_in_pytorch() -> None:
    found = subprocess.run([sys.executable, "-c", IN_A_RUN], capture_output=True, text=True, timeout=300, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "runs True\nleft []\n", "")
