"""A JupyterLab page for scripts: server, browser and page, all gone at the end."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.lab import FLAGS, Lab
from tests.browser.server import JupyterServer
from tools.install_browser import find_browser

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def desk(width: int, height: int, *, density: float = 1.0) -> Iterator[Lab]:
    """Open an empty JupyterLab page.

    Parameters
    ----------
    width, height : int
        Of the window, in CSS pixels.
    density : float
        Device pixels per CSS pixel.
    """
    path = find_browser()
    if path is None:
        sys.exit("No Chromium found; `python tools/install_browser.py` installs one.")
    with (
        tempfile.TemporaryDirectory() as home,
        JupyterServer(Path(home) / "jupyter") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=density)
        lab = Lab(context.new_page(), server)
        yield lab
        lab.close()
        browser.close()
