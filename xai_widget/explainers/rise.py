"""RISE: the mean of random masks, each weighted by the score of what it leaves visible."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Estimate
from xai_widget.engine import Case, Masks, ScoreName
from xai_widget.explainers.method import SCORE_WORDS, Cost, Explainer, Randomisation
from xai_widget.explainers.moments import wide
from xai_widget.explainers.parameters import Param


@dataclass(frozen=True)
class Rise(Explainer):
    r"""RISE: how well the model does, on average, with the masks that leave a place visible.

    .. math:: S_p = \sum_{i=1}^{n} y\big(x \odot m_i + x_0 \odot (1 - m_i)\big)\, m_{ip} \Big/ \sum_{i=1}^{n} m_{ip}

    Each mask is a coarse grid of cells that stay with probability q, enlarged with bilinear (trilinear) interpolation
    to the input and one cell more, and cut out at a random place. The paper divides by what the sum below comes to in
    the long run, q n. Dividing by the sum itself has the same limit; but a place that the draws happened to leave
    visible more often does not look more important for it, which is most of the noise. `error` is the standard error
    at each place. The paper draws 4000 masks for VGG-16 and 8000 for ResNet-50; 1000 give a first answer.

    Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018,
    arXiv:1806.07421.

    Parameters
    ----------
    samples : int
        Masks n.
    cells : int
        Cells of the coarse grid a side (no more than the input has positions).
    keep : float
        Probability q that a cell stays visible.
    seed : int
        Of the masks.
    fill : {"zero", "mean", "blur", "noise"}, float or array
        What the masked part shows; "zero" and numbers are in model-input units.
    score : {"probability", "logit", "log_odds"}
        What weighs the masks.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "rise", samples=100)
    >>> a.signed, a.error.shape
    (False, (128, 128))
    """

    id: ClassVar[str] = "rise"
    label: ClassVar[str] = "RISE"
    summary: ClassVar[str] = (
        "Hides random parts again and again, and averages what was visible when the score was high."
    )
    formula: ClassVar[str] = "M(p) = Σ y(x masked by mᵢ) · mᵢ(p) / Σ mᵢ(p)"
    cites: ClassVar[str] = "Petsiuk et al., BMVC 2018, arXiv:1806.07421"
    when: ClassVar[str] = (
        "For a smooth map of any model, with an error bar at every place. Needs thousands of forwards; all places carry"
        " the mean score, so that only differences within a map mean something."
    )
    evaluations: ClassVar[str] = "samples forwards (1000)"
    randomisation: ClassVar[Randomisation] = "passes"

    samples: Annotated[int, Param("Masks", "Random masks that are scored.", 2, 20000, 100, cost=True)] = 1000
    cells: Annotated[int, Param("Cells", "Cells of a mask's coarse grid, a side.", 1, 32, 1)] = 7
    keep: Annotated[float, Param("Keep", "Probability that a cell stays visible.", 0.01, 0.99, 0.01)] = 0.5
    seed: Annotated[int, Param("Seed", "Of the random masks.", 0, 2**31 - 1, 1)] = 0
    fill: Annotated[
        Literal["zero", "mean", "blur", "noise"] | float | Array,
        Param("Cover with", "What the masked part shows: zero or a number in model-input units, mean, blur, noise."),
    ] = "zero"
    score: Annotated[ScoreName, Param("Measure", "What weighs the masks: probability, logit, log-odds.")] = (
        "probability"
    )

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return f"mean {SCORE_WORDS[self.score]} where visible"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return self.score != "probability"

    def cost(self, case: Case) -> Cost:
        """One forward a mask, and one for the input, which tells what is worth keeping."""
        return Cost(len(case.inputs) * (1 + self.samples))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of masks."""
        masks = self._masks(case.facts.input_shape[1:])
        running = VisibleMean()
        signed = self.score != "probability" or any(question.index is None for question in case.questions)
        for logits in case.scores(masks):
            visible = masks.resized(case.inputs, running.count, logits.shape[1])  # [n, *S]
            y = case.score(logits, self.score).detach().to(visible.device)  # [N, n]
            running.update(y, visible)
            values, error = running.mean, running.error
            if case.mask is not None:  # outside, nothing was ever hidden
                values, error = values * case.mask, error * case.mask
            yield Estimate(
                values.float(),
                running.count / self.samples,
                signed=signed or case.contrasts,
                error=error.float() if running.count > 1 else None,
                meta={"samples": running.count, "score": self.score},
            )

    def _masks(self, size: tuple[int, ...]) -> Masks:
        cells = [min(self.cells, length) for length in size]
        # Two generators: the first masks of a longer run are those of a shorter one.
        content, place = np.random.default_rng(self.seed).spawn(2)
        coarse = (content.random((self.samples, *cells)) < self.keep).astype(np.float32)
        pixels = [-(-length // n) for length, n in zip(size, cells, strict=True)]  # of one cell
        # A generator an axis, the last axis first: a volume of one slice gets the masks of a picture.
        axes = zip(place.spawn(len(size)), reversed(pixels), strict=True)
        shift = np.stack([axis.integers(0, most, self.samples) for axis, most in axes][::-1], axis=1)
        return Masks(coarse, self.fill, shift)


class VisibleMean:
    """Mean score at each place over masks that come in chunks, weighted by how far the place was visible.

    Scores are kept as differences from the first chunk's mean, in float64: a small spread of large scores is not lost.

    Attributes
    ----------
    count : int
        Masks so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._start = self._scores = torch.zeros(())
        self._seen = self._seen_scores = torch.zeros(())
        self._squares = self._squares_scores = self._squares_scores_squared = torch.zeros(())

    def update(self, scores: Tensor, visible: Tensor) -> None:
        """Take up scores `[N, n]` under masks `[n, *S]` in 0 ... 1."""
        y, m = wide(scores), wide(visible)
        if self.count == 0:
            self._start = y.mean(1, keepdim=True)
        y = y - self._start
        self.count += y.shape[1]
        self._scores = self._scores + y.square().sum(1)
        self._seen = self._seen + m.sum(0)
        self._seen_scores = self._seen_scores + torch.tensordot(y, m, 1)
        m = m.square()
        self._squares = self._squares + m.sum(0)
        self._squares_scores = self._squares_scores + torch.tensordot(y, m, 1)
        self._squares_scores_squared = self._squares_scores_squared + torch.tensordot(y.square(), m, 1)

    @property
    def mean(self) -> Tensor:
        """Mean score at each place, float64 `[N, *S]`; the first scores' mean where nothing was visible yet."""
        return self._shift + self._spread_over(self._start)

    @property
    def error(self) -> Tensor:
        """Standard error of the mean, `[N, *S]`; the spread of all scores where nothing was visible yet."""
        shift = self._shift
        squares = self._squares_scores_squared - 2 * shift * self._squares_scores + shift.square() * self._squares
        known = squares.clamp(min=0).sqrt() / self._seen
        return torch.where(self._seen > 0, known, self._spread_over((self._scores / self.count).sqrt()))

    @property
    def _shift(self) -> Tensor:
        return torch.where(self._seen > 0, self._seen_scores / self._seen, 0.0)

    def _spread_over(self, rows: Tensor) -> Tensor:
        return rows.reshape(-1, *[1] * self._seen.ndim).expand_as(self._seen_scores)
