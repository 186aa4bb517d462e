"""The page that `to_html` writes: one file that holds everything which was computed."""

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch

from tests.recorded import Gated, Recorded, a_widget
from tests.zoo import SIDE, ZOO, picture
from xai_widget import Contrast, from_attribution
from xai_widget.offline_page import DENSE, offline_page
from xai_widget.page import Message, bundle, result_payload
from xai_widget.widget.asking import Key
from xai_widget.widget.service import Service

LIMIT = 2_000_000
LOADING = {"src", "href", "srcset", "data", "action", "poster"}


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


class Page(HTMLParser):
    """A page as a browser takes it apart: elements, and the text of scripts, styles and titles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.last = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.last = dict(attrs).get("id") or tag

    def handle_data(self, data: str) -> None:
        self.texts[self.last] = self.texts.get(self.last, "") + data

    @property
    def state(self) -> Any:
        return json.loads(self.texts["xai-data"])


def saved(w: Recorded, folder: Path) -> Page:
    return Page(w.to_html(folder / "page.html").read_text("utf-8"))


def unpacked(packed: dict[str, Any]) -> np.ndarray[Any, Any]:
    data = zlib.decompress(base64.b64decode(packed["data"]))
    numbers = np.frombuffer(data, packed["dtype"])
    return np.ldexp(numbers.astype(np.float64), packed["exponent"]) if packed["dtype"] == "float16" else numbers


# -- what it holds --------------------------------------------------------------------------------------------------


def test_every_finished_map_is_there_with_its_numbers_and_its_question(tmp_path: Path) -> None:
    w = a_widget(auto_run=False, target=2)
    w.explain()
    w.target = Contrast("dog", "cat")
    w.explain()
    w.method, w.params, w.target = "occlusion", {"window": 4}, None
    w.explain()
    state = saved(w, tmp_path).state
    assert len(state["maps"]) == len(w.attributions) == 3
    for each, attribution in zip(state["maps"], w.attributions, strict=True):
        assert np.array_equal(unpacked(each["buffers"][0]).reshape(each["content"]["shape"]), attribution.values)
        assert each["content"]["layer"] == attribution.layer
        assert each["content"]["target_label"] == attribution.label
    assert [each["content"]["target"] for each in state["maps"][:2]] == [2, {"target": 1, "foil": 0}]
    assert state["maps"][2]["content"]["params"]["window"] == 4


def test_picture_predictions_and_settings_are_there(tmp_path: Path) -> None:
    w = a_widget(target=Contrast(1, 2), params={"relu": True}, view={"opacity": 0.8}, controls=["method"])
    state = saved(w, tmp_path).state
    (session,) = state["sessions"]
    pixels, shares = (unpacked(packed) for packed in session["buffers"])
    assert np.array_equal(pixels.reshape(session["content"]["picture"]["shape"]), w.session.inputs[0].picture)
    assert np.array_equal(shares, w.session.probabilities[0])
    assert session["predicted"] == w.predictions[0][0]
    assert session["content"]["labels"] == list(w.session.labels)
    assert state["settings"] == {
        "method": "grad_cam",
        "params": {"relu": True},
        "target": {"target": 1, "foil": 2},
        "layer": None,
        "active": 0,
        "view": dict(w.view),
        "controls": ["method"],
        "locale": None,
        "auto_runs": {},
        "expert": True,
        "pins": [],
    }


def test_every_picture_of_a_gallery_is_there_with_its_own_maps(tmp_path: Path) -> None:
    w = a_widget(img=[picture(0), picture(1), picture(2)], auto_run=False)
    for index in (2, 0):
        w.active = index
        w.explain()
    state = saved(w, tmp_path).state
    assert [session["content"]["index"] for session in state["sessions"]] == [0, 1, 2]
    assert [each["content"]["session"] for each in state["maps"]] == [2, 0]


def test_a_map_from_elsewhere_can_be_saved_too(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    w = from_attribution(np.full((8, 8, 3), 90, np.uint8), values, label="made elsewhere")
    state = Page(w.to_html(tmp_path / "given.html").read_text("utf-8")).state
    assert np.array_equal(unpacked(state["maps"][0]["buffers"][0]).reshape(3, 4), values)
    assert state["maps"][0]["content"]["target_label"] == "made elsewhere"


def test_large_maps_keep_three_digits_over_eight_powers_of_ten_and_small_ones_all() -> None:
    generator = np.random.default_rng(0)
    large = (generator.normal(size=DENSE + 1) * 10.0 ** generator.uniform(-7, 0, DENSE + 1)).astype(np.float32)
    large[:3] = np.nan, np.inf, -np.inf
    for scale in (1e-28, 1.0, 1e30):
        maps = [({}, [(large * np.float32(scale)).data]), ({}, [(large[:DENSE] * np.float32(scale)).data])]
        state = Page(offline_page("t", {}, [], maps, None)).state
        dense, plain = (each["buffers"][0] for each in state["maps"])
        assert (dense["dtype"], plain["dtype"]) == ("float16", "float32")
        assert unpacked(dense) == pytest.approx(
            large.astype(np.float64) * scale, rel=6e-4, abs=6e-12 * scale, nan_ok=True
        )
        assert np.array_equal(unpacked(plain), large[:DENSE] * np.float32(scale), equal_nan=True)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_large_map_of_nothing_is_kept(value: float) -> None:
    state = Page(offline_page("t", {}, [], [({}, [np.full(DENSE + 1, value, np.float32).data])], None)).state
    assert np.array_equal(unpacked(state["maps"][0]["buffers"][0]), np.full(DENSE + 1, value), equal_nan=True)


# -- what else a kernel would tell ----------------------------------------------------------------------------------


class Keeper(Service):
    """Keeps the places of all maps, one map under another name, and some bytes of its own."""

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        found = next(iter(self.widget.asker.finished.values()))
        payload, buffers = result_payload(found, 0, "Grad-CAM")
        own = np.arange(DENSE + 1, dtype=np.float32).data
        targets = {str(target): place for (_, _, target, _), place in places.items()}
        return [
            ({"kind": "pinned", "pin": 7, "result": payload}, buffers),
            ({"kind": "places", "of": targets}, [own, memoryview(b"PNG")]),
        ]


class Keeping(Recorded):
    _offers = (Keeper,)


def test_services_leave_messages_that_name_maps_by_their_place_and_no_buffer_is_kept_twice(tmp_path: Path) -> None:
    w = Keeping(ZOO["plain"](), picture(), target=2)
    w.explain()
    w.target = 1
    state = saved(w, tmp_path).state
    pinned, own = state["news"]
    assert pinned["content"]["pin"] == 7
    assert pinned["buffers"] == [{"within": "maps", "at": 0, "buffer": 0}]
    assert own["content"]["of"] == {"2": 0, "1": 1}
    assert unpacked(own["buffers"][0]) == pytest.approx(np.arange(DENSE + 1), rel=6e-4)
    assert own["buffers"][0]["dtype"] == "float16"
    assert unpacked(own["buffers"][1]).tobytes() == b"PNG"


def test_the_error_of_every_value_is_kept_beside_the_map(tmp_path: Path) -> None:
    w = a_widget(method="rise", params={"samples": 40})
    found = w.explain()
    (carried,) = saved(w, tmp_path).state["maps"]
    assert carried["content"]["has_error"]
    assert found.error is not None
    assert unpacked(carried["buffers"][1]) == pytest.approx(found.error.ravel(), rel=6e-4)


def test_how_much_is_shown_and_the_language_travel(tmp_path: Path) -> None:
    page = saved(a_widget(expert=False, locale="ko"), tmp_path)
    assert page.state["settings"]["expert"] is False
    assert page.elements[0] == ("html", {"lang": "ko"})


# -- when it explains -----------------------------------------------------------------------------------------------


def test_what_was_not_explained_yet_is_explained_first(tmp_path: Path) -> None:
    w = a_widget(auto_run=False)
    state = saved(w, tmp_path).state
    assert len(state["maps"]) == 1
    assert state["shown"] == 0
    assert w.status["state"] == "done"


def test_what_is_known_is_not_computed_again(tmp_path: Path) -> None:
    w = a_widget(target=1)
    w.explain()
    w.target = 2
    w.settle()
    w.target = 1
    w.settle()
    w.sent.clear()
    state = saved(w, tmp_path).state
    assert not w.customs("result")
    assert len(state["maps"]) == 2
    assert state["maps"][state["shown"]]["content"]["target"] == 1


def test_settings_that_nobody_ran_are_not_run_without_auto_run(tmp_path: Path) -> None:
    w = a_widget(target=1, auto_run=False)
    w.explain()
    w.method = "occlusion"
    state = saved(w, tmp_path).state
    assert [each["content"]["method"] for each in state["maps"]] == ["grad_cam"]
    assert state["shown"] is None


def test_the_map_that_is_shown_is_told_apart_from_one_with_the_same_name(tmp_path: Path) -> None:
    first, second = (lambda logits: logits[:, 0]), (lambda logits: logits[:, 1])
    w = a_widget(target=first, auto_run=False)
    for target in (first, second, first):
        w.target = target
        w.explain()
    w.auto_run = True
    state = saved(w, tmp_path).state
    assert [each["content"]["target"] for each in state["maps"]] == [{"callable": "<lambda>"}] * 2
    assert state["shown"] == 1  # asked for last


def test_a_failing_run_is_raised_and_writes_nothing(tmp_path: Path) -> None:
    model = Gated()
    w = a_widget(model)
    model.fails = True
    with pytest.raises(ArithmeticError, match="out of order"):
        w.to_html(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


# -- the file -------------------------------------------------------------------------------------------------------


def test_the_path_is_returned_and_must_be_a_page(tmp_path: Path) -> None:
    w = a_widget(auto_run=False)
    with pytest.raises(ValueError, match=r"ends in \.html, got 'map\.png'"):
        w.to_html("map.png")
    assert not w.attributions
    assert w.to_html(str(tmp_path / "cat.HTML")) == tmp_path / "cat.HTML"


def test_the_same_state_gives_the_same_file(tmp_path: Path) -> None:
    w = a_widget()
    first = w.to_html(tmp_path / "first.html").read_bytes()
    assert w.to_html(tmp_path / "second.html").read_bytes() == first
    w.view = {"opacity": 0.1}
    assert w.to_html(tmp_path / "third.html").read_bytes() != first


def test_a_page_names_its_language_and_what_it_shows(tmp_path: Path) -> None:
    page = saved(a_widget(), tmp_path)
    assert page.elements[0] == ("html", {"lang": "en"})
    assert page.texts["title"].strip() == "Plain: image – xai-widget"
    assert ("meta", {"charset": "utf-8"}) in page.elements


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    page = saved(a_widget(), tmp_path)
    loaded = [(tag, name, value) for tag, attrs in page.elements for name, value in attrs.items() if name in LOADING]
    assert loaded == [("link", "href", "data:,")]
    (policy,) = [attrs["content"] for _, attrs in page.elements if attrs.get("http-equiv")]
    assert policy == "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
    assert not re.findall(r"url\(|@import", page.texts["style"])
    # Names of XML vocabularies look like addresses, and are never fetched.
    addresses = set(re.findall(r"https?://[\w./-]+", page.texts["script"]))
    assert {address for address in addresses if not address.startswith("http://www.w3.org/")} == set()


def test_one_photo_and_ten_maps_of_noise_fit_into_two_megabytes() -> None:
    generator = np.random.default_rng(0)
    maps = [({}, [generator.normal(size=(224, 224)).astype(np.float32).data]) for _ in range(10)]
    photo = generator.integers(0, 256, (224, 224, 3), np.uint8).data
    assert len(offline_page("t", {}, [(({}, [photo]), 0)], maps, 0).encode()) <= LIMIT


def test_text_that_looks_like_markup_stays_text(tmp_path: Path) -> None:
    label = "</script><script>alert(1)</script><!-- & $data"
    torch.manual_seed(0)
    w = a_widget(ZOO["plain"](), labels=[label, "dog", "fox", "owl", "ant"])
    page = saved(w, tmp_path)
    assert page.state["sessions"][0]["content"]["labels"][0] == label
    assert [tag for tag, _ in page.elements].count("script") == 2
    titled = Page(offline_page("a < b & </title>", {}, [], [], None))
    assert titled.texts["h1"].strip() == "a < b & </title>"


def test_a_bundle_that_mentions_its_own_end_does_not_end_there(monkeypatch: pytest.MonkeyPatch) -> None:
    script, style = 'a = "</SCRIPT><!--<script>"; b();', 'i::after { content: "</style>" }'
    monkeypatch.setattr("xai_widget.offline_page.bundle", lambda _name: (script, style))
    page = Page(offline_page("t", {}, [], [], None))
    assert page.texts["script"].strip() == r'a = "<\/SCRIPT><\!--<script>"; b();'
    assert page.texts["style"].strip() == r'i::after { content: "<\/style>" }'


def test_the_script_is_a_bundle_of_its_own(tmp_path: Path) -> None:
    script, _ = bundle("offline")
    assert bundle("widget")[0] != script
    assert len(bundle("widget")[0].encode()) <= 180_000
    page = saved(a_widget(img=torch.zeros(3, SIDE, SIDE)), tmp_path)
    assert len(page.texts["script"]) >= len(script)
    assert "export" not in script[-200:]
