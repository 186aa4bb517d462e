"""The widget among other widgets: in boxes, linked, twice on a page, set from Python."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import expect

from tests.browser.scenes import SCENE
from tests.browser.view import difference

VISIBLE: Final = 2.0
MADE: Final = SCENE.removesuffix("w")
TWO: Final = f"""\
{MADE}
v = XaiWidget(net, scene.image, target="rocket")
box = ipywidgets.VBox([w, v])
box"""


def test_it_stands_in_a_box_beside_another_control(show):
    lab = show(
        f"import ipywidgets\n{MADE}\nslider = ipywidgets.FloatSlider(description='alpha')\nipywidgets.HBox([w, slider])"
    )
    view = lab.view().wait()
    other = lab.page.locator(".widget-slider", has_text="alpha")
    expect(other).to_be_visible()
    ours, theirs = view.root.bounding_box(), other.bounding_box()
    assert ours is not None
    assert theirs is not None
    assert ours["x"] + ours["width"] <= theirs["x"]
    assert 640 <= ours["width"] <= 800
    view.choose_class("rocket")
    expect(view.caption()).to_contain_text("rocket")


def test_two_in_a_row_share_its_width(show):
    lab = show(f"import ipywidgets\n{MADE}\nv = XaiWidget(net, scene.image, target='rocket')\nipywidgets.HBox([w, v])")
    one, other = lab.view(0).wait(), lab.view(1).wait()
    ours, theirs = one.root.bounding_box(), other.root.bounding_box()
    assert ours is not None
    assert theirs is not None
    assert ours["x"] + ours["width"] <= theirs["x"]
    assert abs(ours["width"] - theirs["width"]) <= 1
    assert ours["width"] >= 320
    row = lab.page.locator(".widget-hbox").evaluate("row => [row.scrollWidth, row.clientWidth]")
    assert row[0] <= row[1]


def test_two_widgets_on_one_model_answer_each_for_itself(show):
    lab = show("import ipywidgets", TWO)
    one, other = lab.view(0).wait(), lab.view(1).wait()
    one.choose_class("temple")
    expect(one.caption()).to_contain_text("temple")
    expect(other.caption()).to_contain_text("rocket")
    other.choose_class("coffee")
    expect(other.caption()).to_contain_text("coffee")
    expect(one.caption()).to_contain_text("temple")
    assert lab.kernel.value("[w.explain().label, v.explain().label]") == ["temple", "coffee"]


def test_a_dropdown_that_is_linked_to_the_layer_follows_and_leads(show):
    lab = show(
        f"import ipywidgets\n{MADE}\n"
        "layer = ipywidgets.Dropdown(options=['layer1', 'layer2', 'layer3', 'layer4'], value='layer4', description='at')\n"
        "ipywidgets.link((layer, 'value'), (w, 'layer'))\n"
        "ipywidgets.VBox([layer, w])"
    )
    view = lab.view().wait()
    linked = lab.page.get_by_role("combobox", name="at", exact=True)
    before = view.request()
    linked.select_option("layer2")
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("layer2")
    expect(view.select("Layer")).to_have_value("layer2")
    view.choose("Layer", "layer3")
    expect(linked).to_have_value("layer3")
    assert lab.kernel.value("[layer.value, w.layer]") == ["layer3", "layer3"]


def test_observers_hear_of_choices_in_the_page(show):
    lab = show(
        f"{MADE}\nheard = []\nw.observe(lambda change: heard.append([change.name, change.new]), ['target', 'method'])\nw"
    )
    view = lab.view().wait()
    view.choose_class("rocket")
    view.choose("Method", "saliency")
    lab.kernel.until(
        "heard", [["target", lab.kernel.value("w.session.labels.index('rocket')")], ["method", "saliency"]]
    )


def test_a_method_set_by_an_observer_of_another_control_is_run(show):
    lab = show(
        f"import ipywidgets\n{MADE}\n"
        "how = ipywidgets.ToggleButtons(options=['grad_cam', 'saliency'], description='how')\n"
        "how.observe(lambda change: setattr(w, 'method', change.new), 'value')\n"
        "ipywidgets.VBox([how, w])"
    )
    view = lab.view().wait()
    before = view.request()
    lab.page.get_by_role("button", name="saliency", exact=True).click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("Saliency")
    expect(view.select("Method")).to_have_value("saliency")


def test_display_settings_from_python_show_at_once_and_compute_nothing(show):
    lab = show(SCENE)
    view = lab.view().wait()
    request, shown = view.request(), view.pixels()
    lab.kernel.run("w.view = {'opacity': 0.0}")
    expect(view.slider("Opacity")).to_have_value("0")
    assert difference(shown, view.pixels()) > VISIBLE
    lab.kernel.run("w.view = {'mode': 'map', 'colormap': 'viridis'}")
    expect(view.root.get_by_role("button", name="Map", exact=True)).to_have_attribute("aria-pressed", "true")
    assert difference(view.pixels(), view.python_pixels()) <= VISIBLE
    assert view.request() == request


def test_one_widget_shown_twice_is_one_widget(show):
    lab = show(SCENE, "w")
    one, other = lab.view(0).wait(), lab.view(1).wait()
    other.choose_class("rocket")
    expect(one.caption()).to_contain_text("rocket")
    one.wait()
    lab.kernel.run("w.view = {'mode': 'map'}")
    expect(other.root.get_by_role("button", name="Map", exact=True)).to_have_attribute("aria-pressed", "true")
    assert difference(one.pixels(), other.pixels()) < VISIBLE
    # Taking one view away leaves the other as it is.
    lab.command("notebook:clear-cell-output")
    expect(lab.page.locator(".xai-widget")).to_have_count(1)
    lab.view(0).choose_class("temple")
    expect(lab.view(0).caption()).to_contain_text("temple")
