"""Write the cases that hold the kernel's painting and the page's together.

Both paint heat maps by one rule: ``xai_widget.render.overlay`` in Python and ``js/src/paint`` in TypeScript. The cases
(random pictures, maps and views, and what Python paints of them) are checked in; a Python test makes them anew and
compares, a vitest paints them and compares. Run after a change of the rule:

    python tools/make_painting_cases.py
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from xai_widget.render import overlay
from xai_widget.view import DIVERGING, SEQUENTIAL

TARGET: Final = Path(__file__).parent.parent / "js" / "test" / "painting-cases.json"
COUNT: Final = 48
MODES: Final = ("overlay", "overlay", "map", "image")


def cases() -> list[dict[str, Any]]:
    """Return the cases; the same ones every time."""
    return [_case(np.random.default_rng(seed)) for seed in range(COUNT)]


def _case(random: np.random.Generator) -> dict[str, Any]:
    signed = bool(random.integers(2))
    grid = tuple(int(n) for n in random.integers(1, 8, 2))
    size = tuple(int(n) for n in random.integers(3, 13, 2))
    values = random.normal(size=grid).astype(np.float32) * np.float32(10.0 ** random.integers(-5, 4))
    if random.random() < 0.15:
        values[:] = 0
    if random.random() < 0.2:
        values.flat[random.integers(values.size)] = random.choice([np.nan, np.inf, -np.inf])
    picture = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    view: dict[str, Any] = {
        "opacity": round(float(random.random()), 2),
        "threshold": round(float(random.random()), 2) if random.random() < 0.5 else 0.0,
        "gamma": round(float(random.uniform(0.2, 4)), 2) if random.random() < 0.5 else 1.0,
        "colormap": str(random.choice(["auto", *SEQUENTIAL, *DIVERGING])),
        "cells": bool(random.integers(2)),
        "mode": str(random.choice(MODES)),
    }
    return {
        "signed": signed,
        "grid": list(grid),
        "size": list(size),
        "values": _text(values),
        "picture": _text(picture),
        "view": view,
        "painted": _text(overlay(picture, values, signed=signed, view=view)),
    }


def _text(array: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case) for case in cases())
    TARGET.write_text(f"[\n{lines}\n]\n")
