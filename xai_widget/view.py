"""View: how a heat map is shown; display only, nothing is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypedDict, cast, get_args

import numpy as np

from xai_widget.names import nearest

Mode = Literal["overlay", "side", "curtain", "map", "contours", "regions", "image"]

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
    {"colormap": ("auto", *SEQUENTIAL, *DIVERGING), "mode": get_args(Mode)}
)

_SWITCHES: Final = ("cells", "box", "shared")


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
