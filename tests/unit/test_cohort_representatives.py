"""SP-LIME: the pick itself against brute force and by hand, and features that make maps comparable."""

import itertools
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from tests.made_cohorts import a_cohort
from xai_widget.cohort.cohort import Cohort
from xai_widget.cohort.findings.representatives import strongest, submodular_pick
from xai_widget.cohort.findings.visual_words import describe

mpl.use("agg")


def cover(weights: Any, picked: Any) -> float:
    """Coverage by its definition, feature by feature."""
    importance = [sum(abs(w) for w in column) ** 0.5 for column in weights.T]
    return sum(i for i, column in zip(importance, weights.T, strict=True) if any(column[row] != 0 for row in picked))


def test_the_pick_by_hand():
    # I = sqrt(9), sqrt(4), sqrt(1) = 3, 2, 1. Gains: 3, 3, 2, 0: the first of equals; then row 1 adds 1, row 2 adds 2.
    weights = np.array([[9.0, 0, 0], [0, 1, -1], [0, 3, 0], [0, 0, 0]])
    picked, coverage, importance = submodular_pick(weights, 4)
    assert importance.tolist() == [3, 2, 1]
    assert picked == [0, 1, 2, 3]
    assert coverage.tolist() == pytest.approx([3 / 6, 1, 1, 1])
    picked, coverage, _ = submodular_pick(weights[[3, 2, 0]], 2)
    assert picked == [2, 1]
    assert coverage.tolist() == pytest.approx([3 / (3 + 3**0.5), 1])


def test_signs_do_not_cancel():
    assert submodular_pick(np.array([[2.0, 0], [-2.0, 1]]), 1)[2].tolist() == [2, 1]


def test_ties_go_to_the_first_row():
    assert submodular_pick(np.ones((5, 3)), 3)[0] == [0, 1, 2]
    assert submodular_pick(np.zeros((3, 2)), 2)[0] == [0, 1]
    assert submodular_pick(np.zeros((3, 2)), 2)[1].tolist() == [1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_the_greedy_pick_reaches_its_part_of_the_best_one(seed: int):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(8, 7)) * (rng.random((8, 7)) < 0.35)
    for n in (1, 2, 3, 4):
        picked, coverage, importance = submodular_pick(weights, n)
        best = max(cover(weights, subset) for subset in itertools.combinations(range(8), n))
        found = cover(weights, picked)
        assert found >= (1 - 1 / np.e) * best - 1e-12
        assert coverage[-1] == pytest.approx(found / importance.sum())
        # Every step by itself is the best one.
        for step in range(n):
            gains = [cover(weights, [*picked[:step], row]) for row in range(8) if row not in picked[:step]]
            assert cover(weights, picked[: step + 1]) == pytest.approx(max(gains))


def test_only_the_strongest_features_of_a_member_count():
    assert strongest(np.array([[1.0, 1.0, 2.0, 0.0]]), 2).tolist() == [[0.25, 0, 0.5, 0]]


# -- of cohorts -----------------------------------------------------------------------------------------------------

HALVES = np.array([[1, 1, 2, 2], [3, 3, 4, 4]])


def by_region(*wanted: int) -> Any:
    return np.isin(HALVES, wanted) * 1.0


def test_of_aligned_maps_the_regions_of_an_atlas_are_the_features(tmp_path: Path):
    # Many look at 1; one looks at 2 and 3; one, faintly, at 4.
    maps = np.stack([by_region(1), by_region(1), -5 * by_region(2, 3), by_region(1), 0.1 * by_region(4)])
    c = a_cohort(tmp_path, maps)
    found = c.representatives(3, features=HALVES, names={1: "one", 4: "four"})
    assert found.rows.tolist() == [0, 2, 4]
    assert found.ids == ("0.png", "2.png", "4.png")
    assert found.features == ("one", "region 2", "region 3", "four")
    expected = np.sqrt([3, 0.5, 0.5, 1])
    np.testing.assert_allclose(found.importance, expected)
    np.testing.assert_allclose(found.coverage, np.cumsum([expected[0], expected[1:3].sum(), 1]) / expected.sum())
    assert [a.meta["row"] for a in found.attributions] == [0, 2, 4]
    assert found.table.features.tolist() == ["one", "region 2, region 3", "four"]
    assert repr(found).splitlines()[0] == "3 of 5 members of all show 100% of what counts"
    assert repr(found).splitlines()[2] == "2. 2.png  (row 2, together 76%)"


def test_boxes_and_parcels_of_aligned_maps(tmp_path: Path):
    maps = np.zeros((3, 8, 8))
    maps[0, :4, :4] = maps[1, :4, :4] = maps[2, 4:, 4:] = 1
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    pictures[:, :, 4:] = 200
    c = a_cohort(tmp_path, maps, pictures)
    assert c.representatives(2, features="grid", count=2).rows.tolist() == [0, 2]
    assert c.representatives(2, features="parcels", count=4).rows.tolist() == [0, 2]


def test_nobody_is_picked_twice_and_no_more_than_there_are(tmp_path: Path):
    c = a_cohort(tmp_path, np.ones((3, 4, 4)), None, [{"prediction": each} for each in (0, 1, 1)])
    assert c.representatives(9, features="grid").rows.tolist() == [0, 1, 2]
    assert c.representatives(9, "dog", features="grid").rows.tolist() == [1, 2]


def test_wrong_options_are_named(tmp_path: Path):
    c = a_cohort(tmp_path, np.ones((3, 4, 4)))
    for wrong in ({"n": 0}, {"strongest": 0}, {"count": 0}):
        with pytest.raises(ValueError, match="numbers of 1 or more"):
            c.representatives(**wrong, features="grid")
    for features in ("words", "parcels"):
        with pytest.raises(ValueError, match=r"needs? the members' pictures"):
            c.representatives(features=features)
    with pytest.raises(ValueError, match=r"Unknown features 'gird'\. Did you mean 'grid'"):
        c.representatives(features="gird")


# -- visual words -----------------------------------------------------------------------------------------------------

GREY, RED, GREEN = (120, 120, 120), (220, 30, 30), (30, 180, 60)


def scattered(path: Path) -> Cohort:
    """Photographs of one red and one green patch each, in varying places; maps lie on one of them."""
    rng = np.random.default_rng(0)
    pictures, maps = [], []
    for row in range(12):
        picture = np.empty((48, 48, 3), np.uint8)
        picture[:] = GREY
        top, left = rng.integers(0, 12, 2)
        other = 24 + rng.integers(0, 12, 2)
        boxes = [np.s_[top : top + 12, left : left + 12], np.s_[other[0] : other[0] + 12, other[1] : other[1] + 12]]
        if rng.random() < 0.5:
            boxes.reverse()
        picture[boxes[0]], picture[boxes[1]] = RED, GREEN
        seen = np.zeros((48, 48))
        seen[boxes[1 if row in {5, 9} else 0]] = 1 + row
        pictures.append(picture)
        maps.append(seen)
    return a_cohort(path, np.array(maps), np.array(pictures))


def test_visual_words_are_the_same_in_all_pictures_wherever_they_lie(tmp_path: Path):
    found = scattered(tmp_path).representatives(2, count=3)
    assert set(found.rows.tolist()) & {5, 9}
    # Ten members share one word, the two others another.
    first = np.argmax(found.weights, axis=1)
    assert len(set(first[[5, 9]])) == 1
    assert len(set(np.delete(first, [5, 9]))) == 1
    assert first[5] != first[0]
    assert found.features == ("word 1", "word 2", "word 3")


def test_the_same_seed_gives_the_same_words(tmp_path: Path):
    c = scattered(tmp_path)
    np.testing.assert_array_equal(c.representatives(2, seed=3).weights, c.representatives(2, seed=3).weights)


def test_superpixels_are_described_by_colour_spread_and_edges():
    picture = np.empty((40, 40, 3), np.uint8)
    picture[:] = RED
    picture[:, 20:] = np.where(np.indices((40, 20)).sum(0)[..., None] % 2, 255, 0)
    index, looks = describe(picture)
    flat, checked = looks[index[20, 2]], looks[index[20, 30]]
    from skimage.color import rgb2lab

    np.testing.assert_allclose(flat[:3], rgb2lab(np.array(RED, np.uint8) / 255), atol=1e-6)
    assert flat[3:] == pytest.approx(np.zeros(5), abs=1e-6)
    assert checked[3] > 40
    assert checked[7] > 100


def test_the_figure_shows_the_picked_maps_in_order(tmp_path: Path):
    figure = scattered(tmp_path).representatives(6).plot()
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert [title[:2] for title in titles] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert sum(bool(ax.images) for ax in figure.axes) == 6
