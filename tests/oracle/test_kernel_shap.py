"""Kernel SHAP against Shapley values by definition, the axioms, and its contract on model evaluations."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.asking import Counting
from tests.zoo import CLASSES, Flat, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, explain, explain_batch
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.explainers.coalitions import coalitions
from xai_widget.inputs import read_input
from xai_widget.session import Session

Game = Callable[[np.ndarray], np.ndarray]


def stripes(count: int) -> np.ndarray:
    """Label maps of `count` vertical stripes, labels not starting at 0."""
    return np.broadcast_to(5 + 2 * (np.arange(16) * count // 16), (16, 16))


def by_definition(game: Game, players: int) -> np.ndarray:
    """Mean marginal contribution over all orders in which the players may come."""
    every = np.array(list(itertools.product([False, True], repeat=players)))
    worth = dict(zip(map(tuple, every), game(every), strict=True))
    values = np.zeros(players)
    for coalition, value in worth.items():
        size = sum(coalition)
        for player in range(players):
            if coalition[player]:
                without = tuple(stays and other != player for other, stays in enumerate(coalition))
                share = math.factorial(size - 1) * math.factorial(players - size) / math.factorial(players)
                values[player] += share * (value - worth[without])
    return values


def solved(game: Game, players: int, budget: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chosen = coalitions(players, budget, seed)
    z = np.concatenate([np.ones((1, players), bool), np.zeros((1, players), bool), chosen.keep])
    values, error = chosen.shapley(torch.from_numpy(game(z))[:, None])
    assert error is not None
    return values[:, 0].numpy(), error.numpy()


def rough(players: int, seed: int = 0) -> Game:
    """Draw a game without any structure: one random number a coalition."""
    worth = np.random.default_rng(seed).normal(size=2**players)
    return lambda z: worth[z @ (2 ** np.arange(players))]


def smooth(players: int, seed: int = 0) -> Game:
    """Draw a game as a network plays: weights, interactions, saturation."""
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=(players, 12)), generator.normal(size=12)
    return lambda z: np.tanh(z @ first - 0.5) @ second


# -- the values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("players", range(1, 9))
def test_all_coalitions_give_shapley_values_by_definition(players: int) -> None:
    for game in (rough(players), smooth(players)):
        values, error = solved(game, players, 2**players)
        assert values == pytest.approx(by_definition(game, players), abs=1e-9)
        assert not error.any()


@pytest.mark.parametrize("budget", [4, 12, 50, 200, 1000])
@pytest.mark.parametrize("players", [3, 9, 12])
def test_the_values_sum_to_the_gain_of_everybody(players: int, budget: int) -> None:
    game = rough(players)
    chosen = coalitions(players, budget, seed=2)
    z = np.concatenate([np.ones((1, players), bool), np.zeros((1, players), bool), chosen.keep])
    values, _ = chosen.shapley(torch.from_numpy(game(z))[:, None])
    gain = game(z[:1])[0] - game(z[1:2])[0]
    assert float(values.sum()) == pytest.approx(gain, abs=1e-12)


def test_additive_games_are_exact_from_few_coalitions() -> None:
    worth = np.random.default_rng(1).normal(size=20)
    values, error = solved(lambda z: 3 + z @ worth, 20, 60)
    assert values == pytest.approx(worth, abs=1e-9)
    assert error == pytest.approx(np.zeros(20), abs=1e-9)


def test_equal_players_have_equal_values_and_idle_ones_none() -> None:
    def game(z: np.ndarray) -> np.ndarray:
        a, b, c, idle, d = z.astype(float).T
        return a * b * c + 2 * np.maximum(a, b) - d * c + 0 * idle

    values, _ = solved(game, 5, 30)
    assert values[0] == pytest.approx(values[1], abs=1e-12)
    assert values[3] == pytest.approx(0, abs=1e-12)
    assert values == pytest.approx(by_definition(game, 5), abs=1e-12)


@pytest.mark.parametrize("budget", [100, 2000])
def test_values_are_linear_in_the_game(budget: int) -> None:
    one, two = rough(10, 1), smooth(10, 2)
    both, _ = solved(lambda z: 2 * one(z) - 3 * two(z), 10, budget)
    assert both == pytest.approx(2 * solved(one, 10, budget)[0] - 3 * solved(two, 10, budget)[0], abs=1e-9)


def test_errors_cover_the_truth_and_shrink() -> None:
    truth = {seed: by_definition(smooth(10, seed), 10) for seed in range(4)}
    mean_error = {}
    for budget in (150, 300, 600):
        away, errors = [], []
        for seed in range(60):
            values, error = solved(smooth(10, seed % 4), 10, budget, seed)
            away.append(np.abs(values - truth[seed % 4]) / error)
            errors.append(error.mean())
        assert 0.90 < (np.array(away) < 1.96).mean() < 0.995, budget
        mean_error[budget] = np.mean(errors)
    assert mean_error[600] < 0.75 * mean_error[300] < 0.75 * 0.75 * mean_error[150]


# -- the coalitions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("players", [2, 3, 4, 7, 10])
def test_all_coalitions_once_with_the_kernels_weights(players: int) -> None:
    chosen = coalitions(players, 2**players, seed=0)
    assert chosen.exact
    assert len({tuple(row) for row in chosen.keep}) == 2**players - 2
    sizes = chosen.keep.sum(1)
    kernel = np.array([(players - 1) / (math.comb(players, s) * s * (players - s)) for s in sizes])
    assert chosen.weights(len(sizes)).numpy() == pytest.approx(kernel / kernel.sum(), rel=1e-12)


def test_the_outermost_sizes_are_enumerated_and_the_rest_is_drawn_in_pairs() -> None:
    chosen = coalitions(12, 500, seed=0)
    sizes = chosen.keep.sum(1)
    listed = len(chosen.listed)
    # 488 draws would give sizes 2 and 10 about 148, more than their 132 members; 3 and 9 fall short of their 440.
    assert sorted(sizes[:listed]) == [1] * 12 + [2] * 66 + [10] * 66 + [11] * 12
    assert len(chosen.keep) == 500
    assert len({tuple(row) for row in chosen.keep}) == len(chosen.keep)
    assert np.array_equal(chosen.keep[listed::2], ~chosen.keep[listed + 1 :: 2])
    assert set(sizes[listed:]) == set(range(3, 10))
    weights = chosen.weights(len(sizes)).numpy()
    assert weights.sum() == pytest.approx(1)
    mass = {s: 1 / (s * (12 - s)) for s in range(1, 12)}
    assert weights[sizes == 2].sum() == pytest.approx(mass[2] / sum(mass.values()))
    assert weights[listed:].sum() == pytest.approx(sum(mass[s] for s in range(3, 10)) / sum(mass.values()))


def test_drawn_sizes_follow_the_kernel() -> None:
    players = 40
    chosen = coalitions(players, 4000, seed=1)
    drawn = np.repeat(chosen.draws, 2)
    sizes = chosen.keep[len(chosen.listed) :].sum(1)
    left = sorted(set(sizes))
    assert (left[0], left[-1]) == (2, 38)  # 3920 draws would give 2 and 38 fewer than their 1560 members
    mass = np.array([1 / (s * (players - s)) for s in range(2, 39)])
    share = np.array([drawn[sizes == s].sum() for s in range(2, 39)]) / drawn.sum()
    assert share == pytest.approx(mass / mass.sum(), abs=0.015)
    members = chosen.keep[len(chosen.listed) :].mean(0)
    assert members == pytest.approx(np.full(players, 0.5), abs=1e-12)  # complements


def test_what_is_drawn_again_counts_for_more() -> None:
    chosen = coalitions(6, 60, seed=0)  # two short of all
    assert len({tuple(row) for row in chosen.keep}) == len(chosen.keep)
    if len(chosen.draws):
        weights = chosen.weights(len(chosen.keep))[len(chosen.listed) :]
        assert weights[::2].numpy() == pytest.approx(
            chosen.draws / chosen.draws.sum() / 2 * (1 - chosen.listed.sum()), rel=1e-9
        )
    assert chosen.weights(len(chosen.keep)).sum() == pytest.approx(1)


def test_a_seed_gives_the_same_coalitions() -> None:
    one, same, other = (coalitions(20, 500, seed).keep for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


# -- on pictures ----------------------------------------------------------------------------------------------------


@pytest.fixture
def model() -> nn.Module:
    return trained_statistics(seeded(Flat)).eval().double()


def played(model: Callable[[Tensor], Tensor], x: Tensor, labels: np.ndarray, fill: Tensor, target: int) -> Game:
    """Return the game that a model plays with the superpixels of a picture, covered by hand."""

    def game(z: np.ndarray) -> np.ndarray:
        worth = []
        for row in z:
            edited = x.clone()
            for name, stays in zip(np.unique(labels), row, strict=True):
                if not stays:
                    edited[:, labels == name] = fill[:, labels == name]
            with torch.no_grad():
                worth.append(float(model(edited[None])[0, target]))
        return np.array(worth)

    return game


@pytest.mark.parametrize("fill", ["mean", "zero", "segment_mean", 0.3])
def test_superpixels_of_a_network_have_shapley_values_by_definition(model: nn.Module, fill: str | float) -> None:
    x, labels = picture().double(), stripes(6)
    found = explain(model, x, "kernel_shap", target=2, segments=labels, fill=fill)
    cover = x.mean((1, 2), keepdim=True) + 0 * x if fill == "mean" else 0 * x + (0.3 if fill == 0.3 else 0)
    if fill == "segment_mean":
        for name in np.unique(labels):
            cover[:, labels == name] = x[:, labels == name].mean(1, keepdim=True)
    game = played(model, x, labels, cover, 2)
    expected = by_definition(game, 6)
    assert found.arrays["coefficients"] == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert found.values == pytest.approx(expected[(labels - 5) // 2], rel=1e-5, abs=1e-7)
    assert found.meta["exact"] is True
    assert found.meta["evaluations"] == 64
    assert found.meta["base"] == pytest.approx(game(np.zeros((1, 6), bool))[0])
    assert found.meta["prediction"] == pytest.approx(game(np.ones((1, 6), bool))[0])
    assert not found.error.any()


def test_a_linear_model_has_the_closed_form_even_when_sampled() -> None:
    weight = torch.randn(3 * 16 * 16, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x, base = picture().double(), picture(4).double()
    labels = np.arange(256).reshape(16, 16) // 8  # 32 superpixels
    found = explain(
        lambda batch: batch.flatten(1) @ weight,
        x,
        "kernel_shap",
        target=1,
        segments=labels,
        samples=150,
        fill=base,
        dims=2,
    )
    parts = (weight[:, 1].reshape(3, 16, 16) * (x - base)).sum(0).numpy()
    expected = np.array([parts[labels == name].sum() for name in range(32)])
    assert found.arrays["coefficients"] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert found.meta["exact"] is False


@pytest.mark.parametrize("score", ["logit", "probability", "log_odds"])
@pytest.mark.parametrize("samples", [None, 10, 100])
def test_efficiency_holds_in_every_case(model: nn.Module, score: str, samples: int | None) -> None:
    found = explain(model, picture(), "kernel_shap", target=2, segments=stripes(9), samples=samples, score=score)
    gain = found.meta["prediction"] - found.meta["base"]
    assert float(found.arrays["coefficients"].astype(float).sum()) == pytest.approx(gain, abs=1e-6)
    assert found.meta["efficiency_gap"] < 1e-12
    with torch.no_grad():
        logits = model(picture().double()[None])
    p = logits.softmax(1)[0, 2]
    expected = {"logit": logits[0, 2], "probability": p, "log_odds": (p / (1 - p)).log()}[score]
    assert found.meta["prediction"] == pytest.approx(float(expected), rel=1e-6)


def test_one_superpixel_takes_all(model: nn.Module) -> None:
    found = explain(model, picture(), "kernel_shap", target=1, segments=np.full((16, 16), 3))
    assert found.values == pytest.approx(np.full((16, 16), found.meta["prediction"] - found.meta["base"]))
    assert found.meta["evaluations"] == 2


def test_sampled_values_come_near_the_exact_ones(model: nn.Module) -> None:
    exact = explain(model, picture(), "kernel_shap", target=2, segments=stripes(10), samples=1022)
    sampled = explain(model, picture(), "kernel_shap", target=2, segments=stripes(10), samples=300)
    assert exact.meta["exact"]
    assert not sampled.meta["exact"]
    away = np.abs(exact.arrays["coefficients"] - sampled.arrays["coefficients"])
    assert sampled.error.max() > 0
    assert (
        away <= 4 * sampled.error[0, [np.flatnonzero(stripes(10)[0] == n)[0] for n in np.unique(stripes(10))]]
    ).all()


def test_a_mask_leaves_the_background_out_of_the_game(model: nn.Module) -> None:
    mask = np.zeros((16, 16), bool)
    mask[:, 3:9] = True
    x = picture().double()
    found = explain(model, x, "kernel_shap", target=2, segments=stripes(4), mask=mask, fill="zero")
    assert found.meta["segments"] == 3
    assert not found.values[~mask].any()
    cut = np.where(mask, stripes(4), -1)
    game = played(model, x, cut, 0 * x, 2)
    expected = by_definition(lambda z: game(np.hstack([np.ones((len(z), 1), bool), z])), 3)
    assert found.arrays["coefficients"] == pytest.approx(expected, rel=1e-5)


def test_grey_pictures_and_volumes() -> None:
    grey = explain(
        lambda batch: batch.flatten(1)[:, :2], torch.rand(1, 12, 12), "kernel_shap", n_segments=6, target=0, dims=2
    )
    assert grey.values.shape == (12, 12)
    assert grey.meta["efficiency_gap"] < 1e-12
    net = seeded(Volumetric).eval().double()
    volume = torch.randn(1, 4, 8, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = np.zeros((4, 8, 6), int)
    labels[2:] += 1
    labels[:, 4:] += 2
    found = explain(net, volume, "kernel_shap", target=1, segments=labels, fill="zero")
    expected = by_definition(played(net, volume, labels, 0 * volume, 1), 4)
    assert found.arrays["coefficients"] == pytest.approx(expected, rel=1e-5)
    assert found.values[3, 5, 0] == pytest.approx(expected[3], rel=1e-5)


# -- targets, batches, chunks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "samples", "expected"), [(5, None, 32), (8, 40, 42), (16, 101, 102), (8, 999, 256)])
def test_model_evaluations_are_what_the_cost_says(count: int, samples: int | None, expected: int) -> None:
    box = Counting()
    ask = {"segments": stripes(count), "samples": samples}
    found = explain(box, picture(), "kernel_shap", dims=2, **ask)
    assert box.seen == found.meta["evaluations"] == expected
    session = Session(box, [read_input(picture(), box, dims=2)], Binding(dims=2))
    assert session.cost(build_method("kernel_shap", ask))[0].forwards == expected


def test_without_samples_it_takes_two_a_superpixel_and_2048_more() -> None:
    box = Counting()
    explain(box, picture(), "kernel_shap", segments=np.arange(256).reshape(16, 16) // 16, dims=2)
    assert box.seen == 2 + 2 * 16 + 2048


def test_every_target_comes_from_the_same_forwards() -> None:
    box = Counting()
    found = explain(box, picture(), "kernel_shap", target=0, segments=stripes(8), samples=100, dims=2)
    seen = box.seen
    maps = found.maps([*range(CLASSES), Contrast(0, 1), lambda logits: logits[:, 0] ** 2])
    assert box.seen == seen
    for target in range(CLASSES):
        alone = explain(Counting(), picture(), "kernel_shap", target=target, segments=stripes(8), samples=100, dims=2)
        assert maps[target] == pytest.approx(alone.values, rel=1e-5, abs=1e-7)
        together = found.arrays["class_coefficients"][target][(stripes(8) - 5) // 2]
        assert together == pytest.approx(alone.values, rel=1e-5, abs=1e-7)
    assert maps[CLASSES] == pytest.approx(maps[0] - maps[1], rel=1e-4, abs=1e-6)
    x = picture()
    with torch.no_grad():
        values = box.net(torch.stack([x, x.mean((1, 2), keepdim=True).expand_as(x)]))[:, 0]
    assert maps[-1][0, ::2].sum() == pytest.approx(float(values[0] ** 2 - values[1] ** 2), rel=1e-5)


def test_a_batch_gives_what_its_inputs_give_alone(model: nn.Module) -> None:
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    ask = {"samples": 60, "segments": "slic", "n_segments": 12}
    together = explain_batch(model, inputs, "kernel_shap", targets=[0, 1, 2], **ask)
    for x, target, found in zip(inputs, range(3), together, strict=True):
        alone = explain(model, x, "kernel_shap", target=target, **ask)
        assert found.values == pytest.approx(alone.values, rel=1e-6, abs=1e-9)
        assert found.error == pytest.approx(alone.error, rel=1e-6, abs=1e-9)
        for key in ("base", "prediction", "evaluations", "segments", "exact"):
            assert found.meta[key] == pytest.approx(alone.meta[key])
        assert found.for_target(4).values == pytest.approx(alone.for_target(4).values, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("samples", [None, 60])
def test_chunks_of_any_size_give_the_same_map(model: nn.Module, samples: int | None) -> None:
    method = build_method("kernel_shap", {"samples": samples, "segments": stripes(8)})
    pieces = Session(model, [read_input(picture(), model)], Binding(chunk_seconds=1e-9))
    steps = [step[0] for step in pieces.run(method, [2])]
    total = steps[-1].meta["evaluations"]
    assert len(steps) == total - 2 - 8 + 1  # one evaluation a chunk, from the eighth coalition on
    fractions = [step.meta["fraction"] for step in steps]
    assert fractions == [count / total for count in range(10, total + 1)]
    for step in steps:
        assert step.meta["efficiency_gap"] < 1e-12
    assert not any(step.meta["exact"] for step in steps[:-1])
    pieces.refresh(force=True)
    whole = Session(model, [read_input(picture(), model)], Binding())
    *_, (expected,) = whole.run(method, [2])
    assert steps[-1].values == pytest.approx(expected.values, rel=1e-9)
    assert steps[-1].error == pytest.approx(expected.error, rel=1e-9)
