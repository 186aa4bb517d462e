"""What crosses the wire between a page and a kernel, with hand-made comm messages."""

import json
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from tests.kernel.conftest import put_away, shown
from tests.kernel.driver import Kernel, Message, Page
from tests.kernel.models import PREPARING, SIDE

PICTURES = 225  # windows of the question that every page here asks


@pytest.fixture
def page(kernel: Kernel) -> Iterator[Page]:
    yield shown(kernel)
    put_away(kernel)


@pytest.fixture
def slow_page(kernel: Kernel) -> Iterator[Page]:
    """A page whose runs take more than a second."""
    yield shown(kernel, seconds=0.005)
    put_away(kernel)


def pictures_shown(kernel: Kernel) -> int:
    return int(kernel.run("print(Slow.shown)"))


def states(messages: list[Message], request_id: object) -> list[str]:
    """The states a request went through, each once."""
    told = [m.status["state"] for m in messages if m.status and m.status["request_id"] == request_id]
    return list(dict.fromkeys(told))


def test_a_run_goes_from_queued_to_done_and_brings_the_numbers_of_explain(page: Page) -> None:
    code = "print(explain(Slow(), picture(), 'occlusion', window=4, stride=2, labels=Slow.labels).values.tolist())"
    expected = np.array(json.loads(page.kernel.run(code)))
    before = pictures_shown(page.kernel)
    start = page.kernel.now
    request = page.ask("run")
    page.until("done", request_id=request)
    assert page.answer(request).custom["of"] == "run"
    assert states(page.since(start), request) == ["queued", "running", "done"]
    final = page.wait(lambda m: m.request_id == request and m.result.get("final", False))
    assert final.values() == pytest.approx(expected, abs=1e-6)
    assert final.result["shape"] == [SIDE, SIDE]
    assert final.result["minimum"] == pytest.approx(expected.min(), abs=1e-6)
    assert final.result["maximum"] == pytest.approx(expected.max(), abs=1e-6)
    assert final.result["params"]["window"] == 4
    assert final.result["forwards"] == PICTURES
    assert pictures_shown(page.kernel) - before == PICTURES + PREPARING


def test_progress_comes_as_ever_fuller_maps_at_most_ten_a_second(slow_page: Page) -> None:
    start = slow_page.kernel.now
    request = slow_page.ask("run")
    end = slow_page.until("done", request_id=request)
    told = slow_page.since(start)
    results = [m for m in told if m.result]
    fractions = [m.result["fraction"] for m in results]
    assert len(fractions) >= 4
    assert all(earlier < later for earlier, later in pairwise(fractions))
    assert [m.result["final"] for m in results] == [*[False] * (len(results) - 1), True]
    assert not np.array_equal(results[0].values(), results[-1].values())
    running = [m.status for m in told if m.status.get("state") == "running" and m.status["fraction"] > 0]
    assert [status["fraction"] for status in running] == pytest.approx(fractions[:-1], abs=1e-3)
    assert all(status["eta_s"] >= 0 for status in running)
    assert len(fractions) <= 10 * (end.at - told[0].at) + 2


def test_cancel_stops_a_run_within_half_a_second_and_the_next_run_works(slow_page: Page) -> None:
    request = slow_page.ask("run")
    partial = slow_page.partial()
    cancel = slow_page.ask("cancel")
    assert slow_page.answer(cancel).custom["of"] == "cancel"
    end = slow_page.until("cancelled", request_id=request)
    assert end.at - partial.at <= 0.5
    assert slow_page.answer(request, "cancelled").request_id == request
    slow_page.kernel.run("Slow.seconds = 0.0")
    again = slow_page.ask("run")
    slow_page.until("done", request_id=again)


def test_an_error_in_the_model_is_told_with_a_hint_and_the_next_run_works(page: Page) -> None:
    page.kernel.run("Slow.fails = True")
    request = page.ask("run")
    error = page.answer(request, "error").custom["error"]
    assert error["title"] == "ArithmeticError: the model is out of order"
    assert "run again" in error["hint"]
    assert "in forward" in error["traceback"]
    page.until("error", request_id=request)
    page.kernel.run("Slow.fails = False")
    again = page.ask("run")
    page.until("done", request_id=again)


def test_the_newest_run_wins_and_the_others_are_answered(slow_page: Page) -> None:
    start = slow_page.kernel.now
    first = slow_page.ask("run")
    slow_page.partial()
    second, third = slow_page.ask("run"), slow_page.ask("run")
    slow_page.kernel.run("Slow.seconds = 0.0")
    slow_page.until("done", request_id=third)
    for request in (first, second, third):
        assert slow_page.answer(request).custom["of"] == "run"
    for request in (first, second):
        assert slow_page.answer(request, "superseded").request_id == request
    told = slow_page.since(start)
    newest = next(m.place for m in told if m.status.get("request_id") == third)
    assert not [
        m
        for m in told
        if m.place > newest and (m.status or m.result) and third != (m.request_id or m.status.get("request_id"))
    ]
    finals = [m.request_id for m in told if m.result.get("final")]
    assert finals == [third]


def test_hello_brings_a_lost_page_up_to_date_and_computes_nothing(page: Page) -> None:
    request = page.ask("run")
    page.until("done", request_id=request)
    final = page.wait(lambda m: m.request_id == request and m.result.get("final", False))
    before = pictures_shown(page.kernel)
    start = page.kernel.now
    reloaded = Page(page.kernel, page.comm)
    hello = reloaded.ask("hello")
    answer = reloaded.answer(hello)
    told = [m for m in reloaded.since(start) if m.kind]
    assert [m.kind for m in told] == ["session", "result", "ack"]
    assert answer.custom["of"] == "hello"
    assert told[1].result == final.result
    assert told[1].buffers == final.buffers
    assert states(reloaded.since(start), request) == ["done"]
    assert pictures_shown(page.kernel) == before


def test_the_session_that_hello_brings_shows_picture_and_classes(page: Page) -> None:
    start = page.kernel.now
    hello = page.ask("hello")
    session = page.answer(hello, "session")
    assert session.custom["session"]["labels"] == ["square", "stripe", "noise"]
    assert session.custom["session"]["picture"]["shape"] == [SIDE, SIDE, 3]
    assert len(session.buffers[0]) == SIDE * SIDE * 3
    probabilities = np.frombuffer(session.buffers[1], np.float32)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    printed = json.loads(page.kernel.run("import json; print(json.dumps(w.predictions))"))
    assert {label: share for _, label, share in printed} == pytest.approx(
        dict(zip(session.custom["session"]["labels"], probabilities.tolist(), strict=True))
    )
    # The first page wakes the widget up: it runs by itself.
    done = page.until("done", start)
    assert isinstance(done.status["request_id"], int)


def test_hello_after_a_cancel_brings_the_partial_map(slow_page: Page) -> None:
    request = slow_page.ask("run")
    slow_page.partial()
    slow_page.ask("cancel")
    end = slow_page.until("cancelled", request_id=request)
    last = [m for m in slow_page.kernel.messages if m.comm == slow_page.comm and m.result][-1]
    before = pictures_shown(slow_page.kernel)
    hello = slow_page.ask("hello")
    slow_page.answer(hello)
    told = [m for m in slow_page.since(end.place + 1) if m.result]
    assert [m.result["fraction"] for m in told] == [last.result["fraction"]]
    assert told[0].buffers == last.buffers
    assert pictures_shown(slow_page.kernel) == before


def test_hello_after_an_error_brings_the_error(page: Page) -> None:
    page.kernel.run("Slow.fails = True")
    request = page.ask("run")
    failed = page.until("error", request_id=request)
    hello = page.ask("hello")
    page.answer(hello)
    told = [m for m in page.since(failed.place + 1) if m.kind]
    assert [m.kind for m in told] == ["session", "error", "ack"]
    assert told[1].request_id == request


def test_a_changed_setting_starts_a_run_by_itself(page: Page) -> None:
    page.ask("hello")
    page.until("done")
    start = page.kernel.now
    page.set(target=2)
    page.until("done", start)
    result = page.wait(lambda m: m.result.get("final", False), start)
    assert result.result["target"] == 2
    assert result.result["target_label"] == "noise"
    assert page.kernel.run("print(w.target)") == "2\n"


def test_display_settings_start_nothing_and_are_not_answered_with_a_map(page: Page) -> None:
    page.ask("hello")
    page.until("done")
    before = pictures_shown(page.kernel)
    start = page.kernel.now
    page.set(view={"opacity": 0.8, "threshold": 0, "gamma": 1, "colormap": "auto", "cells": True, "mode": "map"})
    page.answer(page.ask("cancel"))
    assert page.kernel.run("print(w.view['opacity'], w.view['mode'])") == "0.8 map\n"
    assert not [m for m in page.since(start) if m.result or m.status]
    assert pictures_shown(page.kernel) == before


def test_without_auto_run_only_run_runs(page: Page) -> None:
    page.set(auto_run=False)
    before = pictures_shown(page.kernel)
    start = page.kernel.now
    page.answer(page.ask("hello"))
    page.set(target=1)
    nothing = page.answer(page.ask("cancel"))
    assert nothing.custom["message"] == "Nothing is running"
    assert pictures_shown(page.kernel) == before
    request = page.ask("run")
    page.until("done", start, request)
    assert page.wait(lambda m: m.result.get("final", False), start).result["target"] == 1


def test_a_setting_that_cannot_be_used_is_refused_and_the_old_one_sent_back(page: Page) -> None:
    page.ask("hello")
    page.until("done")
    start = page.kernel.now
    page.set(params={"window": -3})
    error = page.wait(lambda m: m.kind == "error", start).custom["error"]
    assert "'window'" in error["title"]
    assert "-3" in error["title"]
    sent_back = page.wait(lambda m: "params" in m.state, start)
    assert sent_back.state["params"] == {"window": 4, "stride": 2}
    assert page.kernel.run("print(dict(w.params))") == "{'window': 4, 'stride': 2}\n"
    again = page.ask("run")
    page.until("done", start, again)


@pytest.mark.parametrize("kind", ["dance", "", None, 7])
def test_an_unknown_message_is_answered(page: Page, kind: object) -> None:
    page.say({"kind": kind, "request_id": "r1"})
    error = page.answer("r1", "error").custom["error"]
    assert repr(kind) in error["title"]
    assert "expected one of hello, run, cancel" in error["title"]


@pytest.mark.parametrize("content", [None, 5, "run", ["run"], {}])
def test_a_message_that_makes_no_sense_is_answered_too(page: Page, content: object) -> None:
    start = page.kernel.now
    page.say(content)
    assert page.wait(lambda m: m.kind == "error", start).request_id is None


@pytest.mark.parametrize("kind", ["hello", "run", "cancel"])
def test_every_message_is_acknowledged_under_its_own_name(page: Page, kind: str) -> None:
    requests = [page.ask(kind) for _ in range(3)]
    for request in requests:
        assert page.answer(request).custom == {"kind": "ack", "request_id": request, "of": kind} | {
            "message": page.answer(request).custom["message"]
        }
