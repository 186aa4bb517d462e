"""What makes two maps alike: where relevance lies, how it is spread, or what it lies on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xai_widget.attribution import Attribution
from xai_widget.cohort.findings import visual_words
from xai_widget.names import nearest

Numbers = NDArray[np.float64]
Likeness: TypeAlias = Literal["place", "shape", "content"]

LIKENESSES: Final = ("place", "shape", "content")
# Cells along each axis that maps are pooled to, by the number of axes.
CELLS: Final = {2: 16, 3: 8}


def features(members: Iterable[Attribution], likeness: Likeness, size: tuple[int, ...] | None, dims: int) -> Numbers:
    """Return one row of numbers a member; near ones are alike.

    Parameters
    ----------
    members : iterable of Attribution
        One in memory at a time.
    likeness : {"place", "shape", "content"}
        See `Cohort.clusters`.
    size : tuple of int or None
        The grid that maps are pooled to.
    dims : int
        Axes of the maps.

    Raises
    ------
    ValueError
        Unknown likeness, or a size that does not fit the maps.
    """
    if likeness not in LIKENESSES:
        message = (
            f"Unknown features {likeness!r}.{nearest(str(likeness), LIKENESSES)} There are {', '.join(LIKENESSES)}."
        )
        raise ValueError(message)
    if likeness == "content":
        return visual_words.looked_at(members)
    cells = (CELLS[dims],) * dims if size is None else tuple(size)
    if len(cells) != dims or min(cells) < 2:
        raise ValueError(
            f"size is a grid of {dims} lengths of 2 or more, such as {(CELLS[dims],) * dims}; got {size!r}."
        )
    pooled = np.stack([area_means(member.values, cells) for member in members])
    if likeness == "shape":
        axes = tuple(range(1, dims + 1))
        # Mirrored frequencies of real numbers say the same twice.
        pooled = np.abs(np.fft.rfftn(pooled, axes=axes))
    return _unit(pooled.reshape(len(pooled), -1))


def area_means(values: NDArray[np.float32], size: tuple[int, ...]) -> Numbers:
    """Return the mean of values `[*native]` over each cell of a grid `[*size]` laid over them.

    A value that lies in two cells counts in each by its part, so that the mean of all is kept.

    Examples
    --------
    >>> area_means(np.array([0.0, 3.0, 6.0], np.float32), (2,)).tolist()
    [1.0, 5.0]
    """
    pooled = values.astype(np.float64)
    for axis, count in enumerate(size):
        length = pooled.shape[axis]
        edges = np.arange(count + 1) * (length / count)
        places = np.arange(length)
        inside = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
        part = np.maximum(inside, 0) * (count / length)
        pooled = np.moveaxis(np.tensordot(part, pooled, (1, axis)), 0, axis)
    return pooled


def _unit(rows: Numbers) -> Numbers:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)
