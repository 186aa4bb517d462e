"""Whether two results are the same."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor

from bench.job import Disagreement


def near(what: str, found: Any, expected: Any, tolerance: float = 1e-3) -> str:
    """Compare two arrays of one shape; return a sentence.

    Raises
    ------
    Disagreement
        They differ by more than `tolerance` times the largest magnitude expected.
    """
    a, b = _array(found), _array(expected)
    if a.shape != b.shape:
        raise Disagreement(f"{what}: {a.shape} and {b.shape} cannot be compared.")
    largest = float(np.abs(b).max())
    apart = float(np.abs(a - b).max()) / largest if largest > 0 else float("inf")
    if not apart <= tolerance:
        raise Disagreement(f"{what}: {apart:.1e} of the largest value apart, and at most {tolerance:.0e} is allowed.")
    return f"{what}: {apart:.0e} of the largest value apart."


def rank_correlation(found: Any, expected: Any) -> float:
    """Return Spearman's rank correlation of two arrays."""
    return float(spearmanr(_array(found).ravel(), _array(expected).ravel()).statistic)


def scaled(values: Any) -> NDArray[np.float64]:
    """Return values scaled from their least to their largest to 0 ... 1."""
    array = _array(values)
    return np.asarray((array - array.min()) / np.ptp(array))


def _array(values: Any) -> NDArray[np.float64]:
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, np.float64)
