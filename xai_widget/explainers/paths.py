"""The straight path from a baseline to the input: where it begins, its points and their weights.

Fixed numbers of points, and `Panels`, which take more of them where the path still misses most.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.engine import Case
from xai_widget.explainers.moments import wide

Rule = Literal["gauss_legendre", "riemann_left", "riemann_right", "riemann_middle", "trapezoid"]
# The path in eight panels of two steps. Near the baseline a network changes fastest: panels are shorter there.
PANELS: Final = 8
FIRST_STEPS: Final = 2
CROWDING: Final = 1.5
FIRST_POINTS: Final = PANELS * FIRST_STEPS + 1
# Points that are taken together at least, and the most that are taken, however much is missed.
TOGETHER: Final = 4
CEILING: Final = 200


def path_start(case: Case, baseline: Any) -> Tensor:
    """Return where the path to the inputs begins, `[N, C, *S]`: the baseline, and the input itself outside a mask."""
    start = case.fill(baseline)
    return start if case.mask is None else torch.where(case.mask, start, case.inputs)


def quadrature(rule: Rule, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points in [0, 1] in rising order, and their weights, which sum to 1, each `[steps]`.

    Examples
    --------
    >>> points, weights = quadrature("trapezoid", 3)
    >>> points.tolist(), weights.tolist()
    ([0.0, 0.5, 1.0], [0.25, 0.5, 0.25])
    """
    equal = np.full(steps, 1 / steps)
    match rule:
        case "gauss_legendre":
            points, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
            return (1 + points) / 2, weights / 2
        case "riemann_left":
            return np.arange(steps) / steps, equal
        case "riemann_right":
            return np.arange(1, steps + 1) / steps, equal
        case "riemann_middle":
            return (np.arange(steps) + 0.5) / steps, equal
        case "trapezoid":
            weights = np.full(steps, 1 / (steps - 1))
            weights[[0, -1]] /= 2
            return np.linspace(0, 1, steps), weights


def spread_order(count: int) -> NDArray[np.int64]:
    """Return an order in which every beginning of 0 ... count - 1 is spread over all of it (bits reversed).

    Examples
    --------
    >>> spread_order(8).tolist()
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    bits = (count - 1).bit_length()
    places = [int(format(index, f"0{bits}b")[::-1], 2) if bits else 0 for index in range(2**bits)]
    return np.array([place for place in places if place < count])


class Point(NamedTuple):
    """A point of a path.

    Attributes
    ----------
    alpha : float
        In [0, 1], from the baseline to the input.
    panels : tuple of int
        The panel it lies in, or the two that it stands between.
    edge : int or None
        Which end of a panel it is.
    """

    alpha: float
    panels: tuple[int, ...]
    edge: int | None = None


class Panels:
    """The integral of gradients along a path, by the trapezoid rule in panels that are refined one by one.

    A gradient along the path is the slope of the score there, so that what a panel misses is known: the change of the
    score between its ends, less the integral of the slope. Panels that miss most get steps of half the length. Every
    gradient is used once and let go of; but that at the baseline, where all gates of a network without biases stand on
    their edge, is not used: no way leads there.

    Parameters
    ----------
    change : Tensor
        The input less the baseline, `[C, *S]`.

    Attributes
    ----------
    count : int
        Gradients taken so far.
    """

    def __init__(self, change: Tensor) -> None:
        self._change = wide(change)
        self._edges = np.linspace(0, 1, PANELS + 1) ** CROWDING
        narrow = torch.promote_types(change.dtype, torch.float32)
        # Of every panel the sum of weighted gradients, of their slopes, and of the weights: 1, at either end 1/2, at the
        # baseline 0.
        self._sums = torch.zeros((PANELS, *change.shape), dtype=narrow, device=self._change.device)
        self._slopes = np.zeros(PANELS)
        self._weights = np.zeros(PANELS)
        self._scores = np.zeros(PANELS + 1)
        self.count = 0

    def first(self) -> list[Point]:
        """Return the points to begin with, in an order in which every beginning is spread over the path."""
        inner = [
            Point(self._within(panel, step / FIRST_STEPS), (panel,))
            for panel in range(PANELS)
            for step in range(1, FIRST_STEPS)
        ]
        ends = [
            Point(float(alpha), tuple({max(0, edge - 1), min(PANELS - 1, edge)}), edge)
            for edge, alpha in enumerate(self._edges)
        ]
        points = sorted(ends + inner)
        return [points[place] for place in spread_order(len(points))]

    def further(self) -> list[Point]:
        """Return the points to go on with: between those of the panels that miss most, `TOGETHER` or a few more."""
        points: list[Point] = []
        for panel in np.argsort(-np.abs(self._missed()), kind="stable").tolist():
            steps = math.ceil(self._weights[panel])
            points += [Point(self._within(panel, (step + 0.5) / steps), (panel,)) for step in range(steps)]
            if len(points) >= TOGETHER:
                break
        return points

    def take(self, points: Sequence[Point], scores: Tensor, gradients: Tensor) -> None:
        """Take up scores `[n]` and gradients `[n, C, *S]` at the first n of the points."""
        for point, score, gradient in zip(points, scores.tolist(), wide(gradients), strict=False):
            if point.edge != 0:  # nothing times a gradient that is not a number would not be nothing
                weight = 1.0 if point.edge is None else 0.5
                slope = float((gradient * self._change).sum())
                for panel in point.panels:
                    self._sums[panel].add_(gradient, alpha=weight)
                    self._slopes[panel] += weight * slope
                    self._weights[panel] += weight
            if point.edge is not None:
                self._scores[point.edge] = score
            self.count += 1

    @property
    def difference(self) -> float:
        """The score at the input less that at the baseline."""
        return float(self._scores[-1] - self._scores[0])

    @property
    def gap(self) -> float:
        """What the integral misses of the difference of the scores."""
        return float(self._missed().sum())

    @property
    def scores(self) -> tuple[float, float]:
        """At the input, and at the baseline."""
        return float(self._scores[-1]), float(self._scores[0])

    def integral(self) -> Tensor:
        """Return ∫ ∂y/∂x dα by the gradients taken so far, float64 `[C, *S]`."""
        seen = self._weights > 0
        lengths = np.where(seen, np.diff(self._edges), 0)
        covered = lengths.sum() or 1.0
        shares = torch.from_numpy(lengths / np.where(seen, self._weights, 1) / covered).to(self._change)
        mean: Tensor = torch.einsum("p,p...->...", shares, self._sums.to(shares.dtype))
        return mean

    def _missed(self) -> NDArray[np.float64]:
        """What each panel misses of the change of the score along it."""
        lengths = np.diff(self._edges)
        return np.diff(self._scores) - lengths * self._slopes / self._weights

    def _within(self, panel: int, share: float) -> float:
        """Return the point at this share of a panel's length."""
        return float(self._edges[panel] + share * (self._edges[panel + 1] - self._edges[panel]))
