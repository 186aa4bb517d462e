"""What a person feels: times in a real JupyterLab, from the hand to the picture.

Run as ``python -m bench.browser [part ...] [--repeats 7] [--threads 2] [--json FILE] [--marks]``; parts: small, resnet,
busy, fresh, volume. Not a test: the figures depend on the machine. Medians, and the 95th percentile.

* first map: from Shift+Enter to a painted heat map; the imports and the model are there, and torch is warm. The model
  and the picture are new to xai-widget, or the picture alone, or neither. In a fresh kernel, the cell imports
  everything and makes the model, too
* class, layer: from the choice to the painted heat map; a layer at once, or when the strip of small maps is there
* bytes: of the websocket frames that bring one heat map, in both directions
* frame: time between two frames while the opacity is dragged
* brush: from a movement of the brush to new numbers on the screen
* busy: a long run on every core. From the click on Cancel to the state that says so; from the choice of another class
  to the state of the new run, and to its first map; and the time between two frames. Beside it, how many threads of the
  kernel want a core at the same time
* first slice: from Shift+Enter to three painted planes of a volume of 256 voxels a side
* slice: the time between two frames, and the time of scripts in each, while a slider moves through one plane, a slice a
  frame, and while the crosshair is dragged across a plane, which moves through the other two
"""

# ruff: noqa: T201 - a script, and it talks to the person who runs it

from __future__ import annotations

import argparse
import gzip
import json
import platform
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from bench.stopwatch import Stopwatch, Times, tell
from bench.volume_page import volume
from tests.browser.desk import desk

if TYPE_CHECKING:
    from bench.stopwatch import Lap
    from tests.browser.lab import Lab
    from tests.browser.view import View

BUNDLE: Final = Path(__file__).parents[1] / "xai_widget" / "static"
PARTS: Final = ("small", "resnet", "busy", "fresh", "volume")

PREPARE: Final = """\
import copy, itertools, os, numpy as np, torch, torchvision
from xai_widget import XaiWidget, examples
def known(net):
    with torch.inference_mode():
        for _ in range(3):
            net(torch.zeros(1, 3, 224, 224))
    return net
def rolled(picture):
    pixels = np.asarray(picture)
    return (np.ascontiguousarray(np.roll(pixels, shift, 1)) for shift in itertools.count(1))
torch.set_num_threads({})
torch.manual_seed(0)
resnet = known(torchvision.models.resnet50(weights=None).eval())
sized = dict(labels=["class " + str(index) for index in range(1000)],
             transform=torchvision.models.ResNet50_Weights.DEFAULT.transforms())
photo = examples.photo("cat")
photos = rolled(photo)
small = examples.mosaic_net()
scene = examples.mosaic(["cat", "rocket", "temple", "coffee"]).image
scenes = rolled(scene)
print("ready", os.getpid())"""
# Untimed: a model that torch has run and xai-widget has never seen.
NEW: Final = {
    "small": "small = known(copy.deepcopy(small))\nprint('made')",
    "resnet": "resnet = known(copy.deepcopy(resnet))\nprint('made')",
}
ANOTHER: Final = {"small": "XaiWidget(small, next(scenes))", "resnet": "XaiWidget(resnet, next(photos), **sized)"}
AGAIN: Final = {"small": "XaiWidget(small, scene)", "resnet": "XaiWidget(resnet, photo, **sized)"}
TITLES: Final = {"small": "embedded net", "resnet": "ResNet-50, 224 px"}
# Long enough to be stopped on the way, and started again by another class.
BEGIN: Final = "w = XaiWidget(resnet, photo, method={!r}, params={}, **sized)\nw.auto_runs = {{w.method: True}}\nw"
LONG: Final = {"RISE": ("rise", {"samples": 20_000}), "occlusion": ("occlusion", {"window": 32, "stride": 2})}
FRESH: Final = {
    "small": "from xai_widget import XaiWidget, examples\nXaiWidget(examples.mosaic_net(), examples.photo('cat'))",
    "resnet": "from torchvision.models import resnet50\nfrom xai_widget import XaiWidget, examples\n"
    "XaiWidget(resnet50(weights=None), examples.photo('cat'))",
}
SECONDS_BUSY: Final = 3
MOMENTS: Final = 100

# The numbers change in one frame, and are on the screen with the next.
BRUSH: Final = """root => {
  window.brushSteps = [];
  let moved = null;
  root.addEventListener("pointermove", () => { moved ??= performance.now(); }, { capture: true });
  new MutationObserver(() => requestAnimationFrame(() => {
    if (moved !== null) { window.brushSteps.push(performance.now() - moved); moved = null; }
  })).observe(root.querySelector(".xai-effect"), { subtree: true, characterData: true });
}"""

Found = dict[str, Any]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.browser")
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="part", help=", ".join(PARTS))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=psutil.cpu_count(), help="of torch, in the kernel")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--marks", action="store_true", help="print when the kernel's messages passed")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown parts {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    found: dict[str, Found] = {
        "machine": {"cores": psutil.cpu_count(), "threads": given.threads, "python": platform.python_version()}
    }
    for part in given.parts:
        match part:
            case "volume":
                found["256 cubed"] = volume(given.repeats)
            case "busy":
                found["busy, ResNet-50"] = _busy(given.repeats, given.threads)
            case "fresh":
                found["fresh kernel"] = _fresh()
            case _:
                found[TITLES[part]] = _felt(part, given.repeats, given.threads, marks=given.marks)
    found["bundle"] = {
        file.name: f"{len(file.read_bytes()) / 1000:.1f} kB, {len(gzip.compress(file.read_bytes())) / 1000:.1f} kB gz"
        for file in sorted(BUNDLE.glob("widget.*"))
    }
    for title, values in found.items():
        print(f"\n{title}")
        for name, value in values.items():
            print(f"  {name:44}{value}")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1, default=lambda value: value.as_json()) + "\n", "utf-8")


def _felt(part: str, repeats: int, threads: int, *, marks: bool) -> Found:
    """What is felt of one model on one picture."""
    with desk(1400, 1100) as lab:
        watch = Stopwatch(lab)
        lab.open("bench", [PREPARE.format(threads), NEW[part], ANOTHER[part], AGAIN[part]])
        _prepare(lab)
        watch.start()
        found: Found = {}
        for name, cell, made in (
            ("first map, model and picture new", 2, True),
            ("first map, picture new", 2, False),
            ("first map, all known", 3, False),
        ):
            laps = [_first(lab, watch, cell, made=made) for _ in range(repeats)]
            found[name] = Times(tuple(lap.shown for lap in laps))
            if marks:
                tell(f"{part}: {name}", laps)
        place = lab.page.locator(".xai-widget").count() - 1
        view = lab.view(place).wait()
        return found | _switches(lab, watch, view, place, repeats, marks=marks)


def _prepare(lab: Lab) -> int:
    lab.run(0)
    lab.wait_for_output(0, "ready")
    lab.wait_for_kernel()
    return int(lab.cells.nth(0).locator(".jp-OutputArea").inner_text().rsplit("ready", 1)[1])


def _first(lab: Lab, watch: Stopwatch, cell: int, *, made: bool) -> Lap:
    """Run a cell that shows a widget; the one that it showed before is gone, and does not count."""
    if made:
        lab.run(1)
        lab.wait_for_kernel()
    outputs = lab.cells.nth(cell).locator(".xai-widget")
    before = lab.cells.locator(".xai-widget").count() - outputs.count()
    place = before if cell == 3 else 0
    lap = watch.lap(partial(lab.run, cell), place, replaced=outputs.count() > 0)
    lab.wait_for_kernel()
    return lap


def _switches(lab: Lab, watch: Stopwatch, view: View, place: int, repeats: int, *, marks: bool) -> Found:
    labels = view.classes().evaluate_all("rows => rows.map(row => row.dataset.classIndex)")
    layers = view.select("Layer").evaluate(
        "select => [...select.options].filter(option => !option.disabled).map(option => option.value)"
    )[-2::-1]
    classes, sizes = [], []
    for index in (labels[1:] * repeats)[: max(repeats, len(labels) - 1)]:
        lab.wire.clear()
        row = view.root.locator(f"[data-class-index='{index}']")
        classes.append(watch.lap(row.click, place, before=view.request()))
        sizes.append(sum(frame.size for sent in (True, False) for frame in lab.wire.comm(sent=sent)))

    def choose(name: str) -> Lap:
        return watch.lap(partial(view.select("Layer").select_option, name), place, before=view.request())

    chosen = [choose(name) for name in layers[:repeats]]
    view.root.locator(".xai-film[data-known='true']").wait_for()
    small = view.root.locator(".xai-film-layer[aria-selected='false']")
    filmed = [watch.lap(small.nth(turn).click, place, before=view.request()) for turn in range(repeats)]
    if marks:
        tell("class", classes)
        tell("layer", chosen)
        tell("layer of the strip", filmed)
    return {
        "class to pixels": Times(tuple(lap.shown for lap in classes)),
        "layer to pixels, at once": Times(tuple(lap.shown for lap in chosen)),
        "layer to pixels, from the strip": Times(tuple(lap.shown for lap in filmed)),
        "comm bytes per heat map": f"{statistics.median(sizes) / 1000:.1f} kB",
        "frames while the opacity is dragged": watch.frames(
            partial(view.drag, "Opacity", [share / 100 for share in range(5, 96, 2)])
        ),
        "brush to numbers": Times(tuple(_brush(lab, view))),
    }


def _busy(repeats: int, threads: int) -> Found:
    """How soon a long run gives way, and how the page feels meanwhile."""
    with desk(1400, 1100) as lab:
        watch = Stopwatch(lab)
        lab.open("busy", [PREPARE.format(threads), *(BEGIN.format(*long) for long in LONG.values())])
        kernel = psutil.Process(_prepare(lab))
        watch.start()
        found: Found = {}
        for place, name in enumerate(LONG):
            view = lab.view(place)
            watch.lap(partial(lab.run, place + 1), place, "map")
            ways: dict[str, list[float]] = {"cancel to state": [], "class to state": [], "class to first map": []}
            for turn in range(repeats):
                row = view.classes().nth(1 + 2 * turn % 4)
                lap = watch.lap(row.click, place, "queued", "running", before=view.request())
                ways["class to state"].append(lap.at)
                row = view.classes().nth(1 + (2 * turn + 1) % 4)
                lap = watch.lap(row.click, place, "map", before=view.request())
                ways["class to first map"].append(lap.shown)
                if turn == 0:
                    frames = watch.frames(partial(lab.page.wait_for_timeout, 1000 * SECONDS_BUSY))
                    wanting = _wanting(kernel)
                ways["cancel to state"].append(watch.lap(view.button("Cancel").click, place, "cancelled").at)
                watch.lap(view.button("Run").click, place, "map", before=view.request())
            view.button("Cancel").click()
            view.wait("cancelled")
            found |= {f"{name}: {way}": Times(tuple(times)) for way, times in ways.items()}
            found[f"{name}: frames meanwhile"] = frames
            found[f"{name}: threads that want a core"] = f"{statistics.mean(wanting):.1f} (at most {max(wanting)})"
        return found


def _wanting(kernel: psutil.Process) -> list[int]:
    """Return how many threads of the kernel run or could run, at many moments."""
    tasks, found = Path(f"/proc/{kernel.pid}/task"), []
    for _ in range(MOMENTS):
        states = [(each / "stat").read_text().rsplit(")", 1)[1].split()[0] for each in tasks.iterdir()]
        found.append(states.count("R"))
        time.sleep(SECONDS_BUSY / MOMENTS)
    return found


def _fresh() -> Found:
    found: Found = {}
    for part, code in FRESH.items():
        with desk(1400, 1100) as lab:
            watch = Stopwatch(lab)
            lab.open("fresh", [code])
            watch.start()
            found[TITLES[part]] = Times((watch.lap(partial(lab.run, 0)).shown,))
    return found


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


if __name__ == "__main__":
    main()
