"""The interface in another language: the page's own words and the kernel's, by setting and by browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import SCENE, THOUSAND
from tests.browser.test_doing import press, settled
from tests.browser.test_manners import OVERFLOWS
from tests.browser.view import PATIENCE_MS
from xai_widget.explainers import method_classes
from xai_widget.explainers.grad_cam import GradCam
from xai_widget.view import DIVERGING, SEQUENTIAL
from xai_widget.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.browser.view import View

KOREAN = SCENE.replace('target="cat"', 'target="cat", locale="ko"')
WORDS = words_of("ko")
# What a browser that prefers another language says of itself.
PREFERS = "Object.defineProperty(navigator, 'languages', { get: () => ['ko-KR', 'en-US'] });"

# All that buttons have ever said, if only for a moment.
BUTTONS: Final = """
window.said = new Set();
new MutationObserver(() => {
  for (const button of document.querySelectorAll(".xai-widget button")) window.said.add(button.textContent);
}).observe(document, { childList: true, characterData: true, subtree: true });
"""

# Everything that can be read or heard of a widget; formulas are the same in every language, and a small map's name is cut.
TEXTS: Final = """root => {
  const found = [];
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    if (!texts.currentNode.parentElement.closest("style, .xai-formula, .xai-film-name")) {
      found.push(texts.currentNode.data);
    }
  }
  const spoken = ["aria-label", "aria-valuetext", "title", "placeholder", "data-help"];
  for (const element of [root, ...root.querySelectorAll("*")]) {
    for (const name of spoken) found.push(element.getAttribute(name) ?? "");
  }
  return [...new Set(found.map((text) => text.trim()).filter((text) => text !== ""))];
}"""
# What the scene's model and picture bring, and what a program's names are.
NAMES: Final = """sorted({*net.labels, *(name for name, _ in net.named_modules() if name),
    *(type(module).__name__ for module in net.modules())}, key=len, reverse=True)"""


def in_english(view: View, names: Iterable[str]) -> list[str]:
    """The texts with English words, names aside: a word where there is no Korean, two in a row where there is some."""
    named = re.compile("|".join(rf"(?<!\\w){re.escape(name)}(?!\\w)" for name in names))
    texts = [named.sub("", text) for text in view.root.evaluate(TEXTS)]
    assert len(texts) > 100
    return [
        text
        for text in texts
        if re.search("[A-Za-z]{2} [A-Za-z]{2}" if re.search("[가-힣]", text) else "[A-Za-z]{3}", text)
    ]


def test_the_page_and_the_kernel_speak_the_language_that_is_set(show, artefacts):
    lab = show(KOREAN)
    view = lab.view().wait()
    expect(view.root).to_have_attribute("lang", "ko")
    expect(view.root.locator(".xai-status")).to_contain_text("완료")
    expect(view.root).to_contain_text(WORDS[GradCam.summary])
    view.root.get_by_text("이 기법에 대하여").click()
    expect(view.root).to_contain_text(WORDS[GradCam.when])
    expect(view.select("그래디언트 풀링").locator("option")).to_have_text(["평균", "최댓값", "합", "없음"])
    expect(view.root).to_contain_text("점수: 클래스 12개에 대한 소프트맥스")
    view.photograph(artefacts / "korean.png")
    before = view.request()
    view.select("그래디언트 풀링").select_option(label="최댓값")
    view.wait_for_next(before)
    assert lab.kernel.value("w.params['pooling']") == "max"


def test_the_language_can_be_changed_while_the_widget_is_open(show):
    lab = show(SCENE)
    view = lab.view().wait()
    expect(view.root).to_have_attribute("lang", "en")
    expect(view.root).to_contain_text(GradCam.summary)
    lab.kernel.run("w.locale = 'ko'")
    expect(view.root).to_have_attribute("lang", "ko")
    expect(view.root).to_contain_text(WORDS[GradCam.summary])
    expect(view.select("레이어")).to_be_visible()
    lab.kernel.run("w.locale = 'en'")
    expect(view.root).to_contain_text(GradCam.summary)
    expect(view.select("Layer")).to_be_visible()
    view.wait()


def test_without_a_setting_the_browsers_language_is_spoken(show, new_lab):
    new_lab.page.add_init_script(PREFERS)
    lab = show(SCENE)
    view = lab.view().wait()
    expect(view.root).to_have_attribute("lang", "ko")
    expect(view.root).to_contain_text(WORDS[GradCam.summary])


def test_a_korean_reader_is_shown_no_english_interface_first(show, new_lab):
    new_lab.page.add_init_script(BUTTONS)
    lab = show(KOREAN)
    lab.view().wait()
    said = lab.page.evaluate("() => [...window.said]")
    assert {"저장", "간단히", "자세히"} <= set(said)
    # Before the kernel has answered there is one button: the one that gives it up.
    assert [text for text in said if re.fullmatch("[A-Z][a-z …]+", text)] in ([], ["Cancel"])


def test_the_language_crosses_the_wire_once_a_view_and_only_where_it_is_wanted(show):
    lab = show(SCENE, "w")
    one, other = lab.view(0).wait(), lab.view(1).wait()
    for locale in ("ko", "en", "ko"):
        lab.kernel.run(f"w.locale = {locale!r}")
        for view in (one, other):
            expect(view.root).to_have_attribute("lang", locale)
    expect(one.select("레이어")).to_be_visible()
    expect(other.select("레이어")).to_be_visible()
    told = [frame.data.get("content", {}) for frame in lab.wire.comm(sent=False)]
    assert [content["locale"] for content in told if content.get("kind") == "words"] == ["ko"]


def test_a_language_that_cannot_be_read_leaves_an_english_widget_that_works(show, new_lab):
    warnings: list[str] = []
    new_lab.page.on("console", lambda message: warnings.append(message.text))
    torn = "from xai_widget.widget.translating import Words\nw.service(Words)._catalogues = {'ko': 'export {'}\nw"
    lab = show(KOREAN.removesuffix("w") + torn)
    view = lab.view().wait()
    expect(view.root).to_have_attribute("lang", "en")
    assert not re.search("[가-힣]", view.root.inner_text())
    assert len([text for text in warnings if "xai-widget speaks English" in text]) == 1
    view.choose_class("rocket")
    expect(view.caption()).to_contain_text("rocket")


@pytest.mark.parametrize("width", [480, 320])
def test_nothing_sticks_out_of_a_narrow_widget_in_korean(show, artefacts, width):
    lime = 'locale="ko", method="lime", params={"samples": 64}, transform='
    # However long it is expected to take on this machine, it runs.
    lab = show(THOUSAND.replace("transform=", lime).removesuffix("w") + "w.auto_runs = {'lime': True}\nw")
    view = lab.view().wait()
    lab.widen(view, width)
    view.photograph(artefacts / f"korean-{width}.png")
    assert view.root.evaluate(OVERFLOWS) == []


def test_cards_menus_forms_and_tools_have_no_english_words(show, artefacts):
    lab = show(KOREAN)
    view = lab.view().wait()
    methods = method_classes().values()
    names = [
        *(cls.cites for cls in methods),
        *sorted((cls.label for cls in methods), key=len, reverse=True),
        *lab.kernel.value(NAMES),
        *SEQUENTIAL,
        *DIVERGING,
        "Python",
    ]

    view.button("둘러보기…").click()
    expect(view.root.locator(".xai-card[data-method=rise]")).to_be_visible()
    assert in_english(view, names) == []
    view.button("닫기").click()
    view.root.get_by_text("이 기법에 대하여").click()
    assert in_english(view, names) == []

    view.button("저장").click()
    expect(view.root.get_by_role("dialog")).to_contain_text("PNG 저장")
    assert in_english(view, names) == []
    lab.page.keyboard.press("Escape")

    view.button("여럿 비교 …").click()
    form = view.root.locator("form")
    form.get_by_role("checkbox", name="Saliency", exact=True).check()
    expect(form.get_by_role("status")).to_contain_text("맵 1개")
    assert in_english(view, names) == []
    form.get_by_role("button", name="시작").click()
    expect(view.root.locator("[data-pin]")).to_have_count(1, timeout=PATIENCE_MS)
    view.wait()
    assert in_english(view, names) == []

    view.button("가리기").click()
    press(lab, view, [(20, 20), (44, 36)])
    expect(settled(view)).to_contain_text("%p")
    view.photograph(artefacts / "korean-covering.png")
    assert in_english(view, names) == []

    view.button("예상하기").click()
    expect(view.root).to_contain_text("맵을 숨겼습니다")
    assert in_english(view, names) == []


def test_the_unit_of_a_map_and_what_it_is_waiting_for_are_said_too(show):
    lab = show(KOREAN)
    view = lab.view().wait()
    unit = view.root.locator(".xai-unit")
    expect(unit).to_have_text("활성값 × 평균 그래디언트")
    view.choose("기법", "occlusion")
    expect(unit).to_have_text("로짓 감소량")
    before = view.request()
    lab.kernel.run("from xai_widget import Contrast\nw.target = Contrast('cat', 'rocket')")
    view.wait_for_next(before)
    expect(unit).to_have_text("로짓 차이 감소량")
    expect(view.caption()).to_contain_text("rocket 대신 cat")
    before = view.request()
    lab.kernel.run("w.auto_runs = {'rise': False}\nw.method = 'rise'")
    view.wait_for_next(before, "idle")
    expect(view.root.locator(".xai-status")).to_contain_text(re.compile("^.*약 [\\d.]+(ms|초|분): 실행을 누르세요"))
