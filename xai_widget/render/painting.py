"""The painting rule: a heat map and its picture become pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xai_widget.render.badges import badge, middles
from xai_widget.render.boxes import largest_box
from xai_widget.render.colour import Numbers, Pixels, place, table_of
from xai_widget.render.grids import resize
from xai_widget.render.lines import contours, curtain_edge, frame_box, line_width, regions
from xai_widget.render.scale import top_of
from xai_widget.view import DEFAULT_VIEW, View, check_view

# An overlay of signed values is as opaque as it gets from 1 / FADE of the maximum on.
FADE: Final = 2.0
# Between picture and overlay, side by side.
GAP_GREY: Final = 128


def overlay(picture: Pixels, values: ArrayLike, *, signed: bool, view: Mapping[str, Any] = DEFAULT_VIEW) -> Pixels:
    """Paint a heat map over its picture, at the picture's own resolution; see `paint`.

    Examples
    --------
    >>> black = np.zeros((1, 2, 3), dtype=np.uint8)
    >>> overlay(black, [[0.0, 1.0]], signed=False, view={"colormap": "gray", "opacity": 1.0})[0, :, 0].tolist()
    [0, 255]
    """
    return paint(picture, values, signed=signed, view=view)


def paint(
    picture: Pixels,
    values: ArrayLike,
    *,
    signed: bool,
    view: Mapping[str, Any] = DEFAULT_VIEW,
    labels: NDArray[np.uint8] | None = None,
    top: float | None = None,
    scale: int = 1,
) -> Pixels:
    r"""Paint a heat map and its picture, in any mode.

    With ``r`` the resized values and ``m`` the `top`, the strength of a pixel is :math:`s = \min(|r| / m, 1)` (unsigned
    values below zero count as zero). A pixel is visible where ``s`` reaches the threshold; its colour lies at
    :math:`t = s^\gamma` of the table, or :math:`t = (1 + \mathrm{sign}(r)\,s^\gamma)/2` for signed values, so that zero
    is the table's middle. The colour covers the picture by the opacity; signed values below half of ``m`` (after
    gamma) cover less of it, down to nothing at zero.

    "side" puts the picture and this overlay side by side, "curtain" shows the overlay left of a column and the picture
    right of it, "map" the colours alone. "contours" draws lines at 20, 40, 60 and 80 % of ``m``. "regions" dims the
    picture outside its `labels`, outlines and numbers them. Lines keep about the same width on screen at every scale.

    Parameters
    ----------
    picture
        uint8 ``[H, W, 3]``.
    values
        The attribution ``[h, w]`` at its own resolution; what is not finite counts as zero.
    signed
        Whether the values' sign has a meaning.
    view
        Some of the keys of `View`; see `check_view`.
    labels
        uint8 ``[H, W]``, 0 outside and 1 ... 9 in the regions; without them, "regions" shows the picture.
    top
        The value of the strongest colour, where several maps share one; by default `top_of` the values.
    scale
        Output pixels per picture pixel, along each side.

    Returns
    -------
    ndarray
        uint8 ``[H * scale, W * scale, 3]``, wider for "side"; a new array.

    Raises
    ------
    ValueError
        If a shape, the scale or the view is not as described.
    TypeError
        If the picture is not uint8.

    Examples
    --------
    >>> black = np.zeros((4, 4, 3), dtype=np.uint8)
    >>> paint(black, [[0.0, 1.0]], signed=False, view={"mode": "map"}, scale=2).shape
    (8, 8, 3)
    """
    settings = check_view(view)
    native = np.asarray(values, dtype=np.float64)
    _check(picture, native, labels)
    base = enlarged(picture, scale)
    line = line_width(picture.shape[1], scale)
    if top is None:
        top = top_of(native, signed, settings["clip"])
    if settings["mode"] == "regions":
        return _numbered(base, labels, scale, line) if labels is not None and labels.any() else base

    field = resize(native, base.shape[:2], settings["cells"]).astype(np.float64)
    field[~np.isfinite(field)] = 0.0
    box = largest_box(resize(native, picture.shape[:2]), settings["box_threshold"]) if settings["box"] else None

    def boxed(pixels: Pixels) -> Pixels:
        if box is None:
            return pixels
        upper, left, lower, right = (edge * scale for edge in box)
        return frame_box(pixels, (upper, left, lower, right), line)

    match settings["mode"]:
        case "image":
            return boxed(base)
        case "contours":
            return boxed(contours(base, field, top, line, signed=signed, view=settings))
        case "side":
            gap = np.full((base.shape[0], gap_width(picture.shape[1]) * scale, 3), GAP_GREY, np.uint8)
            return np.concatenate([boxed(base), gap, boxed(_blend(base, field, top, signed, settings))], axis=1)
        case "curtain":
            column = int(np.floor(settings["curtain"] * base.shape[1] + 0.5))
            drawn = np.concatenate(
                [_blend(base[:, :column], field[:, :column], top, signed, settings), base[:, column:]], axis=1
            )
            return curtain_edge(boxed(drawn), column, scale)
        case _:
            return boxed(_blend(base, field, top, signed, settings))


def enlarged(picture: Pixels, scale: int) -> Pixels:
    """Return a copy of a picture with `scale` pixels for each of its own along each side, joined linearly."""
    if isinstance(scale, bool) or not isinstance(scale, int | np.integer) or scale < 1:
        raise ValueError(f"The scale is a whole number of output pixels per picture pixel, 1 or more; got {scale!r}.")
    if scale == 1:
        return picture.copy()
    size = picture.shape[0] * scale, picture.shape[1] * scale
    channels = [np.floor(resize(picture[:, :, channel], size).astype(np.float64) + 0.5) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def gap_width(width: int) -> int:
    """Return how many picture pixels lie between a picture of `width` pixels and its overlay, side by side."""
    return max(2, (width + 20) // 40)


def _check(picture: Pixels, native: Numbers, labels: NDArray[np.uint8] | None) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or native.ndim != 2:
        raise ValueError(
            f"Expected a picture [H, W, 3] and values [h, w]; got shapes {picture.shape} and {native.shape}."
        )
    if picture.dtype != np.uint8:
        raise TypeError(f"Expected a uint8 picture; got {picture.dtype}.")
    if labels is not None and labels.shape != picture.shape[:2]:
        raise ValueError(f"Expected one label a pixel of the picture {picture.shape[:2]}; got {labels.shape}.")


def _numbered(base: Pixels, labels: NDArray[np.uint8], scale: int, line: int) -> Pixels:
    painted = regions(base, labels, line)
    for label, row, column in middles(labels):
        badge(painted, label, (row + 0.5) * scale, (column + 0.5) * scale, line)
    return painted


def _blend(base: Pixels, field: Numbers, top: float, signed: bool, view: View) -> Pixels:
    """Cover a picture by the colours of a map."""
    strength = _strength(field, top, signed)
    visible = strength >= view["threshold"]
    bent = strength ** view["gamma"]
    sign = np.sign(field)
    if view["mode"] == "map":
        # A map has no picture behind it: what is below the threshold looks like zero.
        bent = np.where(visible, bent, 0.0)
        alpha = np.ones_like(strength)
    else:
        # The middle of a diverging table is pale: values near zero must not veil the picture.
        share = np.minimum(1.0, FADE * bent) if signed else 1.0
        alpha = np.where(visible, view["opacity"] * share, 0.0)
    colour = table_of(view, signed=signed)[place(bent, sign, signed=signed)]
    alpha = alpha[:, :, np.newaxis]
    painted: Pixels = np.floor(base * (1.0 - alpha) + colour * alpha + 0.5).astype(np.uint8)
    return painted


def _strength(field: Numbers, top: float, signed: bool) -> Numbers:
    if top <= 0:
        return np.zeros_like(field)
    return np.clip((np.abs(field) if signed else field) / top, 0.0, 1.0)
