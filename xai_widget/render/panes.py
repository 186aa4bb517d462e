"""The painting rule of volumes: one slice becomes a picture, its map is cut there, and both are painted in 2-D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xai_widget.planes import Plane, as_shown
from xai_widget.render.colour import Pixels
from xai_widget.render.grids import resize
from xai_widget.render.lines import frame_box, line_width
from xai_widget.render.painting import paint
from xai_widget.render.voxels import Voxels
from xai_widget.view import View

Box = Sequence[int]
# What has a meaning for a slice; every other mode is drawn as an overlay.
MODES: Final = ("overlay", "map", "contours", "image")


def view_of_volume(view: View) -> View:
    """Return a complete view in which a mode that volumes do not know is "overlay"."""
    return view if view["mode"] in MODES else {**view, "mode": "overlay"}


def pane_size(full: Sequence[int], plane: Plane) -> tuple[int, int]:
    """Return how many pixels high and wide a slice is: square ones of the smallest spacing.

    Along each side that is ``floor(n spacing / smallest + 1/2)``, at least 1.

    Examples
    --------
    >>> from xai_widget.planes import planes_of
    >>> pane_size((10, 20, 30), planes_of((10, 20, 30), np.diag([1.0, 1.0, 2.5, 1.0]))[1])
    (75, 10)
    """
    _, down, right = plane.spacing
    smallest = min(plane.spacing)
    height, width = full[plane.rows] * down / smallest, full[plane.columns] * right / smallest
    return max(1, floor(height + 0.5)), max(1, floor(width + 0.5))


def section(
    values: ArrayLike, plane: Plane, index: int, full: Sequence[int], *, cells: bool = False
) -> NDArray[np.float32]:
    """Return a grid of samples cut at slice `index` of the `full` volume, as it is shown, float32 `[rows, columns]`.

    Slice ``i`` of ``N`` lies at ``(i + 1/2) n / N - 1/2`` of the ``n`` samples across, which are joined linearly; the
    outermost ones continue to the edge. With `cells`, the nearest sample is taken, number ``floor((i + 1/2) n / N)``.
    """
    grid = np.asarray(values)
    samples, slices = grid.shape[plane.axis], full[plane.axis]

    def at(sample: int) -> NDArray[np.float64]:
        return np.asarray(grid[(slice(None),) * plane.axis + (sample,)], dtype=np.float64)

    if cells:
        return as_shown(at((2 * index + 1) * samples // (2 * slices)).astype(np.float32), plane)
    position = min(max((index + 0.5) * samples / slices - 0.5, 0.0), samples - 1.0)
    below = floor(position)
    weight = position - below
    with np.errstate(invalid="ignore"):  # infinity times a weight of zero: what is not finite is painted as zero
        joined = at(below) * (1.0 - weight) + at(min(below + 1, samples - 1)) * weight
    return as_shown(joined.astype(np.float32), plane)


def pane_picture(voxels: Voxels, plane: Plane, index: int) -> Pixels:
    """Return one slice as a picture of square pixels, uint8 `[H, W, 3]`."""
    pixels = resize(section(voxels.levels, plane, index, voxels.full), pane_size(voxels.full, plane))
    levels = np.floor(pixels.astype(np.float64) + 0.5).astype(np.uint8)
    return np.repeat(levels[:, :, np.newaxis], 3, axis=2)


def paint_pane(
    voxels: Voxels,
    values: ArrayLike | None,
    plane: Plane,
    index: int,
    *,
    signed: bool,
    view: View,
    top: float,
    box: Box | None = None,
    scale: int = 1,
) -> Pixels:
    """Paint one slice and its map.

    Parameters
    ----------
    voxels
        The volume as it is shown.
    values
        The attribution `[d, h, w]` at its own resolution; None: the slice alone.
    plane, index
        Which slice, and how it is turned.
    signed
        Whether the values' sign has a meaning.
    view
        A complete view. The modes "side", "curtain" and "regions" are drawn as "overlay".
    top
        The value of the strongest colour, of the whole map.
    box
        Half-open, (z0, y0, x0, z1, y1, x1) in voxels; framed where the slice meets it. The view's own `box` is not
        looked at.
    scale
        Output pixels per picture pixel, along each side.

    Returns
    -------
    ndarray
        uint8 `[height * scale, width * scale, 3]`; see `pane_size`.
    """
    picture = pane_picture(voxels, plane, index)
    mode = view_of_volume(view)["mode"] if values is not None else "image"
    settings: Mapping[str, Any] = {**view, "mode": mode, "box": False}
    found = section(values, plane, index, voxels.full, cells=view["cells"]) if values is not None else [[0.0]]
    painted = paint(picture, found, signed=signed, view=settings, top=top, scale=scale)
    if box is None or not box[plane.axis] <= index < box[plane.axis + 3]:
        return painted
    edges = box_edges(box, plane, voxels.full, painted.shape[:2])
    return frame_box(painted, edges, line_width(picture.shape[1], scale))


def box_edges(box: Box, plane: Plane, full: Sequence[int], size: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the edges of a box of voxels in a slice of `size` pixels, half-open: top, left, bottom, right.

    The edge before voxel ``i`` of ``N`` is pixel ``floor(i P / N + 1/2)`` of ``P``; nothing is thinner than a pixel.

    Examples
    --------
    >>> from xai_widget.planes import planes_of
    >>> box_edges((0, 1, 2, 1, 3, 4), planes_of((4, 4, 4), None)[0], (4, 4, 4), (8, 8))
    (2, 4, 6, 8)
    """

    def along(axis: int, pixels: int, backwards: bool) -> tuple[int, int]:
        count, first, last = full[axis], box[axis], box[axis + 3]
        if backwards:
            first, last = count - last, count - first
        low, high = (floor(edge * pixels / count + 0.5) for edge in (first, last))
        low = min(low, pixels - 1)
        return low, max(high, low + 1)

    upper, lower = along(plane.rows, size[0], plane.flip_rows)
    left, right = along(plane.columns, size[1], plane.flip_columns)
    return upper, left, lower, right
