"""What a person feels: times in a real JupyterLab, from the hand to the picture.

Run as ``python -m bench.browser``. Not a test: the figures depend on the machine.

* first map: from Shift+Enter to a painted heat map; the imports and the model are there already. In a fresh kernel,
  the cell imports everything and makes the model, too
* class, layer: from the choice to the painted heat map
* bytes: of the websocket frames that bring one heat map, in both directions
* frame: 95th percentile of the time between two frames while the opacity is dragged
* brush: from a movement of the brush to new numbers on the screen
* first slice: from Shift+Enter to three painted planes of a volume of 256 voxels a side
* slice: the time between two frames, and the time of scripts in each, while a slider moves through one plane, a slice a
  frame, and while the crosshair is dragged across a plane, which moves through the other two
"""

# ruff: noqa: T201 - a script, and it talks to the person who runs it

from __future__ import annotations

import gzip
import statistics
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.browser.desk import desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.lab import Lab
    from tests.browser.view import View

BUNDLE: Final = Path(__file__).parents[1] / "xai_widget" / "static"
REPEATS: Final = 5

PREPARE: Final = """\
import torch, torchvision
from xai_widget import XaiWidget, examples
small, resnet = examples.mosaic_net(), torchvision.models.resnet50(weights=None).eval()
resnet_labels = [f"class {index}" for index in range(1000)]
scene = examples.mosaic(["cat", "rocket", "temple", "coffee"]).image
print("ready")"""
COLD_SMALL: Final = """\
from xai_widget import XaiWidget, examples
XaiWidget(examples.mosaic_net(), examples.photo("cat"))"""
COLD_RESNET: Final = """\
from torchvision.models import resnet50
from xai_widget import XaiWidget, examples
XaiWidget(resnet50(weights=None), examples.photo("cat"))"""
SMALL: Final = "XaiWidget(small, scene)"
RESNET: Final = """\
XaiWidget(resnet, examples.photo("cat"), labels=resnet_labels,
          transform=torchvision.models.ResNet50_Weights.DEFAULT.transforms())"""

# A head of 256 voxels a side, and a map as occlusion every 5 voxels gives it.
VOLUME_PREPARE: Final = """\
import numpy as np
from xai_widget import from_attribution
head = np.random.default_rng(0).normal(500, 80, (256, 256, 256)).astype(np.float32)
heat = np.random.default_rng(1).random((52, 52, 52), np.float32)
print("ready")"""
VOLUME: Final = "from_attribution(head, heat)"
# From Shift+Enter until three canvases have got a size of their own, which is when they are painted.
FIRST_SLICE: Final = """() => {
  window.firstSlice = new Promise((finished) => {
    let from = 0;
    document.addEventListener("keydown", (event) => {
      if (event.shiftKey && event.key === "Enter") from = performance.now();
    }, true);
    const look = () => {
      const canvases = [...document.querySelectorAll(".xai-pane-canvas")];
      const painted = canvases.length === 3 && canvases.every((canvas) => canvas.width !== 300 || canvas.height !== 150);
      if (painted) requestAnimationFrame(() => finished(performance.now() - from));
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
SLICES: Final = """async (input) => {
  const times = [];
  for (let value = 20; value < 220; value++) {
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    times.push(await new Promise(requestAnimationFrame));
  }
  return times;
}"""

# Times in the page itself, so that the driver's own time does not count.
WATCH: Final = """() => {
  window.stopwatch = { from: 0, time: null, frames: [] };
  const watch = window.stopwatch;
  watch.start = () => { watch.from = performance.now(); };
  // Armed before the hand moves, so that a driver that comes back late does not count.
  watch.arm = (place, before) => { watch.time = new Promise((finished) => {
    const look = () => {
      const root = document.querySelectorAll(".xai-widget")[place];
      const done = watch.from > 0 && root?.dataset.state === "done" && root.dataset.request !== before;
      // The state is set in the frame that paints; it is on the screen after the next one.
      if (done) requestAnimationFrame(() => finished(performance.now() - watch.from));
      else requestAnimationFrame(look);
    };
    watch.from = 0;
    look();
  }); };
  document.addEventListener("keydown", (event) => event.shiftKey && event.key === "Enter" && watch.start(), true);
  for (const kind of ["click", "change"]) {
    document.addEventListener(kind, (event) => event.target.closest?.(".xai-widget") && watch.start(), true);
  }
  const tick = (now) => { watch.frames.push(now); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


# The numbers change in one frame, and are on the screen with the next.
BRUSH: Final = """root => {
  window.brushSteps = [];
  let moved = null;
  root.addEventListener("pointermove", () => { moved ??= performance.now(); }, { capture: true });
  new MutationObserver(() => requestAnimationFrame(() => {
    if (moved !== null) { window.brushSteps.push(performance.now() - moved); moved = null; }
  })).observe(root.querySelector(".xai-effect"), { subtree: true, characterData: true });
}"""


def main() -> None:
    """Measure and print the table."""
    rows: list[tuple[str, ...]] = [("", "embedded net", "ResNet-50, 224 px")]
    with desk(1400, 1100) as lab:
        lab.open("bench", [PREPARE, SMALL, RESNET, COLD_SMALL, COLD_RESNET])
        lab.run(0)
        lab.wait_for_output(0, "ready")
        lab.page.evaluate(WATCH)
        found = [_measure(lab, place) for place in range(2)]
        for place, values in enumerate(found, 2):
            lab.restart_kernel()
            values["first map, fresh kernel"] = f"{_time(lab, place, '', partial(lab.run, place + 1)):.0f} ms"
    rows += [(name, *(values[name] for values in found)) for name in found[0]]
    for name, *cells in rows:
        print(f"{name:34}" + "".join(f"{cell:>20}" for cell in cells))
    print()
    for name, told in _volume().items():
        print(f"{name:34}{told:>40}")
    for file in sorted(BUNDLE.glob("widget.*")):
        data = file.read_bytes()
        print(f"{file.name:34}{len(data) / 1000:>17.1f} kB{len(gzip.compress(data)) / 1000:>14.1f} kB gz")


def _measure(lab: Lab, place: int) -> dict[str, str]:
    view = lab.view(place)
    first = _time(lab, place, "", partial(lab.run, place + 1))
    view.wait()
    labels = view.classes().evaluate_all("rows => rows.map(row => row.dataset.classIndex)")
    layers = view.select("Layer").evaluate(
        "select => [...select.options].filter(option => !option.disabled).map(option => option.value)"
    )[-REPEATS:]
    classes, sizes = [], []
    for index in labels[1:]:
        lab.wire.clear()
        row = view.root.locator(f"[data-class-index='{index}']")
        classes.append(_time(lab, place, view.request(), row.click))
        view.wait()
        sizes.append(sum(frame.size for sent in (True, False) for frame in lab.wire.comm(sent=sent)))
    times = [_time(lab, place, view.request(), partial(view.select("Layer").select_option, name)) for name in layers]
    return {
        "first map": f"{first:.0f} ms",
        "class to pixels": _spread(classes),
        "layer to pixels": _spread(times),
        "comm bytes per heat map": f"{statistics.median(sizes) / 1000:.1f} kB",
        "drag, p95 between frames": f"{_frames(lab, view):.0f} ms",
        "brush to numbers": _spread(_brush(lab, view)),
    }


def _volume() -> dict[str, str]:
    with desk(1400, 1100) as lab:
        lab.open("volume", [VOLUME_PREPARE, VOLUME])
        lab.run(0)
        lab.wait_for_output(0, "ready")
        lab.page.evaluate(FIRST_SLICE)
        lab.run(1)
        first = float(lab.page.evaluate("() => window.firstSlice"))
        view = lab.view().wait()
        lab.page.evaluate(WATCH)
        page = lab.page.context.new_cdp_session(lab.page)
        page.send("Performance.enable")

        def scripts() -> float:
            metrics = page.send("Performance.getMetrics")["metrics"]
            return next(1000 * float(metric["value"]) for metric in metrics if metric["name"] == "ScriptDuration")

        found = {"256 cubed, first slice": f"{first:.0f} ms"}
        for name in ("Third axis", "Second axis", "First axis"):
            slider = view.slider(f"Slice, {name}")
            slider.scroll_into_view_if_needed()
            before = scripts()
            times = slider.evaluate(SLICES)
            found[f"slider, {name.lower()}"] = _gaps(times, (scripts() - before) / len(times))
        box = view.root.locator(".xai-pane-canvas").first.bounding_box()
        if box is None:
            sys.exit("The planes are not seen.")
        mouse, side = lab.page.mouse, box["width"]
        mouse.move(box["x"] + 0.1 * side, box["y"] + 0.1 * side)
        mouse.down()
        lab.page.evaluate("() => { window.stopwatch.frames = []; }")
        before, steps = scripts(), 100
        for step in range(steps):
            mouse.move(box["x"] + (0.1 + 0.8 * step / steps) * side, box["y"] + (0.1 + 0.8 * step / steps) * side)
            lab.frames()
        mouse.up()
        times = lab.page.evaluate("() => window.stopwatch.frames")
        found["crosshair, two planes"] = _gaps(times, (scripts() - before) / steps)
        return found


def _gaps(times: list[float], script: float) -> str:
    gaps = [later - earlier for earlier, later in pairwise(times)]
    p95 = statistics.quantiles(gaps, n=20)[-1]
    return f"{statistics.median(gaps):.1f} ms (p95 {p95:.1f}), scripts {script:.1f} ms"


def _time(lab: Lab, place: int, before: str, act: Callable[[], Any]) -> float:
    lab.page.evaluate("([place, before]) => { window.stopwatch.arm(place, before); }", [place, before])
    act()
    return float(lab.page.evaluate("() => window.stopwatch.time"))


def _frames(lab: Lab, view: View) -> float:
    """The 95th percentile, in milliseconds, of the time between frames while the opacity is dragged."""
    lab.page.evaluate("() => { window.stopwatch.frames = []; }")
    view.drag("Opacity", [share / 100 for share in range(5, 96, 2)])
    frames = lab.page.evaluate("() => window.stopwatch.frames")
    gaps: list[float] = [later - earlier for earlier, later in pairwise(frames)]
    return statistics.quantiles(gaps, n=20)[-1]


def _brush(lab: Lab, view: View) -> list[float]:
    """Milliseconds from a movement of the brush to new numbers, while it is drawn over the picture."""
    view.button("Cover").click()
    paper = view.root.locator(".xai-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    if box is None:
        sys.exit("The picture cannot be painted on.")
    mouse, side = lab.page.mouse, box["width"]
    mouse.move(box["x"] + 0.1 * side, box["y"] + 0.1 * side)
    # With the first dot, the rows of numbers appear.
    mouse.down()
    lab.frames()
    mouse.up()
    view.root.locator(".xai-effect[aria-busy='false']").wait_for()
    view.root.evaluate(BRUSH)
    mouse.down()
    for step in range(1, 80):
        mouse.move(box["x"] + (0.1 + step / 100) * side, box["y"] + (0.1 + 0.5 * (step % 20) / 20) * side)
        lab.frames()
    mouse.up()
    steps: list[float] = lab.page.evaluate("() => window.brushSteps")
    return steps


def _spread(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ms ({max(times):.0f})"


if __name__ == "__main__":
    main()
