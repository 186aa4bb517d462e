"""Relevance by region: the table of regions and groups, and the global view of importance."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import nibabel
import numpy as np
import pytest
from scipy import stats

from tests.made_cohorts import a_cohort
from xai_widget.cohort.cohort import Cohort
from xai_widget.cohort.findings.atlas import grid, parcels
from xai_widget.cohort.findings.importance import swarm
from xai_widget.render import resize

mpl.use("agg")

AFFINE = np.diag([2.0, -1.5, 3.0, 1.0])
SIZE = (6, 5, 7)
NAMES = {2: "left", 5: "right"}


def atlas() -> Any:
    labels = np.zeros(SIZE, np.int16)
    labels[:2] = 2
    labels[4:, 1:] = 5
    return labels


@pytest.fixture
def c(tmp_path: Path) -> Cohort:
    rng = np.random.default_rng(1)
    maps = rng.normal(0.3, 1, (9, 3, 5, 2)).astype(np.float32)
    pictures = rng.integers(0, 256, (9, *SIZE), dtype=np.uint8)
    records = [{"prediction": int(row >= 5), "low": 0.0, "high": 1.0} for row in range(9)]
    return a_cohort(tmp_path / "maps.zarr", maps, pictures, records, affine=AFFINE.tolist())


def resized(c: Cohort, rows: Any) -> Any:
    return np.stack([resize(c.store.map(row), SIZE) for row in rows]).astype(float)


def test_the_table_has_a_row_for_each_group_and_region(c: Cohort):
    table = c.regions(atlas(), NAMES)
    assert list(table) == ["group", "region", "name", "n", "mean", "low", "high", "share", "voxels", "mm3"]
    keys = table[["group", "region", "name", "n"]].values.tolist()
    assert keys == [["cat", 2, "left", 5], ["cat", 5, "right", 5], ["dog", 2, "left", 4], ["dog", 5, "right", 4]]
    assert table.voxels.tolist() == [70, 56, 70, 56]
    np.testing.assert_allclose(table.mm3, [630, 504, 630, 504])
    dogs = resized(c, range(5, 9))
    expected = dogs[:, atlas() == 5].mean(axis=1)
    right = table.iloc[3]
    assert right["mean"] == pytest.approx(expected.mean())
    above = np.maximum(dogs, 0)
    share = above[:, atlas() == 5].sum(axis=1) / above.sum(axis=(1, 2, 3))
    assert right["share"] == pytest.approx(share.mean())


@pytest.mark.parametrize(
    ("statistic", "of"),
    [("mean", lambda v: v), ("mean_abs", np.abs), ("positive", lambda v: np.maximum(v, 0))],
)
def test_the_interval_is_that_of_a_percentile_bootstrap_over_members(c: Cohort, statistic: Any, of: Any):
    table = c.regions(atlas(), by="prediction", statistic=statistic, resamples=20_000, level=0.9)
    values = of(resized(c, range(5)))[:, atlas() == 2].mean(axis=1)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=0.9, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    found = table.iloc[0]
    assert found["mean"] == pytest.approx(values.mean())
    width = expected.high - expected.low
    assert found["low"] == pytest.approx(expected.low, abs=0.03 * width)
    assert found["high"] == pytest.approx(expected.high, abs=0.03 * width)


def test_the_same_seed_gives_the_same_interval_and_another_a_slightly_different_one(c: Cohort):
    first, again, other = (c.regions(atlas(), seed=seed, resamples=300) for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.low.equals(other.low)
    assert first["mean"].equals(other["mean"])


def test_regions_that_fill_the_grid_share_all_positive_relevance(c: Cohort):
    everywhere = np.where(atlas() == 0, 9, atlas())
    table = c.regions(everywhere)
    np.testing.assert_allclose(table.groupby("group")["share"].sum(), 1)


def test_one_group_or_groups_within_one(c: Cohort):
    assert c.regions(atlas(), group="dog").group.unique().tolist() == ["dog"]
    within = c.regions(atlas(), by="prediction", group=[0, 1, 7])
    assert within[["group", "n"]].drop_duplicates().values.tolist() == [["cat", 2], ["dog", 1]]
    assert within.loc[within.group == "dog", ["low", "high"]].isna().all(axis=None)


def test_members_without_positive_relevance_are_left_out_of_the_share(tmp_path: Path):
    maps = np.stack([-np.ones((2, 2)), np.array([[3.0, 1.0], [-5.0, 0.0]])])
    table = a_cohort(tmp_path, maps).regions(np.array([[1, 2], [2, 2]]))
    assert table["share"].tolist() == [0.75, 0.25]
    assert table["mean"].tolist() == [1.0, pytest.approx((-1 - 4 / 3) / 2)]
    assert table["mm3"].isna().all()


def test_an_atlas_is_an_array_an_image_or_a_file(c: Cohort, tmp_path: Path):
    image = nibabel.Nifti1Image(atlas(), AFFINE)
    nibabel.save(image, tmp_path / "atlas.nii.gz")
    expected = c.regions(atlas(), NAMES)
    for each in (image, tmp_path / "atlas.nii.gz", str(tmp_path / "atlas.nii.gz"), atlas().astype(float)):
        assert c.regions(each, NAMES).equals(expected)


def test_names_may_be_missing_or_come_from_json(c: Cohort):
    assert c.regions(atlas(), {"2": "left"}, group="cat").name.tolist() == ["left", "region 5"]


def test_an_atlas_that_does_not_fit_is_refused(c: Cohort):
    for each, words in [
        (atlas()[:5], r"shape \[5, 5, 7\], and the inputs \[6, 5, 7\]"),
        (atlas() + 0.5, "whole numbers"),
        (atlas() * 0, "has no region"),
        (nibabel.Nifti1Image(atlas(), np.eye(4)), "the affines differ"),
    ]:
        with pytest.raises(ValueError, match=words):
            c.regions(each)


def test_wrong_options_are_named(c: Cohort):
    with pytest.raises(ValueError, match=r"Unknown statistic 'men'\. Did you mean 'mean'"):
        c.regions(atlas(), statistic="men")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level in"):
        c.regions(atlas(), level=95)


# -- importance -----------------------------------------------------------------------------------------------------


def test_importance_is_the_mean_size_of_the_members_values(c: Cohort):
    found = c.importance(atlas(), NAMES)
    values = np.stack([resized(c, range(9))[:, atlas() == number].mean(axis=1) for number in (2, 5)], axis=1)
    np.testing.assert_allclose(found.values, values, rtol=1e-6)
    np.testing.assert_allclose(found.importance, np.abs(values).mean(axis=0))
    assert found.table.importance.is_monotonic_decreasing
    assert set(found.table.name) == {"left", "right"}
    pictures = np.stack([c.store.picture(row) for row in range(9)]) / 255
    assert found.intensity is not None
    np.testing.assert_allclose(found.intensity[:, 0], pictures[:, :2].mean(axis=(1, 2, 3)), rtol=1e-5)


def test_importance_is_readable(tmp_path: Path):
    maps = np.array([[[4.0, -1.0]], [[-4.0, 0.0]]])
    found = a_cohort(tmp_path, maps).importance(np.array([[1, 2]]), {1: "nose", 2: "ear"})
    assert repr(found) == (
        "Mean |fall of the logit| by region: all, n = 2\n"
        "nose  ████████████████████████  4\n"
        "ear   ███                       0.5"
    )
    assert "<td>nose</td>" in found._repr_html_()


def test_without_an_atlas_the_picture_is_cut_into_boxes(tmp_path: Path):
    maps = np.zeros((2, 7, 14))
    maps[:, 1, 2:4] = 3
    found = a_cohort(tmp_path, maps).importance()
    assert len(found.names) == 49
    assert found.table.iloc[0]["name"] == "row 2, column 2"
    assert found.table.iloc[0]["importance"] == 3


def test_the_figure_has_a_bar_a_region_and_a_point_a_member(c: Cohort):
    found = c.importance(atlas(), NAMES, group="cat")
    ax = found.plot()
    bars = sorted(patch.get_width() for patch in ax.patches)
    np.testing.assert_allclose(bars, sorted(found.importance))
    first = int(np.argmax(found.importance))
    assert ax.get_yticklabels()[0].get_text() == found.names[first]
    np.testing.assert_allclose(ax.collections[0].get_offsets()[:, 0], found.values[:, first])
    assert ax.get_xlabel() == "fall of the logit"
    assert found.plot(ax) is ax


def test_points_of_about_one_value_stand_beside_each_other():
    aside = swarm(np.array([0.5] * 5 + [0.9]), 0, 1)
    assert sorted(aside[:5]) == [-1, -0.5, 0, 0.5, 1]
    assert aside[5] == 0


# -- shared cuts ----------------------------------------------------------------------------------------------------


def test_boxes_cover_the_grid_once_and_are_of_about_the_same_size():
    cut = grid((10, 9, 8), cells=4)
    assert len(cut) == 64
    assert cut.voxels.sum() == 720
    assert cut.voxels.min() >= 2 * 2 * 2
    assert cut.voxels.max() <= 3 * 3 * 2


def test_boxes_are_no_more_than_there_are_places():
    assert len(grid((3, 20))) == 21


def test_parcels_follow_the_mean_picture():
    volume = np.zeros((12, 12, 12), np.float32)
    volume[:, :, 6:] = 100
    cut = parcels(volume, 8)
    assert len(cut) > 1
    halves = [set(np.unique(cut.index[:, :, half])) for half in (slice(0, 6), slice(6, 12))]
    assert not halves[0] & halves[1]
