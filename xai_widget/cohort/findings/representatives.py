"""SP-LIME: the few members that together show most of what the model looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_widget.attribution import Attribution

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

# Tiles in a row of the figure.
COLUMNS: Final = 5


@dataclass(frozen=True, eq=False)
class Representatives:
    """Members in the order they were picked.

    Attributes
    ----------
    group : str
        Whom they represent.
    rows : int array [k]
        The picked members' rows.
    ids : tuple of str
        Their ids.
    coverage : float64 array [k]
        After each pick, the part of all features' importance that the picked members show, in [0, 1].
    features : tuple of str
        The F features.
    importance : float64 array [F]
        How much each feature counts over the whole group.
    weights : float64 array [n, F]
        W: how much of each member's relevance lies on each feature; only its strongest ones.
    members : int array [n]
        The rows that `weights` are of.
    """

    group: str
    rows: NDArray[np.int64]
    ids: tuple[str, ...]
    coverage: Numbers
    features: tuple[str, ...]
    importance: Numbers
    weights: Numbers
    members: NDArray[np.int64]
    _attribution: Callable[[int], Attribution]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def attributions(self) -> list[Attribution]:
        """The picked members' maps, in order."""
        return [self._attribution(int(row)) for row in self.rows]

    @property
    def table(self) -> Any:
        """One pick a row: `pick` (from 1), `row`, `id`, `coverage`, and the `features` that it was first to show."""
        shown = self.weights[np.searchsorted(self.members, self.rows)] > 0
        before = np.vstack([np.zeros_like(shown[:1]), np.logical_or.accumulate(shown)[:-1]])
        added = [", ".join(np.array(self.features)[new]) for new in shown & ~before]
        columns = {"pick": np.arange(1, len(self) + 1), "row": self.rows, "id": self.ids, "coverage": self.coverage}
        return pd.DataFrame({**columns, "features": added})

    def __repr__(self) -> str:
        head = f"{len(self)} of {len(self.members)} members of {self.group} show {self.coverage[-1]:.0%} of what counts"
        lines = [
            f"{at}. {name}  (row {row}, together {covered:.0%})"
            for at, (row, name, covered) in enumerate(zip(self.rows, self.ids, self.coverage, strict=True), 1)
        ]
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        html: str = self.table.to_html(index=False, formatters={"coverage": "{:.0%}".format})
        return html

    def plot(self, view: dict[str, Any] | None = None) -> Figure:
        """Draw the picked members' heat maps in pick order, at most five in a row, and return the figure.

        Parameters
        ----------
        view : mapping, optional
            As in `Attribution.heat_map`.
        """
        titles = [
            f"{at}. {name}\n{member.label}, together {covered:.0%}"
            for at, (name, member, covered) in enumerate(
                zip(self.ids, self.attributions, self.coverage, strict=True), 1
            )
        ]
        return tiles([(self.attributions, titles)], view)


def tiles(rows: list[tuple[list[Attribution], list[str]]], view: dict[str, Any] | None) -> Figure:
    """Draw heat maps in rows of at most `COLUMNS`, each with its title."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - slow to import, needed here only

    lines = [
        list(zip(maps[start : start + COLUMNS], titles[start : start + COLUMNS], strict=True))
        for maps, titles in rows
        for start in range(0, len(maps), COLUMNS)
    ]
    across = max(map(len, lines))
    figure, axes = plt.subplots(
        len(lines), across, figsize=(2.4 * across, 2.75 * len(lines)), squeeze=False, layout="constrained"
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for line, places in zip(lines, axes, strict=True):
        for (member, title), ax in zip(line, places, strict=False):
            ax.imshow(member.heat_map(view))
            ax.set_title(title, fontsize="small")
    return figure


def submodular_pick(weights: NDArray[Any], n: int) -> tuple[list[int], Numbers, Numbers]:
    r"""Pick `n` rows of `weights` greedily so that together they cover the important columns.

    Ribeiro, Singh, Guestrin, "Why Should I Trust You?", KDD 2016, algorithm 2:

    .. math:: I_j = \sqrt{\textstyle\sum_i |W_{ij}|}, \qquad
        c(V) = \textstyle\sum_j \mathbb 1[\exists i \in V: |W_{ij}| > 0] \, I_j

    Each step takes the row that raises :math:`c` most, the first one of equals. The cover is submodular, so the greedy
    choice reaches at least :math:`1 - 1/e` of the best possible one.

    Parameters
    ----------
    weights : array [N, F]
        Of any sign.
    n : int
        At most N.

    Returns
    -------
    picked : list of int
    coverage : float64 array [n]
        :math:`c(V) / \sum_j I_j` after each pick; 1 where there is nothing to cover.
    importance : float64 array [F]
        :math:`I`.

    Examples
    --------
    >>> picked, coverage, importance = submodular_pick(np.array([[1, 0, 0], [0, 9, 4], [3, 7, 0]]), 2)
    >>> importance.tolist(), picked, coverage.tolist()
    ([2.0, 4.0, 2.0], [1, 0], [0.75, 1.0])
    """
    sizes = np.abs(weights.astype(np.float64))
    importance: Numbers = np.sqrt(sizes.sum(axis=0))
    shows = sizes > 0
    covered = np.zeros(sizes.shape[1], dtype=bool)
    left = np.ones(len(sizes), dtype=bool)
    picked, coverage = [], []
    total = importance.sum()
    for _ in range(n):
        gains = np.where(left, np.where(shows & ~covered, importance, 0.0).sum(axis=1), -1.0)
        best = int(np.argmax(gains))
        picked.append(best)
        left[best] = False
        covered |= shows[best]
        coverage.append(importance[covered].sum() / total if total > 0 else 1.0)
    return picked, np.array(coverage), importance


def strongest(weights: Numbers, most: int) -> Numbers:
    """Return each row as parts of its sum, and 0 for all but its `most` largest features (the first ones of equals).

    LIME's explanations have few features each. A heat map has a little of everything, so that any one member would
    "cover" all.

    Examples
    --------
    >>> strongest(np.array([[1.0, 5.0, 2.0], [0.0, 0.0, 0.0]]), 2).tolist()
    [[0.0, 0.625, 0.25], [0.0, 0.0, 0.0]]
    """
    sums = weights.sum(axis=1, keepdims=True)
    parts = weights / np.where(sums > 0, sums, 1.0)
    order = np.argsort(-parts, axis=1, kind="stable")[:, most:]
    np.put_along_axis(parts, order, 0.0, axis=1)
    return parts
