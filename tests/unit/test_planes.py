"""Planes: which slice is shown how, and which side of the body lies where; nibabel is the oracle."""

from itertools import permutations, product
from typing import Any

import nibabel
import numpy as np
import pytest

from xai_widget.planes import Plane, cut, montage_slices, planes_of, to_mm, to_voxel, voxel_at

SHAPE = (7, 8, 9)
LETTERS = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}
TURNS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def turned(order: tuple[int, ...], signs: tuple[int, ...], zooms: tuple[float, ...] = (1.0, 2.0, 3.0)) -> Any:
    """An affine whose stored axis i runs along axis order[i] of the body, by zooms[i] mm, backwards where told."""
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, (body, sign) in enumerate(zip(order, signs, strict=True)):
        affine[body, axis] = sign * zooms[axis]
    affine[:3, 3] = (-11, 5, 17)
    return affine


def oblique(random: np.random.Generator) -> Any:
    """A random rotation, with any voxel sizes and some shear."""
    rotation, _ = np.linalg.qr(random.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = (rotation + random.normal(scale=0.05, size=(3, 3))) * random.uniform(0.3, 5, 3)
    affine[:3, 3] = random.normal(scale=50, size=3)
    return affine


def directions(plane: Plane) -> dict[str, tuple[int, int]]:
    """What the picture's directions are in the stored volume: axis, and whether indices grow that way."""
    down, right = (-1 if plane.flip_rows else 1), (-1 if plane.flip_columns else 1)
    return {
        "left": (plane.columns, -right),
        "right": (plane.columns, right),
        "top": (plane.rows, -down),
        "bottom": (plane.rows, down),
    }


def check_against_nibabel(affine: Any, *, radiological: bool = False) -> None:
    """Every mark is the end of the body that nibabel names for the stored axis shown there."""
    codes = nibabel.aff2axcodes(affine)
    opposite = {"L": "R", "R": "L", "A": "P", "P": "A", "S": "I", "I": "S"}
    planes = planes_of(SHAPE, affine, radiological)
    assert [plane.name for plane in planes] == ["axial", "coronal", "sagittal"]
    for plane, across in zip(planes, ("IS", "PA", "LR"), strict=True):
        assert codes[plane.axis] in across
        assert sorted((plane.axis, plane.rows, plane.columns)) == [0, 1, 2]
        for mark, (axis, sign) in zip(plane.marks, directions(plane).values(), strict=True):
            assert mark == (codes[axis] if sign > 0 else opposite[codes[axis]])
        sizes = nibabel.affines.voxel_sizes(affine)
        assert plane.spacing == pytest.approx([sizes[axis] for axis in (plane.axis, plane.rows, plane.columns)])
        left = ("R" if radiological else "L") if plane.name != "sagittal" else "P"
        assert (plane.marks[0], plane.marks[2]) == (left, "A" if plane.name == "axial" else "S")


@pytest.mark.parametrize(("order", "signs"), TURNS)
@pytest.mark.parametrize("radiological", [False, True])
def test_all_48_turns_of_a_volume_are_shown_the_same_way_up(
    order: tuple[int, ...], signs: tuple[int, ...], radiological: bool
) -> None:
    check_against_nibabel(turned(order, signs), radiological=radiological)


@pytest.mark.parametrize("seed", range(200))
def test_oblique_volumes_are_named_by_the_axes_that_nibabel_calls_nearest(seed: int) -> None:
    check_against_nibabel(oblique(np.random.default_rng(seed)))


@pytest.mark.parametrize(("order", "signs"), TURNS)
def test_a_marker_at_the_patients_left_front_top_appears_there_in_every_pane(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    affine = turned(order, signs)
    # By geometry alone: of all voxels, the one with the least x (left) and the greatest y (front) and z (top).
    places = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    index = np.unravel_index(int(np.argmax(places @ (-1.0, 1.0, 1.0))), SHAPE)
    volume = np.zeros(SHAPE)
    volume[index] = 1

    def corner(plane: Plane) -> tuple[int, int]:
        shown = cut(volume, plane, int(index[plane.axis]))
        assert shown.shape == (SHAPE[plane.rows], SHAPE[plane.columns])
        (row,), (column,) = np.nonzero(shown)
        assert row in {0, shown.shape[0] - 1}
        assert column in {0, shown.shape[1] - 1}
        return int(row > 0), int(column > 0)

    top_left, top_right = (0, 0), (0, 1)
    assert [corner(plane) for plane in planes_of(SHAPE, affine)] == [top_left, top_left, top_right]
    assert [corner(plane) for plane in planes_of(SHAPE, affine, True)] == [top_right, top_right, top_right]


@pytest.mark.parametrize("radiological", [False, True])
def test_without_an_affine_slices_are_shown_as_they_are_stored(radiological: bool) -> None:
    volume = np.arange(7 * 8 * 9).reshape(SHAPE)
    planes = planes_of(SHAPE, None, radiological)
    assert [plane.name for plane in planes] == ["first", "second", "third"]
    assert {plane.marks for plane in planes} == {("", "", "", "")}
    assert {plane.spacing for plane in planes} == {(1.0, 1.0, 1.0)}
    np.testing.assert_array_equal(cut(volume, planes[0], 3), volume[3])
    np.testing.assert_array_equal(cut(volume, planes[1], 4), volume[:, 4])
    np.testing.assert_array_equal(cut(volume, planes[2], 5), volume[:, :, 5])


@pytest.mark.parametrize("affine", [np.diag([1.0, 0, 1, 1]), np.full((4, 4), np.nan), np.zeros((4, 4))])
def test_an_affine_that_maps_no_volume_counts_as_none(affine: Any) -> None:
    assert planes_of(SHAPE, affine) == planes_of(SHAPE, None)


def test_a_slice_is_a_view_of_the_volume() -> None:
    volume = np.zeros(SHAPE)
    cut(volume, planes_of(SHAPE, np.eye(4))[0], 2)[:] = 1
    assert volume.sum() == 7 * 8
    assert volume[:, :, 2].all()


def test_voxels_and_millimetres_are_told_apart_as_nibabel_does() -> None:
    random = np.random.default_rng(5)
    for _ in range(20):
        affine, voxel = oblique(random), random.uniform(-5, 50, 3)
        place = nibabel.affines.apply_affine(affine, voxel)
        assert to_mm(affine, voxel) == pytest.approx(place)
        assert to_voxel(affine, place) == pytest.approx(voxel)


def test_slices_of_a_montage_are_the_middles_of_equal_parts() -> None:
    assert montage_slices(12, 4) == [1, 4, 7, 10]
    assert montage_slices(91, 12) == [3, 11, 18, 26, 34, 41, 49, 56, 64, 72, 79, 87]
    assert montage_slices(5, 30) == [0, 1, 2, 3, 4]
    for count in range(1, 60):
        for tiles in range(4, 31):
            indices = montage_slices(count, tiles)
            assert len(set(indices)) == min(count, tiles)
            assert np.ptp(np.diff(indices)) <= 1 if len(indices) > 1 else indices == [count // 2]


def test_the_crosshair_is_in_the_middle_until_somebody_moves_it_and_stays_in_the_volume() -> None:
    assert voxel_at((7, 8, 1), None) == (3, 4, 0)
    assert voxel_at((7, 8, 9), [6, 7, 8]) == (6, 7, 8)
    assert voxel_at((7, 8, 9), [7, 99, 8]) == (6, 7, 8)


def test_what_is_no_volume_or_no_affine_is_refused() -> None:
    with pytest.raises(ValueError, match=r"three axes.*\(4, 5\)"):
        planes_of((4, 5), None)
    with pytest.raises(ValueError, match=r"\(4, 4\); got \(3, 4\)"):
        planes_of(SHAPE, np.eye(4)[:3])
    with pytest.raises(IndexError, match=r"no axial slice 9.*has 9"):
        cut(np.zeros(SHAPE), planes_of(SHAPE, np.eye(4))[0], 9)
