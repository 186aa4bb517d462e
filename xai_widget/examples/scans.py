"""Head scans with a known truth: two groups that differ in one place, drawn by formulas.

Nobody was scanned: a phantom is made of ellipsoids, tubes and waves (see `anatomy`), turned, stretched and bent a little
differently for every seed, with the uneven brightness and the noise of a magnetic resonance scanner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from .anatomy import REGIONS, SMALLEST, Head, Subject, draw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from numpy.typing import NDArray

    from .shapes import Array, Places

SHAPE: Final = (48, 58, 50)
"""Voxels of a phantom: from left to right, from back to front, from bottom to top."""

SPACING: Final = (3.5, 3.5, 3.75)
"""Their sides in millimetres."""

MIDDLE: Final = (0.0, -3.0, -4.0)
"""What of the head lies in the middle of the volume, in millimetres."""

GROUPS: Final = ("control", "patient")
"""Names of the groups 0 and 1."""

NOISE: Final = 0.018
STEPS: Final = 1024  # a scanner stores whole numbers: so do phantoms, and a last digit of `sin` changes nothing


@dataclass(frozen=True, eq=False)
class Phantom:
    """A head, and what is known of it. Made by `phantom`.

    Attributes
    ----------
    volume : ndarray of float32, [48, 58, 50]
        Brightness, like a T1-weighted scan: air 0, fluid 0.17, grey matter 0.56, white matter 0.86, before the uneven
        brightness of the scanner and its noise.
    affine : ndarray of float64, [4, 4]
        From voxel indices to millimetres: right, front, top (RAS).
    group : int
        0 "control", 1 "patient".
    truth : ndarray of bool, [48, 58, 50]
        Where the groups differ: the left hippocampus at its healthy size, and the fluid beside it.
    foreground : ndarray of bool, [48, 58, 50]
        The head, without the air around it.
    atlas : ndarray of uint8, [48, 58, 50]
        Number of the region each voxel belongs to, 0 outside.
    regions : mapping of int to str
        Names of these numbers.
    id : str
        ``"phantom-"`` and the seed.
    """

    volume: NDArray[np.float32]
    affine: NDArray[np.float64]
    group: int
    truth: NDArray[np.bool_]
    foreground: NDArray[np.bool_]
    atlas: NDArray[np.uint8]
    id: str
    regions: Mapping[int, str] = field(default_factory=lambda: REGIONS)

    @property
    def label(self) -> str:
        """Name of the group: ``"control"`` or ``"patient"``."""
        return GROUPS[self.group]

    @property
    def image(self) -> object:
        """The volume as a ``nibabel.Nifti1Image``.

        Raises
        ------
        ImportError
            If nibabel is not installed.

        Examples
        --------
        >>> from xai_widget.examples import phantom
        >>> phantom(3).image.header.get_zooms()  # doctest: +SKIP
        (3.5, 3.5, 3.75)
        """
        try:
            import nibabel  # noqa: PLC0415 - an extra, and only this needs it
        except ImportError as error:
            raise ImportError(
                "An image with a header needs nibabel, which is not installed. "
                "Install it: pip install 'xai-widget[volumes]'. Without it, use .volume and .affine."
            ) from error
        return nibabel.Nifti1Image(self.volume, self.affine)


class Phantoms:
    """A row of phantoms in the form of a data set; each is drawn when it is asked for. Made by `phantoms`.

    Attributes
    ----------
    seeds : range
        Of the phantoms.
    labels : tuple of str
        Names of the classes 0 and 1.
    ids : list of str
        ``"phantom-<seed>"`` for each.
    """

    labels = GROUPS

    def __init__(self, seeds: range) -> None:
        self.seeds = seeds
        self.ids = [_id(seed) for seed in seeds]

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return the volume ``[1, 48, 58, 50]`` and its class."""
        import torch  # noqa: PLC0415 - phantoms themselves need NumPy alone

        drawn = self.phantom(index)
        return torch.from_numpy(drawn.volume)[None], drawn.group

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        return (self[index] for index in range(len(self)))

    def phantom(self, index: int) -> Phantom:
        """Return all that is known of one of them."""
        return phantom(self.seeds[index])


def phantom(seed: int = 0, group: int | str | None = None) -> Phantom:
    """Draw a head.

    Parameters
    ----------
    seed : int, default 0
        Decides on everything: size, posture, shape, folds, brightness, noise. The same seed gives the same voxels.
    group : {0, 1, "control", "patient"}, optional
        In a patient the left hippocampus has lost 15 to 50 % of its thickness, and fluid fills the place. ``None`` leaves
        it to the seed; of the seeds 2 k and 2 k + 1 one is a patient.

    Returns
    -------
    Phantom
        With ``volume``, ``affine``, ``group``, ``truth``, ``foreground``, ``atlas``, ``regions`` and ``image``.

    Raises
    ------
    ValueError
        If `group` is no group, or `seed` is negative.

    Notes
    -----
    The two groups of one seed are the same head: they differ nowhere but in ``truth``.

    Examples
    --------
    >>> from xai_widget.examples import phantom
    >>> healthy, ill = phantom(3, "control"), phantom(3, "patient")
    >>> healthy.volume.shape, ill.label
    ((48, 58, 50), 'patient')
    >>> bool((healthy.volume == ill.volume)[~healthy.truth].all())
    True
    """
    if seed < 0:
        raise ValueError(f"A seed is 0 or greater, got {seed}.")
    number = _drawn_group(seed) if group is None else _check_group(group)
    shape, place, scanner, illness = np.random.default_rng([seed, 2026]).spawn(4)
    subject = _subject(shape, illness, number)
    return _scan(_places(place), subject, number, scanner, _id(seed))


def phantom_template() -> Phantom:
    """Draw the head that all phantoms are variations of: without noise, uneven brightness or illness.

    Returns
    -------
    Phantom
        A control of average size. Its ``atlas`` and ``truth`` fit every phantom to within a voxel or two, so that they
        can stand for all of them in a table of regions; its ``volume`` lies well under a mean map.

    Examples
    --------
    >>> from xai_widget.examples import phantom_template
    >>> average = phantom_template()
    >>> average.regions[int(average.atlas[16, 24, 20])]
    'left hippocampus'
    """
    return _scan(_places(None), Subject(), 0, None, "template")


def phantoms(n: int, seed: int = 0) -> Phantoms:
    """Return `n` phantoms as a data set that draws each when it is asked for.

    Parameters
    ----------
    n : int
        How many. Half of them are patients, if `n` and `seed` are even.
    seed : int, default 0
        Of the first; the next have the next seeds.

    Returns
    -------
    Phantoms
        A sequence of ``(tensor [1, 48, 58, 50], class)``, with ``ids``, ``labels``, and ``phantom(index)`` for the truth.

    Raises
    ------
    ValueError
        If `n` or `seed` is negative.

    Examples
    --------
    >>> from xai_widget.examples import phantoms
    >>> cohort = phantoms(4)
    >>> volume, label = cohort[1]
    >>> cohort.ids[1], tuple(volume.shape), cohort.labels[label]
    ('phantom-1', (1, 48, 58, 50), 'control')
    """
    if n < 0 or seed < 0:
        raise ValueError(f"The number of phantoms and the first seed are 0 or greater, got n={n} and seed={seed}.")
    return Phantoms(range(seed, seed + n))


def _id(seed: int) -> str:
    return f"phantom-{seed}"


def _drawn_group(seed: int) -> int:
    return (seed + int(np.random.default_rng([seed // 2, 7]).integers(2))) % 2


def _check_group(group: int | str) -> int:
    if group in GROUPS:
        return GROUPS.index(str(group))
    if group in {0, 1}:
        return int(group)
    raise ValueError(f"No group is called {group!r}. There are: 0 or 'control', 1 or 'patient'.")


def _subject(shape: np.random.Generator, illness: np.random.Generator, group: int) -> Subject:
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


def _places(rng: np.random.Generator | None) -> Places:
    """Where in the head each voxel lies: the head is shifted, turned, stretched and bent a little."""
    grid = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij", sparse=True)
    corner = [m - s * (n - 1) / 2 for n, s, m in zip(SHAPE, SPACING, MIDDLE, strict=True)]
    x, y, z = (places * s + low for places, s, low in zip(grid, SPACING, corner, strict=True))
    if rng is None:
        full = np.broadcast_arrays(x, y, z)
        return full[0], full[1], full[2]
    shift, size = 1.2 * rng.standard_normal(3), 1 + 0.02 * np.clip(rng.standard_normal(3), -2, 2)
    nod, roll, turn = np.deg2rad(1.5) * np.clip(rng.standard_normal(3), -2, 2)
    x, y, z = (places - by for places, by in zip((x, y, z), shift, strict=True))
    # Small angles: the turn about each axis is a shear, good to a tenth of a millimetre.
    straight = (x - turn * y + roll * z, y + turn * x - nod * z, z - roll * x + nod * y)
    x, y, z = (places / by for places, by in zip(straight, size, strict=True))
    bent = [_bend(x, y, z, rng) for _ in range(3)]
    return x + bent[0], y + bent[1], z + bent[2]


def _bend(x: Array, y: Array, z: Array, rng: np.random.Generator) -> Array:
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape))
    for _ in range(2):
        a, b, c = rng.uniform(-0.055, 0.055, 3)
        total += rng.normal(0, 0.8) * np.sin(a * x + b * y + c * z + rng.uniform(0, 2 * np.pi))
    return total


def _scan(at: Places, subject: Subject, group: int, scanner: np.random.Generator | None, name: str) -> Phantom:
    head: Head = draw(at, subject, edge=SPACING[0])
    signal = head.canvas.signal
    if scanner is not None:
        signal = signal * _uneven(scanner) * scanner.normal(1, 0.03)
        real, imaginary = NOISE * scanner.standard_normal((2, *SHAPE))
        signal = np.sqrt((signal + real) ** 2 + imaginary**2)  # Rician noise: what a magnitude image has
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = [m - s * (n - 1) / 2 for n, s, m in zip(SHAPE, SPACING, MIDDLE, strict=True)]
    return Phantom(
        volume=(np.rint(signal * STEPS) / STEPS).astype(np.float32),
        affine=affine,
        group=group,
        truth=head.region < SPACING[0] / 2,
        foreground=head.outside < 0,
        atlas=head.canvas.labels,
        id=name,
    )


def _uneven(rng: np.random.Generator) -> Array:
    """The uneven brightness of a receiving coil: smooth, between about 0.8 and 1.2."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij", sparse=True)
    slopes, bends = 0.05 * rng.standard_normal(3), 0.06 * rng.standard_normal(3)
    exponent = np.zeros(SHAPE)
    for places, slope, bend in zip(axes, slopes, bends, strict=True):
        exponent += slope * places + bend * (places**2 - 1 / 3)
    return np.exp(exponent)
