"""Which regions count over all members: the global view of SHAP's summary plot, for maps of any method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.float64]

# Regions that the text form and the figure show.
SHOWN: Final = 12
BAR: Final = 24
# Points of a beeswarm that share this share of the value axis push each other aside.
BINS: Final = 60


@dataclass(frozen=True, eq=False)
class Importance:
    """Regions by how much they count.

    Attributes
    ----------
    group : str
        Whose maps.
    names : tuple of str
        The R regions.
    rows : int array [n]
        The members' rows.
    values : float64 array [n, R]
        The mean of each member's map over each region, signed where the method is.
    intensity : float64 array [n, R] or None
        The mean intensity of each member's picture there.
    unit : str
        Of the values.
    signed : bool
        Whether negative values mean something.
    """

    group: str
    names: tuple[str, ...]
    rows: NDArray[np.int64]
    values: Numbers
    intensity: Numbers | None
    unit: str
    signed: bool

    @property
    def importance(self) -> Numbers:
        """Mean over members of the size of their value, float64 `[R]`."""
        sizes: Numbers = np.abs(self.values).mean(axis=0)
        return sizes

    @cached_property
    def table(self) -> Any:
        """One region a row, the most important first: `name`, `importance`, `mean` (signed), `std` over members."""
        spread = self.values.std(axis=0, ddof=1) if len(self.values) > 1 else np.full(len(self.names), np.nan)
        columns = {"name": self.names, "importance": self.importance, "mean": self.values.mean(axis=0), "std": spread}
        return pd.DataFrame(columns).sort_values("importance", ascending=False, kind="stable", ignore_index=True)

    def __repr__(self) -> str:
        shown = self.table.head(SHOWN)
        names, sizes = shown["name"].tolist(), shown["importance"].tolist()
        top, width = max(sizes) or 1.0, max(map(len, names))
        lines = [
            f"{name:<{width}}  {'█' * round(BAR * size / top):<{BAR}}  {size:.3g}"
            for name, size in zip(names, sizes, strict=True)
        ]
        more = [f"... and {len(self.table) - SHOWN} more in .table"] if len(self.table) > SHOWN else []
        head = f"Mean |{self.unit or 'relevance'}| by region: {self.group}, n = {len(self.rows)}"
        return "\n".join([head, *lines, *more])

    def _repr_html_(self) -> str:
        html: str = self.table.to_html(float_format="{:.4g}".format)
        return html

    def plot(self, ax: Axes | None = None, *, most: int = SHOWN) -> Axes:
        """Draw a bar of the mean size a region, and over it every member as a point at its own value.

        A point's colour is how bright the member's picture is there, from the region's darkest member to its
        brightest: where one colour gathers on one side, brightness itself speaks for the target.

        Parameters
        ----------
        ax : Axes, optional
            By default those of a new figure.
        most : int
            How many regions, the most important ones.

        Returns
        -------
        Axes
        """
        from matplotlib import pyplot as plt  # noqa: PLC0415 - slow to import, needed here only

        order = np.argsort(-self.importance, kind="stable")[:most]
        if ax is None:
            _, ax = plt.subplots(figsize=(7, 1 + 0.42 * len(order)), layout="constrained")
        places = np.arange(len(order))
        ax.barh(places, self.importance[order], height=0.72, color="#d7dbe0", zorder=1, label="mean size")
        ax.axvline(0, color="#8a9099", linewidth=0.8, zorder=2)
        low, high = float(min(self.values.min(), 0)), float(max(self.values.max(), self.importance.max()))
        points = None
        for place, region in enumerate(order):
            values = self.values[:, region]
            aside = place + 0.32 * swarm(values, low, high)
            shades: dict[str, Any] = {"color": "#3a6ea5"}
            if self.intensity is not None:
                shades = {"c": _scaled(self.intensity[:, region]), "cmap": "viridis", "vmin": 0, "vmax": 1}
            points = ax.scatter(values, aside, s=14, zorder=3, edgecolors="white", linewidths=0.3, **shades)
        ax.set_yticks(places, [self.names[region] for region in order])
        ax.set_ylim(len(order) - 0.5, -0.5)
        ax.set_xlabel(self.unit or "relevance")
        ax.set_title(f"{self.group}, n = {len(self.rows)}")
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        ax.tick_params(axis="y", length=0)
        if self.intensity is not None and points is not None:
            beside = ax.figure.colorbar(points, ax=ax, ticks=[0, 1], pad=0.02, aspect=30)
            beside.set_ticklabels(["dark", "bright"])
            beside.set_label("the region in the member's picture", labelpad=-14)
        return ax


def swarm(values: Numbers, low: float, high: float) -> Numbers:
    """Return how far aside each point moves so that those of about the same value lie beside each other, in [-1, 1].

    Examples
    --------
    >>> swarm(np.array([0.0, 0.0, 0.0, 1.0]), 0.0, 1.0).tolist()
    [0.0, 1.0, -1.0, 0.0]
    """
    spread = high - low
    bins = np.floor((values - low) / (spread if spread > 0 else 1.0) * BINS)
    aside = np.zeros(len(values))
    for each in np.unique(bins):
        (inside,) = np.nonzero(bins == each)
        turn = np.arange(len(inside))
        aside[inside] = (turn + 1) // 2 * np.where(turn % 2, 1, -1)
    moved: Numbers = aside / max(1.0, float(np.abs(aside).max()))
    return moved


def _scaled(intensity: Numbers) -> Numbers:
    spread = float(np.ptp(intensity))
    scaled: Numbers = (intensity - intensity.min()) / (spread if spread > 0 else 1.0)
    return scaled
