"""Integrated Grad-CAM: Grad-CAM along the way from a baseline to the input.

Symbols: x₀ is the baseline, x(α) = x₀ + α (x − x₀), A the activation `[C, *grid]` of the layer, w Grad-CAM's weights.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Estimate
from xai_widget.engine import Case, GradientKind
from xai_widget.explainers.cam import GradientCam, GradientField, PoolingField, gradient_words, pooled, weighted_sum
from xai_widget.explainers.method import Cost, Randomisation
from xai_widget.explainers.parameters import Param

Maps = dict[str, Tensor]
Walked = dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class IntegratedGradCam(GradientCam):
    r"""Integrated Grad-CAM: Grad-CAM's weights times the change of the activations, integrated along a path.

    As published, rectified at every point of the path,

    .. math:: M = \int_0^1 \mathrm{ReLU}\Big(\sum_k w_k(\alpha)\, \big(A_k(x(\alpha)) - A_k(x_0)\big)\Big) d\alpha,
              \qquad x(\alpha) = x_0 + \alpha (x - x_0)

    by Gauss-Legendre quadrature. On a linear network, without the ReLU, that is half of the difference between Grad-CAM
    at x and at x₀, because the change grows from 0 along the path. ``path="increment"`` integrates over the change
    itself,

    .. math:: M = \mathrm{ReLU}\Big(\int \sum_k w_k\, dA_k\Big) \approx \mathrm{ReLU}\Big(\sum_t \sum_k
              \tfrac12 (w_{k,t} + w_{k,t-1})\, (A_{k,t} - A_{k,t-1})\Big), \qquad t = 1 \dots n

    which telescopes to the full difference where the network above the layer is linear; with ``pooling="none"`` its
    sum over the positions is y(x) - y(x₀) up to the discretisation.

    Sattarzadeh et al., "Integrated Grad-CAM: Sensitivity-Aware Visual Explanation of Deep Convolutional Networks via
    Integrated Gradient-Based Scoring", ICASSP 2021, arXiv:2102.07805.

    Parameters
    ----------
    relu : bool or None
        Keep only positive evidence; None: yes for a class, no for a contrast.
    steps : int
        Points n of the path.
    baseline : {"zero", "mean", "blur", "noise"}, float or array
        x₀; "zero" and numbers are in model-input units. With a mask, it differs from the input in the foreground only.
    path : {"published", "increment"}
        What the weights are multiplied by: the change since the baseline, or since the point before.
    pooling : {"mean", "max", "sum", "none"}
        Of the gradient over the positions.
    gradient : {"plain", "guided", "deconv"}
        What rectifiers above the layer let through on the way back.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "integrated_grad_cam", steps=8)
    >>> a.meta["path"], a.signed
    ('published', False)
    """

    id: ClassVar[str] = "integrated_grad_cam"
    label: ClassVar[str] = "Integrated Grad-CAM"
    summary: ClassVar[str] = "Grad-CAM averaged along the way from a baseline to the input, for weights that saturate."
    formula: ClassVar[str] = "M = ∫ ReLU(Σₖ wₖ(α) · (Aₖ(x(α)) − Aₖ(x₀))) dα,  x(α) = x₀ + α(x − x₀)"
    cites: ClassVar[str] = "Sattarzadeh et al., ICASSP 2021, arXiv:2102.07805"
    when: ClassVar[str] = (
        "Where Grad-CAM's gradient has saturated at the input and undervalues features. It answers relative to the"
        " baseline and costs a pass a step; where GAP + one linear layer follow, the weights are the same all along the"
        " path, and Grad-CAM is enough."
    )
    evaluations: ClassVar[str] = "1 + steps forwards, steps backwards (20; 'increment': one backward more)"
    randomisation: ClassVar[Randomisation] = "passes"

    steps: Annotated[int, Param("Steps", "Points of the path.", 1, 1000, 1, cost=True)] = 20
    baseline: Annotated[
        Literal["zero", "mean", "blur", "noise"] | float | Array,
        Param("Baseline", "Where the path begins: zero or a number in model-input units, mean, blur, noise."),
    ] = "zero"
    path: Annotated[
        Literal["published", "increment"],
        Param("Path", "Weights times the change since the baseline (published), or since the point before."),
    ] = "published"
    pooling: PoolingField = "mean"
    gradient: GradientField = "plain"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return f"change of activation × {gradient_words(self.gradient, self.pooling)}"

    def cost(self, case: Case) -> Cost:
        """A forward for the baseline and every point; backwards where there is a gradient to compute."""
        rows, differentiated = len(case.inputs), self.steps + (self.path == "increment")
        return Cost(rows * (1 + self.steps), 0 if self._is_closed(case) else rows * differentiated)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the integral as far as the path has been walked, after every chunk of points."""
        start = case.fill(self.baseline)
        if case.mask is not None:
            start = torch.where(case.mask, start, case.inputs)
        pieces = self._published(case, start) if self.path == "published" else self._increments(case, start)
        integral: Maps = {}
        done = 0
        for points, piece in pieces:
            integral = {layer: values + integral[layer] if integral else values for layer, values in piece.items()}
            done += points
            yield self._estimate(case, integral, done / self.steps, path=self.path)

    def _kind(self) -> GradientKind:
        return self.gradient

    def _published(self, case: Case, start: Tensor) -> Iterator[tuple[int, Maps]]:
        """Yield a number of points, and ∫ ReLU(Σ w (A − A₀)) dα over them."""
        origin = case.with_inputs(start).activations()
        nodes, weights = np.polynomial.legendre.leggauss(self.steps)  # on [-1, 1]
        shares = torch.from_numpy(weights / 2)
        for points, walked in self._walk(case, start, ((nodes + 1) / 2).tolist()):
            piece = {}
            for layer, (a, w) in walked.items():
                change = a - origin[layer].to(a).repeat(points, *[1] * (a.ndim - 1))
                along = _by_point(weighted_sum(w, change), points)
                rectified = along.clamp(min=0) if self._rectifies(case) else along
                piece[layer] = torch.tensordot(shares[:points].to(along), rectified, dims=1)
            shares = shares[points:]
            yield points, piece

    def _increments(self, case: Case, start: Tensor) -> Iterator[tuple[int, Maps]]:
        """Yield a number of points t, and Σ ½ (wₜ + wₜ₋₁) (Aₜ − Aₜ₋₁) over them."""
        rows = len(start)
        ((_, before),) = self._walk(case, start, [0.0])
        for points, walked in self._walk(case, start, [t / self.steps for t in range(1, self.steps + 1)]):
            piece = {}
            for layer, here in walked.items():
                a, w = (torch.cat(ends) for ends in zip(before[layer], here, strict=True))
                terms = weighted_sum((w[rows:] + w[:-rows]) / 2, a[rows:] - a[:-rows])
                piece[layer] = _by_point(terms, points).sum(0)
                before[layer] = (a[-rows:], w[-rows:])
            yield points, piece

    def _walk(self, case: Case, start: Tensor, alphas: Sequence[float]) -> Iterator[tuple[int, Walked]]:
        """Yield how many points of the path come next, and A and w there: all rows of a point, then the next point."""
        size = case.batch
        for first in range(0, len(alphas), size):
            points = [start + alpha * (case.inputs - start) for alpha in alphas[first : first + size]]
            there = self._read(case.with_inputs(torch.cat(points)))
            yield len(points), {layer: (a, pooled(g, self.pooling)) for layer, (a, g) in there.items()}


def _by_point(values: Tensor, points: int) -> Tensor:
    """Return `[points * N, ...]` as `[points, N, ...]`."""
    return values.reshape(points, -1, *values.shape[1:])
