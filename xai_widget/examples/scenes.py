"""Scenes with a known truth: four photographs side by side, each in a quadrant of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from .photos import PHOTOS, check_class, classes, photo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

SIDE: Final = 128
"""Width and height of a mosaic in pixels, the input size of the example networks."""

ZOOM: Final = (0.55, 1.0)
"""Range of a crop's side, as a share of the photograph's shorter side."""

_CORNERS: Final = ((0, 0), (0, SIDE // 2), (SIDE // 2, 0), (SIDE // 2, SIDE // 2))


@dataclass(frozen=True, eq=False)
class Mosaic:
    """A scene of 2x2 quadrants and what is where in it. Made by `mosaic`.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, 128x128 pixels.
    labels : tuple of str
        Class of the quadrants: top left, top right, bottom left, bottom right.
    """

    image: Image.Image
    labels: tuple[str, str, str, str]

    def mask(self, label: str) -> NDArray[np.bool_]:
        """Where a class is shown.

        Parameters
        ----------
        label : str
            One of `labels`.

        Returns
        -------
        ndarray of bool, [128, 128]
            True in the quadrant of `label`; in several quadrants if the class occurs more than once.

        Raises
        ------
        ValueError
            If the scene does not show `label`.

        Examples
        --------
        >>> from xai_widget.examples import mosaic
        >>> scene = mosaic(["cat", "retina", "coins", "cat"])
        >>> scene.mask("cat").mean().item()
        0.5
        """
        if label not in self.labels:
            raise ValueError(f"This mosaic does not show {label!r}. It shows: {', '.join(dict.fromkeys(self.labels))}.")
        mask = np.zeros((SIDE, SIDE), dtype=np.bool_)
        for name, (top, left) in zip(self.labels, _CORNERS, strict=True):
            if name == label:
                mask[top : top + SIDE // 2, left : left + SIDE // 2] = True
        return mask


def random_crop(
    picture: Image.Image,
    focus: tuple[float, float, float, float],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Image.Image:
    """Cut a random piece that shows the subject, and resize it.

    Parameters
    ----------
    picture : PIL.Image.Image
        The photograph.
    focus : tuple of float
        Left, top, right, bottom (fractions) of the region in which the centre of the crop is drawn; the crop is then
        moved inside the picture.
    size : tuple of int
        Width and height of the result in pixels.
    rng : numpy.random.Generator
        Source of the two coordinates and the zoom.

    Returns
    -------
    PIL.Image.Image
        A piece with the proportions of `size`; its longer side is 55 % to 100 % of the picture's shorter one.
    """
    longer = min(picture.size) * rng.uniform(*ZOOM)
    width, height = (longer * side / max(size) for side in size)
    left = np.clip(rng.uniform(focus[0], focus[2]) * picture.width - width / 2, 0, picture.width - width)
    top = np.clip(rng.uniform(focus[1], focus[3]) * picture.height - height / 2, 0, picture.height - height)
    box = (float(left), float(top), float(left + width), float(top + height))
    return picture.resize(size, Image.Resampling.BILINEAR, box=box)


def mosaic(classes: Iterable[str] | None = None, seed: int = 0) -> Mosaic:
    """Compose a scene of four photographs, so that one knows where a heat map ought to be.

    Parameters
    ----------
    classes : iterable of 4 str, optional
        What to show: top left, top right, bottom left, bottom right; a class may occur more than once. ``None`` draws
        four different ones.
    seed : int, default 0
        Decides which piece of each photograph is cut out (and, if `classes` is ``None``, which classes are shown). The
        same arguments give the same pixels.

    Returns
    -------
    Mosaic
        The scene: ``.image`` (PIL, RGB, 128x128), ``.labels``, ``.mask(label)``.

    Raises
    ------
    TypeError
        If `classes` is one string.
    ValueError
        If there are not four classes, or one of them is unknown; the message names the nearest ones.

    Examples
    --------
    >>> from xai_widget.examples import mosaic
    >>> scene = mosaic(["cat", "rocket", "temple", "cat"], seed=3)
    >>> scene.image.size, scene.labels[1]
    ((128, 128), 'rocket')
    >>> int(scene.mask("rocket").argmax()) % 128  # its first column
    64
    """
    # A stream for the names and one for each quadrant: naming the classes that a seed would draw changes no pixel.
    names, *quadrants = np.random.default_rng(seed).spawn(5)
    labels = _draw_labels(names) if classes is None else _check_labels(classes)
    half = SIDE // 2
    image = Image.new("RGB", (SIDE, SIDE))
    for label, (top, left), rng in zip(labels, _CORNERS, quadrants, strict=True):
        image.paste(random_crop(photo(label), PHOTOS[label].focus, (half, half), rng), (left, top))
    return Mosaic(image, labels)


def _draw_labels(rng: np.random.Generator) -> tuple[str, str, str, str]:
    names = classes()
    first, second, third, fourth = (names[int(index)] for index in rng.permutation(len(names))[:4])
    return first, second, third, fourth


def _check_labels(names: Iterable[str]) -> tuple[str, str, str, str]:
    if isinstance(names, str):
        raise TypeError(f"classes must be four names, got the string {names!r}. Try mosaic([{names!r}, ...]).")
    labels = tuple(check_class(name) for name in names)
    if len(labels) != 4:
        raise ValueError(f"A mosaic shows 4 classes, got {len(labels)}. Repeat a name to show it more than once.")
    return labels
