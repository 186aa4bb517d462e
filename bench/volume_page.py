"""A volume of 256 voxels a side in a page: its first three planes, and how it follows the hand."""

from __future__ import annotations

import sys
from typing import Any, Final

from bench.stopwatch import Stopwatch, Times, gaps
from tests.browser.desk import desk

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
    const old = new Set(document.querySelectorAll(".xai-pane-canvas"));
    document.addEventListener("keydown", (event) => {
      if (event.shiftKey && event.key === "Enter") from = performance.now();
    }, true);
    const look = () => {
      const canvases = [...document.querySelectorAll(".xai-pane-canvas")].filter((each) => !old.has(each));
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


def volume(repeats: int) -> dict[str, Any]:
    """Return the times of the first slices, and of those that follow."""
    with desk(1400, 1100) as lab:
        watch = Stopwatch(lab)
        lab.open("volume", [VOLUME_PREPARE, VOLUME])
        lab.run(0)
        lab.wait_for_output(0, "ready")
        first = []
        for _ in range(repeats):
            lab.page.evaluate(FIRST_SLICE)
            lab.run(1)
            first.append(float(lab.page.evaluate("() => window.firstSlice")))
            lab.wait_for_kernel()
        view = lab.view().wait()
        watch.start()
        page = lab.page.context.new_cdp_session(lab.page)
        page.send("Performance.enable")

        def scripts() -> float:
            metrics = page.send("Performance.getMetrics")["metrics"]
            return next(1000 * float(metric["value"]) for metric in metrics if metric["name"] == "ScriptDuration")

        found: dict[str, Any] = {"first slice": Times(tuple(first))}
        for name in ("Third axis", "Second axis", "First axis"):
            slider = view.slider(f"Slice, {name}")
            slider.scroll_into_view_if_needed()
            before = scripts()
            times = slider.evaluate(SLICES)
            found[f"slider, {name.lower()}: frames"] = Times(tuple(gaps(times)))
            found[f"slider, {name.lower()}: scripts a frame"] = f"{(scripts() - before) / len(times):.1f} ms"
        box = view.root.locator(".xai-pane-canvas").first.bounding_box()
        if box is None:
            sys.exit("The planes are not seen.")
        mouse, side, steps = lab.page.mouse, box["width"], 100
        mouse.move(box["x"] + 0.1 * side, box["y"] + 0.1 * side)
        mouse.down()
        before = scripts()

        def across() -> None:
            for step in range(steps):
                mouse.move(box["x"] + (0.1 + 0.8 * step / steps) * side, box["y"] + (0.1 + 0.8 * step / steps) * side)
                lab.frames()

        found["crosshair, two planes: frames"] = watch.frames(across)
        found["crosshair, two planes: scripts a frame"] = f"{(scripts() - before) / steps:.1f} ms"
        mouse.up()
        return found
