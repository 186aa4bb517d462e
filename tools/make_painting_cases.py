"""Write the cases that hold the kernel's painting and the page's together.

Both paint heat maps by one rule: ``xai_widget.render.paint`` in Python and ``js/src/paint`` in TypeScript. The cases
(random pictures, maps, regions and views, and what Python paints of them) are checked in; a Python test makes them anew and
compares, a vitest paints them and compares. Run after a change of the rule:

    python tools/make_painting_cases.py
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from xai_widget.render import largest_box, paint, resize
from xai_widget.view import DIVERGING, SEQUENTIAL

TARGET: Final = Path(__file__).parent.parent / "js" / "test" / "painting-cases.json"
COUNT: Final = 128
MODES: Final = ("overlay", "overlay", "map", "image", "side", "curtain", "contours", "contours", "regions")


def cases() -> list[dict[str, Any]]:
    """Return the cases; the same ones every time."""
    return [_case(np.random.default_rng(seed)) for seed in range(COUNT)]


def _case(random: np.random.Generator) -> dict[str, Any]:
    signed = bool(random.integers(2))
    grid = tuple(int(n) for n in random.integers(1, 8, 2))
    size = tuple(int(n) for n in random.integers(3, 12, 2))
    values = random.normal(size=grid).astype(np.float32) * np.float32(10.0 ** random.integers(-5, 4))
    if random.random() < 0.15:
        values[:] = 0
    if random.random() < 0.2:
        values.flat[random.integers(values.size)] = random.choice([np.nan, np.inf, -np.inf])
    picture = random.integers(0, 256, (*size, 3), dtype=np.uint8)
    mode = str(random.choice(MODES))
    # Lines grow with the picture, so that some pictures are wide enough for lines of two and three pixels.
    if random.random() < 0.06:
        size = (4, 340)
        picture = np.tile(random.integers(0, 256, (2, 4, 3), dtype=np.uint8), (2, 85, 1))
    view: dict[str, Any] = {
        "opacity": round(float(random.random()), 2),
        "threshold": round(float(random.random()), 2) if random.random() < 0.4 else 0.0,
        "gamma": round(float(random.uniform(0.2, 4)), 2) if random.random() < 0.5 else 1.0,
        "colormap": str(random.choice(["auto", *SEQUENTIAL, *DIVERGING])),
        "cells": bool(random.integers(2)),
        "mode": mode,
        "clip": round(float(random.uniform(50, 100)), 1) if random.random() < 0.5 else 100.0,
        "curtain": round(float(random.random()), 2) if random.random() < 0.8 else float(random.integers(2)),
        "box": bool(random.random() < 0.3),
        "box_threshold": round(float(random.random()), 2),
    }
    labels = _labels(random, size) if mode == "regions" and random.random() < 0.8 else None
    top = float(np.abs(np.nan_to_num(values, posinf=0, neginf=0)).max() * 1.5) if random.random() < 0.2 else None
    scale = int(random.choice([1, 1, 2, 3]))
    box = largest_box(resize(values, size), view["box_threshold"])
    painted = paint(picture, values, signed=signed, view=view, labels=labels, top=top, scale=scale)
    return {
        "signed": signed,
        "grid": list(grid),
        "size": list(size),
        "values": _text(values),
        "picture": _text(picture),
        "labels": None if labels is None else _text(labels),
        "view": view,
        "top": top,
        "scale": scale,
        "box": box and list(box),
        "frame": list(painted.shape[:2]),
        "painted": _text(painted),
    }


def _labels(random: np.random.Generator, size: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return up to three rectangles, which may cover each other."""
    labels = np.zeros(size, np.uint8)
    for label in range(1, 4):
        (top, bottom), (left, right) = (sorted(random.integers(0, length + 1, 2)) for length in size)
        labels[top:bottom, left:right] = label
    return labels


def _text(array: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case) for case in cases())
    TARGET.write_text(f"[\n{lines}\n]\n")
