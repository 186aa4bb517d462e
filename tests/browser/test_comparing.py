"""Comparing: pins, several models, many pictures, and photos of one's own."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.scenes import SCENE
from tests.browser.view import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator

    from tests.browser.lab import Lab
    from tests.browser.view import View

# More than any number of tiles needs.
FRAMES: Final = 100
GALLERY: Final = """\
from xai_widget import XaiWidget, examples
names = ["cat", "rocket", "temple", "coffee"]
net = examples.mosaic_net()
pictures = [examples.photo(name) for name in names] + [examples.photo("cat").rotate(180)]
w = XaiWidget(net, pictures, expected=["cat", "rocket", "cat", None, "cat"])
w"""

MODELS: Final = """\
import copy, torch
from xai_widget import XaiWidget, examples
scene = examples.mosaic(["cat", "rocket", "temple", "coffee"])
one, other = examples.mosaic_net(), copy.deepcopy(examples.mosaic_net())
with torch.no_grad():
    other.fc.weight.mul_(2) if hasattr(other, "fc") else [p.mul_(1.1) for p in other.parameters()]
w = XaiWidget([one, other], scene.image, target="rocket")
w"""

SPEARMAN: Final = (
    "[[float(__import__('scipy.stats').stats.spearmanr(a.resized().ravel(), b.resized().ravel()).statistic)"
    " for b in w.pinned] for a in w.pinned]"
)

# Brings a file as a person's drag or paste does: the browser lets no script fill the real clipboard.
BRING: Final = """
(root, [kind, name, type, text]) => {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  const common = { bubbles: true, cancelable: true };
  const target = root.querySelector("canvas") ?? root;
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { ...common, clipboardData: carried })
    : new DragEvent(kind, { ...common, dataTransfer: carried });
  return !target.dispatchEvent(event);
}
"""


def tiles(view: View) -> Locator:
    """The pinned maps."""
    return view.root.locator("[data-pin]")


def ends(view: View) -> list[str]:
    """What the colours of every pinned map end with."""
    labels = [bar.get_attribute("aria-label") or "" for bar in tiles(view).locator(".xai-tile-bar canvas").all()]
    return [label.rsplit(" ", 1)[-1] for label in labels]


def a_file(width: int = 320, height: int = 200, kind: str = "PNG") -> bytes:
    """A photo of nothing in particular."""
    across = np.linspace(0, 255, width, dtype=np.uint8)
    pixels = np.broadcast_to(across[None, :, None], (height, width, 3)).copy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def bring(view: View, kind: str, name: str, content: bytes, mime: str = "image/png") -> bool:
    """Drop or paste a file; returns whether the widget took it."""
    return view.root.evaluate(BRING, [kind, name, mime, base64.b64encode(content).decode()])


# -- pins -----------------------------------------------------------------------------------------------------------


def test_pinned_maps_stand_side_by_side_on_one_scale(show):
    lab = show(SCENE)
    view = lab.view().wait()
    view.button("Pin this map").click()
    expect(tiles(view)).to_have_count(1)
    view.choose_class("rocket")
    view.button("Pin this map").click()
    expect(tiles(view)).to_have_count(2)
    expect(tiles(view).nth(0)).to_contain_text("cat · layer4")
    expect(tiles(view).nth(1)).to_contain_text("rocket · layer4")
    view.button("Pin this map").click()
    lab.kernel.until("w.pins", [1, 2])
    shared = view.root.get_by_role("checkbox", name="One scale")
    expect(shared).to_be_checked()
    assert len(set(ends(view))) == 1
    shared.uncheck()
    lab.kernel.until("w.view['shared']", False)
    assert len(set(ends(view))) == 2
    expect(view.root).to_contain_text("Each map is coloured up to its own maximum.")


def test_maps_of_different_units_keep_their_own_scales(show):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.kernel.run("_ = w.compare(['grad_cam', 'occlusion'])")
    expect(tiles(view)).to_have_count(2)
    expect(view.root.get_by_role("checkbox", name="One scale")).to_be_disabled()
    expect(view.root).to_contain_text("These methods measure in different units")
    assert len(set(ends(view))) == 2


def test_the_matrix_is_scipys_rank_correlation_of_the_resized_maps(show):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.kernel.run("_ = w.compare(['grad_cam', 'occlusion'], layers=['layer2', 'layer4'])")
    expect(tiles(view)).to_have_count(3)
    view.root.get_by_text("Rank correlation", exact=True).click()
    table = view.root.get_by_role("table", name="Rank correlation")
    rows = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    found = np.array([[float(text.replace("\u2212", "-")) for text in row] for row in rows])
    assert np.abs(found - np.array(lab.kernel.value(SPEARMAN))).max() < 0.01
    assert found.shape == (3, 3)
    expect(table.get_by_role("rowheader").nth(0)).to_have_text("1 Grad-CAM, cat, layer2")


def test_pins_are_still_there_after_the_page_was_loaded_anew(show):
    lab = show(GALLERY)
    view = lab.view().wait()
    lab.kernel.run("_ = w.compare(targets=['cat', 'rocket']); w.active = 2; _ = w.pin()")
    expect(tiles(view)).to_have_count(3)
    lab.save()
    lab.reload()
    view = lab.view().wait()
    expect(tiles(view)).to_have_count(3)
    assert len({painted(tile) for tile in tiles(view).all()}) == 3
    expect(tiles(view).nth(2)).to_contain_text("image 3")


def painted(tile: Locator) -> str:
    """What a tile's canvas shows, once it shows anything."""
    canvas = tile.locator("canvas").first
    tile.page.wait_for_function(
        "canvas => canvas.getContext('2d').getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data[3] === 255",
        arg=canvas.element_handle(),
    )
    return canvas.evaluate("canvas => canvas.toDataURL()")


def test_pins_are_moved_removed_and_asked_again(show):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.kernel.run("_ = w.compare(['grad_cam', 'occlusion'], targets=['cat', 'temple'])")
    expect(tiles(view)).to_have_count(4)
    view.button("Move Grad-CAM, cat, layer4 to the right").click()
    expect(tiles(view).nth(0)).to_contain_text("temple · layer4")
    lab.kernel.until("w.pins", [2, 1, 3, 4])
    before = view.request()
    view.button("Ask again: Occlusion sensitivity, temple").click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("Occlusion sensitivity · temple")
    assert lab.kernel.value("[w.method, w.attribution.label]") == ["occlusion", "temple"]
    view.button("Remove Grad-CAM, cat, layer4").click()
    expect(tiles(view)).to_have_count(3)
    view.button("Remove all").click()
    expect(tiles(view)).to_have_count(0)
    assert lab.kernel.value("len(w.pinned)") == 0


def test_pointing_at_one_map_reads_all_of_them(show):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.kernel.run("_ = w.compare(targets=['cat', 'rocket'])")
    expect(tiles(view)).to_have_count(2)
    canvas = tiles(view).nth(0).locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    canvas.hover(position={"x": box["width"] / 4, "y": box["height"] / 4})
    said = view.root.locator("output").inner_text()
    x, y = (int(number) for number in re.findall(r"[xy] (\d+)", said))
    assert x == pytest.approx(32, abs=1)
    assert y == pytest.approx(32, abs=1)
    for place in range(2):
        value = tiles(view).nth(place).locator(".xai-tile-value").inner_text()
        expected = lab.kernel.value(f"float(w.pinned[{place}].resized()[{y}, {x}])")
        assert float(value.replace("\u2212", "-")) == pytest.approx(expected, rel=0.01, abs=1e-4)
    expect(view.root.locator(".xai-tile .xai-crosshair")).to_have_count(2)


def test_ctrl_and_the_wheel_enlarge_all_maps_together_and_the_plain_wheel_none(show):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.kernel.run("_ = w.compare(targets=['cat', 'rocket'])")
    expect(tiles(view)).to_have_count(2)
    before = [painted(tile) for tile in tiles(view).all()]
    tiles(view).nth(0).locator("canvas").first.hover()
    lab.page.mouse.wheel(0, -40)
    lab.frames()
    assert [painted(tile) for tile in tiles(view).all()] == before
    tiles(view).nth(0).locator("canvas").first.hover()
    lab.page.keyboard.down("Control")
    lab.page.mouse.wheel(0, -400)
    lab.page.keyboard.up("Control")
    lab.frames()
    after = [painted(tile) for tile in tiles(view).all()]
    assert after[0] != before[0]
    assert after[1] != before[1]


def settled(lab: Lab, view: View, wanted: Callable[[list[str]], bool]) -> list[str]:
    """What the tiles show, once it is as `wanted`: they are painted one after the other, each in a frame of its own."""
    for _ in range(FRAMES):
        found = [painted(tile) for tile in tiles(view).all()]
        if wanted(found):
            return found
        lab.frames()
    raise AssertionError("The tiles do not come to show what they should.")


def alike(one: str, other: str) -> bool:
    """Whether two canvases show the same; the browser scales the same pixels to the screen in more ways than one, which
    differ in their last digit."""
    pixels = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(each.partition(",")[2]))).convert("RGB")).astype(int)
        for each in (one, other)
    ]
    return pixels[0].shape == pixels[1].shape and bool(np.abs(pixels[0] - pixels[1]).max() <= 1)


def test_no_small_map_tells_where_to_look_while_somebody_guesses(show):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.kernel.run("_ = w.compare(targets=['cat', 'rocket'])")
    expect(tiles(view)).to_have_count(2)
    film = view.root.locator(".xai-film-map canvas")
    expect(film.first).to_be_attached(timeout=PATIENCE_MS)
    lab.frames()
    before = [painted(tile) for tile in tiles(view).all()]
    assert not alike(*before)
    view.button("Guess").click()
    expect(film).to_have_count(0)
    hidden = settled(lab, view, lambda found: alike(*found))
    assert not alike(hidden[0], before[0])
    tiles(view).nth(0).locator("canvas").first.hover()
    expect(tiles(view).locator(".xai-tile-value").first).to_be_hidden()
    view.button("Reveal").click()
    expect(film.first).to_be_attached()
    settled(lab, view, lambda found: all(map(alike, found, before)))


def test_several_questions_are_put_together_in_the_page(show):
    lab = show(SCENE)
    view = lab.view().wait()
    view.button("Compare several …").click()
    form = view.root.locator("form")
    expect(form).to_contain_text("1 map")
    for name in ("Grad-CAM", "Saliency", "rocket", "temple", "layer3", "layer4"):
        form.get_by_role("checkbox", name=name, exact=True).check()
    expect(form.get_by_role("status")).to_contain_text(re.compile(r"^6 maps, about .* (ms|s)$"))
    form.get_by_role("button", name="Start").click()
    expect(tiles(view)).to_have_count(6, timeout=PATIENCE_MS)
    expect(form).to_have_count(0)
    view.wait()
    asked = lab.kernel.value("[[a.method, a.label, a.layer] for a in w.pinned]")
    assert asked[:2] == [["grad_cam", "rocket", "layer3"], ["grad_cam", "rocket", "layer4"]]
    assert [one[0] for one in asked].count("saliency") == 2


# -- several models -------------------------------------------------------------------------------------------------


def test_every_model_answers_without_being_asked(show):
    lab = show(MODELS)
    view = lab.view().wait()
    strip = view.root.locator("[data-model]")
    expect(strip).to_have_count(2)
    expect(strip.nth(1).locator("canvas.xai-tile-canvas")).to_have_count(1, timeout=PATIENCE_MS)
    expect(strip.nth(1)).to_contain_text(re.compile(r"rocket: [\d.]+ %"))
    assert painted(strip.nth(0)) != painted(strip.nth(1))
    before = view.request()
    view.button("Show ExampleNet 2").click()
    view.wait_for_next(before)
    assert lab.kernel.value("w.active") == 1
    expect(strip.nth(1)).to_have_attribute("data-shown", "true")
    expect(strip.nth(0).locator("canvas.xai-tile-canvas")).to_have_count(1, timeout=PATIENCE_MS)


# -- many pictures --------------------------------------------------------------------------------------------------


def test_the_gallery_is_filtered_sorted_and_walked_through(show):
    lab = show(GALLERY)
    view = lab.view().wait()
    thumbs = view.root.locator("[data-session]")
    expect(thumbs).to_have_count(5)
    predicted = lab.kernel.value("[s.predictions()[0][:2] for s in w.sessions]")
    chance = lab.kernel.value("[s.predictions()[0][2] for s in w.sessions]")
    expected = ["cat", "rocket", "cat", None, "cat"]
    right = [place for place in range(5) if expected[place] == predicted[place][1]]
    wrong = [place for place in range(5) if expected[place] not in (None, predicted[place][1])]
    assert right
    assert wrong

    def order() -> list[int]:
        return [int(thumb.get_attribute("data-session") or "") for thumb in thumbs.all()]

    view.select("Show").select_option("right")
    assert order() == right
    expect(thumbs.first).to_have_attribute("aria-label", re.compile("right$"))
    view.select("Show").select_option("wrong")
    assert order() == wrong
    view.select("Show").select_option(str(predicted[1][0]))
    assert order() == [place for place in range(5) if predicted[place] == predicted[1]]
    view.select("Show").select_option("all")
    view.select("Order").select_option("low")
    assert order() == sorted(range(5), key=lambda place: chance[place])
    view.select("Order").select_option("given")
    expect(thumbs.nth(0)).to_have_attribute("aria-current", "true")
    thumbs.nth(0).focus()
    for _ in range(2):
        lab.page.keyboard.press("ArrowRight")
    before = view.request()
    lab.page.keyboard.press("Enter")
    view.wait_for_next(before)
    expect(thumbs.nth(2)).to_have_attribute("aria-current", "true")
    expect(view.select("Picture")).to_have_value("2")
    assert lab.kernel.value("w.active") == 2


# -- photos of one's own --------------------------------------------------------------------------------------------


def test_a_photo_is_chosen_made_small_and_explained(show, tmp_path: Path):
    lab = show(SCENE)
    view = lab.view().wait()
    photo = tmp_path / "holiday.jpg"
    photo.write_bytes(a_file(3000, 2000, "JPEG"))
    before = view.request()
    view.root.locator("input[type=file]").set_input_files(photo)
    view.wait_for_next(before)
    assert lab.kernel.value("[w.active, w.names]") == [1, ["image", "holiday.jpg"]]
    expect(view.root.locator("[data-session]")).to_have_count(2)
    expect(view.select("Picture")).to_have_value("1")
    expect(view.caption()).to_contain_text("Grad-CAM")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_is_dropped_or_pasted(show, kind):
    lab = show(SCENE)
    view = lab.view().wait()
    before = view.request()
    assert bring(view, kind, "mine.png", a_file())
    view.wait_for_next(before)
    assert lab.kernel.value("w.names[-1]") == "mine.png"
    width = lab.kernel.value("w.session.inputs[0].picture.shape[1]")
    left, right = view.pixels()[:, 5].mean(), view.pixels()[:, -5].mean()
    assert width == 128
    assert right > left


def test_a_file_that_is_no_picture_is_refused_in_words(show):
    lab = show(SCENE)
    view = lab.view().wait()
    before = view.request()
    assert bring(view, "drop", "notes.txt", b"hello", "text/plain")
    expect(view.error()).to_contain_text("notes.txt is no picture")
    assert view.request() == before
    assert lab.kernel.value("len(w.sessions)") == 1
    expect(view.root).to_have_attribute("data-state", "done")


def test_dragging_a_file_over_the_widget_says_where_it_will_land(show):
    lab = show(SCENE)
    view = lab.view().wait()
    assert bring(view, "dragover", "mine.png", a_file())
    expect(view.root).to_contain_text("Drop the picture to ask about it")


def test_without_its_controls_there_is_neither_pin_nor_photo(show):
    lab = show(SCENE.replace("target=", "controls=['method'], target="))
    view = lab.view().wait()
    expect(view.button("Pin this map")).to_have_count(0)
    expect(view.button("Your photo …")).to_have_count(0)
    assert not bring(view, "drop", "mine.png", a_file())
