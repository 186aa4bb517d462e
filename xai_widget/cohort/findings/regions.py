"""Relevance by region: what each member's map says of each region of an atlas, and the table over groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_widget.attribution import Attribution
from xai_widget.cohort.findings.atlas import Atlas
from xai_widget.names import nearest

Numbers = NDArray[np.float64]
Statistic: TypeAlias = Literal["mean", "mean_abs", "positive"]

STATISTICS: Final = ("mean", "mean_abs", "positive")
# Numbers that one block of bootstrap weights may hold.
BLOCK: Final = 4_000_000


@dataclass(frozen=True, eq=False)
class Profiles:
    """What each of n members says of each of R regions.

    Attributes
    ----------
    mean, mean_abs, positive : float64 array [n, R]
        Mean over the region of the map, of its size, and of its positive part.
    share : float64 array [n, R]
        The region's part of the member's positive relevance; NaN where a member has none.
    intensity : float64 array [n, R] or None
        The picture's mean intensity there.
    """

    mean: Numbers
    mean_abs: Numbers
    positive: Numbers
    share: Numbers
    intensity: Numbers | None


def profiles(members: Iterable[Attribution], atlas: Atlas) -> Profiles:
    """Go once over the members, one map in memory at a time, and keep R numbers of each."""
    mean, mean_abs, positive, share, intensity = [], [], [], [], []
    for member in members:
        values = member.resized().astype(np.float64)
        above = np.maximum(values, 0)
        total = above.sum()
        mean.append(atlas.means(values))
        mean_abs.append(atlas.means(np.abs(values)))
        positive.append(atlas.means(above))
        share.append(atlas.sums(above) / total if total > 0 else np.full(len(atlas), np.nan))
        if member.image is not None:
            colours = member.image.ndim > len(member.input_size)
            grey = member.image.mean(axis=-1) if colours else member.image
            intensity.append(atlas.means(grey))
    seen = np.array(intensity) if len(intensity) == len(mean) else None
    return Profiles(np.array(mean), np.array(mean_abs), np.array(positive), np.array(share), seen)


def table(
    groups: Mapping[str, Profiles], atlas: Atlas, statistic: Statistic, level: float, resamples: int, seed: int
) -> Any:
    """Return the long table of regions and groups; see `Cohort.regions` for its columns.

    Raises
    ------
    ValueError
        An unknown statistic, or a level or number of resamples out of range.
    """
    if statistic not in STATISTICS:
        message = f"Unknown statistic {statistic!r}.{nearest(statistic, STATISTICS)} There are {', '.join(STATISTICS)}."
        raise ValueError(message)
    if not 0 < level < 1 or resamples < 1:
        message = f"Expected a level in (0, 1) and at least one resample; got {level!r} and {resamples!r}."
        raise ValueError(message)
    voxels = atlas.voxels
    parts = []
    for name, found in groups.items():
        values: Numbers = getattr(found, statistic)
        low, high = interval(values, level, resamples, seed)
        known = ~np.isnan(found.share[:, 0])
        share = found.share[known].mean(axis=0) if known.any() else np.full(len(atlas), np.nan)
        columns = {
            "group": name,
            "region": atlas.numbers,
            "name": atlas.names,
            "n": len(values),
            "mean": values.mean(axis=0),
            "low": low,
            "high": high,
            "share": share,
            "voxels": voxels,
            "mm3": np.nan if atlas.voxel is None else voxels * atlas.voxel,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def interval(values: Numbers, level: float, resamples: int, seed: int) -> tuple[Numbers, Numbers]:
    """Return the bootstrap percentile interval of the mean over members.

    Members are drawn with replacement, whole: every region sees the same draws (Efron and Tibshirani, "An Introduction
    to the Bootstrap", 1993, chapter 13).

    Parameters
    ----------
    values : float64 array [n, R]
    level : float
        In (0, 1).
    resamples : int
    seed : int

    Returns
    -------
    tuple of float64 arrays [R]
        NaN for a single member, which says nothing of others.

    Examples
    --------
    >>> low, high = interval(np.array([[0.0], [1.0], [2.0], [3.0]]), 0.95, 2000, seed=0)
    >>> bool(0 < low[0] < 1.5 < high[0] < 3)
    True
    """
    n = len(values)
    if n < 2:
        nothing = np.full(values.shape[1], np.nan)
        return nothing, nothing
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    step = max(1, BLOCK // n)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = generator.multinomial(n, np.full(n, 1 / n), size=count)
        means[start : start + count] = drawn @ values / n
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
