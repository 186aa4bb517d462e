"""The page that `to_html` writes, opened from a file, without a network and without a kernel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.lab import TWO_FRAMES
from tests.browser.scenes import LABELS
from tests.browser.view import View, difference
from xai_widget import Contrast, XaiWidget, examples
from xai_widget.widget.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from xai_widget.page import Message
    from xai_widget.widget.asking import Key

# The browser and Pillow enlarge a picture in slightly different ways.
AGREEMENT = 2.0
VISIBLE = 5.0


@dataclass
class File:
    """A page of its own, with as much of a `Lab` as a `View` uses."""

    page: Page
    problems: list[str]

    def frames(self) -> None:
        self.page.evaluate(TWO_FRAMES)

    @property
    def view(self) -> View:
        return View(self, self.page.locator(".xai-widget"))  # type: ignore[arg-type]  # duck typing, said above


@pytest.fixture(scope="module")
def widget() -> Iterator[XaiWidget]:
    """A widget that has explained: Grad-CAM for two classes and a contrast, an earlier layer, and occlusion."""
    w = XaiWidget(examples.mosaic_net(), examples.mosaic(list(LABELS)).image, target="rocket")
    w.explain()
    w.target = Contrast("cat", "rocket")
    w.explain()
    w.target, w.method, w.params = "cat", "occlusion", {"window": 32, "stride": 16}
    w.explain()
    w.method, w.params, w.layer = "grad_cam", {}, "layer3"
    w.explain()
    w.layer = None
    w.explain()
    yield w
    w.close()


@pytest.fixture
def opened(chromium: Any, widget: XaiWidget, tmp_path: Path) -> Iterator[Callable[..., File]]:
    """Save a widget, open the file with the network blocked, and wait until its map is painted."""
    contexts = []

    def opened(w: XaiWidget = widget, **settings: Any) -> File:
        context = chromium.new_context(viewport={"width": 1100, "height": 1000}, **settings)
        contexts.append(context)
        page = context.new_page()
        file = File(page, [])

        def refuse(route: Any) -> None:
            file.problems.append(f"asked the network for {route.request.url}")
            route.abort()

        page.route(re.compile("^(http|ws)s?:"), refuse)
        page.on("pageerror", lambda error: file.problems.append(str(error)))
        page.on("console", lambda line: file.problems.append(line.text))
        page.goto(w.to_html(tmp_path / "page.html").as_uri())
        file.view.wait()
        return file

    yield opened
    for context in contexts:
        context.close()


def enlarged(picture: Image.Image, like: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB").resize(like.shape[1::-1], Image.Resampling.BICUBIC))


def drawn(w: XaiWidget, like: NDArray[np.uint8], **question: Any) -> NDArray[np.uint8]:
    """The heat map of one of the widget's attributions, as Python draws it."""
    (found,) = [a for a in w.attributions if all(getattr(a, name) == value for name, value in question.items())]
    return enlarged(Image.fromarray(found.heat_map(w.view)), like)


def test_the_page_shows_what_the_widget_shows_without_a_network(opened, widget):
    file = opened()
    shown = file.view.pixels()
    assert difference(shown, enlarged(widget.snapshot(), shown)) <= AGREEMENT
    expect(file.view.caption()).to_have_text("Grad-CAM · cat · layer4 · grid 16×16")
    expect(file.page).to_have_title("ExampleNet: image – xai-widget")
    expect(file.view.button("Run")).to_have_count(0)
    assert file.problems == []


def test_computed_questions_show_their_maps(opened, widget):
    view = opened().view
    first = view.pixels()
    view.choose_class("rocket")
    other = view.pixels()
    assert difference(first, other) > VISIBLE
    assert difference(other, drawn(widget, other, method="grad_cam", label="rocket")) <= AGREEMENT
    view.choose_class("cat")
    assert difference(view.pixels(), first) < 0.01
    view.choose("Layer", "layer3")
    earlier = view.pixels()
    assert difference(earlier, drawn(widget, earlier, layer="layer3")) <= AGREEMENT
    expect(view.caption()).to_contain_text("layer3")


def test_a_method_that_was_computed_otherwise_brings_its_parameters(opened, widget):
    view = opened().view
    view.choose("Method", "occlusion")
    shown = view.pixels()
    assert difference(shown, drawn(widget, shown, method="occlusion")) <= AGREEMENT
    expect(view.slider("Window")).to_have_value("32")


def test_a_question_that_was_not_computed_is_told_and_the_next_one_works(opened):
    view = opened().view
    view.class_row("temple").click()
    view.wait("error")
    expect(view.error()).to_contain_text(
        "Grad-CAM · temple · layer4: this map was not computed before the page was saved."
    )
    expect(view.error()).to_contain_text("Grad-CAM · layer4 for rocket, cat")
    expect(view.error()).to_contain_text("Window: 32 · Stride: 16 for cat")
    expect(view.caption()).to_contain_text("previous map")
    expect(view.button("Run")).to_have_count(0)
    view.choose_class("rocket")
    expect(view.error()).to_have_count(0)
    expect(view.caption()).to_contain_text("rocket")


def test_every_map_can_be_chosen_from_the_list(opened, widget):
    file = opened()
    view = file.view
    maps = file.page.get_by_role("combobox", name="Saved maps")
    assert maps.locator("option").all_text_contents() == [
        "Grad-CAM · rocket · layer4",
        "Grad-CAM · cat rather than rocket · layer4",
        "Occlusion sensitivity · cat · Window: 32 · Stride: 16",
        "Grad-CAM · cat · layer3",
        "Grad-CAM · cat · layer4",
    ]
    expect(maps).to_have_value("4")
    before = view.request()
    maps.select_option("1")
    view.wait_for_next(before)
    shown = view.pixels()
    assert difference(shown, drawn(widget, shown, label="cat rather than rocket")) <= AGREEMENT
    expect(view.class_row("not rocket")).to_have_attribute("data-foil", "true")


def test_the_list_speaks_the_language_of_the_readers_browser(opened):
    maps = opened(locale="ko-KR").page.get_by_role("combobox", name="저장된 맵")
    assert maps.locator("option").all_text_contents()[1:3] == [
        "Grad-CAM · rocket 대신 cat · layer4",
        "Occlusion sensitivity · cat · 창 크기: 32 · 스트라이드: 16",
    ]


def test_display_controls_work(opened):
    view = opened().view
    overlay = view.pixels()
    view.button("Image").click()
    plain = view.pixels()
    assert difference(overlay, plain) > VISIBLE
    view.button("Overlay").click()
    view.drag("Opacity", [0.2, 0.0])
    assert difference(view.pixels(), plain) < 1
    view.drag("Opacity", [1.0])
    view.select("Colour map").select_option("viridis")
    assert difference(view.pixels(), overlay) > VISIBLE
    assert view.root.get_attribute("data-state") == "done"


def test_dense_maps_are_painted_as_python_paints_them(opened):
    """They are kept in 16 bits; a low gamma brings out the smallest values."""
    w = XaiWidget(
        examples.mosaic_net(),
        examples.photo("cat"),
        method="occlusion",
        params={"window": 32, "stride": 16},
        view={"mode": "map", "gamma": 0.4},
    )
    file = opened(w)
    shown = file.view.pixels()
    assert w.explain().values.size > 64 * 64
    assert difference(shown, enlarged(w.snapshot(), shown)) <= AGREEMENT
    assert file.problems == []


def test_a_page_with_one_map_has_no_list(opened):
    file = opened(XaiWidget(examples.mosaic_net(), examples.photo("cat")))
    expect(file.page.get_by_role("combobox", name="Saved maps")).to_have_count(0)


class Measured(Service):
    """Knows what the regions of the first map do."""

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        labels = np.zeros(self.widget.session.inputs[0].picture.shape[:2], np.uint8)
        labels[10:40, 20:60] = 1
        regions = {
            "session": 0,
            "of": min(places.values()),
            "shape": list(labels.shape),
            "quantity": "probability",
            "fill": "blur",
            "regions": [{"box": [10, 20, 40, 60], "area": 0.1, "before": 0.5, "after": 0.125}],
        }
        return [({"kind": "regions", "request_id": None, "regions": regions}, [labels.data])]


class Keeping(XaiWidget):
    """A widget whose pages say what was measured."""

    _offers = (Measured,)


def test_the_simple_view_says_what_was_measured_before_the_page_was_saved(opened):
    w = Keeping(examples.mosaic_net(), examples.photo("cat"), expert=False, target="cat")
    w.explain()
    w.target = "rocket"
    w.explain()
    file = opened(w)
    view, sentence = file.view, file.view.root.locator(".xai-sentence")
    expect(sentence).to_contain_text("What the places do is not known: It was not measured before the page was saved.")
    view.choose_class("cat")
    expect(sentence).to_contain_text("Hiding region 1 lowers it by 38 points.")
    expect(view.root.locator(".xai-place-number")).to_have_text(["1"])
    view.button("Expert").click()
    expect(view.select("Method")).to_be_visible()
    assert file.problems == []


def test_pictures_and_code_can_be_taken_from_a_page_and_what_needs_a_kernel_is_not_offered(opened):
    file = opened()
    view = file.view
    view.button("Save").click()
    expect(view.button("Save NPZ")).to_have_count(0)
    expect(view.button("Freeze")).to_have_count(0)
    with file.page.expect_download() as download:
        view.button("Save PNG").click()
    assert download.value.suggested_filename == "grad-cam-cat.png"
    expect(view.button("Copy code")).to_be_visible()
    assert file.problems == []


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_the_readers_colours(opened, artefacts, scheme, dark):
    file = opened(color_scheme=scheme)
    for place in ("body", ".xai-widget"):
        colour = file.page.locator(place).evaluate("element => getComputedStyle(element).backgroundColor")
        levels = [int(level) for level in re.findall(r"\d+", colour)[:3]]
        assert (sum(levels) < 3 * 128) == dark
    file.page.screenshot(path=artefacts / f"offline-{scheme}.png", full_page=True)


def test_a_damaged_page_says_so(chromium, widget, tmp_path):
    text = widget.to_html(tmp_path / "whole.html").read_text("utf-8")
    damaged = tmp_path / "damaged.html"
    damaged.write_text(re.sub(r'("data":")[^"]{40}', r"\1", text), "utf-8")
    page = chromium.new_page()
    page.goto(damaged.as_uri())
    expect(page.get_by_role("alert")).to_contain_text("The widget could not be drawn")
    page.close()


def test_a_volume_is_walked_through_without_a_kernel(opened):
    w = XaiWidget(examples.phantom_net(), examples.phantom(1, group=1).image)
    w.explain()
    file = opened(w)
    view = file.view
    panes, readout = view.root.locator(".xai-pane-canvas"), view.root.locator("output")
    expect(panes).to_have_count(3)
    first = readout.inner_text()
    coronal = panes.nth(1).screenshot()
    panes.first.click(position={"x": 20, "y": 30})
    expect(readout).not_to_have_text(first)
    file.frames()
    assert panes.nth(1).screenshot() != coronal
    slider = view.slider("Slice, Axial")
    before = int(slider.input_value())
    slider.focus()
    slider.press("ArrowRight")
    expect(slider).to_have_value(str(before + 1))
    view.button("Strongest place").click()
    cell = np.unravel_index(w.attribution.values.argmax(), w.attribution.values.shape)
    shape = w.attribution.input_size
    at = [(2 * c + 1) * n // (2 * m) for c, n, m in zip(cell, shape, w.attribution.values.shape, strict=True)]
    expect(readout).to_contain_text("voxel {}, {}, {}".format(*at))
    view.button("Montage").click()
    tiles = view.root.locator(".xai-montage-tile")
    expect(tiles).to_have_count(12)
    tiles.nth(3).click()
    expect(tiles.nth(3)).to_have_attribute("aria-current", "true")
    view.button("Save").click()
    expect(view.button("Save NIfTI")).to_have_count(0)
    with file.page.expect_download() as download:
        view.button("Save PNG").click()
    with Image.open(download.value.path()) as saved:
        # Twelve slices, four in a row.
        assert min(saved.size) > 400
    assert file.problems == []
    w.close()
