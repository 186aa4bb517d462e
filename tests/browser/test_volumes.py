"""Volumes: three planes that meet at a crosshair, or a montage; moving through them is the page's own affair."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.scenes import VOLUME
from tests.browser.view import difference

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.lab import Lab
    from tests.browser.view import View

MIDDLE: Final = [12, 16, 10]
# Stored from top to bottom, as many scanners do.
DOWNWARD: Final = VOLUME.replace("[0, 0, 4, -80]", "[0, 0, -4, 0]")
UNKNOWN: Final = VOLUME.replace("image,", "image.get_fdata().astype('float32'),")


def pane(view: View, name: str) -> Locator:
    return view.root.locator(".xai-pane").filter(has=view.root.page.get_by_text(name, exact=True)).locator("canvas")


def readout(view: View) -> Locator:
    return view.root.locator("output")


def look(view: View) -> list[int]:
    """Return the voxel that is read."""
    found = re.search(r"voxel (\d+), (\d+), (\d+)", readout(view).inner_text())
    assert found is not None
    return [int(number) for number in found.groups()]


def press_at(view: View, name: str, across: float, down: float) -> None:
    """Press a place of a pane, by shares of its width and height."""
    box = pane(view, name).bounding_box()
    assert box is not None
    pane(view, name).click(position={"x": box["width"] * across, "y": box["height"] * down})


def pixels(canvas: Locator) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(canvas.screenshot())).convert("RGB"))


def settled(lab: Lab, crosshair: list[int]) -> None:
    lab.kernel.until("w.view['crosshair']", crosshair)
    # What was sent is told to this program when the page next answers it.
    lab.frames()


def test_three_planes_with_their_marks_meet_in_the_middle(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    names = view.root.locator(".xai-pane-head strong")
    expect(names).to_have_text(["Axial", "Coronal", "Sagittal"])
    frames = view.root.locator(".xai-pane-frame").all()
    marks = [[mark.get_attribute("data-mark") for mark in frame.locator(".xai-pane-mark").all()] for frame in frames]
    assert marks == [["L", "R", "A", "P"], ["L", "R", "S", "I"], ["P", "A", "S", "I"]]
    assert look(view) == MIDDLE
    expect(readout(view)).to_contain_text("x −2.0, y 0.0, z −40.0 mm")
    for offered, there in {
        "Overlay": 1,
        "Contours": 1,
        "Curtain": 0,
        "Side by side": 0,
        "Regions": 0,
        "Guess": 0,
    }.items():
        expect(view.button(offered)).to_have_count(there)


def test_the_read_out_says_what_python_knows(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    press_at(view, "Axial", 0.3, 0.3)
    i, j, k = look(view)
    lab.page.mouse.move(0, 0)
    # The first axis is stored towards the left, and shown backwards; the second towards the front, which is up.
    assert abs((24 - i) / 24 - 0.3) < 0.05
    assert abs((32 - j) / 32 - 0.3) < 0.05
    assert k == MIDDLE[2]
    value = float(readout(view).locator("strong").inner_text().replace("−", "-"))
    assert value == pytest.approx(
        lab.kernel.value(f"float(w.attribution.resized()[{i}, {j}, {k}])"), rel=0.01, abs=1e-9
    )
    known = lab.kernel.value(f"float(image.get_fdata()[{i}, {j}, {k}])")
    ranked = re.search(r"higher than (\d+) % of the map", readout(view).inner_text())
    assert ranked is not None
    lower = lab.kernel.value(f"float((w.attribution.values < {value}).mean())")
    assert int(ranked.group(1)) == pytest.approx(100 * lower, abs=1)
    told = re.search(r"input (−?[\d.]+)", readout(view).inner_text())
    assert told is not None
    # As exactly as one of 256 grey values.
    assert float(told.group(1).replace("−", "-")) == pytest.approx(known, abs=4)


def test_dragging_through_a_plane_says_nothing_until_it_is_let_go(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    view.root.locator(".xai-film").scroll_into_view_if_needed()
    expect(view.root.locator(".xai-film-map canvas").first).to_be_attached()
    pane(view, "Axial").scroll_into_view_if_needed()
    box = pane(view, "Axial").bounding_box()
    assert box is not None
    others = [pixels(pane(view, name)) for name in ("Coronal", "Sagittal")]
    lab.wire.clear()
    lab.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    lab.page.mouse.down()
    for step in range(1, 9):
        lab.page.mouse.move(
            box["x"] + (0.5 + 0.03 * step) * box["width"], box["y"] + (0.5 - 0.03 * step) * box["height"]
        )
        lab.frames()
    assert lab.wire.said() == []
    for name, before in zip(("Coronal", "Sagittal"), others, strict=True):
        assert difference(pixels(pane(view, name)), before) > 1, f"The {name} plane does not follow."
    at = look(view)
    assert at != MIDDLE
    lab.page.mouse.up()
    settled(lab, at)
    assert len(lab.wire.said()) == 1
    assert lab.wire.updates()[0].data["state"]["view"]["crosshair"] == at


def test_a_finger_moves_the_crosshair(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    pane(view, "Axial").scroll_into_view_if_needed()
    box = pane(view, "Axial").bounding_box()
    assert box is not None
    touch = lab.page.context.new_cdp_session(lab.page)

    def finger(kind: str, *places: float) -> None:
        points = [{"x": box["x"] + at * box["width"], "y": box["y"] + at * box["height"]} for at in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", 0.5)
    for place in (0.45, 0.4, 0.35, 0.3):
        finger("touchMove", place)
        lab.frames()
    finger("touchEnd")
    # The first axis is stored towards the left and the second towards the front: both are shown backwards.
    at = look(view)
    assert np.abs(np.subtract(at[:2], [0.7 * 24, 0.7 * 32])).max() <= 1
    settled(lab, at)


def test_a_slider_moves_one_plane_and_says_so_once(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    view.root.locator(".xai-film").scroll_into_view_if_needed()
    expect(view.root.locator(".xai-film-map canvas").first).to_be_attached()
    before = pixels(pane(view, "Coronal"))
    lab.wire.clear()
    view.drag("Slice, Coronal", [0.6, 0.7, 0.8], release=False)
    assert lab.wire.said() == []
    assert difference(pixels(pane(view, "Coronal")), before) > 1
    lab.page.mouse.up()
    slice_ = int(view.slider("Slice, Coronal").input_value())
    assert slice_ > MIDDLE[1]
    settled(lab, [MIDDLE[0], slice_, MIDDLE[2]])
    assert len(lab.wire.said()) == 1


@pytest.mark.parametrize(
    ("key", "moved"),
    [
        # Stored towards the left: the next voxel to the right is the one before.
        ("ArrowRight", [-1, 0, 0]),
        ("ArrowUp", [0, 1, 0]),
        ("PageUp", [0, 0, 1]),
        ("Shift+ArrowDown", [0, 0, -1]),
        ("Shift+PageDown", [0, 0, -10]),
    ],
)
def test_keys_move_the_crosshair(show, key, moved):
    lab = show(VOLUME)
    view = lab.view().wait()
    pane(view, "Axial").focus()
    lab.page.keyboard.press(key)
    there = [at + by for at, by in zip(MIDDLE, moved, strict=True)]
    expect(readout(view)).to_contain_text("voxel {}, {}, {}".format(*there))
    expect(readout(view)).to_have_attribute("aria-live", "polite")
    expect(pane(view, "Axial")).to_have_attribute("aria-label", re.compile("voxel {}, {}, {}".format(*there)))
    settled(lab, there)


def test_the_strongest_place_is_where_python_finds_it(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    view.button("Strongest place").click()
    lab.kernel.run(
        "import numpy as _np\n"
        "_a = w.attribution\n"
        "_cell = _np.unravel_index(_a.values.argmax(), _a.values.shape)\n"
        "_at = [int((2 * c + 1) * n // (2 * m)) for c, n, m in zip(_cell, (24, 32, 20), _a.values.shape)]"
    )
    settled(lab, lab.kernel.value("_at"))
    view.button("Middle").click()
    settled(lab, MIDDLE)


def test_the_panes_are_what_python_paints(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    lab.kernel.run(
        "import base64 as _base64, io as _io\n_file = _io.BytesIO()\nw.snapshot().save(_file, 'PNG')\n"
        "_text = _base64.b64encode(_file.getvalue()).decode()"
    )
    whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(lab.kernel.value("_text")))).convert("RGB"))
    shown = pane(view, "Axial").evaluate(
        "canvas => { const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        " return { size: [canvas.width, canvas.height], data: [...data] }; }"
    )
    width, height = shown["size"]
    page = np.asarray(shown["data"], np.uint8).reshape(height, width, 4)[..., :3]
    # 24 x 3 mm wide, 32 x 3 mm high; the three panes and two gaps make the width.
    share = 72 / (72 + 72 + 96 + 2 * 5)
    axial = whole[:, : round(whole.shape[1] * share)]
    kernel = np.asarray(Image.fromarray(axial).resize((width, height)))
    # Crosshair and marks are no part of the page's canvas.
    assert np.median(np.abs(page.astype(int) - kernel)) <= 2


def test_a_montage_shows_slices_and_a_press_moves_the_crosshair(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    view.button("Montage").click()
    tiles = view.root.locator(".xai-montage-tile")
    expect(tiles).to_have_count(12)
    lab.kernel.until("w.view['layout']", "montage")
    tiles.nth(2).click()
    slices = lab.kernel.value("[(2 * t + 1) * 20 // 24 for t in range(12)]")
    lab.kernel.until("w.view['crosshair'][2]", slices[2])
    expect(tiles.nth(2)).to_have_attribute("aria-current", "true")
    lab.page.keyboard.press("ArrowRight")
    lab.kernel.until("w.view['crosshair'][2]", slices[3])
    expect(tiles.nth(3)).to_be_focused()
    view.button("Sagittal").click()
    lab.kernel.until("w.view['plane']", 2)
    view.drag("Slices", [1.0])
    expect(tiles).to_have_count(24)
    lab.kernel.until("w.view['tiles']", 30)
    tiles.nth(5).dblclick()
    expect(view.root.locator(".xai-pane")).to_have_count(3)
    lab.kernel.until("w.view['layout']", "panes")


def test_what_is_stored_downwards_is_seen_upwards(show):
    lab = show(DOWNWARD)
    view = lab.view().wait()
    # The slider's right end is the top of the head.
    view.slider("Slice, Axial").focus()
    lab.page.keyboard.press("ArrowRight")
    expect(readout(view)).to_contain_text("voxel 12, 16, 9")
    view.button("Montage").click()
    names = view.root.locator(".xai-montage-name")
    expect(names).to_have_count(12)
    places = [float(name.split()[1].replace("−", "-")) for name in names.all_inner_texts()]
    assert places == sorted(places)
    marks = view.root.locator(".xai-montage .xai-pane-mark")
    assert [mark.get_attribute("data-mark") for mark in marks.all()] == ["L", "R", "A", "P"]


def test_modes_and_the_radiological_view_change_what_is_seen(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    seen = [pixels(pane(view, "Axial"))]
    for mode in ("Map", "Contours", "Image"):
        view.button(mode).click()
        lab.kernel.until("w.view['mode']", mode.lower())
        lab.frames()
        seen.append(pixels(pane(view, "Axial")))
    for one in range(4):
        for other in range(one):
            assert difference(seen[one], seen[other]) > 0.5
    view.button("Radiological").click()
    lab.kernel.until("w.view['radiological']", True)
    marks = view.root.locator(".xai-pane-frame").first
    expect(marks.locator("[data-edge=left]")).to_have_attribute("data-mark", "R")
    # But for the crosshair, which is one voxel off the middle.
    assert difference(pixels(pane(view, "Axial"))[:, ::-1], seen[3]) < difference(pixels(pane(view, "Axial")), seen[3])


def test_python_moves_the_crosshair_and_two_views_share_it(show):
    lab = show(VOLUME, "w")
    one, other = lab.view(0).wait(), lab.view(1).wait()
    lab.kernel.run("w.view = {**w.view, 'crosshair': [3, 4, 5]}")
    for view in (one, other):
        expect(readout(view)).to_contain_text("voxel 3, 4, 5")
    pane(other, "Coronal").focus()
    lab.page.keyboard.press("ArrowUp")
    expect(readout(one)).to_contain_text("voxel 3, 4, 6")


def test_after_a_reload_the_same_place_is_seen(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    press_at(view, "Sagittal", 0.7, 0.4)
    at = look(view)
    settled(lab, at)
    lab.save()
    lab.reload()
    again = lab.view().wait()
    expect(readout(again)).to_contain_text("voxel {}, {}, {}".format(*at))
    expect(again.root.locator(".xai-pane")).to_have_count(3)


def test_without_an_affine_the_axes_have_neutral_names(show):
    lab = show(UNKNOWN)
    view = lab.view().wait()
    expect(view.root.locator(".xai-pane-head strong")).to_have_text(["First axis", "Second axis", "Third axis"])
    expect(view.root.locator(".xai-pane-mark")).to_have_count(0)
    expect(view.button("Radiological")).to_have_count(0)
    expect(readout(view)).not_to_contain_text("mm")


def test_zoom_enlarges_the_three_planes_about_the_crosshair(show):
    lab = show(VOLUME)
    view = lab.view().wait()
    before = {name: pixels(pane(view, name)) for name in ("Axial", "Coronal", "Sagittal")}
    for _ in range(3):
        view.button("Zoom in").click()
    lab.frames()
    for name, pixel in before.items():
        assert difference(pixels(pane(view, name)), pixel) > 1
    for _ in range(2):
        # What is pressed stays under the pointer: a second press there changes nothing. A zoom of 2.8 shows 8.5 of 24.
        press_at(view, "Axial", 0.7, 0.5)
        assert look(view)[0] - MIDDLE[0] in (-1, -2)
        assert np.abs(np.subtract(look(view), MIDDLE))[1:].max() <= 1


@pytest.mark.parametrize("width", [320, 480, 960])
def test_nothing_is_cut_off_however_narrow_it_is(show, artefacts, width):
    lab = show(VOLUME)
    view = lab.view().wait()
    lab.widen(view, width)
    for arrangement in ("Montage", "Planes"):
        view.button(arrangement).click()
        lab.frames()
        view.photograph(artefacts / f"volume-{width}-{arrangement.lower()}.png")
        overflow = view.root.evaluate("root => root.scrollWidth - root.clientWidth")
        assert overflow <= 0


@pytest.mark.parametrize("arrangement", ["Planes", "Montage"])
def test_axe_finds_nothing(show, arrangement):
    lab = show(VOLUME)
    view = lab.view().wait()
    view.button(arrangement).click()
    lab.frames()
    found = {}
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        found |= {f"{theme}: {each}": None for each in violations(view)}
    assert "\n".join(found) == ""
