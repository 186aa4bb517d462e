"""A widget outlives its page, and a page its kernel."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.scenes import COUNTED, SCENE
from tests.browser.view import difference

# The browser enlarges a picture not quite the same way every time: a few pixels differ by 1/255.
SAME = 0.001


def test_two_views_of_one_widget_agree(show):
    lab = show(SCENE + "\n", "w")
    first, second = lab.view(0).wait(), lab.view(1).wait()
    first.choose_class("coffee")
    second.wait()
    for view in (first, second):
        expect(view.class_row("coffee")).to_have_attribute("aria-pressed", "true")
        expect(view.caption()).to_contain_text("· coffee ·")
    assert first.request() == second.request()
    second.drag("Opacity", [0.7, 0.9])
    expect(first.slider("Opacity")).to_have_value(second.slider("Opacity").input_value())
    assert difference(first.pixels(), second.pixels()) == 0


def test_a_reloaded_page_shows_the_same_picture_and_nothing_is_computed(show):
    lab = show(COUNTED)
    view = lab.view().wait()
    view.choose_class("temple")
    view.drag("Opacity", [0.7, 0.8])
    opacity = view.slider("Opacity").input_value()
    lab.kernel.until("w.view['opacity']", float(opacity))
    before, calls = view.pixels(), lab.kernel.value("len(calls)")
    assert calls > 0
    lab.save()
    lab.reload()
    view.wait()
    expect(view.slider("Opacity")).to_have_value(opacity)
    expect(view.class_row("temple")).to_have_attribute("aria-pressed", "true")
    expect(view.caption()).to_contain_text("Grad-CAM · temple")
    assert difference(view.pixels(), before) < SAME
    assert lab.kernel.value("len(calls)") == calls
    view.choose_class("rocket")
    expect(view.caption()).to_contain_text("Grad-CAM · rocket")


def test_a_restarted_kernel_needs_the_cell_run_again_and_no_more(new_lab):
    new_lab.open("restart", [SCENE])
    new_lab.run(0)
    before = new_lab.view().wait().pixels()
    new_lab.restart_kernel()
    new_lab.run(0)
    view = new_lab.view()
    # The old view is there until the cell's new output replaces it.
    new_lab.kernel.until("'w' in globals() and w.status['state']", "done")
    view.wait()
    assert difference(view.pixels(), before) < SAME
    view.choose_class("coffee")
    assert new_lab.kernel.value("w.attribution.label") == "coffee"
    expect(view.root.page.locator(".xai-widget")).to_have_count(1)
