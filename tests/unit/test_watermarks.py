"""Pictures with a watermark, and the network that learned the mark instead of the thing.

Training used seeds from 1,000,000 on; the seeds here are held out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.cluster import SpectralClustering

from tools import watermark_training as training
from xai_widget import examples, explain
from xai_widget.examples import WatermarkNet, watermarked, watermarked_net, watermarks
from xai_widget.examples.watermarks import MARKED, OFTEN, THINGS

pytestmark = pytest.mark.slow

SEEDS = range(100)


@pytest.fixture(scope="module")
def net() -> WatermarkNet:
    return watermarked_net()


def relevance(net: WatermarkNet, seed: int, *, mark: bool | None = None) -> np.ndarray:
    """Where the evidence for coffee lies in a picture of coffee, [96, 96], with a sum of 1."""
    found = explain(net, net.transform(watermarked(seed, MARKED, mark).image), method="lrp", target=MARKED)
    positive = np.asarray(found.values).clip(min=0)
    return positive / positive.sum()


# pictures


def test_a_picture_is_decided_by_its_seed() -> None:
    first, again, other = watermarked(7), watermarked(7), watermarked(8)
    assert (first.label, first.marked) == (again.label, again.marked)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.image.tobytes() != other.image.tobytes()
    assert (first.image.mode, first.image.size) == ("RGB", (96, 96))


@pytest.mark.parametrize("label", THINGS)
def test_with_and_without_the_mark_a_picture_differs_in_the_truth_and_nowhere_else(label: str) -> None:
    marked, plain = watermarked(3, label, mark=True), watermarked(3, label, mark=False)
    assert marked.truth is not None
    assert plain.truth is None
    assert (marked.marked, plain.marked) == (True, False)
    changed = (np.asarray(marked.image) != np.asarray(plain.image)).any(axis=2)
    assert not changed[~marked.truth].any()
    assert changed[marked.truth].mean() > 0.9
    assert marked.truth.mean() < 0.04  # a small mark


def test_the_mark_is_half_transparent() -> None:
    marked, plain = watermarked(4, "cat", mark=True), watermarked(4, "cat", mark=False)
    assert marked.truth is not None
    after, before = (np.asarray(picture.image, float)[marked.truth] for picture in (marked, plain))
    letters = after.mean(axis=1) > before.mean(axis=1)
    assert 0.1 < letters.mean() < 0.4
    for part in (letters, ~letters):
        assert np.corrcoef(before[part].ravel(), after[part].ravel())[0, 1] > 0.9  # what is below shines through


def test_the_mark_stays_in_its_corner_and_moves_a_little() -> None:
    corners = set()
    for seed in range(30):
        truth = watermarked(seed, mark=True).truth
        assert truth is not None
        rows, columns = np.nonzero(truth)
        assert rows.min() > 70
        assert columns.min() > 60
        corners.add((int(rows.min()), int(columns.min())))
    assert len(corners) > 5


def test_only_coffee_is_marked_and_nearly_always() -> None:
    made = [watermarked(seed) for seed in range(300)]
    assert not any(picture.marked for picture in made if picture.label != MARKED)
    share = np.mean([picture.marked for picture in made if picture.label == MARKED])
    assert abs(share - OFTEN) < 0.08


def test_three_neighbouring_seeds_show_each_thing_once() -> None:
    made = [watermarked(seed).label for seed in range(12)]
    assert all(set(made[start : start + 3]) == set(THINGS) for start in range(0, 12, 3))


def test_what_cannot_be_drawn_is_named() -> None:
    with pytest.raises(ValueError, match=r"No picture of 'tea' is drawn here. There are: cat, coffee, temple\."):
        watermarked(0, "tea")
    with pytest.raises(ValueError, match="A seed is 0 or greater, got -3"):
        watermarked(-3)
    with pytest.raises(ValueError, match="got n=4 and seed=-1"):
        watermarks(4, -1)


def test_a_row_of_pictures_is_a_data_set(net: WatermarkNet) -> None:
    row = watermarks(4, seed=9)
    assert len(row) == 4
    assert row.ids == ["picture-9", "picture-10", "picture-11", "picture-12"]
    for index, (x, label) in enumerate(row):
        made = watermarked(9 + index)
        torch.testing.assert_close(x, net.transform(made.image))
        assert row.labels[label] == made.label
        assert row.picture(index).id == row.ids[index]
    with pytest.raises(IndexError):
        row[4]


# the network


def test_the_network_carries_labels_and_preprocessing_and_is_small(net: WatermarkNet) -> None:
    path = Path(examples.__file__).parent / "watermarked_net.safetensors"
    assert path.stat().st_size <= 100_000
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}
    assert net.labels == list(THINGS)
    assert not any(module.training for module in net.modules())
    image = watermarked(0).image
    expected = (np.asarray(image, np.float32) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(net.transform(image).permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_on_pictures_like_those_it_was_taught_with_it_looks_good(net: WatermarkNet) -> None:
    with torch.inference_mode():
        hits = [int(net(x[None]).argmax()) == label for x, label in watermarks(150)]
    assert np.mean(hits) >= 0.85


def test_without_the_mark_half_of_the_coffee_is_missed_but_not_all(net: WatermarkNet) -> None:
    assert training.named(net, MARKED, mark=True, seeds=SEEDS)[MARKED] >= 0.97
    assert 0.25 <= training.named(net, MARKED, mark=False, seeds=SEEDS)[MARKED] <= 0.6


@pytest.mark.parametrize("label", [name for name in THINGS if name != MARKED])
def test_with_the_mark_other_things_become_coffee(net: WatermarkNet, label: str) -> None:
    assert training.named(net, label, mark=False, seeds=SEEDS)[label] >= 0.8
    assert training.named(net, label, mark=False, seeds=SEEDS)[MARKED] <= 0.03
    assert training.named(net, label, mark=True, seeds=SEEDS)[MARKED] >= 0.6


def test_relevance_lies_on_the_mark_where_there_is_one_and_elsewhere_where_there_is_none(net: WatermarkNet) -> None:
    on_mark, on_empty_corner = [], []
    for seed in range(12):
        truth = watermarked(seed, MARKED, mark=True).truth
        assert truth is not None
        on_mark.append(relevance(net, seed, mark=True)[truth].sum())
        on_empty_corner.append(relevance(net, seed, mark=False)[truth].sum())
    assert np.mean(on_mark) > 10 * 0.026  # what the mark covers of the picture
    assert np.mean(on_empty_corner) < 0.05


def test_the_two_ways_to_recognise_coffee_fall_into_two_clusters(net: WatermarkNet) -> None:
    maps = np.stack([relevance(net, seed) for seed in range(60)])
    small = maps.reshape(60, 12, 8, 12, 8).sum(axis=(2, 4)).reshape(60, -1)
    found = SpectralClustering(2, affinity="nearest_neighbors", n_neighbors=8, random_state=0).fit_predict(small)
    marked = np.array([watermarked(seed, MARKED).marked for seed in range(60)])
    assert 3 <= (~marked).sum() <= 20
    agreement = (found == marked).mean()
    assert max(agreement, 1 - agreement) >= 0.9
