"""Every method on a volume whose sides all differ, against its formula written out for three axes."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from tests.attention_by_hand import built, full_attribution, full_rollout, maps_and_gradients
from tests.cams import Deconvolved, Guided, activations_and_gradients
from tests.transformer_zoo import TimmViT
from tests.zoo import Scan, seeded, volume
from xai_widget import explain, explain_batch, methods
from xai_widget.explainers import Rise
from xai_widget.explainers.lime import draws

Floats = NDArray[np.floating[Any]]

SIZE = (10, 12, 14)
GRID = (5, 6, 7)
TARGET = 1
# Three slabs that no axis can be mistaken for, and what is left.
REGIONS = np.zeros(SIZE, np.int64)
REGIONS[:4], REGIONS[4:, :5], REGIONS[4:, 5:, :9] = 7, 3, 12


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return seeded(Scan).eval().double()


def near(expected: Any, tolerance: float = 1e-5) -> Any:
    expected = expected.detach().numpy() if isinstance(expected, Tensor) else np.asarray(expected)
    assert np.abs(expected).max() > 0
    return pytest.approx(expected, rel=tolerance, abs=tolerance * 0.1 * float(np.abs(expected).max()))


def score(model: nn.Module, batch: Tensor, kind: str = "logit") -> Tensor:
    with torch.no_grad():
        logits = model(batch)
    return (logits if kind == "logit" else logits.softmax(1))[:, TARGET]


def gradient(model: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The gradient of the score at one input, `[C, *S]`."""
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(model(leaf[None])[0, TARGET], leaf)[0]


def enlarged(values: Tensor) -> Tensor:
    return functional.interpolate(values[None, None], size=SIZE, mode="trilinear", align_corners=False)[0, 0]


# -- maps at the layer ------------------------------------------------------------------------------------------------


def cam(model: nn.Module, x: Tensor) -> Tensor:
    a, _ = activations_and_gradients(model, x, TARGET, "relu2")
    return torch.einsum("k,kdhw->dhw", model.fc.weight[TARGET], a)


def grad_cam(model: nn.Module, x: Tensor) -> Tensor:
    a, g = activations_and_gradients(model, x, TARGET, "relu2")
    return torch.einsum("k,kdhw->dhw", g.mean((1, 2, 3)), a)


def grad_cam_pp(model: nn.Module, x: Tensor) -> Tensor:
    a, g = activations_and_gradients(model, x, TARGET, "relu2")
    weight = (g.clamp(min=0) / (2 + a.sum((1, 2, 3), keepdim=True) * g)).sum((1, 2, 3))
    return torch.einsum("k,kdhw->dhw", weight, a)


def layer_cam(model: nn.Module, x: Tensor) -> Tensor:
    a, g = activations_and_gradients(model, x, TARGET, "relu2")
    return (g.clamp(min=0) * a).sum(0)


def signed(values: Tensor) -> Tensor:
    return values


def rectified(values: Tensor) -> Tensor:
    return values.clamp(min=0)


def integrated_grad_cam(model: nn.Module, x: Tensor, rectify: Callable[[Tensor], Tensor]) -> Tensor:
    """The published integral: ReLU(w · (A(α) − A₀)) at six points of the path."""
    origin, _ = activations_and_gradients(model, 0 * x, TARGET, "relu2")
    nodes, shares = np.polynomial.legendre.leggauss(6)
    total = torch.zeros(GRID, dtype=x.dtype)
    for alpha, share in zip((nodes + 1) / 2, shares / 2, strict=True):
        a, g = activations_and_gradients(model, float(alpha) * x, TARGET, "relu2")
        total += float(share) * rectify(torch.einsum("k,kdhw->dhw", g.mean((1, 2, 3)), a - origin))
    return total


def score_cam(model: nn.Module, x: Tensor) -> Tensor:
    a, _ = activations_and_gradients(model, x, TARGET, "relu2")
    kept = []
    for channel in a:
        mask = enlarged(channel)
        if mask.max() - mask.min() > 1e-5 * mask.abs().max():
            mask = (mask - mask.min()) / (mask.max() - mask.min())
            kept.append((channel, score(model, (x * mask)[None])[0]))
    weights = torch.stack([y for _, y in kept]).softmax(0)
    return torch.einsum("k,kdhw->dhw", weights, torch.stack([channel for channel, _ in kept]))


AT_THE_LAYER: dict[str, Callable[..., Tensor]] = {
    "cam": lambda model, x, rectify: rectify(cam(model, x)),
    "grad_cam": lambda model, x, rectify: rectify(grad_cam(model, x)),
    "grad_cam_pp": lambda model, x, rectify: rectify(grad_cam_pp(model, x)),
    "layer_cam": lambda model, x, rectify: rectify(layer_cam(model, x)),
    "integrated_grad_cam": integrated_grad_cam,
    "score_cam": lambda model, x, rectify: rectify(score_cam(model, x)),
}


@pytest.mark.parametrize("method", AT_THE_LAYER)
@pytest.mark.parametrize("rectify", [signed, rectified])
def test_maps_at_the_layer(model: nn.Module, method: str, rectify: Callable[[Tensor], Tensor]) -> None:
    expected = AT_THE_LAYER[method](model, volume(SIZE), rectify).detach()
    params = {"steps": 6} if method == "integrated_grad_cam" else {}
    found = explain(model, volume(SIZE), method, target=TARGET, relu=rectify is rectified, **params)
    assert found.layer == "relu2"
    assert found.values.shape == GRID
    assert found.values == near(expected)
    assert found.resized() == near(enlarged(expected))


def test_cam_is_grad_cam_times_the_places_of_the_layer(model: nn.Module) -> None:
    maps = [explain(model, volume(SIZE), method, target=TARGET, relu=False).values for method in ("cam", "grad_cam")]
    assert maps[0] == near(maps[1] * np.prod(GRID))


# -- maps at the input ------------------------------------------------------------------------------------------------


class WithRelu(nn.Module):
    """`Scan` with the ReLU of a paper."""

    def __init__(self, model: nn.Module, relu: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.relu = model, relu

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.model.conv2(self.relu(self.model.conv1(x))))
        return self.model.fc(h.mean((2, 3, 4)))


def along(model: nn.Module, x: Tensor, points: Floats, weights: Floats) -> Iterator[tuple[float, Tensor]]:
    for point, weight in zip(points, weights, strict=True):
        yield float(weight), gradient(model, float(point) * x)


def integrated_gradients(model: nn.Module, x: Tensor) -> Tensor:
    points, weights = np.polynomial.legendre.leggauss(8)
    return x * sum(weight * g for weight, g in along(model, x, (1 + points) / 2, weights / 2))


def interior_gradients(model: nn.Module, x: Tensor) -> Tensor:
    weights = np.array([0.5, 1, 1, 1, 0.5]) / 4
    return torch.stack([weight * g.abs() for weight, g in along(model, x, np.linspace(0, 1, 5), weights)]).sum(0)


NOISE = 0.3 * torch.randn(4, 1, *SIZE, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def smooth_grad(model: nn.Module, x: Tensor) -> Tensor:
    return torch.stack([gradient(model, x + noise) for noise in NOISE]).mean(0).abs()


def noise_tunnel(model: nn.Module, x: Tensor) -> Tensor:
    return torch.stack([(x + noise) * gradient(model, x + noise) for noise in NOISE]).mean(0)


def guided_grad_cam(model: nn.Module, x: Tensor) -> Tensor:
    guided = gradient(WithRelu(model, Guided.apply), x)
    return (guided * enlarged(grad_cam(model, x).detach().clamp(min=0))).abs()


AT_THE_INPUT: dict[str, tuple[Callable[[nn.Module, Tensor], Tensor], dict[str, Any]]] = {
    "saliency": (lambda model, x: gradient(model, x).abs(), {}),
    "input_x_gradient": (lambda model, x: x * gradient(model, x), {}),
    "integrated_gradients": (integrated_gradients, {"steps": 8}),
    "interior_gradients": (interior_gradients, {"steps": 5}),
    "smooth_grad": (smooth_grad, {"noise": NOISE}),
    "noise_tunnel": (noise_tunnel, {"noise": NOISE, "of": "input_x_gradient"}),
    "guided_backprop": (lambda model, x: gradient(WithRelu(model, Guided.apply), x), {}),
    "deconvolution": (lambda model, x: gradient(WithRelu(model, Deconvolved.apply), x), {}),
    "guided_grad_cam": (guided_grad_cam, {}),
}


@pytest.mark.parametrize("method", AT_THE_INPUT)
def test_maps_at_the_input(model: nn.Module, method: str) -> None:
    formula, params = AT_THE_INPUT[method]
    found = explain(model, volume(SIZE), method, target=TARGET, **params)
    expected = formula(model, volume(SIZE))[0]
    if not found.signed:
        expected = expected.abs()
    assert found.values.shape == SIZE
    assert found.values == near(expected)


def test_integrated_gradients_of_a_volume_add_up(model: nn.Module) -> None:
    x = volume(SIZE)
    found = explain(model, x, "integrated_gradients", target=TARGET, steps=200)
    difference = float(score(model, x[None]) - score(model, 0 * x[None]))
    assert found.values.sum(dtype=float) == pytest.approx(difference, rel=1e-3)


# -- perturbations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "stride"), [(7, 5), (4, 3), (10, 10)])
@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_occlusion_is_the_drop_of_one_window_after_the_other(
    model: nn.Module, window: int, stride: int, reduce: str
) -> None:
    x = volume(SIZE)
    total, count = np.zeros(SIZE), np.zeros(SIZE)
    starts = [sorted({*range(0, length - window + 1, stride), length - window}) for length in SIZE]
    for corner in product(*starts):
        box = tuple(slice(start, start + window) for start in corner)
        covered = x.clone()
        covered[(0, *box)] = 0.4
        total[box] += float(score(model, x[None]) - score(model, covered[None]))
        count[box] += 1
    ask = {"window": window, "stride": stride, "fill": 0.4, "reduce": reduce}
    found = explain(model, x, "occlusion", target=TARGET, **ask)
    assert found.meta["windows"] == len(list(product(*starts)))
    assert found.values == near(total / count if reduce == "mean" else total)


def masks_of(method: Rise) -> Floats:
    """RISE's masks at the volume's size, enlarged by nothing of ours."""
    edits, full = method._masks(SIZE), []
    for cells, shift in zip(edits.low_res, edits.shift, strict=True):
        larger = [length + -(-length // n) for length, n in zip(SIZE, cells.shape, strict=True)]
        places = [
            np.clip((np.arange(length) + start + 0.5) * n / more - 0.5, 0, n - 1)
            for length, start, n, more in zip(SIZE, shift, cells.shape, larger, strict=True)
        ]
        where = np.meshgrid(*places, indexing="ij")
        full.append(ndimage.map_coordinates(cells.astype(float), where, order=1, mode="nearest"))
    return np.stack(full)


def test_rise_is_the_mean_score_where_a_place_was_visible(model: nn.Module) -> None:
    found = explain(model, volume(SIZE), "rise", target=TARGET, samples=30, cells=4, seed=2)
    masks = masks_of(Rise(samples=30, cells=4, seed=2))
    y = score(model, volume(SIZE) * torch.from_numpy(masks)[:, None], "probability").numpy()
    assert found.values == near(np.einsum("n,ndhw->dhw", y, masks) / masks.sum(0))


def switched(x: Tensor, labels: NDArray[np.int64], keep: NDArray[np.bool_], fill: float) -> Tensor:
    """The volume with some regions (their numbers in rising order) covered, a row for each row of `keep`."""
    numbers = np.unique(labels)
    kept = np.stack([np.isin(labels, numbers[row]) for row in keep])
    return torch.where(torch.from_numpy(kept)[:, None], x, torch.tensor(fill, dtype=x.dtype))


def test_lime_is_the_weighted_least_squares_fit_to_an_atlas(model: nn.Module) -> None:
    keep = draws(40, 4, 0)
    y = score(model, switched(volume(SIZE), REGIONS, keep, 0.1), "probability").numpy()
    root = np.sqrt(np.exp(-((1 - np.sqrt(keep.mean(1))) ** 2) / (2 * 0.25**2)))
    design = np.hstack([np.ones((40, 1)), keep]) * root[:, None]
    fitted = np.linalg.lstsq(design, y * root, rcond=None)[0][1:]
    found = explain(model, volume(SIZE), "lime", target=TARGET, segments=REGIONS, samples=40, fill=0.1, alpha=0)
    assert found.arrays["numbers"].tolist() == [0, 3, 7, 12]
    assert found.arrays["coefficients"] == near(fitted)
    assert found.values == near(fitted[np.searchsorted([0, 3, 7, 12], REGIONS)])


def test_kernel_shap_is_the_shapley_value_of_the_regions(model: nn.Module) -> None:
    coalitions = np.array(list(product([False, True], repeat=4)))
    y = score(model, switched(volume(SIZE), REGIONS, coalitions, 0.0)).numpy()
    worth = dict(zip(map(tuple, coalitions.tolist()), y, strict=True))
    share = {0: 1 / 4, 1: 1 / 12, 2: 1 / 12, 3: 1 / 4}  # |S|! (3 - |S|)! / 4!
    shapley = np.zeros(4)
    for player, members in product(range(4), worth):
        if not members[player]:
            joined = tuple(member or index == player for index, member in enumerate(members))
            shapley[player] += share[sum(members)] * (worth[joined] - worth[members])
    found = explain(model, volume(SIZE), "kernel_shap", target=TARGET, segments=REGIONS, fill="zero")
    assert found.meta["exact"]
    assert found.arrays["coefficients"] == near(shapley)
    assert found.values[0, 0, 0] == pytest.approx(shapley[2], rel=1e-5)  # region 7
    assert found.values[9, 11, 13] == pytest.approx(shapley[0], rel=1e-5)  # what is left, region 0


@pytest.mark.parametrize("method", ["lime", "kernel_shap"])
def test_supervoxels_of_slic_fill_the_volume(model: nn.Module, method: str) -> None:
    found = explain(model, volume(SIZE), method, target=TARGET, n_segments=8, samples=60)
    labels = found.arrays["labels"]
    assert labels.shape == SIZE
    assert np.array_equal(np.unique(labels), np.arange(found.meta["segments"]))
    assert 4 <= found.meta["segments"] <= 16
    assert found.values == near(found.arrays["coefficients"][labels])


# -- relevance --------------------------------------------------------------------------------------------------------


def test_lrp_of_a_network_without_biases_conserves_the_score_and_is_input_times_gradient() -> None:
    model = seeded(Scan).eval().double()
    for layer in (model.conv1, model.conv2, model.fc):
        layer.bias.data.zero_()
    x = volume(SIZE)
    found = explain(model, x, "lrp", target=TARGET, composite="epsilon", epsilon=0)
    assert found.values == near((x * gradient(model, x))[0])
    for composite in ("epsilon", "epsilon_plus", "epsilon_alpha2_beta1_flat"):
        total = explain(model, x, "lrp", target=TARGET, composite=composite, epsilon=1e-12).values.sum(dtype=float)
        assert total == pytest.approx(float(score(model, x[None])), rel=1e-4), composite


# -- attention --------------------------------------------------------------------------------------------------------


def test_attention_of_a_volume_transformer_is_the_product_of_its_matrices() -> None:
    size, grid = (8, 12, 16), (2, 3, 4)
    model, x = built(lambda: TimmViT(size)), volume(size)
    maps, gradients = maps_and_gradients(model, x, lambda logits: logits[TARGET])
    rollout = explain(model, x, "attention_rollout", target=TARGET, dims=3)
    assert rollout.values == near(full_rollout(maps)[0, 1:].reshape(grid))
    found = explain(model, x, "transformer_attribution", target=TARGET, dims=3)
    assert found.values == near(full_attribution(maps, gradients)[0, 1:].reshape(grid))


# -- all of them ------------------------------------------------------------------------------------------------------


def test_no_method_is_without_a_test_here() -> None:
    elsewhere = {"occlusion", "rise", "lime", "kernel_shap", "lrp", "attention_rollout", "transformer_attribution"}
    assert {row.id for row in methods()} == {*AT_THE_LAYER, *AT_THE_INPUT} | elsewhere


@pytest.mark.parametrize("method", [*AT_THE_LAYER, *AT_THE_INPUT, "occlusion", "rise", "lime", "kernel_shap", "lrp"])
def test_a_batch_of_volumes_gives_what_they_give_alone(model: nn.Module, method: str) -> None:
    atlas = {"segments": REGIONS}
    cheap = {"rise": {"samples": 8}, "lime": {"samples": 12} | atlas, "kernel_shap": atlas, "occlusion": {"window": 5}}
    params = AT_THE_INPUT[method][1] if method in AT_THE_INPUT else cheap.get(method, {})
    scans = torch.stack([volume(SIZE, seed) for seed in range(2)])
    together = explain_batch(model, scans, method, targets=[0, 1], **params)
    for scan, target, found in zip(scans, (0, 1), together, strict=True):
        assert found.values == near(explain(model, scan, method, target=target, **params).values)


# -- what is made of a map --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.6])
def test_the_box_holds_the_largest_region_that_hangs_together(model: nn.Module, threshold: float) -> None:
    found = explain(model, volume(SIZE), "grad_cam", target=TARGET, relu=False)
    values = enlarged(grad_cam(model, volume(SIZE)).detach()).numpy()
    above = values > threshold * values.max()
    assert np.array_equal(found.segment(threshold), above)
    parts, count = ndimage.label(above, structure=np.ones((3, 3, 3)))
    sizes = ndimage.sum_labels(above, parts, range(1, count + 1))
    places = np.argwhere(parts == 1 + int(np.argmax(sizes)))
    assert found.box(threshold) == (*places.min(0).tolist(), *(places.max(0) + 1).tolist())
