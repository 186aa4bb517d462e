"""Display settings live in the page: nothing is sent while they are dragged, and nothing is computed after."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import COUNTED
from tests.browser.view import difference

PLACES = [step / 20 for step in range(2, 19)]


@pytest.mark.parametrize("name", ["Opacity", "Threshold", "Gamma"])
def test_dragging_sends_nothing_and_letting_go_sends_one_update(show, name):
    lab = show(COUNTED)
    view = lab.view().wait()
    # The small maps of the layers are asked for when they come into sight.
    view.root.locator(".xai-film").scroll_into_view_if_needed()
    expect(view.root.locator(".xai-film-map canvas").first).to_be_attached()
    before, known, calls = view.pixels(), lab.kernel.value("dict(w.view)"), lab.kernel.value("len(calls)")
    lab.wire.clear()
    view.drag(name, PLACES, release=False)
    assert difference(view.pixels(), before) > 1, "The picture does not follow the hand."
    assert lab.wire.said() == []
    lab.page.mouse.up()
    key = name.lower()
    shown = float(view.slider(name).input_value())
    assert shown != known[key]
    lab.kernel.until(f"w.view[{key!r}]", shown)
    lab.kernel.until("dict(w.view)", {**known, key: shown})
    assert [frame.data["state"] for frame in lab.wire.updates()] == [{"view": {**known, key: shown}}]
    assert len(lab.wire.said()) == 1
    assert lab.kernel.value("len(calls)") == calls
    assert difference(view.pixels(), view.python_pixels()) <= 2


def test_another_colour_map_is_one_update_and_no_computation(show):
    lab = show(COUNTED)
    view = lab.view().wait()
    before, calls = view.pixels(), lab.kernel.value("len(calls)")
    lab.wire.clear()
    view.select("Colour map").select_option("cividis")
    assert difference(view.pixels(), before) > 5
    lab.kernel.until("w.view['colormap']", "cividis")
    assert len(lab.wire.said()) == 1
    assert lab.kernel.value("len(calls)") == calls


def test_pointing_reads_values_without_asking_the_kernel(show):
    lab = show(COUNTED)
    view = lab.view().wait()
    lab.wire.clear()
    view.canvas().hover(position={"x": 114, "y": 114})
    readout = view.root.locator("output")
    expect(readout).to_contain_text("x 32, y 32")
    value = float(readout.locator("strong").inner_text().replace("−", "-"))
    assert value == pytest.approx(lab.kernel.value("float(w.attribution.resized()[32, 32])"), rel=0.01)
    assert lab.wire.said() == []
