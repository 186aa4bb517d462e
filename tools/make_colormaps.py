"""Write the colour tables of the heat maps, ``xai_widget/colormaps.json``, from matplotlib's.

The package itself needs no matplotlib: the tables are checked in, read by Python (`xai_widget.render`) and by the
front end alike, and a test regenerates them and compares.

Run ``python tools/make_colormaps.py`` after changing `NAMES`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np

# Sequential tables first, then the diverging ones, as the menus list them.
NAMES: Final = ("viridis", "inferno", "magma", "cividis", "gray", "RdBu_r", "PuOr_r", "coolwarm")
# A colour map bends so little from one colour to the next that two bends fit into one digit of base 36.
LOWEST: Final = -2
LEVELS: Final = 6
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
DESTINATION: Final = Path(__file__).resolve().parents[1] / "xai_widget" / "colormaps.json"


def table(name: str) -> bytes:
    """Return the 256 colours of one matplotlib colour map as 768 bytes, red green blue.

    Parameters
    ----------
    name
        A colour map that matplotlib knows.

    Returns
    -------
    bytes
        Entry ``i`` is the colour at ``i / 255``, rounded to the nearest of 256 levels.

    Raises
    ------
    KeyError
        If matplotlib has no colour map of that name.

    Examples
    --------
    >>> list(table("gray")[-3:])
    [255, 255, 255]
    """
    colours = mpl.colormaps[name].resampled(256)(np.arange(256))[:, :3]
    return np.floor(colours * 255 + 0.5).astype(np.uint8).tobytes()


def packed(colours: bytes) -> list[list[int] | str]:
    """Return a table as its first two colours, and how much every channel bends after them.

    Raises
    ------
    ValueError
        If the table bends more than a digit can say.

    Examples
    --------
    >>> start, bends = packed(table("gray"))
    >>> start, bends[:3], len(bends)
    ([0, 0, 0, 1, 1, 1], 'eee', 381)
    """
    bends = np.diff(np.frombuffer(colours, np.uint8).reshape(-1, 3).astype(int), n=2, axis=0).ravel() - LOWEST
    if bends.min() < 0 or bends.max() >= LEVELS:
        message = f"The table bends by {bends.min() + LOWEST} to {bends.max() + LOWEST}; a digit holds -2 to 3."
        raise ValueError(message)
    pairs = bends[::2] * LEVELS + bends[1::2]
    return [list(colours[:6]), "".join(DIGITS[pair] for pair in pairs)]


def document() -> str:
    """Return the text of ``colormaps.json``: one name a line, each with its packed table.

    Examples
    --------
    >>> sorted(json.loads(document())) == sorted(NAMES)
    True
    """
    lines = [f"  {json.dumps(name)}: {json.dumps(packed(table(name)))}" for name in NAMES]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    DESTINATION.write_text(document(), encoding="utf-8")
