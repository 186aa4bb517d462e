"""The box around the largest region of a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A stretch of pixels in one row that lie in the region: row, first column, column after the last.
Run = tuple[int, int, int]


def largest_box(values: ArrayLike, threshold: float) -> tuple[int, ...] | None:
    """Return the box of the largest connected region above a share of the greatest value.

    Parameters
    ----------
    values
        ``[H, W]`` or ``[D, H, W]``.
    threshold
        The share of the greatest value above which a pixel belongs to a region.

    Returns
    -------
    tuple of int or None
        Half-open and in axis order: (top, left, bottom, right), or (z0, y0, x0, z1, y1, x1). Diagonal neighbours are
        connected; of regions of one size, the one that begins first, row by row (slice by slice). None if nothing is
        positive, or nothing lies above the threshold.

    Examples
    --------
    >>> largest_box([[0, 9, 0, 0], [9, 0, 0, 9]], 0.5)
    (0, 0, 2, 2)
    """
    grid = np.asarray(values, dtype=np.float32)
    highest = float(grid.max(initial=0))
    if not highest > 0:
        return None
    inside = grid > np.float32(threshold * highest)
    return _solid_box(inside) if grid.ndim == 3 else _flat_box(inside)


def _solid_box(inside: NDArray[np.bool_]) -> tuple[int, ...] | None:
    from scipy.ndimage import find_objects, label  # noqa: PLC0415 - slow to import, needed here only

    parts, count = label(inside, structure=np.ones((3, 3, 3)))
    if count == 0:
        return None
    # Regions are numbered in the order in which they begin; the first of the largest is wanted.
    largest = int(np.argmax(np.bincount(parts.ravel())[1:]))
    edges = find_objects(parts)[largest]
    return (*(edge.start for edge in edges), *(edge.stop for edge in edges))


def _flat_box(inside: NDArray[np.bool_]) -> tuple[int, ...] | None:
    runs = _runs(inside)
    region = _joined(runs)
    sizes: dict[int, int] = {}
    for (_, left, right), root in zip(runs, region, strict=True):
        sizes[root] = sizes.get(root, 0) + right - left
    if not sizes:
        return None
    largest = max(sizes, key=lambda root: (sizes[root], -root))
    rows, lefts, rights = zip(*(run for run, root in zip(runs, region, strict=True) if root == largest), strict=True)
    return min(rows), min(lefts), max(rows) + 1, max(rights)


def _runs(inside: NDArray[np.bool_]) -> list[Run]:
    """Return the runs of a mask, row by row."""
    edges = np.diff(np.pad(inside, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True))


def _joined(runs: list[Run]) -> list[int]:
    """Return, for each run, the first run that it is connected with."""
    parent = list(range(len(runs)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    above = 0
    for here, (row, left, right) in enumerate(runs):
        while runs[above][0] < row - 1 or (runs[above][0] == row - 1 and runs[above][2] < left):
            above += 1
        other = above
        while other < here and runs[other][0] == row - 1 and runs[other][1] <= right:
            first, second = sorted((root(here), root(other)))
            parent[second] = first
            other += 1
    return [root(run) for run in range(len(runs))]
