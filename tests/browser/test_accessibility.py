"""Everybody can use it: names, roles and contrasts, keys, fingers, little motion, colours of the person's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.browser.axe import SCRIPT, violations
from tests.browser.scenes import FRAGILE, SCENE, SLOW, THOUSAND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.lab import Lab
    from tests.browser.view import View


@dataclass(frozen=True)
class Case:
    """A widget to look at: the cell that makes it, and what a person does with it."""

    code: str
    steps: Callable[[Lab, View], object] = lambda _lab, view: view.wait()


def opened(_lab: Lab, view: View) -> None:
    """Everything that can be unfolded."""
    view.wait()
    view.root.evaluate("root => root.querySelectorAll('details').forEach(each => { each.open = true; })")
    view.root.get_by_text("More", exact=True).click()


def searched(_lab: Lab, view: View) -> None:
    view.wait()
    view.root.get_by_role("searchbox").fill("number 77")


def found_nothing(_lab: Lab, view: View) -> None:
    view.wait()
    view.root.get_by_role("searchbox").fill("no such class")


def parameters(_lab: Lab, view: View) -> None:
    view.wait()
    view.choose("Method", "lime")


def reading(lab: Lab, view: View) -> None:
    view.wait()
    view.canvas().focus()
    lab.page.keyboard.press("ArrowRight")
    expect(view.root.locator("output")).to_contain_text("x ")


def running(lab: Lab, view: View) -> None:
    view.wait("idle")
    lab.kernel.run("gate.clear()")
    view.button("Run").click()
    view.wait("running")


def failed(lab: Lab, view: View) -> None:
    view.wait()
    lab.kernel.run("Fragile.broken = True")
    view.select("Cover with").select_option("mean")
    view.wait("error")
    view.error().get_by_text("Details").click()


def narrow(lab: Lab, view: View) -> None:
    view.wait()
    lab.widen(view, 340)


CASES: Final = {
    "a first look": Case(SCENE),
    "all that unfolds": Case(SCENE, opened),
    "a method with many parameters": Case(SCENE, parameters),
    "reading values with the keys": Case(SCENE, reading),
    "a search": Case(THOUSAND, searched),
    "a search in vain": Case(THOUSAND, found_nothing),
    "while running": Case(SLOW, running),
    "an error": Case(FRAGILE, failed),
    "a narrow widget": Case(SCENE, narrow),
    "two pictures": Case(SCENE.replace("scene.image,", "[scene.image, examples.photo('dog')],")),
    "a contrast": Case(SCENE.replace('target="cat"', "target=__import__('xai_widget').Contrast('cat', 'rocket')")),
    "the simple view": Case(SCENE + "\nw.expert = False"),
    "Korean": Case(SCENE.replace('target="cat"', 'target="cat", locale="ko"')),
}


@pytest.mark.skipif(not SCRIPT.is_file(), reason="axe-core comes with the front end's packages: make bundle")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_axe_finds_nothing(show, case):
    lab = show(case.code)
    view = lab.view()
    case.steps(lab, view)
    found = {}
    for theme in ("Light", "Dark"):
        lab.theme(theme)
        found |= {f"{theme}: {each}": None for each in violations(view)}
    assert "\n".join(found) == ""
