"""Planes: how the three planes through a volume are shown, and which side of the body lies where.

A volume stays as it is stored. Its affine, from stored indices to millimetres towards the patient's right, front and
top, only says how its slices are turned for display.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Name = Literal["axial", "coronal", "sagittal", "first", "second", "third"]
Marks = tuple[str, str, str, str]
Number = TypeVar("Number", bound=np.generic)

# What lies at the low and at the high end of each axis of the body.
ENDS: Final = (("L", "R"), ("P", "A"), ("I", "S"))
# By axes of the body: the one cut across, the one shown upward, the one shown to the right.
VIEWS: Final[tuple[tuple[Name, int, int, int], ...]] = (("axial", 2, 1, 0), ("coronal", 1, 2, 0), ("sagittal", 0, 2, 1))
STORED: Final[tuple[tuple[Name, int, int, int], ...]] = (("first", 0, 1, 2), ("second", 1, 0, 2), ("third", 2, 0, 1))


@dataclass(frozen=True)
class Plane:
    """How slices of a volume are shown.

    Attributes
    ----------
    name : str
        "axial", "coronal" or "sagittal"; without an affine "first", "second" or "third", by the axis cut across.
    axis : int
        The stored axis that is cut across.
    rows, columns : int
        The stored axes that are shown downward and to the right.
    flip_rows, flip_columns : bool
        Whether that axis is shown backwards.
    marks : tuple of str
        What lies to the left, to the right, at the top and at the bottom: one of L, R, A, P, S, I (the patient's left,
        right, front, back, top and bottom), or "" where nobody knows.
    spacing : tuple of float
        Of voxels across, along the rows' axis and along the columns' axis, in mm; 1 without an affine.
    """

    name: Name
    axis: int
    rows: int
    columns: int
    flip_rows: bool
    flip_columns: bool
    marks: Marks
    spacing: tuple[float, float, float]


def planes_of(shape: Sequence[int], affine: ArrayLike | None, radiological: bool = False) -> tuple[Plane, Plane, Plane]:
    """Return how the three planes of a volume are shown: axial, coronal, sagittal.

    The top of the head is up, the front up or to the right. By the neurological convention the patient's left is on the
    left. An oblique volume is not resampled: its planes are those of its own grid, named by the nearest axes of the
    body. Without an affine, slices across the first, second and third stored axis are shown as they are stored.

    Parameters
    ----------
    shape : sequence of int
        Of the volume, `[D, H, W]`.
    affine : array [4, 4] or None
        From stored indices to mm towards the patient's right, front and top, as in NIfTI files. One that maps no volume
        (it is singular, or not finite) counts as none.
    radiological : bool
        Show the patient's left on the right, in the axial and the coronal plane. Without an affine nobody knows where
        that is, and nothing changes.

    Raises
    ------
    ValueError
        The shape is not that of a volume, or the affine's shape is not (4, 4).

    Examples
    --------
    >>> axial, _, sagittal = planes_of((4, 5, 6), np.diag([2.0, 1.0, 1.0, 1.0]))
    >>> axial.axis, axial.marks, sagittal.marks, sagittal.spacing
    (2, ('L', 'R', 'A', 'P'), ('P', 'A', 'S', 'I'), (2.0, 1.0, 1.0))
    """
    _check_shape(shape)
    matrix = usable(affine)
    if matrix is None:
        first, second, third = (
            Plane(name, axis, rows, columns, False, False, ("", "", "", ""), (1.0, 1.0, 1.0))
            for name, axis, rows, columns in STORED
        )
        return first, second, third
    stored, towards = _nearest_axes(matrix)
    sizes = np.linalg.norm(matrix[:3, :3], axis=0)
    axial, coronal, sagittal = (_plane(view, stored, towards, sizes) for view in VIEWS)
    return (mirrored(axial), mirrored(coronal), sagittal) if radiological else (axial, coronal, sagittal)


def mirrored(plane: Plane) -> Plane:
    """Return a plane with left and right exchanged.

    Examples
    --------
    >>> mirrored(planes_of((4, 5, 6), np.eye(4))[0]).marks
    ('R', 'L', 'A', 'P')
    """
    left, right, top, bottom = plane.marks
    return replace(plane, flip_columns=not plane.flip_columns, marks=(right, left, top, bottom))


def as_shown(section: NDArray[Number], plane: Plane) -> NDArray[Number]:
    """Return a slice `[*S without the axis cut across]`, in stored order, turned as it is shown: `[rows, columns]`."""
    turned = section if plane.rows < plane.columns else section.T
    return turned[:: -1 if plane.flip_rows else 1, :: -1 if plane.flip_columns else 1]


def cut(volume: NDArray[Number], plane: Plane, index: int) -> NDArray[Number]:
    """Return one slice of a volume `[D, H, W]` as it is shown, `[rows, columns]`; a view, nothing is copied.

    Raises
    ------
    IndexError
        There is no such slice.

    Examples
    --------
    >>> volume = np.arange(24).reshape(2, 3, 4)
    >>> cut(volume, planes_of(volume.shape, np.eye(4))[0], 0).tolist()
    [[8, 20], [4, 16], [0, 12]]
    """
    length = volume.shape[plane.axis]
    if not 0 <= index < length:
        raise IndexError(f"There is no {plane.name} slice {index}; the volume has {length}, counted from 0.")
    return as_shown(volume[(slice(None),) * plane.axis + (index,)], plane)


def usable(affine: ArrayLike | None) -> NDArray[np.float64] | None:
    """Return an affine that maps a volume, or None: there is none, it is singular, or not finite.

    Raises
    ------
    ValueError
        Its shape is not (4, 4).
    """
    if affine is None:
        return None
    matrix = np.array(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise ValueError(f"An affine is a matrix of shape (4, 4); got {matrix.shape}.")
    whole = bool(np.isfinite(matrix).all()) and np.linalg.matrix_rank(matrix[:3, :3]) == 3
    return matrix if whole else None


def to_mm(affine: ArrayLike, voxel: ArrayLike) -> tuple[float, float, float]:
    """Return where a voxel's middle lies, in mm towards the patient's right, front and top.

    Examples
    --------
    >>> to_mm(np.diag([2.0, 1.0, 1.0, 1.0]), [3, 4, 5])
    (6.0, 4.0, 5.0)
    """
    matrix = np.asarray(affine, dtype=np.float64)
    x, y, z = (matrix[:3, :3] @ np.asarray(voxel, dtype=np.float64) + matrix[:3, 3]).tolist()
    return x, y, z


def to_voxel(affine: ArrayLike, mm: ArrayLike) -> tuple[float, float, float]:
    """Return the stored indices of a place given in mm; whole numbers are the middles of voxels.

    Examples
    --------
    >>> to_voxel(np.diag([2.0, 1.0, 1.0, 1.0]), [6, 4, 5])
    (3.0, 4.0, 5.0)
    """
    matrix = np.asarray(affine, dtype=np.float64)
    i, j, k = np.linalg.solve(matrix[:3, :3], np.asarray(mm, dtype=np.float64) - matrix[:3, 3]).tolist()
    return i, j, k


def voxel_at(shape: Sequence[int], crosshair: Sequence[int] | None) -> tuple[int, int, int]:
    """Return the voxel where the planes meet: the middle where nothing was said, one beyond the edge moved to it.

    Examples
    --------
    >>> voxel_at((4, 5, 6), None), voxel_at((4, 5, 6), [1, 9, 0])
    ((2, 2, 3), (1, 4, 0))
    """
    wanted = [length // 2 for length in shape] if crosshair is None else crosshair
    i, j, k = (min(max(int(index), 0), length - 1) for index, length in zip(wanted, shape, strict=True))
    return i, j, k


def montage_slices(count: int, tiles: int) -> list[int]:
    """Return the indices of so many evenly spaced slices of `count`, in stored order; all of them if there are fewer.

    Each is the middle of one of equal parts, number ``floor((t + 1/2) count / tiles)``.

    Examples
    --------
    >>> montage_slices(100, 4), montage_slices(3, 4)
    ([12, 37, 62, 87], [0, 1, 2])
    """
    parts = min(tiles, count)
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]


def ascends(plane: Plane, affine: ArrayLike | None) -> bool:
    """Return whether slices across a plane are stored from the patient's left, back or bottom on.

    Without an affine that is taken for granted.

    Examples
    --------
    >>> affine = np.diag([1.0, 1.0, -1.0, 1.0])
    >>> [ascends(plane, affine) for plane in planes_of((4, 5, 6), affine)]
    [False, True, True]
    """
    matrix = usable(affine)
    body = ("sagittal", "coronal", "axial")
    return matrix is None or bool(matrix[body.index(plane.name), plane.axis] >= 0)


def _check_shape(shape: Sequence[int]) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"A volume has three axes [D, H, W], none of them empty; got shape {tuple(shape)}.")


def _nearest_axes(matrix: NDArray[np.float64]) -> tuple[list[int], list[int]]:
    """Return, for each axis of the body, the nearest stored axis, and +1 or -1: whether its indices grow that way.

    Nearest is told by the rotation in the affine (the orthogonal part of its polar decomposition), clearest axes first,
    as `nibabel.io_orientation` does.
    """
    zooms = np.linalg.norm(matrix[:3, :3], axis=0)
    left, _, right = np.linalg.svd(matrix[:3, :3] / zooms)
    rotation: NDArray[Any] = left @ right
    stored, towards = [0, 0, 0], [1, 1, 1]
    free = [0, 1, 2]
    for axis in np.argsort(-np.max(rotation**2, axis=0), kind="stable").tolist():
        body = free.pop(int(np.argmax(np.abs(rotation[free, axis]))))
        stored[body], towards[body] = axis, 1 if rotation[body, axis] > 0 else -1
    return stored, towards


def _plane(
    view: tuple[Name, int, int, int], stored: list[int], towards: list[int], sizes: NDArray[np.float64]
) -> Plane:
    name, across, upward, rightward = view
    axis, rows, columns = stored[across], stored[upward], stored[rightward]
    (left, right), (bottom, top) = ENDS[rightward], ENDS[upward]
    spacing = float(sizes[axis]), float(sizes[rows]), float(sizes[columns])
    # Rows count downward: what grows upward is shown backwards.
    return Plane(
        name, axis, rows, columns, towards[upward] > 0, towards[rightward] < 0, (left, right, top, bottom), spacing
    )
