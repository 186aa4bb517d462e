"""Visual words: superpixels of unaligned photographs, made comparable by what they look like.

The third superpixel of one photograph has nothing to do with the third of another. So every member's picture is cut
by SLIC, each superpixel is described by how it looks (`DESCRIBED`), and k-means pools the descriptions of the whole
cohort into F kinds: "visual words" (Sivic and Zisserman, "Video Google", ICCV 2003). A member is then described by how
much of its relevance lies on each kind, wherever in the picture that is.
"""

from __future__ import annotations

from collections.abc import Iterable
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


def weights(members: Iterable[Attribution], words: int, seed: int) -> Numbers:
    r"""Return how much of each member's relevance lies on each visual word.

    .. math:: W_{if} = \sum_{s \in f} |\bar m_i(s)| \; |s| / |S|

    over the superpixels :math:`s` of member :math:`i` that are word :math:`f`: the size of the map's mean in the
    superpixel, weighed by the superpixel's share of the picture.

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
        The members are no pictures, or their pictures were not kept.
    """
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - slow to import, needed here only

    described, relevance, owners = [], [], []
    for owner, member in enumerate(members):
        if member.image is None or len(member.input_size) != 2:
            message = (
                "Visual words need the members' pictures: explain with pictures=True. Volumes have their atlas or"
                " features='grid'."
            )
            raise ValueError(message)
        index, looks = describe(member.image)
        sizes = np.bincount(index.ravel())
        sums = np.bincount(index.ravel(), member.resized().ravel().astype(np.float64))
        described.append(looks)
        relevance.append(np.abs(sums) / index.size)  # |mean| x area share
        owners.append(np.full(len(sizes), owner))
    looks = np.concatenate(described)
    spread = looks.std(axis=0)
    scaled = (looks - looks.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    count = min(words, len(np.unique(scaled.round(9), axis=0)))
    found = MiniBatchKMeans(count, n_init=3, batch_size=4096, random_state=seed).fit_predict(scaled)
    table = np.zeros((len(described), count))
    np.add.at(table, (np.concatenate(owners), found), np.concatenate(relevance))
    return table


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
