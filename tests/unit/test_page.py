"""What the page is given to read: the bundle, a session, a result."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.zoo import CLASSES, SIDE, ZOO, picture
from xai_widget import page
from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.engine import Facts
from xai_widget.explainers import GradCam, Occlusion, build_method, method_classes
from xai_widget.inputs import read_input
from xai_widget.page import bundle, catalogues, result_payload, session_payload, wire_target
from xai_widget.session import Session
from xai_widget.targets import Contrast


def session_of(model: Any, img: Any = None) -> Session:
    return Session(model, [read_input(picture() if img is None else img, model)], Binding())


def attribution(values: Any, **more: Any) -> Attribution:
    array = np.array(values, np.float32)
    return Attribution(array, "occlusion", {"window": 4}, 1, "cat", None, array.shape, **more)


# -- the bundle -----------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package folder of one's own."""
    monkeypatch.setattr(page, "files", lambda _package: tmp_path)
    bundle.cache_clear()
    catalogues.cache_clear()
    yield tmp_path
    bundle.cache_clear()
    catalogues.cache_clear()


def test_the_bundle_is_text_and_is_read_once(elsewhere: Path) -> None:
    (elsewhere / "static").mkdir()
    (elsewhere / "static" / "widget.js").write_text("export default {}", "utf-8")
    (elsewhere / "static" / "widget.css").write_text(".xai-widget { opacity: 1 } /* ½ */", "utf-8")
    script, style = bundle()
    assert script == "export default {}"
    assert style.endswith("/* ½ */")
    assert bundle()[0] is script


@pytest.mark.parametrize("present", [[], ["widget.js"], ["widget.css"]])
def test_a_missing_bundle_is_told_with_what_to_do(elsewhere: Path, present: list[str]) -> None:
    (elsewhere / "static").mkdir()
    for name in present:
        (elsewhere / "static" / name).write_text("x", "utf-8")
    with pytest.raises(FileNotFoundError, match=r"never built.*pip install \..*make bundle"):
        bundle()


def test_another_language_is_the_text_of_a_module(elsewhere: Path) -> None:
    (elsewhere / "static").mkdir()
    (elsewhere / "static" / "ko.js").write_text("export const korean = '예측'", "utf-8")
    assert dict(catalogues()) == {"ko": "export const korean = '예측'"}


def test_a_language_that_was_not_built_is_told_with_what_to_do(elsewhere: Path) -> None:
    (elsewhere / "static").mkdir()
    with pytest.raises(FileNotFoundError, match=r"static/ko\.js.*never built.*make bundle"):
        catalogues()


def test_the_module_of_a_notebook_speaks_english_alone_and_its_languages_use_its_names() -> None:
    script, _ = bundle()
    assert "Waiting for its turn" in script
    assert not re.search("[가-힣]", script)
    assert "차례를 기다리는 중" in catalogues()["ko"]
    assert "차례를 기다리는 중" in bundle("offline")[0]
    # Long names are short in both, the same ones: what English says under one, Korean says under it too.
    (name,) = re.findall(r'([\w$]+):"Will stop when the running cell ends\."', script)
    assert f'{name}:"실행 중인 셀이 끝나면 중지됩니다."' in catalogues()["ko"]
    assert name != "stopsLater"


# -- a session ------------------------------------------------------------------------------------------------------


def test_picture_and_probabilities_travel_as_bytes() -> None:
    session = session_of(ZOO["plain"]())
    payload, (pixels, shares) = session_payload(session, 2, ["a", "b", "c"], [GradCam()])
    shown = np.frombuffer(pixels, np.uint8).reshape(payload["picture"]["shape"])
    assert np.array_equal(shown, session.inputs[0].picture)
    assert np.array_equal(np.frombuffer(shares, np.float32), session.probabilities[0])
    assert payload["probabilities"]["shape"] == [CLASSES]
    assert payload["index"] == 2
    assert payload["names"] == ["a", "b", "c"]
    assert payload["labels"] == list(session.labels)


def test_layers_stand_in_the_models_order_with_what_speaks_against_them() -> None:
    session = session_of(ZOO["plain"]())
    payload, _ = session_payload(session, 0, ["a"], [cls() for cls in method_classes().values()])
    assert [layer["name"] for layer in payload["layers"]] == [layer.name for layer in session.facts.layers]
    methods = {method["id"]: method for method in payload["methods"]}
    assert list(methods) == list(method_classes())
    for name, method in methods.items():
        expected = [build_method(name, {}).refuses_layer(layer, session.facts) for layer in session.facts.layers]
        assert method["layer_refusals"] == expected
    assert methods["grad_cam"]["default_layer"] == session.facts.default_layer
    assert methods["occlusion"]["default_layer"] is None
    assert methods["occlusion"]["uses_layer"] is False


def test_a_method_that_refuses_the_model_says_why_and_costs_nothing() -> None:
    payload, _ = session_payload(session_of(ZOO["flat head"]()), 0, ["a"], [cls() for cls in method_classes().values()])
    methods = {method["id"]: method for method in payload["methods"]}
    assert methods["cam"]["refusal"]
    assert methods["cam"]["cost"] == {"forwards": 0, "backwards": 0, "seconds": None}
    assert methods["grad_cam"]["refusal"] is None


def test_costs_are_told_before_a_run() -> None:
    session = session_of(ZOO["plain"]())
    payload, _ = session_payload(session, 0, ["a"], [Occlusion()])
    window, stride = (Occlusion().automatic(session.facts)[name] for name in ("window", "stride"))
    windows = len({*range(0, SIDE - window + 1, stride), SIDE - window}) ** 2
    assert payload["methods"][0]["cost"]["forwards"] == 1 + windows
    assert payload["methods"][0]["cost"]["seconds"] >= 0


def test_controls_come_from_the_methods_own_fields() -> None:
    session = session_of(ZOO["plain"]())
    payload, _ = session_payload(session, 0, ["a"], [Occlusion(), GradCam()])
    occlusion = {parameter["name"]: parameter for parameter in payload["methods"][0]["params"]}
    assert list(occlusion) == ["window", "stride", "fill", "score", "reduce", "edge"]
    assert occlusion["window"] == {
        "name": "window",
        "label": "Window",
        "help": "Side of the covered square, in pixels of the model's input.",
        "kind": "int",
        "default": None,
        "auto": round(SIDE / 7),
        "min": 1,
        "max": 256,
        "step": 1,
        "choices": None,
    }
    assert occlusion["score"]["kind"] == "choice"
    assert occlusion["score"]["choices"] == ["logit", "probability", "log_odds"]
    relu = next(parameter for parameter in payload["methods"][1]["params"] if parameter["name"] == "relu")
    # On, off and automatic are three states: a check box has two.
    assert (relu["kind"], relu["choices"]) == ("choice", [None, True, False])


# -- a result -------------------------------------------------------------------------------------------------------


def test_the_map_travels_as_raw_numbers_at_its_own_resolution() -> None:
    session = session_of(ZOO["plain"]())
    (found,) = next(session.run(GradCam(), [2]))
    payload, (buffer,) = result_payload(found, 1, "Grad-CAM")
    assert np.array_equal(np.frombuffer(buffer, np.float32).reshape(payload["shape"]), found.values)
    assert payload["shape"] == [8, 8]
    assert payload["session"] == 1
    assert payload["method"] == "grad_cam"
    assert payload["target"] == 2
    assert payload["layer"] == session.facts.default_layer
    assert payload["minimum"] == found.values.min()
    assert payload["maximum"] == found.values.max()
    assert payload["final"] is True


@pytest.mark.parametrize(("fraction", "final"), [(0.0, False), (0.999, False), (1.0, True)])
def test_a_partial_map_says_that_it_is_partial(fraction: float, final: bool) -> None:
    payload, _ = result_payload(attribution([[1.0]], meta={"fraction": fraction}), 0, "Occlusion")
    assert (payload["fraction"], payload["final"]) == (fraction, final)


@pytest.mark.parametrize(
    ("values", "meta", "expected"),
    [
        ([[0, 0]], {}, ["The map is zero everywhere."]),
        (
            [[0, 0]],
            {"relu": True, "no_gradient": ["blocks.4"]},
            ["The score does not depend on the positions of blocks.4: choose an earlier layer."],
        ),
        ([[0, 0]], {"relu": True}, ["The map is zero everywhere (everything was negative before the ReLU)."]),
        ([[0, 0]], {"fraction": 0.5}, []),
        ([[-1, 0]], {"fraction": 0.5}, []),
        ([[-1, 0]], {}, ["The map is negative everywhere: every place speaks against the target."]),
        ([[np.nan, 1]], {}, ["Some values are not finite; they are shown as zero."]),
        ([[1, 2]], {"fused": "finest grid"}, ["Several layers: finest grid."]),
        ([[-1, 2]], {}, []),
    ],
)
def test_a_map_with_something_to_note_says_so(values: Any, meta: dict[str, Any], expected: list[str]) -> None:
    assert result_payload(attribution(values, meta=meta), 0, "Occlusion")[0]["notes"] == expected


def test_several_layers_travel_as_a_list() -> None:
    found = Attribution(np.ones((2, 2), np.float32), "grad_cam", {}, 0, "cat", ("a", "b"), (2, 2))
    assert result_payload(found, 0, "Grad-CAM")[0]["layer"] == ["a", "b"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, None),
        (3, 3),
        (Contrast(1, 2), {"target": 1, "foil": 2}),
        (len, {"callable": "len"}),
        ("margin", {"callable": "margin"}),
        (Facts, {"callable": "Facts"}),
    ],
)
def test_a_target_in_json(target: Any, expected: Any) -> None:
    assert wire_target(target) == expected
