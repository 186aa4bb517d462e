"""Questions: another class, another layer, another method, asked in the page or from Python."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.scenes import SCENE, quadrant


def brightest(pixels) -> tuple[int, int]:
    """The quadrant (row, column) in which a map in grey is brightest."""
    grey = pixels.astype(int).sum(axis=2)
    row, column = np.unravel_index(grey.argmax(), grey.shape)
    return int(row) * 2 // grey.shape[0], int(column) * 2 // grey.shape[1]


@pytest.mark.parametrize("label", ["rocket", "temple", "coffee"])
def test_a_click_on_a_class_moves_the_maximum_into_its_quadrant(show, label):
    lab = show(SCENE.replace("target=", "view={'mode': 'map', 'colormap': 'gray'}, target="))
    view = lab.view().wait()
    assert brightest(view.pixels()) == quadrant("cat")
    view.choose_class(label)
    assert brightest(view.pixels()) == quadrant(label)
    expect(view.caption()).to_contain_text(f"Grad-CAM · {label}")
    expect(view.class_row(label)).to_have_attribute("aria-pressed", "true")
    expect(view.class_row("cat")).to_have_attribute("aria-pressed", "false")
    assert lab.kernel.value("w.attribution.label") == label
    inside = "bool(scene.mask(w.attribution.label)[__import__('numpy').unravel_index("
    inside += "w.attribution.resized().argmax(), (128, 128))])"
    assert lab.kernel.value(inside) is True


def test_another_layer_changes_the_maps_own_resolution(show):
    lab = show(SCENE.replace("target=", "view={'mode': 'map', 'cells': True, 'colormap': 'gray'}, target="))
    view = lab.view().wait()
    expect(view.caption()).to_have_text("Grad-CAM · cat · layer4 · grid 16×16")
    view.choose("Layer", "layer1")
    expect(view.caption()).to_have_text("Grad-CAM · cat · layer1 · grid 32×32")
    assert lab.kernel.value("w.attribution.values.shape") == [32, 32]
    # Every cell of 14 pixels is one colour, and neighbours differ: the picture has the map's own grid.
    cells = view.pixels().reshape(32, 14, 32, 14, 3)
    assert (cells == cells[:, :1, :, :1]).all()
    assert len(np.unique(cells[:, 0, :, 0, 0])) > 16
    before = view.request()
    view.button("Next layer").click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("grid 16×16")
    assert lab.kernel.value("w.layer").startswith("layer")


def test_every_class_can_be_searched_for(show):
    lab = show(SCENE)
    view = lab.view().wait()
    expect(view.classes()).to_have_count(5)
    view.root.get_by_role("searchbox").fill("retin")
    expect(view.classes()).to_have_count(1)
    view.choose_class("retina")
    expect(view.caption()).to_contain_text("· retina ·")
    lab.kernel.until("w.target", lab.kernel.value("net.labels.index('retina')"))
    view.root.get_by_role("searchbox").fill("unicorn")
    expect(view.classes()).to_have_count(0)
    expect(view.root).to_contain_text("No class contains “unicorn”.")


def test_another_method_brings_its_own_controls(show):
    lab = show(SCENE)
    view = lab.view().wait()
    view.choose("Method", "occlusion")
    expect(view.caption()).to_contain_text("Occlusion sensitivity · cat")
    expect(view.slider("Window")).to_be_visible()
    before = view.request()
    box = view.root.get_by_role("spinbutton", name="Window value")
    box.fill("32")
    box.press("Enter")
    view.wait_for_next(before)
    assert lab.kernel.value("dict(w.params)") == {"window": 32}
    assert lab.kernel.value("w.attribution.params['window']") == 32
    view.choose("Method", "grad_cam")
    assert lab.kernel.value("dict(w.params)") == {}
    assert lab.kernel.value("w.attribution.method") == "grad_cam"


def test_a_setting_made_in_python_shows_in_the_page(show):
    lab = show(SCENE)
    view = lab.view().wait()
    before = view.request()
    lab.kernel.run("w.target = 'temple'")
    view.wait_for_next(before)
    expect(view.class_row("temple")).to_have_attribute("aria-pressed", "true")
    expect(view.caption()).to_contain_text("· temple ·")
    lab.kernel.run("w.view = {'opacity': 0.8, 'colormap': 'magma', 'cells': True, 'mode': 'map'}")
    expect(view.slider("Opacity")).to_have_value("0.8")
    expect(view.select("Colour map")).to_have_value("magma")
    expect(view.root.get_by_label("True cells")).to_be_checked()
    expect(view.button("Map")).to_have_attribute("aria-pressed", "true")
