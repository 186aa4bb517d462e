"""Pins: maps that stay, several questions at once, and the same question to several models."""

from collections.abc import Iterator

import ipywidgets
import numpy as np
import pytest

from tests.recorded import SOON, Gated, Recorded, a_widget
from tests.unit.test_protocol import assert_fits
from tests.zoo import ZOO, picture
from xai_widget import Contrast, explain, explain_layers
from xai_widget.widget.pins import Pins


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def answers_to(w: Recorded, request: str) -> list[str]:
    """The kinds of messages that carry a request's name."""
    contents = [msg["content"] for msg, _ in w.sent if msg["method"] == "custom"]
    return [content["kind"] for content in contents if content.get("request_id") == request]


# -- pins -----------------------------------------------------------------------------------------------------------


def test_a_pin_is_the_map_of_the_settings_and_stays_when_they_change() -> None:
    w = a_widget(target=1)
    first = w.pin()
    assert first is w.attribution
    w.target = 2
    w.settle()
    assert w.pinned == [first]
    assert w.pins == [1]
    second = w.pin()
    assert w.pinned == [first, second]
    assert [found.target for found in w.pinned] == [1, 2]


def test_a_pin_outlives_what_the_widget_remembers() -> None:
    w = a_widget(target=1, auto_run=False)
    pinned = w.pin()
    w.asker.forget()
    assert w.attributions == []
    assert w.pinned == [pinned]


def test_a_closed_widget_lets_go_of_its_pins() -> None:
    w = a_widget()
    w.pin()
    w.close()
    assert w.pinned == []


def test_an_equal_question_is_pinned_once_however_it_was_put() -> None:
    w = a_widget()
    w.pin()
    w.pin()
    w.target = w.predictions[0][0]
    w.pin()
    w.layer = w.pinned[0].layer
    w.pin()
    assert w.pins == [1]
    w.target = (w.predictions[0][0] + 1) % 5
    w.pin()
    assert w.pins == [1, 2]


def test_unpin_lets_go_of_one_or_of_all() -> None:
    w = a_widget()
    w.compare(targets=[0, 1, 2])
    w.unpin(2)
    assert [found.target for found in w.pinned] == [0, 2]
    with pytest.raises(ValueError, match=r"no pin 2.*Pinned: 1, 3"):
        w.unpin(2)
    w.unpin()
    assert w.pinned == []
    with pytest.raises(ValueError, match="Nothing is pinned"):
        w.unpin(1)


def test_the_page_pins_what_it_shows_and_every_view_is_told() -> None:
    w = a_widget(target=1)
    w.explain()
    w.sent.clear()
    w.hear({"kind": "pin", "request_id": "p1"})
    (message,) = w.customs("pinned")
    assert_fits(message, "KernelMessage")
    assert_fits(message["pinned"], "PinnedPayload")
    assert message["pinned"]["result"]["target"] == 1
    assert message["pinned"]["picture"] is None  # the page has it
    assert answers_to(w, "p1") == ["ack"]
    assert w.states()["pins"] == [1]


def test_the_page_cannot_pin_what_is_not_there_or_not_complete() -> None:
    w = a_widget(auto_run=False)
    w.hear({"kind": "pin", "request_id": "p1"})
    assert "no heat map to pin" in w.customs("error")[-1]["error"]["title"]
    w.hear({"kind": "unpin", "request_id": "p2", "pin": 7})
    assert "no pin 7" in w.customs("error")[-1]["error"]["title"]
    assert (answers_to(w, "p1"), answers_to(w, "p2")) == (["error"], ["error"])


def test_pins_can_be_put_into_another_order() -> None:
    w = a_widget()
    w.compare(targets=[0, 1, 2])
    w.hear({"kind": "arrange", "request_id": "a1", "pins": [3, 1, 2]})
    assert [found.target for found in w.pinned] == [2, 0, 1]
    w.hear({"kind": "arrange", "request_id": "a2", "pins": [3, 1]})
    assert "names every pin once" in w.customs("error")[-1]["error"]["title"]
    assert w.pins == [3, 1, 2]


def test_a_new_view_hears_every_pin_with_the_pictures_it_lacks() -> None:
    w = a_widget(img=[picture(0), picture(1)])
    w.pin()
    w.target = 3
    w.pin()
    w.active = 1
    w.pin()
    w.sent.clear()
    w.hear({"kind": "hello", "request_id": "h", "language": "en"})
    told = [message["pinned"] for message in w.customs("pinned")]
    assert [pin["pin"] for pin in told] == [1, 2, 3]
    assert [pin["picture"] is None for pin in told] == [False, True, True]
    buffers = next(buffers for msg, buffers in w.sent if msg.get("content", {}).get("kind") == "pinned")
    pixels = np.frombuffer(buffers[told[0]["picture"]["buffer"]], np.uint8)
    assert np.array_equal(pixels.reshape(told[0]["picture"]["shape"]), w.sessions[0].inputs[0].picture)
    w.settle()


def test_pins_of_a_changed_model_stay_and_say_so() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, target=1)
    before = w.pin()
    w.sent.clear()
    model.fc.weight.data[1] = -model.fc.weight.data[1]
    after = w.pin()
    assert w.pinned == [before, after]
    assert [message["pinned"]["earlier"] for message in w.customs("pinned")] == [True, False]
    w.refresh()
    w.settle()
    assert [message["pinned"]["earlier"] for message in w.customs("pinned")] == [True, False, True]


def test_a_page_without_a_kernel_is_given_the_pins_with_their_pictures() -> None:
    w = a_widget(img=[picture(0), picture(1)])
    w.compare(targets=[0, 1])
    kept = w.service(Pins).keepsakes({})
    assert [content["pinned"]["pin"] for content, _ in kept] == [1, 2]
    assert [content["pinned"]["picture"] is None for content, _ in kept] == [False, True]
    assert [len(buffers) for _, buffers in kept] == [2, 1]


# -- several questions at once --------------------------------------------------------------------------------------


def test_compare_answers_every_combination_as_explain_does() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, auto_run=False)
    found = w.compare(["grad_cam", "layer_cam"], ["relu1", "relu2"], [0, 3])
    asked = [(a.method, a.target, a.layer) for a in found]
    assert asked == [
        (method, target, layer)
        for method in ("grad_cam", "layer_cam")
        for target in (0, 3)
        for layer in ("relu1", "relu2")
    ]
    for a in found:
        expected = explain(model, picture(), a.method, target=a.target, layer=a.layer, labels=None)
        assert a.values == pytest.approx(expected.values, abs=1e-6)
    assert w.pinned == found
    assert w.pins == list(range(1, 9))


def test_what_is_left_out_is_as_it_is_set() -> None:
    w = a_widget(method="occlusion", params={"window": 4}, target=2, auto_run=False)
    (only,) = w.compare()
    assert (only.method, only.params["window"], only.target) == ("occlusion", 4, 2)
    assert w.compare(["occlusion", "saliency"])[0] is only


def test_layers_do_not_multiply_a_method_that_reads_none() -> None:
    w = a_widget(auto_run=False)
    found = w.compare(["grad_cam", "saliency"], ["relu1", "relu2"])
    assert [(a.method, a.layer) for a in found] == [
        ("grad_cam", "relu1"),
        ("grad_cam", "relu2"),
        ("saliency", None),
    ]


def test_layers_of_one_method_come_from_one_forward() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, auto_run=False)
    forwards = [a.meta["forwards"] for a in explain_layers(model, picture(), ["relu1", "relu2"], target=1).values()]
    found = w.compare(layers=["relu1", "relu2"], targets=[1])
    assert sum(a.meta["forwards"] for a in found) <= sum(forwards)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"methods": ["grad_cam", "grad_kam"]}, "grad_kam.*grad_cam"),
        ({"methods": ["attention_rollout"]}, "Attention [Rr]ollout cannot be compared"),
        ({"methods": ["grad_cam", "cam"], "layers": ["relu1"]}, r"CAM at 'relu1' cannot be compared.*relu2"),
        ({"layers": ["nowhere"]}, "Grad-CAM at 'nowhere' cannot be compared.*not found"),
        ({"targets": ["zebra"]}, "zebra"),
        ({"methods": "grad_cam"}, r"methods must be a list such as \['grad_cam'"),
        ({"targets": []}, "targets must be a list"),
        ({"targets": list(range(5)) * 2, "methods": ["lime"] * 2 + ["nothing"]}, "nothing"),
    ],
)
def test_everything_is_checked_before_anything_is_computed(asked: dict[str, list[str]], said: str) -> None:
    w = a_widget(auto_run=False)
    with pytest.raises((ValueError, TypeError), match=said):
        w.compare(**asked)
    assert w.pinned == []
    assert w.asker.finished == {}
    assert w.status["state"] == "idle"


def test_more_maps_than_can_be_compared_are_refused() -> None:
    w = a_widget(auto_run=False)
    w.pin()
    contrasts = [Contrast(a, b) for a in range(5) for b in range(5) if a != b]
    methods = ["grad_cam", "saliency", "occlusion", "input_x_gradient"]
    with pytest.raises(ValueError, match=r"80 maps beside 1 pinned ones; at most 64"):
        w.compare(methods, targets=contrasts)


def test_progress_is_told_and_the_map_that_is_shown_is_shown_again() -> None:
    w = a_widget(target=1)
    shown = w.explain()
    w.sent.clear()
    w.compare(targets=[2, 3])
    messages = [msg["state"]["status"]["message"] for msg, _ in w.sent if "status" in msg.get("state", {})]
    assert "Comparing 1 of 2: Grad-CAM" in messages
    assert "Comparing 2 of 2: Grad-CAM" in messages
    assert w.status["state"] == "done"
    (again,) = w.customs("result")
    assert again["request_id"] == w.status["request_id"]
    assert again["result"]["target"] == shown.target


def test_a_cancelled_comparison_keeps_what_is_there() -> None:
    model = Gated()
    w = a_widget(model, method="occlusion", params={"window": 4}, auto_run=False)
    (first,) = w.compare(targets=[1])
    model.gate.clear()
    model.asked.clear()
    w.hear({"kind": "compare", "request_id": "c", "methods": ["occlusion", "rise"], "layers": None, "targets": [1]})
    assert model.asked.wait(SOON)
    w.cancel()
    model.gate.set()
    w.settle()
    assert w.status["state"] == "cancelled"
    assert w.pinned == [first]


def test_the_page_compares_too_and_hears_what_cannot_be() -> None:
    w = a_widget(auto_run=False)
    question = {"methods": None, "layers": None, "targets": [1, {"target": 1, "foil": 2}]}
    w.hear({"kind": "compare", "request_id": "c1", **question})
    w.settle()
    assert [a.target for a in w.pinned] == [1, Contrast(1, 2)]
    assert answers_to(w, "c1") == ["ack"]
    w.hear({"kind": "compare", "request_id": "c2", "methods": ["cam"], "layers": ["relu1"], "targets": None})
    assert answers_to(w, "c2") == ["error"]


# -- several models -------------------------------------------------------------------------------------------------


def beside(w: Recorded) -> list[dict[str, object]]:
    """What other models have said, when nothing runs any more."""
    while (thread := w.asker._worker._thread) is not None:
        thread.join(SOON)
    return [message["other"] for message in w.customs("other")]


def test_the_other_models_are_asked_the_same() -> None:
    models = [ZOO["plain"](), ZOO["flat head"]()]
    w = a_widget(models, target=3)
    w.explain()
    (other,) = beside(w)
    assert_fits(other, "OtherPayload")
    assert (other["session"], other["model"], other["error"]) == (1, "Flat", None)
    assert other["of"] == w.status["request_id"]
    assert other["result"]["target"] == 3
    assert other["probability"] == pytest.approx(float(w.sessions[1].probabilities[0][3]))
    w.active = 1
    w.settle()
    assert [each["session"] for each in beside(w)] == [1, 0]


def test_the_predicted_class_of_the_model_that_is_shown_is_asked_about() -> None:
    w = a_widget([ZOO["plain"](), ZOO["flat head"]()])
    target = w.explain().target
    (other,) = beside(w)
    assert other["result"]["target"] == target


def test_a_layer_that_another_model_lacks_becomes_its_own_default() -> None:
    w = a_widget([ZOO["plain"](), ZOO["flat head"]()], layer="relu1", target=1)
    names = [layer.name for layer in w.sessions[1].facts.layers]
    assert w.explain().layer == "relu1"
    (other,) = beside(w)
    default = explain(ZOO["flat head"](), picture(), target=1).layer
    assert other["result"]["layer"] == ("relu1" if "relu1" in names else default)


def test_one_model_that_fails_says_so_in_its_place() -> None:
    failing = Gated()
    w = a_widget([ZOO["plain"](), failing], method="occlusion", params={"window": 4}, target=1, auto_run=False)
    failing.fails = True
    w.explain()
    (other,) = beside(w)
    assert_fits(other, "OtherPayload")
    assert other["result"] is None
    assert other["error"]["title"] == "ArithmeticError: out of order"
    assert w.status["state"] == "done"


def test_one_model_has_no_others() -> None:
    w = a_widget(img=[picture(0), picture(1)])
    w.explain()
    assert beside(w) == []
