"""LIME: a linear model of superpixels that behaves like the network near one picture."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Case, Facts, ScoreName
from xai_widget.explainers.method import SCORE_WORDS, Cost, Explainer, Randomisation
from xai_widget.explainers.parameters import Param
from xai_widget.explainers.regression import Fit, lasso_choice, rank_correlation, weighted_ridge
from xai_widget.explainers.rows import row_by_row, scored_so_far
from xai_widget.explainers.superpixels import (
    CountField,
    FillField,
    SegmentsField,
    Superpixels,
    algorithm,
    superpixels,
    unfit,
)

# The draws are dealt to so many surrogates; how far these agree is the stability.
SURROGATES: Final = 4


@dataclass(frozen=True)
class Lime(Explainer):
    r"""LIME: coefficients of a linear surrogate, fitted to the scores of randomly covered pictures.

    .. math:: \min_b \sum_i \pi(z_i) \big(y(x_{z_i}) - b_0 - b \cdot z_i\big)^2 + \alpha |b|^2, \qquad
              \pi(z) = \sqrt{e^{-d^2 / \sigma^2}}, \quad d = 1 - \sqrt{|z| / F}

    where z says which of the F superpixels stay: all of them in the first sample, each with probability 1/2 in the
    others; d is the cosine distance of z from the whole picture, :math:`\sigma` the kernel width. All classes are
    solved from the same samples at once (`arrays["class_coefficients"]`). `meta` tells how much of the score's
    variation the surrogate explains (`r2`) and how far surrogates of separate draws agree on the order of the
    superpixels (`stability`, a mean rank correlation; each has a quarter of the samples, and where that is no more
    than there are superpixels, it is None).

    Ribeiro, Singh, Guestrin, "Why Should I Trust You?: Explaining the Predictions of Any Classifier", KDD 2016,
    arXiv:1602.04938.

    Parameters
    ----------
    segments : {"quickshift", "slic"}, array or None
        How the picture is cut; a label map `[*S]` of any whole numbers; None: quickshift for colour pictures, SLIC for
        grey ones and volumes.
    n_segments : int
        About how many superpixels SLIC makes.
    samples : int
        Scores the surrogate is fitted to; ten a superpixel is a good rule.
    seed : int
        Of the draws.
    fill : {"segment_mean", "mean", "zero", "blur", "noise"}, float or array
        What stands in a superpixel that is off.
    kernel_width : float
        Width of the kernel in cosine distance.
    regression : {"ridge", "k_lasso"}
        All superpixels, or the `features` that the LASSO path takes up first.
    features : int
        K of K-LASSO.
    alpha : float
        Ridge penalty.
    score : {"probability", "logit", "log_odds"}
        What the surrogate predicts.

    Notes
    -----
    `arrays` of the attribution: "labels" (superpixel 0 ... F - 1 of every position, -1 outside a mask), "coefficients"
    and their standard "errors", one a superpixel, and "numbers", what each superpixel is called in a label map of one's
    own: the regions of an atlas in a table. Every number of the map is a region, 0 too; where 0 is the background,
    ``mask=atlas > 0`` leaves it alone.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "lime", segments="slic", samples=200)
    >>> a.values.shape == a.arrays["labels"].shape
    True
    """

    id: ClassVar[str] = "lime"
    label: ClassVar[str] = "LIME"
    summary: ClassVar[str] = "Which superpixels a simple linear model needs to imitate the network near this picture."
    formula: ClassVar[str] = "M(p) = b of p's superpixel;  b = argmin Σ π(z)·(y(x with z kept) − b₀ − b·z)² + α|b|²"
    cites: ClassVar[str] = "Ribeiro et al., KDD 2016, arXiv:1602.04938"
    when: ClassVar[str] = (
        "For an answer in regions a person can name, from any model. Look at r2 and stability first: where they are"
        " low, the surrogate is no explanation."
    )
    evaluations: ClassVar[str] = "samples forwards (1000)"
    randomisation: ClassVar[Randomisation] = "partly"

    segments: SegmentsField = None
    n_segments: CountField = 50
    samples: Annotated[
        int, Param("Samples", "Randomly covered pictures that are scored.", 2, 20000, 100, cost=True)
    ] = 1000
    seed: Annotated[int, Param("Seed", "Of the random draws.", 0, 2**31 - 1, 1)] = 0
    fill: FillField = "segment_mean"
    kernel_width: Annotated[
        float,
        Param("Kernel width", "How near the picture a sample must be to count, in cosine distance.", 0.01, 2, 0.01),
    ] = 0.25
    regression: Annotated[
        Literal["ridge", "k_lasso"], Param("Regression", "All superpixels (ridge), or the few that matter (K-LASSO).")
    ] = "ridge"
    features: Annotated[int, Param("Features", "Superpixels that K-LASSO may use.", 1, 500, 1)] = 10
    alpha: Annotated[float, Param("Ridge", "Penalty on the size of the coefficients.", 0, 100, 0.1)] = 1.0
    score: Annotated[ScoreName, Param("Measure", "What the surrogate predicts: probability, logit, log-odds.")] = (
        "probability"
    )

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return f"{SCORE_WORDS[self.score]} that the superpixel adds"

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        return super().refuses(facts) or unfit(self.segments, facts)

    def automatic(self, facts: Facts) -> dict[str, Any]:
        """Return the segmentation for inputs of this shape."""
        return {"segments": algorithm(self.segments, facts)}

    def cost(self, case: Case) -> Cost:
        """One forward a sample; the first sample is the input."""
        return Cost(len(case.inputs) * self.samples)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of samples, as soon as there are more samples than superpixels."""
        return row_by_row(case, self._estimates)

    def _estimates(self, case: Case) -> Iterator[Estimate]:
        regions = superpixels(case, self.segments, self.n_segments)
        z = draws(self.samples, regions.count, self.seed)
        fill = regions.means(case.inputs) if self.fill == "segment_mean" else self.fill
        for logits in scored_so_far(case, regions.edits(z[1:], fill)):
            if len(logits) > regions.count + 1 or len(logits) == self.samples:
                yield self._estimate(case, regions, torch.from_numpy(z[: len(logits)]).double(), logits)

    def _estimate(self, case: Case, regions: Superpixels, z: Tensor, logits: Tensor) -> Estimate:
        y = case.score(logits[None], self.score)[0].detach().double().cpu()
        weights = proximity(z, self.kernel_width)
        fit = self._fit(z, y[:, None], weights)
        arrays = regions.arrays | {"coefficients": fit.coefficients[None, :, -1], "errors": fit.error[None]}
        meta: dict[str, Any] = {
            "r2": fit.r2,
            "intercept": float(fit.intercept[-1]),
            "prediction": float(y[0]),
            "local_prediction": float(fit.intercept[-1] + fit.coefficients[:, -1].sum()),
            "segments": regions.count,
            "samples": len(y),
            "score": self.score,
        }
        if len(y) == self.samples:
            meta["stability"] = self._stability(z[1:], y[1:], weights[1:])
            if self.regression == "ridge":
                classes = case.class_scores(logits, self.score).detach().double().cpu()
                arrays["class_coefficients"] = self._fit(z, classes, weights).coefficients.T[None]
        return Estimate(
            regions.paint(fit.coefficients[:, -1])[None].float(),
            len(y) / self.samples,
            signed=True,
            error=regions.paint(fit.error)[None].float(),
            arrays=arrays,
            meta=meta,
        )

    def _fit(self, z: Tensor, y: Tensor, weights: Tensor) -> Fit:
        if self.regression == "ridge":
            return weighted_ridge(z, y, weights, self.alpha)
        chosen = lasso_choice(z, y[:, -1], weights, self.features)
        few = weighted_ridge(z[:, chosen], y, weights, self.alpha)
        coefficients, error = z.new_zeros((z.shape[1], y.shape[1])), z.new_zeros(z.shape[1])
        coefficients[chosen], error[chosen] = few.coefficients, few.error
        return Fit(coefficients, few.intercept, error, few.r2)

    def _stability(self, z: Tensor, y: Tensor, weights: Tensor) -> float | None:
        """Return the mean rank correlation of surrogates that share no draw; None for too few draws to fit them."""
        if len(y) // SURROGATES <= z.shape[1] + 1:
            return None
        parts = [slice(first, None, SURROGATES) for first in range(SURROGATES)]
        found = [self._fit(z[part], y[part, None], weights[part]).coefficients[:, -1] for part in parts]
        pairs = list(itertools.combinations(found, 2))
        return math.fsum(rank_correlation(a, b) for a, b in pairs) / len(pairs)


def draws(samples: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Return which superpixels stay, `[samples, count]`: all of them first, then each with probability 1/2."""
    z = np.random.default_rng(seed).random((samples, count)) < 0.5
    z[0] = True
    return z


def proximity(z: Tensor, width: float) -> Tensor:
    """Return LIME's kernel, `[n]` for samples `[n, F]`: near 1 where nearly all superpixels stay."""
    distance = 1 - z.mean(1).sqrt()
    return torch.exp(-(distance**2) / (2 * width**2))
