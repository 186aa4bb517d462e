"""captum 0.9: gradients, paths, layers, occlusion, noise."""

import pytest
import torch
from captum.attr import (
    Deconvolution,
    GuidedBackprop,
    GuidedGradCam,
    InputXGradient,
    IntegratedGradients,
    LayerGradCam,
    NoiseTunnel,
    Saliency,
)
from torch import Tensor, nn

from tests.parity.truths import Guided, assert_near, at_layer, defect, grad_cam, input_gradient, plain, volume
from tests.zoo import Flat, Shared, Volumetric, picture, seeded
from xai_widget import explain, explain_batch
from xai_widget.explainers import IntegratedGradients as IntegratedGradientsMethod

TARGET = 2
TARGETS = [0, 3, 4]
pytestmark = pytest.mark.filterwarnings("ignore:::captum")


def batch() -> Tensor:
    return torch.stack([picture(seed) for seed in range(len(TARGETS))]).double()


def test_saliency() -> None:
    """Convention: signed gradients, ours in `channels`; the map is the largest magnitude. Tolerance: float32."""
    model, x = plain(), batch()
    theirs = Saliency(model).attribute(x.clone(), target=TARGETS, abs=False)
    for ours, expected in zip(explain_batch(model, x, "saliency", targets=TARGETS), theirs, strict=True):
        assert_near(ours.channels, expected)
        assert_near(ours.values, expected.abs().amax(0))


def test_input_x_gradient() -> None:
    """Convention: signed, theirs by channel, ours their sum. Tolerance: float32."""
    model, x = plain(), batch()
    theirs = InputXGradient(model).attribute(x.clone(), target=TARGETS)
    for ours, expected in zip(explain_batch(model, x, "input_x_gradient", targets=TARGETS), theirs, strict=True):
        assert_near(ours.channels, expected)
        assert_near(ours.values, expected.sum(0))


@pytest.mark.parametrize(
    ("rule", "theirs"),
    [
        ("gauss_legendre", "gausslegendre"),
        ("riemann_left", "riemann_left"),
        ("riemann_right", "riemann_right"),
        ("riemann_middle", "riemann_middle"),
    ],
)
@pytest.mark.parametrize("baseline", [0.0, 0.5])
def test_integrated_gradients(rule: str, theirs: str, baseline: float) -> None:
    """Convention: the same nodes and weights; theirs by channel, ours their sum. Tolerance: float32."""
    model, x = plain(build=Flat), batch()
    peer = IntegratedGradients(model).attribute(x, baseline, target=TARGETS, n_steps=17, method=theirs)
    found = explain_batch(model, x, "integrated_gradients", targets=TARGETS, steps=17, baseline=baseline, rule=rule)
    for ours, expected in zip(found, peer, strict=True):
        assert_near(ours.channels, expected)
        assert_near(ours.values, expected.sum(0))


@pytest.mark.parametrize("build", [None, Flat, Shared])
@pytest.mark.parametrize(("method", "peer"), [("guided_backprop", GuidedBackprop), ("deconvolution", Deconvolution)])
def test_modified_gradients(method: str, peer: type, build: type[nn.Module] | None) -> None:
    """Convention: nn.ReLU modules only, one path through each; signed, at the input. Tolerance: float32."""
    model, x = plain() if build is None else plain(build=build), batch()
    theirs = peer(model).attribute(x.clone(), target=TARGETS)
    for ours, expected in zip(explain_batch(model, x, method, targets=TARGETS), theirs, strict=True):
        assert_near(ours.channels, expected)


@pytest.mark.parametrize("build", [None, Flat, Shared])
@pytest.mark.parametrize("layer", ["conv1", "norm", "conv2"])
def test_grad_cam(build: type[nn.Module] | None, layer: str) -> None:
    """Convention: no ReLU, at the layer's size; the layer's own output, whatever is in place behind. Tolerance: float32.

    A module that runs twice is read at its last run by both.
    """
    model, x = plain() if build is None else plain(build=build), batch()
    theirs = LayerGradCam(model, model.get_submodule(layer)).attribute(x, target=TARGETS)[:, 0]
    found = explain_batch(model, x, "grad_cam", targets=TARGETS, layer=layer, relu=False)
    for ours, expected in zip(found, theirs, strict=True):
        assert_near(ours.values, expected)


def test_their_grad_cam_is_the_truth_too() -> None:
    """Convention: as above, against plain autograd. Tolerance: 1e-9 of float64."""
    model, x = plain(), picture().double()
    theirs = LayerGradCam(model, model.conv2).attribute(x[None], target=TARGET)[0, 0]
    assert_near(theirs, grad_cam(*at_layer(model, x, TARGET, "conv2")), 1e-9)


def test_grad_cam_of_a_volume() -> None:
    """Convention: as in two dimensions. Tolerance: float32."""
    model, x = seeded(Volumetric).eval().double(), volume()
    theirs = LayerGradCam(model, model.conv2).attribute(x[None], target=1)[0, 0]
    ours = explain(model, x, "grad_cam", target=1, layer="conv2", relu=False)
    assert_near(ours.values, theirs)


def linear(z: Tensor) -> Tensor:
    return (z * torch.tensor([1.0, -2.0, 3.0], dtype=z.dtype)).sum(1, keepdim=True)


@pytest.mark.parametrize("layer", ["norm", "conv2"])
def test_guided_grad_cam(layer: str) -> None:
    """Convention: theirs with interpolate_mode="bilinear" (their default: nearest). Tolerance: float32."""
    model, x = plain(build=Flat), batch()
    peer = GuidedGradCam(model, model.get_submodule(layer))
    theirs = peer.attribute(x.clone(), target=TARGETS, interpolate_mode="bilinear")
    for ours, expected in zip(
        explain_batch(model, x, "guided_grad_cam", targets=TARGETS, layer=layer), theirs, strict=True
    ):
        assert_near(ours.channels, expected)


STATISTICS = {"mean": "smoothgrad", "squared": "smoothgrad_sq", "variance": "vargrad"}


def drawn(samples: int, spread: float) -> Tensor:
    """Return the noise that captum draws behind `torch.manual_seed(0)`, and leave the seed at 0."""
    torch.manual_seed(0)
    noise = torch.normal(0, torch.full((samples, 3, 16, 16), spread))
    torch.manual_seed(0)
    return noise


@pytest.mark.parametrize("statistic", STATISTICS)
def test_smooth_grad_with_the_same_noise(statistic: str) -> None:
    """Convention: absolute spread, signed gradients (abs=False), their draws given to ours. Tolerance: float32."""
    model, x = plain(build=Flat), picture().double()
    noise = drawn(20, 0.3)
    theirs = NoiseTunnel(Saliency(model)).attribute(
        x[None].clone(), nt_type=STATISTICS[statistic], nt_samples=20, stdevs=0.3, target=TARGET, abs=False
    )[0]
    ours = explain(model, x, "smooth_grad", target=TARGET, noise=noise, statistic=statistic)
    assert_near(ours.channels, theirs)
    assert_near(ours.values, theirs.abs().amax(0))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_noise_tunnel_around_integrated_gradients_with_the_same_noise(statistic: str) -> None:
    """Convention: as above, around five Gauss-Legendre steps. Tolerance: float32."""
    model, x = plain(build=Flat), picture().double()
    noise = drawn(6, 0.3)
    theirs = NoiseTunnel(IntegratedGradients(model)).attribute(
        x[None].clone(), nt_type=STATISTICS[statistic], nt_samples=6, stdevs=0.3, target=TARGET, n_steps=5
    )[0]
    ours = explain(
        model,
        x,
        "noise_tunnel",
        target=TARGET,
        of=IntegratedGradientsMethod(steps=5),
        noise=noise,
        statistic=statistic,
    )
    assert_near(ours.channels, theirs)


@defect("D12", "the trapezoid's weights sum to (n-1)/n")
def test_integrated_gradients_of_a_linear_model_by_trapezoids() -> None:
    """Convention: baseline 0; any quadrature is exact for a constant integrand. Tolerance: 1e-6."""
    x = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    theirs = IntegratedGradients(linear).attribute(x, target=0, method="riemann_trapezoid")
    assert_near(theirs, x * torch.tensor([1.0, -2.0, 3.0]), 1e-6)


@defect("D13", "vargrad is E[a²] - E[a]² in float32, which is noise, and may even be negative")
def test_vargrad_of_a_steep_model() -> None:
    """Convention: variance of the signed gradients 1000 + 2e-3 (x + noise). Tolerance: 50 % of 4e-6."""

    def steep(z: Tensor) -> Tensor:
        return (1000 * z + 1e-3 * z**2).sum(1, keepdim=True)

    torch.manual_seed(0)
    theirs = NoiseTunnel(Saliency(steep)).attribute(
        torch.zeros(1, 3), nt_type="vargrad", nt_samples=1000, stdevs=1.0, target=0, abs=False
    )
    assert_near(theirs, torch.full((1, 3), 4e-6), 0.5)


class SplitRelu(nn.Module):
    """relu(h) - 2h: what feeds the ReLU feeds something else too."""

    def __init__(self, relu: nn.Module) -> None:
        super().__init__()
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        h = x * 1.0
        return (self.relu(h) - 2 * h).sum(1, keepdim=True)


@defect("D14", "the gradient of the ReLU's input is clamped, with what other paths bring")
def test_guided_backprop_beside_another_path() -> None:
    """Convention: only what passes the ReLU is clamped. Tolerance: 1e-9 of float64."""
    x = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
    theirs = GuidedBackprop(SplitRelu(nn.ReLU())).attribute(x[None].clone(), target=0)[0]
    assert_near(theirs, input_gradient(SplitRelu(Guided()), x, 0), 1e-9)


class Raising(nn.Module):
    """Fails in its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, _x: Tensor) -> Tensor:
        message = "of the model"
        raise ArithmeticError(message)


@defect("D15", "where the model raises, the input is left asking for gradients")
def test_a_models_error_leaves_the_input() -> None:
    """Convention: what is passed is as it was. Tolerance: none."""
    given = torch.zeros(1, 3)
    with pytest.raises(ArithmeticError):
        GuidedBackprop(Raising()).attribute(given, target=0)
    assert not given.requires_grad
