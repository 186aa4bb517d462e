"""A good guest: keyboard, shortcuts, wheel, themes and narrow windows."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import SCENE, THOUSAND

FOCUSED_CLASS = "() => document.activeElement?.dataset?.classIndex !== undefined"

# Every text, its colour over all that lies behind it; a class's bar lies behind its label without being its parent.
CONTRASTS = """root => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((value, at) => value * a + below[at] * (1 - a));
  const backgrounds = (element) => {
    const chain = [];
    for (let at = element; at !== null; at = at.parentElement) {
      chain.unshift(rgba(getComputedStyle(at).backgroundColor));
    }
    const plain = chain.reduce((below, colour) => over(colour, below), [255, 255, 255]);
    const fill = element.closest(".xai-class")?.querySelector(".xai-class-fill");
    return fill ? [plain, over(rgba(getComputedStyle(fill).backgroundColor), plain)] : [plain];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const found = {};
  for (const element of root.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    const box = element.getBoundingClientRect();
    if (!own || box.width === 0 || element.closest(":disabled, option, optgroup") !== null) continue;
    const colour = rgba(getComputedStyle(element).color);
    const worst = Math.min(...backgrounds(element).map((behind) => contrast(over(colour, behind), behind)));
    const name = `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.slice(0, 30)}"`;
    found[name] = Math.round(worst * 100) / 100;
  }
  return found;
}"""

# Elements that stick out of the widget, or have to be scrolled sideways.
OVERFLOWS = """root => {
  for (const details of root.querySelectorAll("details")) details.open = true;
  const edge = root.getBoundingClientRect().right + 0.5;
  const out = [...root.querySelectorAll("*")].filter((element) => {
    const box = element.getBoundingClientRect();
    const hidden = !element.checkVisibility() || box.width === 0 || element.closest("option, .xai-crosshair, .xai-film") !== null;
    const cut = getComputedStyle(element).textOverflow === "ellipsis" || element.closest("pre") !== null;
    return !hidden && (box.right > edge || (!cut && element.scrollWidth > element.clientWidth + 1
      && element.clientWidth > 0 && getComputedStyle(element).display !== "inline" && element.tagName !== "INPUT"
      && !element.matches(".xai-class")));
  });
  const scrolled = [];
  for (let at = root; at !== null && !at.matches(".jp-Notebook"); at = at.parentElement) {
    if (at.scrollWidth > at.clientWidth + 1) scrolled.push(at.className);
  }
  return [...out.map((element) => `${element.tagName}.${element.className}: ${element.textContent.slice(0, 40)}`), ...scrolled];
}"""


def focus_by_tab(lab, reached: str, *, presses: int = 40) -> None:
    """Press Tab until a condition on the focus holds."""
    for _ in range(presses):
        lab.page.keyboard.press("Tab")
        if lab.page.evaluate(reached):
            return
    pytest.fail(f"Tab does not lead to {reached}")


def test_a_class_and_a_slider_can_be_set_with_keys_alone(show):
    lab = show(SCENE)
    view = lab.view().wait()
    view.canvas().focus()
    focus_by_tab(lab, "() => document.activeElement?.getAttribute('aria-label') === 'Opacity'")
    for _ in range(3):
        lab.page.keyboard.press("ArrowRight")
    expect(view.slider("Opacity")).to_have_value("0.53")
    lab.kernel.until("w.view['opacity']", 0.53)
    focus_by_tab(lab, FOCUSED_CLASS)
    focus_by_tab(lab, FOCUSED_CLASS)  # past the way to hold the question against the first one
    before = view.request()
    label = lab.page.evaluate("() => document.activeElement.getAttribute('aria-label')").rpartition(",")[0]
    assert label != "cat"
    lab.page.keyboard.press("Enter")
    view.wait_for_next(before)
    expect(view.caption()).to_contain_text(f"· {label} ·")
    expect(view.class_row(label)).to_be_focused()


def test_the_arrow_keys_read_the_map(show):
    lab = show(SCENE)
    view = lab.view().wait()
    view.canvas().focus()
    lab.page.keyboard.press("ArrowRight")
    readout = view.root.locator("output")
    expect(readout).to_contain_text("x ")
    start = readout.inner_text()
    lab.page.keyboard.press("Shift+ArrowRight")
    expect(readout).not_to_have_text(start)
    lab.page.keyboard.press("Escape")
    expect(readout).not_to_contain_text("x ")


@pytest.mark.parametrize("part", ["search", "slider", "select", "button", "picture"])
def test_typing_into_the_widget_triggers_no_shortcut_of_the_notebook(show, part):
    lab = show(SCENE, "#%% md\nanother cell")
    view = lab.view().wait()
    place = {
        "search": view.root.get_by_role("searchbox"),
        "slider": view.slider("Opacity"),
        "select": view.select("Layer"),
        "button": view.button("Map"),
        "picture": view.canvas(),
    }[part]
    cells = lab.cells.count()
    view.root.locator(".xai-status").click()
    place.focus()
    for key in ("a", "b", "d", "d", "x", "m"):
        lab.page.keyboard.press(key)
    lab.frames()
    assert lab.cells.count() == cells
    expect(place).to_be_focused()
    if part == "search":
        expect(place).to_have_value("abddxm")


def test_the_plain_wheel_over_the_picture_scrolls_the_notebook(show):
    lab = show(SCENE, *["#%% md\n" + "line\n\n" * 30] * 3)
    view = lab.view().wait()
    view.canvas().scroll_into_view_if_needed()
    view.canvas().hover()
    before = view.canvas().bounding_box()["y"]
    lab.page.mouse.wheel(0, 150)
    lab.page.wait_for_function(
        "([canvas, before]) => canvas.getBoundingClientRect().y < before - 50",
        arg=[view.canvas().element_handle(), before],
    )


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_every_text_can_be_read_in_both_themes(show, artefacts, theme):
    lab = show(SCENE)
    view = lab.view().wait()
    lab.theme(theme)
    view.root.get_by_text("About this method").click()
    view.root.get_by_text("More", exact=True).click()
    view.photograph(artefacts / f"{theme.lower()}.png")
    found = view.root.evaluate(CONTRASTS)
    assert len(found) > 30
    assert {name: ratio for name, ratio in found.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("width", [480, 320])
def test_nothing_sticks_out_of_a_narrow_widget(show, artefacts, width):
    lab = show(SCENE)
    view = lab.view().wait()
    view.choose("Method", "occlusion")
    lab.widen(view, width)
    assert view.width() == width
    view.photograph(artefacts / f"narrow-{width}.png")
    assert view.root.evaluate(OVERFLOWS) == []


def test_a_thousand_long_labels_are_cut_and_can_be_found(show, artefacts):
    lab = show(THOUSAND)
    view = lab.view().wait()
    lab.widen(view, 480)
    view.photograph(artefacts / "long-labels.png")
    assert view.root.evaluate(OVERFLOWS) == []
    view.root.get_by_role("searchbox").fill("number 77")
    expect(view.classes()).to_have_count(19)
    view.choose_class("great black-backed gull, also known as Larus marinus, number 777")
    assert lab.kernel.value("w.target") == 777
