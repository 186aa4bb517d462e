"""Regions that all members share: an atlas, a coarse grid, or the superpixels of the mean picture."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.inputs.volumes import affine_of, load_nifti

# Two affines that differ by less than this, in mm, are the same.
SAME_PLACE: Final = 1e-3
# Cells along each axis of the coarse grid.
CELLS: Final = {2: 7, 3: 5}
AXES: Final = {2: ("row", "column"), 3: ("i", "j", "k")}
# Of SLIC on grey values in [0, 1], which weighs distance against intensity.
COMPACT: Final = 0.1


@dataclass(frozen=True, eq=False)
class Atlas:
    """An input grid cut into R regions.

    Attributes
    ----------
    index : int array [*S]
        1 ... R in the regions, 0 outside.
    numbers : tuple of int
        The regions' numbers in the label map they came from.
    names : tuple of str
        What they are called.
    voxel : float or None
        Volume of a voxel in mm³, where there is an affine.
    """

    index: NDArray[np.intp]
    numbers: tuple[int, ...]
    names: tuple[str, ...]
    voxel: float | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def voxels(self) -> NDArray[np.int64]:
        """How many positions each region has, `[R]`."""
        return np.bincount(self.index.ravel(), minlength=len(self) + 1)[1:]

    def sums(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum over each region of values `[*S]`: float64 `[R]`."""
        flat = values.ravel().astype(np.float64)
        found: NDArray[Any] = np.bincount(self.index.ravel(), flat, len(self) + 1)
        return found[1:]

    def means(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the mean over each region of values `[*S]`: float64 `[R]`."""
        return self.sums(values) / self.voxels


def read_atlas(
    atlas: Any, names: Mapping[Any, str] | None, size: tuple[int, ...], affine: NDArray[np.float64] | None
) -> Atlas:
    """Read a label map against the input grid.

    Parameters
    ----------
    atlas : array, nibabel image, or path of a NIfTI file
        Whole numbers `[*S]`; 0 is background.
    names : mapping, optional
        `{number: name}`; a region without one is called by its number.
    size : tuple of int
        The input grid.
    affine : float array [4, 4] or None
        Of the inputs.

    Raises
    ------
    ValueError
        Another shape or another affine than the inputs', not whole numbers, or nothing but background.
    """
    if isinstance(atlas, str | Path):
        atlas = load_nifti(Path(atlas))
    placed = affine_of(atlas)
    labels = np.asarray(atlas.dataobj if placed is not None else atlas)
    if labels.shape != size:
        message = (
            f"The atlas has shape {list(labels.shape)}, and the inputs {list(size)}: resample it to their grid (nearest"
            " neighbour)."
        )
        raise ValueError(message)
    if labels.dtype.kind not in "biu" and not (labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels))):
        raise ValueError(
            f"An atlas holds whole numbers, one a region and 0 outside; got {labels.dtype} with fractions."
        )
    if placed is not None and affine is not None and not np.allclose(placed, affine, atol=SAME_PLACE):
        message = (
            "The atlas lies elsewhere than the inputs: the affines differ though the shapes agree. Resample it, or pass"
            " its array if its voxels are the inputs'."
        )
        raise ValueError(message)
    found, index = np.unique(labels.astype(np.int64), return_inverse=True)
    inside = found[found != 0]
    if not len(inside):
        raise ValueError("The atlas has no region: all its numbers are 0, which is the background.")
    place = np.where(found == 0, 0, np.cumsum(found != 0))
    called = {int(number): str(name) for number, name in (names or {}).items()}
    where = placed if affine is None else affine
    return Atlas(
        place[index].reshape(size),
        tuple(inside.tolist()),
        tuple(called.get(number, f"region {number}") for number in inside.tolist()),
        None if where is None else float(abs(np.linalg.det(where[:3, :3]))),
    )


def grid(size: tuple[int, ...], cells: int | None = None) -> Atlas:
    """Cut the input grid into boxes of about the same size, `cells` along each axis.

    Examples
    --------
    >>> grid((4, 6), cells=2).names
    ('row 1, column 1', 'row 1, column 2', 'row 2, column 1', 'row 2, column 2')
    """
    counts = [min(length, CELLS[len(size)] if cells is None else cells) for length in size]
    along = [np.arange(length) * count // length for length, count in zip(size, counts, strict=True)]
    index = np.ravel_multi_index(np.meshgrid(*along, indexing="ij"), counts) + 1
    each = itertools.product(*(range(1, count + 1) for count in counts))
    names = tuple(", ".join(f"{axis} {at}" for axis, at in zip(AXES[len(size)], place, strict=True)) for place in each)
    return Atlas(index, tuple(range(1, len(names) + 1)), names)


def parcels(picture: NDArray[Any], count: int) -> Atlas:
    """Cut a mean picture, uint8 `[H, W, 3]` or float32 `[D, H, W]`, into about `count` superpixels (SLIC)."""
    from skimage.segmentation import slic  # noqa: PLC0415 - slow to import, needed here only

    if picture.dtype == np.uint8:
        index = slic(picture, count, start_label=1)
    else:
        grey = (picture - picture.min()) / (float(np.ptp(picture)) or 1.0)
        index = slic(grey, count, COMPACT, start_label=1, channel_axis=None)
    numbers = tuple(np.unique(index).tolist())
    return Atlas(index.astype(np.intp), numbers, tuple(f"parcel {number}" for number in numbers))
