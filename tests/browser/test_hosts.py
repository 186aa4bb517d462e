"""The widget in other hosts: Notebook 7, Voilà, and marimo, which puts it into a shadow root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from tests.browser.hosts import Marimo, MarimoEditor, Notebook, Voila
from tests.browser.scenes import SCENE, VOLUME
from tests.browser.view import View, difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.hosts import Host

# Far enough apart to be no accident.
VISIBLE: Final = 2.0
WRAPPED: Final = f"""\
import marimo as mo
{SCENE.removesuffix("w")}
mo.ui.anywidget(w)"""
TWICE: Final = f"""\
import marimo as mo
{SCENE.removesuffix("w")}
mo.vstack([w, w])"""
HOSTS: Final = {
    "Notebook": (Notebook, SCENE, {}),
    "Voilà": (Voila, SCENE, {}),
    "marimo app in the dark": (Marimo, WRAPPED, {"theme": "dark"}),
    "marimo editor": (MarimoEditor, SCENE, {}),
}
LOOKS: Final = """root => {
  const style = getComputedStyle(root);
  return [style.fontSize, style.borderTopWidth, style.containerName, style.colorScheme];
}"""


@pytest.fixture(scope="module", params=HOSTS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    kind, source, settings = HOSTS[request.param]
    with kind(tmp_path_factory.mktemp("host") / "home", source, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def view(host: Host, chromium: Browser) -> Iterator[View]:
    """The widget in this host, with a first map; the tests use it one after the other."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1200})
    yield host.open(context.new_page()).view().wait()
    context.close()


def test_another_class_gets_another_map(view: View, host: Host, artefacts: Any) -> None:
    expect(view.caption()).to_contain_text("cat")
    shown = view.pixels()
    view.choose_class("rocket")
    expect(view.caption()).to_contain_text("rocket")
    assert difference(shown, view.pixels()) > VISIBLE
    view.lab.page.screenshot(path=artefacts / f"host-{type(host).__name__}.png")


def test_a_slider_repaints_and_asks_nothing(view: View) -> None:
    request, shown = view.request(), view.pixels()
    slider = view.slider("Opacity")
    slider.focus()
    slider.press("Home")
    assert difference(shown, view.pixels()) > VISIBLE
    expect(slider).to_have_value("0")
    assert view.request() == request
    slider.press("End")


def test_typing_reaches_the_widget_alone(view: View) -> None:
    search = view.root.get_by_role("searchbox")
    # Letters that are shortcuts of one host or another.
    search.press_sequentially("tab")
    expect(search).to_have_value("tab")
    search.fill("rock")
    expect(view.classes()).to_have_count(1)
    search.fill("")
    # The host's shortcuts look at the element that has the focus.
    expect(search).to_have_attribute("data-lm-suppress-shortcuts", "true")


def test_its_styles_hold_there(view: View, host: Host) -> None:
    font, border, container, scheme = view.root.evaluate(LOOKS)
    assert (font, border, container) == ("13px", "1px", "xai-widget")
    assert scheme == ("dark" if getattr(host, "theme", "") == "dark" else "light")
    box, left = view.canvas().bounding_box(), view.root.bounding_box()
    assert box is not None
    assert left is not None
    # Two columns: the picture beside what is asked.
    asked = view.select("Method").bounding_box()
    assert asked is not None
    assert left["x"] < box["x"] < box["x"] + box["width"] < asked["x"]


def test_a_korean_browser_is_answered_in_korean(view: View, host: Host) -> None:
    # The host itself goes on in its own language.
    view.lab.page.add_init_script("Object.defineProperty(navigator, 'languages', { get: () => ['ko-KR'] });")
    host.reload(view.lab.page)
    expect(view.wait().root).to_have_attribute("lang", "ko")
    expect(view.select("레이어")).to_be_visible()
    expect(view.root.locator(".xai-status")).to_contain_text("완료")


def test_a_page_that_is_loaded_again_answers_again(view: View, host: Host) -> None:
    host.reload(view.lab.page)
    view.wait().choose_class("temple")
    expect(view.caption()).to_contain_text("temple")


def test_marimo_shows_one_widget_twice(tmp_path: Any, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1400, "height": 1200})
    with Marimo(tmp_path / "home", TWICE) as running:
        desk = running.open(context.new_page())
        one, other = desk.view(0).wait(), desk.view(1).wait()
        one.choose_class("rocket")
        expect(other.caption()).to_contain_text("rocket")
        expect(other.root).to_have_attribute("data-state", "done")
        other.choose_class("temple")
        expect(one.caption()).to_contain_text("temple")
        context.close()


@pytest.mark.parametrize("kind", [Notebook, Voila, MarimoEditor])
def test_a_volume_is_walked_through(kind: type[Host], tmp_path: Any, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1400, "height": 1200})
    with kind(tmp_path / "home", VOLUME) as running:
        view = running.open(context.new_page()).view().wait()
        panes = view.root.locator(".xai-pane-canvas")
        expect(panes).to_have_count(3)
        expect(view.root.locator("output")).to_contain_text("voxel 12, 16, 10")
        # The arrow keys belong to the crosshair, not to the notebook.
        panes.first.focus()
        panes.first.press("ArrowUp")
        expect(view.root.locator("output")).to_contain_text("voxel 12, 17, 10")
        expect(panes.first).to_be_focused()
        view.choose_class("unclear")
        expect(view.caption()).to_contain_text("unclear")
        context.close()
