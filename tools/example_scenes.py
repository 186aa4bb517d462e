"""Scenes on which the example networks are trained, with what they show pixel by pixel.

Three kinds: a crop that fills the picture; one crop on a varied background; several crops side by side. Boxes laid over
a scene teach that what is hidden does not count, and that the subject of a photograph counts more than what is around.

Never drawn here, so that measuring there means something: crops with a side of 45 to 59 pixels (`HELD_OUT_SIDES`), lone
crops with a centre in columns or rows 67 to 78 (`HELD_OUT_CENTRES`), and the random streams of `mosaic`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from xai_widget.examples.photos import PHOTOS, classes, photo
from xai_widget.examples.scenes import SIDE, random_crop

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HELD_OUT_SIDES: Final = range(45, 60)
HELD_OUT_CENTRES: Final = range(67, 79)
GREY: Final = 128
NOTHING: Final = -1
ANGLES: Final = (-12, -6, 0, 0, 6, 12)
SURROUNDINGS: Final = 0.2  # what a pixel around the subject counts, beside 1 for a pixel of the subject

Rng = np.random.Generator


@dataclass
class Scene:
    """A picture under construction and its truth.

    Attributes
    ----------
    picture : ndarray of uint8, [128, 128, 3]
        What the network sees.
    truth : ndarray of int, [128, 128]
        Index of the class that a pixel shows, or `NOTHING`.
    weight : ndarray of float, [128, 128]
        How much the pixel counts for its class; the mean over a whole crop is 1.
    """

    picture: NDArray[np.uint8]
    truth: NDArray[np.int8] = field(default_factory=lambda: np.full((SIDE, SIDE), NOTHING, np.int8))
    weight: NDArray[np.float32] = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))

    def shares(self) -> NDArray[np.float32]:
        """Sum up how much of the picture shows each class, [K], from 0 to 1."""
        shown = self.truth != NOTHING
        counts = np.bincount(self.truth[shown], self.weight[shown], minlength=len(classes()))
        return (counts / SIDE**2).astype(np.float32)


class Crops:
    """Augmented crops of every photograph, from copies that are shrunk and rotated once."""

    def __init__(self) -> None:
        self.bank = {name: _turned(_shrunk(photo(name))) for name in classes()}
        self.weights = {name: _turned(_shrunk(_subject(name))) for name in classes()}

    def paste(self, scene: Scene, index: int, box: tuple[int, int, int, int], rng: Rng) -> None:
        """Paste a crop of class `index` into rows and columns ``(top, left, bottom, right)`` of a scene."""
        top, left, bottom, right = box
        name, angle, place = classes()[index], rng.integers(len(ANGLES)), rng.integers(2**32)
        tile, counts = (
            random_crop(
                bank[name][angle], PHOTOS[name].focus, (right - left, bottom - top), np.random.default_rng(place)
            )
            for bank in (self.bank, self.weights)
        )
        if rng.random() < 0.5:
            tile, counts = (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in (tile, counts))
        if rng.random() < 0.6:
            for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
                tile = change(tile).enhance(rng.uniform(0.75, 1.25))
        if rng.random() < 0.15:
            tile = tile.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0)))
        weight = np.asarray(counts, np.float32)
        here = np.s_[top:bottom, left:right]
        scene.picture[here], scene.truth[here], scene.weight[here] = np.asarray(tile), index, weight / weight.mean()


def _subject(name: str) -> Image.Image:
    size = photo(name).size
    counts = Image.new("L", size, round(255 * SURROUNDINGS))
    left, top, right, bottom = PHOTOS[name].subject
    ImageDraw.Draw(counts).rectangle((left * size[0], top * size[1], right * size[0], bottom * size[1]), fill=255)
    return counts.filter(ImageFilter.GaussianBlur(min(size) / 40))


def _shrunk(picture: Image.Image) -> Image.Image:
    factor = 256 / min(picture.size)
    return picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.BILINEAR)


def _turned(picture: Image.Image) -> list[Image.Image]:
    margin = 64  # mirrored, so that no black corner gives the angle away
    pixels = np.asarray(picture)
    padded = Image.fromarray(np.pad(pixels, ((margin, margin),) * 2 + ((0, 0),) * (pixels.ndim - 2), mode="reflect"))
    inside = (margin, margin, margin + picture.width, margin + picture.height)
    return [padded.rotate(angle, Image.Resampling.BILINEAR).crop(inside) for angle in ANGLES]


def texture(height: int, width: int, rng: Rng) -> NDArray[np.uint8]:
    """Draw a background that shows no class: neutral grey, one colour, noise, or blurred noise."""
    kind = rng.choice(4, p=[0.4, 0.25, 0.15, 0.2])
    if kind == 0:
        return np.full((height, width, 3), GREY, np.uint8)
    colour = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.full(3, rng.choice([0.0, 255.0, rng.uniform(0, 255)]))
    if kind == 1:
        return np.broadcast_to(colour, (height, width, 3)).astype(np.uint8)
    noise = rng.normal(0, rng.uniform(10, 70), (height, width, 3 if rng.random() < 0.5 else 1))
    speckled = Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8))
    return np.array(speckled if kind == 2 else speckled.filter(ImageFilter.GaussianBlur(rng.uniform(1, 8))))


def filled(crops: Crops, rng: Rng) -> Scene:
    """Draw a crop that fills the picture."""
    scene = Scene(np.zeros((SIDE, SIDE, 3), np.uint8))
    crops.paste(scene, int(rng.integers(len(classes()))), (0, 0, SIDE, SIDE), rng)
    return scene


def lone(crops: Crops, rng: Rng) -> Scene:
    """Draw one crop on a background, never of a held-out side or at a held-out centre."""
    scene = Scene(texture(SIDE, SIDE, rng))
    sides = [side for side in range(26, 113) if side not in HELD_OUT_SIDES]
    height, width = rng.choice(sides, 2).tolist() if rng.random() < 0.3 else [int(rng.choice(sides))] * 2
    top, left = (_free_offset(side, rng) for side in (height, width))
    crops.paste(scene, int(rng.integers(len(classes()))), (top, left, top + height, left + width), rng)
    return scene


def _free_offset(side: int, rng: Rng) -> int:
    offsets = [first for first in range(SIDE - side + 1) if first + side // 2 not in HELD_OUT_CENTRES]
    return int(rng.choice(offsets))


def tiled(crops: Crops, rng: Rng) -> Scene:
    """Draw crops side by side; some tiles stay empty, some classes occur more than once."""
    scene = Scene(texture(SIDE, SIDE, rng))
    columns, rows = ((2, 2), (2, 2), (2, 2), (2, 2), (3, 3), (1, 2), (2, 1), (4, 4))[rng.integers(8)]
    across, down = (np.linspace(0, SIDE, count + 1).round().astype(int).tolist() for count in (columns, rows))
    shown = rng.choice(len(classes()), rng.integers(2, 7), replace=False)
    empty = rng.choice([0.0, 0.25])
    for (top, bottom), (left, right) in itertools.product(itertools.pairwise(down), itertools.pairwise(across)):
        if rng.random() >= empty:
            crops.paste(scene, int(rng.choice(shown)), (top, left, bottom, right), rng)
    return scene


def covered(scene: Scene, rng: Rng) -> Scene:
    """Copy a scene and lay up to three boxes of texture over it."""
    copy = Scene(scene.picture.copy(), scene.truth.copy(), scene.weight)
    for _ in range(rng.choice([1, 1, 2, 3])):
        height, width = rng.integers(8, 65, 2).tolist()
        top, left = (int(rng.integers(0, SIDE - side + 1)) for side in (height, width))
        here = np.s_[top : top + height, left : left + width]
        copy.picture[here], copy.truth[here] = texture(height, width, rng), NOTHING
    return copy


def pairs(crops: Crops, count: int, rng: Rng) -> list[Scene]:
    """Draw `count` scenes, and after them the same scenes in the same order, each partly covered."""
    kinds: tuple[Callable[[Crops, Rng], Scene], ...] = (filled, lone, tiled)
    scenes = [kinds[rng.choice(3, p=[0.25, 0.3, 0.45])](crops, rng) for _ in range(count)]
    return scenes + [covered(scene, rng) for scene in scenes]
