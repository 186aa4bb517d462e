"""Pictures from files."""

from __future__ import annotations

import warnings
from pathlib import Path

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
