"""Take pictures of every view of the widget, light and dark, in a real JupyterLab.

Run as ``python -m tools.screenshots [FOLDER]``; all pictures go to the folder, ``build/screenshots`` unless another one is
named, and those that the documentation shows to ``docs/images``, too.
"""

import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from tests.browser.desk import desk
from tests.browser.kernel import Kernel
from tests.browser.lab import Lab
from tests.browser.view import View

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = ROOT / "docs" / "images"
WIDTH: Final = 960
NARROW: Final = 480
DENSITY: Final = 2
LARGEST_BYTES: Final = 500_000

Steps = Callable[[Lab, View], None]
SETUP: Final = """\
from xai_widget import XaiWidget, examples

model = examples.mosaic_net()
scene = examples.mosaic(["cat", "rocket", "temple", "coffee"]).image
names = list(model.labels)
photos = [examples.photo(name) for name in names]
head, head_model = examples.phantom(1, group=1), examples.phantom_net()


def cohort(net, data):
    import tempfile
    from xai_widget.cohort import explain_dataset
    return explain_dataset(net, data, "grad_cam", out=tempfile.mkdtemp() + "/m.zarr", group_by="label", progress=False)
"""


@dataclass(frozen=True)
class Scene:
    """A widget and what is done with it before it is photographed.

    Attributes
    ----------
    code : str
        Ends in the widget.
    steps : callable
        What a person does.
    width : int
        Of the widget, in CSS pixels.
    part : str
        What of it is photographed: a CSS selector; the whole widget where it is empty.
    around : str
        What is photographed in its place, where the widget is part of something larger: a CSS selector.
    kept : tuple of str
        The themes in which the documentation shows it.
    """

    code: str
    steps: Steps = lambda _lab, _view: None
    width: int = WIDTH
    part: str = ""
    around: str = ""
    kept: tuple[str, ...] = ()


def mode(label: str) -> Scene:
    """The stage in one of its views."""

    def steps(lab: Lab, view: View) -> None:
        view.button(label).click()
        if label == "Regions":
            view.root.locator(".xai-stage").get_by_text("Measuring").wait_for(state="detached")
        lab.frames()

    return Scene('XaiWidget(model, scene, target="rocket")', steps, part=".xai-stage")


def draw(lab: Lab, view: View, places: Sequence[tuple[float, float]]) -> None:
    """Draw over the picture, through places given as shares of its sides."""
    paper = view.root.locator(".xai-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    if box is None:
        sys.exit("The picture cannot be drawn on.")
    for number, (x, y) in enumerate(places):
        lab.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if number == 0:
            lab.page.mouse.down()
    lab.page.mouse.up()


def cover(lab: Lab, view: View) -> None:
    """Paint over the rocket."""
    view.button("Cover").click()
    draw(lab, view, [(0.72, 0.42), (0.74, 0.3), (0.78, 0.18), (0.82, 0.3), (0.84, 0.42), (0.78, 0.45)])
    view.root.locator(".xai-effect").wait_for()


def guess(lab: Lab, view: View) -> None:
    """Mark a place, then reveal the map."""
    view.button("Guess").click()
    draw(lab, view, [(0.6, 0.2), (0.75, 0.27), (0.9, 0.35)])
    view.button("Reveal").click()


def press(*labels: str) -> Steps:
    """Press buttons, one after the other."""

    def steps(lab: Lab, view: View) -> None:
        for label in labels:
            view.button(label).click()
        lab.frames()

    return steps


def open_regions(lab: Lab, view: View) -> None:
    """See what hiding the strongest places does."""
    view.root.get_by_text("What matters most").click()
    view.root.get_by_role("button", name="Cover it").first.wait_for()
    lab.frames()


def choose_a_group(lab: Lab, view: View) -> None:
    """Choose the second group; its members follow."""
    view.root.locator(".xai-thumb").nth(1).click()
    view.wait()
    lab.page.locator(MEMBERS).nth(1).wait_for()


def open_a_member(lab: Lab, view: View) -> None:
    """Choose the second group, and open its second member below."""
    choose_a_group(lab, view)
    lab.page.locator(".xai-cohort-name").nth(1).click()
    lab.view(1).wait()


def wait_for_sentence(lab: Lab, view: View) -> None:
    """Let the sentence be measured."""
    view.root.get_by_text("Hiding").first.wait_for()
    lab.frames()


VOLUME: Final = "XaiWidget(head_model, head.image)"
WIDGET: Final = 'XaiWidget(model, scene, target="rocket")'
COMPARED: Final = """\
w = XaiWidget(model, scene, target="rocket")
w.compare(layers=["layer2", "layer3", "layer4"], targets=["rocket", "temple"])
w"""
COHORT: Final = "cohort(examples.watermarked_net(), examples.watermarks(90)).widget()"
SCANS: Final = "cohort(head_model, examples.phantoms(12)).widget()"
MEMBERS: Final = ".xai-cohort-frame img"
SCENES: Final = {
    "widget": Scene(WIDGET, kept=("Light", "Dark")),
    "widget-narrow": Scene(WIDGET, width=NARROW, kept=("Light",)),
    "side": mode("Side by side"),
    "curtain": mode("Curtain"),
    "map": mode("Map"),
    "contours": mode("Contours"),
    "regions-mode": mode("Regions"),
    "image": mode("Image"),
    "contrast": Scene('from xai_widget import Contrast\nXaiWidget(model, scene, target=Contrast("rocket", "coffee"))'),
    "methods": Scene(WIDGET, press("Browse …")),
    "cover": Scene(WIDGET, cover, kept=("Light",)),
    "regions": Scene(WIDGET, open_regions),
    "guess": Scene(WIDGET, guess),
    "compare": Scene(COMPARED, kept=("Light",)),
    "models": Scene("XaiWidget([model, examples.flatten_net()], examples.photo('cat'))"),
    "gallery": Scene("XaiWidget(model, photos, expected=names)", kept=("Light",)),
    "simple": Scene('XaiWidget(model, scene, target="rocket", expert=False)', wait_for_sentence, kept=("Light",)),
    "volume": Scene(VOLUME, press("Strongest place"), part=".xai-stage", kept=("Light",)),
    "volume-narrow": Scene(VOLUME, width=NARROW),
    "montage": Scene(VOLUME, press("Montage"), part=".xai-stage", kept=("Light",)),
    "cohort": Scene(SCANS, choose_a_group, around=".xai-cohort", kept=("Light",)),
    "cohort-pictures": Scene(COHORT, open_a_member, around=".xai-cohort"),
    "cohort-scans": Scene(SCANS, open_a_member, around=".xai-cohort"),
    "save": Scene(WIDGET, press("Save")),
    "korean": Scene('XaiWidget(model, scene, target="rocket", locale="ko")'),
    "waiting": Scene('XaiWidget(model, scene, method="rise", params={"samples": 20000}, auto_run=False)'),
}


def main(folder: Path) -> None:
    """Write the pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    DOCUMENTS.mkdir(parents=True, exist_ok=True)
    with desk(1400, 1200, density=DENSITY) as lab:
        number = lab.server.start_kernel()
        kernel = Kernel(lab.server.connection_file(number))
        kernel.run(SETUP)
        for name, scene in SCENES.items():
            # Widgets of the scenes before would be restored on the page.
            kernel.run("import ipywidgets; ipywidgets.Widget.close_all()")
            lab.open(name, [scene.code], kernel_id=number)
            lab.run(0)
            view = lab.view()
            view.wait("idle" if "auto_run=False" in scene.code else "done")
            lab.widen(view, scene.width)
            scene.steps(lab, view)
            for theme in ("Light", "Dark"):
                lab.theme(theme)
                whole = View(lab, lab.page.locator(scene.around).first) if scene.around else view
                shot = _photograph(whole, scene.part)
                file = f"{name}{'-dark' if theme == 'Dark' else ''}.png"
                _keep(shot, folder / file)
                if theme in scene.kept:
                    _keep(shot, DOCUMENTS / file)
            lab.theme("Light")
        kernel.close()


def _photograph(view: View, part: str) -> Image.Image:
    view.lab.frames()
    whole = Image.open(io.BytesIO(view.photograph())).convert("RGB")
    if not part:
        return whole
    outer, inner = view.root.bounding_box(), view.root.locator(part).bounding_box()
    if outer is None or inner is None:
        sys.exit(f"There is no {part} on the page.")
    left, top = (round((inner[side] - outer[side]) * DENSITY) for side in ("x", "y"))
    return whole.crop((left, top, left + round(inner["width"] * DENSITY), top + round(inner["height"] * DENSITY)))


def _keep(shot: Image.Image, path: Path) -> None:
    """Write a picture; of the colours' eight bits, only as many are kept as fit into the file."""
    for bits in (8, 7, 6, 5):
        _coarse(shot, bits).save(path, optimize=True)
        if path.stat().st_size <= LARGEST_BYTES:
            break
    print(f"{path}: {shot.width} x {shot.height}, {path.stat().st_size / 1000:.0f} kB, {bits} bits")


def _coarse(picture: Image.Image, bits: int) -> Image.Image:
    # Rounded to the nearest step, with black and white left as they are: 256 colours in all would show as bands.
    steps = 2**bits - 1
    return picture.point([round(round(value / 255 * steps) * 255 / steps) for value in range(256)] * 3)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "screenshots")
