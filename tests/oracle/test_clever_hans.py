"""The hunt for Clever Hans, by default settings alone: the class that is told by a mark is unmasked, honest ones are not.

Which pictures are marked, and where, is known; neither the network's teacher nor the clusters were told.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from xai_widget import examples
from xai_widget.cohort import explain_dataset
from xai_widget.cohort.cohort import Cohort

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

    from xai_widget.cohort.findings.clusters import Clusters

PICTURES = 180  # 60 of each thing
RUNS = [("grad_cam", 0), ("grad_cam", 3000), ("lrp", 0), ("lrp", 2000)]


@cache
def truth(row: int, seed: int) -> np.ndarray | None:
    return examples.watermarks(PICTURES, seed).picture(row).truth


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"{run[0]}-{run[1]}")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, int]:
    """Every picture explained for its own class, and the first picture's seed."""
    method, seed = request.param
    out: Path = tmp_path_factory.mktemp("maps") / "maps.zarr"
    data = examples.watermarks(PICTURES, seed)
    cohort = explain_dataset(
        examples.watermarked_net(), data, method, out=out, target="label", group_by="label", progress=False
    )
    return cohort, seed


def marked(rows: np.ndarray, seed: int) -> np.ndarray:
    return np.array([truth(int(row), seed) is not None for row in rows])


def marked_kind(found: Clusters, seed: int) -> tuple[int, float]:
    """The kind that the marked pictures are most like, and the part of members on which the two agree."""
    is_marked = marked(found.rows, seed)
    agreement = [float(((found.labels == kind) == is_marked).mean()) for kind in range(len(found))]
    return int(np.argmax(agreement)), max(agreement)


def test_the_marked_class_falls_into_two_kinds_one_of_them_the_marked_pictures(run: tuple[Cohort, int]):
    cohort, seed = run
    found = cohort.clusters(group="coffee")
    assert len(found) == 2
    assert marked_kind(found, seed)[1] >= 0.9


def test_the_mean_map_of_that_kind_lies_on_the_mark_and_that_of_the_other_does_not(run: tuple[Cohort, int]):
    cohort, seed = run
    found = cohort.clusters(group="coffee")
    kind, _ = marked_kind(found, seed)
    marks = [mask for row in found.rows if (mask := truth(int(row), seed)) is not None]
    # The mark moves by a few pixels; a cell of Grad-CAM's map is 8 pixels wide.
    somewhere = binary_dilation(np.any(marks, axis=0), iterations=8)
    on, off = (found.means[each].resized().clip(min=0) for each in (kind, 1 - kind))
    assert somewhere[np.unravel_index(on.argmax(), on.shape)]
    assert not somewhere[np.unravel_index(off.argmax(), off.shape)]
    assert on[somewhere].sum() / on.sum() > 3 * somewhere.mean()
    assert off[somewhere].sum() / off.sum() < 0.15


@pytest.mark.parametrize("thing", ["cat", "temple"])
def test_an_honest_class_has_no_kind_in_the_corner_of_the_mark(run: tuple[Cohort, int], thing: str):
    cohort, seed = run
    found = cohort.clusters(group=thing)
    corner = np.any([truth(row, seed) for row in range(PICTURES) if truth(row, seed) is not None], axis=0)
    for mean in found.means:
        values = mean.resized().clip(min=0)
        assert values[corner].sum() / values.sum() < 0.15


def test_marks_put_on_every_picture_leave_one_kind(tmp_path: Path):
    """Two kinds come from two strategies, not from coffee."""
    pictures = [(examples.watermarked(seed, "coffee", mark=True).image, "coffee") for seed in range(40)]
    cohort = explain_dataset(
        examples.watermarked_net(), pictures, "grad_cam", out=tmp_path / "maps.zarr", progress=False
    )
    assert len(cohort.clusters()) == 1


def test_the_first_representatives_of_the_marked_class_are_of_both_kinds(run: tuple[Cohort, int]):
    cohort, seed = run
    picked = cohort.representatives(5, group="coffee")
    assert set(marked(picked.rows, seed)) == {True, False}


def test_the_corner_of_the_mark_is_the_most_important_place_of_the_marked_class_alone(run: tuple[Cohort, int]):
    cohort, _ = run
    # Boxes of 16 x 16 pixels; the mark lies in the last two of the row above the last and of the last.
    first = {thing: cohort.importance(group=thing, cells=6) for thing in ("coffee", "cat", "temple")}
    parts = {}
    for thing, found in first.items():
        corner = found.importance.reshape(6, 6)[4:, 4:].sum()
        parts[thing] = corner / found.importance.sum()
    assert parts["coffee"] > 0.25
    assert max(parts["cat"], parts["temple"]) < 0.15
