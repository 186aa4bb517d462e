"""XaiWidget without a kernel: its results, and several pictures or models in one."""

from collections.abc import Iterator

import ipywidgets
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.recorded import LABELS, Gated, a_widget
from tests.zoo import ZOO, picture
from xai_widget import explain


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


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
