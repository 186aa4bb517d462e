"""Weighted least squares for surrogates: few features, many right-hand sides."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

# Below this ratio of the Cholesky factor's diagonal the equations are taken as singular.
SINGULAR: Final = 1e-7
# Relative size of what summing float64 numbers leaves behind.
ROUNDING: Final = 1e-13


@dataclass(frozen=True, eq=False)
class Fit:
    """A weighted linear model of several right-hand sides.

    Attributes
    ----------
    coefficients : Tensor
        float64 `[F, K]`.
    intercept : Tensor
        float64 `[K]`.
    error : Tensor
        float64 `[F]`: sampling error of the last right-hand side's coefficients, one standard deviation.
    r2 : float
        Weighted R² of the last right-hand side; 1 where it is a constant that the model meets.
    """

    coefficients: Tensor
    intercept: Tensor
    error: Tensor
    r2: float


def inverse(gram: Tensor) -> Tensor:
    """Return the inverse of a symmetric, non-negative matrix, or its pseudo-inverse where it is singular."""
    if len(gram) == 0:
        return gram
    factor, info = torch.linalg.cholesky_ex(gram)
    diagonal = factor.diagonal()
    regular = int(info) == 0 and (diagonal > SINGULAR * diagonal.max()).all()
    found: Tensor = torch.cholesky_inverse(factor) if regular else torch.linalg.pinv(gram, hermitian=True)
    return found


def weighted_ridge(x: Tensor, y: Tensor, weights: Tensor, alpha: float) -> Fit:
    r"""Fit :math:`\sum_i w_i (y_i - b_0 - x_i b)^2 + \alpha |b|^2` for every column of `y`, in one solve.

    The error is that of a regression whose residuals need not have one variance (a sandwich): the draws are random,
    the model is not linear. It leaves out the shrinkage that `alpha` causes.

    Parameters
    ----------
    x : Tensor
        float64 `[n, F]`.
    y : Tensor
        float64 `[n, K]`.
    weights : Tensor
        float64 `[n]`, positive.
    alpha : float
        Ridge penalty; 0 = ordinary least squares, of least norm where that is not unique.
    """
    share = weights / weights.sum()
    middle, level = share @ x, share @ y
    centred, deviation = x - middle, _without_rounding(y - level, y)
    weighted = centred * weights[:, None]
    solved = inverse(weighted.T @ centred + alpha * torch.eye(x.shape[1], dtype=x.dtype))
    coefficients = solved @ (weighted.T @ deviation)
    residual = deviation[:, -1] - centred @ coefficients[:, -1]
    spare = max(1, len(x) - x.shape[1] - 1)
    error = ((weighted * residual[:, None]) @ solved).square().sum(0) * (len(x) / spare)
    total = float(share @ deviation[:, -1].square())
    r2 = 1 - float(share @ residual.square()) / total if total > 0 else 1.0
    return Fit(coefficients, level - middle @ coefficients, error.sqrt(), r2)


def _without_rounding(deviation: Tensor, y: Tensor) -> Tensor:
    """Return 0 for columns that only differ from their mean by rounding: they are constants."""
    constant = deviation.abs().amax(0) <= ROUNDING * y.abs().amax(0)
    return torch.where(constant, torch.zeros_like(deviation), deviation)


def lasso_choice(x: Tensor, y: Tensor, weights: Tensor, most: int) -> Tensor:
    """Return the indices of at most `most` features: the latest point of the LASSO path that uses no more.

    Parameters
    ----------
    x : Tensor
        float64 `[n, F]`.
    y, weights : Tensor
        float64 `[n]`.
    most : int
        K of K-LASSO.
    """
    from sklearn.linear_model import lars_path  # noqa: PLC0415 - slow to import, needed here only

    share, root = weights / weights.sum(), weights.sqrt()
    centred, deviation = (x - share @ x) * root[:, None], _without_rounding(y - share @ y, y) * root
    length = float(deviation.norm())  # the path's tolerances are absolute
    *_, path = lars_path(centred.numpy(), (deviation / (length or 1)).numpy(), method="lasso")  # [F, steps]
    chosen = torch.from_numpy(path != 0)
    fitting = torch.nonzero(chosen.sum(0) <= most)
    return torch.nonzero(chosen[:, fitting[-1, 0]])[:, 0]


def rank_correlation(a: Tensor, b: Tensor) -> float:
    """Return Spearman's rank correlation of two vectors; ties share their mean rank."""
    ranks = torch.stack([_ranks(a), _ranks(b)])
    if bool((ranks.std(1, correction=0) == 0).any()):  # one of them orders nothing
        return float(torch.equal(*ranks))
    return float(torch.corrcoef(ranks)[0, 1])


def _ranks(values: Tensor) -> Tensor:
    _, place, counts = torch.unique(values, return_inverse=True, return_counts=True)
    middle: Tensor = counts.cumsum(0) - (counts - 1) / 2
    return middle[place].double()
