"""Features that all members share, and how much of each member's relevance lies on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.attribution import Attribution
from xai_widget.cohort.findings import visual_words
from xai_widget.cohort.findings.atlas import Atlas, grid, parcels, read_atlas
from xai_widget.cohort.findings.regions import profiles
from xai_widget.cohort.findings.statistics import summarise
from xai_widget.names import nearest

FEATURES: Final = ("words", "parcels", "grid")
WORDS: Final = 20
PARCELS: Final = 60


def weights(
    members: Callable[[], Iterator[Attribution]],
    features: Any,
    names: Mapping[Any, str] | None,
    count: int | None,
    seed: int,
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the features' names, and the relevance of each member on each: float64 `[n, F]`, 0 or more.

    Parameters
    ----------
    members : callable
        Yields the members' maps, one in memory at a time; it may be called twice.
    features, names, count, seed
        As in `Cohort.representatives`.

    Raises
    ------
    ValueError
        Unknown features, or members without the pictures that they need.
    """
    like = next(members())
    if features is None:
        features = "words" if len(like.input_size) == 2 else "parcels"
    if isinstance(features, str) and features == "words":
        words = visual_words.weights(members(), WORDS if count is None else count, seed)
        return tuple(f"word {at}" for at in range(1, words.shape[1] + 1)), words
    cut = _cut(members, like, features, names, count)
    # The size of the mean in a region, weighed by the region's part of the picture.
    return cut.names, np.abs(profiles(members(), cut).mean) * (cut.voxels / cut.index.size)


def _cut(
    members: Callable[[], Iterator[Attribution]],
    like: Attribution,
    features: Any,
    names: Mapping[Any, str] | None,
    count: int | None,
) -> Atlas:
    if not isinstance(features, str) or Path(features).is_file():
        return read_atlas(features, names, like.input_size, like.affine)
    if features == "grid":
        return grid(like.input_size, count)
    if features == "parcels":
        image = summarise("all", members()).image
        if image is None:
            raise ValueError("Parcels need the members' pictures: explain with pictures=True, or use features='grid'.")
        return parcels(image, PARCELS if count is None else count)
    message = (
        f"Unknown features {features!r}.{nearest(features, FEATURES)} There are {', '.join(FEATURES)}, and atlases: an"
        " array, a nibabel image, or the path of a NIfTI file."
    )
    raise ValueError(message)
