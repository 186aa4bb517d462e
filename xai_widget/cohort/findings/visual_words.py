"""Visual words: superpixels of unaligned photographs, made comparable by what they look like.

The third superpixel of one photograph has nothing to do with the third of another. So every member's picture is cut
by SLIC, each superpixel is described by how it looks (`DESCRIBED`), and k-means pools the descriptions of the whole
cohort into F kinds: "visual words" (Sivic and Zisserman, "Video Google", ICCV 2003). A member is then described by how
much of its relevance lies on each kind, wherever in the picture that is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.attribution import Attribution

Numbers = NDArray[np.float64]

DESCRIBED: Final = (
    "mean L", "mean a", "mean b", "spread of L", "spread of a", "spread of b", "edge energy", "fine texture",
)  # fmt: skip
# About how many superpixels SLIC makes of each picture, and how strongly it prefers compact ones.
SUPERPIXELS: Final = 60
COMPACTNESS: Final = 10.0
# A superpixel counts as looked at from this part of its member's highest relevance on.
STRONG: Final = 0.5


@dataclass(frozen=True, eq=False)
class Superpixels:
    """The superpixels of all members, one after the other.

    Attributes
    ----------
    owners : int array [s]
        Whose superpixel it is: 0 ... n - 1.
    looks : float64 array [s, 8]
        `DESCRIBED`, each brought to mean 0 and spread 1 over the cohort.
    means : float64 array [s]
        The map's mean in the superpixel.
    parts : float64 array [s]
        The superpixel's part of its picture.
    """

    owners: NDArray[np.intp]
    looks: Numbers
    means: Numbers
    parts: Numbers


def superpixels(members: Iterable[Attribution]) -> Superpixels:
    """Cut and describe the members' pictures, one in memory at a time.

    Raises
    ------
    ValueError
        The members are no pictures, or their pictures were not kept.
    """
    owners, described, means, parts = [], [], [], []
    for owner, member in enumerate(members):
        if member.image is None or len(member.input_size) != 2:
            message = (
                "What pictures look like needs the members' pictures: explain with pictures=True. For volumes there are"
                " atlases, 'parcels' and 'grid'."
            )
            raise ValueError(message)
        index, looks = describe(member.image)
        sizes = np.bincount(index.ravel())
        means.append(np.bincount(index.ravel(), member.resized().ravel().astype(np.float64)) / sizes)
        parts.append(sizes / index.size)
        described.append(looks)
        owners.append(np.full(len(sizes), owner))
    looks = np.concatenate(described)
    spread = looks.std(axis=0)
    scaled = (looks - looks.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return Superpixels(np.concatenate(owners), scaled, np.concatenate(means), np.concatenate(parts))


def weights(members: Iterable[Attribution], words: int, seed: int) -> Numbers:
    r"""Return how much of each member's relevance lies on each visual word.

    .. math:: W_{if} = \sum_{s \in f} |\bar m_i(s)| \; |s| / |S|

    over the superpixels :math:`s` of member :math:`i` that are word :math:`f`: the size of the map's mean in the
    superpixel, weighed by the superpixel's part of the picture.

    Parameters
    ----------
    members : iterable of Attribution
        With pictures, uint8 `[H, W, 3]`; one in memory at a time.
    words : int
        F, at most as many as there are different superpixels.
    seed : int
        Of k-means.

    Returns
    -------
    float64 array [n, F]

    Raises
    ------
    ValueError
        As `superpixels`.
    """
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - slow to import, needed here only

    cut = superpixels(members)
    count = min(words, len(np.unique(cut.looks.round(9), axis=0)))
    word = MiniBatchKMeans(count, n_init=3, batch_size=4096, random_state=seed).fit_predict(cut.looks)
    table = np.zeros((int(cut.owners[-1]) + 1, count))
    np.add.at(table, (cut.owners, word), np.abs(cut.means) * cut.parts)
    return table


def looked_at(members: Iterable[Attribution]) -> Numbers:
    """Return how that looks on which each member's relevance is strongest, float64 `[n, 8]`.

    The mean of `DESCRIBED` over the superpixels whose mean positive relevance reaches half of the member's highest,
    weighed by their relevance. The mean look (zeros) where nothing is positive.
    """
    cut = superpixels(members)
    above = np.maximum(cut.means, 0)
    highest = np.zeros(int(cut.owners[-1]) + 1)
    np.maximum.at(highest, cut.owners, above)
    weight = np.where(above >= STRONG * highest[cut.owners], above * cut.parts, 0.0)
    sums = np.bincount(cut.owners, weight)
    looks = np.stack([np.bincount(cut.owners, weight * look) for look in cut.looks.T], axis=1)
    return looks / np.where(sums > 0, sums, 1.0)[:, None]


def describe(picture: NDArray[np.uint8]) -> tuple[NDArray[np.intp], Numbers]:
    """Cut a picture into superpixels and say how each looks.

    Parameters
    ----------
    picture : uint8 array [H, W, 3]

    Returns
    -------
    index : int array [H, W]
        0 ... s - 1.
    looks : float64 array [s, 8]
        `DESCRIBED`: mean and spread of each Lab channel, mean size of the lightness's gradient (Sobel) and of its
        Laplacian.
    """
    from skimage import color, filters, segmentation  # noqa: PLC0415 - slow to import, needed here only

    index = np.asarray(segmentation.slic(picture, SUPERPIXELS, COMPACTNESS, start_label=0), np.intp)
    lab = color.rgb2lab(picture).reshape(-1, 3)
    light = lab[:, 0].reshape(index.shape)
    at = np.unique(index, return_inverse=True)[1].ravel()
    sizes = np.bincount(at)
    means = np.stack([np.bincount(at, channel) for channel in lab.T]) / sizes
    spreads = np.sqrt(np.stack([np.bincount(at, channel**2) for channel in (lab - means.T[at]).T]) / sizes)
    slopes = [
        np.bincount(at, np.abs(field).ravel()) / sizes for field in (filters.sobel(light), filters.laplace(light))
    ]
    return at.reshape(index.shape), np.vstack([means, spreads, slopes]).T
