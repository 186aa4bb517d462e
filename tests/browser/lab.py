"""Lab: a person at a JupyterLab. It waits for states and never for a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import expect

from tests.browser.kernel import Kernel
from tests.browser.server import TOKEN
from tests.browser.view import PATIENCE_MS, View
from tests.browser.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.browser.server import JupyterServer

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ACTION_MS: Final = 20_000
# The first line of a cell that is text.
TEXT: Final = "#%% md\n"
KERNELSPEC: Final = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
TWO_FRAMES: Final = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
KERNEL_IS_IDLE: Final = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const session = panel?.context?.isReady && panel.sessionContext;
  return session && session.isReady && session.session?.kernel?.status === "idle";
}"""


class Lab:
    """A JupyterLab page.

    Parameters
    ----------
    page : Page
        Empty; every message of its kernels is recorded in `wire`.
    server : JupyterServer
        Running.
    """

    def __init__(self, page: Page, server: JupyterServer) -> None:
        self.page = page
        self.server = server
        self.wire = Wire(page)
        self.notebook = ""
        self._kernels: dict[str, Kernel] = {}
        page.set_default_timeout(ACTION_MS)

    # -- notebooks --------------------------------------------------------------------------------------------------

    def open(self, name: str, cells: Sequence[str], *, kernel_id: str | None = None) -> None:
        """Open a new notebook of `cells`; those that begin with `TEXT` are text.

        Parameters
        ----------
        name : str
            Without ``.ipynb``.
        cells : sequence of str
            Their sources.
        kernel_id : str, optional
            A running kernel to use instead of a new one.
        """
        made: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": KERNELSPEC}}
        made["cells"] = [_cell(place, source) for place, source in enumerate(cells)]
        (self.server.notebooks / f"{name}.ipynb").write_text(json.dumps(made), "utf-8")
        self.open_file(f"{name}.ipynb", kernel_id=kernel_id)

    def open_file(self, notebook: str, *, kernel_id: str | None = None) -> None:
        """Open a notebook that lies in the server's folder."""
        self.notebook = notebook
        if kernel_id is not None:
            self.server.attach(notebook, kernel_id)
        self.page.goto(f"{self.server.url}/lab/tree/{notebook}?token={TOKEN}&reset")
        self.wait_for_kernel()

    @property
    def path(self) -> Path:
        """Where the notebook lies."""
        return self.server.notebooks / self.notebook

    @property
    def cells(self) -> Locator:
        """The notebook's cells."""
        return self.page.locator(".jp-Notebook .jp-Cell")

    def run(self, place: int) -> None:
        """Run a cell as a person does, with Shift+Enter; returns at once."""
        editor = self.cells.nth(place).locator(".cm-content")
        editor.click()
        editor.press("Shift+Enter")

    def wait_for_kernel(self) -> None:
        """Wait until the notebook is there and its kernel is idle."""
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE_MS)

    def wait_for_output(self, place: int, text: str) -> None:
        """Wait until a cell has written `text`."""
        expect(self.cells.nth(place).locator(".jp-OutputArea")).to_contain_text(text, timeout=PATIENCE_MS)

    def command(self, name: str, **arguments: Any) -> None:
        """Execute one of JupyterLab's commands and wait for its end."""
        self.page.evaluate(
            "([name, arguments]) => window.jupyterapp.commands.execute(name, arguments)", [name, arguments]
        )

    def save(self) -> None:
        """Save the notebook."""
        self.command("docmanager:save")

    def reload(self) -> None:
        """Load the page anew; the kernel lives on."""
        self.page.reload()
        self.wait_for_kernel()

    def restart_kernel(self) -> None:
        """Restart the kernel, without the question whether one really wants to."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
        self.wait_for_kernel()

    @property
    def kernel(self) -> Kernel:
        """A second door to the notebook's kernel."""
        name = self.server.kernel_of(self.notebook)
        if name not in self._kernels:
            self._kernels[name] = Kernel(self.server.connection_file(name))
        return self._kernels[name]

    # -- looks ------------------------------------------------------------------------------------------------------

    def theme(self, name: str) -> None:
        """Switch to JupyterLab's "Light" or "Dark" theme."""
        self.command("apputils:change-theme", theme=f"JupyterLab {name}")
        light = str(name == "Light").lower()
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)
        # The theme's style sheet arrives after its name.
        self.page.wait_for_function(
            """light => {
              const colour = getComputedStyle(document.body).getPropertyValue("--jp-layout-color1").trim();
              return colour !== "" && ((colour === "white" || colour.startsWith("#f")) === light);
            }""",
            arg=name == "Light",
        )

    def only_notebook(self) -> None:
        """Hide what stands around the notebook."""
        self.page.evaluate("() => { window.jupyterapp.shell.collapseLeft(); window.jupyterapp.shell.collapseRight(); }")

    def widen(self, view: View, width: int) -> None:
        """Change the window's size until the widget is `width` CSS pixels wide."""
        self.only_notebook()
        size = self.page.viewport_size
        assert size is not None
        # The second step corrects what the first one could not know: margins, and the widget's own greatest width.
        window = width
        for _ in range(2):
            self.page.set_viewport_size({"width": window, "height": size["height"]})
            self.page.wait_for_function("width => window.innerWidth === width", arg=window)
            self.frames()
            window += width - view.width()

    def frames(self) -> None:
        """Wait until what was asked for is on the screen: drawing happens once a frame."""
        self.page.evaluate(TWO_FRAMES)

    def view(self, place: int = 0) -> View:
        """The widget's `place`-th appearance on the page."""
        return View(self, self.page.locator(".xai-widget").nth(place))

    def close(self) -> None:
        """Let go of the kernels."""
        for kernel in self._kernels.values():
            kernel.close()


def _cell(place: int, source: str) -> dict[str, Any]:
    shared = {"id": f"cell-{place}", "metadata": {}, "source": source.removeprefix(TEXT)}
    if source.startswith(TEXT):
        return {"cell_type": "markdown", **shared}
    return {"cell_type": "code", "execution_count": None, "outputs": [], **shared}
