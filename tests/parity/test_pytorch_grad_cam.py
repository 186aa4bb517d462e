"""pytorch-grad-cam (`grad-cam`) 1.5: class activation maps, guided backpropagation."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import (
    GradCAM,
    GradCAMPlusPlus,
    GuidedBackpropReLUModel,
    HiResCAM,
    LayerCAM,
    ScoreCAM,
)
from pytorch_grad_cam.ablation_layer import AblationLayer
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from tests.parity.truths import (
    Guided,
    assert_near,
    at_layer,
    defect,
    grad_cam,
    grad_cam_pp,
    input_gradient,
    plain,
    volume,
)
from tests.zoo import Flat, Volumetric, picture, seeded
from xai_widget import explain

TARGET = 2


def raw_map(kind: Any, model: nn.Module, x: Tensor, layer: str, target: int = TARGET) -> NDArray[np.float64]:
    """Return the peer's map `[*grid]` before it is rectified, scaled and resized."""
    targets = [ClassifierOutputTarget(target)]
    with kind(model, [model.get_submodule(layer)]) as peer:
        peer(x[None], targets)
        seen = peer.activations_and_grads
        gradients = seen.gradients[0].numpy() if seen.gradients else None
        return peer.get_cam_image(x[None], None, targets, seen.activations[0].numpy(), gradients, eigen_smooth=False)[0]


def test_grad_cam() -> None:
    """Convention: before ReLU and scaling, at the layer's size, no in-place ReLU behind. Tolerance: float32."""
    model, x = plain(inplace=False), picture().double()
    ours = explain(model, x, "grad_cam", target=TARGET, layer="conv2", relu=False)
    assert_near(ours.values, raw_map(GradCAM, model, x, "conv2"))


def test_grad_cam_of_a_volume() -> None:
    """Convention: as in two dimensions. Tolerance: float32."""
    model, x = seeded(Volumetric).eval().double(), volume()
    ours = explain(model, x, "grad_cam", target=1, layer="conv2", relu=False)
    assert_near(ours.values, raw_map(GradCAM, model, x, "conv2", 1))


def test_grad_cam_as_a_picture() -> None:
    """Convention: ReLU, bilinear to the input, least to most scaled to 0 ... 1. Tolerance: float32, their 1e-7."""
    model, x = plain(inplace=False), picture().double()
    with GradCAM(model, [model.conv2]) as peer:
        theirs = peer(x[None], [ClassifierOutputTarget(TARGET)])[0]
    ours = explain(model, x, "grad_cam", target=TARGET, layer="conv2").resized()
    assert_near((ours - ours.min()) / (ours.max() - ours.min()), theirs, 1e-5)


def test_grad_cam_pp() -> None:
    """Convention: equation 19, large gradients. Tolerance: float32; their 1e-6 beside 2g² needs |g| >> 1e-3."""
    model, x = plain(inplace=False, scale=1e4), picture().double()
    ours = explain(model, x, "grad_cam_pp", target=TARGET, layer="relu2", relu=False)
    assert_near(ours.values, raw_map(GradCAMPlusPlus, model, x, "relu2"), 1e-5)


def test_grad_cam_pp_of_a_volume() -> None:
    """Convention: equation 19 in three dimensions, large gradients. Tolerance: their 1e-6 beside 2g²."""
    model, x = seeded(Volumetric).eval().double(), volume().abs()
    with torch.no_grad():
        model.fc.weight.mul_(1e7)
    ours = explain(model, x, "grad_cam_pp", target=1, layer="conv2", relu=False)
    assert_near(ours.values, raw_map(GradCAMPlusPlus, model, x, "conv2", 1), 1e-4)


@defect("D28", "Grad-CAM++'s epsilon dominates for the small gradients of a pooled layer")
def test_grad_cam_pp_of_small_gradients() -> None:
    """Convention: equation 19. Tolerance: one percent, up to scale."""
    model, x = plain(inplace=False, scale=1e-3), picture().double()
    theirs = raw_map(GradCAMPlusPlus, model, x, "relu2").clip(min=0)
    truth = grad_cam_pp(*at_layer(model, x, TARGET, "relu2"))
    assert_near(theirs / theirs.max(), truth / truth.max(), 0.01)


@defect("D7", "in front of an in-place ReLU the activation is the rectified one, the gradient is not")
def test_grad_cam_in_front_of_an_in_place_relu() -> None:
    """Convention: activation and gradient of one tensor, before or behind the ReLU. Tolerance: 1e-9 of float64."""
    model, x = plain(inplace=True), picture().double()
    theirs = raw_map(GradCAM, model, x, "conv2")
    before, behind = (grad_cam(*at_layer(model, x, TARGET, layer)).numpy() for layer in ("conv2", "relu2"))
    nearest = min(before, behind, key=lambda truth: float(np.abs(theirs - truth).max()))
    assert_near(theirs, nearest, 1e-9)


@defect("D8", "the model is put into eval mode and left there")
def test_the_training_mode_is_kept() -> None:
    """Convention: a model that was explained is as it was. Tolerance: none."""
    model = plain(inplace=False).train()
    raw_map(GradCAM, model, picture().double(), "conv2")
    assert model.training


@defect("D8", "gradients are left on every parameter")
def test_no_parameter_has_a_gradient() -> None:
    """Convention: a model that was explained is as it was. Tolerance: none."""
    model = plain(inplace=False)
    raw_map(GradCAM, model, picture().double(), "conv2")
    assert all(parameter.grad is None for parameter in model.parameters())


@defect("D8", "a model whose parameters are frozen raises", RuntimeError)
def test_grad_cam_of_a_frozen_model() -> None:
    """Convention: before ReLU and scaling. Tolerance: 1e-9 of float64."""
    x = picture().double()
    theirs = raw_map(GradCAM, plain(inplace=False).requires_grad_(requires_grad=False), x, "conv2")
    assert_near(theirs, grad_cam(*at_layer(plain(), x, TARGET, "conv2")), 1e-9)


def leave_with_an_error(model: nn.Module) -> None:
    with GradCAM(model, [model.conv2]):
        message = "of the caller"
        raise IndexError(message)


@defect("D8", "an IndexError inside the `with` block is swallowed", pytest.fail.Exception)
def test_the_callers_error_is_the_callers() -> None:
    """Convention: a context manager passes on what its block raises. Tolerance: none."""
    with pytest.raises(IndexError):
        leave_with_an_error(plain())


def rectified(relu: type[nn.Module]) -> nn.Module:
    """Return a network in eval mode with ReLUs of the kind asked for."""
    return seeded(
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 6, 3), relu(), nn.Conv2d(6, 6, 3), relu()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)),
        )
    ).eval()


def test_guided_backprop() -> None:
    """Convention: signed, at the input, channels last. Tolerance: float32."""
    x = picture()
    theirs = GuidedBackpropReLUModel(rectified(nn.ReLU), "cpu")(x[None].clone(), TARGET).transpose(2, 0, 1)
    assert_near(theirs, input_gradient(rectified(Guided), x, TARGET), 1e-5)
    assert_near(explain(rectified(nn.ReLU), x, "guided_backprop", target=TARGET).channels, theirs, 1e-5)


@defect("D9", "every ReLU of the model is replaced for good, by one shared module")
def test_guided_backprop_keeps_the_modules() -> None:
    """Convention: a model that was explained is as it was. Tolerance: none."""
    model = rectified(nn.ReLU)
    before = list(model)
    GuidedBackpropReLUModel(model, "cpu")(picture()[None], TARGET)
    assert all(now is then for now, then in zip(model, before, strict=True))


@defect("D9", "of a batch, only the first input is explained")
def test_guided_backprop_of_a_batch() -> None:
    """Convention: one map an input. Tolerance: shape only."""
    batch = torch.stack([picture(0), picture(1)])
    assert GuidedBackpropReLUModel(rectified(nn.ReLU), "cpu")(batch, TARGET).size == batch.numel()


@defect("D10", "the value that stands for an ablated channel drifts from row to row of a batch")
def test_an_ablated_channel_has_one_value() -> None:
    """Convention: every channel is replaced by the same number. Tolerance: one percent."""
    layer = AblationLayer()
    layer.set_next_batch(0, picture()[None, :, :2, :2], 3)
    layer.indices = [0, 1, 2]
    ablated = [float(row[index, 0, 0]) for index, row in enumerate(layer(None))]
    assert ablated == pytest.approx([ablated[0]] * 3, rel=0.01)


@defect("D11", "ScoreCAM hard-codes two dimensions", ValueError)
def test_score_cam_of_a_volume() -> None:
    """Convention: as in two dimensions. Tolerance: shape only."""
    model, x = seeded(Volumetric).eval(), volume().float()
    assert raw_map(ScoreCAM, model, x, "conv2", 1).shape == (4, 4, 4)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_hires_cam(layer: str) -> None:
    """Convention: ours is Grad-CAM without pooling; before the ReLU. Tolerance: float32."""
    model, x = plain(inplace=False, build=Flat), picture().double()
    ours = explain(model, x, "grad_cam", target=TARGET, layer=layer, pooling="none", relu=False)
    assert_near(ours.values, raw_map(HiResCAM, model, x, layer))


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_layer_cam(layer: str) -> None:
    """Convention: before the outer ReLU. Tolerance: float32."""
    model, x = plain(inplace=False, build=Flat), picture().double()
    ours = explain(model, x, "layer_cam", target=TARGET, layer=layer, relu=False)
    assert_near(ours.values, raw_map(LayerCAM, model, x, layer))


def test_score_cam() -> None:
    """Convention: a layer as large as the input (they enlarge with aligned corners), logits. Tolerance: float32."""
    model, x = plain(inplace=False), picture().double()
    ours = explain(model, x, "score_cam", target=TARGET, layer="norm", relu=False)
    assert_near(ours.values, raw_map(ScoreCAM, model, x, "norm"), 1e-5)


def transformer() -> nn.Module:
    """Return torchvision's vision transformer in small: 4 x 4 patches and a class token."""
    model = VisionTransformer(
        image_size=16, patch_size=4, num_layers=2, num_heads=3, hidden_dim=12, mlp_dim=24, num_classes=5
    )
    nn.init.normal_(model.heads.head.weight)
    return model


def test_grad_cam_of_a_transformer() -> None:
    """Convention: tokens without the class token as a grid, by a reshape_transform of theirs. Tolerance: float32."""
    model, x = seeded(transformer).eval().double(), picture().double()
    layer = "encoder.layers.encoder_layer_1.ln_1"

    def grid(tokens: Tensor) -> Tensor:
        return tokens[:, 1:].transpose(1, 2).unflatten(2, (4, 4))

    with GradCAM(model, [model.get_submodule(layer)], reshape_transform=grid) as peer:
        theirs = peer(x[None], [ClassifierOutputTarget(TARGET)])[0]
    ours = explain(model, x, "grad_cam", target=TARGET, layer=layer).resized()
    assert_near((ours - ours.min()) / (ours.max() - ours.min()), theirs, 1e-5)
