"""Mean, spread, t-map and difference of groups, against NumPy and SciPy on all maps at once."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.made_cohorts import a_cohort
from xai_widget.cohort.cohort import Cohort
from xai_widget.render import resize

AFFINE = [[2.0, 0, 0, -10], [0, 1.5, 0, 4], [0, 0, 3, 0], [0, 0, 0, 1]]
# native size, input size
GRIDS = [((3, 4), (8, 10)), ((3, 2, 4), (6, 5, 7)), ((5, 6, 4), (5, 6, 4))]


def two_groups(path: Path, native: tuple[int, ...], size: tuple[int, ...], **plan: Any) -> tuple[Cohort, Any, Any]:
    """Seven cats and four dogs of other spread, and their resized maps."""
    rng = np.random.default_rng(0)
    maps = rng.normal(1000, 1, (11, *native)).astype(np.float32)
    maps[7:] += rng.normal(0.5, 2, (4, *native)).astype(np.float32)
    shape = (*size, 3) if len(size) == 2 else size
    pictures = rng.integers(0, 256, (11, *shape), dtype=np.uint8)
    ends = {} if len(size) == 2 else {"low": -1.0, "high": 4.0}
    records = [{"prediction": int(row >= 7), **ends} for row in range(11)]
    affine = AFFINE if len(size) == 3 else None
    c = a_cohort(path, maps, pictures, records, affine=affine, **plan)
    resized = np.stack([resize(each, size) for each in maps]).astype(np.float64)
    return c, resized[:7], resized[7:]


@pytest.mark.parametrize(("native", "size"), GRIDS)
def test_mean_and_spread_are_those_of_the_resized_maps(tmp_path: Path, native: tuple[int, ...], size: tuple[int, ...]):
    c, cats, _ = two_groups(tmp_path, native, size)
    mean, std = c.mean("cat"), c.std("cat")
    assert mean.values.shape == std.values.shape == size
    np.testing.assert_allclose(mean.values, cats.mean(0), rtol=1e-6)
    assert mean.error is not None
    np.testing.assert_allclose(mean.error, cats.std(0, ddof=1) / np.sqrt(7), rtol=1e-4)
    np.testing.assert_allclose(std.values, cats.std(0, ddof=1), rtol=1e-4)
    assert (mean.label, mean.meta["group"], mean.meta["n"], mean.meta["statistic"]) == ("cat", "cat", 7, "mean")
    assert mean.meta["unit"] == std.meta["unit"] == "fall of the logit"
    assert (mean.signed, std.signed) == (True, False)


@pytest.mark.parametrize(("native", "size"), GRIDS)
def test_t_maps_are_students_and_welchs(tmp_path: Path, native: tuple[int, ...], size: tuple[int, ...]):
    c, cats, dogs = two_groups(tmp_path, native, size)
    alone, welch = c.t_map("cat"), c.t_map("dog", "cat")
    expected = stats.ttest_1samp(cats, 0)
    np.testing.assert_allclose(alone.values, expected.statistic, rtol=1e-4)
    np.testing.assert_allclose(alone.arrays["p"], expected.pvalue, rtol=1e-2)
    assert alone.meta["df"] == 6
    expected = stats.ttest_ind(dogs, cats, equal_var=False)
    np.testing.assert_allclose(welch.values, expected.statistic, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(welch.arrays["df"], expected.df, rtol=1e-3)
    np.testing.assert_allclose(welch.arrays["p"], expected.pvalue, rtol=1e-3)
    q = stats.false_discovery_control(expected.pvalue.ravel()).reshape(size)
    np.testing.assert_allclose(welch.arrays["q"], q, rtol=1e-3)
    assert welch.meta["df"] == pytest.approx(expected.df.min(), rel=1e-3)
    assert (welch.meta["n"], welch.meta["n_other"], welch.meta["unit"]) == (4, 7, "t")
    assert welch.label == "dog − cat, t"


@pytest.mark.parametrize(("native", "size"), GRIDS)
def test_a_difference_is_that_of_the_means(tmp_path: Path, native: tuple[int, ...], size: tuple[int, ...]):
    c, cats, dogs = two_groups(tmp_path, native, size)
    found = c.difference("dog", "cat")
    np.testing.assert_allclose(found.values, dogs.mean(0) - cats.mean(0), atol=2e-4)
    error = np.sqrt(dogs.var(0, ddof=1) / 4 + cats.var(0, ddof=1) / 7)
    assert found.error is not None
    np.testing.assert_allclose(found.error, error, rtol=1e-4)
    assert found.label == "dog − cat"
    assert found.signed


def test_the_picture_is_the_mean_of_the_members_pictures(tmp_path: Path):
    c, _, _ = two_groups(tmp_path, *GRIDS[0])
    pictures = np.stack([c.store.picture(row) for row in range(11)]).astype(float)
    image = c.mean("cat").image
    assert image is not None
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, np.floor(pictures[:7].mean(0) + 0.5))
    both = c.difference("dog", "cat").image
    assert both is not None
    assert np.abs(both - pictures.mean(0)).max() <= 1


def test_the_picture_of_volumes_is_in_their_own_units_and_keeps_the_affine(tmp_path: Path):
    c, _, _ = two_groups(tmp_path, *GRIDS[1])
    found = c.mean("cat")
    volumes = np.stack([c.store.picture(row) for row in range(7)]).astype(float) / 255 * 5 - 1
    assert found.image is not None
    assert found.image.dtype == np.float32
    np.testing.assert_allclose(found.image, volumes.mean(0), atol=1e-5)
    np.testing.assert_array_equal(found.affine, AFFINE)


def test_maps_of_an_unsigned_method_keep_an_unsigned_mean(tmp_path: Path):
    c, _, _ = two_groups(tmp_path, *GRIDS[0], signed=False)
    assert not c.mean().signed
    assert c.difference("cat", "dog").signed


def test_where_nothing_varies_t_is_zero_or_infinite_and_no_place_is_tested(tmp_path: Path):
    maps = np.zeros((4, 1, 3))
    maps[:, 0, 1] = 2
    maps[:, 0, 2] = [1, 2, 3, 4]
    t = a_cohort(tmp_path, maps).t_map()
    assert t.values[0, :2].tolist() == [0, np.inf]
    assert t.values[0, 2] == pytest.approx(stats.ttest_1samp([1, 2, 3, 4], 0).statistic)
    assert t.arrays["q"][0, 0] == 1
    assert t.arrays["q"][0, 2] == pytest.approx(t.arrays["p"][0, 2])
    assert t.meta["tested"] == 1


def test_one_member_has_a_mean_but_no_spread(tmp_path: Path):
    c = a_cohort(tmp_path, np.arange(8.0).reshape(2, 2, 2), None, [{"prediction": 0}, {"prediction": 1}])
    mean = c.mean("cat")
    assert mean.values.tolist() == [[0, 1], [2, 3]]
    assert mean.error is None
    assert c.difference("dog", "cat").values.tolist() == [[4, 4], [4, 4]]
    for ask in (lambda: c.std("cat"), lambda: c.t_map("cat"), lambda: c.t_map(None, "cat")):
        with pytest.raises(ValueError, match="two members or more, and 'cat' has one"):
            ask()


def test_without_pictures_there_is_no_mean_picture(tmp_path: Path):
    assert a_cohort(tmp_path, np.ones((2, 4, 4))).mean().image is None


def test_a_small_spread_of_large_numbers_is_kept(tmp_path: Path):
    maps = np.full((6, 2, 2), 16000, np.float32) + np.array([-1, 1, -1, 1, -1, 1], np.float32)[:, None, None] * 2**-9
    assert a_cohort(tmp_path, maps).std().values == pytest.approx(2**-9 * np.sqrt(6 / 5))


def test_affines_that_differ_are_a_warning(tmp_path: Path):
    moved = [[2.0, 0, 0, -9], *AFFINE[1:]]
    c = a_cohort(tmp_path, np.ones((2, 2, 2, 2)), None, [{"affine": AFFINE}, {"affine": moved}])
    with pytest.warns(UserWarning, match="affines of the members of 'all' differ"):
        c.mean()


def test_maps_are_read_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    maps = np.random.default_rng(0).normal(size=(40, 64, 64)).astype(np.float32)
    c = a_cohort(tmp_path, maps)
    read: list[int] = []
    attribution = c.store.attribution
    monkeypatch.setattr(c.store, "attribution", lambda row: (read.append(row), attribution(row))[1])
    c.mean()
    assert read == list(range(40))
    few, many = [], []
    for rows, peaks in ((range(4), few), (range(40), many)):
        tracemalloc.start()
        c.t_map(list(rows))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 36 maps more are 590 kB as they are stored.
    assert many[0] - few[0] < 100_000


def test_a_mean_is_drawn_and_saved_as_any_map(tmp_path: Path):
    c, _, _ = two_groups(tmp_path / "store", *GRIDS[0])
    mean = c.mean("cat")
    assert mean.heat_map().shape == (8, 10, 3)
    again = type(mean).load(mean.save(tmp_path / "mean.npz"))
    np.testing.assert_array_equal(again.values, mean.values)
    assert again.label == "cat"
