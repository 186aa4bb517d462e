"""Grad-CAM, Grad-CAM++ and LayerCAM against their formulas, with gradients from plain autograd."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from tests.cams import activations_and_gradients, flat_by_hand
from tests.zoo import CLASSES, Flat, Plain, Shared, Volumetric, picture, seeded, trained_statistics
from xai_widget import explain


@pytest.fixture(params=[Plain, Flat, Shared])
def model(request: pytest.FixtureRequest) -> nn.Module:
    return trained_statistics(seeded(request.param)).eval().double()


LAYERS = ("conv1", "norm", "conv2")


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("target", range(CLASSES))
def test_grad_cam_is_the_mean_gradient_times_the_activation(model: nn.Module, layer: str, target: int) -> None:
    x = picture().double()
    a, g = activations_and_gradients(model, x, target, layer)
    raw = torch.einsum("k,kij->ij", g.mean((1, 2)), a)
    found = explain(model, x, "grad_cam", target=target, layer=layer, relu=False)
    assert found.values == pytest.approx(raw.numpy(), rel=1e-5, abs=1e-7)
    rectified = explain(model, x, "grad_cam", target=target, layer=layer)
    assert rectified.values == pytest.approx(raw.clamp(min=0).numpy(), rel=1e-5, abs=1e-7)
    assert found.signed
    assert not rectified.signed


@pytest.mark.parametrize("layer", LAYERS)
def test_grad_cam_pp_is_equation_19(model: nn.Module, layer: str) -> None:
    x = picture().double()
    a, g = activations_and_gradients(model, x, 2, layer)
    # As the paper writes it; float64 and no stabiliser (alpha is 0 where the gradient is).
    divisor = 2 * g**2 + a.sum((1, 2), keepdim=True) * g**3
    alpha = torch.where(g != 0, g**2 / torch.where(g != 0, divisor, torch.ones_like(g)), torch.zeros_like(g))
    weights = (alpha * g.clamp(min=0)).sum((1, 2))
    expected = torch.einsum("k,kij->ij", weights, a).clamp(min=0)
    found = explain(model, x, "grad_cam_pp", target=2, layer=layer)
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-9)


def test_grad_cam_pp_weights_do_not_degrade_for_the_small_gradients_of_a_pooled_head() -> None:
    """Gradients behind a 7 x 7 pooling are about 1e-4: a stabiliser would turn the weights into sums of relu(g)^3."""
    model = seeded(Plain).eval()
    model.fc.weight.data.mul_(1e-4)
    x = picture()
    a, g = activations_and_gradients(model.double(), x.double(), 2, "relu2")
    weights = (g.clamp(min=0) / (2 + a.sum((1, 2), keepdim=True) * g)).sum((1, 2))
    expected = torch.einsum("k,kij->ij", weights, a).clamp(min=0).numpy()
    found = explain(model.float(), x, "grad_cam_pp", target=2, layer="relu2").values
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99999


def test_grad_cam_works_on_volumes_that_are_not_cubes() -> None:
    model = seeded(Volumetric).eval()
    x = torch.randn(1, 6, 10, 8, generator=torch.Generator().manual_seed(0))
    a, g = activations_and_gradients(model, x, 1, "conv2")
    expected = torch.einsum("k,kdij->dij", g.mean((1, 2, 3)), a).clamp(min=0)
    found = explain(model, x, "grad_cam", target=1, layer="conv2")
    assert found.values.shape == (3, 5, 4)
    assert found.resized().shape == (6, 10, 8)
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-8)


def test_the_captured_layer_is_read_before_an_in_place_relu() -> None:
    model = trained_statistics(seeded(Plain)).eval()
    with torch.no_grad():
        expected = model.conv2(model.relu1(model.norm(model.conv1(picture()[None]))))[0]
    a, _ = activations_and_gradients(model, picture(), 1, "conv2")
    assert torch.allclose(a, expected)
    assert a.min() < 0
    found = explain(model, picture(), target=1, layer="conv2", relu=False)
    assert found.values.min() < 0


POOLINGS = {
    "mean": lambda g: g.mean((1, 2), keepdim=True),
    "max": lambda g: g.amax((1, 2), keepdim=True),
    "sum": lambda g: g.sum((1, 2), keepdim=True),
    "none": lambda g: g,
}


@pytest.fixture
def flat() -> Flat:
    return trained_statistics(seeded(Flat)).eval().double()


@pytest.mark.parametrize("layer", ["conv1", "norm", "conv2", "relu2"])
@pytest.mark.parametrize("kind", ["plain", "guided", "deconv"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_and_backward_of_the_ablation(flat: Flat, pooling: str, kind: str, layer: str) -> None:
    x = picture().double()
    a, g = flat_by_hand(flat, x, 3, layer, kind)
    expected = (POOLINGS[pooling](g) * a).sum(0)
    found = explain(flat, x, "grad_cam", target=3, layer=layer, pooling=pooling, gradient=kind, relu=False)
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-7)
    assert np.abs(found.values).max() > 1e-4


def test_the_three_backward_passes_differ(flat: Flat) -> None:
    kinds = ("plain", "guided", "deconv")
    maps = [explain(flat, picture(), target=3, layer="norm", gradient=kind, relu=False).values for kind in kinds]
    for one, other in itertools.combinations(maps, 2):
        assert np.abs(one - other).max() > 0.1 * np.abs(one).max()


@pytest.mark.parametrize("kind", ["plain", "guided", "deconv"])
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_cam_weighs_every_position_by_its_own_positive_gradient(flat: Flat, layer: str, kind: str) -> None:
    x = picture().double()
    a, g = flat_by_hand(flat, x, 1, layer, kind)
    expected = (g.clamp(min=0) * a).sum(0)
    raw = explain(flat, x, "layer_cam", target=1, layer=layer, gradient=kind, relu=False)
    assert raw.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-7)
    assert raw.signed
    rectified = explain(flat, x, "layer_cam", target=1, layer=layer, gradient=kind)
    assert rectified.values == pytest.approx(expected.clamp(min=0).numpy(), rel=1e-5, abs=1e-7)


def test_layer_cam_is_cam_of_the_positive_weights_on_a_pooled_head() -> None:
    model = trained_statistics(seeded(Plain)).eval()
    with torch.no_grad():
        a = model.features(picture()[None])[0]
        expected = torch.einsum("k,kij->ij", model.fc.weight[2].clamp(min=0) / a[0].numel(), a)
    found = explain(model, picture(), "layer_cam", target=2)
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("kind", ["guided", "deconv"])
def test_grad_cam_pp_takes_another_backward(flat: Flat, kind: str) -> None:
    x = picture().double()
    a, g = flat_by_hand(flat, x, 2, "relu2", kind)
    weights = (g.clamp(min=0) / (2 + a.sum((1, 2), keepdim=True) * g)).sum((1, 2))
    expected = torch.einsum("k,kij->ij", weights, a)
    found = explain(flat, x, "grad_cam_pp", target=2, layer="relu2", gradient=kind)
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-7)


def test_grad_cam_pp_gives_no_weight_to_a_pole() -> None:
    """Where activations add up to -2/g the formula has no finite weight, and the map must stay finite."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Tanh(), nn.Flatten(), nn.Linear(4, 2, bias=False)).double()
    model[0].weight.data.fill_(1)
    model[3].weight.data.fill_(1)
    x = torch.full((1, 2, 2), -0.5, dtype=torch.float64)
    found = explain(model, x, "grad_cam_pp", target=0, layer="0", relu=False)
    a = x[0]
    g = 1 - torch.tanh(a) ** 2
    assert found.values == pytest.approx((g / (2 + a.sum() * g)).sum().item() * a.numpy(), rel=1e-5)
    pole = torch.full((1, 2, 2), -0.5)
    model[1] = nn.Identity()
    assert explain(model, pole, "grad_cam_pp", target=0, layer="0", relu=False).values == pytest.approx(0)


@pytest.mark.parametrize("method", ["grad_cam_pp", "layer_cam"])
def test_volumes_have_the_formula_of_pictures(method: str) -> None:
    model = seeded(Volumetric).eval()
    x = torch.randn(1, 6, 10, 8, generator=torch.Generator().manual_seed(0))
    a, g = activations_and_gradients(model, x, 1, "conv1")
    if method == "grad_cam_pp":
        divisor = 2 + a.sum((1, 2, 3), keepdim=True) * g
        expected = torch.einsum("k,kdij->dij", (g.clamp(min=0) / divisor).sum((1, 2, 3)), a)
    else:
        expected = (g.clamp(min=0) * a).sum(0)
    found = explain(model, x, method, target=1, layer="conv1", relu=False)
    assert found.values.shape == (6, 10, 8)
    assert found.values == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-8)
