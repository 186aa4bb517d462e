"""Everybody can use it: names, roles and contrasts, keys, fingers, little motion, colours of the person's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.scenes import FRAGILE, SCENE, SLOW, THOUSAND
from tests.browser.test_comparing import GALLERY, MODELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.lab import Lab
    from tests.browser.view import View


PINS: Final = SCENE.removesuffix("w") + "w.compare(methods=['grad_cam', 'occlusion', 'saliency'])\nw"
UNFOLD: Final = "root => root.querySelectorAll('details').forEach(each => { each.open = true; })"


@dataclass(frozen=True)
class Case:
    """A widget to look at: the cell that makes it, and what a person does with it."""

    code: str
    steps: Callable[[Lab, View], object] = lambda _lab, view: view.wait()


def opened(_lab: Lab, view: View) -> None:
    """Everything that can be unfolded."""
    view.wait()
    view.root.evaluate(UNFOLD)
    view.root.get_by_text("More", exact=True).click()


def refused(_lab: Lab, view: View) -> None:
    view.wait("idle")
    view.root.evaluate(UNFOLD)


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


def measured(_lab: Lab, view: View) -> None:
    """The simple view with its sentence, which is measured after the map."""
    view.wait()
    expect(view.root.locator(".xai-place-number").first).to_be_visible()


def pinned(_lab: Lab, view: View) -> None:
    view.wait()
    expect(view.root.locator("[data-pin]")).to_have_count(3)
    view.root.get_by_text("Rank correlation", exact=True).click()
    view.button("Compare several …").click()
    expect(view.root.locator("form")).to_be_visible()


def two_models(_lab: Lab, view: View) -> None:
    view.wait()
    expect(view.root.locator("[data-model] canvas.xai-tile-canvas")).to_have_count(2)


def gallery(_lab: Lab, view: View) -> None:
    view.wait()
    expect(view.root.locator(".xai-thumb")).to_have_count(5)


def browsing(_lab: Lab, view: View) -> None:
    view.wait()
    view.root.locator(".xai-browse").click()
    expect(view.root.get_by_role("listbox", name="Methods by what they need of the model")).to_be_visible()


def taking(_lab: Lab, view: View) -> None:
    view.wait()
    view.button("Save").click()
    expect(view.root.get_by_role("dialog")).to_be_visible()


def draw(lab: Lab, view: View) -> None:
    """A stroke across the middle, by keyboard."""
    view.root.locator(".xai-paper").focus()
    for key in ("Space", "ArrowRight", "Space"):
        lab.page.keyboard.press(key)


def covering(lab: Lab, view: View) -> None:
    view.wait()
    view.button("Cover").click()
    draw(lab, view)
    expect(view.root.get_by_role("list", name="What covering does")).to_have_attribute("aria-busy", "false")


def guessing(lab: Lab, view: View) -> None:
    pinned(lab, view)
    view.button("Guess").click()
    draw(lab, view)


def guessed(lab: Lab, view: View) -> None:
    guessing(lab, view)
    view.button("Reveal").click()
    expect(view.root.locator(".xai-verdict")).to_contain_text("You share")


def in_mode(mode: str) -> Callable[[Lab, View], None]:
    def steps(_lab: Lab, view: View) -> None:
        view.wait()
        view.button(mode).click()
        expect(view.button(mode)).to_have_attribute("aria-pressed", "true")
        if mode == "Regions":
            expect(view.root.locator(".xai-region-row").first).to_be_visible()

    return steps


def boxed(_lab: Lab, view: View) -> None:
    view.wait()
    view.root.get_by_role("switch", name="Box").click()
    expect(view.slider("Box above")).to_be_visible()


# Nothing cuts off what is on the whole screen; axe asks the elements around it all the same.
UNCUT: Final = "root => { for (let at = root; (at = at.parentElement); ) at.style.overflow = 'visible'; }"


def full_screen(_lab: Lab, view: View) -> None:
    view.wait()
    view.button("Full screen").click()
    expect(view.root).to_have_attribute("data-screen", "full")
    view.root.evaluate(UNCUT)


CASES: Final = {
    "a first look": Case(SCENE),
    "all that unfolds": Case(SCENE, opened),
    "why methods are refused": Case(SLOW, refused),
    "a method with many parameters": Case(SCENE, parameters),
    "reading values with the keys": Case(SCENE, reading),
    "a search": Case(THOUSAND, searched),
    "a search in vain": Case(THOUSAND, found_nothing),
    "while running": Case(SLOW, running),
    "an error": Case(FRAGILE, failed),
    "a narrow widget": Case(SCENE, narrow),
    "two pictures": Case(SCENE.replace("scene.image,", "[scene.image, examples.photo('rocket')],")),
    "a contrast": Case(SCENE.replace('target="cat"', "target=__import__('xai_widget').Contrast('cat', 'rocket')")),
    "the simple view": Case(SCENE.removesuffix("w") + "w.expert = False\nw", measured),
    "pins, their table and several questions": Case(PINS, pinned),
    "two models": Case(MODELS, two_models),
    "a gallery": Case(GALLERY, gallery),
    "the cards of the methods": Case(SCENE, browsing),
    "the menu of what can be taken": Case(SCENE, taking),
    "something covered": Case(SCENE, covering),
    "a guess": Case(PINS, guessing),
    "a guess that is revealed": Case(PINS, guessed),
    "two pictures side by side": Case(SCENE, in_mode("Side by side")),
    "the curtain": Case(SCENE, in_mode("Curtain")),
    "contours": Case(SCENE, in_mode("Contours")),
    "regions": Case(SCENE, in_mode("Regions")),
    "the picture alone": Case(SCENE, in_mode("Image")),
    "the box": Case(SCENE, boxed),
    "the full screen": Case(SCENE, full_screen),
    "Korean": Case(SCENE.replace('target="cat"', 'target="cat", locale="ko"')),
}


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


# -- keys -----------------------------------------------------------------------------------------------------------

# What Tab ought to reach, numbered in the order of the document.
NUMBER = """root => {
  const all = root.querySelectorAll("button, input, select, textarea, summary, a[href], [tabindex]");
  const reached = [...all].filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility());
  reached.forEach((each, place) => { each.dataset.place = place; });
  reached[0].focus();
  return reached.length;
}"""

# Where the focus is, and whether one sees it.
FOCUSED = """() => {
  const at = document.activeElement;
  if (at?.dataset.place === undefined) return null;
  const style = getComputedStyle(at);
  const title = at.closest(".xai-section")?.querySelector(".xai-section-title")?.textContent;
  return {
    place: Number(at.dataset.place),
    name: at.getAttribute("aria-label") ?? at.textContent,
    ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    part: title ?? (at.matches("canvas") ? "Picture" : at.closest(".xai-status") !== null ? "Status" : ""),
  };
}"""

PARTS: Final = ("Status", "Picture", "Display", "Predictions", "Method", "Layer", "Parameters")


def walk(lab: Lab, key: str = "Tab") -> list[dict[str, object]]:
    """Press a key until the focus has left the widget; returns what was passed."""
    passed = []
    while (at := lab.page.evaluate(FOCUSED)) is not None:
        assert len(passed) < 200, f"{key} is trapped at {at}"
        passed.append(at)
        lab.page.keyboard.press(key)
    return passed


def test_tab_reaches_every_control_once_and_in_order_and_one_sees_where_it_is(show):
    lab = show(SCENE.replace("image, ", "image, auto_run=False, ", 1))
    view = lab.view().wait("idle")
    view.button("Run").click()
    view.wait()
    view.root.evaluate(UNFOLD)
    expect(view.root.locator(".xai-region-row").first).to_be_visible()
    expect(view.root.locator(".xai-film-map canvas").first).to_be_attached()
    count = view.root.evaluate(NUMBER)
    # What the keys have moved the focus to shows it, unlike what a program has.
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Shift+Tab")
    passed = walk(lab)
    assert [at["place"] for at in passed] == list(range(count))
    assert tuple(dict.fromkeys(at["part"] for at in passed if at["part"] in PARTS)) == PARTS
    assert [at["name"] for at in passed if at["ring"] < 2] == []
    lab.page.keyboard.press("Shift+Tab")
    back = walk(lab, "Shift+Tab")
    assert [at["place"] for at in back] == list(range(count))[::-1]


def test_what_is_going_on_is_announced_by_one_region_that_stays(show):
    lab = show(SCENE)
    view = lab.view().wait()
    region = view.root.get_by_role("status").filter(has_text="Done")
    expect(region).to_have_attribute("aria-live", "polite")
    element = region.element_handle()
    view.choose_class("rocket")
    # A region that is made anew is not read out.
    assert element.evaluate("region => region.isConnected && region.textContent") == "Done"


# -- fingers, motion, colours ---------------------------------------------------------------------------------------

# Controls that a finger would miss; what belongs to a label is as large as that.
SMALL = """root => {
  const all = root.querySelectorAll("button, input, select, summary, a[href]");
  const size = (each) => (each.closest("label") ?? each).getBoundingClientRect();
  const small = [...all].filter((each) => each.checkVisibility() && Math.min(size(each).width, size(each).height) < 24);
  return small.map((each) => `${each.outerHTML.slice(0, 120)} ${size(each).width} x ${size(each).height}`);
}"""

# What moves, or would: selector and why.
MOVING = """root => [...root.querySelectorAll("*")].flatMap((each) => [null, "::before", "::after"].map((part) => {
  const { animationName, transitionDuration } = getComputedStyle(each, part);
  const still = animationName === "none" && transitionDuration.split(", ").every((time) => parseFloat(time) === 0);
  return still ? null : `${each.className}${part ?? ""}: ${animationName}, ${transitionDuration}`;
})).filter((each) => each !== null)"""


def test_every_control_is_large_enough_for_a_finger(show, artefacts):
    lab = show(SCENE)
    view = lab.view().wait()
    view.root.evaluate(UNFOLD)
    touch = lab.page.context.new_cdp_session(lab.page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})
    assert lab.page.evaluate("() => matchMedia('(any-pointer: coarse)').matches")
    lab.frames()
    view.photograph(artefacts / "touch.png")
    assert view.root.evaluate(SMALL) == []


def test_nothing_moves_for_those_who_asked_for_little_motion(show):
    lab = show(SLOW)
    view = lab.view()
    running(lab, view)
    assert view.root.evaluate(MOVING) != []
    lab.page.emulate_media(reduced_motion="reduce")
    assert view.root.evaluate(MOVING) == []
    assert view.root.evaluate("root => root.getAnimations({ subtree: true }).length") == 0


def test_the_widget_can_be_read_in_a_persons_own_colours(show, artefacts):
    lab = show(SCENE)
    view = lab.view().wait()
    picture = view.pixels()
    lab.page.emulate_media(forced_colors="active")
    view.photograph(artefacts / "forced-colours.png")
    colour = "row => getComputedStyle(row).backgroundColor"
    chosen, other = (view.class_row(label) for label in ("cat", "rocket"))
    assert chosen.evaluate(colour) != other.evaluate(colour)
    assert view.button("Overlay").evaluate(colour) != view.button("Map").evaluate(colour)
    for row in (chosen, other):
        assert row.locator(".xai-class-fill").evaluate(colour) != row.evaluate(colour)
    assert (view.pixels() == picture).all()
