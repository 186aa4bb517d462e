"""Pixels: eight bits in, eight bits shown."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from xai_widget.models import Expects, Preprocess

_ORIENTATION: Final = 0x0112  # the EXIF tag


def eight_bit(picture: Image.Image, name: str) -> tuple[Any, ...]:
    """Return an upright, opaque RGB picture, and notes of what was done."""
    if 0 in picture.size:
        raise ValueError(f"The picture {name!r} is empty: its size is {picture.size}.")
    try:
        picture.load()
    except OSError as error:
        raise ValueError(f"The picture {name!r} cannot be read: {error}.") from error
    notes = []
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        notes.append(f"Frame {picture.tell() + 1} of {frames} shown.")
    if picture.getexif().get(_ORIENTATION, 1) in range(2, 9):
        notes.append("EXIF orientation applied.")
    upright = ImageOps.exif_transpose(picture)
    if upright.mode == "F" or upright.mode.startswith("I"):
        values = np.asarray(upright)
        if upright.mode != "F" and values.max() > 255:
            values = _from_sixteen_bits(values, name)
            notes.append("16-bit values scaled to 8 bits.")
        upright = Image.fromarray(_levels(values, "picture"))
    if upright.has_transparency_data:
        layered = upright.convert("RGBA")
        if layered.getchannel("A").getextrema() != (255, 255):
            notes.append("Transparent parts shown on white.")
        white = Image.new("RGBA", layered.size, "white")
        upright = Image.alpha_composite(white, layered)
    return upright.convert("RGB"), *notes


def _from_sixteen_bits(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(
            f"The picture {name!r} holds {values.min()} .. {values.max()}; expected 8 or 16 bits. "
            "Scale it yourself and pass an array of floats in [0, 1]."
        )
    return np.floor(values / 257 + 0.5).astype(np.uint8)


def channel_axis(array: NDArray[Any]) -> int | None:
    """Return the axis of a picture's channels, -1 or 0, None if there is none."""
    return next((axis for axis in (-1, 0) if array.shape[axis] in (1, 3, 4)), None)


def pixels_of(array: NDArray[Any], what: str, wanted: Expects) -> NDArray[np.uint8]:
    """Return an array as 8-bit pixels ``[H, W]`` or ``[H, W, 3 or 4]``."""
    axis = channel_axis(array) if array.ndim == 3 else None
    if array.ndim != 2 and axis is None:
        takes = f" The model takes {wanted.channels} channel(s)." if wanted.channels else ""
        raise ValueError(
            f"The {what} has shape {list(array.shape)}; expected a picture [H, W], [H, W, C] or [C, H, W] "
            f"with C of 1, 3 or 4.{takes} For other channels pass a float torch tensor [C, H, W], "
            "which is taken as model input."
        )
    levels = _levels(array, what)
    last = np.moveaxis(levels, 0, -1) if axis == 0 else levels
    return np.ascontiguousarray(last[..., 0] if last.ndim == 3 and last.shape[-1] == 1 else last)


def _levels(values: NDArray[Any], what: str) -> NDArray[np.uint8]:
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"Float pictures must lie in [0, 1]; got {low:g} .. {high:g}. For values up to 255 pass uint8: "
                f"{what}.astype('uint8'). If this is already model input, pass a float torch tensor."
            )
        return np.floor(values.astype(np.float64) * 255 + 0.5).astype(np.uint8)
    if low < 0 or high > 255:
        raise ValueError(
            f"Whole-number pictures must lie in 0 .. 255; got {low} .. {high}. "
            "Divide by the largest possible value, and pass floats in [0, 1]."
        )
    return values.astype(np.uint8)


def shown(row: Tensor, preprocess: Preprocess, *, sceptical: bool) -> tuple[Any, ...]:
    """Return what a model saw of ``[C, *S]`` as a picture, and notes of what could not be shown as it was."""
    values = row.float().cpu().numpy()
    channels = len(values)
    if values.ndim == 4:
        return (values[0],) if channels == 1 else (values[0], f"Picture: the first of {channels} channels.")
    plain, notes = _unnormalised(values, preprocess, sceptical)
    if channels == 3:
        chosen = plain
    else:
        chosen = np.repeat(plain[:1], 3, axis=0) if channels < 3 else plain[:3]
        which = "the first" if channels < 3 else "the first three"
        notes = notes if channels == 1 else (*notes, f"Picture: {which} of {channels} channels.")
    return np.floor(np.moveaxis(chosen.clip(0, 1), 0, -1) * 255 + 0.5).astype(np.uint8), *notes


def _unnormalised(
    values: NDArray[np.float32], preprocess: Preprocess, sceptical: bool
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Bring ``[C, H, W]`` back to [0, 1]: by the known statistics, as it is, or by its own range."""
    readings: list[tuple[NDArray[np.float32], tuple[str, ...]]] = [(values, ())]
    mean, std = preprocess.mean, preprocess.std
    if mean is not None and std is not None and len(mean) in (1, len(values)):
        shape = (-1, 1, 1)
        restored = values * np.array(std, np.float32).reshape(shape) + np.array(mean, np.float32).reshape(shape)
        said = ("Picture: un-normalised with ImageNet's mean and std (assumed).",) if sceptical else ()
        readings.insert(1 if sceptical else 0, (restored, said))
    for reading, notes in readings:
        # Interpolation and half precision may overshoot a little.
        if reading.min() >= -0.02 and reading.max() <= 1.02:
            return reading, notes
    low, high = float(values.min()), float(values.max())
    spread = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return spread, (f"Picture: values {low:.3g} .. {high:.3g} shown from black to white.",)


def mid_grey(row: Tensor, picture: NDArray[Any]) -> Tensor:
    """Return the model input of a mid-grey picture, `[C, H, W]`.

    Whatever preprocessing or hand made the input, every channel of the picture was read from the input by one line,
    p = a + b x. That line is fitted to the pixels that are neither black nor white, and solved for p = 1/2. A channel
    that the picture does not show, or that is the same everywhere, is filled with its mean.

    Parameters
    ----------
    row : Tensor
        The model input `[C, H, W]`.
    picture : uint8 array [H, W, 3]
        What is seen of it.
    """
    values = row.detach().double().cpu().numpy()
    levels = np.empty(len(values))
    for channel, x in enumerate(values):
        levels[channel] = x.mean()
        if channel > 2 or (len(values) == 2 and channel == 1):
            continue
        shown = picture[..., channel].astype(np.float64) / 255
        # At the ends, values may have been cut off.
        inside = (shown > 0) & (shown < 1)
        centred = x[inside] - x[inside].mean() if inside.any() else np.zeros(1)
        spread = float((centred**2).sum())
        if spread > 0 and (slope := float((centred * shown[inside]).sum()) / spread) > 0:
            levels[channel] = x[inside].mean() + (0.5 - shown[inside].mean()) / slope
    flat = torch.from_numpy(levels).to(row)
    return flat[:, None, None].expand_as(row)
