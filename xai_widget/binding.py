"""Binding: how a model is run and read, as the keywords of `explain` and the widget say."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.engine import Forward
from xai_widget.inputs.files import check_path
from xai_widget.inputs.volumes import load_nifti


@dataclass(frozen=True)
class Binding:
    """How a model is run and read: the keywords shared by `explain` and the widget.

    Attributes
    ----------
    transform, labels, mask, device, precision, forward, activation, dims
        As in `explain`.
    chunk_seconds : float or None
        Upper bound for the duration of one chunk of model evaluations.
    """

    transform: Any = None
    labels: Any = None
    mask: Any = None
    device: str | torch.device | None = None
    precision: str = "float32"
    forward: Forward | None = None
    activation: str | None = None
    dims: int | None = None
    chunk_seconds: float | None = None


def read_mask(mask: Any, size: tuple[int, ...]) -> Tensor | None:
    """Return the foreground as a bool tensor `[*S]`, None for everything.

    Parameters
    ----------
    mask : array, Tensor, nibabel image, str, Path or None
        The foreground `[*S]`: True, or a whole number other than 0; a path is that of a NIfTI file, whose voxels are
        taken as they are stored.
    size : tuple of int
        Spatial size of the input.

    Raises
    ------
    ValueError
        Another shape than the input's, values that are neither True nor False, or nothing to perturb; a path that
        leads to no NIfTI file.
    ImportError
        A path, and nibabel is not installed.

    Examples
    --------
    >>> read_mask([[0, 1], [1, 1]], (2, 2))
    tensor([[False,  True],
            [ True,  True]])
    """
    if mask is None:
        return None
    if isinstance(mask, str | os.PathLike):
        path = Path(mask).expanduser()
        check_path(path)
        mask = load_nifti(path)
    values = Array(mask).values
    if values.shape != size:
        message = (
            f"mask must have the input's spatial shape {size}, got {values.shape}; True marks the foreground that may"
            " be perturbed."
        )
        raise ValueError(message)
    if values.dtype.kind not in "bui" and not np.isin(values, (0, 1)).all():
        message = f"mask must hold True and False (or 1 and 0), got {values.dtype} values such as {values.flat[0]!r}."
        raise ValueError(message)
    if not values.any():
        message = "mask is False everywhere: nothing may be perturbed. True marks the foreground."
        raise ValueError(message)
    return torch.from_numpy(values.astype(bool))
