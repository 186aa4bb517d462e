"""Colour tables, and which of their colours stands for a number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.names import nearest
from xai_widget.view import View

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float64]

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


def table_of(view: View, *, signed: bool) -> Pixels:
    """Return the colour table that a view asks for."""
    name = view["colormap"]
    return colour_table(AUTO[signed] if name == "auto" else name)


def place(strength: Numbers, sign: Numbers, *, signed: bool) -> NDArray[np.intp]:
    """Return which of the 256 colours stands for a strength (after gamma): zero of a signed map is the middle."""
    share = 0.5 + 0.5 * sign * strength if signed else strength
    index: NDArray[np.intp] = np.floor(share * 255 + 0.5).astype(np.intp)
    return index


@cache
def _tables() -> Mapping[str, Pixels]:
    text = resources.files("xai_widget").joinpath("colormaps.json").read_text(encoding="utf-8")
    return MappingProxyType({name: _unpacked(*packed) for name, packed in json.loads(text).items()})


def _unpacked(start: Sequence[int], bends: str) -> Pixels:
    """Return a colour table from its first two colours and how much it bends after them, two bends a digit."""
    pairs = np.array([int(digit, 36) for digit in bends])
    steps = np.stack((pairs // 6, pairs % 6), axis=1).reshape(-1, 3) - 2
    first, second = np.array(start).reshape(2, 3)
    slopes = np.cumsum(np.vstack((second - first, steps)), axis=0)
    table = np.cumsum(np.vstack((first, slopes)), axis=0).astype(np.uint8)
    table.flags.writeable = False  # the tables are handed out
    return table
