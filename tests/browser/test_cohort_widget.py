"""A cohort's widget in JupyterLab: templates by group, members by mouse and keyboard, one of them live below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.view import PATIENCE_MS, View, difference

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab

MADE: Final = """\
import numpy
import tempfile
from xai_widget import examples
from xai_widget.cohort import explain_dataset
folder = tempfile.TemporaryDirectory()
{data}
c = explain_dataset(net, data, "grad_cam", out=folder.name + "/m.zarr", group_by="label", progress=False)
w = c.widget()
w"""
PICTURES: Final = MADE.format(data="net, data = examples.watermarked_net(), examples.watermarks(90)")
VOLUMES: Final = MADE.format(data="net, data = examples.phantom_net(), examples.phantoms(6)")
NAMES: Final = ".xai-cohort-name"
AGREEMENT: Final = 2.0
DRAWN: Final = ".xai-cohort-frame img"


def opened(lab: Lab, thumbnails: int) -> View:
    """Wait for the first template and its members."""
    view = lab.view(0).wait()
    expect(lab.page.locator(DRAWN)).to_have_count(thumbnails, timeout=PATIENCE_MS)
    return view


def whole(lab: Lab) -> View:
    return View(lab, lab.page.locator(".xai-cohort").first)


def test_the_template_that_is_painted_is_the_groups_and_another_is_chosen_in_the_page(show):
    lab = show(PICTURES)
    view = opened(lab, 24)
    expect(view.caption()).to_contain_text("Mean · cat")
    assert difference(view.pixels(), view.python_pixels("w.templates")) <= AGREEMENT
    assert lab.kernel.value("bool((numpy.asarray(w.snapshot()) == c.mean('cat').heat_map(w.templates.view)).all())")
    before = view.request()
    view.root.locator(".xai-thumb").nth(1).click()
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text("Mean · coffee")
    expect(lab.page.locator(".xai-cohort-tools")).to_contain_text("Members of coffee 30")
    assert lab.kernel.value("[w.group, w.members[0] == c.table.id[c.groups()['coffee'][0]]]") == ["coffee", True]
    view.choose("Method", "difference")
    view.choose("Compared with", "temple")
    assert lab.kernel.value("bool((w.templates.explain().values == c.difference('coffee', 'temple').values).all())")


def test_members_are_opened_by_mouse_and_keyboard_and_the_neighbours_follow(show):
    lab = show(PICTURES)
    opened(lab, 24)
    names = lab.page.locator(NAMES)
    # Anywhere on the tile: its picture is not covered.
    lab.page.locator(DRAWN).nth(2).click(force=True)
    live = lab.view(1).wait()
    first = names.nth(2).inner_text().splitlines()[0]
    assert lab.kernel.value("[w.member.session.facts.model, w.member.attribution.meta['id']]") == [
        "WatermarkNet",
        first,
    ]
    expect(lab.page.locator(".xai-cohort-open")).to_contain_text(first)
    names.nth(4).focus()
    lab.page.keyboard.press("Enter")
    expect(lab.page.locator(".xai-cohort-head")).to_contain_text(names.nth(4).inner_text().splitlines()[0])
    live = lab.view(1).wait()
    live.choose_class("temple")
    assert lab.kernel.value("w.member.explain().label") == "temple"
    head = lab.page.locator(".xai-cohort-head")
    head.get_by_role("button", name="Next").click()
    expect(head).to_contain_text(names.nth(5).inner_text().splitlines()[0])
    lab.view(1).wait()
    head.get_by_role("button", name="Previous").click()
    expect(head).to_contain_text(names.nth(4).inner_text().splitlines()[0])
    head.get_by_role("button", name="Close").click()
    expect(lab.page.locator(".xai-widget")).to_have_count(1)
    assert lab.kernel.value("w.member is None")


def test_pages_orders_and_ids_are_gone_through_in_the_page(show):
    lab = show(PICTURES)
    opened(lab, 24)
    pager = lab.page.locator(".xai-cohort-pager")
    expect(pager).to_contain_text("1–24 of 30")
    pager.get_by_role("button", name="Next").click()
    expect(pager).to_contain_text("25–30 of 30")
    expect(lab.page.locator(DRAWN)).to_have_count(6)
    expect(pager.get_by_role("button", name="Next")).to_be_disabled()
    lab.page.get_by_role("combobox", name="Order", exact=True).last.select_option("Most like the group's mean")
    expect(pager).to_contain_text("1–24 of 30")
    nearest = lab.kernel.value("list(w.members)")
    expect(lab.page.locator(NAMES).first).to_contain_text(nearest[0])
    lab.page.get_by_role("textbox", name="Find").fill(nearest[3])
    expect(lab.page.locator(NAMES).first).to_contain_text(nearest[3])
    lab.page.get_by_role("combobox", name="Underlay").select_option("Mean of all")
    lab.kernel.until("w.underlay", "all")


def test_what_goes_wrong_is_said_in_place(show):
    lab = show(PICTURES, "pass")
    opened(lab, 24)
    lab.kernel.run("import shutil; shutil.rmtree(folder.name + '/m.zarr/maps')")
    lab.page.locator(NAMES).first.click()
    lab.view(1).wait()
    lab.kernel.run("w.close_member(); c.origin.items._dataset = None; (c.origin.items)")
    lab.page.locator(NAMES).nth(1).click()
    expect(lab.page.locator(".xai-cohort-told").get_by_role("alert")).to_contain_text("Error")
    expect(lab.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    assert lab.kernel.value("w.group") == "cat"


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_with_a_member_open(show, theme: str, artefacts: Path):
    lab = show(VOLUMES)
    view = opened(lab, lab.kernel.value("len(w.members)"))
    expect(view.root.locator(".xai-pane")).to_have_count(3)
    lab.page.locator(NAMES).first.click()
    lab.view(1).wait()
    expect(lab.view(1).root.locator(".xai-pane")).to_have_count(3)
    for picture in lab.page.locator(DRAWN).all():
        assert (picture.get_attribute("alt") or "").startswith("Heat map of phantom-")
    lab.theme(theme)
    lab.only_notebook()
    assert violations(whole(lab)) == []
    lab.page.set_viewport_size({"width": 1400, "height": 4200})
    lab.frames()
    whole(lab).root.screenshot(path=artefacts / f"cohort-{theme.lower()}.png")
    lab.page.set_viewport_size({"width": 560, "height": 6000})
    lab.frames()
    box = lab.page.locator(".xai-cohort").first
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth + 2")
    box.screenshot(path=artefacts / f"cohort-{theme.lower()}-narrow.png")
