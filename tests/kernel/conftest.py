"""Kernels to test with: the newest ipykernel (of this environment), and 6.31 (of one beside it)."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.driver import Kernel, Page, started

OLDEST = "XAI_WIDGET_IPYKERNEL6_PYTHON"
SETUP = """
from xai_widget import XaiWidget, explain
from tests.kernel.models import Slow, picture
"""
# 225 windows: 225 pictures that the model is shown.
WIDGET = """
w = XaiWidget(Slow(), picture(), method="occlusion", params={"window": 4, "stride": 2}, labels=Slow.labels)
print(w.model_id)
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.kernel)


def _oldest_python() -> str:
    python = os.environ.get(OLDEST, "")
    if Path(python).is_file():
        return python
    reason = f"{OLDEST} does not name the Python of an environment with ipykernel 6.31; `make kernel` makes one."
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _ready(python: str, folder: Path) -> Iterator[Kernel]:
    with started(python, folder) as kernel:
        kernel.run(SETUP)
        yield kernel


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel of this environment's ipykernel, with subshells."""
    yield from _ready(sys.executable, tmp_path_factory.mktemp("newest"))


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel of ipykernel 6.31, without subshells."""
    yield from _ready(_oldest_python(), tmp_path_factory.mktemp("oldest"))


@pytest.fixture(scope="module", params=["newest", "oldest"])
def kernel(request: pytest.FixtureRequest) -> Kernel:
    """Both, one after the other."""
    found: Kernel = request.getfixturevalue(request.param)
    return found


def shown(kernel: Kernel, subshell: str | None = None, *, seconds: float = 0.0, estimated: bool = False) -> Page:
    """Make a widget `w` whose model takes `seconds` for a picture, and return a page that shows it.

    Runs start by themselves; `estimated`: those alone that should be quick by the first pass, which on a busy machine
    may be slow.
    """
    kernel.run(f"Slow.seconds = {seconds}; Slow.fails = False")
    page = Page(kernel, kernel.run(WIDGET).strip(), subshell)
    if not estimated:
        kernel.run("w.auto_runs = {'occlusion': True}")
    return page


def put_away(kernel: Kernel) -> None:
    kernel.run("w.close(); Slow.seconds = 0.0; Slow.fails = False")
