"""Voxels as eight bits, for display: a window of grey values, and block means where a volume is too large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# The percentiles of the voxels that are shown black and white.
WINDOW: Final = (0.5, 99.5)
# About so many voxels decide: of more, the percentiles of every n-th are theirs to within a grey level.
DECIDING: Final = 2**20
# More voxels than this are averaged in blocks, for display only.
MOST: Final = 256**3


@dataclass(frozen=True, eq=False)
class Voxels:
    """A volume as it is shown.

    Attributes
    ----------
    levels : uint8 array [d, h, w]
        0 stands for `low` and less, 255 for `high` and more.
    low, high : float
        In the volume's own units.
    full : tuple of int
        The volume's own shape; another one than that of `levels` where blocks were averaged.
    """

    levels: NDArray[np.uint8]
    low: float
    high: float
    full: tuple[int, int, int]


def voxels_of(volume: NDArray[Any], factors: tuple[int, ...] | None = None) -> Voxels:
    """Return a volume `[D, H, W]` as it is shown.

    Black and white are the 0.5 and the 99.5 percentile of its finite values; where these are equal, the least and the
    greatest of them. What is not finite is black.

    Parameters
    ----------
    volume
        Real numbers.
    factors
        How many voxels along each axis become one; by default what `factors_for` says.

    Examples
    --------
    >>> shown = voxels_of(np.linspace(0, 1000, 1001).reshape(1, 1, 1001))
    >>> shown.low, shown.high, shown.levels[0, 0, [0, 500, 1000]].tolist()
    (5.0, 995.0, [0, 128, 255])
    """
    low, high = window(volume)
    blocks = factors_for(volume.shape) if factors is None else factors
    values = averaged(volume, blocks) if max(blocks) > 1 else np.asarray(volume, dtype=np.float32)
    factor = np.float32(255 / (high - low) if high > low else 0.0)
    levels = np.empty(values.shape, np.uint8)
    for section, shown in zip(values, levels, strict=True):  # what fits into a processor's cache is quicker
        with np.errstate(invalid="ignore", over="ignore"):  # infinite values have no place in a window
            shares = (section - np.float32(low)) * factor + np.float32(0.5)
        np.nan_to_num(shares, copy=False, nan=0.0)
        shown[:] = np.clip(shares, 0, 255)
    first, second, third = volume.shape
    return Voxels(levels, low, high, (first, second, third))


def window(volume: NDArray[Any]) -> tuple[float, float]:
    """Return the values that are shown black and white; two zeros where nothing is finite.

    Of a volume of more than a million voxels, every n-th decides.
    """
    some = _finite(np.ravel(volume, order="K")[:: _step(volume.shape)])
    low, high = (float(value) for value in np.percentile(some, WINDOW)) if some.size else (0.0, 0.0)
    if high > low:
        return low, high
    known = _finite(volume)
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    finite = np.isfinite(values)
    return np.ravel(values) if finite.all() else values[finite]


def _step(shape: tuple[int, ...]) -> int:
    """Return a step through all voxels that has no rhythm with rows and slices."""
    step = -(-math.prod(shape) // DECIDING)
    while step > 1 and any(math.gcd(step, length) > 1 for length in shape):
        step += 1
    return step


def factors_for(shape: tuple[int, ...], longest: int | None = None) -> tuple[int, ...]:
    """Return how many voxels along each axis become one, so that no more than 256³ are left.

    Always the axis with most samples is made coarser next.

    Parameters
    ----------
    shape
        Of the volume.
    longest
        Instead: the most samples that may be left along any axis.

    Examples
    --------
    >>> factors_for((256, 256, 256)), factors_for((512, 512, 200)), factors_for((200, 90, 100), longest=96)
    ((1, 1, 1), (2, 2, 1), (3, 1, 2))
    """
    if longest is not None:
        return tuple(-(-length // longest) for length in shape)
    factors = [1] * len(shape)

    def left() -> list[int]:
        return [-(-length // factor) for length, factor in zip(shape, factors, strict=True)]

    while int(np.prod(left())) > MOST:
        factors[int(np.argmax(left()))] += 1
    return tuple(factors)


def averaged(volume: NDArray[Any], factors: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the means of blocks of so many voxels along each axis; those at the end may be smaller.

    Examples
    --------
    >>> averaged(np.arange(5.0).reshape(1, 1, 5), (1, 1, 2)).tolist()
    [[[0.5, 2.5, 4.0]]]
    """
    found = np.asarray(volume, dtype=np.float32)
    for axis, factor in enumerate(factors):
        if factor > 1:
            starts = np.arange(0, found.shape[axis], factor)
            sizes = np.diff(np.append(starts, found.shape[axis])).astype(np.float32)
            found = np.add.reduceat(found, starts, axis, dtype=np.float32)
            found /= sizes.reshape([-1 if axis == i else 1 for i in range(3)])
    return found
