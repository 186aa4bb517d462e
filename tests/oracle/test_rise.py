"""RISE against masks built by hand, its error bars, and its contract on model evaluations."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.asking import Counting
from tests.zoo import CLASSES, Flat, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, explain, explain_batch
from xai_widget.binding import Binding
from xai_widget.explainers import Rise, build_method
from xai_widget.explainers.rise import VisibleMean
from xai_widget.inputs import read_input
from xai_widget.session import Session


@pytest.fixture
def model() -> nn.Module:
    return trained_statistics(seeded(Flat)).eval().double()


def enlarged(cells: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Interpolate linearly along an axis, sample by sample, cells having their values at their centres."""
    n = cells.shape[axis]
    places = np.clip((np.arange(length) + 0.5) * n / length - 0.5, 0, n - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, n - 1)
    shape = [1] * cells.ndim
    shape[axis] = length
    share = (places - low).reshape(shape)
    return np.take(cells, low, axis) * (1 - share) + np.take(cells, high, axis) * share


def masks_by_hand(method: Rise, size: tuple[int, ...]) -> np.ndarray:
    edits = method._masks(size)
    full = []
    for cells, shift in zip(edits.low_res.astype(float), edits.shift, strict=True):
        mask = cells
        for axis, length in enumerate(size):
            cell = int(np.ceil(length / cells.shape[axis]))
            assert 0 <= shift[axis] < cell
            mask = np.take(enlarged(mask, length + cell, axis), np.arange(shift[axis], shift[axis] + length), axis)
        full.append(mask)
    return np.stack(full)


@pytest.mark.parametrize(
    ("cells", "keep", "fill"), [(7, 0.5, "zero"), (4, 0.3, 0.7), (3, 0.9, "mean"), (16, 0.5, "zero"), (1, 0.5, "zero")]
)
def test_it_is_the_weighted_mean_of_masks_built_by_hand(
    model: nn.Module, cells: int, keep: float, fill: str | float
) -> None:
    x = picture().double()
    found = explain(model, x, "rise", target=2, samples=40, cells=cells, keep=keep, fill=fill, seed=3)
    masks = masks_by_hand(Rise(samples=40, cells=cells, keep=keep, seed=3), (16, 16))
    m = torch.from_numpy(masks)[:, None]
    cover = x.mean((1, 2), keepdim=True) if fill == "mean" else (0.7 if fill == 0.7 else 0)
    with torch.no_grad():
        p = model(x * m + cover * (1 - m)).softmax(1)[:, 2].numpy()
    mean = np.average(np.broadcast_to(p[:, None, None], masks.shape), axis=0, weights=masks)
    error = np.sqrt((masks**2 * (p[:, None, None] - mean) ** 2).sum(0)) / masks.sum(0)
    assert found.values == pytest.approx(mean, rel=1e-5)
    assert found.error == pytest.approx(error, rel=1e-4, abs=1e-9)
    assert found.signed is False


def test_volumes_by_hand() -> None:
    net = seeded(Volumetric).eval().double()
    volume = torch.randn(1, 5, 9, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = explain(net, volume, "rise", target=1, samples=25, score="logit")
    masks = masks_by_hand(Rise(samples=25), (5, 9, 8))
    assert Rise(samples=25)._masks((5, 9, 8)).low_res.shape == (25, 5, 7, 7)  # no more cells than slices
    with torch.no_grad():
        y = net(volume * torch.from_numpy(masks)[:, None])[:, 1].numpy()
    assert found.values == pytest.approx(np.einsum("n,nijk->ijk", y, masks) / masks.sum(0), rel=1e-5)
    assert found.signed is True


def test_a_volume_of_one_slice_is_a_picture() -> None:
    weight = torch.randn(16 * 16, 2, generator=torch.Generator().manual_seed(3))
    flat = explain(lambda x: x.flatten(1) @ weight, picture()[:1], "rise", target=0, samples=50, dims=2)
    deep = explain(lambda x: x.flatten(1) @ weight, picture()[:1, None], "rise", target=0, samples=50, dims=3)
    assert deep.values[0] == pytest.approx(flat.values, rel=1e-5)


def test_every_place_is_visible_as_often_as_the_probability_says() -> None:
    method = Rise(samples=4000, keep=0.3)
    masks = masks_by_hand(method, (14, 14))
    assert masks.mean(0) == pytest.approx(np.full((14, 14), 0.3), abs=0.035)
    shifts = method._masks((14, 14)).shift
    assert np.bincount(shifts[:, 0]) == pytest.approx([2000, 2000], rel=0.1)


def test_a_network_that_reads_one_patch_has_its_maximum_there() -> None:
    def reads_a_patch(batch: Tensor) -> Tensor:
        seen = batch[:, :, 20:28, 6:14].mean((1, 2, 3))
        return torch.stack([20 * (seen - 0.8), 20 * (0.8 - seen)], 1)

    found = explain(reads_a_patch, torch.ones(3, 36, 36), "rise", target=0, samples=2000, dims=2)
    row, column = np.unravel_index(found.values.argmax(), found.values.shape)
    assert 20 <= row < 28
    assert 6 <= column < 14
    inside = np.zeros((36, 36), bool)
    inside[20:28, 6:14] = True
    far = np.ones((36, 36), bool)
    far[10:36, 0:24] = False
    assert found.values[inside].mean() > found.values[far].mean() + 5 * found.error[far].mean()


def test_errors_cover_the_truth_and_shrink() -> None:
    def reads_a_patch(batch: Tensor) -> Tensor:
        seen = batch[:, 0, 5:9, 5:9].mean((1, 2))
        return torch.stack([3 * seen, 1 - seen], 1)

    def ask(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        found = explain(reads_a_patch, torch.ones(1, 14, 14), "rise", target=0, samples=samples, seed=seed, dims=2)
        return found.values, found.error

    truth, _ = ask(20000, 99)
    runs = [ask(200, seed) for seed in range(40)]
    covered = np.mean([np.abs(values - truth) < 1.96 * error for values, error in runs])
    assert 0.90 < covered < 0.99
    assert runs[0][1].mean() / ask(3200, 0)[1].mean() == pytest.approx(4, rel=0.15)


def test_a_score_that_never_changes_gives_the_same_value_everywhere() -> None:
    found = explain(lambda batch: torch.ones(len(batch), 3), picture(), "rise", target=0, samples=30, dims=2)
    assert found.values == pytest.approx(np.full((16, 16), 1 / 3), abs=1e-7)
    assert found.error == pytest.approx(np.zeros((16, 16)), abs=1e-7)


def test_small_differences_of_large_scores_are_not_lost() -> None:
    generator = torch.Generator().manual_seed(0)
    y = 1e9 + torch.randn(2, 90, generator=generator, dtype=torch.float64)
    m = torch.rand(90, 3, generator=generator, dtype=torch.float64)
    running = VisibleMean()
    for scores, visible in zip(y.split([1, 7, 30, 52], 1), m.split([1, 7, 30, 52]), strict=True):
        running.update(scores, visible)
    mean = (y - 1e9) @ m / m.sum(0)
    assert running.count == 90
    assert (running.mean - 1e9 - mean).abs().max() < 1e-6
    expected = ((m**2)[None] * (y[..., None] - 1e9 - mean[:, None]) ** 2).sum(1).sqrt() / m.sum(0)
    assert running.error.numpy() == pytest.approx(expected.numpy(), rel=1e-6)


def test_a_place_that_was_never_visible_has_the_mean_score_and_their_spread() -> None:
    running = VisibleMean()
    running.update(torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert running.mean.tolist() == [[2.0, 2.0]]
    assert running.error.tolist() == [[pytest.approx(0.5**0.5), 1.0]]


def test_a_mask_keeps_the_background_visible_and_off_the_map(model: nn.Module) -> None:
    mask = np.zeros((16, 16), bool)
    mask[4:12, 2:9] = True
    x = picture().double()
    found = explain(model, x, "rise", target=2, samples=30, mask=mask)
    masks = np.where(mask, masks_by_hand(Rise(samples=30), (16, 16)), 1)
    with torch.no_grad():
        p = model(x * torch.from_numpy(masks)[:, None]).softmax(1)[:, 2].numpy()
    expected = np.where(mask, np.einsum("n,nij->ij", p, masks) / masks.sum(0), 0)
    assert found.values == pytest.approx(expected, rel=1e-5)
    assert not found.error[~mask].any()


# -- targets, batches, chunks ---------------------------------------------------------------------------------------


def test_model_evaluations_are_what_the_cost_says() -> None:
    box = Counting()
    found = explain(box, picture(), "rise", samples=50, dims=2)
    assert box.seen == 1 + 50
    assert found.meta["forwards"] == 50
    session = Session(box, [read_input(picture(), box, dims=2)], Binding(dims=2))
    assert session.cost(build_method("rise", {"samples": 50}))[0].forwards == 51


def test_every_target_comes_from_the_same_forwards() -> None:
    box = Counting()
    found = explain(box, picture(), "rise", target=0, samples=40, dims=2)
    seen = box.seen
    maps = found.maps([*range(CLASSES), Contrast(0, 1), lambda logits: logits[:, 0] ** 2])
    assert box.seen == seen
    for target in range(CLASSES):
        alone = explain(Counting(), picture(), "rise", target=target, samples=40, dims=2)
        assert maps[target] == pytest.approx(alone.values, rel=1e-5, abs=1e-7)
    assert maps[CLASSES] == pytest.approx(maps[0] - maps[1], rel=1e-4, abs=1e-6)
    assert sum(maps[:CLASSES]) == pytest.approx(np.ones((16, 16)), rel=1e-4)
    assert found.for_target(Contrast(0, 1)).signed is True


def test_a_seed_gives_one_map_and_more_samples_go_on_with_it(model: nn.Module) -> None:
    maps = [explain(model, picture(), "rise", target=1, samples=30, seed=s).values for s in (3, 3, 4)]
    assert np.array_equal(maps[0], maps[1])
    assert not np.allclose(maps[0], maps[2])
    short, long = Rise(samples=10)._masks((16, 16)), Rise(samples=30)._masks((16, 16))
    assert np.array_equal(short.low_res, long.low_res[:10])
    assert np.array_equal(short.shift, long.shift[:10])


def test_a_batch_gives_what_its_inputs_give_alone(model: nn.Module) -> None:
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    together = explain_batch(model, inputs, "rise", targets=[0, 1, 2], samples=40)
    for x, target, found in zip(inputs, range(3), together, strict=True):
        alone = explain(model, x, "rise", target=target, samples=40)
        assert found.values == pytest.approx(alone.values, rel=1e-6)
        assert found.error == pytest.approx(alone.error, rel=1e-6)
        assert found.for_target(4).values == pytest.approx(alone.for_target(4).values, rel=1e-6)


def test_chunks_of_any_size_give_the_same_map(model: nn.Module) -> None:
    method = build_method("rise", {"samples": 30})
    pieces = Session(model, [read_input(picture(), model)], Binding(chunk_seconds=1e-9))
    steps = [step[0] for step in pieces.run(method, [2])]
    assert [step.meta["fraction"] for step in steps] == [n / 30 for n in range(1, 31)]
    assert steps[0].error is None  # one sample has no scatter
    pieces.refresh(force=True)
    *_, (expected,) = Session(model, [read_input(picture(), model)], Binding()).run(method, [2])
    assert steps[-1].values == pytest.approx(expected.values, rel=1e-6)
    assert steps[-1].error == pytest.approx(expected.error, rel=1e-6)
