"""View: how a heat map is shown; display only, nothing is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypedDict, cast, get_args

import numpy as np

from xai_widget.names import nearest

Mode = Literal["overlay", "side", "curtain", "map", "contours", "regions", "image"]
Layout = Literal["panes", "montage"]

SEQUENTIAL: Final = ("viridis", "inferno", "magma", "cividis", "gray")
DIVERGING: Final = ("RdBu_r", "PuOr_r", "coolwarm")


class View(TypedDict):
    """How a heat map is shown; changing it computes nothing anew.

    ``opacity`` of the heat map over the picture and ``threshold`` below which it is invisible lie in [0, 1];
    ``gamma`` in [0.1, 10] bends the colour scale; ``colormap`` is a table's name or "auto"; ``cells`` shows the
    attribution's true cells instead of interpolating.

    ``mode`` is "overlay", "side" (picture and overlay side by side), "curtain" (the overlay left of ``curtain``, a share
    of the width, the picture right of it), "map" (the map alone), "contours" (lines of equal strength at 20, 40, 60 and
    80 % of the scale), "regions" (the outlines of the strongest regions) or "image" (the picture alone). ``clip`` is the
    percentile of the values' sizes, in [50, 100], that gets the strongest colour. ``box`` draws the box of the largest
    region above ``box_threshold``, a share of the maximum, in every mode but "regions". With ``shared``, everything that
    is compared has one scale.

    The others are about volumes; pictures take no notice of them. ``crosshair`` is where the three planes meet, as stored
    indices [i, j, k] of a voxel (one beyond the volume is moved to its edge), None for the middle. ``layout`` is "panes",
    the three planes, or "montage", ``tiles`` evenly spaced slices (4 to 30) of the plane number ``plane``: 0 axial, 1
    coronal, 2 sagittal, or without an affine across the first, second and third stored axis. ``radiological`` shows the
    patient's left on the right. The modes "side", "curtain" and "regions" are drawn as "overlay".
    """

    opacity: float
    threshold: float
    gamma: float
    colormap: str
    cells: bool
    mode: Mode
    clip: float
    curtain: float
    box: bool
    box_threshold: float
    shared: bool
    crosshair: list[int] | None
    layout: Layout
    plane: int
    tiles: int
    radiological: bool


DEFAULT_VIEW: Final[View] = {
    "opacity": 0.5,
    "threshold": 0.0,
    "gamma": 1.0,
    "colormap": "auto",
    "cells": False,
    "mode": "overlay",
    "clip": 100.0,
    "curtain": 0.5,
    "box": False,
    "box_threshold": 0.2,
    "shared": True,
    "crosshair": None,
    "layout": "panes",
    "plane": 0,
    "tiles": 12,
    "radiological": False,
}


_RANGES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "opacity": (0.0, 1.0),
        "threshold": (0.0, 1.0),
        "gamma": (0.1, 10.0),
        "clip": (50.0, 100.0),
        "curtain": (0.0, 1.0),
        "box_threshold": (0.0, 1.0),
    }
)


_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"colormap": ("auto", *SEQUENTIAL, *DIVERGING), "mode": get_args(Mode), "layout": get_args(Layout)}
)

_COUNTS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType({"plane": (0, 2), "tiles": (4, 30)})

_SWITCHES: Final = ("cells", "box", "shared", "radiological")


def check_view(view: Mapping[str, Any]) -> View:
    """Complete a partial view with the defaults, and check it.

    Parameters
    ----------
    view
        Some of the keys of `View`.

    Returns
    -------
    View
        A new dictionary with every key.

    Raises
    ------
    ValueError
        If a key is unknown, a number lies outside its range, or a name is not known.
    TypeError
        If a value is of the wrong type.

    Examples
    --------
    >>> check_view({"opacity": 1})["opacity"], check_view({})["colormap"]
    (1.0, 'auto')
    """
    checked: dict[str, Any] = dict(DEFAULT_VIEW)
    for key, value in view.items():
        if key in _RANGES:
            checked[key] = _number(key, value)
        elif key in _NAMES:
            checked[key] = _name(key, value)
        elif key in _COUNTS:
            checked[key] = _count(key, value)
        elif key == "crosshair":
            checked[key] = _voxel(value)
        elif key in _SWITCHES:
            if not isinstance(value, bool | np.bool_):
                raise TypeError(f"View setting {key!r} is True or False; got {value!r}.")
            checked[key] = bool(value)
        else:
            raise ValueError(
                f"Unknown view setting {key!r}.{nearest(key, DEFAULT_VIEW)} Known: {', '.join(DEFAULT_VIEW)}."
            )
    return cast("View", checked)


def _number(key: str, value: object) -> float:
    low, high = _RANGES[key]
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"View setting {key!r} is a number between {low:g} and {high:g}; got {value!r}.")
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high:
        raise ValueError(f"View setting {key!r} lies between {low:g} and {high:g}; got {number:g}.")
    return number


def _name(key: str, value: object) -> str:
    known = _NAMES[key]
    if not isinstance(value, str):
        raise TypeError(f"View setting {key!r} is one of {', '.join(known)}; got {value!r}.")
    if value not in known:
        raise ValueError(f"View setting {key!r} cannot be {value!r}.{nearest(value, known)} Known: {', '.join(known)}.")
    return value


def _count(key: str, value: object) -> int:
    low, high = _COUNTS[key]
    number = _whole(value)
    if number is None:
        raise TypeError(f"View setting {key!r} is a whole number between {low} and {high}; got {value!r}.")
    if not low <= number <= high:
        raise ValueError(f"View setting {key!r} lies between {low} and {high}; got {number}.")
    return number


def _voxel(value: object) -> list[int] | None:
    if value is None:
        return None
    given = list(value) if isinstance(value, Sequence | np.ndarray) else [value]
    indices = [index for index in map(_whole, given) if index is not None]
    if len(indices) != len(given):
        message = f"View setting 'crosshair' is a voxel [i, j, k] of whole numbers, or None; got {value!r}."
        raise TypeError(message)
    if len(indices) != 3 or min(indices) < 0:
        raise ValueError(f"View setting 'crosshair' is three indices [i, j, k], from 0; got {value!r}.")
    return indices


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else None
