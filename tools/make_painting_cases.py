"""Write the cases that hold the kernel's painting and the page's together.

Both paint heat maps by one rule: ``xai_widget.render`` in Python and ``js/src/paint`` in TypeScript. The cases (random
pictures, volumes, maps, regions and views, and what Python paints of them) are checked in; a Python test makes them anew
and compares, a vitest paints them and compares. Run after a change of the rule:

    python tools/make_painting_cases.py
"""

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from xai_widget.planes import Plane, planes_of, voxel_at
from xai_widget.render import largest_box, paint, paint_pane, resize, top_of, voxels_of
from xai_widget.render.volumes import compose
from xai_widget.view import DIVERGING, SEQUENTIAL, check_view

TARGET: Final = Path(__file__).parent.parent / "js" / "test" / "painting-cases.json"
PANES: Final = TARGET.with_name("pane-cases.json")
COUNT: Final = 128
VOLUMES: Final = 48
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


def pane_cases() -> list[dict[str, Any]]:
    """Return volumes, their maps, and every pane of them; the same ones every time."""
    return [_volume_case(np.random.default_rng(1000 + seed)) for seed in range(VOLUMES)]


def _volume_case(random: np.random.Generator) -> dict[str, Any]:
    signed = bool(random.integers(2))
    full = tuple(int(n) for n in random.integers(1, 10, 3))
    volume = random.normal(100, 30, full)
    factors = (1, 1, 1) if random.random() < 0.7 else tuple(int(n) for n in random.integers(1, 4, 3))
    affine = _affine(random) if random.random() < 0.8 else None
    grid = tuple(int(n) for n in random.integers(1, 7, 3))
    values = random.normal(size=grid).astype(np.float32) * np.float32(10.0 ** random.integers(-3, 3))
    if random.random() < 0.2:
        values.flat[random.integers(values.size)] = random.choice([np.nan, np.inf, -np.inf])
    view: dict[str, Any] = {
        "opacity": round(float(random.random()), 2),
        "threshold": round(float(random.random()), 2) if random.random() < 0.3 else 0.0,
        "gamma": round(float(random.uniform(0.3, 3)), 2) if random.random() < 0.3 else 1.0,
        "colormap": str(random.choice(["auto", *SEQUENTIAL, *DIVERGING])),
        "cells": bool(random.integers(2)),
        "mode": str(random.choice(["overlay", "overlay", *MODES])),
        "clip": round(float(random.uniform(50, 100)), 1) if random.random() < 0.3 else 100.0,
        "box": bool(random.random() < 0.5),
        "box_threshold": round(float(random.random()), 2),
        "crosshair": [int(n) for n in random.integers(0, 10, 3)] if random.random() < 0.8 else None,
        "plane": int(random.integers(3)),
        "tiles": int(random.integers(4, 31)),
        "radiological": bool(random.integers(2)),
    }
    settings = check_view(view)
    shown, top = voxels_of(volume, factors), top_of(values, signed, settings["clip"])
    box = largest_box(resize(values, full), settings["box_threshold"]) if settings["box"] else None
    crosshair = voxel_at(full, settings["crosshair"])
    panes = []
    for plane in planes_of(full, affine, settings["radiological"]):
        index, scale = crosshair[plane.axis], int(random.integers(1, 3))
        how: dict[str, Any] = {"signed": signed, "view": settings, "top": top, "box": box, "scale": scale}
        painted = paint_pane(shown, values, plane, index, **how)
        frame = list(painted.shape[:2])
        panes.append(
            {"index": index, "scale": scale, "frame": frame, "painted": _text(painted), "plane": _payload(plane)}
        )
    planes = planes_of(full, affine)
    return {
        "signed": signed,
        "full": list(full),
        "shape": list(shown.levels.shape),
        "levels": _text(shown.levels),
        "planes": [_payload(plane) for plane in planes],
        "grid": list(grid),
        "values": _text(values),
        "view": view,
        "top": top,
        "box": box and list(box),
        "crosshair": list(crosshair),
        "panes": panes,
        "affine": None if affine is None else affine.tolist(),
        "montage": [tile.index for tile in compose(full, affine, {**settings, "layout": "montage"}).tiles],
    }


def _affine(random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Return the affine of a volume stored in any order, along the axes of the body or oblique."""
    axes = np.eye(3)[random.permutation(3)] * random.choice([-1, 1], 3)
    turn = np.linalg.qr(np.eye(3) + random.normal(scale=0.2, size=(3, 3)))[0] if random.random() < 0.3 else np.eye(3)
    affine = np.eye(4)
    affine[:3, :3] = np.round(turn @ axes * random.choice([0.5, 1.0, 1.2, 2.5], 3), 4)
    affine[:3, 3] = random.integers(-50, 50, 3)
    return affine


def _payload(plane: Plane) -> dict[str, Any]:
    """Return a plane as it travels."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(plane)))
    return found


if __name__ == "__main__":
    for target, made in ((TARGET, cases()), (PANES, pane_cases())):
        lines = ",\n".join(json.dumps(case) for case in made)
        target.write_text(f"[\n{lines}\n]\n")
