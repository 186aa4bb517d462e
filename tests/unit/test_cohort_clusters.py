"""SpRAy: kinds of maps, on maps with one and with two planted strategies."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.made_cohorts import a_cohort
from xai_widget.cohort.cohort import Cohort
from xai_widget.cohort.findings import clusters as module
from xai_widget.cohort.findings.map_features import area_means
from xai_widget.cohort.findings.spectral import kinds, spectrum, standing_out

pytestmark = pytest.mark.slow

mpl.use("agg")

SIDE = 32
RED = (210, 30, 40)


def spot(middle: Any, width: float, size: tuple[int, ...] = (SIDE, SIDE)) -> Any:
    far = sum((at - m) ** 2 for at, m in zip(np.indices(size), middle, strict=True))
    return np.exp(-far / (2 * width**2))


def planted(path: Path, marked: Any, *, moving: bool = False, seed: int = 0) -> Cohort:
    """Maps on an object about the middle, but on a small red mark where there is one: in a corner, or anywhere."""
    rng = np.random.default_rng(seed)
    maps, pictures = [], []
    for each in marked:
        noise = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 2)
        picture = 128 + 60 * gaussian_filter(rng.normal(size=(SIDE, SIDE, 3)), (2, 2, 0)) * 4
        corner = rng.integers(0, SIDE - 6, 2) if moving else np.array([2, 2])
        picture[corner[0] : corner[0] + 5, corner[1] : corner[1] + 5] = RED if each else 128
        middle, width = (corner + 2, 1.8) if each else (rng.normal(SIDE / 2, 2, 2), rng.uniform(4, 5.5))
        maps.append(rng.uniform(0.5, 3) * (spot(middle, width) + 0.4 * noise))
        pictures.append(picture.clip(0, 255))
    return a_cohort(path, np.array(maps), np.array(pictures).astype(np.uint8))


def agreement(labels: Any, marked: Any) -> float:
    return max((labels == marked).mean(), (labels != marked).mean())


def purity(labels: Any, marked: Any) -> float:
    """The part of members that are of the majority of their kind."""
    each = [marked[labels == kind].mean() for kind in labels]
    return float(np.mean([marked[at] == (share > 0.5) for at, share in enumerate(each)]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [2, 5])
def test_two_strategies_are_found_and_told_apart(tmp_path: Path, seed: int, share: int):
    marked = np.arange(60) % share == 0
    found = planted(tmp_path, marked, seed=seed).clusters()
    assert len(found) == 2
    assert agreement(found.labels, marked) >= 0.95
    assert found.sizes.tolist() == sorted(found.sizes.tolist(), reverse=True)
    assert found.eigengap > 0.15


@pytest.mark.parametrize("seed", range(5))
def test_one_strategy_is_one_kind(tmp_path: Path, seed: int):
    found = planted(tmp_path, np.zeros(60, dtype=bool), seed=seed).clusters()
    assert len(found) == 1
    assert found.labels.tolist() == [0] * 60
    assert repr(found).startswith("One kind of maps in all, n = 60, alike by place\n1. 60 members, typically ")


@pytest.mark.parametrize("seed", range(3))
def test_a_mark_that_moves_is_unmasked_by_what_lies_under_it_and_by_its_shape(tmp_path: Path, seed: int):
    marked = np.arange(60) % 3 == 0
    c = planted(tmp_path, marked, moving=True, seed=seed)
    shape, content = c.clusters(features="shape"), c.clusters(features="content")
    assert len(shape) == 2
    assert agreement(shape.labels, marked) >= 0.95
    assert len(content) >= 2
    assert purity(content.labels, marked) >= 0.95
    assert len(c.clusters(features="place")) == 1


@pytest.mark.parametrize("features", ["shape", "content"])
def test_objects_that_move_are_one_kind_of_shape_and_content(tmp_path: Path, features: Any):
    assert len(planted(tmp_path, np.zeros(60, dtype=bool), seed=7).clusters(features=features)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_tight_kind_among_scattered_maps_is_found(tmp_path: Path, seed: int):
    rng = np.random.default_rng(seed)
    marked = np.arange(60) % 6 > 0
    middles = [rng.normal(4, 0.7, 2) if each else rng.uniform(2, SIDE - 2, 2) for each in marked]
    maps = [spot(middle, 3 if each else rng.uniform(3, 8)) for middle, each in zip(middles, marked, strict=True)]
    found = a_cohort(tmp_path, np.array(maps)).clusters()
    assert len(found) == 2
    assert agreement(found.labels, marked) >= 0.9
    assert found.sizes[0] > found.sizes[1]
    again = a_cohort(tmp_path, np.array(maps)).clusters(2)
    np.testing.assert_array_equal(again.labels, found.labels)


def test_content_needs_pictures(tmp_path: Path):
    with pytest.raises(ValueError, match="explain with pictures=True"):
        a_cohort(tmp_path, np.ones((5, 8, 8))).clusters(features="content")


def test_the_means_show_the_strategies_and_the_kinds_are_groups(tmp_path: Path):
    marked = np.arange(40) % 4 == 0
    c = planted(tmp_path, marked)
    found = c.clusters()
    usual, mark = found.means
    assert (usual.label, usual.meta["n"]) == ("all, kind 1", 30)
    assert np.argmax(mark.values) == 4 * SIDE + 4
    np.testing.assert_array_equal(found.groups[1].rows, np.flatnonzero(marked))
    np.testing.assert_array_equal(c.mean(found.groups[1]).values, mark.values)
    t = c.t_map(found.groups[1], found.groups[0])
    assert t.values[4, 4] > 6
    assert found.table.kind.tolist() == [2 if each else 1 for each in marked]


def test_typical_members_are_those_nearest_to_the_middle_of_their_kind(tmp_path: Path):
    marked = np.arange(40) % 2 == 0
    found = planted(tmp_path, marked).clusters()
    for kind, ids in enumerate(found.typical):
        inside = found.table[found.table.kind == kind + 1].sort_values("distance")
        assert ids == inside.id.tolist()[:3]


def test_kinds_are_of_the_members_of_a_group(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(12, 8, 8))
    c = a_cohort(tmp_path, maps, None, [{"prediction": row % 2} for row in range(12)])
    found = c.clusters(2, "dog", size=(4, 4))
    assert found.rows.tolist() == [1, 3, 5, 7, 9, 11]
    assert set(found.ids) == {"1.png", "3.png", "5.png", "7.png", "9.png", "11.png"}


def test_volumes_have_kinds_too(tmp_path: Path):
    rng = np.random.default_rng(0)
    marked = np.arange(24) % 2 == 0
    maps = [spot((3, 3, 9) if each else rng.normal(6, 0.7, 3), 1.5, (12, 10, 14)) for each in marked]
    found = a_cohort(tmp_path, np.array(maps) + rng.normal(0, 0.02, (24, 12, 10, 14))).clusters()
    assert len(found) == 2
    assert agreement(found.labels, marked) == 1


def test_strength_of_a_map_does_not_count(tmp_path: Path):
    maps = np.stack([spot((8, 8), 3), spot((24, 24), 3)] * 10)
    strong = a_cohort(tmp_path / "a", maps * np.linspace(0.01, 100, 20)[:, None, None])
    assert strong.clusters().labels.tolist() == [0, 1] * 10


def test_the_same_seed_gives_the_same_kinds_and_the_same_plane(tmp_path: Path):
    c = planted(tmp_path, np.arange(20) % 2 == 0)
    first, again = c.clusters(seed=4), c.clusters(seed=4)
    np.testing.assert_array_equal(first.labels, again.labels)
    np.testing.assert_allclose(first.embedding, again.embedding)
    assert first.embedding.shape == (20, 2)


def test_of_a_very_large_group_a_sample_is_cut_and_the_rest_joins_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SAMPLE", 30)
    marked = np.arange(80) % 2 == 0
    found = planted(tmp_path, marked).clusters()
    assert len(found.labels) == 80
    assert agreement(found.labels, marked) == 1


def test_wrong_options_are_named(tmp_path: Path):
    c = planted(tmp_path, np.arange(6) % 2 == 0)
    for wrong, words in [
        ({"features": "plaice"}, "Did you mean 'place'"),
        ({"size": (3,)}, "a grid of 2 lengths"),
        ({"n": 0}, "1 to 5"),
        ({"n": 6}, "1 to 5"),
        ({"group": [0, 1, 2]}, "4 maps or more, and 'chosen rows' has 3"),
    ]:
        with pytest.raises(ValueError, match=words):
            c.clusters(**wrong)


def test_kinds_are_readable_and_drawn(tmp_path: Path):
    found = planted(tmp_path, np.arange(40) % 4 == 0).clusters()
    lines = repr(found).splitlines()
    assert lines[0] == "2 kinds of maps in all, n = 40, alike by place"
    assert lines[1].startswith("1. 30 members, typically ")
    assert lines[3].startswith("Eigenvalues 0.00, 0.0")
    assert "<td>10</td>" in found._repr_html_()
    figure = found.plot()
    plane, eigenvalues, *means = figure.axes
    assert [len(points.get_offsets()) for points in plane.collections] == [30, 10]
    np.testing.assert_allclose(eigenvalues.collections[0].get_offsets()[:, 1], found.eigenvalues)
    assert [ax.get_title() for ax in means] == ["kind 1, n = 30", "kind 2, n = 10"]


# -- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(3, 2), (5, 7), (2, 9)])
def test_area_means_are_those_of_a_finely_repeated_map(size: tuple[int, int]):
    values = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    fine = values.repeat(size[0], 0).repeat(size[1], 1)
    expected = fine.reshape(size[0], 5, size[1], 7).mean(axis=(1, 3))
    np.testing.assert_allclose(area_means(values, size), expected, atol=1e-6)


def test_the_spectrum_of_separate_clouds_has_a_zero_for_each():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(middle, 1, (25, 2)) for middle in ((0, 0), (50, 0), (0, 60))])
    low = spectrum(points, neighbours=10)
    assert low.eigenvalues[:3] == pytest.approx(np.zeros(3), abs=1e-9)
    assert low.eigenvalues[3] > 0.1
    assert kinds(points, low, seed=0).tolist() == np.repeat([0, 1, 2], 25).tolist()
    # The eigenvectors of 0 are constant on each cloud, up to the members' degrees: rows of one cloud are parallel.
    rows = low.vectors[:, :3] / np.linalg.norm(low.vectors[:, :3], axis=1, keepdims=True)
    assert np.abs(rows[:25] @ rows[0]) == pytest.approx(np.ones(25))
    assert np.abs(rows[25:] @ rows[0]).max() < 1e-6


def test_equal_maps_are_one_kind():
    points = np.ones((10, 3))
    assert kinds(points, spectrum(points), seed=0).tolist() == [0] * 10


@pytest.mark.parametrize("dimensions", [2, 20])
@pytest.mark.parametrize("seed", range(3))
def test_a_continuum_is_one_kind(dimensions: int, seed: int):
    points = np.random.default_rng(seed).uniform(size=(100, dimensions))
    assert kinds(points, spectrum(points), seed=0).max() == 0


@pytest.mark.parametrize("seed", range(10))
def test_of_scattered_maps_alone_none_stand_out(seed: int):
    rng = np.random.default_rng(seed)
    maps = [spot(rng.uniform(2, SIDE - 2, 2), rng.uniform(3, 8)) for _ in range(60)]
    points = np.stack([area_means(each.astype(np.float32), (16, 16)).ravel() for each in maps])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assert standing_out(points, seed=0).tolist() == [0] * 60
