"""Pictures and volumes from files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from xai_widget.names import nearest


def check_path(path: Path) -> None:
    """Raise a ValueError that says what is wrong with `path`, if anything is."""
    if str(path).startswith(("http:", "https:")):
        raise ValueError(f"{str(path)!r} is an address; download it and pass the file's path.")
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # a text that is no path at all, too long for one
        raise ValueError(f"No file can be called {str(path)[:40]!r}...: {error.strerror}.") from error
    if is_folder:
        raise ValueError(f"{str(path)!r} is a folder; pass one file, or a list of files.")
    if not is_there:
        folder = path.parent
        if not folder.is_dir():
            raise ValueError(f"There is no file {str(path)!r}: the folder {str(folder)!r} does not exist.")
        raise ValueError(
            f"There is no file {str(path)!r}.{nearest(path.name, sorted(file.name for file in folder.iterdir()))}"
        )


def open_picture(path: Path) -> Image.Image:
    """Return the picture in a file, decoded; refuse decompression bombs and what is no picture."""
    try:
        with warnings.catch_warnings():
            # Between once and twice its limit, Pillow only warns.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path.name!r} is too large to be opened safely: {error} "
            "If you trust it, raise PIL.Image.MAX_IMAGE_PIXELS, or pass a smaller copy."
        ) from error
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{path.name!r} is no picture that Pillow can read. Load it yourself and pass an array or a tensor."
        ) from error


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


def affine_code_of(volume: Any) -> int | None:
    """Return the code of the space that a NIfTI image's affine leads to (1 scanner, 2 aligned, 4 MNI), if it says."""
    header: Any = getattr(volume, "header", None)
    if not hasattr(header, "get_sform"):
        return None
    return int(header["sform_code"]) or int(header["qform_code"]) or None


def affine_of(volume: Any) -> NDArray[np.float64] | None:
    """Return the affine `[4, 4]` of a nibabel image, None for anything else."""
    affine = getattr(volume, "affine", None)
    return None if affine is None else np.asarray(affine, dtype=np.float64).copy()
