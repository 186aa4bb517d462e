"""What is seen below a map, as it travels to the page: a picture's pixels, or a volume's voxels and its planes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.planes import planes_of, usable, voxel_at
from xai_widget.render import factors_for, pane_picture, voxels_of

# The most voxels along each axis, where a volume is one of many that are compared.
TILE: Final = 96


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture or a volume as the page reads it.

    Attributes
    ----------
    picture : mapping
        ``PicturePayload`` or ``VoxelsPayload`` of ``js/src/protocol.ts``.
    volume : mapping or None
        ``VolumePayload``; None for a picture.
    pixels : memoryview
        What the picture's `buffer` names.
    notes : tuple of str
        What is shown otherwise than it is.
    """

    picture: Mapping[str, Any]
    volume: Mapping[str, Any] | None
    pixels: memoryview
    notes: tuple[str, ...] = ()


def shown_payload(
    image: NDArray[Any], affine: NDArray[np.float64] | None, buffer: int, *, longest: int | None = None
) -> Shown:
    """Return a picture or a volume as it travels.

    Parameters
    ----------
    image : uint8 array [H, W, 3], or float array [D, H, W]
        A volume is windowed to eight bits, and averaged in blocks where it has more than 256³ voxels.
    affine : array [4, 4] or None
        Of a volume.
    buffer : int
        The number of the buffer that the pixels will be in.
    longest : int, optional
        For a volume that is one of many: the most voxels along each axis.

    Examples
    --------
    >>> shown = shown_payload(np.zeros((4, 5, 6), np.float32), None, 0)
    >>> shown.picture["full"], [plane["name"] for plane in shown.volume["planes"]]
    ([4, 5, 6], ['first', 'second', 'third'])
    """
    if is_picture(image):
        pixels = np.ascontiguousarray(image)
        return Shown({"shape": list(pixels.shape), "dtype": "uint8", "buffer": buffer}, None, pixels.data)
    voxels = voxels_of(image, None if longest is None else factors_for(image.shape, longest))
    shape = voxels.levels.shape
    picture = {
        "shape": list(shape),
        "dtype": "uint8",
        "buffer": buffer,
        "low": voxels.low,
        "high": voxels.high,
        "full": list(voxels.full),
    }
    matrix = usable(affine)
    planes = [
        {**asdict(plane), "marks": list(plane.marks), "spacing": list(plane.spacing)}
        for plane in planes_of(image.shape, matrix)
    ]
    volume = {"affine": None if matrix is None else matrix.tolist(), "planes": planes}
    notes: tuple[str, ...] = ()
    if shape != voxels.full:
        full, small = ("x".join(map(str, size)) for size in (voxels.full, shape))
        notes = (f"Display: the volume of {full} voxels is shown by block means, {small}; the model gets all of it.",)
    return Shown(picture, volume, voxels.levels.data, notes)


def is_picture(image: NDArray[Any]) -> bool:
    """Return whether what a model saw is a picture, uint8 `[H, W, 3]`; otherwise it is a volume, float `[D, H, W]`."""
    return image.dtype == np.uint8


def flat_picture(image: NDArray[Any], affine: NDArray[np.float64] | None) -> NDArray[np.uint8]:
    """Return a picture as it is, and of a volume the middle slice of its first plane, uint8 `[H, W, 3]`."""
    if is_picture(image):
        return image
    plane = planes_of(image.shape, affine)[0]
    index = voxel_at(image.shape, None)[plane.axis]
    return pane_picture(voxels_of(image), plane, index)
