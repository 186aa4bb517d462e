"""What a person takes away: pictures, numbers, code, a picture in the widget's place; and the simple view."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.scenes import COUNTED, LABELS, SCENE
from tests.browser.view import difference
from xai_widget import Attribution

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab
    from tests.browser.view import View

# Two ways of drawing a picture larger differ a little.
AGREEMENT = 2.0
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
# Effects that are known, whoever measures them otherwise.
TAUGHT = f"""\
import numpy as np
from xai_widget import XaiWidget, examples
from xai_widget.widget.service import Service

class Measured(Service):
    hears = ("regions",)

    def hear(self, kind, request_id, content, buffers):
        labels = np.zeros(self.widget.session.inputs[0].picture.shape[:2], np.uint8)
        labels[10:40, 20:60], labels[70:100, 70:90] = 1, 2
        after = {{"cat": (0.05, 0.25), "rocket": (0.5, 0.1)}}[self.widget.asker.latest[1].label]
        boxes = [10, 20, 40, 60], [70, 70, 100, 90]
        found = [{{"box": box, "area": 0.1, "before": 0.25, "after": share}} for box, share in zip(boxes, after)]
        regions = {{"session": 0, "of": self.widget.asker.latest[2], "shape": list(labels.shape),
                   "quantity": "probability", "fill": "blur", "regions": found}}
        self.widget.tell({{"kind": "regions", "request_id": request_id, "regions": regions}}, [labels.data])

class Taught(XaiWidget):
    _offers = (Measured, *XaiWidget._offers)

w = Taught(examples.mosaic_net(), examples.mosaic({list(LABELS)}).image, target="cat", expert=False)
w"""


def menu(view: View) -> Any:
    return view.root.get_by_role("dialog", name="Save, copy or freeze")


def saved(lab: Lab, view: View, label: str) -> Path:
    """Press a button of the open menu that saves a file, and return where the file lies."""
    with lab.page.expect_download() as download:
        view.button(label).click()
    expect(menu(view)).to_contain_text(f"Saved {download.value.suggested_filename}")
    return download.value.path().rename(download.value.path().with_name(download.value.suggested_filename))


def opened(view: View) -> View:
    view.wait()
    view.button("Save").click()
    return view


# -- the menu -------------------------------------------------------------------------------------------------------


def test_the_menu_opens_and_closes_by_keyboard_pointer_and_by_going_elsewhere(show):
    lab = show(SCENE)
    view = lab.view().wait()
    button = view.button("Save")
    expect(menu(view)).to_be_hidden()
    button.focus()
    lab.page.keyboard.press("Enter")
    expect(menu(view)).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Escape")
    expect(menu(view)).to_be_hidden()
    expect(button).to_be_focused()
    button.click()
    view.caption().click()
    expect(menu(view)).to_be_hidden()
    button.click()
    view.class_row("cat").focus()
    expect(menu(view)).to_be_hidden()


def test_a_teacher_may_leave_the_menu_out(show):
    lab = show(f"{SCENE[:-2]}\nw.controls = ['method']\nw")
    view = lab.view().wait()
    expect(view.button("Save")).to_have_count(0)
    expect(view.button("Simple")).to_have_count(0)
    lab.kernel.run("w.controls = ['save']")
    expect(view.button("Save")).to_be_visible()


# -- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_saved_picture_is_what_python_draws_in_the_size_that_was_chosen(show, scale):
    lab = show(SCENE)
    view = opened(lab.view())
    view.button(f"{scale}×").click()
    view.root.get_by_label("With title and colour bar").uncheck()
    path = saved(lab, view, "Save PNG")
    assert path.name == "grad-cam-cat.png"
    picture = np.asarray(Image.open(path).convert("RGB"))
    assert picture.shape == (128 * scale, 128 * scale, 3)
    drawn = np.asarray(lab.kernel.value("w.explain().heat_map(w.view).tolist()"), np.uint8)
    enlarged = Image.fromarray(drawn).resize(picture.shape[1::-1], Image.Resampling.BICUBIC)
    assert difference(picture, np.asarray(enlarged)) <= AGREEMENT


def test_title_and_colour_bar_stand_below_the_same_picture(show, artefacts):
    lab = show(SCENE)
    view = opened(lab.view())
    view.button("4×").click()
    path = saved(lab, view, "Save PNG")
    whole = np.asarray(Image.open(path).convert("RGB"))
    (artefacts / path.name).write_bytes(path.read_bytes())
    view.root.get_by_label("With title and colour bar").uncheck()
    bare = np.asarray(Image.open(saved(lab, view, "Save PNG")).convert("RGB"))
    assert (whole[: len(bare)] == bare).all()
    below = whole[len(bare) :]
    assert 40 < len(below) < 120
    # inferno runs from black to pale yellow.
    assert [below.min(), below[..., 2].max()] == [0, 255]
    assert (below[-3:] == 255).all()


def test_the_numbers_are_those_of_the_kernel(show):
    lab = show(SCENE)
    view = opened(lab.view())
    path = saved(lab, view, "Save NPZ")
    loaded = Attribution.load(path)
    assert path.name == "grad-cam-cat.npz"
    assert np.array_equal(loaded.values, np.asarray(lab.kernel.value("w.attribution.values.tolist()"), np.float32))
    assert loaded.label == "cat"


# -- code -----------------------------------------------------------------------------------------------------------


def copied(lab: Lab) -> str:
    return lab.page.evaluate("() => navigator.clipboard.readText()")


def test_copied_code_gives_the_same_map_and_view_in_the_kernel(show):
    lab = show(SCENE)
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.kernel.run(
        "w.method, w.params, w.target, w.view = "
        "'rise', {'samples': 24, 'seed': 5}, 'rocket', {'opacity': 1, 'mode': 'map', 'gamma': 0.5}"
    )
    view = lab.view()
    expect(view.caption()).to_contain_text("rocket", timeout=60_000)
    opened(view)
    view.button("Copy code").click()
    expect(menu(view)).to_contain_text("Code copied")
    code = copied(lab)
    assert '"seed": 5' in code
    names = {"model": "net", "img": "scene.image"}
    given = "".join(f"{name} = {value}\n" for name, value in names.items())
    lab.kernel.run(f"first = w\n{given}{code}\nother, w = w, first")
    same = "[bool((other.explain().values == w.explain().values).all()), dict(other.view) == dict(w.view), other.layer]"
    assert lab.kernel.value(same) == [True, True, None]
    view.button("Copy explain()").click()
    expect(menu(view)).to_contain_text("Code copied")
    lab.kernel.run(f"{given}{copied(lab)}")
    assert lab.kernel.value("bool((a.values == w.explain().values).all())")


def test_code_of_a_contrast_runs_too(show):
    lab = show(SCENE)
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    lab.kernel.run("from xai_widget import Contrast; w.target = Contrast('cat', 'rocket')")
    view = lab.view()
    expect(view.caption()).to_contain_text("cat rather than rocket", timeout=60_000)
    opened(view)
    view.button("Copy explain()").click()
    expect(menu(view)).to_contain_text("Code copied")
    lab.kernel.run(f"model, img = net, scene.image\n{copied(lab)}")
    assert lab.kernel.value("bool((a.values == w.explain().values).all())")


def test_without_a_clipboard_the_browser_copies_what_is_selected_or_shows_it(show):
    lab = show(SCENE)
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view = opened(lab.view())
    lab.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); }")
    view.button("Copy code").click()
    expect(menu(view)).to_contain_text("Code copied")
    assert copied(lab).startswith("from xai_widget import XaiWidget")
    lab.page.evaluate("() => { document.execCommand = () => false; }")
    view.button("Copy code").click()
    expect(menu(view)).to_contain_text("copy the text below")
    assert "w = XaiWidget" in view.root.get_by_role("textbox", name="Code").input_value()


# -- freezing -------------------------------------------------------------------------------------------------------


def outputs(lab: Lab) -> list[dict[str, Any]]:
    lab.save()
    return [output for cell in json.loads(lab.path.read_text("utf-8"))["cells"] for output in cell.get("outputs", [])]


def test_a_frozen_widget_is_a_picture_in_the_notebook_that_is_opened_without_it(show):
    lab = show(SCENE)
    view = opened(lab.view())
    (live,) = outputs(lab)
    assert VIEW_TYPE in live["data"]
    view.button("Freeze").click()
    picture = lab.cells.first.locator(".jp-OutputArea img")
    expect(picture).to_be_visible()
    expect(lab.page.locator(".xai-widget")).to_have_count(0)
    (frozen,) = outputs(lab)
    assert set(frozen["data"]) == {"text/plain", "image/png"}
    lab.kernel.run("ipywidgets.Widget.close_all()")
    lab.reload()
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0
    expect(lab.page.locator(".xai-widget")).to_have_count(0)


def test_python_freezes_every_appearance_and_the_widget_lives_on(show):
    lab = show(SCENE, "w", "w.freeze()", "w")
    expect(lab.page.locator(".jp-OutputArea img")).to_have_count(2, timeout=60_000)
    expect(lab.cells.nth(3).locator(".xai-widget")).to_have_count(1)
    lab.view().wait()
    expect(lab.page.locator(".xai-widget")).to_have_count(1)


# -- the simple view ------------------------------------------------------------------------------------------------


def test_the_simple_view_says_what_was_measured_and_marks_the_places(show):
    lab = show(TAUGHT)
    view = lab.view().wait()
    sentence = view.root.locator(".xai-sentence")
    expect(sentence).to_contain_text(
        "cat gets 25 %.Hiding region 1 lowers it by 20 points; hiding region 2 changes nothing."
    )
    assert re.match(r"Says \w+, \d+ %\.", sentence.inner_text())
    expect(view.root.locator(".xai-place-number")).to_have_text(["1", "2"])
    expect(view.select("Method")).to_have_count(0)
    expect(view.classes()).to_have_count(5)
    view.choose_class("rocket")
    expect(sentence).to_contain_text("Hiding region 1 raises it by 25 points; hiding region 2 lowers it by 15 points.")


def test_opacity_is_the_one_control_and_sends_nothing_while_it_is_dragged(show):
    lab = show(TAUGHT)
    view = lab.view().wait()
    expect(view.root.get_by_role("slider")).to_have_count(1)
    before = view.pixels()
    view.drag("Opacity", [0.3, 0.0])
    assert difference(view.pixels(), before) > 5
    lab.kernel.until("w.view['opacity']", 0)


def test_a_person_switches_between_simple_and_expert_and_nothing_runs_for_it(show):
    lab = show(COUNTED)
    view = lab.view().wait()
    lab.wait_for_kernel()
    request = view.request()
    view.button("Simple").click()
    expect(view.select("Method")).to_have_count(0)
    lab.kernel.until("w.expert", False)
    view.button("Expert").click()
    expect(view.select("Method")).to_be_visible()
    lab.kernel.until("w.expert", True)
    assert view.wait().request() == request


def test_the_stored_picture_of_a_displayed_widget_is_still_there(show):
    lab = show(SCENE)
    lab.view().wait()
    lab.wait_for_kernel()
    (output,) = outputs(lab)
    assert output["output_type"] == "display_data"
    assert set(output["data"]) == {"text/plain", "image/png", VIEW_TYPE}
    assert Image.open(io.BytesIO(base64.b64decode(output["data"]["image/png"]))).size == (128, 128)
