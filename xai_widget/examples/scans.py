"""Head scans with a known truth: two groups that differ in one place, drawn by formulas.

Nobody was scanned: a phantom is made of ellipsoids, tubes and waves (see `anatomy`), turned, stretched and bent a little
differently for every seed, with the uneven brightness and the noise of a magnetic resonance scanner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from .anatomy import REGIONS, Subject, draw
from .drawn import Drawn
from .scanner import SPACING, affine, drawn_subject, measured, places

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from numpy.typing import NDArray

    from .scanner import Rng

GROUPS: Final = ("control", "patient")
"""Names of the groups 0 and 1."""

STEPS: Final = 1024  # a scanner stores whole numbers: so do phantoms, and a last digit of `sin` changes nothing


@dataclass(frozen=True, eq=False)
class Phantom:
    """A head, and what is known of it. Made by `phantom`.

    Attributes
    ----------
    volume : ndarray of float32, [48, 60, 50]
        Brightness, like a T1-weighted scan: air 0, fluid 0.17, grey matter 0.56, white matter 0.86, before the uneven
        brightness of the scanner and its noise.
    affine : ndarray of float64, [4, 4]
        From voxel indices to millimetres: right, front, top (RAS).
    group : int
        0 "control", 1 "patient".
    truth : ndarray of bool, [48, 60, 50]
        Where the groups differ: the left hippocampus at its healthy size, and the fluid beside it.
    foreground : ndarray of bool, [48, 60, 50]
        The head, without the air around it.
    atlas : ndarray of uint8, [48, 60, 50]
        Number of the region each voxel belongs to, 0 outside.
    regions : mapping of int to str
        Names of these numbers.
    id : str
        ``"phantom-"`` and the seed.
    """

    volume: NDArray[np.float32] = field(repr=False)
    affine: NDArray[np.float64] = field(repr=False)
    group: int
    truth: NDArray[np.bool_] = field(repr=False)
    foreground: NDArray[np.bool_] = field(repr=False)
    atlas: NDArray[np.uint8] = field(repr=False)
    id: str
    regions: Mapping[int, str] = field(default_factory=lambda: REGIONS, repr=False)

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


class Phantoms(Drawn):
    """A row of phantoms in the form of a data set; each is drawn when it is asked for. Made by `phantoms`.

    `labels` are the names of the classes 0 and 1, `ids` are ``"phantom-<seed>"``, and `seeds` is a range.
    """

    kind = "phantom"
    labels = GROUPS

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return the volume ``[1, 48, 60, 50]``, which carries its affine, and its class."""
        import torch  # noqa: PLC0415 - phantoms themselves need NumPy alone

        drawn = self.phantom(index)
        tensor = torch.from_numpy(drawn.volume)[None]
        # As MONAI's tensors have it: a viewer can tell left from right.
        tensor.affine = drawn.affine  # type: ignore[attr-defined]
        return tensor, drawn.group

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
    ((48, 60, 50), 'patient')
    >>> bool((healthy.volume == ill.volume)[~healthy.truth].all())
    True
    """
    if seed < 0:
        raise ValueError(f"A seed is 0 or greater, got {seed}.")
    number = _drawn_group(seed) if group is None else _check_group(group)
    shape, place, scanner, illness = np.random.default_rng([seed, 2026]).spawn(4)
    subject = drawn_subject(shape, illness, number)
    return _scan(subject, number, place, scanner, Phantoms.id_of(seed))


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
    return _scan(Subject(), 0, None, None, "template")


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
        A sequence of ``(tensor [1, 48, 60, 50], class)``, with ``ids``, ``labels``, and ``phantom(index)`` for the truth.

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
    ('phantom-1', (1, 48, 60, 50), 'control')
    """
    return Phantoms.row(n, seed)


def _drawn_group(seed: int) -> int:
    return (seed + int(np.random.default_rng([seed // 2, 7]).integers(2))) % 2


def _check_group(group: int | str) -> int:
    if group in GROUPS:
        return GROUPS.index(str(group))
    if group in {0, 1}:
        return int(group)
    raise ValueError(f"No group is called {group!r}. There are: 0 or 'control', 1 or 'patient'.")


def _scan(subject: Subject, group: int, place: Rng | None, scanner: Rng | None, name: str) -> Phantom:
    head = draw(places(place), subject, edge=SPACING[0])
    signal = head.canvas.signal if scanner is None else measured(head.canvas.signal, scanner)
    return Phantom(
        volume=(np.rint(signal * STEPS) / STEPS).astype(np.float32),
        affine=affine(),
        group=group,
        truth=head.region < SPACING[0] / 2,
        foreground=head.outside < 0,
        atlas=head.canvas.labels,
        id=name,
    )
