"""Write the colour tables of the heat maps, ``xai_widget/colormaps.json``, from matplotlib's.

The package itself needs no matplotlib: the tables are checked in, read by Python (`xai_widget.render`) and by the
front end alike, and a test regenerates them and compares.

Run ``python tools/make_colormaps.py`` after changing `NAMES`.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np

# Sequential tables first, then the diverging ones, as the menus list them.
NAMES: Final = ("viridis", "inferno", "magma", "cividis", "gray", "RdBu_r", "PuOr_r", "coolwarm")
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


def document() -> str:
    """Return the text of ``colormaps.json``: one name a line, each with its table in base64.

    Examples
    --------
    >>> sorted(json.loads(document())) == sorted(NAMES)
    True
    """
    return json.dumps({name: base64.b64encode(table(name)).decode("ascii") for name in NAMES}, indent=2) + "\n"


if __name__ == "__main__":
    DESTINATION.write_text(document(), encoding="utf-8")
