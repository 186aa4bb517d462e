"""What lies below a group's map: its members' mean picture, everybody's, one member's, or a picture of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.cohort.findings.atlas import SAME_PLACE
from xai_widget.cohort.findings.statistics import Running, picture_of
from xai_widget.cohort.store.splits import Rows
from xai_widget.names import nearest
from xai_widget.widget.given_maps import Below, below_of

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

ALL: Final = "all"
# Of a large group so many members, evenly spread, make the mean picture.
MOST: Final = 100


def below_groups(cohort: Cohort, groups: Mapping[str, Rows], wanted: Any = None) -> list[Below]:
    """Return what lies below each group's map.

    Parameters
    ----------
    cohort : Cohort
    groups : mapping of str to int array
        Rows by name.
    wanted : None, "all", a member's id, a path, a picture, an array or a NIfTI image
        None: each group's mean picture.

    Raises
    ------
    ValueError
        It does not lie on the inputs' grid, or names neither a file nor a member.
    """
    affine = affine_of_inputs(cohort)
    if wanted is None:
        return [Below(mean_picture(cohort, rows), affine, name) for name, rows in groups.items()]
    if isinstance(wanted, str) and wanted == ALL:
        one = Below(mean_picture(cohort, cohort.group().rows), affine, ALL)
    elif isinstance(wanted, str) and wanted in set(cohort.table["id"]):
        member = cohort[wanted]
        one = Below(blank(cohort) if member.image is None else member.image, affine, wanted)
    else:
        one = _given(cohort, wanted, affine)
    return [one] * len(groups)


def affine_of_inputs(cohort: Cohort) -> NDArray[np.float64] | None:
    """Return where the inputs' voxels lie; None for pictures."""
    affine = cohort.store.plan["affine"]
    return None if affine is None else np.asarray(affine, np.float64)


def blank(cohort: Cohort) -> NDArray[Any]:
    """Return what is shown where no pictures were kept: white paper, or an empty volume."""
    size = cohort.input_size
    return np.full((*size, 3), 255, np.uint8) if len(size) == 2 else np.zeros(size, np.float32)


def mean_picture(cohort: Cohort, rows: Rows) -> NDArray[Any]:
    """Return the mean of what the model saw in some rows, of at most `MOST` of them."""
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).round().astype(int)]
    pictures = Running()
    for image in _images(cohort, chosen):
        pictures.update(image)
    whole = pictures.count == len(chosen) and len(chosen) > 0
    return picture_of(pictures.mean, len(cohort.input_size)) if whole else blank(cohort)


def _images(cohort: Cohort, rows: Rows) -> Iterator[NDArray[Any]]:
    found = (cohort.store.image(int(row)) for row in rows)
    return (image for image in found if image is not None)


def _given(cohort: Cohort, wanted: Any, affine: NDArray[np.float64] | None) -> Below:
    if isinstance(wanted, str | os.PathLike) and not Path(wanted).expanduser().exists():
        message = (
            f"The underlay {str(wanted)!r} is neither a file nor a member.{nearest(str(wanted), cohort.table['id'])}"
            " Expected None (each group's mean), 'all', a member's id, a path, an array or a NIfTI image."
        )
        raise ValueError(message)
    first = cohort[int(cohort.group().rows[0])]
    found = below_of(wanted, [first])
    size = found.image.shape[: found.dims]
    if size != cohort.input_size:
        message = (
            f"The underlay has shape {list(size)}, and the inputs {list(cohort.input_size)}: bring it to their grid."
        )
        raise ValueError(message)
    if found.affine is not None and affine is not None and not np.allclose(found.affine, affine, atol=SAME_PLACE):
        message = (
            "The underlay lies elsewhere than the inputs: the affines differ though the shapes agree. Resample it, or"
            " pass its array if its voxels are the inputs'."
        )
        raise ValueError(message)
    return Below(found.image, affine, found.name)
