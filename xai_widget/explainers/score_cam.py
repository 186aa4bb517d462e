"""Score-CAM: what the score becomes when only what a channel sees is left of the input."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Estimate
from xai_widget.engine import Case, Masks, ScoreName
from xai_widget.explainers.cam import CamMethod, weighted_sum, widened
from xai_widget.explainers.method import Cost, Randomisation
from xai_widget.explainers.parameters import Param
from xai_widget.explainers.rows import row_by_row

# A channel that varies by less than this share of its magnitude is constant up to rounding: it masks nothing.
CONSTANT = 1e-6


@dataclass(frozen=True)
class ScoreCam(CamMethod):
    r"""Score-CAM: activations weighted by the score of the input that they leave visible; no gradients.

    .. math:: M = \mathrm{ReLU}\Big(\sum_k w_k A_k\Big), \qquad w = \mathrm{softmax}_k\, y(x \odot H_k), \qquad
              H_k = \frac{U(A_k) - \min U(A_k)}{\max U(A_k) - \min U(A_k)}

    where U enlarges to the input (bilinear, trilinear for volumes). The score of the empty input, which the paper
    subtracts, cancels in the softmax. A channel that is constant has no mask and no weight. The channels with the
    largest activations are measured first; the softmax is over those measured so far. All classes come from the same
    forwards.

    Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR workshops 2020,
    arXiv:1910.01279. The authors' program takes the class's probability as the weight; here the softmax is over
    channels, as the paper's algorithm says.

    Parameters
    ----------
    relu : bool or None
        Keep only positive evidence; None: yes for a class, no for a contrast.
    channels : int or None
        Only the channels with the largest mean square, that many a layer; None: all.
    fill : {"zero", "mean", "blur", "noise"}, float or array
        What the input fades into where the mask is 0; "zero" and numbers are in model-input units.
    score : {"logit", "probability", "log_odds"}
        What the softmax is taken of.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "score_cam", channels=16)
    >>> a.meta["channels"]
    16
    """

    id: ClassVar[str] = "score_cam"
    label: ClassVar[str] = "Score-CAM"
    summary: ClassVar[str] = "Weights each feature map by the score of the input seen through it; no gradients."
    formula: ClassVar[str] = "M = ReLU(Σₖ wₖ Aₖ),  w = softmax over k of y(x ⊙ Hₖ),  Hₖ = Aₖ enlarged, scaled to [0, 1]"
    cites: ClassVar[str] = "Wang et al., CVPR workshops 2020, arXiv:1910.01279"
    when: ClassVar[str] = (
        "Where gradients are noisy, saturated or missing. It costs a forward for every channel, and a softmax over"
        " logits that differ little gives nearly equal weights: then it shows where the layer is active at all."
    )
    evaluations: ClassVar[str] = "1 forward, and 1 for every channel that is not constant"
    randomisation: ClassVar[Randomisation] = "passes"

    channels: Annotated[
        int | None,
        Param("Channels", "Only those with the largest activations; auto: all.", 1, 65536, 1, cost=True),
    ] = None
    fill: Annotated[
        Literal["zero", "mean", "blur", "noise"] | float | Array,
        Param("Fade into", "What the masked part shows: zero or a number in model-input units, mean, blur, noise."),
    ] = "zero"
    score: Annotated[
        ScoreName, Param("Measure", "What the softmax is taken of: the logit, the probability, or the log-odds.")
    ] = "logit"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "weighted activation"

    def cost(self, case: Case) -> Cost:
        """At most one forward for every channel, and one for the activations."""
        found = [case.facts.layer(name) for name in case.layers]
        channels = [layer.channels for layer in found if layer is not None]
        limited = channels if self.channels is None else [min(self.channels, count) for count in channels]
        return Cost(len(case.inputs) * (1 + sum(limited)))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of channels."""
        settled = replace(self, relu=self._rectifies(case))  # one answer for all rows
        case.activations()  # of all rows in one forward, which tells what the model says of them too
        yield from row_by_row(case, settled.of_row)

    def of_row(self, case: Case) -> Iterator[Estimate]:
        """Yield the map of a case of one input after every chunk of channels."""
        activations = {layer: widened(a) for layer, a in case.activations().items()}
        masks = {layer: self._masks(case, a[0]) for layer, a in activations.items()}
        maps = {layer: torch.zeros_like(a[:, 0]) for layer, a in activations.items()}
        total, done = sum(len(chosen) for chosen, _ in masks.values()), 0
        if total == 0:
            yield self._estimate(case, maps, channels=0)
        for layer, (chosen, edits) in masks.items():
            scores = maps[layer].new_zeros((1, 0))
            for logits in case.scores(edits):
                scores = torch.cat([scores, case.score(logits, self.score).detach().to(scores)], 1)
                visible = activations[layer][:, chosen[: scores.shape[1]]]
                maps[layer] = weighted_sum(scores.softmax(1), visible)
                done += logits.shape[1]
                yield self._estimate(case, maps, done / total, channels=done)

    def _masks(self, case: Case, activations: Tensor) -> tuple[Tensor, Masks]:
        """Return the channels to measure, largest first, and their masks; from activations `[C, *grid]`."""
        coarse = activations.float().cpu()
        plain = Masks(coarse.numpy())
        ranges = []
        for start in range(0, len(coarse), case.batch):  # enlarged, all channels at once would fill the memory
            enlarged = plain.resized(case.inputs, start, case.batch).flatten(1)
            ranges.append(torch.stack([enlarged.amin(1), enlarged.amax(1)]).float().cpu())
        lows, highs = torch.cat(ranges, 1)
        varies = highs - lows > CONSTANT * torch.maximum(highs.abs(), lows.abs())
        energy = torch.where(varies, coarse.flatten(1).square().mean(1), -1.0)
        chosen = energy.argsort(descending=True, stable=True)[: int(varies.sum())][: self.channels]
        shape = (-1, *[1] * (coarse.ndim - 1))
        low, span = (values[chosen].reshape(shape) for values in (lows, highs - lows))
        # Enlarging is a mean of neighbours: what is scaled before comes out scaled to [0, 1].
        return chosen, Masks(((coarse[chosen] - low) / span).numpy(), self.fill)
