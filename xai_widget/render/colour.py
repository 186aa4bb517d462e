"""Colour tables, and which of their colours stands for a number."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
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
    # Arrays over bytes are read-only, so handing them out is safe.
    return MappingProxyType(
        {
            name: np.frombuffer(base64.b64decode(table), dtype=np.uint8).reshape(256, 3)
            for name, table in json.loads(text).items()
        }
    )
