"""Occlusion against brute force, and its contract on the number of model evaluations."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.asking import Counting
from tests.zoo import CLASSES, Flat, Plain, picture, seeded, trained_statistics
from xai_widget import Contrast, TargetNotScored, explain, explain_batch
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.inputs import read_input
from xai_widget.session import Session


def brute_force(
    score: Callable[[Tensor], Tensor], x: Tensor, window: int, stride: int, fill: float | Tensor = 0.0
) -> np.ndarray:
    """Signed drop, averaged over the windows that cover a pixel, one window at a time."""
    size = x.shape[1:]
    starts = [sorted({*range(0, n - window + 1, stride), n - window}) for n in size]
    total, count = np.zeros(size), np.zeros(size)
    clean = float(score(x[None])[0])
    for corner in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, len(size)):
        box = tuple(slice(c, c + window) for c in corner)
        covered = x.clone()
        covered[(slice(None), *box)] = fill if isinstance(fill, float) else fill[(slice(None), *box)]
        total[box] += clean - float(score(covered[None])[0])
        count[box] += 1
    assert count.min() >= 1
    return total / count


@pytest.fixture
def model() -> nn.Module:
    return trained_statistics(seeded(Flat)).eval().double()


@pytest.mark.parametrize(("window", "stride"), [(5, 3), (4, 4), (6, 1), (16, 16), (7, 5), (1, 1)])
def test_it_is_the_mean_drop_over_covering_windows(model: nn.Module, window: int, stride: int) -> None:
    x = picture().double()
    with torch.no_grad():
        expected = brute_force(lambda batch: model(batch)[:, 2], x, window, stride)
    found = explain(model, x, "occlusion", target=2, window=window, stride=stride)
    assert found.signed
    assert found.values == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_linear_model_has_the_closed_form() -> None:
    weight = torch.randn(1, 3 * 8 * 8, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x = picture(side=8).double()
    found = explain(
        lambda batch: torch.cat([batch.flatten(1) @ weight.T, 0 * batch.flatten(1) @ weight.T], 1),
        x,
        "occlusion",
        target=0,
        window=1,
        stride=1,
        activation="softmax",
        dims=2,
    )
    assert found.values == pytest.approx((weight.reshape(3, 8, 8) * x).sum(0).numpy(), rel=1e-5)


@pytest.mark.parametrize("fill", ["mean", "blur", 0.7])
def test_fills(model: nn.Module, fill: str | float) -> None:
    x = picture().double()
    if fill == "mean":
        content: float | Tensor = x.mean((1, 2), keepdim=True).expand_as(x)
    elif fill == "blur":
        from scipy.ndimage import gaussian_filter

        blurred = [gaussian_filter(channel.numpy(), 16 / 14, mode="nearest", radius=3) for channel in x]
        content = torch.from_numpy(np.stack(blurred))
    else:
        content = 0.7
    with torch.no_grad():
        expected = brute_force(lambda batch: model(batch)[:, 2], x, 5, 3, content)
    found = explain(model, x, "occlusion", target=2, window=5, stride=3, fill=fill)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_noise_is_the_same_noise_every_time(model: nn.Module) -> None:
    maps = [explain(model, picture(), "occlusion", target=2, window=5, stride=3, fill="noise").values for _ in "ab"]
    assert np.array_equal(*maps)


@pytest.mark.parametrize("kind", ["probability", "log_odds"])
def test_other_scores(model: nn.Module, kind: str) -> None:
    def score(batch: Tensor) -> Tensor:
        p = model(batch).softmax(1)[:, 2]
        return p if kind == "probability" else (p / (1 - p)).log()

    with torch.no_grad():
        expected = brute_force(score, picture().double(), 5, 3)
    found = explain(model, picture(), "occlusion", target=2, window=5, stride=3, score=kind)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_the_sum_counts_every_covering_window(model: nn.Module) -> None:
    mean = explain(model, picture(), "occlusion", target=2, window=4, stride=2)
    summed = explain(model, picture(), "occlusion", target=2, window=4, stride=2, reduce="sum")
    corner, centre = summed.values[0, 0] / mean.values[0, 0], summed.values[8, 8] / mean.values[8, 8]
    assert corner == pytest.approx(1)
    assert centre == pytest.approx(4)


def test_a_contrast_is_the_difference_of_the_maps(model: nn.Module) -> None:
    maps = [explain(model, picture(), "occlusion", target=t, window=5, stride=3).values for t in (1, 3)]
    found = explain(model, picture(), "occlusion", target=Contrast(1, 3), window=5, stride=3)
    assert found.values == pytest.approx(maps[0] - maps[1], rel=1e-5, abs=1e-6)


def gaussian_window(window: int, dims: int) -> np.ndarray:
    """Return the share of the fill at every place of a window, written out place by place."""
    middle, sigma = (window - 1) / 2, window / 4
    share = np.empty((window,) * dims)
    for place in np.ndindex(share.shape):
        share[place] = np.exp(-sum((index - middle) ** 2 for index in place) / (2 * sigma**2))
    return share / share.max()


def soft_brute_force(
    score: Callable[[Tensor], Tensor], x: Tensor, window: int, stride: int, fill: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Drop weighted by the windows' shares: the sum over windows, and the sum of the shares."""
    size = x.shape[1:]
    share = gaussian_window(window, len(size))
    starts = [sorted({*range(0, n - window + 1, stride), n - window}) for n in size]
    total, weight = np.zeros(size), np.zeros(size)
    clean = float(score(x[None])[0])
    for corner in np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, len(size)):
        box = tuple(slice(c, c + window) for c in corner)
        g = torch.zeros(size, dtype=x.dtype)
        g[box] = torch.from_numpy(share)
        total += (clean - float(score((x * (1 - g) + fill * g)[None])[0])) * g.numpy()
        weight += g.numpy()
    return total, weight


@pytest.mark.parametrize(("window", "stride"), [(5, 3), (4, 4), (6, 1), (16, 16), (1, 1), (2, 1)])
def test_a_gaussian_window_fades_the_cover_and_weighs_the_mean(model: nn.Module, window: int, stride: int) -> None:
    x = picture().double()
    cover = x.mean((1, 2), keepdim=True).expand_as(x)
    with torch.no_grad():
        total, weight = soft_brute_force(lambda batch: model(batch)[:, 2], x, window, stride, cover)
    ask = {"target": 2, "window": window, "stride": stride, "fill": "mean", "edge": "gaussian"}
    assert explain(model, x, "occlusion", **ask).values == pytest.approx(total / weight, rel=1e-5, abs=1e-9)
    assert explain(model, x, "occlusion", **ask, reduce="sum").values == pytest.approx(total, rel=1e-5, abs=1e-9)


def test_gaussian_windows_of_volumes() -> None:
    weight = torch.randn(4 * 6 * 5, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def score(batch: Tensor) -> Tensor:
        return torch.tanh(batch.flatten(1) @ weight)

    x = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    total, share = soft_brute_force(lambda batch: score(batch)[:, 1], x, 3, 2, torch.zeros_like(x))
    found = explain(score, x, "occlusion", target=1, window=3, stride=2, dims=3, edge="gaussian")
    assert found.values == pytest.approx(total / share, rel=1e-5, abs=1e-9)


def test_a_gaussian_window_of_one_pixel_is_a_hard_one(model: nn.Module) -> None:
    hard, soft = (
        explain(model, picture(), "occlusion", target=2, window=1, stride=1, edge=edge).values
        for edge in ("hard", "gaussian")
    )
    assert np.array_equal(hard, soft)


def test_a_gaussian_window_respects_the_mask(model: nn.Module) -> None:
    mask = np.zeros((16, 16), bool)
    mask[4:8, 4:6] = True
    x = picture().double()
    found = explain(model, x, "occlusion", target=2, window=4, stride=4, mask=mask, edge="gaussian")
    assert found.meta["windows"] == 1
    share = torch.zeros(16, 16, dtype=torch.float64)
    share[4:8, 4:8] = torch.from_numpy(gaussian_window(4, 2))
    share[~torch.from_numpy(mask)] = 0
    with torch.no_grad():
        drop = float(model(x[None])[0, 2] - model((x * (1 - share))[None])[0, 2])
    assert found.values[mask] == pytest.approx(np.full(8, drop), rel=1e-5)


def test_edges_are_told_apart_where_logits_are_kept(model: nn.Module) -> None:
    session = Session(model, [read_input(picture(), model)], Binding())
    methods = [build_method("occlusion", {"window": 5, "stride": 5, "edge": edge}) for edge in ("hard", "gaussian")]
    first, second = ([*session.run(method, [2])][-1][0] for method in methods)
    assert first.meta["forwards"] == second.meta["forwards"] == 16
    assert not np.allclose(first.values, second.values)


def test_the_cover_may_be_an_input_of_ones_own(model: nn.Module) -> None:
    x, other = picture().double(), picture(7).double()
    with torch.no_grad():
        expected = brute_force(lambda batch: model(batch)[:, 2], x, 5, 3, other)
    found = explain(model, x, "occlusion", target=2, window=5, stride=3, fill=other)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_scores_are_the_drops_on_the_grid_of_windows(model: nn.Module) -> None:
    found = explain(model, picture(), "occlusion", target=2, window=8, stride=8)
    assert found.arrays["scores"].shape == (2, 2)
    assert found.values[:8, 8:] == pytest.approx(np.full((8, 8), found.arrays["scores"][0, 1]))


def test_volumes_that_are_not_cubes() -> None:
    weight = torch.randn(4 * 6 * 5, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def score(batch: Tensor) -> Tensor:
        return torch.tanh(batch.flatten(1) @ weight)

    x = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = brute_force(lambda batch: score(batch)[:, 1], x, 3, 2)
    found = explain(score, x, "occlusion", target=1, window=3, stride=2, dims=3)
    assert found.values == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_a_mask_spares_the_background_and_saves_its_windows(model: nn.Module) -> None:
    mask = np.zeros((16, 16), bool)
    mask[4:8, 4:8] = True
    x = picture().double()
    found = explain(model, x, "occlusion", target=2, window=4, stride=4, mask=mask)
    assert found.meta["windows"] == 1
    covered = x.clone()
    covered[:, 4:8, 4:8] = 0
    with torch.no_grad():
        drop = float(model(x[None])[0, 2] - model(covered[None])[0, 2])
    assert found.values[4:8, 4:8] == pytest.approx(np.full((4, 4), drop), rel=1e-5)
    assert not found.values[:4].any()


# -- what it costs --------------------------------------------------------------------------------------------------


def test_model_evaluations_are_what_the_cost_says() -> None:
    box = Counting()
    found = explain(box, picture(), "occlusion", window=4, stride=2, dims=2)
    assert found.meta["windows"] == 49
    assert box.seen == 1 + 49  # the measured pass gives the clean scores
    assert found.meta["forwards"] == 49


def test_every_class_comes_from_the_same_forwards() -> None:
    box = Counting()
    found = explain(box, picture(), "occlusion", target=0, window=4, stride=2, dims=2)
    seen = box.seen
    maps = found.maps([*range(CLASSES), Contrast(0, 1), lambda logits: logits[:, 0] ** 2])
    assert box.seen == seen
    for target in range(CLASSES):
        alone = explain(Counting(), picture(), "occlusion", target=target, window=4, stride=2, dims=2)
        assert maps[target] == pytest.approx(alone.values, rel=1e-5, abs=1e-6)
    assert maps[CLASSES] == pytest.approx(maps[0] - maps[1], rel=1e-4, abs=1e-6)


def test_chunks_of_any_size_give_the_same_map(model: nn.Module) -> None:
    method = build_method("occlusion", {"window": 5, "stride": 3})
    whole = Session(model, [read_input(picture(), model)], Binding())
    pieces = Session(model, [read_input(picture(), model)], Binding(chunk_seconds=1e-9))
    pieces.refresh(force=True)
    *_, (expected,) = whole.run(method, [2])
    pieces.refresh(force=True)
    steps = [step[0] for step in pieces.run(method, [2])]
    assert len(steps) == 25  # one window a chunk
    assert steps[-1].values == pytest.approx(expected.values, rel=1e-9)


def test_the_coarse_grid_comes_first_and_covers_everything(model: nn.Module) -> None:
    session = Session(model, [read_input(picture(), model)], Binding(chunk_seconds=1e-9))
    steps = [step[0] for step in session.run(build_method("occlusion", {"window": 8, "stride": 2}), [2])]
    fractions = [step.meta["fraction"] for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    coarse = steps[3]  # 2 x 2 windows of 8 cover 16 x 16
    assert coarse.meta["windows"] == 4
    expected = explain(model, picture(), "occlusion", target=2, window=8, stride=8).values
    assert coarse.values == pytest.approx(expected, rel=1e-9)
    assert steps[0].values is not steps[1].values
    assert not steps[0].values[8:, 8:].any()  # an earlier estimate did not change under our hands


def test_a_cancelled_run_keeps_what_it_has_paid_for() -> None:
    box = Counting()
    session = Session(box, [read_input(picture(), box, dims=2)], Binding(chunk_seconds=1e-9, dims=2))
    method = build_method("occlusion", {"window": 4, "stride": 4})
    run = session.run(method, [1])
    for _ in range(5):
        next(run)
    run.close()
    seen = box.seen
    *_, (found,) = session.run(method, [1])
    assert box.seen - seen == 16 - 5
    assert found.values == pytest.approx(
        explain(Counting(), picture(), "occlusion", target=1, window=4, stride=4, dims=2).values, abs=1e-6
    )


def test_an_out_of_memory_error_halves_the_chunk() -> None:
    net = trained_statistics(seeded(Plain)).eval()
    sizes = []

    def greedy(batch: Tensor) -> Tensor:
        if len(batch) > 10:
            raise torch.OutOfMemoryError
        sizes.append(len(batch))
        with torch.no_grad():
            return net(batch)

    found = explain(greedy, picture(), "occlusion", target=1, window=4, stride=2, dims=2)
    assert max(sizes) <= 10
    assert found.values == pytest.approx(
        explain(net, picture(), "occlusion", target=1, window=4, stride=2).values, abs=1e-5
    )


def test_beyond_64_mb_of_logits_the_likeliest_classes_are_kept_with_exact_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from xai_widget.engine import kept

    monkeypatch.setattr(kept, "KEPT_BYTES", 100)
    monkeypatch.setattr(kept, "KEPT_CLASSES", 2)
    box = Counting()
    found = explain(box, picture(), "occlusion", target=0, window=4, stride=4, dims=2, score="probability")
    with torch.no_grad():
        order = box.net(picture()[None])[0].argsort(descending=True).tolist()
    exact = explain(Counting().net, picture(), "occlusion", target=order[0], window=4, stride=4, score="probability")
    assert found.for_target(order[0]).values == pytest.approx(exact.values, abs=1e-6)
    lost = next(index for index in order[2:] if index != 0)
    with pytest.raises(TargetNotScored, match="kept"):
        found.for_target(lost)
    with pytest.raises(TargetNotScored):
        found.for_target(lambda logits: logits[:, 0])


def test_a_batch_gives_what_its_inputs_give_alone(model: nn.Module) -> None:
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    together = explain_batch(model, inputs, "occlusion", targets=[0, 1, 2], window=5, stride=3, score="probability")
    for x, target, found in zip(inputs, range(3), together, strict=True):
        alone = explain(model, x, "occlusion", target=target, window=5, stride=3, score="probability")
        assert found.values == pytest.approx(alone.values, rel=1e-6, abs=1e-9)
        assert found.for_target(4).values == pytest.approx(alone.for_target(4).values, rel=1e-6, abs=1e-9)


def test_a_network_of_ndarrays_is_a_black_box_like_any_other() -> None:
    weight = np.random.default_rng(0).normal(size=(3 * 16 * 16, 2))
    found = explain(
        lambda batch: batch.numpy().reshape(len(batch), -1) @ weight,
        picture(),
        "occlusion",
        target=0,
        window=16,
        stride=16,
        dims=2,
    )
    drop = picture().numpy().ravel() @ weight[:, 0]
    assert found.values == pytest.approx(np.full((16, 16), drop), rel=1e-4)
