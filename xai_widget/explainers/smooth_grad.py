"""SmoothGrad: saliency on noisy copies of the input; what survives the averaging is not noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case
from xai_widget.explainers.method import Cost, Explainer, Randomisation, Reduction
from xai_widget.explainers.noise import Noise, Seed, Sigma, Smoothing, StatisticField, noisy_copies, sample_count
from xai_widget.explainers.parameters import Param


@dataclass(frozen=True)
class SmoothGrad(Explainer):
    r"""SmoothGrad: the gradient averaged over noisy copies of the input.

    .. math:: M_p = \max_c \left| \frac{1}{n} \sum_{i=1}^{n} g_{cp}(x + \varepsilon_i) \right|, \qquad
              \varepsilon_i \sim \mathcal{N}\big(0, (\sigma\, (\max x - \min x))^2\big)

    where g is the gradient of the score. "squared" puts g² in the place of g (SmoothGrad²); "variance" is the mean
    squared deviation of g from its mean (VarGrad). With a mask the noise stays inside the foreground. All inputs of a
    batch get the same draws, each scaled to its own range. `channels` holds the statistic of every channel, `error`
    the standard error of the mean at each place (none for "variance").

    Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, arXiv:1706.03825; squared and variance: Hooker
    et al. 2019, arXiv:1806.10758, and Adebayo et al. 2018, arXiv:1810.03292.

    Parameters
    ----------
    samples : int
        Noisy copies n; the paper sees little change beyond 50.
    sigma : float
        Standard deviation of the noise, relative to the range max - min of each input; the paper advises 0.1 to 0.2.
    statistic : {"mean", "squared", "variance"}
        Over the noisy copies.
    seed : int
        Of the noise.
    noise : array or None
        Noise of one's own, `[samples, C, *S]` or `[samples, N, C, *S]` in model-input units; then the three
        parameters that describe drawn noise are not used.

    Raises
    ------
    ValueError
        `noise` of another shape.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "smooth_grad", samples=5)
    >>> a.values.shape, a.error.shape
    ((128, 128), (128, 128))
    """

    id: ClassVar[str] = "smooth_grad"
    label: ClassVar[str] = "SmoothGrad"
    access: ClassVar[Access] = "gradient"
    reduction: ClassVar[Reduction] = "largest"
    summary: ClassVar[str] = "Saliency averaged over noisy copies of the input, with an error bar at every place."
    formula: ClassVar[str] = "M = max over channels of |mean over i of ∂y/∂x (x + εᵢ)|"
    cites: ClassVar[str] = "Smilkov et al., 2017, arXiv:1706.03825"
    when: ClassVar[str] = (
        "For a cleaner saliency map: what depends on the last bit of a pixel averages out. The map belongs to a"
        " neighbourhood of the input, whose size sigma chooses."
    )
    evaluations: ClassVar[str] = "samples forwards (25), samples backwards (25)"
    randomisation: ClassVar[Randomisation] = "partly"

    samples: Annotated[int, Param("Samples", "Noisy copies of the input.", 1, 1000, 1, cost=True)] = 25
    sigma: Sigma = 0.15
    statistic: StatisticField = "mean"
    seed: Seed = 0
    noise: Noise = None

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        inner = "∂ logit / ∂ input"
        match self.statistic:
            case "mean":
                return f"|mean {inner}|"
            case "squared":
                return f"mean ({inner})²"
            case "variance":
                return f"variance of {inner}"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return False

    def cost(self, case: Case) -> Cost:
        """One forward and one backward a sample."""
        count = len(case.inputs) * sample_count(self.samples, self.noise)
        return Cost(count, count)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of samples."""
        count = sample_count(self.samples, self.noise)
        noisy = noisy_copies(case, self.sigma, self.seed, self.noise)
        found = Smoothing(self.statistic)
        for _, gradients in case.gradients_at(noisy, count):
            found.update(gradients, self.reduction)
            yield found.estimate(found.count / count, signed=False, meta={"samples": found.count})
