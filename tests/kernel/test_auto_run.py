"""An expensive question waits for Run, in a kernel: until then the model is shown nothing."""

from collections.abc import Iterator

import pytest

from tests.kernel.conftest import put_away, shown
from tests.kernel.driver import Kernel, Page
from tests.kernel.models import PREPARING


@pytest.fixture
def expensive_page(kernel: Kernel) -> Iterator[Page]:
    """A page whose question takes more than twenty seconds."""
    yield shown(kernel, seconds=0.1, estimated=True)
    put_away(kernel)


def test_nothing_is_evaluated_before_run(expensive_page: Page) -> None:
    page, start = expensive_page, expensive_page.kernel.now
    before = int(page.kernel.run("print(Slow.shown)"))
    page.ask("hello")
    waiting = page.wait(lambda m: m.status.get("message", "").endswith(" s: press Run"), start)
    assert waiting.status["state"] == "idle"
    page.set(target=1)
    again = page.wait(lambda m: m.status.get("request_id") not in {None, waiting.status["request_id"]}, start)
    assert again.status["state"] == "idle"
    assert int(page.kernel.run("print(Slow.shown)")) == before
    page.kernel.run("Slow.seconds = 0.0")
    request = page.ask("run")
    page.until("done", request_id=request)
    assert int(page.kernel.run("print(Slow.shown)")) - before == 225 + PREPARING
