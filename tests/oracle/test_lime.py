"""LIME against scikit-learn on pictures covered by hand, closed forms, and its contract on model evaluations."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import cosine_distances
from torch import Tensor, nn

from tests.asking import Counting
from tests.zoo import CLASSES, Flat, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, explain, explain_batch
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.explainers.lime import draws, proximity
from xai_widget.explainers.regression import rank_correlation, weighted_ridge
from xai_widget.inputs import read_input
from xai_widget.session import Session

# 16 superpixels of 4 x 4, in no order and far from 0.
TILES = 7 + 3 * ((np.arange(256).reshape(16, 16) // 64) + 4 * (np.arange(256).reshape(16, 16) % 16 // 4))
NAMES = np.unique(TILES)


@pytest.fixture
def model() -> nn.Module:
    return trained_statistics(seeded(Flat)).eval().double()


def linear(classes: int = 2, size: int = 3 * 16 * 16) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    weight = torch.randn(size, classes, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return weight, lambda batch: batch.flatten(1) @ weight + 0.5


def covered(x: Tensor, labels: np.ndarray, z: np.ndarray, fill: Tensor) -> Tensor:
    """Cover the superpixels that are off in each row of z, one at a time."""
    batch = []
    for row in z:
        edited = x.clone()
        for name, stays in zip(np.unique(labels), row, strict=True):
            if not stays:
                edited[:, labels == name] = fill[:, labels == name]
        batch.append(edited)
    return torch.stack(batch)


def segment_means(x: Tensor, labels: np.ndarray) -> Tensor:
    means = torch.empty_like(x)
    for name in np.unique(labels):
        means[:, labels == name] = x[:, labels == name].mean(1, keepdim=True)
    return means


def painted(numbers: np.ndarray, labels: np.ndarray = TILES) -> np.ndarray:
    return np.asarray(numbers)[np.unique(labels, return_inverse=True)[1].reshape(labels.shape)]


# -- the surrogate --------------------------------------------------------------------------------------------------


def test_the_kernel_is_the_exponential_of_the_cosine_distance() -> None:
    z = draws(50, 6, seed=1)
    z[1] = False
    distance = cosine_distances(z, np.ones((1, 6)))[:, 0]
    assert distance[1] == 1
    assert proximity(torch.from_numpy(z).double(), 0.25).numpy() == pytest.approx(
        np.sqrt(np.exp(-(distance**2) / 0.25**2)), rel=1e-9
    )
    assert proximity(torch.ones(1, 6).double(), 0.25) == 1


def test_draws_begin_with_the_whole_picture_and_toss_a_coin_for_the_rest() -> None:
    z = draws(4000, 5, seed=0)
    assert z[0].all()
    assert z[1:].mean(0) == pytest.approx(np.full(5, 0.5), abs=0.03)
    assert np.array_equal(z[:100], draws(100, 5, seed=0))
    assert not np.array_equal(z, draws(4000, 5, seed=1))


@pytest.mark.parametrize(("fill", "score"), [("segment_mean", "probability"), ("zero", "logit"), ("mean", "log_odds")])
def test_it_is_the_weighted_ridge_on_pictures_covered_by_hand(model: nn.Module, fill: str, score: str) -> None:
    x = picture().double()
    found = explain(model, x, "lime", target=2, segments=TILES, samples=60, seed=4, fill=fill, score=score)
    z = draws(60, 16, seed=4)
    cover = {"segment_mean": segment_means(x, TILES), "zero": 0 * x, "mean": x.mean((1, 2), keepdim=True) + 0 * x}[fill]
    with torch.no_grad():
        logits = model(covered(x, TILES, z, cover))
    p = logits.softmax(1)[:, 2]
    y = {"probability": p, "logit": logits[:, 2], "log_odds": (p / (1 - p)).log()}[score].numpy()
    weights = np.exp(-((1 - np.sqrt(z.mean(1))) ** 2) / 0.25**2) ** 0.5
    expected = Ridge(alpha=1).fit(z, y, sample_weight=weights)
    assert found.arrays["coefficients"] == pytest.approx(expected.coef_, rel=1e-5)
    assert found.values == pytest.approx(painted(expected.coef_), rel=1e-5)
    assert found.meta["intercept"] == pytest.approx(expected.intercept_)
    assert found.meta["r2"] == pytest.approx(expected.score(z, y, sample_weight=weights))
    assert found.meta["local_prediction"] == pytest.approx(expected.predict(z[:1])[0])
    assert found.meta["prediction"] == pytest.approx(y[0])


@pytest.mark.parametrize("fill", ["zero", "mean", "segment_mean", 0.7, "array"])
def test_a_linear_model_has_the_closed_form(fill: str | float) -> None:
    weight, score = linear()
    x = picture().double()
    cover = {
        "zero": 0 * x,
        "mean": x.mean((1, 2), keepdim=True) + 0 * x,
        "segment_mean": segment_means(x, TILES),
        0.7: 0 * x + 0.7,
        "array": picture(5).double(),
    }[fill]
    given = cover if fill == "array" else fill
    found = explain(score, x, "lime", target=1, segments=TILES, samples=200, alpha=0, fill=given, score="logit", dims=2)
    parts = (weight[:, 1].reshape(3, 16, 16) * (x - cover)).sum(0).numpy()
    expected = np.array([parts[name == TILES].sum() for name in NAMES])
    assert found.arrays["coefficients"] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found.error == pytest.approx(np.zeros((16, 16)), abs=1e-9)
    assert found.meta["r2"] == pytest.approx(1)
    assert found.meta["stability"] == pytest.approx(1)
    many = explain(score, x, "lime", target=1, segments=TILES, samples=4000, fill=given, score="logit", dims=2)
    assert many.arrays["coefficients"] == pytest.approx(expected, rel=0.02, abs=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("regression", ["ridge", "k_lasso"])
def test_a_constant_model_is_fitted_perfectly_by_nothing(regression: str) -> None:
    ask = {"segments": TILES, "samples": 80, "regression": regression}
    found = explain(lambda batch: torch.zeros(len(batch), 3), picture(), "lime", target=0, dims=2, **ask)
    assert not found.values.any()
    assert not found.error.any()
    assert found.meta["intercept"] == pytest.approx(1 / 3)
    assert found.meta["r2"] == 1
    assert found.meta["stability"] == 1


def test_a_surrogate_that_explains_nothing_says_so() -> None:
    found = explain(
        lambda batch: torch.cos(1000 * batch.sum((1, 2, 3)))[:, None] * torch.tensor([1.0, -1.0]),
        picture(),
        "lime",
        target=0,
        segments=TILES,
        samples=500,
        fill="zero",
        score="logit",
        dims=2,
    )
    assert found.meta["r2"] < 0.15
    assert found.meta["stability"] < 0.5


def test_k_lasso_finds_the_superpixels_that_matter() -> None:
    weight = torch.zeros(16, dtype=torch.float64)
    weight[[2, 9, 13]] = torch.tensor([2.0, -3.0, 0.5], dtype=torch.float64)
    inside = torch.from_numpy(np.stack([name == TILES for name in NAMES])).double()

    def score(batch: Tensor) -> Tensor:
        tiles = torch.einsum("nchw,fhw->nf", batch.double(), inside) / 48
        wobble = 0.01 * torch.sin(40 * tiles.sum(1))
        return torch.stack([tiles @ weight + wobble, 0 * wobble], 1)

    ask = {"segments": TILES, "samples": 300, "regression": "k_lasso", "fill": "zero", "score": "logit"}
    found = explain(score, torch.ones(3, 16, 16), "lime", target=0, features=2, dims=2, **ask)
    (chosen,) = np.nonzero(found.arrays["coefficients"])
    assert chosen.tolist() == [2, 9]
    z = draws(300, 16, seed=0)
    y = score(covered(torch.ones(3, 16, 16), TILES, z, torch.zeros(3, 16, 16)))[:, 0].numpy()
    weights = np.exp(-((1 - np.sqrt(z.mean(1))) ** 2) / 0.25**2) ** 0.5
    expected = Ridge(alpha=1).fit(z[:, chosen], y, sample_weight=weights)
    assert found.arrays["coefficients"][chosen] == pytest.approx(expected.coef_, rel=1e-5)
    assert found.meta["r2"] == pytest.approx(expected.score(z[:, chosen], y, sample_weight=weights))
    three = explain(score, torch.ones(3, 16, 16), "lime", target=0, features=3, dims=2, **ask)
    assert np.nonzero(three.arrays["coefficients"])[0].tolist() == [2, 9, 13]


def game(z: np.ndarray) -> np.ndarray:
    """Score coalitions of six players who are not additive."""
    a, b, c, d, e, f = z.astype(float).T
    return a + 2 * b * c - 1.5 * d * e * f + 0.5 * np.abs(a - f) - e


def test_standard_errors_cover_what_infinitely_many_samples_would_give() -> None:
    every = np.array(list(itertools.product([False, True], repeat=6)))
    weights = proximity(torch.from_numpy(every).double(), 0.25)
    truth = weighted_ridge(torch.from_numpy(every).double(), torch.from_numpy(game(every))[:, None], weights, 0)

    def fit(samples: int, seed: int) -> tuple[Tensor, Tensor]:
        z = draws(samples, 6, seed)[1:]
        x = torch.from_numpy(z).double()
        found = weighted_ridge(x, torch.from_numpy(game(z))[:, None], proximity(x, 0.25), 0)
        return found.coefficients[:, 0], found.error

    fits = [fit(150, seed) for seed in range(200)]
    away = torch.stack([(b - truth.coefficients[:, 0]) / error for b, error in fits])
    covered_share = (away.abs() < 1.96).double().mean()
    assert 0.90 < covered_share < 0.98
    small, large = (torch.stack([fit(n, seed)[1] for seed in range(20)]).mean() for n in (200, 3200))
    assert small / large == pytest.approx(4, rel=0.15)


def test_rank_correlation_knows_ties() -> None:
    from scipy.stats import spearmanr

    a = torch.tensor([0.0, 0.0, 3.0, 1.0, 2.0, 2.0])
    b = torch.tensor([1.0, 0.0, 5.0, 5.0, -1.0, 2.0])
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    assert rank_correlation(a, torch.zeros(6)) == 0
    assert rank_correlation(torch.zeros(6), torch.ones(6)) == 1


# -- superpixels ----------------------------------------------------------------------------------------------------


def test_labels_may_be_any_numbers(model: nn.Module) -> None:
    canonical = np.unique(TILES, return_inverse=True)[1].reshape(16, 16)
    maps = [
        explain(model, picture(), "lime", target=1, segments=labels, samples=60)
        for labels in (canonical, TILES, canonical + 1, TILES - 100, TILES.astype(np.float32), TILES.tolist())
    ]
    assert maps[0].values.any()
    for other in maps[1:]:
        assert np.array_equal(other.values, maps[0].values)
    assert np.array_equal(maps[1].arrays["labels"], canonical)


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (TILES[:8], r"\(16, 16\), got \(8, 16\)"),
        (TILES + 0.5, "whole numbers"),
        ("grid", "'quickshift', 'slic'"),
    ],
)
def test_a_label_map_that_does_not_fit_is_told(model: nn.Module, segments: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain(model, picture(), "lime", segments=segments)


def test_too_many_superpixels_are_told() -> None:
    with pytest.raises(ValueError, match="4096 superpixels are more than 2048"):
        explain(
            lambda x: x.mean((2, 3)), torch.rand(3, 64, 64), "lime", segments=np.arange(4096).reshape(64, 64), dims=2
        )


def halves(side: int, channels: int = 3) -> Tensor:
    x = torch.zeros(channels, side, side)
    x[:, :, side // 2 :] = 1
    return x


def test_colour_pictures_are_cut_by_quickshift_and_grey_ones_by_slic() -> None:
    colour = explain(lambda x: x.mean((2, 3))[:, :2], halves(64), "lime", samples=30, dims=2)
    assert colour.meta["automatic"] == {"segments": "quickshift"}
    labels = colour.arrays["labels"]
    assert set(labels[:, :30].ravel()).isdisjoint(labels[:, 34:].ravel())
    grey = explain(lambda x: x.flatten(1)[:, :2], halves(64, 1), "lime", samples=30, n_segments=16, dims=2)
    assert grey.meta["automatic"] == {"segments": "slic"}
    assert 8 <= grey.meta["segments"] <= 24
    labels = grey.arrays["labels"]
    assert labels.min() == 0
    assert labels.max() == grey.meta["segments"] - 1
    assert set(labels[:, :31].ravel()).isdisjoint(labels[:, 33:].ravel())
    by_name = explain(lambda x: x.flatten(1)[:, :2], halves(64, 1), "lime", samples=30, segments="quickshift", dims=2)
    assert by_name.meta["segments"] >= 2


def test_the_cut_depends_neither_on_units_nor_on_the_seed(model: nn.Module) -> None:
    x = picture(side=16)
    labels = [
        explain(model, given, "lime", samples=20, seed=seed).arrays["labels"]
        for given, seed in ((x, 0), (x, 9), (100 * x - 7, 0))
    ]
    assert np.array_equal(labels[0], labels[1])
    assert np.array_equal(labels[0], labels[2])


def test_volumes_are_cut_by_slic_and_quickshift_refuses_them() -> None:
    net = seeded(Volumetric).eval()
    volume = torch.randn(1, 6, 12, 10, generator=torch.Generator().manual_seed(0))
    found = explain(net, volume, "lime", samples=60, n_segments=12)
    assert found.values.shape == (6, 12, 10)
    labels = found.arrays["labels"].astype(int)
    assert found.values == pytest.approx(found.arrays["coefficients"][labels])
    with pytest.raises(ValueError, match=r"'quickshift' cuts pictures.*1x6x12x10.*'slic'"):
        explain(net, volume, "lime", segments="quickshift")


def test_a_volume_of_one_slice_is_a_picture() -> None:
    _, score = linear(size=16 * 16)
    x = picture()[:1].double()
    flat = explain(score, x, "lime", target=0, samples=100, segments=TILES, dims=2, fill="zero")
    deep = explain(score, x[:, None], "lime", target=0, samples=100, segments=TILES[None], dims=3, fill="zero")
    assert flat.values.any()
    assert deep.values[0] == pytest.approx(flat.values, rel=1e-6)


def test_with_a_mask_the_features_are_the_foreground(model: nn.Module) -> None:
    mask = np.zeros((16, 16), bool)
    mask[2:8, 4:8] = True  # a half of one tile and a whole other
    x = picture().double()
    found = explain(model, x, "lime", target=2, segments=TILES, samples=40, mask=mask, fill="zero", alpha=0)
    assert found.meta["segments"] == 2
    assert not found.values[~mask].any()
    assert (found.arrays["labels"][~mask] == -1).all()
    cut = np.where(mask, TILES, -1)
    z = np.hstack([np.ones((40, 1), bool), draws(40, 2, seed=0)])
    with torch.no_grad():
        y = model(covered(x, cut, z, 0 * x)).softmax(1)[:, 2].numpy()
    weights = np.exp(-((1 - np.sqrt(z[:, 1:].mean(1))) ** 2) / 0.25**2) ** 0.5
    expected = Ridge(alpha=1e-12).fit(z[:, 1:], y, sample_weight=weights).coef_
    assert found.arrays["coefficients"] == pytest.approx(expected, rel=1e-4)


def test_their_own_mean_is_the_foregrounds(model: nn.Module) -> None:
    mask = np.zeros((16, 16), bool)
    mask[4:8, 4:6] = True
    x = picture().double()
    found = explain(model, x, "lime", target=2, segments=TILES, samples=20, mask=mask, alpha=0, score="logit")
    flat = x.clone()
    flat[:, mask] = x[:, mask].mean(1, keepdim=True)
    with torch.no_grad():
        drop = float(model(x[None])[0, 2] - model(flat[None])[0, 2])
    assert found.values[mask] == pytest.approx(np.full(8, drop), rel=1e-5)


# -- targets, batches, chunks ---------------------------------------------------------------------------------------


def test_model_evaluations_are_what_the_cost_says() -> None:
    box = Counting()
    found = explain(box, picture(), "lime", segments=TILES, samples=50, dims=2)
    assert box.seen == 50  # the first sample is the picture itself, scored by the measured pass
    assert found.meta["forwards"] == 49
    session = Session(box, [read_input(picture(), box, dims=2)], Binding(dims=2))
    cost, _ = session.cost(build_method("lime", {"segments": TILES, "samples": 50}))
    assert (cost.forwards, cost.backwards) == (50, 0)


@pytest.mark.parametrize("regression", ["ridge", "k_lasso"])
def test_every_target_comes_from_the_same_forwards(regression: str) -> None:
    box = Counting()
    ask = {"segments": TILES, "samples": 60, "regression": regression, "score": "logit"}
    found = explain(box, picture(), "lime", target=0, dims=2, **ask)
    seen = box.seen
    maps = found.maps([*range(CLASSES), Contrast(0, 1), lambda logits: logits[:, 0] ** 2])
    assert box.seen == seen
    for target in range(CLASSES):
        alone = explain(Counting(), picture(), "lime", target=target, dims=2, **ask)
        assert maps[target] == pytest.approx(alone.values, rel=1e-5, abs=1e-7)
    squared = explain(Counting(), picture(), "lime", target=lambda logits: logits[:, 0] ** 2, dims=2, **ask)
    assert maps[-1] == pytest.approx(squared.values, rel=1e-5, abs=1e-7)
    if regression == "ridge":
        assert maps[CLASSES] == pytest.approx(maps[0] - maps[1], rel=1e-4, abs=1e-6)
        assert found.arrays["class_coefficients"].shape == (CLASSES, 16)
        for target in range(CLASSES):
            assert painted(found.arrays["class_coefficients"][target]) == pytest.approx(maps[target], rel=1e-5)


def test_a_seed_gives_one_map(model: nn.Module) -> None:
    maps = [explain(model, picture(), "lime", samples=40, segments=TILES, seed=s).values for s in (3, 3, 4)]
    assert np.array_equal(maps[0], maps[1])
    assert not np.allclose(maps[0], maps[2])


def test_a_batch_gives_what_its_inputs_give_alone(model: nn.Module) -> None:
    model = model.float()
    inputs = torch.stack([picture(0, 16), picture(1, 16), picture(2, 16)])
    ask = {"samples": 40, "segments": "slic", "n_segments": 9}
    together = explain_batch(model, inputs, "lime", targets=[0, 1, 2], **ask)
    for x, target, found in zip(inputs, range(3), together, strict=True):
        alone = explain(model, x, "lime", target=target, **ask)
        assert found.values == pytest.approx(alone.values, rel=1e-3, abs=1e-6)
        assert found.error == pytest.approx(alone.error, rel=1e-3, abs=1e-6)
        assert found.meta["r2"] == pytest.approx(alone.meta["r2"], rel=1e-3)
        assert np.array_equal(found.arrays["labels"], alone.arrays["labels"])
        assert found.arrays["coefficients"].shape == alone.arrays["coefficients"].shape
        assert found.for_target(4).values == pytest.approx(alone.for_target(4).values, rel=1e-3, abs=1e-6)


def test_chunks_of_any_size_give_the_same_map(model: nn.Module) -> None:
    method = build_method("lime", {"samples": 80, "segments": TILES})
    pieces = Session(model, [read_input(picture(), model)], Binding(chunk_seconds=1e-9))
    steps = [step[0] for step in pieces.run(method, [2])]
    assert len(steps) == 80 - 17  # one sample a chunk, from the 18th on: 16 superpixels, an intercept and one more
    fractions = [step.meta["fraction"] for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[0] == 18 / 80
    assert fractions[-1] == 1
    pieces.refresh(force=True)
    whole = Session(model, [read_input(picture(), model)], Binding())
    *_, (expected,) = whole.run(method, [2])
    assert steps[-1].values == pytest.approx(expected.values, rel=1e-9)
    assert steps[-1].meta["stability"] == pytest.approx(expected.meta["stability"])


def test_fewer_samples_than_superpixels_still_give_a_map(model: nn.Module) -> None:
    found = explain(model, picture(), "lime", samples=5, segments=TILES, alpha=0)
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.error).all()
    assert found.meta["stability"] is None
