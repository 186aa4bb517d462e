"""Round badges with a digit, one in the middle of each region."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.render.colour import Numbers, Pixels
from xai_widget.render.grids import resize

# The digits 1 ... 9: seven rows each, five pixels a row, the highest bit on the left.
DIGITS: Final = (
    (4, 12, 4, 4, 4, 4, 14),
    (14, 17, 1, 2, 4, 8, 31),
    (14, 17, 1, 6, 1, 17, 14),
    (2, 6, 10, 18, 31, 2, 2),
    (31, 16, 30, 1, 1, 17, 14),
    (6, 8, 16, 30, 17, 17, 14),
    (31, 1, 2, 4, 4, 4, 4),
    (14, 17, 17, 14, 17, 17, 14),
    (14, 17, 17, 15, 1, 2, 12),
)
# In line widths: a digit's bitmap with one empty pixel around, and the disc's radius.
GLYPH: Final = (9, 7)
RADIUS: Final = 6.5
INK: Final = 24.0


def middles(labels: NDArray[np.uint8]) -> list[tuple[int, int, int]]:
    """Return (label, row, column) of each region's pixel that is nearest to the region's centre of mass.

    Examples
    --------
    >>> middles(np.array([[0, 2, 2, 2], [1, 0, 0, 0]], dtype=np.uint8))
    [(1, 1, 0), (2, 0, 2)]
    """
    found = []
    for label in range(1, min(int(labels.max(initial=0)), len(DIGITS)) + 1):
        rows, columns = np.nonzero(labels == label)
        if rows.size:
            down, right = rows - rows.sum() / rows.size, columns - columns.sum() / rows.size
            nearest = int(np.argmin(down * down + right * right))
            found.append((label, int(rows[nearest]), int(columns[nearest])))
    return found


def badge(base: Pixels, digit: int, row: float, column: float, unit: int) -> None:
    """Draw a badge into a picture, around a point in pixels from its top left corner, but within the picture.

    Parameters
    ----------
    base
        uint8 ``[H, W, 3]``, changed in place.
    digit
        1 ... 9.
    row, column
        Where its middle should lie.
    unit
        The width of the digit's strokes.
    """
    height, width = base.shape[:2]
    tall, wide = GLYPH[0] * unit, GLYPH[1] * unit
    reach = (RADIUS + 1) * unit
    first = int(np.floor(_within(row, reach, height) - tall / 2 + 0.5))
    left = int(np.floor(_within(column, reach, width) - wide / 2 + 0.5))
    margin = int(np.ceil(reach - wide / 2)) + 1
    rows = np.arange(max(first - margin, 0), min(first + tall + margin, height))
    columns = np.arange(max(left - margin, 0), min(left + wide + margin, width))
    if rows.size == 0 or columns.size == 0:
        return
    down, right = rows + 0.5 - (first + tall / 2), columns + 0.5 - (left + wide / 2)
    away = np.sqrt((down * down)[:, np.newaxis] + right * right)
    ring = np.clip(reach + 0.5 - away, 0.0, 1.0)[:, :, np.newaxis]
    disc = np.clip(RADIUS * unit + 0.5 - away, 0.0, 1.0)[:, :, np.newaxis]
    drawn = np.zeros((rows.size, columns.size, 1))
    glyph = _glyph(digit, unit)
    inner = np.ix_((rows >= first) & (rows < first + tall), (columns >= left) & (columns < left + wide))
    drawn[inner] = glyph[
        max(rows[0] - first, 0) : rows[-1] + 1 - first, max(columns[0] - left, 0) : columns[-1] + 1 - left, np.newaxis
    ]
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixels = base[window] * (1.0 - ring) + INK * ring
    pixels = pixels * (1.0 - disc) + 255.0 * disc
    pixels = pixels * (1.0 - drawn) + INK * drawn
    base[window] = np.floor(pixels + 0.5).astype(np.uint8)


def _within(at: float, reach: float, length: int) -> float:
    return length / 2 if 2 * reach >= length else min(max(at, reach), length - reach)


def _glyph(digit: int, unit: int) -> Numbers:
    """Return how much ink a digit's pixels hold; enlarged, its steps become curves."""
    bitmap = np.zeros(GLYPH)
    for row, bits in enumerate(DIGITS[digit - 1]):
        bitmap[row + 1, 1:6] = [bits >> shift & 1 for shift in (4, 3, 2, 1, 0)]
    field = resize(bitmap, (GLYPH[0] * unit, GLYPH[1] * unit)).astype(np.float64)
    return np.clip(0.5 + (field - 0.5) * (2 * unit - 1), 0.0, 1.0)
