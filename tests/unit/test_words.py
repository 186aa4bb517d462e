"""The package's own texts in other languages: none is missing, none is left over, and a page is told them."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import product
from pathlib import Path

import ipywidgets
import pytest
from torch import Tensor

import xai_widget
from tests.recorded import Recorded, a_widget
from xai_widget.explainers import method_classes, parameters_of
from xai_widget.explainers.method import Explainer
from xai_widget.page import catalogues
from xai_widget.targets import Question
from xai_widget.widget.protocol import in_words
from xai_widget.words import language_of, languages, words_of

PACKAGE = Path(xai_widget.__file__).parent
STRINGS = PACKAGE.parent / "js" / "src" / "strings"
HOLE = re.compile(r"\{\d\}")
# What notes about the picture and the model begin with.
NOTES = ("Picture: ", "Preprocessing: ", "Labels: ", "Scores: ")
# What the page is told while it waits or works, and why it is not told more.
TOLD = (
    *(f"About {in_words(seconds)}: press Run" for seconds in (0.04, 4.2, 600)),
    "Press Run", "Waiting", "Done", "Failed", "Cancelled", "Stopping", "Nothing is running",
    "Comparing 1 of 3: Grad-CAM",
    "Grad-CAM has no maps of all layers from one pass. Choose a layer by its name.",
    "There is no finished heat map to find regions in. Run the method, then ask again.",
    "The model has changed since this heat map was made. Run the method again.",
)  # fmt: skip
# What a value is where the maps of several layers are fused.
FUSED = "share of each layer's maximum"
# The functions that say why not.
REFUSING = {"refuses", "refuses_layer", "_without_rectifiers"}
# Names that are the same in every language, because papers and code use them: rules, algorithms, symbols.
NAMES = {
    "ReLU", "ε", "γ", "α", "slic", "quickshift", "k_lasso",
    "epsilon_plus", "epsilon_plus_flat", "epsilon_alpha2_beta1", "epsilon_alpha2_beta1_flat", "epsilon_gamma_box",
    "epsilon", "gamma", "alpha_beta", "z_plus", "z_box", "w_square", "flat",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def texts_of(cls: type[Explainer]) -> Iterator[str]:
    """All that a page shows of a method in words, names aside."""
    yield from filter(None, (cls.summary, cls.when))
    for parameter in parameters_of(cls):
        shown = [] if parameter.kind == "array" else [parameter.about.label, parameter.about.help, *parameter.choices]
        for text in map(str, shown):
            if text and text not in NAMES and text not in method_classes():
                yield text


@cache
def sources() -> tuple[frozenset[str], frozenset[str]]:
    """The texts in the package's code; of those with values in them, the texts around the values."""
    plain, templates = set(), set()
    for path in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
        pieces = {id(part) for node in joined for part in node.values}
        for node in joined:
            parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            templates.add("".join(map(str, parts)))
        texts = (node for node in nodes if isinstance(node, ast.Constant) and id(node) not in pieces)
        plain.update(node.value for node in texts if isinstance(node.value, str))
    return frozenset(plain), frozenset(templates)


def is_told(text: str) -> bool:
    """Whether the package's code can say this text."""
    plain, templates = sources()
    if text in plain or any(text.startswith(one) and text[len(one) :] in plain for one in plain if len(one) > 20):
        return True
    # A template that is nearly all values would fit everything.
    known = (template.split("\0") for template in templates if len(template.replace("\0", "")) > 8)
    return any(re.fullmatch(".*".join(map(re.escape, parts)), text) for parts in known)


def key_of(words: Mapping[str, str], text: str) -> tuple[str, tuple[str, ...]] | None:
    """The key that a page finds for a text, and what stands in its holes."""
    if text in words:
        return text, ()
    for key in sorted(filter(HOLE.search, words), key=len, reverse=True):
        if found := re.fullmatch("(.+?)".join(map(re.escape, HOLE.split(key))), text, re.DOTALL):
            return key, found.groups()
    return None


def say(words: Mapping[str, str], text: str, *, within: bool = False) -> str:
    """The translation that a page finds; itself if it finds none."""
    found = key_of(words, text)
    if found is None:
        return text
    values = [say(words, value, within=True) if within else value for value in found[1]]
    return HOLE.sub(lambda hole: values[int(hole[0][1:-1])], words[found[0]])


def keys_within(words: Mapping[str, str], text: str) -> Iterator[str]:
    """All keys that a page finds for a text that is made of texts."""
    if found := key_of(words, text):
        yield found[0]
        for value in found[1]:
            yield from keys_within(words, value)


def units_of(cls: type[Explainer]) -> set[str]:
    """What a value of the method's maps can be, for every kind of question."""
    chosen = [parameter for parameter in parameters_of(cls) if parameter.choices]
    units = set()
    for values in product(*(parameter.choices for parameter in chosen)):
        with suppress(ValueError):  # a rule that does not go with another
            method = cls(**dict(zip((parameter.name for parameter in chosen), values, strict=True)))
            units.add(str(getattr(method, "unit", "")))
    questions = [Question("cat", 0), Question("cat rather than dog", 0, 1), Question("margin", function=_margin)]
    return {question.unit(unit) for question in questions for unit in units if unit}


def _margin(logits: Tensor) -> Tensor:
    return logits[:, 0]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", list(method_classes()))
def test_everything_that_a_method_says_of_itself_is_translated(language: str, name: str) -> None:
    words = words_of(language)
    assert [text for text in texts_of(method_classes()[name]) if text not in words] == []


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("name", list(method_classes()))
def test_what_a_value_is_has_no_english_words_left(language: str, name: str) -> None:
    words = words_of(language)
    labels = re.compile("|".join(re.escape(cls.label) for cls in method_classes().values()))
    units = units_of(method_classes()[name])
    assert units
    units.add(FUSED)
    assert [unit for unit in units if re.search("[A-Za-z]{2}", labels.sub("", say(words, unit, within=True)))] == []


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("text", TOLD)
def test_statuses_and_reasons_are_translated_with_the_times_in_them(language: str, text: str) -> None:
    assert is_told(text)
    said = say(words_of(language), text, within=True)
    assert said != text
    assert not re.search("[A-Za-z]{3}", said.replace("Grad-CAM", ""))


@pytest.mark.parametrize("language", languages())
def test_a_contrast_is_said_and_its_classes_keep_their_names(language: str) -> None:
    said = say(words_of(language), Question("zero rather than noise", 0, 1).label)
    assert said != "zero rather than noise"
    assert "zero" in said
    assert "noise" in said


@pytest.mark.parametrize("language", languages())
def test_notes_about_picture_and_model_are_translated(language: str) -> None:
    words = words_of(language)
    plain, templates = sources()
    filled = {template: [template.replace("\0", value) for value in ("", "7", "already probabilities", "the first")]
              for template in templates}  # fmt: skip
    notes = {text: [text] for text in plain} | filled
    told = {text: forms for text, forms in notes.items() if text.startswith(NOTES) and len(text) > 16}
    assert len(told) > 12
    assert [text for text, forms in told.items() if all(say(words, form) == form for form in forms)] == []


@pytest.mark.parametrize("language", languages())
def test_reasons_for_refusing_a_model_or_a_layer_are_translated(language: str) -> None:
    reasons = set()
    for path in (PACKAGE / "explainers").glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef) and function.name in REFUSING:
                joined = (node for node in ast.walk(function) if isinstance(node, ast.JoinedStr))
                reasons |= {"".join(getattr(part, "value", "") if isinstance(part, ast.Constant) else "Net"
                            for part in node.values) for node in joined}  # fmt: skip
    assert len(reasons) > 12
    assert [text for text in reasons if say(words_of(language), text) == text] == []


@pytest.mark.parametrize("language", languages())
def test_no_translation_is_left_over(language: str) -> None:
    used = {text for cls in method_classes().values() for text in texts_of(cls)}
    words = words_of(language)
    composed = [*TOLD, *(unit for cls in method_classes().values() for unit in units_of(cls))]
    used |= {key for text in composed for key in keys_within(words, text)}
    assert [text for text in words if text not in used and not is_told(text)] == []


@pytest.mark.parametrize("language", languages())
def test_translations_keep_the_values_and_are_sorted(language: str) -> None:
    text = (PACKAGE / "words" / f"{language}.json").read_text("utf-8")
    words = json.loads(text)
    assert text == json.dumps(dict(sorted(words.items())), ensure_ascii=False, indent=2) + "\n"
    assert {key for key in words if sorted(HOLE.findall(key)) != sorted(HOLE.findall(words[key]))} == set()
    assert {key for key, value in words.items() if value == key or value.strip() != value or not value} == set()


@pytest.mark.parametrize("language", languages())
def test_the_choices_of_a_parameter_stay_apart(language: str) -> None:
    for cls in method_classes().values():
        for parameter in parameters_of(cls):
            said = [say(words_of(language), str(choice)) for choice in parameter.choices]
            assert len(set(said)) == len(said), (cls.id, parameter.name)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("ko", "ko"), ("ko-KR", "ko"), ("KO_kr", "ko"), ("en", None), ("en-GB", None), ("tlh", None), ("", None)],
)
def test_a_locale_means_a_language(locale: str, language: str | None) -> None:
    assert language_of(locale) == language


# -- telling a page -------------------------------------------------------------------------------------------------


def test_page_and_package_speak_the_same_languages() -> None:
    folders = {folder.name for folder in STRINGS.iterdir() if folder.is_dir()}
    assert folders == {"en", *languages()}
    (listed,) = re.findall(r"LANGUAGES = \[(.*?)\] as const", (STRINGS / "index.ts").read_text("utf-8"))
    assert set(re.findall(r'"(\w+)"', listed)) == folders
    assert set(catalogues()) == set(languages())


def greeted(w: Recorded, language: str) -> list[str]:
    """Say hello from a browser of a language; returns the languages of the catalogues that were told."""
    w.sent.clear()
    w.hear({"kind": "hello", "request_id": "page-1", "language": language})
    return [message["locale"] for message in w.customs("words")]


def test_a_page_is_told_the_words_of_its_browsers_language() -> None:
    w = a_widget(auto_run=False)
    assert greeted(w, "ko-KR") == ["ko"]
    (message,) = w.customs("words")
    assert message["words"] == dict(words_of("ko"))
    assert message["catalogue"] == catalogues()["ko"]
    assert "export{" in message["catalogue"]
    assert message["request_id"] is None
    assert greeted(w, "en-US") == []
    assert greeted(w, "") == []


def test_the_setting_counts_more_than_the_browser() -> None:
    assert greeted(a_widget(auto_run=False, locale="ko"), "en-US") == ["ko"]
    assert greeted(a_widget(auto_run=False, locale="en"), "ko-KR") == []
    assert greeted(a_widget(auto_run=False, locale="tlh"), "ko-KR") == []


def test_another_setting_brings_other_words_to_a_page_that_is_there() -> None:
    w = a_widget(auto_run=False)
    w.locale = "ko"
    assert w.customs("words") == []
    assert greeted(w, "en-US") == ["ko"]
    w.locale = None
    assert greeted(w, "en-US") == []
    w.locale = "ko-KR"
    assert [message["locale"] for message in w.customs("words")] == ["ko"]


def test_a_page_is_told_before_it_is_shown_anything() -> None:
    w = a_widget(auto_run=False, locale="ko")
    greeted(w, "")
    kinds = [msg["content"]["kind"] for msg, _ in w.sent if msg["method"] == "custom"]
    assert kinds[:2] == ["words", "session"]


def test_a_setting_that_goes_to_and_fro_is_told_once_a_view() -> None:
    w = a_widget(auto_run=False)
    assert greeted(w, "en") == []
    for locale in ("ko", "en", "ko-KR", None, "ko"):
        w.locale = locale
    assert [message["locale"] for message in w.customs("words")] == ["ko"]
    # A page that comes later has heard nothing of it.
    assert greeted(w, "en") == ["ko"]
    w.locale = "en"
    w.locale = "ko"
    assert len(w.customs("words")) == 1


def test_a_setting_that_is_taken_back_leaves_every_page_its_browsers_language() -> None:
    w = a_widget(auto_run=False, locale="en")
    assert greeted(w, "ko-KR") == []
    assert greeted(w, "en-US") == []
    w.locale = None
    assert [message["locale"] for message in w.customs("words")] == ["ko"]


def test_a_saved_page_carries_the_words_that_its_readers_may_need() -> None:
    def kept(w: Recorded) -> list[str]:
        news = [payload for service in w.services for payload, _ in service.keepsakes({}) if payload["kind"] == "words"]
        # Its own words such a page has within.
        assert {payload["catalogue"] for payload in news} <= {None}
        return [payload["locale"] for payload in news]

    assert kept(a_widget(auto_run=False)) == list(languages())
    assert kept(a_widget(auto_run=False, locale="ko-KR")) == ["ko"]
    assert kept(a_widget(auto_run=False, locale="en")) == []
