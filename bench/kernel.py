"""What a kernel does for a page: how soon it stops, how much memory widgets leave behind, how large a saved page is.

Run as ``python -m bench.kernel``. Not a test: the figures depend on the machine.

* cancel: from the page's message to the end of an occlusion run; the kernel idle, or busy with another cell
* 200 widgets: growth of the kernel's memory while widgets are made, asked once and closed, one after the other
* saved page: one photo of 224 x 224 with ten maps at its full resolution
"""

# ruff: noqa: T201 - a script, and it talks to the person who runs it

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from tests.kernel.driver import Gate, Kernel, Page, started

REPEATS: Final = 5
WIDGETS: Final = 200
MEGABYTE: Final = 2**20

SETUP: Final = """\
import torch, torchvision
from xai_widget import XaiWidget, examples
small, resnet = examples.mosaic_net(), torchvision.models.resnet50(weights=None).eval()
photo = examples.photo("cat")
sized = {"transform": torchvision.models.ResNet50_Weights.DEFAULT.transforms(), "labels": list(range(1000))}
sized["labels"] = [str(index) for index in sized["labels"]]
"""
# Long enough to be stopped on the way.
LONG: Final = {
    "embedded net": 'XaiWidget(small, photo, method="rise", params={"samples": 20_000})',
    "ResNet-50, 224 px": 'XaiWidget(resnet, photo, method="rise", params={"samples": 20_000}, **sized)',
}
MANY: Final = {
    "embedded net": 'XaiWidget(small, photo, method="grad_cam")',
    "ResNet-50, 224 px": 'XaiWidget(resnet, photo, method="grad_cam", **sized)',
}
PAGE: Final = """\
import tempfile
from pathlib import Path
w = XaiWidget(resnet, photo, method="saliency", **sized)
for target in range(10):
    w.target = target
    w.explain()
print(w.attribution.values.shape, w.to_html(Path(tempfile.mkdtemp()) / "page.html").stat().st_size)
w.close()
"""


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as folder, started(sys.executable, Path(folder)) as kernel:
        kernel.run(SETUP, 120)
        for name, code in LONG.items():
            page = Page(kernel, kernel.run(f"w = {code}\nprint(w.model_id)").strip(), kernel.open_subshell())
            idle = [_cancel(page) for _ in range(REPEATS)]
            busy = []
            for place in range(REPEATS):
                home = Path(folder) / f"gate-{name[0]}-{place}"
                home.mkdir()
                busy.append(_cancel(page, Gate.made(home)))
            kernel.run("w.close()")
            print(f"{name:20} cancel, idle {_spread(idle)}; another cell busy {_spread(busy)}")
        for name, code in MANY.items():
            print(f"{name:20} {WIDGETS} widgets: {_growth(kernel, code):+.1f} MB")
        shape, size = kernel.run(PAGE, 120).rsplit(" ", 1)
        print(f"saved page with ten maps of {shape}: {int(size) / 1000:.0f} kB")


def _cancel(page: Page, gate: Gate | None = None) -> float:
    """Seconds from the message to the end of the run."""
    start = page.kernel.now
    request = page.ask("run")
    page.partial(start)
    if gate is None:
        return _stopped(page, request)
    with page.kernel.busy(gate):
        return _stopped(page, request)


def _stopped(page: Page, request: str) -> float:
    start, asked = page.kernel.now, page.kernel.clock()
    page.ask("cancel")
    return page.until("cancelled", start, request).at - asked


def _growth(kernel: Kernel, code: str) -> float:
    """Megabytes by which the kernel grows."""
    one = f"w = {code}\nw.explain()\nw.close()"
    kernel.run(f"for _ in range(10):\n    {one.replace(chr(10), chr(10) + '    ')}", 300)
    before = kernel.resident()
    kernel.run(f"for _ in range({WIDGETS}):\n    {one.replace(chr(10), chr(10) + '    ')}", 600)
    return (kernel.resident() - before) / MEGABYTE


def _spread(times: list[float]) -> str:
    return f"{median(times) * 1000:.0f} ms (at most {max(times) * 1000:.0f})"


if __name__ == "__main__":
    main()
