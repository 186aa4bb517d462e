"""Doing things to the picture: what is painted is covered, regions have numbers, and a guess comes before the map."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.scenes import SCENE
from tests.browser.view import difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Locator

    from tests.browser.lab import Lab
    from tests.browser.view import View

SIDE: Final = 128
# How long it takes from a movement of the hand to a new number on the screen.
WATCH: Final = """root => {
  window.xaiSteps = [];
  let moved = null;
  root.addEventListener("pointermove", () => { moved ??= performance.now(); }, { capture: true });
  new MutationObserver(() => requestAnimationFrame(() => {
    if (moved !== null) { window.xaiSteps.push(performance.now() - moved); moved = null; }
  })).observe(root.querySelector(".xai-effect"), { subtree: true, characterData: true });
}"""


@pytest.fixture
def covering(show):
    """A page whose tool is Cover."""
    lab = show(SCENE)
    view = lab.view().wait()
    view.button("Cover").click()
    return lab, view


def paper(view: View) -> Locator:
    return view.root.locator(".xai-paper")


def press(lab: Lab, view: View, places: Sequence[tuple[float, float]]) -> None:
    """Draw with the mouse through places in the picture's pixels."""
    sheet = paper(view)
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    scale = box["width"] / SIDE
    for number, (x, y) in enumerate(places):
        lab.page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)
        if number == 0:
            lab.page.mouse.down()
        lab.frames()
    lab.page.mouse.up()


def settled(view: View) -> Locator:
    """The rows of numbers, once they are those of what is painted."""
    rows = view.root.locator(".xai-effect")
    expect(rows).to_have_attribute("aria-busy", "false")
    return rows


def shares(view: View, label: str) -> list[int]:
    """What a class had and has, in percent, and the difference."""
    row = settled(view).locator(".xai-effect-row").filter(has=view.root.page.locator(f"[title='{label}']"))
    return [int(number.replace("−", "-").replace("+", "")) for number in re.findall(r"[−+]?\d+", row.inner_text())]


def in_python(lab: Lab, label: str, keep: bool = False) -> list[int]:
    """The same, from what Python says of its own mask."""
    lab.kernel.run(
        "from xai_widget.covering import covered\n"
        f"_place = net.labels.index({label!r})\n"
        f"_after = float(covered(w.session, w.brush_mask, keep={keep})[_place])\n"
        "_before = float(w.session.probabilities[0, _place])"
    )
    before, after = (int(np.floor(100 * lab.kernel.value(name) + 0.5)) for name in ("_before", "_after"))
    return [before, after, after - before]


def test_what_the_brush_paints_is_covered_in_python_and_the_bars_say_what_it_does(covering):
    lab, view = covering
    press(lab, view, [(20, 20), (44, 36)])
    settled(view)
    lab.kernel.until("w.brush_mask is None", expected=False)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    along = np.clip(((columns - 20) * 24 + (rows - 20) * 16) / (24**2 + 16**2), 0, 1)
    expected = np.hypot(columns - 20 - 24 * along, rows - 20 - 16 * along) <= 21 / 2
    found = np.array(lab.kernel.value("w.brush_mask.tolist()"))
    assert np.count_nonzero(found != expected) <= 4  # on the rim, the pointer's position may be rounded
    before, after, points = shares(view, "cat")
    assert [before, after, points] == in_python(lab, "cat")
    assert after < before

    # The same while the hand moves on.
    view.root.evaluate(WATCH)
    press(lab, view, [(10 + 3 * step, 50 - 3 * (step % 2)) for step in range(14)])
    assert shares(view, "cat") == in_python(lab, "cat")
    steps = lab.page.evaluate("window.xaiSteps")
    assert steps, "No number changed while the brush moved."
    print(f"\nbrush step: median {median(steps):.0f} ms, longest {max(steps):.0f} ms, of {len(steps)}")


def test_a_box_covers_whole_pixels_and_keep_only_covers_the_rest(covering):
    lab, view = covering
    view.button("Box").click()
    press(lab, view, [(8.4, 10.5), (30.2, 40.7), (57.6, 55.3)])
    settled(view)
    lab.kernel.until("w.brush_mask is not None and int(w.brush_mask.sum())", 50 * 46)
    assert lab.kernel.value("bool(w.brush_mask[10:56, 8:58].all())")
    covered = shares(view, "cat")
    assert covered == in_python(lab, "cat")
    view.root.get_by_label("Keep only this").check()
    expect(view.root.locator(".xai-effect-points").first).to_contain_text("+")
    assert shares(view, "cat") == in_python(lab, "cat", keep=True)
    assert lab.kernel.value("int(w.brush_mask.sum())") == 50 * 46


def test_steps_are_taken_back_and_the_picture_is_whole_again(covering):
    lab, view = covering
    press(lab, view, [(20, 20)])
    settled(view)
    press(lab, view, [(100, 100)])
    settled(view)
    both = lab.kernel.value("int(w.brush_mask.sum())")
    view.button("Undo").click()
    lab.kernel.until("int(w.brush_mask.sum())", both // 2)
    view.button("Undo").click()
    lab.kernel.until("w.brush_mask is None", expected=True)
    expect(view.root.locator(".xai-effect")).to_have_count(0)
    view.button("Redo").click()
    lab.kernel.until("w.brush_mask is None", expected=False)
    view.button("Clear").click()
    lab.kernel.until("w.brush_mask is None", expected=True)
    expect(view.button("Clear")).to_have_attribute("aria-disabled", "true")


def test_the_keyboard_paints_too(covering):
    lab, view = covering
    sheet = paper(view)
    sheet.focus()
    for _ in range(3):
        sheet.press("[")
    sheet.press("Space")
    settled(view)
    lab.kernel.until("w.brush_mask is not None and bool(w.brush_mask[64, 64])", expected=True)
    for _ in range(4):
        sheet.press("ArrowLeft")
    sheet.press("Shift+ArrowUp")
    expect(view.root.locator(".xai-readout")).to_contain_text("y 63")
    sheet.press("Enter")
    lab.kernel.until(
        "int(np.ptp(np.nonzero(w.brush_mask)[1])) > 10 if (np := __import__('numpy')) else 0", expected=True
    )
    sheet.press("Control+z")
    sheet.press("Control+z")
    lab.kernel.until("w.brush_mask is None", expected=True)


def test_a_finger_paints_and_the_page_stays_where_it_is(covering):
    lab, view = covering
    sheet = paper(view)
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    touch = lab.page.context.new_cdp_session(lab.page)

    def finger(kind: str, *places: int) -> None:
        points = [{"x": box["x"] + 100, "y": box["y"] + place} for place in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        lab.frames()

    finger("touchStart", 300)
    for place in range(290, 90, -10):
        finger("touchMove", place)
    finger("touchEnd")
    settled(view)
    scale = box["width"] / SIDE
    for place in (300, 200, 100):
        lab.kernel.until(f"bool(w.brush_mask[{int(place / scale)}, {int(100 / scale)}])", expected=True)
    assert sheet.bounding_box() == box


def test_what_python_covers_is_shown_and_survives_a_reload(show):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.kernel.run("import numpy as np; _m = np.zeros((128, 128), bool); _m[:64, :64] = True; w.brush_mask = _m")
    assert shares(view, "cat") == in_python(lab, "cat")
    expect(view.button("Cover")).to_have_attribute("aria-pressed", "true")
    assert lab.kernel.value("bool((w.brush_mask == _m).all())")
    lab.save()
    lab.reload()
    view.wait()
    assert shares(view, "cat") == in_python(lab, "cat")


def test_regions_say_what_hiding_them_does_and_can_be_covered(show):
    lab = show(SCENE)
    view = lab.view().wait()
    view.root.locator("summary", has_text="What matters most").click()
    rows = view.root.locator(".xai-region-row")
    expect(rows.first).to_contain_text("hide it")
    lab.kernel.run(
        "from xai_widget.covering import top_regions\n"
        "_found = top_regions(w.session, w.attribution)\n"
        "_numbers = [[r.before, r.after] for r in _found.regions]"
    )
    expected = lab.kernel.value("_numbers")
    assert rows.count() == len(expected)
    for row, numbers in zip(rows.all(), expected, strict=True):
        before, after = (int(np.floor(100 * number + 0.5)) for number in numbers)
        expect(row).to_contain_text(f"{before} % → {after} %")
        expect(row).to_contain_text(f"{abs(after - before)} point")
    rows.first.hover()
    expect(view.root.locator(".xai-region-fill")).to_have_count(1)
    rows.first.get_by_role("button").click()
    assert shares(view, "cat")[1] == int(np.floor(100 * expected[0][1] + 0.5))
    lab.kernel.until("w.brush_mask is not None and bool(((_found.labels == 1) == w.brush_mask).all())", expected=True)


def test_a_guess_comes_before_the_map_and_is_compared_with_it(show):
    lab = show(SCENE)
    view = lab.view().wait()
    shown = view.pixels()
    view.button("Guess").click()
    expect(view.caption()).to_have_text("The heat map is hidden until you reveal it.")
    expect(view.root.locator(".xai-bar")).to_have_count(0)
    expect(view.root.locator(".xai-regions")).to_have_count(0)
    assert "strongest" not in (view.canvas().get_attribute("aria-label") or "")
    assert difference(view.pixels(), shown) > 5
    view.button("Box").click()
    press(lab, view, [(0.5, 0.5), (63.5, 63.5)])
    assert lab.kernel.value("w.brush_mask is None")
    view.button("Reveal").click()
    lab.kernel.run(
        "import numpy as np; _map = w.attribution.segment(0.2); _box = np.zeros((128, 128), bool); _box[:64, :64] = True\n"
        "_share = float((_map & _box).sum() / (_map | _box).sum())"
    )
    percent = int(np.floor(100 * lab.kernel.value("_share") + 0.5))
    expect(view.root.locator(".xai-verdict")).to_have_text(f"You share {percent} % with the map’s strongest places.")
    assert difference(view.pixels(), shown) < 1
    before = view.request()
    view.button("Next class").click()
    view.wait_for_next(before)
    expect(view.button("Reveal")).to_be_visible()
    expect(view.root.locator(".xai-tools")).to_contain_text("temple")
