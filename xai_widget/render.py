"""From numbers to pixels: colour tables, resizing, blending a heat map with its picture.

The browser paints the same maps with the same rules, so that a saved picture and the widget agree; whoever changes a
rule here changes ``js/src/paint`` too. Everything is computed in float64 and rounded once, at the end.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xai_widget.names import nearest
from xai_widget.view import DEFAULT_VIEW, check_view

Map = NDArray[np.float32]
Pixels = NDArray[np.uint8]

# An overlay of signed values is as opaque as it gets from 1 / FADE of the maximum on.
FADE: Final = 2.0
# What "auto" stands for, by whether the map is signed.
AUTO: Final[Mapping[bool, str]] = MappingProxyType({False: "inferno", True: "RdBu_r"})


def colour_table(name: str) -> Pixels:
    """Return the 256 colours of a table.

    Parameters
    ----------
    name
        One of `SEQUENTIAL` or `DIVERGING`.

    Returns
    -------
    ndarray
        uint8 ``[256, 3]``, red green blue, read-only.

    Raises
    ------
    ValueError
        If there is no table of that name.

    Examples
    --------
    >>> colour_table("gray")[128].tolist()
    [128, 128, 128]
    """
    tables = _tables()
    if name not in tables:
        raise ValueError(f"No colour table {name!r}.{nearest(name, tables)} Known: {', '.join(tables)}.")
    return tables[name]


def resize(values: ArrayLike, size: tuple[int, ...], cells: bool = False) -> Map:
    """Resize an array of any rank to a grid of pixels.

    Pixel ``i`` of ``N`` lies at ``(i + 1/2) n / N - 1/2`` of the ``n`` samples; samples are joined linearly, one axis
    after the other, and the outermost ones continue to the edge (``align_corners=False`` in PyTorch's words).

    Parameters
    ----------
    values
        Real numbers ``[*native]``, at least one in every direction.
    size
        The length wanted along each axis.
    cells
        Repeat the nearest sample, number ``floor((i + 1/2) n / N)``, instead of interpolating.

    Returns
    -------
    ndarray
        float32 ``[*size]``.

    Raises
    ------
    ValueError
        If the ranks differ, or a length is not positive.

    Examples
    --------
    >>> resize([0.0, 1.0], (4,)).tolist()
    [0.0, 0.25, 0.75, 1.0]
    >>> resize([0.0, 1.0], (4,), cells=True).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    grid = np.asarray(values, dtype=np.float64)
    if grid.ndim != len(size) or grid.size == 0 or any(length < 1 for length in size):
        raise ValueError(
            f"Cannot resize values of shape {grid.shape} to {tuple(size)}: "
            "expected the same number of axes and positive lengths."
        )
    for axis, length in enumerate(size):
        grid = _nearest_cells(grid, axis, length) if cells else _linear(grid, axis, length)
    return grid.astype(np.float32)


def legend(values: ArrayLike, signed: bool) -> tuple[float, float]:
    """Return the numbers at the two ends of the colour bar.

    Parameters
    ----------
    values
        The attribution at its own resolution, any shape; what is not finite is passed over.
    signed
        Whether the values' sign has a meaning.

    Returns
    -------
    tuple of float
        ``(-m, m)`` with ``m = max |values|`` for signed values, ``(0, m)`` with ``m = max(values, 0)`` otherwise.

    Examples
    --------
    >>> legend([-2.0, 1.0], signed=True), legend([-2.0, 1.0], signed=False)
    ((-2.0, 2.0), (0.0, 1.0))
    """
    top = _top(np.asarray(values, dtype=np.float64), signed)
    return (-top if signed and top > 0 else 0.0), top


def overlay(picture: Pixels, values: ArrayLike, *, signed: bool, view: Mapping[str, Any] = DEFAULT_VIEW) -> Pixels:
    r"""Paint a heat map over its picture.

    With ``r`` the resized values and ``m`` the upper end of the `legend`, the strength of a pixel is
    :math:`s = \min(|r| / m, 1)` (unsigned values below zero count as zero). A pixel is visible where ``s`` reaches the
    threshold; its colour lies at :math:`t = s^\gamma` of the table, or :math:`t = (1 + \mathrm{sign}(r)\,s^\gamma)/2`
    for signed values, so that zero is the table's middle. The colour covers the picture by the opacity; signed values
    below half of ``m`` (after gamma) cover less of it, down to nothing at zero.

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

    Returns
    -------
    ndarray
        uint8 ``[H, W, 3]``, a new array.

    Raises
    ------
    ValueError
        If a shape or the view is not as described.
    TypeError
        If the picture is not uint8.

    Examples
    --------
    >>> black = np.zeros((1, 2, 3), dtype=np.uint8)
    >>> overlay(black, [[0.0, 1.0]], signed=False, view={"colormap": "gray", "opacity": 1.0})[0, :, 0].tolist()
    [0, 255]
    """
    settings = check_view(view)
    native = np.asarray(values, dtype=np.float64)
    if picture.ndim != 3 or picture.shape[2] != 3 or native.ndim != 2:
        raise ValueError(
            f"Expected a picture [H, W, 3] and values [h, w]; got shapes {picture.shape} and {native.shape}."
        )
    if picture.dtype != np.uint8:
        raise TypeError(f"Expected a uint8 picture; got {picture.dtype}.")
    if settings["mode"] == "image":
        return picture.copy()

    resized = resize(native, picture.shape[:2], settings["cells"]).astype(np.float64)
    resized[~np.isfinite(resized)] = 0.0
    strength = _strength(resized, _top(native, signed), signed)
    visible = strength >= settings["threshold"]
    bent = strength ** settings["gamma"]
    place = 0.5 + 0.5 * np.sign(resized) * bent if signed else bent
    if settings["mode"] == "map":
        # A map has no picture behind it: what is below the threshold looks like zero.
        place = np.where(visible, place, 0.5 if signed else 0.0)
        alpha = np.ones_like(strength)
    else:
        # The middle of a diverging table is pale: values near zero must not veil the picture.
        share = np.minimum(1.0, FADE * bent) if signed else 1.0
        alpha = np.where(visible, settings["opacity"] * share, 0.0)
    name = settings["colormap"]
    table = colour_table(AUTO[signed] if name == "auto" else name)
    colour = table[np.floor(place * 255 + 0.5).astype(np.intp)]
    alpha = alpha[:, :, np.newaxis]
    return np.floor(picture * (1.0 - alpha) + colour * alpha + 0.5).astype(np.uint8)


def _top(native: NDArray[np.float64], signed: bool) -> float:
    """Return the value that gets the strongest colour, 0 if there is none."""
    finite = native[np.isfinite(native)]
    return float(np.max(np.abs(finite) if signed else finite, initial=0.0))


def _strength(resized: NDArray[np.float64], top: float, signed: bool) -> NDArray[np.float64]:
    if top <= 0:
        return np.zeros_like(resized)
    return np.clip((np.abs(resized) if signed else resized) / top, 0.0, 1.0)


def _linear(grid: NDArray[np.float64], axis: int, length: int) -> NDArray[np.float64]:
    samples = grid.shape[axis]
    position = np.clip((np.arange(length) + 0.5) * samples / length - 0.5, 0, samples - 1)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, samples - 1)
    weight = (position - below).reshape([-1 if i == axis else 1 for i in range(grid.ndim)])
    with np.errstate(invalid="ignore"):  # infinity times a weight of zero: what is not finite is painted as zero
        joined: NDArray[np.float64] = grid.take(below, axis) * (1.0 - weight) + grid.take(above, axis) * weight
    return joined


def _nearest_cells(grid: NDArray[np.float64], axis: int, length: int) -> NDArray[np.float64]:
    cells: NDArray[np.float64] = grid.take((2 * np.arange(length) + 1) * grid.shape[axis] // (2 * length), axis)
    return cells


@cache
def _tables() -> Mapping[str, Pixels]:
    text = resources.files("xai_widget").joinpath("colormaps.json").read_text(encoding="utf-8")
    # Arrays over bytes are read-only, so handing them out is safe.
    return MappingProxyType(
        {
            name: np.frombuffer(base64.b64decode(table), dtype=np.uint8).reshape(256, 3)
            for name, table in json.loads(text).items()
        }
    )
