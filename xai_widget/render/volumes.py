"""A volume as one picture: its three planes side by side, or a montage of slices, on black."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, floor, sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from xai_widget.planes import Plane, ascends, montage_slices, planes_of, to_mm, usable, voxel_at
from xai_widget.render.boxes import largest_box
from xai_widget.render.colour import Pixels
from xai_widget.render.grids import resize
from xai_widget.render.panes import paint_pane, pane_size
from xai_widget.render.scale import top_of
from xai_widget.render.voxels import Voxels
from xai_widget.view import View

# Between two panes, or two slices of a montage: a share of the width without gaps. It is 2 % of the whole of three.
GAP: Final = 1 / 48
INK: Final = (255, 255, 255)
# Lines of the crosshair let the picture through.
LINE: Final = (255, 255, 255, 130)
# How much of a pane's shorter side the crosshair leaves open in its middle.
OPEN: Final = 1 / 12
# A still picture of a volume is about as wide.
STILL: Final = 960


@dataclass(frozen=True)
class Tile:
    """One slice in a composition: which one, and where its upper left corner lies, in pixels at scale 1."""

    plane: Plane
    index: int
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Composition:
    """Where the slices of a volume lie in one picture."""

    height: int
    width: int
    tiles: tuple[Tile, ...]


def paint_volume(
    voxels: Voxels,
    values: ArrayLike | None,
    *,
    affine: ArrayLike | None,
    signed: bool,
    view: View,
    top: float | None = None,
    scale: int = 1,
) -> Pixels:
    """Paint a volume and its heat map: three planes that meet at the crosshair, or a montage of slices of one plane.

    Parameters
    ----------
    voxels
        The volume as it is shown.
    values
        The attribution `[d, h, w]` at its own resolution; None: the volume alone.
    affine
        From stored indices to mm, or None; see `planes_of`.
    signed
        Whether the values' sign has a meaning.
    view
        A complete view. The modes "side", "curtain" and "regions" are drawn as "overlay".
    top
        The value of the strongest colour, where several maps share one; by default that of the whole map, not of the
        slices shown.
    scale
        Output pixels per picture pixel, along each side; a picture pixel is a square of the smallest spacing.

    Returns
    -------
    ndarray
        uint8 `[H, W, 3]`.

    Raises
    ------
    ValueError
        If the map or the scale is not as described.

    Examples
    --------
    >>> from xai_widget.render.voxels import voxels_of
    >>> from xai_widget.view import DEFAULT_VIEW
    >>> volume = np.zeros((30, 40, 20))
    >>> paint_volume(voxels_of(volume), None, affine=np.eye(4), signed=False, view=DEFAULT_VIEW).shape
    (40, 104, 3)
    """
    native = None if values is None else np.asarray(values, dtype=np.float32)
    if native is not None and native.ndim != 3:
        raise ValueError(f"The map of a volume has the shape [d, h, w]; got {native.shape}.")
    strongest = 0.0
    if native is not None:
        strongest = top_of(native, signed, view["clip"]) if top is None else top
    box = (
        largest_box(resize(native, voxels.full), view["box_threshold"]) if view["box"] and native is not None else None
    )
    paint = partial(paint_pane, voxels, native, signed=signed, view=view, top=strongest, box=box, scale=scale)
    plan = compose(voxels.full, affine, view)
    canvas = np.zeros((plan.height * scale, plan.width * scale, 3), np.uint8)
    for tile in plan.tiles:
        painted = paint(tile.plane, tile.index)
        upper, left = tile.top * scale, tile.left * scale
        canvas[upper : upper + painted.shape[0], left : left + painted.shape[1]] = painted
    page = Image.fromarray(canvas)
    if view["layout"] == "montage":
        first = plan.tiles[0]
        # At the bottom stands where a slice lies.
        _mark(page, replace(first, plane=replace(first.plane, marks=(*first.plane.marks[:3], ""))), scale)
        for tile in plan.tiles:
            _tell_place(page, tile, scale, _place(tile, voxels.full, affine))
    else:
        crosshair = voxel_at(voxels.full, view["crosshair"])
        for tile in plan.tiles:
            _cross(page, tile, scale, voxels.full, crosshair)
            _mark(page, tile, scale)
    return np.array(page)


def compose(full: Sequence[int], affine: ArrayLike | None, view: View) -> Composition:
    """Return where the slices of a volume lie in one picture, at scale 1.

    Examples
    --------
    >>> from xai_widget.view import DEFAULT_VIEW
    >>> plan = compose((30, 40, 20), np.eye(4), DEFAULT_VIEW)
    >>> [(tile.plane.name, tile.index, tile.left, tile.top) for tile in plan.tiles]
    [('axial', 10, 0, 0), ('coronal', 20, 32, 10), ('sagittal', 15, 64, 10)]
    """
    planes = planes_of(full, affine, view["radiological"])
    if view["layout"] == "montage":
        return _montage(planes[view["plane"]], full, affine, view["tiles"])
    crosshair = voxel_at(full, view["crosshair"])
    sizes = [pane_size(full, plane) for plane in planes]
    gap = _gap(sum(width for _, width in sizes))
    tallest = max(height for height, _ in sizes)
    tiles: list[Tile] = []
    left = 0
    for plane, (height, width) in zip(planes, sizes, strict=True):
        tiles.append(Tile(plane, crosshair[plane.axis], (tallest - height) // 2, left, height, width))
        left += width + gap
    return Composition(tallest, left - gap, tuple(tiles))


def fitting_scale(full: Sequence[int], affine: ArrayLike | None, view: View, width: int = STILL) -> int:
    """Return the scale at which a volume's picture is about `width` pixels wide, and never smaller than it is.

    Examples
    --------
    >>> from xai_widget.view import DEFAULT_VIEW
    >>> fitting_scale((48, 56, 48), None, DEFAULT_VIEW), fitting_scale((512, 512, 512), None, DEFAULT_VIEW)
    (6, 1)
    """
    return max(1, round(width / compose(full, affine, view).width))


def _montage(plane: Plane, full: Sequence[int], affine: ArrayLike | None, count: int) -> Composition:
    indices = montage_slices(full[plane.axis], count)
    if not ascends(plane, affine):
        # From bottom to top, from back to front, from left to right, however it is stored.
        indices.reverse()
    height, width = pane_size(full, plane)
    columns = ceil(sqrt(len(indices)))
    gap = _gap(columns * width)
    tiles = tuple(
        Tile(plane, index, (at // columns) * (height + gap), (at % columns) * (width + gap), height, width)
        for at, index in enumerate(indices)
    )
    rows = ceil(len(indices) / columns)
    return Composition(rows * (height + gap) - gap, columns * (width + gap) - gap, tiles)


def _gap(width: int) -> int:
    return max(1, floor(width * GAP + 0.5))


def _place(tile: Tile, full: Sequence[int], affine: ArrayLike | None) -> str:
    """Return where a slice lies: in mm at its middle along the nearest axis of the body, or its stored index."""
    matrix = usable(affine)
    if matrix is None:
        return str(tile.index)
    middle = [(length - 1) / 2 for length in full]
    middle[tile.plane.axis] = tile.index
    body = ("sagittal", "coronal", "axial").index(tile.plane.name)
    return f"{'xyz'[body]} {to_mm(matrix, middle)[body]:+.0f} mm"


def _font(tile: Tile, scale: int, share: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(9, min(tile.height, tile.width) * scale * share))


def _mark(page: Image.Image, tile: Tile, scale: int) -> None:
    """Write what lies on each side of a slice."""
    font = _font(tile, scale, 1 / 15)
    pad = max(2, min(tile.height, tile.width) * scale // 40)
    left, top = tile.left * scale, tile.top * scale
    right, bottom = left + tile.width * scale, top + tile.height * scale
    middle, centre = (left + right) / 2, (top + bottom) / 2
    places = (
        (left + pad, centre, "lm"),
        (right - pad, centre, "rm"),
        (middle, top + pad, "mt"),
        (middle, bottom - pad, "mb"),
    )
    for mark, (x, y, anchor) in zip(tile.plane.marks, places, strict=True):
        _write(page, (x, y), mark, font, anchor)


def _tell_place(page: Image.Image, tile: Tile, scale: int, words: str) -> None:
    """Write where a slice of a montage lies, in its lower left corner."""
    pad = max(2, min(tile.height, tile.width) * scale // 40)
    at = tile.left * scale + pad, (tile.top + tile.height) * scale - pad
    _write(page, at, words, _font(tile, scale, 1 / 15), "lb")


def _write(
    page: Image.Image,
    at: tuple[float, float],
    words: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    anchor: str,
) -> None:
    edge = max(1, round(font.size / 8)) if isinstance(font, ImageFont.FreeTypeFont) else 1
    ImageDraw.Draw(page).text(at, words, INK, font, anchor=anchor, stroke_width=edge, stroke_fill=(0, 0, 0))


def _cross(page: Image.Image, tile: Tile, scale: int, full: Sequence[int], crosshair: Sequence[int]) -> None:
    """Draw the lines of the other two planes, open where they meet."""
    plane = tile.plane
    height, width = tile.height * scale, tile.width * scale

    def middle(axis: int, length: int, backwards: bool) -> int:
        index = full[axis] - 1 - crosshair[axis] if backwards else crosshair[axis]
        return floor((index + 0.5) * length / full[axis])

    row, column = middle(plane.rows, height, plane.flip_rows), middle(plane.columns, width, plane.flip_columns)
    gap = max(3, floor(min(height, width) * OPEN / 2))
    # The line's own pixels, thicker on a picture that is shown large.
    line = max(1, floor(width / 400 + 0.5))
    draw = ImageDraw.Draw(page, "RGBA")
    left, top = tile.left * scale, tile.top * scale
    half = line // 2
    for first, last in ((0, row - gap), (row + gap, height)):
        if first < last:
            draw.rectangle((left + column - half, top + first, left + column - half + line - 1, top + last - 1), LINE)
    for first, last in ((0, column - gap), (column + gap, width)):
        if first < last:
            draw.rectangle((left + first, top + row - half, left + last - 1, top + row - half + line - 1), LINE)
