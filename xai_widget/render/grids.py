"""Grids of numbers: resizing, slopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Map = NDArray[np.float32]
Numbers = NDArray[np.float64]


def resize(values: ArrayLike, size: tuple[int, ...], cells: bool = False) -> Map:
    """Resize an array of any rank to a grid of pixels.

    Pixel ``i`` of ``N`` lies at ``(i + 1/2) n / N - 1/2`` of the ``n`` samples; samples are joined linearly, one axis
    after the other, and the outermost ones continue to the edge (``align_corners=False`` in PyTorch's words).

    Parameters
    ----------
    values
        Real numbers ``[*native]``, at least one in every direction.
    size
        The length wanted along each axis.
    cells
        Repeat the nearest sample, number ``floor((i + 1/2) n / N)``, instead of interpolating.

    Returns
    -------
    ndarray
        float32 ``[*size]``.

    Raises
    ------
    ValueError
        If the ranks differ, or a length is not positive.

    Examples
    --------
    >>> resize([0.0, 1.0], (4,)).tolist()
    [0.0, 0.25, 0.75, 1.0]
    >>> resize([0.0, 1.0], (4,), cells=True).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    grid = np.asarray(values, dtype=np.float64)
    if grid.ndim != len(size) or grid.size == 0 or any(length < 1 for length in size):
        raise ValueError(
            f"Cannot resize values of shape {grid.shape} to {tuple(size)}: "
            "expected the same number of axes and positive lengths."
        )
    for axis, length in enumerate(size):
        grid = _nearest_cells(grid, axis, length) if cells else _linear(grid, axis, length)
    return grid.astype(np.float32)


def _linear(grid: Numbers, axis: int, length: int) -> Numbers:
    samples = grid.shape[axis]
    position = np.clip((np.arange(length) + 0.5) * samples / length - 0.5, 0, samples - 1)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, samples - 1)
    weight = (position - below).reshape([-1 if i == axis else 1 for i in range(grid.ndim)])
    with np.errstate(invalid="ignore"):  # infinity times a weight of zero: what is not finite is painted as zero
        joined: Numbers = grid.take(below, axis) * (1.0 - weight) + grid.take(above, axis) * weight
    return joined


def _nearest_cells(grid: Numbers, axis: int, length: int) -> Numbers:
    cells: Numbers = grid.take((2 * np.arange(length) + 1) * grid.shape[axis] // (2 * length), axis)
    return cells
