"""Volumes as they are stored: an array, or what a NIfTI file holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def stored(volume: Any, channels: int | None = None) -> Tensor:
    """Return a volume as a float32 tensor in its stored axis order, never turned or rescaled.

    Parameters
    ----------
    volume
        An array ``[D, H, W]`` or ``[C, D, H, W]``, or a nibabel image: the numbers that ``get_fdata()`` gives, with
        the file's own slope and intercept. Its trailing axes of length 1 are left out; a fourth axis as long as the
        model's channels becomes the first.
    channels
        How many the model takes, None where it does not tell.

    Raises
    ------
    ValueError
        If a NIfTI image has more axes than a volume, such as a time series.
    """
    if not hasattr(volume, "dataobj"):
        return torch.from_numpy(np.asarray(volume).astype(np.float32))
    # Another copy is not left behind in the person's image.
    values: NDArray[np.float32] = volume.get_fdata(dtype=np.float32, caching="unchanged")
    shape = values.shape
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 5 and values.shape[3] == 1:  # NIfTI counts time before channels
        values = values[:, :, :, 0]
    if values.ndim == 4 and values.shape[-1] == channels:
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, -1, 0)))
    if values.ndim != 3:
        raise ValueError(_advice(shape, channels))
    return torch.from_numpy(np.ascontiguousarray(values))


def _advice(shape: tuple[int, ...], channels: int | None) -> str:
    takes = "one volume" if channels is None else f"volumes of {channels} channel(s)"
    found = f"The NIfTI image has shape {list(shape)}, and the model takes {takes}."
    if len(shape) < 3:
        return f"{found} Pass an array [D, H, W], or a transform= that makes a tensor of it."
    return (
        f"{found} Choose one volume of it, e.g. image.slicer[..., 0] in nibabel, or pass a transform= that makes a"
        " tensor [C, D, H, W] of it."
    )
