"""CAM, Grad-CAM and Grad-CAM++ against closed forms and plain autograd."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.zoo import CLASSES, Flat, Plain, Shared, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, TargetNotScored, explain, explain_batch, explain_layers


def activations_and_gradients(model: nn.Module, x: Tensor, target: int, layer: str) -> tuple[Tensor, Tensor]:
    """What the layer gives and the gradient there, by nothing but autograd on an untouched copy of its output."""
    kept: list[Tensor] = []

    def hook(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    handle = model.get_submodule(layer).register_forward_hook(hook)
    score = model(x[None])[0, target]
    handle.remove()
    return kept[-1].detach()[0], torch.autograd.grad(score, kept[-1])[0][0]


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


def test_cam_is_the_head_read_at_every_position_without_bias() -> None:
    model = trained_statistics(seeded(Plain)).eval()
    x = picture()
    with torch.no_grad():
        a = model.features(x[None])[0]
        expected = torch.einsum("k,kij->ij", model.fc.weight[3], a)
    found = explain(model, x, "cam", target=3)
    assert found.layer == "relu2"
    assert found.signed
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-6)
    with torch.no_grad():
        logit = model(x[None])[0, 3]
    assert found.values.mean() + float(model.fc.bias[3].detach()) == pytest.approx(float(logit), abs=1e-5)


def test_cam_equals_grad_cam_times_the_positions_on_a_linear_head() -> None:
    model = trained_statistics(seeded(Plain)).eval()
    cam = explain(model, picture(), "cam", target=0).values
    grad_cam = explain(model, picture(), "grad_cam", target=0, relu=False).values
    assert cam == pytest.approx(grad_cam * grad_cam.size, rel=1e-4, abs=1e-6)


def test_cam_refuses_a_flat_head_and_names_what_works() -> None:
    with pytest.raises(ValueError, match=r"global average pooling.*grad_cam"):
        explain(seeded(Flat).eval(), picture(), "cam")


class Rectified(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
        self.classifier = nn.Conv2d(6, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.body(x)).relu().mean((2, 3))


def test_cam_reads_a_pointwise_head_and_differs_from_grad_cam_behind_its_relu() -> None:
    model = seeded(Rectified).eval()
    with torch.no_grad():
        a = model.body(picture()[None])[0]
        expected = torch.einsum("k,kij->ij", model.classifier.weight[1, :, 0, 0], a)
    cam = explain(model, picture(), "cam", target=1)
    assert cam.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-6)
    a, g = activations_and_gradients(model, picture(), 1, "body")
    grad_cam = explain(model, picture(), "grad_cam", target=1, layer="body", relu=False).values
    assert grad_cam == pytest.approx(torch.einsum("k,kij->ij", g.mean((1, 2)), a).numpy(), rel=1e-5, abs=1e-7)
    assert cam.values != pytest.approx(grad_cam * grad_cam.size, rel=1e-2)


@pytest.mark.parametrize("method", ["grad_cam", "cam"])
def test_a_contrast_is_the_difference_of_the_maps_and_keeps_its_sign(method: str) -> None:
    model = trained_statistics(seeded(Plain)).eval()
    a, b = (explain(model, picture(), method, target=t, relu=False).values for t in (1, 3))
    found = explain(model, picture(), method, target=Contrast(1, 3))
    assert found.signed
    assert found.label == "class 1 rather than class 3"
    assert found.values == pytest.approx(a - b, rel=1e-4, abs=1e-7)


def test_a_callable_target_is_differentiated() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    a, b = (explain(model, picture(), "grad_cam", target=t, layer="relu2", relu=False).values for t in (1, 3))
    found = explain(model, picture(), target=lambda logits: 2 * logits[:, 1] + logits[:, 3], layer="relu2", relu=False)
    assert found.values == pytest.approx(2 * a + b, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("build", [Plain, Flat])
@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_pp"])
def test_a_batch_gives_what_its_inputs_give_alone(build: type[nn.Module], method: str) -> None:
    model = trained_statistics(seeded(build)).eval()
    inputs = torch.stack([picture(seed) for seed in range(4)])
    targets = [0, 3, 1, 1]
    together = explain_batch(model, inputs, method, targets=targets)
    for x, target, found in zip(inputs, targets, together, strict=True):
        alone = explain(model, x, method, target=target)
        assert found.values == pytest.approx(alone.values, rel=1e-4, abs=1e-7)
        assert found.target == target


@pytest.mark.parametrize("build", [Plain, Flat])
def test_another_target_is_answered_from_what_was_kept(build: type[nn.Module]) -> None:
    model = trained_statistics(seeded(build)).eval()
    first = explain(model, picture(), "grad_cam", target=0)
    expected = [explain(model, picture(), "grad_cam", target=t).values for t in range(CLASSES)]
    del model
    assert first.maps(range(CLASSES)) == pytest.approx(np.stack(expected), rel=1e-5, abs=1e-8)
    assert first.for_target(4).meta["forwards"] == first.meta["forwards"]


def test_a_loaded_attribution_says_that_it_cannot_answer(tmp_path: pytest.TempPathFactory) -> None:
    from xai_widget import Attribution

    saved = explain(seeded(Plain).eval(), picture(), target=2)
    path = saved.save(tmp_path / "map.npz")
    loaded = Attribution.load(path)
    assert np.array_equal(loaded.values, saved.values)
    assert (loaded.method, loaded.target, loaded.label, loaded.layer) == ("grad_cam", 2, "class 2", "relu2")
    with pytest.raises(TargetNotScored, match="explain"):
        loaded.for_target(1)


def test_many_layers_are_one_forward_and_equal_single_ones() -> None:
    calls = []
    model = trained_statistics(seeded(Flat)).eval()
    names = ["conv1", "norm", "conv2", "relu2"]
    singles = {name: explain(model, picture(), target=1, layer=name).values for name in names}
    again = trained_statistics(seeded(Flat)).eval()
    again.conv1.register_forward_hook(lambda *_: calls.append(1))
    maps = explain_layers(again, picture(), names, target=1)
    assert list(maps) == names
    # One pass measures the model, one captures all layers; a copied hook counts both.
    assert len(calls) == 2
    for name in names:
        assert maps[name].values == pytest.approx(singles[name], rel=1e-5, abs=1e-8)


def test_fused_layers_are_the_mean_of_maps_scaled_to_their_maximum_on_the_finest_grid() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    fine = explain(model, picture(), target=1, layer="norm").values
    coarse = explain(model, picture(), target=1, layer="conv2")
    expected = (fine / np.abs(fine).max() + coarse.resized() / np.abs(coarse.values).max()) / 2
    fused = explain(model, picture(), target=1, layer=["norm", "conv2"])
    assert fused.layer == ("norm", "conv2")
    assert "maximum magnitude" in fused.meta["fused"]
    assert fused.values == pytest.approx(expected, rel=1e-4, abs=1e-6)


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
