"""Real photographs that are on every disk where xai-widget is installed.

They lie inside the wheels of scikit-image and scikit-learn, and are read as plain files: neither package is imported
(their loaders may download), so this works offline and at once.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Photo:
    """Where a bundled photograph lies, where its subject is, and whom to thank for it.

    Attributes
    ----------
    package : str
        Import name of the installed package that carries the file.
    file : str
        Path inside that package.
    focus : tuple of float
        Left, top, right, bottom of the subject's heart, as fractions of width and height: a crop whose centre lies in
        it shows the subject.
    subject : tuple of float
        Left, top, right, bottom of a box around the whole subject, in the same fractions.
    credit : str
        Author, and the licence where the carrying package states one.
    """

    package: str
    file: str
    focus: Box
    subject: Box
    credit: str

    @property
    def path(self) -> Path:
        """The file on this machine.

        Raises
        ------
        FileNotFoundError
            If the package is not installed, or its wheel came without the photograph.
        """
        distribution = {"skimage": "scikit-image", "sklearn": "scikit-learn"}[self.package]
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(
                f"The photo {self.file!r} comes with {distribution}, which is not installed. "
                f"Install it: pip install {distribution}"
            )
        path = Path(spec.origin).parent / self.file
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} does not exist: this build of {distribution} has no sample photos. "
                f"Install the official wheel: pip install --force-reinstall {distribution}"
            )
        return path


PHOTOS: Final[Mapping[str, Photo]] = MappingProxyType(
    {
        "astronaut": Photo(
            "skimage", "data/astronaut.png", (0.35, 0.2, 0.55, 0.7), (0.08, 0.02, 0.72, 1.0), "NASA, public domain"
        ),
        "cat": Photo(
            "skimage", "data/chelsea.png", (0.4, 0.35, 0.62, 0.6), (0.2, 0.0, 0.82, 0.95), "Stéfan van der Walt, CC0"
        ),
        "coffee": Photo(
            "skimage", "data/coffee.png", (0.4, 0.35, 0.6, 0.6), (0.12, 0.02, 0.88, 1.0), "Rachel Michetti, CC0"
        ),
        "coins": Photo(
            "skimage",
            "data/coins.png",
            (0.0, 0.0, 1.0, 1.0),
            (0.0, 0.0, 1.0, 1.0),
            "Brooklyn Museum, no known restrictions",
        ),
        "flower": Photo(
            "sklearn",
            "datasets/images/flower.jpg",
            (0.38, 0.4, 0.58, 0.65),
            (0.27, 0.2, 0.72, 0.83),
            "vultilion, CC BY 2.0",
        ),
        "galaxies": Photo(
            "skimage",
            "data/hubble_deep_field.jpg",
            (0.0, 0.0, 1.0, 1.0),
            (0.0, 0.0, 1.0, 1.0),
            "NASA, public domain",
        ),
        "motorcycle": Photo(
            "skimage",
            "data/motorcycle_left.png",
            (0.4, 0.45, 0.65, 0.7),
            (0.12, 0.2, 0.88, 1.0),
            "D. Scharstein et al., Middlebury 2014",
        ),
        "photographer": Photo(
            "skimage", "data/camera.png", (0.3, 0.25, 0.5, 0.6), (0.05, 0.1, 0.72, 1.0), "Lav Varshney, CC0"
        ),
        "retina": Photo(
            "skimage", "data/retina.jpg", (0.25, 0.25, 0.75, 0.75), (0.0, 0.0, 1.0, 1.0), "M. Häggström, CC0"
        ),
        "rocket": Photo(
            "skimage", "data/rocket.jpg", (0.44, 0.5, 0.54, 0.8), (0.44, 0.28, 0.56, 1.0), "SpaceX, public domain"
        ),
        "temple": Photo(
            "sklearn",
            "datasets/images/china.jpg",
            (0.28, 0.4, 0.42, 0.65),
            (0.13, 0.05, 0.63, 0.92),
            "danielbuechele, CC BY 2.0",
        ),
        "tissue": Photo(
            "skimage", "data/ihc.png", (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0), "CMMI, no known restrictions"
        ),
    }
)
"""The bundled photographs by class name."""


def classes() -> tuple[str, ...]:
    """Names of the bundled photographs, in the order of the example networks' outputs.

    Returns
    -------
    tuple of str
        Twelve names in alphabetical order; class ``i`` of the example networks is ``classes()[i]``.

    Examples
    --------
    >>> from xai_widget.examples import classes
    >>> classes()[:4]
    ('astronaut', 'cat', 'coffee', 'coins')
    """
    return tuple(PHOTOS)


def check_class(name: str) -> str:
    """Return `name` if a photograph has that name.

    Raises
    ------
    ValueError
        Otherwise, with the nearest names.
    """
    if name in PHOTOS:
        return name
    near = difflib.get_close_matches(str(name).lower(), PHOTOS, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise ValueError(f"No bundled photo is called {name!r}. {hint}There are: {', '.join(PHOTOS)}.")


def photo(name: str) -> Image.Image:
    """Open one of the bundled photographs.

    Parameters
    ----------
    name : str
        One of `classes()`, such as ``"cat"``.

    Returns
    -------
    PIL.Image.Image
        The whole photograph, RGB, in its own size.

    Raises
    ------
    ValueError
        If there is no such photograph; the message names the nearest ones.
    FileNotFoundError
        If the package that carries it is not installed.

    Notes
    -----
    Authors and licences are in ``PHOTOS[name].credit``. Grey photographs ("coins", "photographer") come as RGB
    with three equal channels.

    Examples
    --------
    >>> from xai_widget.examples import photo
    >>> photo("cat").size
    (451, 300)
    """
    with Image.open(PHOTOS[check_class(name)].path) as file:
        return file.convert("RGB")
