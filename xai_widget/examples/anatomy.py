"""A stylised human head in millimetres: what lies where, and how bright it is in a T1-weighted scan.

The origin is the middle of the head; x grows to the right, y to the front, z to the top. Sizes are those of textbooks,
rounded; the hippocampus is about a fifth too thick, so that voxels of 3.5 mm can show it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from .shapes import Canvas, blend, ellipsoid, tube

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .shapes import Array, Places, Point

    Sides = NDArray[np.uint8]  # 0 to the left, 1 to the right

REGIONS: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "skin and muscle",
        2: "skull",
        3: "cerebrospinal fluid",
        4: "left cortex",
        5: "right cortex",
        6: "left white matter",
        7: "right white matter",
        8: "ventricles",
        9: "left thalamus",
        10: "right thalamus",
        11: "left basal ganglia",
        12: "right basal ganglia",
        13: "left hippocampus",
        14: "right hippocampus",
        15: "cerebellum",
        16: "brain stem",
    }
)
"""Names of the numbers in a phantom's atlas; 0 is air."""

AIR, MUSCLE, FAT, BONE, FLUID, GREY, WHITE, NUCLEUS = 0.0, 0.42, 0.92, 0.07, 0.17, 0.56, 0.86, 0.66

HIPPOCAMPUS: Final = ((22.0, -32.0, -7.0), (26.5, -20.0, -15.0), (27.5, -7.0, -21.0), (25.0, 2.0, -23.0))
THICKNESS: Final = (4.5, 6.3, 7.4, 6.6)
HORN: Final = ((26.0, -36.0, -2.0), (32.0, -22.0, -9.0), (33.5, -8.0, -16.0), (31.0, 4.0, -19.0))

SMALLEST: Final = 0.5
"""What at least is left of a patient's hippocampus, as a share of its thickness."""


@dataclass(frozen=True)
class Subject:
    """What makes one head differ from another.

    Attributes
    ----------
    hippocampi : tuple of float
        Thickness of the left and the right hippocampus, as a share of the usual one.
    shrunk : float
        What is left of the left hippocampus' thickness: 1 in a healthy head.
    ventricles, sulci : float
        Width of the ventricles and of the furrows of the cortex, as a share of the usual one.
    folding : tuple of 6 float
        Phases of the cortex' folds.
    """

    hippocampi: tuple[float, float] = (1.0, 1.0)
    shrunk: float = 1.0
    ventricles: float = 1.0
    sulci: float = 1.0
    folding: tuple[float, ...] = (0.3, 1.7, 4.1, 2.2, 5.0, 0.9)


@dataclass(frozen=True)
class Head:
    """A drawn head: brightness, atlas, and where it is.

    Attributes
    ----------
    canvas : Canvas
        Brightness and region numbers.
    outside : ndarray of float64, [*S]
        Distance from the skin in millimetres, negative inside the head.
    region : ndarray of float64, [*S]
        Distance from the left hippocampus as it would be in a healthy head, together with the fluid beside it.
    """

    canvas: Canvas
    outside: Array
    region: Array


def draw(at: Places, subject: Subject, edge: float) -> Head:
    """Draw the head of `subject` at the places `at`, with borders `edge` millimetres wide."""
    x, y, z = at
    mirrored = (np.abs(x), y, z)  # both halves at once
    right = (x > 0).astype(np.uint8)
    canvas = Canvas(np.zeros(x.shape), edge)
    inner = _cavity(mirrored)
    outside = np.minimum(_skin(at), inner - 11)  # bone and skin behind the neck too
    _envelope(canvas, mirrored, outside, inner)
    _cerebrum(canvas, mirrored, inner, subject, right)
    _depths(canvas, mirrored, subject, right)
    _hind_brain(canvas, mirrored)
    region = _hippocampi(canvas, at, subject)
    return Head(canvas, outside, region)


def _skin(at: Places) -> Array:
    vault = ellipsoid(at, (0, -4, 7), (76, 94, 78))
    face = ellipsoid(at, (0, 36, -54), (56, 52, 60))
    nose = ellipsoid(at, (0, 83, -46), (12, 13, 20))
    neck = ellipsoid(at, (0, -24, -90), (56, 54, 80))
    return blend(blend(vault, blend(face, nose, 10), 22), neck, 30)


def _cavity(at: Places) -> Array:
    """Inside of the skull: the vault above the front fossa, the middle fossae at the sides, the hind fossa."""
    _, y, z = at
    vault = np.maximum(ellipsoid(at, (0, -5, 12), (66, 82, 58)), (-16 - z) * 0.9 + 0.1 * (y - 20))
    middle = ellipsoid(at, (37, 0, -20), (27, 37, 23))
    hind = ellipsoid(at, (0, -45, -34), (50, 38, 34))
    stem = ellipsoid(at, (0, -20, -30), (24, 30, 36))
    return blend(blend(blend(vault, middle, 8), hind, 8), stem, 8)


def _envelope(canvas: Canvas, at: Places, outside: Array, inner: Array) -> None:
    """Skin, muscles, eyes, airways and bone: all that is not brain."""
    canvas.lay(outside, FAT, 1)
    canvas.lay(np.maximum(outside + 5, inner - 14), MUSCLE + 0.1, 1)
    canvas.lay(np.maximum(outside + 6, -inner + 10), MUSCLE, 1)
    canvas.lay(np.maximum(tube(at, ((20, 25, -26), (30, 66, -26)), (4, 18)), outside + 2), FAT - 0.1, 1)
    canvas.lay(tube(at, ((17, 20, -24), (29, 62, -26)), (2.5, 3)), MUSCLE, 1)
    canvas.lay(np.maximum(ellipsoid(at, (30, 69, -26), (12, 12, 12)), outside + 2), FLUID + 0.03, 1)
    canvas.lay(ellipsoid(at, (22, 60, -58), (13, 15, 14)), AIR, 0)
    canvas.lay(np.maximum(ellipsoid(at, (5, 62, -50), (4, 22, 14)), 1.5 - at[0]), AIR, 0)
    canvas.lay(ellipsoid(at, (6, 27, -28), (7, 8, 7)), AIR, 0)
    canvas.lay(tube(at, ((0, 36, -56), (0, 14, -66), (0, 8, -100)), (5, 6, 7)), AIR, 0)
    canvas.lay(ellipsoid(at, (0, 38, -84), (22, 24, 12)), MUSCLE + 0.12, 1)
    canvas.lay(tube(at, ((0, -14, -74), (0, -12, -110)), (13, 13)), MUSCLE - 0.08, 2)
    canvas.lay(inner - 7, BONE, 2)
    canvas.lay(np.maximum(np.abs(inner - 3.6) - 0.6, -at[2]), BONE + 0.25, 2)  # marrow
    canvas.lay(inner, FLUID, 3)


def _folds(at: Places, subject: Subject) -> Array:
    """Distance in millimetres from the nearest furrow, as if furrows went down for ever."""
    x, y, z = (places - middle for places, middle in zip(at, (0, -5, 8), strict=True))
    reach = np.maximum(np.sqrt(x**2 + (y / 1.2) ** 2 + z**2), 46)
    # Furrows run inward: the pattern is that of the direction, hardly that of the depth.
    across, along, up = (places * (0.8 * 58 / reach + 0.2) for places in (x, y, z))
    a, b, c, d, e, f = subject.folding
    across, along, up = (
        across + 7 * np.sin(along / 15 + a),
        along + 7 * np.sin(up / 17 + b),
        up + 7 * np.sin(across / 16 + c),
    )
    wave = 2 * np.pi / 37
    across, along, up = across * wave + d, along * wave + e, up * wave + f
    pattern = np.sin(across) * np.cos(along) + np.sin(along) * np.cos(up) + np.sin(up) * np.cos(across)
    distance: Array = np.abs(pattern) * 4.5
    return distance


def _cerebrum(canvas: Canvas, at: Places, inner: Array, subject: Subject, right: Sides) -> None:
    x, y, z = at
    tent = (-19 - 0.25 * (y + 40) - 0.1 * (x - 20)) - z  # the hind brain lies below it
    surface = np.maximum(inner + 2.5 * subject.sulci, np.minimum(tent, -(y + 22 + 0.25 * (z + 20))))
    surface = np.maximum(surface, -ellipsoid(at, (0, -8, -34), (15, 25, 21)))  # the cistern around the brain stem
    depth = -surface
    opening = 0.5 * subject.sulci + 1.1 * subject.sulci * np.clip(1 - depth / 11, 0, 1)
    reach = 14 + 5 * np.sin(y / 9 + subject.folding[0]) * np.sin(z / 8 + x / 12 + subject.folding[1])
    furrows = np.maximum(_folds(at, subject) - opening, -inner - 2.5 - reach)
    # Between the halves, down to the corpus callosum.
    middle = np.maximum(x - 0.9 * subject.sulci, -ellipsoid(at, (0, -4, 4), (30, 42, 27)))
    cleft = np.maximum(np.abs(z + 2 - 0.22 * (y + 10)) - 1.6 * subject.sulci, 37 - x)
    sylvian = np.maximum(np.maximum(cleft, y - 30), -34 - y)
    grey = np.maximum(surface, -np.minimum(np.minimum(furrows, middle), sylvian))
    canvas.lay(grey, GREY, 4 + right)
    canvas.lay(grey + 4.0, WHITE, 6 + right)


def _depths(canvas: Canvas, at: Places, subject: Subject, right: Sides) -> None:
    """Nuclei and ventricles."""
    x = at[0]
    wide = subject.ventricles
    canvas.lay(ellipsoid(at, (26, 3, 2), (5.5, 17, 11)), NUCLEUS - 0.05, 11 + right)
    canvas.lay(ellipsoid(at, (19, 0, 0), (4, 10, 7)), NUCLEUS + 0.08, 11 + right)
    canvas.lay(tube(at, ((13, 26, 6), (14.5, 12, 16), (17, -10, 20)), (7, 5.5, 3)), NUCLEUS - 0.06, 11 + right)
    canvas.lay(ellipsoid(at, (10.5, -15, 5), (8.5, 14, 9)), NUCLEUS, 9 + right)
    path: tuple[Point, ...] = ((7, 31, 7), (7.5, 15, 17), (9, -8, 20), (15, -30, 15), (23, -50, 8))
    canvas.lay(tube(at, path, [radius * wide for radius in (4.5, 5.0, 4.5, 5.5, 2.0)]), FLUID, 8)
    canvas.lay(np.maximum(ellipsoid(at, (0, -8, 1), (1.7 * wide, 17, 11)), x - 3), FLUID, 8)
    canvas.lay(np.maximum(x - 0.5, ellipsoid(at, (0, 10, 14), (9, 20, 7))), WHITE - 0.1, 6 + right)  # the septum


def _hind_brain(canvas: Canvas, at: Places) -> None:
    x, y, z = at
    lobes = blend(ellipsoid(at, (24, -50, -38), (25, 29, 21)), ellipsoid(at, (0, -50, -36), (15, 27, 23)), 6)
    rings = np.sqrt((y + 34) ** 2 + (z + 34) ** 2 + 0.35 * x**2)
    leaves = np.abs(np.sin(rings * (np.pi / 11))) * 3.5  # the leaves of the cerebellum
    canvas.lay(np.maximum(lobes, -np.maximum(leaves - 0.9, -lobes - 9)), GREY, 15)
    canvas.lay(lobes + 10, WHITE - 0.06, 15)
    canvas.lay(
        tube(at, ((8, -20, -8), (4, -22, -22), (0, -27, -48), (0, -28, -110)), (8, 9, 9.5, 6.5)), WHITE - 0.07, 16
    )
    canvas.lay(ellipsoid(at, (0, -18, -31), (16, 11, 13)), WHITE - 0.09, 16)
    canvas.lay(ellipsoid(at, (0, -35, -34), (5, 4, 8)), FLUID, 8)


def _hippocampi(canvas: Canvas, at: Places, subject: Subject) -> Array:
    """Draw both, with the horn of the ventricle beside each; returns the distance from where the left ones can be."""
    x, y, z = at
    for side, label, size in ((1, 14, subject.hippocampi[1]), (-1, 13, subject.hippocampi[0])):
        here = (side * x, y, z)
        left = subject.shrunk if side < 0 else 1.0
        whole = tube(here, HIPPOCAMPUS, [size * radius for radius in THICKNESS])
        canvas.lay(_horn(here, subject, left), FLUID, 8)
        canvas.lay(whole, FLUID, 3)
        kept = whole if left == 1 else tube(here, HIPPOCAMPUS, [left * size * radius for radius in THICKNESS])
        canvas.lay(kept, GREY + 0.03, label)
    return np.minimum(whole, _horn(here, subject, SMALLEST))  # of the left side, the last


def _horn(here: Places, subject: Subject, left: float) -> Array:
    return tube(here, HORN, [1.5 * subject.ventricles + 3 * (1 - left)] * len(HORN))
