"""Kernel SHAP: Shapley values of superpixels, by least squares over coalitions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Case, Facts, ScoreName
from xai_widget.explainers.coalitions import Coalitions, coalitions
from xai_widget.explainers.method import SCORE_WORDS, Cost, Explainer, Randomisation
from xai_widget.explainers.parameters import Param
from xai_widget.explainers.rows import row_by_row, scored_so_far
from xai_widget.explainers.superpixels import (
    CountField,
    FillField,
    SegmentsField,
    Superpixels,
    algorithm,
    is_cut,
    superpixels,
    unfit,
)

# Auto: two coalitions a superpixel and so many more.
AUTOMATIC: Final = 2048


@dataclass(frozen=True)
class KernelShap(Explainer):
    r"""Kernel SHAP: each superpixel's fair share of what the picture adds to the score of an empty one.

    .. math:: \min_\phi \sum_z \pi(z) \big(y(x_z) - y(x_\emptyset) - \phi \cdot z\big)^2
              \quad\text{with}\quad \sum_j \phi_j = y(x) - y(x_\emptyset), \qquad
              \pi(z) = \frac{F - 1}{\binom{F}{|z|}\, |z|\, (F - |z|)}

    over coalitions z of the F superpixels. Where all :math:`2^F - 2` of them fit into `samples`, the answer is the
    Shapley value itself; otherwise the smallest and largest coalitions are all taken, the rest is drawn in pairs with
    complements. The constraint is eliminated, so that the values always sum to y(x) - y(empty). All classes are solved
    from the same coalitions at once (`arrays["class_coefficients"]`).

    Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017, arXiv:1705.07874; pairs and
    errors: Covert and Lee, "Improving KernelSHAP", AISTATS 2021, arXiv:2012.01536.

    Parameters
    ----------
    segments : {"quickshift", "slic"}, array or None
        How the picture is cut; a label map `[*S]` of any whole numbers; None: quickshift for colour pictures, SLIC for
        grey ones and volumes.
    n_segments : int
        About how many superpixels SLIC makes.
    samples : int or None
        Coalitions that may be scored; None: 2F + 2048, or all of them if they are fewer.
    seed : int
        Of the draws.
    fill : {"mean", "segment_mean", "zero", "blur", "noise"}, float or array
        What an absent superpixel shows.
    score : {"logit", "probability", "log_odds"}
        What is shared out. Logits add up where probabilities saturate.

    Notes
    -----
    `arrays` of the attribution: "labels" (superpixel 0 ... F - 1 of every position, -1 outside a mask), "coefficients"
    (the values, one a superpixel), where they are known their standard "errors", and "numbers", what each superpixel is
    called in a label map of one's own: the regions of an atlas in a table. Every number of the map is a region, 0 too;
    where 0 is the background, ``mask=atlas > 0`` leaves it alone.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "kernel_shap", n_segments=8, segments="slic")
    >>> a.meta["exact"], round(a.meta["efficiency_gap"], 6)
    (True, 0.0)
    """

    id: ClassVar[str] = "kernel_shap"
    label: ClassVar[str] = "Kernel SHAP"
    summary: ClassVar[str] = "Shares the score out fairly among superpixels: Shapley values."
    formula: ClassVar[str] = "M(p) = φ of p's superpixel;  Σφ = y(x) − y(x covered),  φ = argmin Σ π(z)·(Δy(z) − φ·z)²"
    cites: ClassVar[str] = "Lundberg and Lee, NeurIPS 2017, arXiv:1705.07874"
    when: ClassVar[str] = (
        "For region values that add up to the score and treat equal regions equally, from any model. Slow where there"
        " are many superpixels, and it asks about pictures with holes that the model never saw."
    )
    evaluations: ClassVar[str] = "2 + coalitions forwards (2F + 2048 of F superpixels, at most 2^F)"
    randomisation: ClassVar[Randomisation] = "partly"

    segments: SegmentsField = None
    n_segments: CountField = 50
    samples: Annotated[
        int | None,
        Param("Coalitions", "Pictures with some superpixels absent that are scored.", 2, 100000, 2, cost=True),
    ] = None
    seed: Annotated[int, Param("Seed", "Of the random draws.", 0, 2**31 - 1, 1)] = 0
    fill: FillField = "mean"
    score: Annotated[
        ScoreName, Param("Measure", "What is shared out: the logit, the probability, or the log-odds.")
    ] = "logit"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return f"share of the {SCORE_WORDS[self.score]}"

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        return super().refuses(facts) or unfit(self.segments, facts)

    def automatic(self, facts: Facts) -> dict[str, Any]:
        """Return the segmentation for inputs of this shape."""
        return {"segments": algorithm(self.segments, facts)}

    def cost(self, case: Case) -> Cost:
        """The input, the empty picture, and the coalitions between; about so many before the picture is cut."""
        rows = case.rows()
        if not all(is_cut(row, self.segments, self.n_segments) for row in rows):
            return Cost(len(rows) * (2 + self._budget(self.n_segments)), exact=False)
        return Cost(sum(2 + len(self._coalitions(self._regions(row)).keep) for row in rows))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of coalitions, as soon as there are as many as superpixels."""
        return row_by_row(case, self._estimates)

    def _regions(self, case: Case) -> Superpixels:
        return superpixels(case, self.segments, self.n_segments)

    def _coalitions(self, regions: Superpixels) -> Coalitions:
        return coalitions(regions.count, self._budget(regions.count), self.seed)

    def _budget(self, players: int) -> int:
        return 2 * players + AUTOMATIC if self.samples is None else self.samples

    def _estimates(self, case: Case) -> Iterator[Estimate]:
        regions = self._regions(case)
        game = self._coalitions(regions)
        fill = regions.means(case.inputs) if self.fill == "segment_mean" else self.fill
        nobody = np.zeros((1, regions.count), dtype=bool)
        # Logits of everybody, then of nobody, then of the coalitions.
        for logits in scored_so_far(case, regions.edits(np.concatenate([nobody, game.keep]), fill)):
            if len(logits) - 2 >= min(regions.count, len(game.keep)):
                yield self._estimate(case, regions, game, logits)

    def _estimate(self, case: Case, regions: Superpixels, game: Coalitions, logits: Tensor) -> Estimate:
        done = len(logits) - 2
        y = case.score(logits[None], self.score)[0].detach().cpu()[:, None]
        finished = done == len(game.keep)
        if finished:
            y = torch.cat([case.class_scores(logits, self.score).detach().cpu(), y], 1)
        y = y.double()
        values, error = game.shapley(y)
        total = float(y[0, -1] - y[1, -1])
        arrays = regions.arrays | {"coefficients": values[None, :, -1]}
        if error is not None:
            arrays["errors"] = error[None]
        if finished:
            arrays["class_coefficients"] = values[None, :, :-1].mT
        return Estimate(
            regions.paint(values[:, -1])[None].float(),
            (done + 2) / (len(game.keep) + 2),
            signed=True,
            error=None if error is None else regions.paint(error)[None].float(),
            arrays=arrays,
            meta={
                "base": float(y[1, -1]),
                "prediction": float(y[0, -1]),
                "efficiency_gap": abs(float(values[:, -1].sum()) - total),
                "exact": game.exact and finished,
                "evaluations": done + 2,
                "segments": regions.count,
                "score": self.score,
            },
        )
