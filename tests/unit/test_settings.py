"""A widget's settings, from Python and from the page: taken, refused, and as they travel."""

import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
from torch import Tensor

from tests.recorded import SOON, Gated, a_widget
from tests.zoo import CLASSES, ZOO
from xai_widget import Contrast
from xai_widget.view import DEFAULT_VIEW


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


# -- settings from Python -------------------------------------------------------------------------------------------

REFUSED = [
    pytest.param("method", "grad_kam", ValueError, r"Unknown method 'grad_kam'.*'grad_cam'", id="unknown method"),
    pytest.param("params", {"windou": 3}, ValueError, r"no parameter 'windou'.*'window'", id="unknown parameter"),
    pytest.param(
        "params", {"window": -3}, ValueError, r"'window' must be a number in 1 ... 256.*-3", id="out of range"
    ),
    pytest.param("params", {"window": "wide"}, TypeError, r"'window' must be .*'wide'", id="a word for a number"),
    pytest.param("params", [3], TypeError, r"params must be a mapping.*list", id="no mapping"),
    pytest.param("target", "dgo", ValueError, r"no class 'dgo'.*'dog'", id="unknown label"),
    pytest.param("target", CLASSES, ValueError, r"5 is out of range.*0 to 4", id="no such index"),
    pytest.param("target", 1.5, TypeError, r"cannot be 1.5", id="half a class"),
    pytest.param("target", Contrast("cat", "cat"), ValueError, r"against itself", id="contrast with itself"),
    pytest.param("active", 1, ValueError, r"active must be 0 ... 0, got 1", id="no such session"),
    pytest.param("view", {"opacity": 3}, ValueError, r"opacity.*3", id="opacity of 3"),
    pytest.param("view", {"opaciti": 1}, ValueError, r"opaciti.*opacity", id="unknown display setting"),
    pytest.param("controls", ["methods"], ValueError, r"Unknown control 'methods'.*predictions", id="unknown control"),
    pytest.param("controls", "method", TypeError, r"controls must be a list", id="a word for a list"),
    pytest.param("locale", 82, TypeError, r"locale must be a language.*82", id="a number for a language"),
]


@pytest.mark.parametrize(("name", "value", "kind", "message"), REFUSED)
def test_a_setting_that_cannot_be_used_is_refused_and_nothing_changes(
    name: str, value: Any, kind: type[Exception], message: str
) -> None:
    w = a_widget(method="occlusion", params={"window": 4}, target="fox", view={"opacity": 0.2})
    before = {
        trait: getattr(w, trait) for trait in ("method", "params", "target", "layer", "active", "view", "controls")
    }
    w.sent.clear()
    with pytest.raises(kind, match=message):
        setattr(w, name, value)
    assert {trait: getattr(w, trait) for trait in before} == before
    assert not w.sent


@pytest.mark.parametrize(
    ("name", "value", "kind", "message"), [case for case in REFUSED if case.id != "no such session"]
)
def test_the_same_is_refused_when_a_widget_is_made_and_none_is_left_behind(
    name: str, value: Any, kind: type[Exception], message: str
) -> None:
    before = set(ipywidgets.widgets.widget._instances)
    with pytest.raises(kind, match=message):
        a_widget(**{"method": "occlusion", name: value})
    assert set(ipywidgets.widgets.widget._instances) == before


def test_a_method_that_refuses_the_model_is_told_when_the_widget_is_made() -> None:
    before = set(ipywidgets.widgets.widget._instances)
    with pytest.raises(ValueError, match="CAM"):
        a_widget(ZOO["flat head"](), method="cam")
    assert set(ipywidgets.widgets.widget._instances) == before


def test_an_unknown_layer_is_refused_with_its_neighbours() -> None:
    w = a_widget()
    with pytest.raises(ValueError, match=r"Layer 'conv3' not found.*'conv"):
        w.layer = "conv3"
    assert w.layer is None


def test_layers_are_held_by_their_names() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, layer=model.conv2)
    assert w.layer == "conv2"
    w.layer = ("conv1", "conv2")
    assert w.layer == ["conv1", "conv2"]
    assert w.explain().layer == ("conv1", "conv2")


def test_parameters_cannot_be_changed_in_place() -> None:
    given = {"window": 4}
    w = a_widget(method="occlusion", params=given)
    with pytest.raises(TypeError):
        w.params["window"] = 8
    given["window"] = 8
    assert dict(w.params) == {"window": 4}
    w.params = {"window": 6.0}
    assert w.explain().params["window"] == 6


def test_another_method_drops_parameters_that_are_not_its_own() -> None:
    w = a_widget(method="grad_cam", params={"relu": False})
    w.method = "occlusion"
    assert dict(w.params) == {}
    assert w.states()["params"] == {}
    w.params = {"window": 4}
    w.method = "saliency"
    assert dict(w.params) == {}


@pytest.mark.parametrize(
    ("target", "wire", "label"),
    [
        (None, None, None),
        (2, 2, "fox"),
        ("fox", 2, "fox"),
        (np.int64(2), 2, "fox"),
        (Contrast("fox", "cat"), {"target": 2, "foil": 0}, "fox rather than cat"),
        (Contrast(2, 0), {"target": 2, "foil": 0}, "fox rather than cat"),
    ],
)
def test_a_target_is_kept_as_given_and_travels_as_indices(target: Any, wire: Any, label: str | None) -> None:
    w = a_widget(target=target)
    assert w.target == target
    assert w.get_state("target") == {"target": wire}
    assert w.explain().label == (label or w.predictions[0][1])


def test_a_function_as_target_travels_by_its_name() -> None:
    def margin(logits: Tensor) -> Tensor:
        return logits[:, 2] - logits[:, 0]

    w = a_widget(target=margin)
    assert w.get_state("target") == {"target": {"callable": "margin"}}
    contrast = a_widget(target=Contrast(2, 0)).explain()
    plain = a_widget(target=margin, params={"relu": False}).explain()
    assert plain.label == "margin"
    assert plain.values == pytest.approx(contrast.values, abs=1e-6)


def test_the_view_is_filled_up_with_defaults_and_starts_no_run() -> None:
    w = a_widget(view={"opacity": 0.2})
    assert w.view == {**DEFAULT_VIEW, "opacity": 0.2}
    w.explain()
    w.sent.clear()
    w.view = {**w.view, "mode": "map"}
    assert w.view["mode"] == "map"
    assert w.asker.job is None
    assert [msg["state"].keys() for msg, _ in w.sent] == [{"view"}]


def test_only_the_offered_methods_can_be_chosen() -> None:
    w = a_widget(methods=["occlusion", "saliency"])
    assert w.method == "occlusion"
    with pytest.raises(ValueError, match="'grad_cam' is not among those offered here: occlusion, saliency"):
        w.method = "grad_cam"
    w.hear({"kind": "hello", "request_id": "h"})
    (session,) = w.customs("session")
    assert [method["id"] for method in session["session"]["methods"]] == ["occlusion", "saliency"]
    w.settle()


@pytest.mark.parametrize("methods", ["occlusion", [], ["occlussion"]])
def test_methods_are_a_list_of_known_ids(methods: Any) -> None:
    with pytest.raises(ValueError, match="occlusion"):
        a_widget(methods=methods)


def test_without_a_named_method_the_first_that_works_is_chosen() -> None:
    assert a_widget().method == "grad_cam"
    assert a_widget(Gated()).method == "occlusion"


def test_controls_travel_as_a_list() -> None:
    assert a_widget(controls=("method", "layer")).get_state("controls") == {"controls": ["method", "layer"]}


# -- settings from the page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"params": {"window": -3}},
        {"method": "saliency", "params": {"window": 3}},
        {"method": "nonsense", "params": {}},
        {"method": 5},
        {"target": 99},
        {"target": {"foil": 1}},
        {"target": {"callable": "margin"}},
        {"layer": "no.such.layer", "method": "grad_cam", "params": {}},
        {"active": 7},
        {"active": "one"},
        {"view": {"opacity": -1}},
        {"controls": ["nothing"]},
        {"status": {"state": "done"}},
        {"target": 1, "params": {"window": 0}},
    ],
    ids=str,
)
def test_a_page_is_told_of_a_refusal_and_gets_the_old_settings_back(change: dict[str, Any]) -> None:
    w = a_widget(method="occlusion", params={"window": 4}, target=2)
    before = {name: w.get_state(name)[name] for name in (*change, "method", "params", "target", "layer", "active")}
    w.sent.clear()
    w.set_state(change)
    (error,) = w.customs("error")
    assert error["request_id"] is None
    assert error["error"]["title"]
    assert {name: w.states()[name] for name in change} == {name: before[name] for name in change}
    assert {name: w.get_state(name)[name] for name in before} == before
    assert w.asker.job is None
    assert w.explain().label == "fox"


def test_a_page_changes_method_and_parameters_in_one_go() -> None:
    w = a_widget(method="grad_cam", params={"relu": False})
    w.set_state({"method": "occlusion", "params": {"window": 4}, "target": {"target": 1, "foil": 0}})
    assert (w.method, dict(w.params), w.target) == ("occlusion", {"window": 4}, Contrast(1, 0))
    assert not w.customs("error")
    assert w.explain().label == "dog rather than cat"


def test_a_setting_from_the_page_and_a_run_that_reports_do_not_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The page's thread changes a trait and starts a run, which is news; the worker tells news and changes a trait.
    model = Gated()
    w = a_widget(model, method="occlusion")
    tell, ask, telling = w.report_status, w.asker.ask, threading.Event()

    def told(news: Any) -> None:
        telling.set()
        tell(news)

    def asked(*args: Any) -> Any:
        model.gate.set()
        monkeypatch.setattr(w, "report_status", told)
        telling.wait(0.3)  # were the worker not kept out, it would now hold what the next line needs
        return ask(*args)

    model.gate.clear()
    w.hear({"kind": "run", "request_id": "r0"})
    assert model.asked.wait(SOON)
    monkeypatch.setattr(w.asker, "ask", asked)
    page = threading.Thread(target=w.set_state, args=({"target": 1},), daemon=True)
    page.start()
    page.join(SOON)
    assert not page.is_alive()
    w.settle()
    assert w.status["state"] == "done"
    assert w.attribution is not None
    assert w.attribution.target == 1


# -- what the page is told of the method ------------------------------------------------------------------------------


def test_a_changed_parameter_tells_the_page_what_the_run_will_cost() -> None:
    w = a_widget(method="occlusion", auto_run=False)
    w.params = {"window": 8, "stride": 8}
    told = w.customs("method")[-1]
    assert told["session"] == 0
    assert told["method"]["described"]["window"] == 8
    assert told["method"]["cost"]["forwards"] == 1 + 2 * 2


def test_a_method_around_another_one_reads_a_layer_if_that_one_does() -> None:
    w = a_widget(method="noise_tunnel", auto_run=False)
    assert w.customs("method") == []
    w.params = {"of": "grad_cam"}
    assert w.customs("method")[-1]["method"]["uses_layer"] is True
    w.params = {"of": "saliency"}
    assert w.customs("method")[-1]["method"]["uses_layer"] is False


def test_a_new_page_is_told_of_the_method_with_its_present_parameters() -> None:
    w = a_widget(method="noise_tunnel", params={"of": "grad_cam"}, auto_run=False)
    w.hear({"kind": "hello", "request_id": "a"})
    methods = {method["id"]: method for method in w.customs("session")[-1]["session"]["methods"]}
    assert methods["noise_tunnel"]["described"]["of"] == "grad_cam"
    assert methods["noise_tunnel"]["uses_layer"] is True
    assert methods["occlusion"]["described"]["window"] is None


def test_an_array_stays_in_the_kernel_while_the_page_changes_something_else() -> None:
    labels = np.arange(256).reshape(16, 16) // 32
    w = a_widget(method="lime", params={"segments": labels, "samples": 16}, auto_run=False)
    shown = w.get_state("params")["params"]
    assert shown == {"segments": {"array": "array of shape 16x16, int64"}, "samples": 16}
    w.set_state({"params": {**shown, "samples": 24}})
    assert w.params["samples"] == 24
    assert np.array_equal(w.params["segments"].values, labels)
