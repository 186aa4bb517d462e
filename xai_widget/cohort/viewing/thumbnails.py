"""Thumbnails: a member's map over its picture, small; of a volume one slice alone is cut and painted."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_widget.cohort.store.store import Store
from xai_widget.planes import planes_of, voxel_at
from xai_widget.render import Voxels, paint, paint_pane, top_of, view_of_volume
from xai_widget.view import View

LONGEST: Final = 160
# In a small picture these would say nothing, or need room.
LARGE: Final = frozenset({"side", "curtain", "regions"})


def thumbnail(store: Store, row: int, view: View) -> bytes:
    """Return a PNG of a row's map over its picture, of at most 160 pixels a side.

    Of a volume it is the first plane (axial where there is an affine) at the view's crosshair, else in the middle.

    Parameters
    ----------
    store : Store
    row : int
    view : View
        A complete one.

    Raises
    ------
    KeyError
        The row is not finished, or failed.
    """
    painted = _painted(store, row, view)
    side = max(painted.shape[:2])
    if side < LONGEST:  # samples stay squares
        factor = LONGEST // side
        painted = painted.repeat(factor, 0).repeat(factor, 1)
    small = Image.fromarray(painted)
    small.thumbnail((LONGEST, LONGEST))
    file = io.BytesIO()
    small.save(file, "PNG")
    return file.getvalue()


def _painted(store: Store, row: int, view: View) -> NDArray[np.uint8]:
    values, picture, plan = store.map(row), store.picture(row), store.plan
    size, signed = tuple(plan["input_size"]), bool(plan["signed"])
    mode = "overlay" if view["mode"] in LARGE else view["mode"]
    flat: View = {**view, "mode": mode, "box": False}
    if len(size) == 2:
        below = np.full((*size, 3), 255, np.uint8) if picture is None else picture
        return paint(below, values, signed=signed, view=flat)
    affine = None if plan["affine"] is None else np.asarray(plan["affine"], np.float64)
    plane = planes_of(size, affine, view["radiological"])[0]
    levels = np.zeros(size, np.uint8) if picture is None else picture
    index = voxel_at(size, view["crosshair"])[plane.axis]
    shown = Voxels(levels, 0.0, 1.0, (size[0], size[1], size[2]))
    top = top_of(values, signed, view["clip"])
    return paint_pane(shown, values, plane, index, signed=signed, view=view_of_volume(flat), top=top)
