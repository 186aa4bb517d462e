"""Integrated Grad-CAM against sums along the path that are written out, and the closed forms of linear networks."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.cams import activations_and_gradients, empty_case, flat_by_hand
from tests.zoo import CLASSES, Flat, Plain, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, explain
from xai_widget.explainers import IntegratedGradCam
from xai_widget.explainers.noise_tunnel import NoiseTunnel


@pytest.fixture
def flat() -> Flat:
    return trained_statistics(seeded(Flat)).eval().double()


def pool(g: Tensor, pooling: str) -> Tensor:
    places = tuple(range(1, g.ndim))
    match pooling:
        case "mean":
            return g.mean(places, keepdim=True)
        case "max":
            return g.amax(places, keepdim=True)
        case "sum":
            return g.sum(places, keepdim=True)
    return g


def published(at, x: Tensor, x0: Tensor, steps: int, pooling: str = "mean", *, relu: bool = True) -> np.ndarray:
    """∫ of the definition with Gauss-Legendre nodes, one point after another; `at(x)` gives A and g."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    a0, _ = at(x0)
    total = torch.zeros(a0.shape[1:], dtype=torch.float64)
    for node, weight in zip(nodes, weights, strict=True):
        a, g = at(x0 + (node + 1) / 2 * (x - x0))
        along = (pool(g, pooling) * (a - a0)).sum(0)
        total += weight / 2 * (along.clamp(min=0) if relu else along)
    return total.detach().numpy()


def increments(at, x: Tensor, x0: Tensor, steps: int, pooling: str = "mean") -> np.ndarray:
    """Trapezoids between neighbouring points."""
    points = [at(x0 + t / steps * (x - x0)) for t in range(steps + 1)]
    total = torch.zeros(points[0][0].shape[1:], dtype=torch.float64)
    for (a, g), (b, h) in itertools.pairwise(points):
        total += ((pool(g, pooling) + pool(h, pooling)) / 2 * (b - a)).sum(0)
    return total.detach().numpy()


@pytest.mark.parametrize("layer", ["conv1", "norm", "conv2", "relu2"])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_published_form_is_a_sum_along_the_path(flat: Flat, layer: str, relu: bool, steps: int) -> None:
    x = picture().double()
    expected = published(
        lambda at: activations_and_gradients(flat, at, 3, layer), x, torch.zeros_like(x), steps, relu=relu
    )
    found = explain(flat, x, "integrated_grad_cam", target=3, layer=layer, steps=steps, relu=relu)
    assert np.abs(expected).max() > 1e-5
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-8)
    assert found.signed != relu


@pytest.mark.parametrize("path", ["published", "increment"])
@pytest.mark.parametrize("kind", ["plain", "guided", "deconv"])
@pytest.mark.parametrize("pooling", ["mean", "max", "sum", "none"])
def test_every_pooling_and_backward(flat: Flat, pooling: str, kind: str, path: str) -> None:
    x, x0 = picture().double(), torch.full((3, 16, 16), 0.4, dtype=torch.float64)

    def at(point: Tensor) -> tuple[Tensor, Tensor]:
        return flat_by_hand(flat, point, 1, "norm", kind)

    if path == "published":
        expected = published(at, x, x0, 4, pooling, relu=False)
    else:
        expected = increments(at, x, x0, 4, pooling)
    params = {"pooling": pooling, "gradient": kind, "path": path, "steps": 4, "baseline": 0.4}
    found = explain(flat, x, "integrated_grad_cam", target=1, layer="norm", relu=False, **params)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert found.meta["path"] == path


def test_increments_are_rectified_at_the_end(flat: Flat) -> None:
    x = picture().double()
    raw = explain(flat, x, "integrated_grad_cam", layer="conv1", path="increment", relu=False, target=1).values
    found = explain(flat, x, "integrated_grad_cam", layer="conv1", path="increment", target=1).values
    assert raw.min() < 0
    assert found == pytest.approx(raw.clip(0), rel=1e-6)


class Smooth(nn.Module):
    """Smooth in its input, so that quadrature of any kind converges to the integral."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 16 * 16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.tanh(self.conv(x)).flatten(1).sin())


def test_gauss_legendre_gives_the_integral_itself() -> None:
    model = seeded(Smooth).eval().double()
    x = picture().double()
    a0, _ = activations_and_gradients(model, torch.zeros_like(x), 2, "conv")
    points = 400  # midpoints
    total = torch.zeros(16, 16, dtype=torch.float64)
    for t in range(points):
        a, g = activations_and_gradients(model, (t + 0.5) / points * x, 2, "conv")
        total += (g.mean((1, 2), keepdim=True) * (a - a0)).sum(0) / points
    found = explain(model, x, "integrated_grad_cam", target=2, layer="conv", relu=False)
    assert found.values == pytest.approx(total.numpy(), rel=1e-4, abs=1e-8)
    few = explain(model, x, "integrated_grad_cam", target=2, layer="conv", relu=False, steps=2)
    assert few.values != pytest.approx(total.numpy(), rel=1e-4, abs=1e-8)


class Linear(nn.Module):
    """Linear from the input to the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.fc = nn.Linear(6 * 64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv2(self.conv1(x)).flatten(1))


@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize(("path", "share"), [("published", 0.5), ("increment", 1.0)])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_a_linear_network_gives_half_the_difference_of_grad_cams_or_all_of_it(
    layer: str, path: str, share: float, steps: int
) -> None:
    model = seeded(Linear).eval().double()
    x, x0 = picture().double(), picture(5).double()
    ends = [explain(model, v, "grad_cam", target=2, layer=layer, relu=False).values for v in (x, x0)]
    found = explain(
        model, x, "integrated_grad_cam", target=2, layer=layer, relu=False, path=path, steps=steps, baseline=x0
    )
    assert found.values == pytest.approx(share * (ends[0] - ends[1]), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("steps", [1, 9])
def test_increments_telescope_where_the_network_above_the_layer_is_linear(steps: int) -> None:
    model = trained_statistics(seeded(Plain)).eval().double()
    x = picture().double()
    ends = [explain(model, v, "grad_cam", target=2, relu=False).values for v in (x, torch.zeros_like(x))]
    found = explain(model, x, "integrated_grad_cam", target=2, relu=False, path="increment", steps=steps)
    assert found.layer == "relu2"
    assert found.values == pytest.approx(ends[0] - ends[1], rel=1e-5, abs=1e-8)
    half = explain(model, x, "integrated_grad_cam", target=2, relu=False, steps=steps).values
    assert half != pytest.approx((ends[0] - ends[1]) / 2, rel=1e-2)  # the network below is not linear


def test_increments_without_pooling_add_up_to_the_difference_of_the_scores(flat: Flat) -> None:
    x, x0 = picture().double(), picture(3).double()
    with torch.no_grad():
        difference = float(flat(x[None])[0, 1] - flat(x0[None])[0, 1])
    params = {"path": "increment", "pooling": "none", "relu": False, "baseline": x0}
    found = explain(flat, x, "integrated_grad_cam", target=1, layer="conv1", steps=300, **params)
    assert found.values.sum() == pytest.approx(difference, rel=1e-3)


def test_a_path_of_no_length_gives_nothing(flat: Flat) -> None:
    found = explain(flat, picture(), "integrated_grad_cam", target=1, baseline=picture(), relu=False)
    assert not found.values.any()


def test_only_the_foreground_leaves_the_baseline(flat: Flat) -> None:
    x = picture().double()
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[3:9, 5:14] = True
    x0 = torch.where(inside, 0.0, x)
    expected = published(lambda at: activations_and_gradients(flat, at, 3, "conv2"), x, x0, 5, relu=False)
    found = explain(
        flat, x, "integrated_grad_cam", target=3, layer="conv2", steps=5, relu=False, mask=inside.numpy()
    ).values
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("target", ["contrast", "callable"])
def test_contrasts_and_callables(flat: Flat, target: str) -> None:
    def margin(logits: Tensor) -> Tensor:
        return logits[:, 1] - logits[:, 3]

    x = picture().double()
    expected = published(
        lambda at: activations_and_gradients(flat, at, margin, "conv2"), x, torch.zeros_like(x), 5, relu=False
    )
    asked = Contrast(1, 3) if target == "contrast" else margin
    relu = None if target == "contrast" else False
    found = explain(flat, x, "integrated_grad_cam", target=asked, layer="conv2", steps=5, relu=relu)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_volumes() -> None:
    model = seeded(Volumetric).eval().double()
    x = torch.randn(1, 6, 10, 8, generator=torch.Generator().manual_seed(0)).double()
    expected = published(lambda at: activations_and_gradients(model, at, 1, "conv1"), x, torch.zeros_like(x), 4)
    found = explain(model, x, "integrated_grad_cam", target=1, layer="conv1", steps=4)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("path", ["published", "increment"])
@pytest.mark.parametrize("chunk", [1, 4])
def test_chunks_change_nothing_and_every_one_gives_an_estimate(
    flat: Flat, monkeypatch: pytest.MonkeyPatch, path: str, chunk: int
) -> None:
    from xai_widget.engine import variants as engine_variants

    inputs = torch.stack([picture(seed) for seed in range(2)]).double()
    method = IntegratedGradCam(steps=6, path=path, relu=False)
    *_, whole = method.estimates(empty_case(flat, inputs, [1, 4], ["norm", "conv2"]))
    monkeypatch.setattr(engine_variants, "LARGEST_CHUNK", 2 * chunk)  # of two inputs
    case = empty_case(flat, inputs, [1, 4], ["norm", "conv2"])
    found = list(method.estimates(case))
    assert [estimate.fraction for estimate in found] == ([i / 6 for i in range(1, 7)] if chunk == 1 else [4 / 6, 1])
    assert found[-1].values.numpy() == pytest.approx(whole.values.numpy(), rel=1e-5, abs=1e-7)
    assert np.abs(found[0].values.numpy() - found[-1].values.numpy()).max() > 1e-3


def test_the_published_integral_grows_along_the_path(flat: Flat, monkeypatch: pytest.MonkeyPatch) -> None:
    from xai_widget.engine import variants as engine_variants

    monkeypatch.setattr(engine_variants, "LARGEST_CHUNK", 1)
    case = empty_case(flat, picture().double()[None], [1], ["conv1"])
    parts = [estimate.values for estimate in IntegratedGradCam(steps=5).estimates(case)]
    assert all((later >= earlier).all() for earlier, later in itertools.pairwise(parts))


@pytest.mark.parametrize("samples", [1, 3])
def test_a_noise_tunnel_without_noise_changes_nothing(flat: Flat, samples: int) -> None:
    x = picture().double()
    own = IntegratedGradCam(steps=3)
    tunnel = NoiseTunnel(of=own, samples=samples, sigma=0.0)
    expected = explain(flat, x, own, target=1, layer="norm").values
    assert explain(flat, x, tunnel, target=1, layer="norm").values == pytest.approx(expected, rel=1e-5, abs=1e-8)
    noisy = explain(flat, x, NoiseTunnel(of=own, samples=samples, sigma=0.2), target=1, layer="norm").values
    assert noisy != pytest.approx(expected, rel=1e-2)


def test_a_noise_tunnel_around_it_is_the_mean_over_noisy_inputs(flat: Flat) -> None:
    x = picture().double()
    noise = 0.3 * torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(4)).double()
    own = IntegratedGradCam(steps=3)
    expected = np.mean([explain(flat, x + n, own, target=1, layer="norm").values for n in noise], axis=0)
    found = explain(flat, x, NoiseTunnel(of=own, samples=3, noise=noise.numpy()), target=1, layer="norm").values
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-8)
