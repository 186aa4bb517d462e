"""Noise tunnel: another method on noisy copies of the input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts, LayerFact
from xai_widget.explainers.method import Cost, Explainer, Method, Randomisation, Reduction
from xai_widget.explainers.noise import Noise, Seed, Sigma, Smoothing, StatisticField, noisy_copies, sample_count
from xai_widget.explainers.parameters import Param

Smoothed = Literal[
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "guided_backprop",
    "deconvolution",
    "guided_grad_cam",
    "cam",
    "grad_cam",
    "grad_cam_pp",
    "layer_cam",
    "integrated_grad_cam",
    "lrp",
]


@dataclass(frozen=True)
class NoiseTunnel(Explainer):
    r"""Noise tunnel: any gradient or CAM method averaged over noisy copies of the input.

    .. math:: M = \frac{1}{n} \sum_{i=1}^{n} M_{\mathrm{of}}(x + \varepsilon_i), \qquad
              \varepsilon_i \sim \mathcal{N}\big(0, (\sigma\, (\max x - \min x))^2\big)

    Where the method keeps channels, the statistic is taken of every channel, and the channels are reduced as that
    method reduces them: of="saliency" is SmoothGrad. Without noise the map is the method's own. With a mask the noise
    stays inside the foreground. All inputs of a batch get the same draws, each scaled to its own range. `error` is the
    standard error of the mean at each place (none for "variance").

    Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, arXiv:1706.03825.

    Parameters
    ----------
    of : str or method
        The id of a gradient or CAM method, which then has its usual parameters; or a method with parameters of one's
        choice, such as ``IntegratedGradients(steps=20)`` of `xai_widget.explainers`.
    samples : int
        Noisy copies n.
    sigma : float
        Standard deviation of the noise, relative to the range max - min of each input.
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
        A method that does not look inside the model, or another noise tunnel; `noise` of another shape.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "noise_tunnel", of="grad_cam", samples=5)
    >>> a.layer, a.error.shape == a.values.shape
    ('layer4', True)
    """

    id: ClassVar[str] = "noise_tunnel"
    label: ClassVar[str] = "Noise tunnel"
    access: ClassVar[Access] = "gradient"
    summary: ClassVar[str] = "Another method averaged over noisy copies of the input, with an error bar at every place."
    formula: ClassVar[str] = "M = mean over i of M_of(x + εᵢ)"
    cites: ClassVar[str] = "Smilkov et al., 2017, arXiv:1706.03825"
    when: ClassVar[str] = (
        "To see what of a map is stable when the input changes a little. Costs as many runs of the method as there are"
        " samples."
    )
    evaluations: ClassVar[str] = "samples × those of the method (10 × 52 forwards, 10 × 50 backwards)"
    randomisation: ClassVar[Randomisation] = "partly"

    of: Annotated[Smoothed | Method, Param("Method", "What is averaged.", cost=True)] = "integrated_gradients"
    samples: Annotated[int, Param("Samples", "Noisy copies of the input.", 1, 1000, 1, cost=True)] = 10
    sigma: Sigma = 0.15
    statistic: StatisticField = "mean"
    seed: Seed = 0
    noise: Noise = None

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        inner = getattr(self.method, "unit", "") or self.method.label
        match self.statistic:
            case "mean":
                return f"mean of {inner}"
            case "squared":
                return f"mean square of {inner}"
            case "variance":
                return f"variance of {inner}"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return self.statistic == "mean" and getattr(self.method, "signed", True)

    def __post_init__(self) -> None:
        """Check the fields, and that noise goes around a method that reads gradients or layers."""
        super().__post_init__()
        of = self.of
        if not isinstance(of, str) and (isinstance(of, NoiseTunnel) or of.access == "black_box"):
            message = (
                f"{self.label} goes around one method that reads gradients or layers, got {of.label}."
                " Use for instance of='integrated_gradients' or of='grad_cam'."
            )
            raise ValueError(message)

    @property
    def method(self) -> Method:
        """The method that is averaged."""
        from xai_widget.explainers import build_method  # noqa: PLC0415 - the registry imports this file

        return build_method(self.of, {})

    @property
    def uses_layer(self) -> bool:
        """Whether the method reads activations at a layer."""
        return self.method.uses_layer

    def refuses(self, facts: Facts) -> str | None:
        """Return why the method cannot explain this model, in words, or None."""
        return super().refuses(facts) or self.method.refuses(facts)

    def refuses_layer(self, layer: LayerFact, facts: Facts) -> str | None:
        """Return why the method cannot use this layer, in words, or None."""
        return self.method.refuses_layer(layer, facts)

    def default_layer(self, facts: Facts) -> str | None:
        """Return the layer that the method uses where none is named."""
        return self.method.default_layer(facts)

    def cost(self, case: Case) -> Cost:
        """As many times the method's cost as there are samples."""
        one, count = self.method.cost(case), sample_count(self.samples, self.noise)
        return Cost(count * one.forwards, count * one.backwards)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of samples, and what the method knows meanwhile of the first."""
        method, count = self.method, sample_count(self.samples, self.noise)
        noisy = noisy_copies(case, self.sigma, self.seed, self.noise)
        found = Smoothing(self.statistic)
        for done in range(0, count, case.batch):
            several = min(case.batch, count - done)
            copies = case.with_inputs(torch.cat([noisy(index) for index in range(done, done + several)]))
            for part in method.estimates(copies):
                shown = found if part.fraction == 1 or found.count > 0 else Smoothing(self.statistic)
                if part.fraction == 1 or shown is not found:
                    shown.update(*_samples(part, method, several))
                yield shown.estimate(
                    (done + several * part.fraction) / count,
                    signed=part.signed,
                    meta={**part.meta, "of": method.id, "samples": found.count},
                )


def _samples(part: Estimate, method: Method, several: int) -> tuple[Tensor, Reduction | None]:
    """Return what a method found for `several` copies of all rows, row by row, and how its channels are reduced."""
    whole = part.values if part.channels is None else part.channels
    reduction: Reduction = method.reduction if isinstance(method, Explainer) else "sum"
    samples = whole.reshape(several, -1, *whole.shape[1:]).transpose(0, 1)
    return samples, None if part.channels is None else reduction
