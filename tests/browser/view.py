"""View: one widget on a page, as a person sees and handles it. It waits for states and never for a time."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Locator

    from tests.browser.lab import Lab

# The first run imports torch, on a machine that may be busy.
PATIENCE_MS: Final = 60_000
# What stands above and below the notebook, and some cells.
FRAME: Final = 500


class View:
    """One appearance of a widget.

    Parameters
    ----------
    lab : Lab
        The page it is on.
    root : Locator
        Its ``.xai-widget``.
    """

    def __init__(self, lab: Lab, root: Locator) -> None:
        self.lab = lab
        self.root = root

    # -- states -----------------------------------------------------------------------------------------------------

    def wait(self, state: str = "done") -> View:
        """Wait for a state; returns the view."""
        expect(self.root).to_have_attribute("data-state", state, timeout=PATIENCE_MS)
        return self

    def request(self) -> str:
        """Name of the request that the state belongs to."""
        return self.root.get_attribute("data-request") or ""

    def wait_for_next(self, request: str, state: str = "done") -> View:
        """Wait for a state of a later request than `request`."""
        expect(self.root).not_to_have_attribute("data-request", request, timeout=PATIENCE_MS)
        return self.wait(state)

    # -- parts ------------------------------------------------------------------------------------------------------

    def classes(self) -> Locator:
        """The rows of classes."""
        return self.root.locator("button[data-class-index]")

    def class_row(self, label: str) -> Locator:
        """The row of a class, by its label."""
        return self.root.get_by_role("button", name=re.compile(rf"^{re.escape(label)}, "))

    def choose_class(self, label: str) -> None:
        """Ask about a class and wait for the answer."""
        before = self.request()
        self.class_row(label).click()
        self.wait_for_next(before)

    def choose(self, control: str, value: str) -> None:
        """Choose in a drop-down that asks a new question, and wait for the answer.

        On a slow machine a long one waits for Run: then Run is pressed.
        """
        before = self.request()
        self.select(control).select_option(value)
        expect(self.root).not_to_have_attribute("data-request", before, timeout=PATIENCE_MS)
        expect(self.root).to_have_attribute("data-state", re.compile("^(done|idle)$"), timeout=PATIENCE_MS)
        if self.root.get_attribute("data-state") == "idle":
            self.root.locator(".xai-status .xai-primary").click()  # "Run", in any language
        self.wait()

    def select(self, label: str) -> Locator:
        """A drop-down, by its label."""
        return self.root.get_by_role("combobox", name=label, exact=True)

    def slider(self, label: str) -> Locator:
        """A slider, by its label."""
        return self.root.get_by_role("slider", name=label, exact=True)

    def button(self, label: str) -> Locator:
        """A button, by its label."""
        return self.root.get_by_role("button", name=label, exact=True)

    def drag(self, label: str, shares: Sequence[float], *, release: bool = True) -> None:
        """Drag a slider's thumb with the mouse to places along its track, each a share from 0 to 1."""
        slider = self.slider(label)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        low, high, value = (float(slider.evaluate(f"input => input.{name}")) for name in ("min", "max", "value"))
        mouse, y = self.lab.page.mouse, box["y"] + box["height"] / 2
        thumb = 16.0  # The thumb's centre stays half its width inside the track.

        def x(share: float) -> float:
            return box["x"] + thumb / 2 + share * (box["width"] - thumb)

        mouse.move(x((value - low) / (high - low)), y)
        mouse.down()
        for share in shares:
            mouse.move(x(share), y)
            self.lab.frames()
        if release:
            mouse.up()

    def error(self) -> Locator:
        """The box that says what went wrong."""
        return self.root.get_by_role("alert")

    def caption(self) -> Locator:
        """What stands under the picture."""
        return self.root.locator("figcaption")

    def canvas(self) -> Locator:
        """The picture."""
        return self.root.locator("canvas.xai-canvas")

    def width(self) -> int:
        """Width of the widget in CSS pixels."""
        box = self.root.bounding_box()
        assert box is not None
        return round(box["width"])

    # -- pixels -----------------------------------------------------------------------------------------------------

    def pixels(self) -> NDArray[np.uint8]:
        """Return what the canvas shows, uint8 `[H, W, 3]`, in its own pixels."""
        self.lab.frames()
        found = self.canvas().evaluate(
            """canvas => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let text = "";
              for (let at = 0; at < data.length; at += 32768) {
                text += String.fromCharCode(...data.subarray(at, at + 32768));
              }
              return { height: canvas.height, width: canvas.width, data: btoa(text) };
            }"""
        )
        flat = np.frombuffer(base64.b64decode(found["data"]), np.uint8)
        colours = flat.reshape(found["height"], found["width"], 4)
        assert (colours[..., 3] == 255).all(), "The canvas is transparent somewhere: it was not painted."
        return colours[..., :3].copy()

    def photograph(self, path: Path | None = None) -> bytes:
        """Return a PNG of the whole widget, in a window that is high enough, and write it to `path`."""
        page = self.lab.page
        size = page.viewport_size
        box = self.root.bounding_box()
        assert size is not None
        assert box is not None
        page.set_viewport_size({"width": size["width"], "height": round(box["height"]) + FRAME})
        page.mouse.move(0, 0)
        self.root.scroll_into_view_if_needed()
        self.lab.frames()
        picture = self.root.screenshot(path=path, animations="disabled")
        page.set_viewport_size(size)
        return picture

    def python_pixels(self, widget: str = "w") -> NDArray[np.uint8]:
        """Return `snapshot()` of the kernel's `widget`, enlarged to the canvas's pixels."""
        self.lab.kernel.run(
            "import base64 as _base64, io as _io\n"
            "_file = _io.BytesIO()\n"
            f"{widget}.snapshot().save(_file, 'PNG')\n"
            "_text = _base64.b64encode(_file.getvalue()).decode()"
        )
        picture = Image.open(io.BytesIO(base64.b64decode(self.lab.kernel.value("_text"))))
        size = self.canvas().evaluate("canvas => [canvas.width, canvas.height]")
        cells = bool(self.lab.kernel.value(f"{widget}.view['cells']"))
        how = Image.Resampling.NEAREST if cells else Image.Resampling.BICUBIC
        return np.asarray(picture.convert("RGB").resize(tuple(size), how))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the mean absolute difference of two pictures, in 1/255."""
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).mean())
