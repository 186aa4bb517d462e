"""A browser and a JupyterLab for the whole run; a page and a notebook for every test; one kernel that is warm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.browser.kernel import Kernel
from tests.browser.lab import FLAGS, TEXT, Lab
from tests.browser.server import JupyterServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARTEFACTS: Final = Path(__file__).parent / "artefacts"
VIEWPORT: Final[ViewportSize] = {"width": 1400, "height": 1100}
WARM_UP: Final = "import xai_widget, ipywidgets; from xai_widget import XaiWidget, examples; XaiWidget"
# Widgets of an earlier test would be restored on every later page.
TIDY: Final = "ipywidgets.Widget.close_all(); w = None"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    with JupyterServer(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium(browser_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def warm(server: JupyterServer) -> Iterator[tuple[str, Kernel]]:
    """A kernel that has imported torch already: its id, and a door to it."""
    name = server.start_kernel()
    kernel = Kernel(server.connection_file(name))
    kernel.run(WARM_UP)
    yield name, kernel
    kernel.close()


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where screenshots are left to be looked at."""
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS


@pytest.fixture
def new_lab(chromium: Browser, server: JupyterServer, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A JupyterLab page without a notebook; what it shows when a test fails is kept.

    The parameter, if any, is the screen's density in device pixels per CSS pixel.
    """
    server.reset_settings()
    context = chromium.new_context(viewport=VIEWPORT, device_scale_factor=getattr(request, "param", 1))
    page = context.new_page()
    lab = Lab(page, server)
    failed = request.session.testsfailed
    yield lab
    if request.session.testsfailed > failed:
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"failed-{_name(request)}.png")
    lab.close()
    context.close()


@pytest.fixture
def show(new_lab: Lab, warm: tuple[str, Kernel], request: pytest.FixtureRequest) -> Callable[..., Lab]:
    """Open a notebook of the given cells in the warm kernel and run all of them; returns the page."""

    name, kernel = warm

    # Before and not after the test, so that a failed one can be looked at.
    kernel.run(TIDY)

    def opened(*cells: str) -> Lab:
        new_lab.open(_name(request), cells, kernel_id=name)
        for place, source in enumerate(cells):
            if not source.startswith(TEXT):
                new_lab.run(place)
        return new_lab

    return opened


def _name(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W+", "-", request.node.name).strip("-")
