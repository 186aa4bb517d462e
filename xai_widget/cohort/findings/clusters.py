"""SpRAy: kinds of maps within a group, to see strategies that no single map gives away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_widget.attribution import Attribution
from xai_widget.cohort.findings import spectral
from xai_widget.cohort.membership.groups import Group

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

# The distances of all pairs of this many members fill 72 MB; of a larger group a sample is cut, and the rest joins it.
SAMPLE: Final = 3000
FEWEST: Final = 4
TYPICAL: Final = 3
# Colour-blind safe, told apart in grey as well (Okabe and Ito).
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#666666")


@dataclass(frozen=True, eq=False)
class Clusters:
    """Kinds of maps, the largest first.

    Attributes
    ----------
    group : str
        Whose maps.
    rows : int array [n]
        The members' rows.
    ids : tuple of str
        Their ids.
    labels : int array [n]
        The kind of each member, 0 ... `len(clusters) - 1`.
    eigenvalues : float64 array [m]
        The lowest ones of the normalised Laplacian; as many are nearly 0 as there are kinds.
    features : str
        What makes two maps alike.
    distances : float64 array [n]
        Of each member to the middle of its kind, in the space they were cut in.
    """

    group: str
    rows: NDArray[np.int64]
    ids: tuple[str, ...]
    labels: NDArray[np.intp]
    eigenvalues: Numbers
    features: str
    distances: Numbers
    _points: Numbers
    _seed: int
    _mean: Callable[[Group], Attribution]

    def __len__(self) -> int:
        return int(self.labels.max()) + 1

    @property
    def sizes(self) -> NDArray[np.intp]:
        """How many members each kind has."""
        return np.bincount(self.labels, minlength=len(self))

    @property
    def eigengap(self) -> float:
        """How far the first eigenvalue beyond those of the kinds lies above the last of them, in [0, 2]."""
        at = len(self)
        return float(self.eigenvalues[at] - self.eigenvalues[at - 1]) if at < len(self.eigenvalues) else 0.0

    @property
    def groups(self) -> list[Group]:
        """Each kind as a group, which every method of the cohort takes."""
        return [
            Group(f"{self.group}, kind {kind + 1}", np.sort(self.rows[self.labels == kind]))
            for kind in range(len(self))
        ]

    @cached_property
    def means(self) -> list[Attribution]:
        """The mean map of each kind."""
        return [self._mean(group) for group in self.groups]

    @property
    def typical(self) -> list[list[str]]:
        """The ids of the members nearest to the middle of each kind, up to three, the nearest first."""
        order = np.argsort(self.distances, kind="stable")
        return [[self.ids[at] for at in order if self.labels[at] == kind][:TYPICAL] for kind in range(len(self))]

    @property
    def table(self) -> Any:
        """One member a row: `row`, `id`, `kind` (from 1), `distance` to the middle of its kind."""
        return pd.DataFrame({"row": self.rows, "id": self.ids, "kind": self.labels + 1, "distance": self.distances})

    @cached_property
    def embedding(self) -> Numbers:
        """The members in a plane, float64 `[n, 2]`, alike ones near each other (t-SNE); for the eye only."""
        from sklearn.manifold import TSNE  # noqa: PLC0415 - slow to import, needed here only

        perplexity = min(30.0, (len(self.rows) - 1) / 3)
        plane = TSNE(2, perplexity=perplexity, init="random", random_state=self._seed).fit_transform(self._points)
        return np.asarray(plane, np.float64)

    def __repr__(self) -> str:
        count, n = len(self), len(self.rows)
        head = f"{count} kinds of maps" if count > 1 else "One kind of maps"
        lines = [
            f"{kind}. {size} members, typically {', '.join(ids)}"
            for kind, (size, ids) in enumerate(zip(self.sizes, self.typical, strict=True), 1)
        ]
        numbers = [f"{value:.2f}" for value in self.eigenvalues[: count + 3]]
        gap = f"Eigenvalues {', '.join(numbers[:count])} | {', '.join(numbers[count:])} (gap {self.eigengap:.2f})"
        return "\n".join([f"{head} in {self.group}, n = {n}, alike by {self.features}", *lines, gap])

    def _repr_html_(self) -> str:
        shown = pd.DataFrame(
            {
                "kind": range(1, len(self) + 1),
                "members": self.sizes,
                "typical": [", ".join(ids) for ids in self.typical],
            }
        )
        html: str = shown.to_html(index=False)
        return html

    def plot(self, view: dict[str, Any] | None = None) -> Figure:
        """Draw the members in a plane, coloured by kind, the eigenvalues, and the mean map of each kind.

        Parameters
        ----------
        view : mapping, optional
            Of the mean maps, as in `Attribution.heat_map`.
        """
        from matplotlib import pyplot as plt  # noqa: PLC0415 - slow to import, needed here only

        count = len(self)
        figure = plt.figure(figsize=(max(7.5, 2.4 * count), 6.2), layout="constrained")
        halves: Any = figure.subfigures(2, 1, height_ratios=(1, 0.9))
        above, below = halves
        plane, spectrum = above.subplots(1, 2, width_ratios=(1.5, 1))
        colours = [COLOURS[kind % len(COLOURS)] for kind in range(count)]
        for kind, colour in enumerate(colours):
            x, y = self.embedding[self.labels == kind].T
            plane.scatter(x, y, s=22, color=colour, edgecolors="white", linewidths=0.4, label=f"kind {kind + 1}")
        plane.set(xticks=[], yticks=[], title=f"{self.group}: {len(self.rows)} maps, alike ones together")
        plane.legend(frameon=False, loc="best", fontsize="small")
        at = np.arange(1, len(self.eigenvalues) + 1)
        spectrum.scatter(at, self.eigenvalues, s=22, color=["#1f2328" if i <= count else "#9aa1a9" for i in at])
        spectrum.axvline(count + 0.5, color="#8a9099", linewidth=1, linestyle=":")
        spectrum.set(xticks=at, ylim=(-0.05, None), xlabel="number", title="eigenvalues")
        for ax in (plane, spectrum):
            for side in ("top", "right"):
                ax.spines[side].set_visible(False)
        axes = below.subplots(1, count, squeeze=False)[0]
        for kind, (ax, member) in enumerate(zip(axes, self.means, strict=True)):
            ax.imshow(member.heat_map(view))
            ax.set_axis_off()
            ax.set_title(f"kind {kind + 1}, n = {self.sizes[kind]}", color=colours[kind], fontweight="bold")
        return figure


def found(
    group: Group,
    ids: tuple[str, ...],
    points: Numbers,
    n: int | None,
    neighbours: int | None,
    features: str,
    seed: int,
    mean: Callable[[Group], Attribution],
) -> Clusters:
    """Cut the members of a group into kinds; see `Cohort.clusters`.

    Parameters
    ----------
    group : Group
    ids : tuple of str
        Of its members.
    points : float64 array [n, d]
        One row a member; near ones are alike.
    n : int or None
        How many kinds; None: as the eigenvalues say.
    neighbours : int or None
        See `spectral.spectrum`.
    features : str
        What makes two maps alike, in a word.
    seed : int
    mean : callable
        The mean map of a group.

    Raises
    ------
    ValueError
        Too few members, or too many kinds.
    """
    members = len(points)
    if members < FEWEST:
        raise ValueError(f"Kinds need {FEWEST} maps or more, and {group.name!r} has {members}.")
    most = min(spectral.EIGENVALUES, members) - 1
    if n is not None and not 1 <= n <= most:
        raise ValueError(f"n is a number of kinds, 1 to {most}, or None; got {n!r}.")
    chosen = np.arange(members)
    if members > SAMPLE:
        chosen = np.sort(np.random.default_rng(seed).choice(members, SAMPLE, replace=False))
    low = spectral.spectrum(points[chosen], neighbours)
    sample = points[chosen]
    labels = spectral.kinds(sample, low, seed)
    if n is not None and labels.max() + 1 != n:
        labels = spectral.cut(low.vectors, n, seed)
    middles = np.stack([sample[labels == kind].mean(axis=0) for kind in np.unique(labels)])
    if members > SAMPLE:
        labels = labels[_nearest(points, sample)]
    distances = np.linalg.norm(points - middles[labels], axis=1)
    return Clusters(group.name, group.rows, ids, labels, low.eigenvalues, features, distances, points, seed, mean)


def _nearest(points: Numbers, among: Numbers) -> NDArray[np.intp]:
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415 - slow to import, needed here only

    place: NDArray[np.intp] = NearestNeighbors(n_neighbors=1).fit(among).kneighbors(points, return_distance=False)
    return place[:, 0]
