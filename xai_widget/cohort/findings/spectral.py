"""The spectrum of likeness: how many kinds of maps there are, and which map is of which kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Eigenvalues that are computed, and so one more than the most kinds that are found without being asked for.
EIGENVALUES: Final = 11
# An eigenvalue above this belongs to variety within one kind, not to another kind.
NEARLY_ZERO: Final = 0.3
# From a gap as wide as this on, after an eigenvalue as small as that, the spectrum alone is believed: of maps that change
# little by little the eigenvalues grow little by little too.
WIDE: Final = 0.2
SMALL: Final = 0.12
# Kinds lie apart if all but a few members are about as far from the other kinds as from their own third neighbour.
APART: Final = 0.9
FEW: Final = 0.05
NEIGHBOUR: Final = 3
# A member's own scale is the distance to this neighbour (Zelnik-Manor and Perona), or to this part of all members.
SCALE_NEIGHBOUR: Final = 7
SCALE_PART: Final = 20
# A kind stands out if all but some of its members are this many times as far from any other member as from their own
# third neighbour. Measured: 1.9 and more for maps on a mark, 1.3 and less for halves of a class without one.
STANDS_OUT: Final = 1.5
SOME: Final = 0.1


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The low end of a likeness graph's spectrum.

    Attributes
    ----------
    eigenvalues : float64 array [m]
        Of the normalised Laplacian, ascending, in [0, 2].
    vectors : float64 array [n, m]
        Their eigenvectors.
    """

    eigenvalues: Numbers
    vectors: Numbers


def spectrum(features: Numbers, neighbours: int | None = None) -> Spectrum:
    r"""Return the low spectrum of the graph that joins each member to its nearest neighbours.

    .. math:: A_{ij} = \exp\!\left(-\frac{\lVert x_i - x_j \rVert^2}{\sigma_i \sigma_j}\right), \quad
        L = I - D^{-1/2} A D^{-1/2}

    where either of the two is among the other's :math:`k` nearest, else 0 (von Luxburg, "A tutorial on spectral
    clustering", 2007). :math:`\sigma_i` is the distance of member i to its 7th neighbour, or to that of 5 % of all
    members where these are more, so that a tight kind and a loose one are told apart alike (Zelnik-Manor and Perona,
    "Self-tuning spectral clustering", NIPS 2004).

    Parameters
    ----------
    features : float64 array [n, d]
        One row a member, n > 1; Euclidean distance. The distances of all pairs are held in memory.
    neighbours : int, optional
        k; by default half of the members.

    Examples
    --------
    >>> x = np.repeat([[0.0], [9.0]], 10, axis=0)
    >>> spectrum(x).eigenvalues[:3].round(2).tolist()
    [0.0, 0.0, 1.11]
    """
    from scipy.spatial.distance import cdist  # noqa: PLC0415 - slow to import, needed here only

    n = len(features)
    distance = cdist(features, features)
    ordered = np.sort(distance, axis=1)
    k = max(1, min(n - 1, n // 2 if neighbours is None else neighbours))
    own = ordered[:, min(n - 1, max(SCALE_NEIGHBOUR, n // SCALE_PART))]
    scale = np.maximum(own, 1e-9)
    near = distance <= ordered[:, [k]]
    affinity = np.where(near | near.T, np.exp(-(distance**2) / np.outer(scale, scale)), 0.0)
    np.fill_diagonal(affinity, 0.0)
    return _low(affinity, min(EIGENVALUES, n))


def _low(affinity: Numbers, count: int) -> Spectrum:
    """Return the `count` lowest eigenvalues of a graph's normalised Laplacian, and their vectors."""
    from scipy.linalg import eigh  # noqa: PLC0415 - slow to import, needed here only

    root = 1 / np.sqrt(np.maximum(affinity.sum(axis=1), np.finfo(np.float64).tiny))
    laplacian = np.eye(len(affinity)) - affinity * np.outer(root, root)
    values, vectors = eigh(laplacian, subset_by_index=(0, count - 1))
    return Spectrum(np.maximum(values, 0.0), vectors)


def kinds(points: Numbers, low: Spectrum, seed: int) -> NDArray[np.intp]:
    """Return the kind of every member, as many kinds as the spectrum shows; all 0 if there is one kind.

    The number of kinds is that of the eigenvalues before the widest gap, where they are nearly 0. Maps that change
    little by little (an object that moves) have small eigenvalues too, so a gap counts only if it is wide or if it
    divides members that lie `apart`; if neither holds, the next wider one is tried. If no gap counts, one tight kind is
    looked for among scattered maps (`standing_out`), which leave no gap: each of them is a kind of its own.

    Parameters
    ----------
    points : float64 array [n, d]
        What `low` is the spectrum of.
    low : Spectrum
    seed : int
        Of k-means.

    Examples
    --------
    >>> x = np.concatenate([np.random.default_rng(0).normal(middle, 1, (20, 2)) for middle in (0, 9)])
    >>> kinds(x, spectrum(x), seed=0).tolist() == [0] * 20 + [1] * 20
    True
    """
    gaps = np.diff(low.eigenvalues)
    for before in np.argsort(-gaps, kind="stable"):
        if before > 0 and low.eigenvalues[before] <= NEARLY_ZERO:
            found = cut(low.vectors, int(before) + 1, seed)
            clear = gaps[before] >= WIDE and low.eigenvalues[before] <= SMALL
            if clear or apart(points, found):
                return found
    return standing_out(points, seed)


def standing_out(points: Numbers, seed: int) -> NDArray[np.intp]:
    r"""Return two kinds if one of the two is tight and far from all else, however scattered the other; else all 0.

    The graph's weights are :math:`\max(0, \cos(x_i, x_j))^2`. They have no scale of each member's own, by which a
    scattered map counts as near to what it is far from; and they join all pairs, so that scattered maps hang together.

    Parameters
    ----------
    points : float64 array [n, d]
    seed : int
        Of k-means.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> tight = np.eye(30)[0] + 0.05 * rng.normal(size=(30, 30))
    >>> scattered = rng.uniform(size=(8, 30)) * (np.arange(30) > 0)
    >>> standing_out(np.concatenate([tight, scattered]), seed=0).tolist() == [0] * 30 + [1] * 8
    True
    """
    from scipy.spatial.distance import cdist  # noqa: PLC0415 - slow to import, needed here only

    one = np.zeros(len(points), np.intp)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    unit = points / np.where(lengths > 0, lengths, 1.0)
    likeness = np.maximum(unit @ unit.T, 0.0) ** 2
    np.fill_diagonal(likeness, 0.0)
    found = cut(_low(likeness, 2).vectors, 2, seed)
    if np.bincount(found, minlength=2).min() <= NEIGHBOUR:
        return one
    distance = cdist(points, points)
    for kind in (0, 1):
        inside = found == kind
        own = np.sort(distance[np.ix_(inside, inside)], axis=1)[:, NEIGHBOUR]
        other = distance[np.ix_(inside, ~inside)].min(axis=1)
        if np.quantile(other / np.maximum(own, 1e-9), SOME) >= STANDS_OUT:
            return found
    return one


def apart(points: Numbers, labels: NDArray[np.intp]) -> bool:
    """Whether kinds are divided by a gap rather than cut out of a continuum.

    A member's own scale is the distance to its third neighbour within its kind. In a continuum the members at the
    border have their nearest neighbour beyond it, nearer than that.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 10)
    >>> apart(np.arange(20.0)[:, None], labels), apart(np.arange(20.0)[:, None] + 20 * labels[:, None], labels)
    (False, True)
    """
    from scipy.spatial.distance import cdist  # noqa: PLC0415 - slow to import, needed here only

    if np.bincount(labels).min() <= NEIGHBOUR:
        return False
    distance = cdist(points, points)
    same = labels[:, None] == labels
    scale = np.sort(np.where(same, distance, np.inf), axis=1)[:, NEIGHBOUR]
    larger = np.maximum(np.maximum(scale[:, None], scale), 1e-9)
    nearest = np.where(same, np.inf, distance / larger).min(axis=1)
    return all(np.quantile(nearest[labels == kind], FEW) >= APART for kind in np.unique(labels))


def cut(vectors: Numbers, n: int, seed: int) -> NDArray[np.intp]:
    """Return the kind of every member, the largest kind first.

    Ng, Jordan, Weiss, "On spectral clustering: analysis and an algorithm", NIPS 2001: k-means on `placed`.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import, needed here only

    if n == 1:
        return np.zeros(len(vectors), np.intp)
    found = KMeans(n, n_init=10, random_state=seed).fit_predict(placed(vectors, n))
    sizes = np.bincount(found, minlength=n)
    first = [int(np.argmax(found == each)) for each in range(n)]
    order = sorted(range(n), key=lambda each: (-sizes[each], first[each]))
    kinds: NDArray[np.intp] = np.argsort(order)[found]
    return kinds


def placed(vectors: Numbers, n: int) -> Numbers:
    """Return the members in the space that they are clustered in: `n` eigenvectors, each row brought to length 1."""
    rows = vectors[:, :n]
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)
