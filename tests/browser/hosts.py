"""Other hosts than JupyterLab: Notebook 7, Voilà and marimo, each with folders and a port of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final, Self

from tests.browser.lab import KERNEL_IS_IDLE, KERNELSPEC, TWO_FRAMES
from tests.browser.server import POLL_SECONDS, ROOT, START_SECONDS, TOKEN, free_port
from tests.browser.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from playwright.sync_api import Page

# marimo shows what the last line of a cell is; cells are functions.
MARIMO: Final = """\
import marimo

app = marimo.App()


@app.cell
def _():
{cell}
    return


if __name__ == "__main__":
    app.run()
"""


class Host:
    """A running server that shows one notebook.

    Parameters
    ----------
    home : Path
        An empty folder for everything that it reads and writes.
    source : str
        The notebook's only cell; its last line is the widget.
    """

    # What is run, behind `python -m`; `{port}` and `{file}` are filled in.
    command: Sequence[str]
    # The page, behind the address of the server.
    path = ""
    file = "shown.ipynb"

    def __init__(self, home: Path, source: str) -> None:
        self.home = home
        self.folder = home / "notebooks"
        self.folder.mkdir(parents=True)
        (self.folder / self.file).write_text(self.notebook(source), "utf-8")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [part.format(port=self.port, file=self.file, token=TOKEN) for part in self.command]
        self._log = (home / "server.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def notebook(self, source: str) -> str:
        """Return the file's text."""
        cell = {"cell_type": "code", "id": "shown", "execution_count": None, "outputs": [], "metadata": {}}
        metadata = {"kernelspec": KERNELSPEC}
        made: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata}
        return json.dumps({**made, "cells": [{**cell, "source": source}]})

    def __enter__(self) -> Self:
        """Wait until the server answers anything at all."""
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise RuntimeError(f"{type(self).__name__} did not start:\n{self.log()}")
            # The server has no other way to say that it is there.
            time.sleep(POLL_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def log(self) -> str:
        """Return what the server wrote."""
        return (self.home / "server.log").read_text("utf-8", "replace")

    def open(self, page: Page) -> Desk:
        """Open the notebook and run it."""
        page.goto(self.url + self.path.format(file=self.file, token=TOKEN))
        self.run(page)
        return Desk(page)

    def reload(self, page: Page) -> None:
        """Load the page anew, and run the cell where the host keeps neither the widget nor runs it by itself."""
        page.reload()

    def run(self, page: Page) -> None:
        """Run the cell, where the host does not do so by itself."""

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/favicon.ico", timeout=5):  # noqa: S310 - our own address
                return True
        except urllib.error.HTTPError:
            return True
        except (OSError, urllib.error.URLError):
            return False

    def _environment(self) -> dict[str, str]:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        places = {
            "HOME": "",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
            "XDG_CONFIG_HOME": "xdg-config",
            "XDG_CACHE_HOME": "xdg-cache",
            "XDG_STATE_HOME": "xdg-state",
            "XDG_DATA_HOME": "xdg-data",
        }
        own = {name: str(self.home / place) for name, place in places.items()}
        more = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "2", "MARIMO_SKIP_UPDATE_CHECK": "1"}
        return os.environ | own | more


class Notebook(Host):
    """Notebook 7."""

    command = (
        *("notebook", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port={port}"),
        *("--ServerApp.port_retries=0", "--IdentityProvider.token={token}"),
        "--JupyterNotebookApp.expose_app_in_browser=True",
    )
    path = "/notebooks/{file}?token={token}"

    def run(self, page: Page) -> None:
        """Press Shift+Enter in the cell when the kernel is there."""
        page.wait_for_function(KERNEL_IS_IDLE)
        editor = page.locator(".jp-Notebook .jp-Cell .cm-content")
        editor.click()
        editor.press("Shift+Enter")

    def reload(self, page: Page) -> None:
        """Run the cell again: what was not saved is gone."""
        page.reload()
        self.run(page)


class Voila(Host):
    """Voilà, which runs the notebook before it sends the page."""

    command = ("voila", "{file}", "--no-browser", "--port={port}", "--Voila.ip=127.0.0.1")


class Marimo(Host):
    """marimo, as an app."""

    file = "shown.py"
    theme = "light"
    command = (
        *("marimo", "-q", "--yes", "run", "{file}", "--headless", "--no-token"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    )

    def __init__(self, home: Path, source: str, *, theme: str = "light") -> None:
        self.theme = theme
        settings = home / "xdg-config" / "marimo" / "marimo.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'[display]\ntheme = "{theme}"\n', "utf-8")
        super().__init__(home, source)

    def notebook(self, source: str) -> str:
        """Return the cell as marimo's function."""
        return MARIMO.format(cell="\n".join(f"    {line}" if line else "" for line in source.splitlines()))


class MarimoEditor(Marimo):
    """marimo, as an editor."""

    command = (
        *("marimo", "-q", "--yes", "edit", "{file}", "--headless", "--no-token"),
        *("--host", "127.0.0.1", "--port", "{port}"),
    )

    def run(self, page: Page) -> None:
        """Press Ctrl+Enter in the cell."""
        editor = page.locator(".marimo-cell .cm-content")
        editor.click()
        editor.press("Control+Enter")


class Desk:
    """A host's page, as a `View` needs it.

    Parameters
    ----------
    page : Page
        Showing the notebook.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    def frames(self) -> None:
        """Wait until what was asked for is on the screen."""
        self.page.evaluate(TWO_FRAMES)

    def view(self, place: int = 0) -> View:
        """The widget's `place`-th appearance on the page, inside a shadow root too."""
        return View(self, self.page.locator(".xai-widget").nth(place))
