"""What goes wrong is said in the widget, with what to do, and the widget goes on."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.scenes import FRAGILE, SCENE, SLOW


def test_an_error_in_the_model_is_shown_and_the_next_run_works(show, artefacts):
    lab = show(FRAGILE)
    view = lab.view().wait()
    lab.kernel.run("Fragile.broken = True")
    before = view.request()
    view.select("Cover with").select_option("mean")
    view.wait_for_next(before, "error")
    expect(view.error()).to_contain_text("the cable was pulled")
    expect(view.error()).to_contain_text("The model was not altered")
    expect(view.error().locator("pre")).to_be_hidden()
    view.error().get_by_text("Details").click()
    expect(view.error().locator("pre")).to_contain_text("raise OSError")
    view.photograph(artefacts / "error.png")
    lab.kernel.run("Fragile.broken = False")
    before = view.request()
    view.button("Run").click()
    view.wait_for_next(before)
    expect(view.error()).to_have_count(0)
    assert lab.kernel.value("w.attribution.params['fill']") == "mean"


def test_settings_that_do_not_fit_together_are_told_with_a_way_out(show):
    lab = show(SCENE.replace("mosaic_net", "flatten_net"))
    view = lab.view().wait()
    lab.kernel.run("w.method = 'cam'")
    expect(view.root).to_have_attribute("data-state", "error")
    expect(view.error()).to_contain_text("CAM")
    before = view.request()
    view.select("Method").select_option("saliency")
    view.wait_for_next(before)
    expect(view.error()).to_have_count(0)


def test_a_slow_run_shows_progress_and_can_be_cancelled(show, artefacts):
    lab = show(SLOW)
    view = lab.view().wait("idle")
    lab.kernel.run("gate.clear()")
    view.button("Run").click()
    view.wait("running")
    progress = view.root.get_by_role("progressbar")
    expect(progress).to_have_attribute("value", re.compile(r"^0\.\d"))
    expect(view.root).to_contain_text("left")
    expect(view.caption()).to_contain_text("partial")
    view.photograph(artefacts / "running.png")
    view.button("Cancel").click()
    view.wait("cancelled")
    expect(progress).to_have_count(0)
    lab.kernel.run("gate.set()")
    before = view.request()
    view.button("Run").click()
    view.wait_for_next(before)
    assert lab.kernel.value("w.attribution.meta['fraction']") == 1.0
