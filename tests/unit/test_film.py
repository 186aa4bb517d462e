"""The strip of small maps: all layers from one pass, answered beside the run, remembered until the model changes."""

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import ipywidgets
import numpy as np
import pytest
from torch import Tensor

from tests.recorded import SOON, Recorded, a_widget
from tests.unit.test_protocol import assert_fits
from tests.zoo import ZOO, Flat, picture, seeded
from xai_widget import Contrast, explain
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.film import captured, in_one_pass, layer_maps, maps_of, readable_layers, shrunk, spread
from xai_widget.inputs import read_input
from xai_widget.session import Session


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


class Counted(Flat):
    """Counts the inputs that all instances have seen."""

    seen: ClassVar[int] = 0

    def forward(self, x: Tensor) -> Tensor:
        Counted.seen += len(x)
        return super().forward(x)


def session_of(model: Any) -> Session:
    return Session(model, [read_input(picture(), model)], Binding())


# -- the maps -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params"),
    [("grad_cam", {}), ("grad_cam", {"gradient": "guided", "relu": False}), ("grad_cam_pp", {}), ("layer_cam", {})],
)
def test_the_maps_of_all_layers_cost_one_forward_and_one_backward(method: str, params: dict[str, Any]) -> None:
    session, chosen = session_of(ZOO["flat head"]()), build_method(method, params)
    tallies = []
    for name, found in layer_maps(session, chosen, 1):
        tallies.append((found.meta["forwards"], found.meta["backwards"]))
        alone = explain(ZOO["flat head"](), picture(), method, target=1, layer=name, **params)
        assert found.values == pytest.approx(alone.values, abs=1e-6), name
        assert found.layer == name
    assert len(tallies) == len(readable_layers(session, chosen)) > 3
    assert tallies[-1] == (1, 1)


class StopError(Exception):
    """Ends a pass."""


@pytest.mark.parametrize("method", ["grad_cam", "layer_cam"])
def test_a_pass_can_be_ended_at_every_layer_on_the_way_up_and_down(method: str) -> None:
    session, chosen = session_of(ZOO["flat head"]()), build_method(method, {})
    names = readable_layers(session, chosen)
    calls = 0

    def counted() -> None:
        nonlocal calls
        calls += 1

    whole = dict(maps_of(session, chosen, captured(session, chosen, 1, names, counted)))
    assert calls == 2 * len(names)
    for last in range(1, calls + 1):
        afresh, left = session_of(ZOO["flat head"]()), last

        def check() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise StopError

        with pytest.raises(StopError):
            captured(afresh, chosen, 1, names, check)
        assert left == 0
        found = dict(maps_of(afresh, chosen, captured(afresh, chosen, 1, names)))
        assert list(found) == list(whole)
        assert all((found[name].values == whole[name].values).all() for name in names)


def test_a_closed_form_costs_one_forward_and_no_backward() -> None:
    session = session_of(ZOO["plain"]())
    maps = dict(layer_maps(session, build_method("cam", {}), 2))
    assert list(maps) == ["relu2"]
    assert (maps["relu2"].meta["forwards"], maps["relu2"].meta["backwards"]) == (1, 0)


def test_which_methods_show_all_layers_from_one_pass() -> None:
    plain = session_of(ZOO["plain"]())
    assert in_one_pass(plain, build_method("grad_cam", {}))
    assert in_one_pass(plain, build_method("cam", {}))
    for other in ("score_cam", "integrated_grad_cam", "guided_grad_cam", "saliency", "occlusion", "attention_rollout"):
        assert not in_one_pass(plain, build_method(other, {})), other
    assert not in_one_pass(session_of(ZOO["flat head"]()), build_method("cam", {}))


def test_a_contrast_gives_signed_maps() -> None:
    session = session_of(ZOO["plain"]())
    maps = dict(layer_maps(session, build_method("grad_cam", {}), Contrast(1, 2)))
    assert all(found.signed for found in maps.values())
    assert min(found.values.min() for found in maps.values()) < 0


# -- small maps -----------------------------------------------------------------------------------------------------


def test_blocks_are_averaged_and_small_maps_stay_as_they_are() -> None:
    values = np.arange(12, dtype=np.float32).reshape(2, 6)
    assert shrunk(values, 6).tolist() == values.tolist()
    assert shrunk(values, 2).tolist() == [[1, 4], [7, 10]]
    assert shrunk(values, 4).tolist() == [[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]]


def test_the_last_block_may_be_smaller_and_its_mean_is_its_own() -> None:
    assert shrunk(np.array([[1, 3, 8]], np.float32), 2).tolist() == [[2, 8]]
    assert shrunk(np.ones((112, 56), np.float32), 28).shape == (28, 28)


def test_what_is_no_number_counts_as_zero() -> None:
    assert shrunk(np.array([[np.nan, 4], [np.inf, 2]], np.float32), 1).tolist() == [[1.5]]


def test_of_very_many_layers_an_even_choice_is_left_with_the_default_one() -> None:
    names = [f"layer{index}" for index in range(148)]
    chosen = spread(names, 60, "layer73")
    assert len(chosen) == 60
    assert chosen == sorted(chosen, key=names.index)
    assert {"layer0", "layer73", "layer147"} <= set(chosen)
    gaps = np.diff([names.index(name) for name in chosen])
    assert gaps.min() >= 1
    assert gaps.max() <= 4
    assert spread(names[:3], 60, None) == names[:3]


# -- the service ----------------------------------------------------------------------------------------------------


def ask(w: Recorded, request: str = "f1") -> None:
    """Ask for the film and wait for what is under way."""
    w.hear({"kind": "film", "request_id": request})
    thread = w.asker._worker._thread
    if thread is not None:
        thread.join(SOON)


def in_order(w: Recorded) -> list[dict[str, Any]]:
    return [msg["content"] for msg, _ in w.sent if msg["method"] == "custom"]


def buffers_of(w: Recorded, kind: str) -> list[Any]:
    return [buffers for msg, buffers in w.sent if msg.get("content", {}).get("kind") == kind]


def test_a_film_travels_as_the_page_reads_it() -> None:
    w = a_widget(ZOO["flat head"](), method="grad_cam", target=1)
    w.explain()
    ask(w)
    (message,) = w.customs("film")
    assert_fits(message, "KernelMessage")
    film = message["film"]
    assert_fits(film, "FilmPayload")
    assert message["request_id"] == "f1"
    assert (film["session"], film["method"], film["target"], film["left_out"]) == (0, "grad_cam", 1, 0)
    assert film["params"] == w.customs("result")[-1]["result"]["params"]
    layers = [layer["name"] for layer in w._session_message(w.session, 0)[0]["layers"]]
    named = [frame["layer"] for frame in film["frames"]]
    assert named == sorted(named, key=layers.index)
    (buffers,) = buffers_of(w, "film")
    for frame in film["frames"]:
        small = np.frombuffer(buffers[frame["buffer"]], np.float32).reshape(frame["shape"])
        alone = explain(ZOO["flat head"](), picture(), target=1, layer=frame["layer"])
        assert frame["signed"] is False
        assert small == pytest.approx(alone.values, abs=1e-6)


def test_the_same_film_is_not_computed_twice_and_another_target_is_another_film() -> None:
    w = a_widget(seeded(Counted).eval(), method="layer_cam", target=1, layer="conv1", auto_run=False)
    opened = Counted.seen
    ask(w)
    assert Counted.seen - opened == 1
    w.layer = "conv2"
    ask(w, "f2")
    assert Counted.seen - opened == 1
    first, second = w.customs("film")
    assert second["film"] == first["film"]
    w.target = 2
    ask(w, "f3")
    assert w.customs("film")[-1]["film"]["target"] == 2


def test_a_layer_that_is_chosen_from_the_film_costs_nothing() -> None:
    w = a_widget(seeded(Counted).eval(), method="grad_cam", target=1)
    w.explain()
    ask(w)
    before = Counted.seen
    w.layer = "conv1"
    w.settle()
    assert Counted.seen == before
    assert w.customs("result")[-1]["result"]["layer"] == "conv1"
    alone = explain(seeded(Counted).eval(), picture(), target=1, layer="conv1")
    assert w.attribution is not None
    assert w.attribution.values == pytest.approx(alone.values, abs=1e-6)
    # Of another class it is another map.
    w.target = 2
    w.settle()
    alone = explain(seeded(Counted).eval(), picture(), target=2, layer="conv1")
    assert w.attribution.values == pytest.approx(alone.values, abs=1e-6)
    # The film of that one does not drive out the first.
    ask(w, "f2")
    w.target = 1
    w.settle()
    before = Counted.seen
    w.layer = "conv2"
    w.settle()
    assert Counted.seen == before
    assert w.customs("result")[-1]["result"]["target"] == 1


class Blocking(Flat):
    """Waits in its second convolution while its gate is closed, and counts passes that began and that came through."""

    gate: ClassVar = threading.Event()
    waits: ClassVar = threading.Event()
    began: ClassVar[int] = 0
    ended: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.conv2.register_forward_pre_hook(self.wait)

    @staticmethod
    def wait(*_: Any) -> None:
        if not Blocking.gate.is_set():
            Blocking.waits.set()
            assert Blocking.gate.wait(SOON)

    def forward(self, x: Tensor) -> Tensor:
        Blocking.began += 1
        found = super().forward(x)
        Blocking.ended += 1
        return found


def test_a_film_gives_way_in_the_middle_of_its_pass_and_comes_afterwards() -> None:
    Blocking.gate.set()
    w = a_widget(seeded(Blocking).eval(), method="grad_cam", target=1, layer="conv2")
    w.explain()
    before = Blocking.began, Blocking.ended
    Blocking.gate.clear()
    Blocking.waits.clear()
    w.hear({"kind": "film", "request_id": "f1"})
    assert Blocking.waits.wait(SOON)
    w.target = 2
    Blocking.gate.set()
    w.settle()
    w.asker._worker.join(SOON)
    # The film's pass ended at the layer where it had waited, and began anew later; the other class cost no pass.
    kinds = [
        (content["kind"], content["request_id"]) for content in in_order(w) if content["kind"] in {"result", "film"}
    ]
    assert kinds[-1] == ("film", "f1")
    assert kinds[-2][0] == "result"
    assert (Blocking.began - before[0], Blocking.ended - before[1]) == (2, 1)
    film = w.customs("film")[0]["film"]
    assert film["target"] == 1
    (buffers,) = buffers_of(w, "film")
    alone = explain(seeded(Flat).eval(), picture(), target=1, layer="conv1")
    small = next(frame for frame in film["frames"] if frame["layer"] == "conv1")
    assert np.frombuffer(buffers[small["buffer"]], np.float32) == pytest.approx(alone.values.ravel(), abs=1e-6)


def test_a_layer_is_not_answered_from_the_film_of_a_model_that_has_changed() -> None:
    model = ZOO["flat head"]()
    w = a_widget(model, method="grad_cam", target=1, params={"relu": False})
    w.explain()
    ask(w)
    before = explain(model, picture(), target=1, layer="conv1", relu=False).values
    model.fc[-1].weight.data[1] *= -1
    w.layer = "conv1"
    w.settle()
    assert w.attribution is not None
    assert w.attribution.values == pytest.approx(-before, abs=1e-6)


def test_a_changed_model_is_filmed_anew() -> None:
    model = ZOO["flat head"]()
    w = a_widget(model, method="grad_cam", target=1, params={"relu": False}, auto_run=False)
    ask(w)
    model.fc[-1].weight.data[1] *= -1
    ask(w, "f2")
    first, second = buffers_of(w, "film")
    assert len(w.customs("session")) == 1
    for before, after in zip(first, second, strict=True):
        assert np.frombuffer(after, np.float32) == pytest.approx(-np.frombuffer(before, np.float32), abs=1e-6)


@pytest.mark.parametrize("method", ["occlusion", "score_cam"])
def test_a_method_without_a_film_says_so(method: str) -> None:
    w = a_widget(method=method, auto_run=False)
    ask(w)
    (error,) = w.customs("error")
    assert error["request_id"] == "f1"
    assert "Choose a layer by its name" in error["error"]["title"]


def test_an_offline_page_takes_the_films_of_its_maps_along() -> None:
    w = a_widget(method="grad_cam", target=1)
    w.explain()
    ask(w)
    w.target = 2
    ask(w, "f2")
    w.settle()
    service = next(each for each in w.services if "film" in each.hears)
    kept = service.keepsakes({w.wish().key: 0})
    assert [content["film"]["target"] for content, _ in kept] == [2]
    assert kept[0][0]["request_id"] is None
    service.changed(0)
    assert not service.keepsakes({w.wish().key: 0})
