"""XaiWidget without a kernel: settings, results, the stored picture, and letting go."""

import gc
import io
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.zoo import CLASSES, SIDE, ZOO, Volumetric, picture, seeded
from xai_widget import Contrast, XaiWidget, explain
from xai_widget.render import DEFAULT_VIEW, overlay
from xai_widget.widget import xai_widget as module

SOON = 10.0  # seconds; nothing here waits that long unless it is broken
LABELS = ["cat", "dog", "fox", "owl", "ant"]
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"


class Recorded(XaiWidget):
    """A widget that keeps what it sends to the page."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.sent: list[tuple[dict[str, Any], Any]] = []
        super().__init__(*args, **settings)

    def _send(self, msg: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append((msg, buffers))

    def customs(self, kind: str) -> list[dict[str, Any]]:
        messages = [msg["content"] for msg, _ in self.sent if msg["method"] == "custom"]
        return [content for content in messages if content["kind"] == kind]

    def states(self) -> dict[str, Any]:
        """The last value of each trait that was sent (echoes aside)."""
        last: dict[str, Any] = {}
        for msg, _ in self.sent:
            if msg["method"] == "update":
                last.update(msg["state"])
        return last

    def hear(self, content: Any) -> None:
        """Take a message of the page's own."""
        self._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def settle(self) -> None:
        """Wait until nothing runs."""
        while (job := self._asker.job) is not None:
            assert job.ended.wait(SOON)
            thread = self._asker._worker._thread
            if thread is not None:
                thread.join(0.01)


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def a_widget(model: Any = None, img: Any = None, **settings: Any) -> Recorded:
    settings = {"labels": LABELS, **settings}
    return Recorded(ZOO["plain"]() if model is None else model, picture() if img is None else img, **settings)


class Gated:
    """A black box that answers only while its gate is open, and fails when it is told to."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.fails = False
        self.network = ZOO["plain"]()

    def __call__(self, x: Tensor) -> Tensor:
        if not self.gate.is_set():
            self.asked.set()
        assert self.gate.wait(SOON)
        if self.fails:
            message = "out of order"
            raise ArithmeticError(message)
        with torch.no_grad():
            return self.network(x)


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
    assert w._asker.job is None
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
    assert w._asker.job is None
    assert w.explain().label == "fox"


def test_a_page_changes_method_and_parameters_in_one_go() -> None:
    w = a_widget(method="grad_cam", params={"relu": False})
    w.set_state({"method": "occlusion", "params": {"window": 4}, "target": {"target": 1, "foil": 0}})
    assert (w.method, dict(w.params), w.target) == ("occlusion", {"window": 4}, Contrast(1, 0))
    assert not w.customs("error")
    assert w.explain().label == "dog rather than cat"


def test_settings_from_the_page_while_a_run_reports_keep_nobody_waiting() -> None:
    # One thread tells news and changes a trait, the other changes traits and starts a run, which is news.
    w = a_widget(method="occlusion", params={"window": 2, "stride": 1})
    w.hear({"kind": "run", "request_id": "r0"})

    def drag() -> None:
        for step in range(60):
            w.set_state({"target": step % CLASSES})

    page = threading.Thread(target=drag, daemon=True)
    page.start()
    page.join(SOON)
    assert not page.is_alive()
    w.settle()
    assert w.target == 59 % CLASSES
    assert w.status["state"] == "done"
    assert w.attribution is not None


# -- results --------------------------------------------------------------------------------------------------------


def test_explain_gives_the_numbers_of_the_function_and_shows_them() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, method="occlusion", params={"window": 4}, target="dog")
    expected = explain(model, picture(), "occlusion", target=1, window=4)
    found = w.explain()
    assert found.values == pytest.approx(expected.values, abs=1e-6)
    assert found.label == "dog"
    final = w.customs("result")[-1]["result"]
    assert final["final"] is True
    assert final["target"] == 1
    assert w.status["state"] == "done"
    assert w.status["fraction"] == 1


def test_the_attribution_belongs_to_the_current_settings() -> None:
    w = a_widget(target=1)
    assert w.attribution is None
    first = w.explain()
    assert w.attribution is first
    w.target = 2
    w.settle()
    assert w.attribution is not first
    w.target = 1
    assert w.attribution is not None
    assert w.attribution.target == 1


def test_explain_again_computes_nothing_again() -> None:
    w = a_widget(method="occlusion", params={"window": 4}, auto_run=False)
    first = w.explain()
    w.sent.clear()
    assert w.explain() is first
    assert not w.customs("result")


def test_attributions_are_all_final_ones_oldest_first() -> None:
    w = a_widget(auto_run=False)
    for target in (3, 1, 2):
        w.target = target
        w.explain()
    assert [attribution.target for attribution in w.attributions] == [3, 1, 2]


def test_predictions_are_every_class_best_first() -> None:
    model = ZOO["plain"]()
    w = a_widget(model)
    with torch.no_grad():
        shares = model(picture()[None]).softmax(1)[0]
    order = shares.argsort(descending=True).tolist()
    assert [(index, label) for index, label, _ in w.predictions] == [(index, LABELS[index]) for index in order]
    assert [share for _, _, share in w.predictions] == pytest.approx(shares[order].tolist(), abs=1e-6)


def test_an_error_of_the_model_is_raised_and_shown_and_the_next_run_works() -> None:
    model = Gated()
    w = a_widget(model)
    model.fails = True
    with pytest.raises(ArithmeticError, match="out of order"):
        w.explain()
    assert w.status["state"] == "error"
    assert w.customs("error")[-1]["error"]["title"] == "ArithmeticError: out of order"
    model.fails = False
    assert w.explain().label == w.predictions[0][1]
    assert w.status["state"] == "done"


def test_an_edit_through_data_is_noticed() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, target=1, params={"relu": False})
    before, predicted = w.explain(), w.predictions
    model.fc.weight.data[1] = -model.fc.weight.data[1]
    after = w.explain()
    assert after.values == pytest.approx(-before.values, abs=1e-6)
    assert w.predictions != predicted
    assert w.attributions == [after]


def test_a_noticed_edit_brings_new_predictions_to_the_page() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, target=1)
    w.explain()
    w.sent.clear()
    model.fc.bias.data[3] += 9
    w.hear({"kind": "run", "request_id": "r1"})
    w.settle()
    buffers = [buffers for msg, buffers in w.sent if msg.get("content", {}).get("kind") == "session"]
    assert len(buffers) == 1
    assert np.frombuffer(buffers[0][1], np.float32).argmax() == 3


def test_refresh_measures_anew_what_no_look_at_the_weights_can_notice() -> None:
    shift = {"by": 0.0}

    def model(x: Tensor) -> Tensor:
        return torch.stack([x.mean((1, 2, 3)), torch.full((len(x),), shift["by"])], 1)

    w = a_widget(model, labels=["mean", "other"])
    assert w.explain().target == w.predictions[0][0]
    shift["by"] = 5.0
    w.sent.clear()
    w.refresh()
    w.settle()
    assert w.predictions[0][0] == 1
    assert len(w.customs("session")) == 1
    assert w.customs("result")[-1]["result"]["target"] == 1
    assert [attribution.target for attribution in w.attributions] == [1]


# -- several pictures, several models -------------------------------------------------------------------------------


def test_several_pictures_are_several_sessions() -> None:
    w = a_widget(img=[picture(0), picture(1), picture(2)])
    assert len(w.sessions) == 3
    maps = []
    for index in range(3):
        w.active = index
        maps.append(w.explain().values)
        w.settle()
    assert not np.array_equal(maps[0], maps[1])
    sessions = [message["session"] for message in w.customs("session")]
    assert [session["index"] for session in sessions] == [1, 2]
    assert all(len(session["names"]) == 3 for session in sessions)
    assert w.customs("result")[-1]["result"]["session"] == 2
    expected = explain(ZOO["plain"](), picture(2)).values
    assert maps[2] == pytest.approx(expected, abs=1e-6)


def test_several_models_are_several_sessions() -> None:
    w = a_widget([ZOO["plain"](), ZOO["flat head"]()])
    assert [session.facts.model for session in w.sessions] == ["Plain", "Flat"]
    w.hear({"kind": "hello", "request_id": "h"})
    assert w.customs("session")[0]["session"]["names"] == ["Plain 1", "Flat 2"]
    w.settle()


@pytest.mark.parametrize(("models", "images"), [(2, 2), (0, 1), (1, 0)])
def test_both_several_or_none_of_one_is_refused(models: int, images: int) -> None:
    with pytest.raises(ValueError, match=r"several|at least one"):
        a_widget([ZOO["plain"]() for _ in range(models)], [picture() for _ in range(images)])


def test_a_page_that_turned_to_another_picture_is_not_shown_the_map_of_the_first() -> None:
    w = a_widget(img=[picture(0), picture(1)], auto_run=False)
    w.explain()
    w.active = 1
    w.sent.clear()
    w.hear({"kind": "hello", "request_id": "h"})
    assert not w.customs("result")
    assert np.array_equal(np.asarray(w.snapshot()), w.sessions[1].inputs[0].picture)


def test_a_volume_is_refused_in_words() -> None:
    volume = torch.randn(1, 6, 8, 8, generator=torch.Generator().manual_seed(0))
    before = set(ipywidgets.widgets.widget._instances)
    with pytest.raises(ValueError, match=r"2-D pictures.*volume.*explain\(model, volume\)"):
        a_widget(seeded(Volumetric), volume, labels=None)
    assert set(ipywidgets.widgets.widget._instances) == before


# -- a refused wish -------------------------------------------------------------------------------------------------


def test_a_setting_that_does_not_go_with_the_others_is_an_error_in_the_page_and_can_be_put_right() -> None:
    w = a_widget(layer="conv1")
    w.explain()
    w.sent.clear()
    w.method = "cam"
    assert w.status["state"] == "error"
    (error,) = w.customs("error")
    assert error["request_id"] == w.status["request_id"]
    with pytest.raises(ValueError, match=r"only defined at.*relu2"):
        w.explain()
    w.layer = None
    w.settle()
    assert w.status["state"] == "done"


# -- the stored picture ---------------------------------------------------------------------------------------------


def as_array(png: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_snapshot_is_what_render_paints() -> None:
    w = a_widget(method="occlusion", view={"opacity": 0.7, "cells": True})
    found = w.explain()
    expected = overlay(w.sessions[0].inputs[0].picture, found.values, signed=True, view=w.view)
    assert np.array_equal(np.asarray(w.snapshot()), expected)
    assert w.snapshot().size == (SIDE, SIDE)


def test_before_any_map_the_snapshot_is_the_picture() -> None:
    w = a_widget()
    assert np.array_equal(np.asarray(w.snapshot()), w.sessions[0].inputs[0].picture)


def test_the_output_of_a_cell_holds_text_a_picture_with_a_heat_map_and_the_widget() -> None:
    w = a_widget()
    data, metadata = w._repr_mimebundle_()
    w.settle()
    assert set(data) == {"text/plain", "image/png", VIEW_TYPE}
    assert data["text/plain"] == repr(w)
    assert data[VIEW_TYPE]["model_id"] == w.model_id
    assert np.array_equal(as_array(data["image/png"]), np.asarray(w.snapshot()))
    assert not np.array_equal(as_array(data["image/png"]), w.sessions[0].inputs[0].picture)
    assert metadata["image/png"] == {"width": 384, "height": 384}


def test_the_stored_picture_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.FIRST_ESTIMATE_SECONDS == 2.0
    monkeypatch.setattr(module, "FIRST_ESTIMATE_SECONDS", 0.05)
    model = Gated()
    w = a_widget(model)
    model.gate.clear()
    try:
        data, _ = w._repr_mimebundle_()
    finally:
        model.gate.set()
    assert np.array_equal(as_array(data["image/png"]), w.sessions[0].inputs[0].picture)
    w.settle()


def test_a_failed_run_leaves_the_bare_picture() -> None:
    model = Gated()
    w = a_widget(model)
    model.fails = True
    data, _ = w._repr_mimebundle_()
    assert np.array_equal(as_array(data["image/png"]), w.sessions[0].inputs[0].picture)
    w.settle()
    assert w.status["state"] == "error"


def test_without_auto_run_nothing_runs_for_the_stored_picture() -> None:
    w = a_widget(auto_run=False)
    w._repr_mimebundle_()
    assert w._asker.job is None
    assert w.status["state"] == "idle"


def test_the_text_is_the_same_for_the_same_call() -> None:
    assert repr(a_widget()) == repr(a_widget())
    assert repr(a_widget()).startswith("XaiWidget(Plain, ")
    assert "0x" not in repr(a_widget())


# -- letting go -----------------------------------------------------------------------------------------------------


def used_widget(model: Any) -> Recorded:
    w = a_widget(model, method="occlusion", params={"window": 4})
    w._repr_mimebundle_()
    w.hear({"kind": "hello", "request_id": "h"})
    w.settle()
    w.method = "grad_cam"
    w.settle()
    w.explain().for_target(1)
    return w


def test_closing_lets_go_of_model_sessions_and_widget() -> None:
    model = ZOO["plain"]()
    w = used_widget(model)
    held = [weakref.ref(thing) for thing in (model, w.sessions[0], w._asker, w)]
    w.close()
    del w, model
    gc.collect()
    assert [ref() for ref in held] == [None] * 4


def test_a_closed_widget_that_is_still_named_holds_no_model() -> None:
    model = ZOO["plain"]()
    w = used_widget(model)
    held = [weakref.ref(model), weakref.ref(w.sessions[0])]
    w.close()
    del model
    gc.collect()
    assert [ref() for ref in held] == [None] * 2
    assert repr(w) == "XaiWidget(closed)"
    for use in (w.explain, w.snapshot, lambda: w.predictions, w.refresh):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_closing_stops_the_run() -> None:
    model = Gated()
    w = a_widget(model, method="occlusion", params={"window": 2, "stride": 1})
    model.gate.clear()
    w.hear({"kind": "run", "request_id": "r"})
    assert model.asked.wait(SOON)
    job = w._asker.job
    assert job is not None
    w.close()
    model.gate.set()
    assert job.ended.wait(SOON)
    assert job.outcome == "cancelled"


def test_closing_twice_is_closing_once() -> None:
    w = a_widget()
    w.close()
    w.close()
    assert w.comm is None


def test_cancel_from_python_stops_the_run() -> None:
    model = Gated()
    w = a_widget(model, method="occlusion", params={"window": 2, "stride": 1})
    model.gate.clear()
    w.hear({"kind": "run", "request_id": "r"})
    assert model.asked.wait(SOON)
    w.cancel()
    model.gate.set()
    w.settle()
    assert w.status["state"] == "cancelled"
    assert w.customs("cancelled") == [{"kind": "cancelled", "request_id": "r"}]
