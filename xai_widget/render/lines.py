"""Lines on a picture: levels of a map, outlines of regions, boxes, a curtain's edge.

A line is a core of one colour between two dark edges, so that it is seen on bright and on dark photos.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.render.colour import Numbers, Pixels, place, table_of
from xai_widget.render.grids import resize
from xai_widget.render.traces import crossings, distances
from xai_widget.view import View

# Lines of equal strength lie at 1 / STEPS, 2 / STEPS ... of the strongest value.
STEPS: Final = 5
# How much of the picture a dark edge takes away.
EDGE: Final = 0.6
# The least luminance of a line's colour: a darker one is made brighter.
LEAST_LUMINANCE: Final = 120.0
# What is left of the picture outside the regions.
OUTSIDE: Final = 0.4


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
    if top <= 0:
        return base.copy()
    colours = level_colours(view, signed=signed)
    snap = None if not view["cells"] else 0.5 if line % 2 == 0 else 1.0
    away = np.full(field.shape, np.inf)
    nearest = np.zeros(field.shape, np.intp)
    for level in shown_levels(view, signed=signed):
        # A cell's line lies in the middle of the border, or in the first pixel of the stronger side.
        inner = snap if snap is None or level > 0 else 1 - snap
        found = distances(crossings(field, level / STEPS * top, snap=inner), field.shape, _reach(line))
        nearer = found < away
        away[nearer] = found[nearer]
        nearest[nearer] = level
    core, edge = _profile(np.sqrt(away), line)
    return stroke(base, colours[nearest + STEPS - 1], core, edge)


def shown_levels(view: View, *, signed: bool) -> list[int]:
    """Return the levels that have a line, the strongest first: where lines coincide, the strongest is seen."""
    levels = [level for level in range(STEPS - 1, 0, -1) if level / STEPS >= view["threshold"]]
    return [side for level in levels for side in ((level, -level) if signed else (level,))]


def level_colours(view: View, *, signed: bool) -> Numbers:
    """Return the colours of the levels -4 ... 4 (0 is never drawn), float64 ``[9, 3]``, none of them dark."""
    levels = np.arange(1 - STEPS, STEPS)
    strength = (np.abs(levels) / STEPS) ** view["gamma"]
    colours = table_of(view, signed=signed)[place(strength, np.sign(levels), signed=signed)].astype(np.float64)
    # First as bright as the hue allows, then towards white.
    brighter = np.minimum(
        LEAST_LUMINANCE / np.maximum(_luminance(colours), 1.0), 255 / np.maximum(colours.max(axis=1), 1.0)
    )
    colours = colours * np.maximum(brighter, 1.0)[:, np.newaxis]
    luminance = np.minimum(_luminance(colours), LEAST_LUMINANCE)
    white = ((LEAST_LUMINANCE - luminance) / (255 - luminance))[:, np.newaxis]
    lightened: Numbers = np.floor(colours + (255 - colours) * white + 0.5)
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
        found = np.sqrt(distances(crossings(field, 0.5), base.shape[:2], _reach(line)))
        away = np.minimum(away, found)
        inside = np.maximum(inside, np.clip(0.5 + np.where(field >= 0.5, found, -found), 0.0, 1.0))
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
    rim = (line + 1) // 2
    for grown, mark, value in ((rim, edge, 1.0), (-line - rim, edge, 0.0), (0, core, 1.0), (-line, core, 0.0)):
        mark[_grown(box, grown)] = value
    return stroke(base, np.array([255.0, 255.0, 255.0]), core, edge)


def curtain_edge(base: Pixels, column: int, line: int) -> Pixels:
    """Draw a white line between dark ones at the left border of a column, unless the column is the picture's end."""
    height, width = base.shape[:2]
    core, edge = np.zeros((height, width)), np.zeros((height, width))
    if 0 < column < width:
        start, rim = column - line // 2, (line + 1) // 2
        core[:, max(start, 0) : start + line] = 1.0
        edge[:, max(start - rim, 0) : start + line + rim] = 1.0
    return stroke(base, np.array([255.0, 255.0, 255.0]), core, edge)


def _grown(box: tuple[int, int, int, int], by: int) -> tuple[slice, slice]:
    top, left, bottom, right = box
    return slice(max(top - by, 0), max(bottom + by, 0)), slice(max(left - by, 0), max(right + by, 0))


def _luminance(colours: Numbers) -> Numbers:
    luminance: Numbers = (299 * colours[:, 0] + 587 * colours[:, 1] + 114 * colours[:, 2]) / 1000
    return luminance


def edge_width(line: int) -> float:
    """Return the width of a line's dark edges."""
    return 0.5 * line + 0.5


def _reach(line: int) -> float:
    """Return how far from its middle a line changes a picture."""
    return 0.5 * line + edge_width(line) + 0.75


def _profile(away: Numbers, line: int) -> tuple[Numbers, Numbers]:
    """Return how much of a pixel a line and its edges cover, by the distance from the line's middle."""
    return np.clip(0.5 * line + 0.75 - away, 0.0, 1.0), np.clip(_reach(line) - away, 0.0, 1.0)


def _smooth(mask: Numbers) -> Numbers:
    """Round the steps off a mask: the weights 1 4 6 4 1 along both axes; the outermost pixels continue."""
    for axis in (0, 1):
        padded = np.pad(mask, [(2, 2) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
        n = mask.shape[axis]
        a, b, c, d, e = (padded.take(range(shift, shift + n), axis) for shift in range(5))
        mask = (a + e + 4 * (b + d) + 6 * c) / 16
    return mask
