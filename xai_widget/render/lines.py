"""Lines on a picture: levels of a map, outlines of regions, boxes, a curtain's edge.

A line is a core of one colour between two dark edges, so that it is seen on bright and on dark photos. Smooth lines
know how far each pixel is from them, and are drawn without steps; what has true edges keeps them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.render.colour import Numbers, Pixels, place, table_of
from xai_widget.render.grids import resize, slope
from xai_widget.view import View

# Lines of equal strength lie at 1 / STEPS, 2 / STEPS ... of the strongest value.
STEPS: Final = 5
# How much of the picture a dark edge takes away.
EDGE: Final = 0.6
# The least luminance of a line's colour: a darker one is mixed with white.
LEAST_LUMINANCE: Final = 110.0
# What is left of the picture outside the regions.
OUTSIDE: Final = 0.4

Levels = NDArray[np.intp]


def line_width(width: int, scale: int) -> int:
    """Return how many output pixels a line is wide on a picture of `width` pixels."""
    return max(1, int(np.floor(width * scale / 220 + 0.5)))


def contours(base: Pixels, field: Numbers, top: float, line: int, *, signed: bool, view: View) -> Pixels:
    """Draw lines of equal strength over a picture, each in its colour of the table.

    Parameters
    ----------
    base
        The picture, uint8 ``[H, W, 3]``.
    field
        The resized map, float64 ``[H, W]``, finite.
    top
        The value of the strongest colour.
    line
        Width in pixels.
    signed
        Whether lines are drawn at both signs.
    view
        Levels below its threshold have no line; with `cells`, lines run along the cells' borders, inside.
    """
    lowest = int(np.ceil(view["threshold"] * STEPS))
    if top <= 0 or lowest >= STEPS:
        return base.copy()
    lowest = max(1, lowest)
    colours = level_colours(view, signed=signed)
    if view["cells"]:
        level, core, edge = _borders(field, top, line, lowest, signed=signed)
    else:
        level, core, edge = _isolines(field, top, line, lowest, signed=signed)
    return stroke(base, colours[level + STEPS - 1], core, edge)


def level_colours(view: View, *, signed: bool) -> Numbers:
    """Return the colours of the levels -4 ... 4 (0 is never drawn), float64 ``[9, 3]``, none of them dark."""
    levels = np.arange(1 - STEPS, STEPS)
    strength = (np.abs(levels) / STEPS) ** view["gamma"]
    colours = table_of(view, signed=signed)[place(strength, np.sign(levels), signed=signed)].astype(np.float64)
    luminance = (colours @ np.array([299.0, 587.0, 114.0])) / 1000
    missing = np.maximum(LEAST_LUMINANCE - luminance, 0.0) / (255 - np.minimum(luminance, LEAST_LUMINANCE))
    lightened: Numbers = np.floor(colours + (255 - colours) * missing[:, np.newaxis] + 0.5)
    return lightened


def regions(base: Pixels, labels: NDArray[np.uint8], line: int) -> Pixels:
    """Dim a picture outside its regions and draw their outlines.

    Parameters
    ----------
    base
        uint8 ``[H, W, 3]``.
    labels
        ``[h, w]``, 0 outside and 1, 2 ... in the regions; stretched to the picture, its steps made smooth.
    line
        Width in pixels.
    """
    away = np.full(base.shape[:2], np.inf)
    inside = np.zeros(base.shape[:2])
    for label in range(1, int(labels.max(initial=0)) + 1):
        field = resize(_smooth((labels == label).astype(np.float64)), base.shape[:2]).astype(np.float64)
        depth = _distance(field - 0.5, slope(field))
        away = np.minimum(away, np.abs(depth))
        inside = np.maximum(inside, np.clip(depth + 0.5, 0.0, 1.0))
    lit = (1.0 - (1.0 - OUTSIDE) * (1.0 - inside))[:, :, np.newaxis]
    core, edge = _profile(away, line)
    return stroke(base * lit, np.array([255.0, 255.0, 255.0]), core, edge)


def stroke(base: Numbers | Pixels, colour: Numbers, core: Numbers, edge: Numbers) -> Pixels:
    """Blend dark edges, then the core, over a picture, by how much of each pixel they cover."""
    light = 1.0 - EDGE * edge[:, :, np.newaxis]
    cover = core[:, :, np.newaxis]
    return np.floor(base * light * (1.0 - cover) + colour * cover + 0.5).astype(np.uint8)


def frame_box(base: Pixels, box: tuple[int, int, int, int], line: int) -> Pixels:
    """Outline a half-open box (top, left, bottom, right) of a picture: white inside its edge, dark on both sides."""
    height, width = base.shape[:2]
    core, edge = np.zeros((height, width)), np.zeros((height, width))
    for grown, mark, value in ((line, edge, 1.0), (-2 * line, edge, 0.0), (0, core, 1.0), (-line, core, 0.0)):
        mark[_grown(box, grown)] = value
    return stroke(base, np.array([255.0, 255.0, 255.0]), core, edge)


def curtain_edge(base: Pixels, column: int, line: int) -> Pixels:
    """Draw a white line between dark ones at the left border of a column, unless the column is the picture's end."""
    height, width = base.shape[:2]
    core, edge = np.zeros((height, width)), np.zeros((height, width))
    if 0 < column < width:
        start = column - line // 2
        core[:, max(start, 0) : start + line] = 1.0
        edge[:, max(start - line, 0) : start + 2 * line] = 1.0
    return stroke(base, np.array([255.0, 255.0, 255.0]), core, edge)


def _grown(box: tuple[int, int, int, int], by: int) -> tuple[slice, slice]:
    top, left, bottom, right = box
    return slice(max(top - by, 0), max(bottom + by, 0)), slice(max(left - by, 0), max(right + by, 0))


def _isolines(field: Numbers, top: float, line: int, lowest: int, *, signed: bool) -> tuple[Levels, Numbers, Numbers]:
    """Return the nearest level of each pixel, and how much of it that level's line and its edges cover."""
    sizes = np.abs(field) if signed else field
    nearest = np.clip(np.floor(sizes / top * STEPS + 0.5), lowest, STEPS - 1)
    away = np.abs(_distance(sizes - nearest / STEPS * top, slope(field)))
    core, edge = _profile(away, line)
    level = nearest.astype(np.intp)
    return (np.where(field < 0, -level, level) if signed else level), core, edge


def _distance(excess: Numbers, steepness: Numbers) -> Numbers:
    """Return how many pixels away, about, a field reaches a level that it exceeds by so much; infinity where flat."""
    flat = steepness <= 0
    return np.where(flat, np.where(excess > 0, np.inf, -np.inf), excess / np.where(flat, 1.0, steepness))


def _profile(away: Numbers, line: int) -> tuple[Numbers, Numbers]:
    """Return how much of a pixel a line and its edges cover, by the distance from the line's middle."""
    reach = 0.5 * line + 0.5
    return np.clip(reach - away, 0.0, 1.0), np.clip(reach + line - away, 0.0, 1.0)


def _borders(field: Numbers, top: float, line: int, lowest: int, *, signed: bool) -> tuple[Levels, Numbers, Numbers]:
    """As `_isolines`, for a field of cells: a line lies inside the border of what reaches its level."""
    steps = np.minimum(np.floor((np.abs(field) if signed else field) / top * STEPS), STEPS - 1)
    reached = np.where(steps >= lowest, steps, 0).astype(np.intp)
    level = np.where(field < 0, -reached, reached) if signed else reached
    core, edge = np.zeros(field.shape, bool), np.zeros(field.shape, bool)
    for side in (np.maximum(level, 0), np.maximum(-level, 0)):
        core |= _extreme(side, line, np.minimum) < side
        edge |= _extreme(side, line, np.maximum) > side
    return level, core.astype(np.float64), edge.astype(np.float64)


def _extreme(values: Levels, radius: int, pick: np.ufunc) -> Levels:
    """Return the least or greatest value of the square of pixels within `radius` of each pixel."""
    for axis in (0, 1):
        best = values.copy()
        length = values.shape[axis]
        for shift in range(1, min(radius, length - 1) + 1):
            low = [slice(None)] * 2
            high = [slice(None)] * 2
            low[axis], high[axis] = slice(0, length - shift), slice(shift, length)
            here, there = tuple(low), tuple(high)
            best[here] = pick(best[here], values[there])
            best[there] = pick(best[there], values[here])
        values = best
    return values


def _smooth(mask: Numbers) -> Numbers:
    """Round the steps off a mask: the weights 1 4 6 4 1 along both axes; the outermost pixels continue."""
    for axis in (0, 1):
        padded = np.pad(mask, [(2, 2) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
        n = mask.shape[axis]
        a, b, c, d, e = (padded.take(range(shift, shift + n), axis) for shift in range(5))
        mask = (a + e + 4 * (b + d) + 6 * c) / 16
    return mask
