"""Where a field of numbers crosses a level, and how far every pixel is from there."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.render.colour import Numbers

# The corners of a square of four pixels, clockwise (down, right), and its sides as pairs of corners.
CORNERS: Final = ((0, 0), (0, 1), (1, 1), (1, 0))
SIDES: Final = ((0, 1), (1, 2), (3, 2), (0, 3))


def crossings(field: Numbers, level: float, *, snap: float | None = None) -> Numbers:
    """Return the line along which a field has a level, as short straight pieces (marching squares).

    Parameters
    ----------
    field
        float64 ``[H, W]``.
    level
        The number that is crossed.
    snap
        None: a crossing lies between two pixels where a straight line through their numbers has the level. Otherwise
        it lies this share of the way from the smaller to the greater number: 0.5 for the border of true cells.

    Returns
    -------
    ndarray
        float64 ``[n, 4]``: row and column of both ends; a pixel's middle has whole numbers.

    Examples
    --------
    >>> crossings(np.array([[0.0, 4.0], [0.0, 4.0]]), 1.0).tolist()
    [[0.0, 0.25, 1.0, 0.25]]
    """
    height, width = field.shape
    over = field >= level
    square = [over[down : height - 1 + down, right : width - 1 + right] for down, right in CORNERS]
    rows, columns = np.nonzero(~((square[0] == square[1]) & (square[1] == square[2]) & (square[2] == square[3])))
    values = [field[rows + down, columns + right] for down, right in CORNERS]
    inside = [each >= level for each in values]
    points = [_point(rows, columns, values, side, level, snap) for side in SIDES]
    crossed = np.stack([inside[one] != inside[other] for one, other in SIDES], axis=-1)
    twice = crossed.all(axis=-1)
    # A line that enters once joins the two sides it crosses; where it enters twice, the middle decides what is joined.
    first, last = crossed.argmax(axis=-1), 3 - crossed[:, ::-1].argmax(axis=-1)
    middle = (values[0] + values[1] + values[2] + values[3]) / 4 >= level
    along = twice & (middle == inside[0])
    first[twice], last[twice] = 0, np.where(along, 1, 3)[twice]
    more = np.where(along, 3, 1)
    ends = np.stack(points)
    every = np.arange(rows.size)
    pieces = [
        np.concatenate([ends[first, every], ends[last, every]], axis=-1),
        np.concatenate([ends[more, every], ends[2, every]], axis=-1)[twice],
    ]
    return np.concatenate(pieces)


def distances(pieces: Numbers, shape: tuple[int, ...], reach: float) -> Numbers:
    """Return the squared distance of each pixel from the nearest piece, float64 ``[H, W]``; infinity beyond `reach`."""
    height, width = shape
    away = np.full(shape, np.inf)
    if pieces.size == 0:
        return away
    y, x, end_y, end_x = pieces.T
    along_y, along_x = end_y - y, end_x - x
    length = along_y * along_y + along_x * along_x
    inverse = 1.0 / np.where(length > 0, length, 1.0)
    corner_y, corner_x = np.floor(np.minimum(y, end_y)), np.floor(np.minimum(x, end_x))
    margin = int(np.ceil(reach))
    for down in range(-margin, margin + 2):
        for right in range(-margin, margin + 2):
            row, column = corner_y + down, corner_x + right
            share = ((row - y) * along_y + (column - x) * along_x) * inverse
            share = np.clip(share, 0.0, 1.0)
            miss_y, miss_x = row - (y + share * along_y), column - (x + share * along_x)
            gap = miss_y * miss_y + miss_x * miss_x
            near = (gap < reach * reach) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            np.minimum.at(away, (row[near].astype(np.intp), column[near].astype(np.intp)), gap[near])
    return away


def _point(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    values: list[Numbers],
    side: tuple[int, int],
    level: float,
    snap: float | None,
) -> Numbers:
    """Return where the level is crossed on one side of every square, float64 ``[n, 2]``; anything if it is not."""
    one, other = side
    start, end = values[one], values[other]
    if snap is None:
        rise = end - start
        share = (level - start) / np.where(rise == 0, 1.0, rise)
    else:
        share = np.where(end > start, snap, 1 - snap)
    down, right = (CORNERS[other][axis] - CORNERS[one][axis] for axis in (0, 1))
    return np.stack([rows + CORNERS[one][0] + share * down, columns + CORNERS[one][1] + share * right], axis=-1)
