"""The spectrum of likeness: how many kinds of maps there are, and which map is of which kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Eigenvalues that are computed, and so one more than the most kinds that are found without being asked for.
EIGENVALUES: Final = 11
# An eigenvalue above this belongs to variety within one kind (maps that move a little, or grow), not to another kind.
SEPARATE: Final = 0.15
# A member's own scale is the distance to this neighbour (Zelnik-Manor and Perona), or to this part of all members.
SCALE_NEIGHBOUR: Final = 7
SCALE_PART: Final = 20


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

    @property
    def kinds(self) -> int:
        """How many eigenvalues lie below the widest gap; it is looked for where they are nearly 0."""
        gaps = np.diff(self.eigenvalues)
        return int(np.argmax(np.where(self.eigenvalues[:-1] <= SEPARATE, gaps, -1.0))) + 1


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
    >>> x = np.concatenate([np.linspace(0, 1, 20), np.linspace(50, 51, 20)])[:, None]
    >>> spectrum(x).kinds
    2
    """
    from scipy.linalg import eigh  # noqa: PLC0415 - slow to import, needed here only
    from scipy.spatial.distance import cdist  # noqa: PLC0415

    n = len(features)
    distance = cdist(features, features)
    ordered = np.sort(distance, axis=1)
    k = max(1, min(n - 1, n // 2 if neighbours is None else neighbours))
    own = ordered[:, min(n - 1, max(SCALE_NEIGHBOUR, n // SCALE_PART))]
    scale = np.maximum(own, 1e-9)
    near = distance <= ordered[:, [k]]
    affinity = np.where(near | near.T, np.exp(-(distance**2) / np.outer(scale, scale)), 0.0)
    np.fill_diagonal(affinity, 0.0)
    root = 1 / np.sqrt(np.maximum(affinity.sum(axis=1), np.finfo(np.float64).tiny))
    laplacian = np.eye(n) - affinity * np.outer(root, root)
    values, vectors = eigh(laplacian, subset_by_index=(0, min(EIGENVALUES, n) - 1))
    return Spectrum(np.maximum(values, 0.0), vectors)


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
