"""Bad input: the error names what came, what was expected and what to do, before any compute."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.zoo import Flat, Plain, picture, seeded
from xai_widget import Contrast, explain, explain_batch, explain_layers, layers, methods


@pytest.fixture
def model() -> nn.Module:
    return seeded(Plain).eval()


CASES = [
    pytest.param({"method": "gradcam"}, ValueError, r"Unknown method 'gradcam'.*Did you mean 'grad_cam'", id="method"),
    pytest.param({"layer": "conv3"}, ValueError, r"Layer 'conv3' not found.*'conv2'.*layers\(", id="layer"),
    pytest.param({"layer": "fc"}, ValueError, "Layer 'fc' gives 5.*spatial positions", id="layer without grid"),
    pytest.param({"layer": []}, ValueError, "layer is empty", id="no layer"),
    pytest.param({"layer": 4}, TypeError, "dotted module name", id="layer type"),
    pytest.param({"method": "occlusion", "layer": "conv1"}, ValueError, "does not read a layer", id="layer for none"),
    pytest.param({"target": 5}, ValueError, "0 to 4", id="target index"),
    pytest.param({"target": "class 9"}, ValueError, "no class 'class 9'", id="target label"),
    pytest.param({"target": 1.5}, TypeError, "1.5", id="target type"),
    pytest.param({"target": Contrast(1, 1)}, ValueError, "itself", id="contrast"),
    pytest.param({"method": "occlusion", "window": 0}, ValueError, "'window'.*1 .* 256.*got 0", id="range"),
    pytest.param({"method": "occlusion", "window": 40}, ValueError, "window 40 is larger than the input", id="window"),
    pytest.param({"method": "occlusion", "window": 4, "stride": 5}, ValueError, "stride 5 is larger", id="stride"),
    pytest.param({"method": "occlusion", "window": 2.5}, TypeError, "whole number", id="fractional"),
    pytest.param({"method": "occlusion", "window": "8"}, TypeError, "whole number", id="text"),
    pytest.param({"method": "occlusion", "fill": "gray"}, ValueError, "'fill'.*'blur'", id="fill"),
    pytest.param({"method": "occlusion", "score": "prob"}, ValueError, "Did you mean 'probability'", id="score"),
    pytest.param({"method": "occlusion", "windw": 8}, ValueError, "Did you mean 'window'", id="parameter name"),
    pytest.param({"relu": "yes"}, TypeError, "True or False", id="bool"),
    pytest.param({"precision": "float16"}, ValueError, "float16.*bfloat16", id="precision"),
    pytest.param({"activation": "tanh"}, ValueError, "tanh", id="activation"),
    pytest.param({"device": "cuda:99"}, ValueError, "cuda:99", id="device"),
    pytest.param({"labels": ["a", "b"]}, ValueError, "2.*5|5.*2", id="labels"),
    pytest.param({"mask": np.ones((3, 3))}, ValueError, r"\(16, 16\)", id="mask shape"),
    pytest.param({"mask": np.zeros((16, 16))}, ValueError, "False everywhere", id="mask empty"),
    pytest.param({"mask": np.full((16, 16), 0.5)}, ValueError, "True and False", id="mask values"),
]


@pytest.mark.parametrize(("keywords", "kind", "words"), CASES)
def test_wrong_settings(model: nn.Module, keywords: dict[str, object], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        explain(model, picture(), **keywords)  # type: ignore[arg-type] - wrong on purpose


@pytest.mark.parametrize(
    ("img", "kind", "words"),
    [
        pytest.param(torch.zeros(2, 16, 16), ValueError, r"2 channel.*takes 3", id="two channels"),
        pytest.param(torch.zeros(5, 16, 16), ValueError, r"5 channel.*takes 3", id="five channels"),
        pytest.param(torch.zeros(16), ValueError, "shape|rank|axes", id="rank"),
        pytest.param(torch.full((3, 16, 16), torch.nan), ValueError, "NaN|finite", id="nan"),
        pytest.param(np.full((16, 16, 3), 300.0), ValueError, r"\[0, 1\]", id="range"),
        pytest.param(np.zeros((0, 16, 3), np.uint8), ValueError, "empty", id="empty"),
        pytest.param("nowhere.jpg", ValueError, "nowhere.jpg", id="path"),
        pytest.param(3.5, TypeError, "float", id="type"),
    ],
)
def test_wrong_pictures_are_told_before_any_compute(
    model: nn.Module, img: object, kind: type[Exception], words: str
) -> None:
    calls: list[int] = []
    model.register_forward_hook(lambda *_: calls.append(1))
    with pytest.raises(kind, match=words):
        explain(model, img)
    assert not calls


class Scoreless(Plain):
    def forward(self, x: torch.Tensor) -> object:
        super().forward(x)


class Undefined(Plain):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * torch.nan


def test_a_model_without_scores_is_told() -> None:
    with pytest.raises(ValueError, match="forward="):
        explain(seeded(Scoreless).eval(), picture())


def test_scores_that_are_not_numbers_are_told() -> None:
    with pytest.raises(ValueError, match="NaN"):
        explain(seeded(Undefined).eval(), picture())


def test_something_else_than_a_model_is_told() -> None:
    with pytest.raises(TypeError, match=r"\(model, image\)"):
        explain("cat.jpg", seeded(Plain))  # type: ignore[arg-type] - swapped on purpose


def test_a_size_the_model_cannot_take_says_what_to_do() -> None:
    with pytest.raises(RuntimeError) as caught:
        explain(seeded(Flat).eval(), picture(side=20))
    assert "transform=" in caught.value.__notes__[0]


def test_as_many_targets_as_inputs(model: nn.Module) -> None:
    with pytest.raises(ValueError, match="2 inputs, got 3"):
        explain_batch(model, torch.stack([picture(), picture(1)]), targets=[0, 1, 2])


def test_layers_are_for_methods_that_read_layers(model: nn.Module) -> None:
    with pytest.raises(ValueError, match="does not read a layer"):
        explain_layers(model, picture(), method="occlusion")


def test_several_inputs_are_for_explain_batch(model: nn.Module) -> None:
    with pytest.raises(ValueError, match="explain_batch"):
        explain(model, torch.stack([picture(), picture(1)]))


def test_methods_says_what_a_model_allows_and_why_not_the_rest(model: nn.Module) -> None:
    rows = {row.id: row for row in methods(model, picture())}
    attends = {"attention_rollout", "transformer_attribution"}
    assert {name for name, row in rows.items() if not row.works} == attends
    assert all("attention" in str(rows[name].why_not) for name in attends)
    flat = {row.id: row for row in methods(seeded(Flat).eval(), picture())}
    assert not flat["cam"].works
    assert "pooling" in str(flat["cam"].why_not)
    box = {row.id: row for row in methods(lambda batch: batch.flatten(1)[:, :3].numpy(), picture(), dims=2)}
    assert {name for name, row in box.items() if row.works} == {"occlusion", "rise", "lime", "kernel_shap"}
    assert "grad_cam" in methods()


def test_layers_lists_what_ran_in_order_and_what_a_method_can_read(model: nn.Module) -> None:
    rows = layers(model, picture(), "grad_cam")
    assert [row.name for row in rows] == ["conv1", "norm", "relu1", "conv2", "relu2", "fc"]
    assert rows[3].shape == (8, 8, 8)
    assert [row.fits for row in rows] == [True] * 5 + [False]
    assert "conv2" in repr(rows)
