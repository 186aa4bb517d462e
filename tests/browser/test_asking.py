"""Questions: another class, another layer, another method, asked in the page or from Python."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.scenes import COUNTED, SCENE, SLOW, quadrant
from tests.browser.view import PATIENCE_MS


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
    lab.kernel.run("w.view = {'opacity': 0.8, 'colormap': 'magma', 'cells': True, 'mode': 'curtain'}")
    expect(view.slider("Opacity")).to_have_value("0.8")
    expect(view.select("Colour map")).to_have_value("magma")
    expect(view.root.get_by_label("True cells")).to_be_checked()
    expect(view.button("Curtain")).to_have_attribute("aria-pressed", "true")


# -- one class rather than another ----------------------------------------------------------------------------------


def test_a_foil_makes_a_signed_map_that_says_what_its_colours_mean(show):
    lab = show(SCENE)
    view = lab.view().wait()
    runner_up = next(label for _, label, _ in lab.kernel.value("w.predictions") if label != "cat")
    before = view.request()
    view.button(f"rather than {runner_up}?").click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text(f"cat rather than {runner_up}")
    expect(view.root).to_contain_text("evidence for cat")
    expect(view.root).to_contain_text(f"evidence against it, for {runner_up}")
    assert lab.kernel.value("w.attribution.signed") is True
    assert lab.kernel.value("float(w.attribution.values.min())") < 0
    expect(view.class_row("cat")).to_have_attribute("aria-pressed", "true")
    expect(view.button(f"vs {runner_up}")).to_have_attribute("aria-pressed", "true")

    before = view.request()
    view.button("Swap").click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text(f"{runner_up} rather than cat")
    before = view.request()
    view.button("Clear").click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text(f"· {runner_up} ·")
    assert lab.kernel.value("w.attribution.signed") is False


def test_any_class_can_be_the_foil_by_click_and_by_keyboard(show):
    lab = show(SCENE)
    view = lab.view().wait()
    before = view.request()
    view.button("vs temple").click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("cat rather than temple")
    before = view.request()
    view.button("vs rocket").focus()
    lab.page.keyboard.press("Enter")
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("cat rather than rocket")
    lab.kernel.until("w.attribution.label", "cat rather than rocket")
    # A click on a class asks about it alone.
    view.choose_class("temple")
    expect(view.caption()).to_contain_text("· temple ·")


# -- the strip of layers --------------------------------------------------------------------------------------------


def test_all_layers_are_seen_from_one_pass_and_chosen_by_click_and_by_keys(show):
    lab = show(COUNTED)
    view = lab.view().wait()
    strip = view.root.get_by_role("listbox", name="Small maps of the layers")
    strip.scroll_into_view_if_needed()
    expect(strip).to_have_attribute("data-known", "true", timeout=PATIENCE_MS)
    layers = strip.get_by_role("option")
    usable = lab.kernel.value(
        "[row.name for row in __import__('xai_widget').layers(w.sessions[0].model, method='grad_cam') if row.fits]"
    )
    assert layers.evaluate_all("all => all.map(one => one.dataset.layer)") == usable
    default = strip.locator("[aria-selected=true]")
    expect(default).to_have_attribute("title", "net.layer4 (default)")
    # The maps differ from one another, and each is painted.
    colours = strip.locator("canvas").evaluate_all(
        "all => all.map(one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data].join())"
    )
    assert len(set(colours)) > len(usable) / 2

    before = view.request()
    strip.locator("[data-layer='net.layer1']").click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("net.layer1 · grid 32×32")
    lab.kernel.until("w.layer", "net.layer1")
    before = view.request()
    lab.page.keyboard.press("ArrowRight")
    view.wait_for_next(before)
    after = usable[usable.index("net.layer1") + 1]
    lab.kernel.until("w.layer", after)
    expect(strip.locator(":focus")).to_have_attribute("data-layer", after)
    expect(strip.locator("[aria-selected=true]")).to_have_attribute("data-layer", after)
    before = view.request()
    lab.page.keyboard.press("Home")
    view.wait_for_next(before)
    lab.kernel.until("w.layer", usable[0])
    expect(view.select("Layer")).to_have_value(usable[0])


def test_a_film_costs_one_forward(show):
    lab = show(COUNTED.replace("target=", "auto_run=False, target="))
    view = lab.view().wait("idle")
    strip = view.root.get_by_role("listbox", name="Small maps of the layers")
    strip.scroll_into_view_if_needed()
    expect(strip).to_have_attribute("data-known", "false")
    lab.kernel.run("calls.clear(); w.explain(); alone = sum(calls)")
    expect(strip).to_have_attribute("data-known", "true", timeout=PATIENCE_MS)
    assert lab.kernel.value("sum(calls) - alone") == 1


def test_a_method_that_reads_no_layer_shows_no_strip(show):
    lab = show(SCENE)
    view = lab.view().wait()
    expect(view.root.locator(".xai-film")).to_have_count(1)
    view.choose("Method", "saliency")
    expect(view.root.locator(".xai-film")).to_have_count(0)
    expect(view.select("Layer")).to_be_disabled()


# -- method cards ---------------------------------------------------------------------------------------------------


def test_methods_can_be_looked_through_and_chosen_by_keys(show):
    lab = show(SCENE)
    view = lab.view().wait()
    keys = lab.page.keyboard
    view.button("Browse …").click()
    cards = view.root.get_by_role("listbox", name="Methods by what they need of the model")
    expect(cards.get_by_role("group")).to_have_count(3)
    expect(view.root.get_by_role("searchbox", name="Filter methods")).to_be_focused()
    chosen = cards.locator("[aria-selected=true]")
    expect(chosen).to_contain_text("Grad-CAM")
    expect(chosen).to_contain_text("passes randomisation")
    expect(cards.locator("[data-method=guided_backprop]")).to_contain_text("fails randomisation")
    keys.type("window")
    expect(cards.get_by_role("option")).to_have_count(0)
    expect(view.root).to_contain_text("No method contains “window”.")
    keys.press("Control+a")
    keys.type("patch")
    keys.press("ArrowDown")
    expect(cards.locator(":focus")).to_have_attribute("data-method", "attention_rollout")
    # It cannot explain this model, says why, and cannot be chosen.
    expect(cards.locator(":focus")).to_have_attribute("aria-disabled", "true")
    expect(cards.locator(":focus")).to_contain_text("follows self-attention")
    keys.press("Enter")
    assert lab.kernel.value("w.method") == "grad_cam"
    keys.press("End")
    before = view.request()
    keys.press("Enter")
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("Occlusion sensitivity · cat")
    expect(cards).to_have_count(0)
    expect(view.button("Browse …")).to_be_focused()
    expect(view.select("Method")).to_have_value("occlusion")
    keys.press("Enter")
    expect(view.root.get_by_role("searchbox", name="Filter methods")).to_be_focused()
    keys.press("Escape")
    expect(cards).to_have_count(0)
    expect(view.button("Browse …")).to_be_focused()


def test_words_of_python_are_shown_as_words(show):
    lab = show(SCENE)
    view = lab.view().wait()
    view.choose("Method", "integrated_gradients")
    expect(view.select("Rule").locator("option:checked")).to_have_text("gauss legendre")
    before = view.request()
    view.select("Rule").select_option(label="riemann left")
    view.wait_for_next(before)
    assert lab.kernel.value("w.attribution.params['rule']") == "riemann_left"


# -- what waits for Run ---------------------------------------------------------------------------------------------

# Until the gate is opened every picture takes 50 ms: 841 of them are expensive.
EXPENSIVE = (
    SLOW.replace("gate.set()\nw =", "seen = []\nw =")
    .replace(", auto_run=False", "")
    .replace("    gate.wait(", "    'seen' in globals() and seen.append(len(x))\n    gate.wait(")
)


def test_an_expensive_method_waits_for_run_and_a_switch_lets_it_run_by_itself(show):
    lab = show(EXPENSIVE)
    view = lab.view().wait("idle")
    expect(view.root.locator(".xai-status")).to_contain_text(re.compile(r"About \d+ (s|min): press Run"))
    opened = lab.kernel.value("sum(seen)")
    (_, first, _), (second, label, _), (_, third, _) = lab.kernel.value("w.predictions[:3]")
    view.class_row(label).click()
    lab.kernel.until("w.target", second)
    expect(view.class_row(label)).to_have_attribute("aria-pressed", "true")
    expect(view.class_row(first)).to_have_attribute("aria-pressed", "false")
    assert lab.kernel.value("sum(seen)") == opened
    lab.kernel.run("gate.set()")
    view.button("Run").click()
    view.wait()
    expect(view.caption()).to_contain_text(label)
    assert lab.kernel.value("sum(seen)") - opened == 841

    switch = view.root.get_by_label("Run by itself")
    expect(switch).not_to_be_checked()
    switch.check()
    lab.kernel.until("w.auto_runs", {"occlusion": True})
    view.choose_class(third)
    expect(view.caption()).to_contain_text(third)
