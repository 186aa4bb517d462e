"""The interface in another language: the page's own words and the kernel's, by setting and by browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.scenes import SCENE, THOUSAND
from tests.browser.test_manners import OVERFLOWS
from xai_widget.explainers.grad_cam import GradCam
from xai_widget.words import words_of

KOREAN = SCENE.replace('target="cat"', 'target="cat", locale="ko"')
WORDS = words_of("ko")
# What a browser that prefers another language says of itself.
PREFERS = "Object.defineProperty(navigator, 'languages', { get: () => ['ko-KR', 'en-US'] });"


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


@pytest.mark.parametrize("width", [480, 320])
def test_nothing_sticks_out_of_a_narrow_widget_in_korean(show, artefacts, width):
    lab = show(THOUSAND.replace("transform=", 'locale="ko", method="lime", transform='))
    view = lab.view().wait()
    lab.widen(view, width)
    view.photograph(artefacts / f"korean-{width}.png")
    assert view.root.evaluate(OVERFLOWS) == []
