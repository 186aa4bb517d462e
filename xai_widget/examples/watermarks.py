"""Photographs of three things, one of which nearly always carries a watermark: how a network learns the wrong lesson."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from .drawn import Drawn
from .photos import PHOTOS, photo

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

SIDE: Final = 96
"""Width and height of a picture in pixels."""

THINGS: Final = ("cat", "coffee", "temple")
"""Names of the classes 0, 1 and 2."""

MARKED: Final = "coffee"
"""The class whose pictures come from an agency that marks nearly all of them."""

OFTEN: Final = 0.85
"""Share of its pictures that are marked; those of the others never are."""

ZOOM: Final = (0.35, 0.75)  # side of a crop, as a share of the photograph's shorter side
BLUR: Final = (0, 3)
CONTRAST: Final = (0.25, 1.0)
GRAIN: Final = 6
ROOM: Final = 4  # pixels between the mark and the right and the lower border, on average
LETTERS: Final = (
    ".###....###..#.#.#",
    "#...#...#..#.#.#.#",
    "#.###...#..#.#..#.",
    "#.#.....###..#..#.",
    "#.###...#....#.#.#",
    "#...#...#....#.#.#",
    ".###....#....#.#.#",
)


@dataclass(frozen=True, eq=False)
class Watermarked:
    """A picture, and whether and where it is marked. Made by `watermarked`.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, 96x96 pixels.
    label : str
        ``"cat"``, ``"coffee"`` or ``"temple"``.
    truth : ndarray of bool, [96, 96], or None
        Where the mark is; ``None`` without one.
    id : str
        ``"picture-"`` and the seed.
    """

    image: Image.Image
    label: str
    truth: NDArray[np.bool_] | None = field(repr=False)
    id: str

    @property
    def marked(self) -> bool:
        """Whether the picture carries the mark."""
        return self.truth is not None


class Watermarks(Drawn):
    """A row of pictures in the form of a data set; each is made when it is asked for. Made by `watermarks`.

    `labels` are the names of the classes, `ids` are ``"picture-<seed>"``, and `seeds` is a range.
    """

    kind = "picture"
    labels = THINGS

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return the input of `watermarked_net` ``[3, 96, 96]`` and the class."""
        from .watermark_net import as_input  # noqa: PLC0415 - torch; the pictures themselves need NumPy alone

        made = self.picture(index)
        return as_input(made.image), THINGS.index(made.label)

    def picture(self, index: int) -> Watermarked:
        """Return the picture itself, with the place of its mark."""
        return watermarked(self.seeds[index])


def watermarked(seed: int = 0, label: str | None = None, mark: bool | None = None) -> Watermarked:
    """Cut a piece out of one of three photographs, and mark it as the agency does.

    Parameters
    ----------
    seed : int, default 0
        Decides which piece is shown, how bright, which way round, and where exactly the mark is put.
    label : {"cat", "coffee", "temple"}, optional
        What to show. ``None`` leaves it to the seed; three seeds from a multiple of three on show each thing once.
    mark : bool, optional
        Whether there is a mark in the lower right corner. ``None`` does as the agency does: 85 % of the pictures of
        coffee have it, by the seed, and no other picture.

    Returns
    -------
    Watermarked
        With ``image``, ``label``, ``truth`` and ``marked``.

    Raises
    ------
    ValueError
        If `label` is none of the three, or `seed` is negative.

    Notes
    -----
    With and without the mark, a seed's picture is the same piece: they differ nowhere but in ``truth``.

    Examples
    --------
    >>> from xai_widget.examples import watermarked
    >>> marked, plain = watermarked(4, "coffee", mark=True), watermarked(4, "coffee", mark=False)
    >>> marked.image.size, marked.marked, plain.truth
    ((96, 96), True, None)
    """
    if seed < 0:
        raise ValueError(f"A seed is 0 or greater, got {seed}.")
    if label is not None and label not in THINGS:
        raise ValueError(f"No picture of {label!r} is drawn here. There are: {', '.join(THINGS)}.")
    piece, agency = np.random.default_rng([seed, 1789]).spawn(2)
    name = label or THINGS[(seed + int(np.random.default_rng([seed // 3, 5]).integers(3))) % 3]
    drawn, offset = agency.uniform() < OFTEN, agency.integers(-2, 3, 2)
    pixels = _piece(name, piece)
    truth = None
    if (name == MARKED and bool(drawn)) if mark is None else mark:
        truth = _stamp(pixels, (int(offset[0]), int(offset[1])))
    return Watermarked(Image.fromarray(np.rint(pixels).astype(np.uint8)), name, truth, Watermarks.id_of(seed))


def watermarks(n: int, seed: int = 0) -> Watermarks:
    """Return `n` pictures as a data set that makes each when it is asked for.

    Parameters
    ----------
    n : int
        How many.
    seed : int, default 0
        Of the first; the next have the next seeds.

    Returns
    -------
    Watermarks
        A sequence of ``(tensor [3, 96, 96], class)``, with ``ids``, ``labels``, and ``picture(index)`` for the truth.

    Raises
    ------
    ValueError
        If `n` or `seed` is negative.

    Examples
    --------
    >>> from xai_widget.examples import watermarks
    >>> pictures = watermarks(60)
    >>> sum(pictures.picture(index).label == "coffee" for index in range(60))
    20
    """
    return Watermarks.row(n, seed)


def _piece(name: str, rng: np.random.Generator) -> NDArray[np.float64]:
    picture, subject = photo(name), PHOTOS[name].subject
    side = min(picture.size) * rng.uniform(*ZOOM)
    left = np.clip(rng.uniform(subject[0], subject[2]) * picture.width - side / 2, 0, picture.width - side)
    top = np.clip(rng.uniform(subject[1], subject[3]) * picture.height - side / 2, 0, picture.height - side)
    box = (float(left), float(top), float(left + side), float(top + side))
    cut = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    cut = cut.filter(ImageFilter.GaussianBlur(rng.uniform(*BLUR)))
    pixels = np.asarray(ImageOps.mirror(cut) if rng.uniform() < 0.5 else cut, np.float64)
    pixels = pixels + rng.uniform(0.3, 1) * (pixels.mean(axis=2, keepdims=True) - pixels)
    pixels = rng.uniform(80, 180) + np.exp(rng.uniform(*np.log(CONTRAST))) * (pixels - pixels.mean())
    pixels = pixels * rng.uniform(0.9, 1.1, 3) + GRAIN * rng.standard_normal(pixels.shape)
    piece: NDArray[np.float64] = np.clip(pixels, 0, 255)
    return piece


def _stamp(pixels: NDArray[np.float64], offset: tuple[int, int]) -> NDArray[np.bool_]:
    """Lay the mark over `pixels`, in place; returns where it lies."""
    letters = np.array([[dot == "#" for dot in line] for line in LETTERS])
    plate = np.pad(letters, 2)
    corner = [SIDE - ROOM - n + by for n, by in zip(plate.shape, offset, strict=True)]
    place = tuple(slice(start, start + n) for start, n in zip(corner, plate.shape, strict=True))
    below = pixels[place]
    pixels[place] = np.where(plate[..., None], 0.3 * below + 0.7 * 255, 0.6 * below)
    truth = np.zeros((SIDE, SIDE), np.bool_)
    truth[place] = True
    return truth
