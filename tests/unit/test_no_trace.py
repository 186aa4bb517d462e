"""Explaining leaves no trace on the model: after success, after an exception, after a cancel, and while it trains."""

import copy
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.networks import ATTENTIVE, cheap
from tests.traces import Record
from tests.zoo import CLASSES, SIDE, ZOO, Exploding, picture, seeded
from xai_widget import Attribution, explain, explain_layers, methods
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.inputs import read_input
from xai_widget.session import Session

METHODS = [row.id for row in methods() if row.id not in ATTENTIVE]
PAIRS = [
    pytest.param(name, method, id=f"{name}-{method}")
    for name, method in itertools.product(ZOO, METHODS)
    if (name, method) != ("flat head", "cam")  # refused: see test_refusals
]
SHAPE = (3, SIDE, SIDE)


def explained(model: nn.Module, method: str, target: Any = 1) -> Attribution:
    return explain(model, picture(), method, target=target, **cheap(method, SHAPE))


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_after_success_the_model_is_as_it_was(name: str, method: str) -> None:
    model = ZOO[name]()
    x = picture()
    before = Record(model)
    attribution = explain(model, x, method, target=1, **cheap(method, SHAPE))
    before.assert_same(model)
    assert attribution.values.shape in {(8, 8), (16, 16)}
    assert not x.requires_grad
    assert x.grad is None


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("method", METHODS)
def test_the_callers_grad_mode_changes_nothing(method: str, context: Callable[[], object]) -> None:
    model = ZOO["plain"]()
    expected = explained(ZOO["plain"](), method).values
    with context():
        found = explained(model, method)
    assert found.values == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_modes_of_the_model_change_no_number(method: str) -> None:
    reference = explained(ZOO["plain"](), method).values
    for name in ("train mode", "frozen", "inference parameters", "tuple output", "dict output", "named output"):
        assert explained(ZOO[name](), method).values == pytest.approx(reference, abs=1e-6), name


def test_a_model_that_cannot_be_copied_gives_the_same_numbers() -> None:
    reference = explain(ZOO["plain"](), picture(), "grad_cam", target=1).values
    assert explain(ZOO["uncopyable"](), picture(), "grad_cam", target=1).values == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_after_an_exception_in_forward_the_model_is_as_it_was(method: str) -> None:
    model = seeded(Exploding).train()
    model.explode = True
    before = Record(model)
    with pytest.raises(ArithmeticError, match="boom"):
        explained(model, method, target=None)
    before.assert_same(model)
    model.explode = False
    assert explained(model, method, target=None).target in range(CLASSES)


def test_after_a_cancel_the_model_is_as_it_was() -> None:
    model = ZOO["train mode"]()
    before = Record(model)
    session = Session(model, [read_input(picture(), model)], Binding(chunk_seconds=1e-9))
    run = session.run(build_method("occlusion", {"window": 4, "stride": 2}), [1])
    first = next(run)[0]
    run.close()
    assert 0 < first.meta["fraction"] < 1
    before.assert_same(model)


def _training_gradients(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    model.zero_grad(set_to_none=True)
    nn.functional.cross_entropy(model(x), y).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("name", ["train mode", "uncopyable"])
def test_training_beside_a_run_gives_the_gradients_it_gives_without_us(name: str) -> None:
    model = ZOO[name]()
    alone = copy.deepcopy(ZOO[name]()) if name == "train mode" else ZOO[name]()
    x = torch.stack([picture(seed) for seed in range(4)])
    y = torch.arange(4)
    stop, rounds, failures = threading.Event(), [], []

    def explain_all_the_time() -> None:
        while not stop.is_set():
            try:
                for method in METHODS:
                    explained(model, method)
            except Exception as error:  # noqa: BLE001 - reported in the main thread
                failures.append(error)
                return
            rounds.append(1)

    thread = threading.Thread(target=explain_all_the_time)
    thread.start()
    try:
        while len(rounds) < 3 and not failures:
            found, expected = _training_gradients(model, x, y), _training_gradients(alone, x, y)
            for key, gradient in expected.items():
                assert torch.equal(found[key], gradient), key
            assert all(module.training for module in model.modules())
    finally:
        stop.set()
        thread.join()
    assert not failures
    for key, buffer in alone.named_buffers():
        assert torch.equal(dict(model.named_buffers())[key], buffer), key


def test_an_edit_through_data_changes_the_answer() -> None:
    model = ZOO["plain"]()
    before = explain(model, picture(), "grad_cam", target=1).values
    model.fc.weight.data[1] = -model.fc.weight.data[1]
    after = explain(model, picture(), "grad_cam", target=1, relu=False).values
    reference = explain(copy.deepcopy(model), picture(), "grad_cam", target=1, relu=False).values
    assert after == pytest.approx(reference)
    assert after != pytest.approx(before)


def test_many_layers_leave_no_trace_either() -> None:
    model = ZOO["shared modules"]()
    before = Record(model)
    maps = explain_layers(model, picture(), target=0)
    before.assert_same(model)
    assert {"conv1", "conv2", "twice", "relu"} <= set(maps)


@pytest.mark.filterwarnings("error")
def test_a_users_backward_hooks_see_nothing_of_an_explanation() -> None:
    model = ZOO["plain"]()
    seen = []
    model.conv2.register_full_backward_hook(lambda *_: seen.append("hook"))
    model.conv2.register_full_backward_pre_hook(lambda *_: seen.append("pre-hook"))
    assert explain(model, picture(), "saliency", target=1).values.any()
    assert not seen
    assert len(model.conv2._backward_hooks) == len(model.conv2._backward_pre_hooks) == 1
