"""What a person sees first: a picture, a heat map, and the numbers that Python has."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import SCENE
from tests.browser.server import ROOT
from tests.browser.view import difference
from xai_widget.render import colour_table

TUTORIAL = ROOT / "tutorials" / "01_GradCAM_and_Occlusion_Sensitivity.ipynb"
# The browser and Pillow enlarge a picture in slightly different ways.
AGREEMENT = 2.0
# Far enough apart to be no accident.
VISIBLE = 5.0


def test_the_first_widget_of_the_tutorial_explains_a_photo(new_lab, server, artefacts):
    shutil.copy(TUTORIAL, server.notebooks / TUTORIAL.name)
    sources = ["".join(cell["source"]) for cell in json.loads(TUTORIAL.read_text())["cells"]]
    first = next(place for place, source in enumerate(sources) if source.startswith("XaiWidget("))
    new_lab.open_file(TUTORIAL.name)
    for place in range(1, first + 1):
        new_lab.run(place)
    view = new_lab.view().wait()
    expect(view.classes().first).to_have_attribute("aria-label", "cat, >99.9 %")
    expect(view.classes().first).to_have_attribute("aria-pressed", "true")
    expect(view.caption()).to_have_text("Grad-CAM · cat · layer4 · grid 16×16")
    expect(view.canvas()).to_have_attribute("aria-label", re.compile("Grad-CAM for cat: strongest"))
    shown = view.pixels()
    view.button("Image").click()
    assert difference(shown, view.pixels()) > VISIBLE
    new_lab.page.screenshot(path=artefacts / "tutorial.png")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "map"},
        {"threshold": 0.45, "opacity": 0.9},
        {"colormap": "viridis", "gamma": 0.5},
        {"cells": True, "mode": "map"},
    ],
    ids=["overlay", "map", "threshold", "colours", "cells"],
)
def test_the_canvas_shows_what_python_draws(show, settings):
    made = SCENE.replace("target=", f"view={settings}, target=")
    view = show(made).view().wait()
    shown, drawn = view.pixels(), view.python_pixels()
    assert shown.shape == (448, 448, 3)
    assert difference(shown, drawn) <= AGREEMENT
    view.button("Image").click()
    assert difference(view.pixels(), drawn) > VISIBLE, "The heat map makes no difference: nothing was compared."


def test_a_signed_map_is_painted_like_python_paints_it(show):
    made = SCENE.replace("target=", "params={'relu': False}, view={'mode': 'map'}, target=")
    view = show(made).view().wait()
    shown = view.pixels().astype(int)
    assert difference(view.pixels(), view.python_pixels()) <= AGREEMENT
    # Red speaks for the class, blue against it.
    assert (shown[..., 0] - shown[..., 2]).max() > 60
    assert (shown[..., 2] - shown[..., 0]).max() > 60


@pytest.mark.parametrize(
    ("params", "table"), [("{}", "inferno"), ("{'relu': False}", "RdBu_r")], ids=["unsigned", "signed"]
)
def test_the_colour_bar_shows_the_colours_from_the_start(show, params, table):
    lab = show(SCENE.replace("target=", f"params={params}, view={{'mode': 'map'}}, auto_run=False, target="))
    # The bar is there before the map: it must not wait for a change of the display.
    view = lab.view().wait("idle")
    view.button("Run").click()
    view.wait()
    ends = view.root.locator("canvas.xai-bar-canvas").evaluate(
        """bar => [0, bar.width - 1].map(x => [...bar.getContext("2d").getImageData(x, 0, 1, 1).data])"""
    )
    colours = colour_table(table)
    assert ends == [[*colours[0].tolist(), 255], [*colours[-1].tolist(), 255]]


@pytest.mark.parametrize("new_lab", [2], indirect=True, ids=["2x"])
def test_a_dense_screen_gets_all_its_pixels(show):
    view = show(SCENE).view().wait()
    assert view.pixels().shape == (896, 896, 3)
    assert difference(view.pixels(), view.python_pixels()) <= AGREEMENT
