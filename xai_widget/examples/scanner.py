"""What a scanner makes of a head: where its voxels lie, how subjects differ, uneven brightness and noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from .anatomy import SMALLEST, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .shapes import Array, Places

Rng = np.random.Generator

SHAPE: Final = (48, 60, 50)
"""Voxels of a phantom: from left to right, from back to front, from bottom to top."""

SPACING: Final = (3.5, 3.5, 3.75)
"""Their sides in millimetres."""

MIDDLE: Final = (0.0, -1.0, 1.0)
"""What of the head lies in the middle of the volume, in millimetres."""

NOISE: Final = 0.018
"""Standard deviation of the noise in each of the two channels."""


def affine() -> NDArray[np.float64]:
    """From voxel indices to millimetres, [4, 4]."""
    matrix = np.diag([*SPACING, 1.0])
    matrix[:3, 3] = [m - s * (n - 1) / 2 for n, s, m in zip(SHAPE, SPACING, MIDDLE, strict=True)]
    return matrix


def drawn_subject(shape: Rng, illness: Rng, group: int) -> Subject:
    """Draw a subject of a group; what `shape` decides is the same for both."""
    left, right = 1 + 0.05 * np.clip(shape.standard_normal(2), -2, 2)
    ventricles, sulci = 1 + np.array([0.15, 0.12]) * np.clip(shape.standard_normal(2), -2, 2)
    folding = np.array(Subject.folding) + 0.35 * shape.standard_normal(6)
    lost = float(np.clip(illness.normal(0.34, 0.07), 0.15, 1 - SMALLEST))
    return Subject(
        (float(left), float(right)),
        1 - lost * group,
        float(ventricles),
        float(sulci),
        tuple(float(phase) for phase in folding),
    )


def places(rng: Rng | None) -> Places:
    """Tell where in the head each voxel lies: the head is shifted, turned, stretched and bent a little by `rng`, if given."""
    grid = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij", sparse=True)
    x, y, z = (index * side + low for index, side, low in zip(grid, SPACING, affine()[:3, 3], strict=True))
    if rng is None:
        full = np.broadcast_arrays(x, y, z)
        return full[0], full[1], full[2]
    shift, size = 1.2 * rng.standard_normal(3), 1 + 0.02 * np.clip(rng.standard_normal(3), -2, 2)
    nod, roll, turn = np.deg2rad(1.5) * np.clip(rng.standard_normal(3), -2, 2)
    x, y, z = (along - by for along, by in zip((x, y, z), shift, strict=True))
    # Small angles: the turn about each axis is a shear, good to a tenth of a millimetre.
    straight = (x - turn * y + roll * z, y + turn * x - nod * z, z - roll * x + nod * y)
    x, y, z = (along / by for along, by in zip(straight, size, strict=True))
    bent = [_bend(x, y, z, rng) for _ in range(3)]
    return x + bent[0], y + bent[1], z + bent[2]


def _bend(x: Array, y: Array, z: Array, rng: Rng) -> Array:
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape))
    for _ in range(2):
        a, b, c = rng.uniform(-0.055, 0.055, 3)
        total += rng.normal(0, 0.8) * np.sin(a * x + b * y + c * z + rng.uniform(0, 2 * np.pi))
    return total


def measured(signal: Array, rng: Rng) -> Array:
    """Make a measurement of what tissue gives off: uneven brightness, and the noise of a magnitude image (Rician)."""
    received = signal * _uneven(rng) * rng.normal(1, 0.03)
    real, imaginary = NOISE * rng.standard_normal((2, *SHAPE))
    magnitude: Array = np.sqrt((received + real) ** 2 + imaginary**2)
    return magnitude


def _uneven(rng: Rng) -> Array:
    """The uneven brightness of a receiving coil: smooth, between about 0.8 and 1.2."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij", sparse=True)
    slopes, bends = 0.05 * rng.standard_normal(3), 0.06 * rng.standard_normal(3)
    exponent = np.zeros(SHAPE)
    for along, slope, bend in zip(axes, slopes, bends, strict=True):
        exponent += slope * along + bend * (along**2 - 1 / 3)
    return np.exp(exponent)
