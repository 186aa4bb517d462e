"""Cancel and interrupt while the kernel is busy: with subshells at once, without them when the running cell ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.conftest import put_away, shown
from tests.kernel.driver import CellError, Gate, Kernel, Page

PROMPT = 0.5  # seconds from the click to the end of the run
SECONDS = 0.02  # for each of 225 pictures: a run that is not stopped takes 4.5 s


@pytest.fixture
def page(newest: Kernel) -> Iterator[Page]:
    """What JupyterLab is: messages of widgets go through a subshell."""
    features = newest.client.kernel_info(reply=True, timeout=10)["content"].get("supported_features") or []
    if "kernel subshells" not in features:
        pytest.skip("This environment's ipykernel has no subshells; the locked one has.")
    yield shown(newest, newest.open_subshell(), seconds=SECONDS)
    put_away(newest)


@pytest.fixture
def plain_page(oldest: Kernel) -> Iterator[Page]:
    yield shown(oldest, seconds=SECONDS)
    put_away(oldest)


@pytest.fixture
def any_page(kernel: Kernel) -> Iterator[Page]:
    yield shown(kernel, seconds=SECONDS)
    put_away(kernel)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate.made(tmp_path)


def cancelled_after(page: Page, request: object) -> float:
    """Cancel and return the seconds until the run has ended."""
    start = page.kernel.now
    asked = page.kernel.clock()
    cancel = page.ask("cancel")
    end = page.until("cancelled", start, request)
    assert page.answer(cancel).custom["of"] == "cancel"
    return end.at - asked


def test_cancel_is_prompt_while_the_kernel_is_idle(page: Page) -> None:
    request = page.ask("run")
    page.partial()
    assert cancelled_after(page, request) <= PROMPT


def test_cancel_is_prompt_while_another_cell_is_busy(page: Page, gate: Gate) -> None:
    request = page.ask("run")
    page.partial()
    with page.kernel.busy(gate):
        assert cancelled_after(page, request) <= PROMPT


def test_cancel_is_prompt_after_the_busy_cell_itself_has_changed_a_setting(page: Page, gate: Gate) -> None:
    page.answer(page.ask("hello"))
    page.partial()
    start = page.kernel.now
    with page.kernel.busy(gate, "w.target = 2"):
        running = page.partial(start)
        while running.result["target"] != 2:
            running = page.partial(running.place + 1)
        assert cancelled_after(page, running.request_id) <= PROMPT


def test_a_page_that_appears_while_a_cell_is_busy_is_served_at_once(page: Page, gate: Gate) -> None:
    """Run all cells: the widget is shown, and the next cell takes long."""
    with page.kernel.busy(gate, "_ = w._repr_mimebundle_()"):
        asked = page.kernel.clock()
        hello = page.ask("hello")
        answered = page.answer(hello)
        assert answered.at - asked <= PROMPT
        running = page.partial()
        assert cancelled_after(page, running.request_id) <= PROMPT


def test_a_new_page_is_heard_after_the_subshell_of_the_old_one_is_gone(page: Page) -> None:
    page.answer(page.ask("hello"))
    page.partial()
    assert page.subshell is not None
    page.kernel.close_subshell(page.subshell)
    reloaded = Page(page.kernel, page.comm, page.kernel.open_subshell())
    assert reloaded.answer(reloaded.ask("hello")).custom["of"] == "hello"


def test_without_subshells_a_cancel_takes_effect_when_the_busy_cell_ends(plain_page: Page, gate: Gate) -> None:
    page = plain_page
    request = page.ask("run")
    page.partial()
    with page.kernel.busy(gate) as cell:
        asked = page.kernel.now
        cancel = page.ask("cancel")
        # The run goes on: maps still come, several of them, and fuller ones.
        later = page.partial(page.partial(asked).place + 1)
        assert not [m for m in page.since(asked) if m.kind == "ack"]
    idle = page.kernel.ended(cell)
    end = page.until("cancelled", asked, request)
    assert page.answer(cancel).place > idle.place
    assert later.place < idle.place < end.place
    assert end.at - idle.at <= PROMPT


def test_interrupting_a_blocking_explain_raises_and_stops_the_run(any_page: Page) -> None:
    page = any_page
    cell = page.kernel.begin("w.explain()")
    running = page.partial()
    asked = page.kernel.clock()
    page.kernel.interrupt()
    with pytest.raises(CellError) as raised:
        page.kernel.finish(cell)
    assert raised.value.name == "KeyboardInterrupt"
    end = page.until("cancelled", running.place, running.request_id)
    assert end.at - asked <= 2 * PROMPT
    page.kernel.run("Slow.seconds = 0.0")
    assert page.kernel.run("print(w.explain().meta['fraction'])") == "1.0\n"


def test_a_run_cancelled_in_the_page_ends_a_blocking_explain_with_an_error(page: Page) -> None:
    page.answer(page.ask("hello"))
    cell = page.kernel.begin("w.cancel(); w.target = 1; w.explain()")
    running = page.partial()
    while running.result["target"] != 1:
        running = page.partial(running.place + 1)
    page.ask("cancel")
    with pytest.raises(CellError, match="cancelled before it was complete") as raised:
        page.kernel.finish(cell)
    assert raised.value.name == "RuntimeError"
