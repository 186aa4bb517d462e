"""Solid shapes as signed distances, and a canvas on which they are laid with soft edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Point = tuple[float, float, float]

Places = tuple["Array", "Array", "Array"]
"""The x, y and z of every voxel, in millimetres."""


def ellipsoid(at: Places, centre: Point, radii: Point) -> Array:
    """Signed distance in millimetres to an ellipsoid, negative inside; to first order exact near the surface."""
    inside = slope = np.zeros(())
    for places, middle, radius in zip(at, centre, radii, strict=True):
        scaled = (places - middle) / radius
        inside = inside + scaled**2
        slope = slope + (scaled / radius) ** 2
    length = np.sqrt(inside)
    distance: Array = length * (length - 1) / np.sqrt(slope + 1e-12)
    return distance


def tube(at: Places, path: Sequence[Point], radii: Sequence[float]) -> Array:
    """Signed distance in millimetres to a bent tube through the points of `path`, with a radius for each of them."""
    nearest: Array | None = None
    for start, end, first, last in zip(path[:-1], path[1:], radii[:-1], radii[1:], strict=True):
        along = [b - a for a, b in zip(start, end, strict=True)]
        away = [places - a for places, a in zip(at, start, strict=True)]
        share = sum(w * a for w, a in zip(away, along, strict=True)) / sum(a * a for a in along)
        share = np.clip(share, 0, 1)
        squared = sum((w - share * a) ** 2 for w, a in zip(away, along, strict=True))
        distance = np.sqrt(squared) - (first + share * (last - first))
        nearest = distance if nearest is None else np.minimum(nearest, distance)
    if nearest is None:
        raise ValueError(f"A tube needs at least two points, got {len(path)}.")
    return nearest


def blend(first: Array, second: Array, reach: float) -> Array:
    """Unite two shapes with a rounded seam of `reach` millimetres."""
    share = np.clip(0.5 + 0.5 * (second - first) / reach, 0, 1)
    united: Array = second + (first - second) * share - reach * share * (1 - share)
    return united


@dataclass
class Canvas:
    """A volume under construction: what each voxel gives off, and what it is.

    Attributes
    ----------
    signal : ndarray of float64, [*S]
        Brightness.
    labels : ndarray of uint8, [*S]
        Number of the structure that holds the middle of the voxel; 0 is none.
    edge : float
        Width in millimetres over which a structure fades into what it is laid upon: a voxel is cut by its border.
    """

    signal: Array
    edge: float
    labels: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.labels = np.zeros(self.signal.shape, np.uint8)

    def lay(self, distance: Array, brightness: float | Array, label: int | NDArray[np.uint8]) -> None:
        """Cover what is inside a shape (`distance` negative) with a tissue."""
        share = np.clip(0.5 - distance / self.edge, 0, 1)
        self.signal += share * (brightness - self.signal)
        np.copyto(self.labels, np.uint8(label), where=distance < 0)
