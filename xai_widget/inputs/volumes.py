"""Volumes from NIfTI files, and where their voxels lie in the body."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

_UNKNOWN: Final = "Orientation: the file does not say where left and right are; the marks are nibabel's assumption."
_CHANGED: Final = (
    "Orientation: unknown. The transform changed the volume's shape, so that the file's affine does not hold; a tensor"
    " with an affine of its own, such as MONAI's MetaTensor, brings it back."
)


def load_nifti(path: Path) -> Any:
    """Return the nibabel image in a file."""
    try:
        import nibabel  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ImportError(f'Reading {path.name!r} needs nibabel: pip install "xai-widget[volumes]"') from error
    try:
        return nibabel.load(path)
    except nibabel.filebasedimages.ImageFileError as error:
        raise ValueError(f"{path.name!r} is no NIfTI image: {error}") from error


def affine_of(volume: Any) -> NDArray[np.float64] | None:
    """Return the affine `[4, 4]` of a nibabel image, or of a tensor that carries one, None for anything else.

    The identity says nothing in a tensor: MONAI writes it where nobody has said how a volume lies.
    """
    affine = getattr(volume, "affine", None)
    if affine is None:
        return None
    matrix = np.asarray(affine, dtype=np.float64).copy()
    unsaid = isinstance(volume, Tensor) and matrix.shape == (4, 4) and bool((matrix == np.eye(4)).all())
    return None if unsaid or matrix.shape != (4, 4) else matrix


def placed(volume: Any, made: Any, size: tuple[int, ...]) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Return the affine of what a model is given of a volume, and notes.

    Parameters
    ----------
    volume
        A nibabel image, or an array.
    made
        What preprocessing returned: a tensor with an affine of its own is believed.
    size
        The spatial size of the model's input. Where it is not the image's own, its affine does not hold.
    """
    own = affine_of(made)
    affine = affine_of(volume)
    if own is not None or affine is None:
        return own, ()
    if tuple(volume.shape[:3]) != size:
        return None, (_CHANGED,)
    header = getattr(volume, "header", {})
    said = any(int(header[code]) > 0 for code in ("sform_code", "qform_code") if code in header)
    return affine, () if said or "sform_code" not in header else (_UNKNOWN,)
