"""Methods that read the gradient of the score at the input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case
from xai_widget.explainers.method import Cost, Explainer, Randomisation, Reduction


@dataclass(frozen=True)
class Saliency(Explainer):
    r"""Saliency: the magnitude of the score's gradient at the input, largest over the channels.

    .. math:: M_p = \max_c \left| \frac{\partial y}{\partial x_{cp}} \right|

    `channels` of the attribution holds the signed gradient of every channel.

    Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", 2013, arXiv:1312.6034.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "saliency").channels.shape
    (3, 128, 128)
    """

    id: ClassVar[str] = "saliency"
    label: ClassVar[str] = "Saliency"
    access: ClassVar[Access] = "gradient"
    reduction: ClassVar[Reduction] = "largest"
    summary: ClassVar[str] = "How strongly the score reacts to a small change of each pixel, whatever its direction."
    formula: ClassVar[str] = "M = max over channels of |∂y/∂x|"
    cites: ClassVar[str] = "Simonyan et al., 2013, arXiv:1312.6034"
    when: ClassVar[str] = (
        "For a first look at any differentiable model: one backward. The map is noisy, and tells what would change the"
        " score, not what made it: a pixel the score has saturated in stays dark."
    )
    evaluations: ClassVar[str] = "1 forward, 1 backward"
    randomisation: ClassVar[Randomisation] = "partly"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "|∂ logit / ∂ input|"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return False

    def cost(self, case: Case) -> Cost:
        """One forward and one backward."""
        return Cost(len(case.inputs), len(case.inputs))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        gradient = case.input_gradient()
        yield Estimate(reduced(gradient, self.reduction), signed=False, channels=gradient)


@dataclass(frozen=True)
class InputXGradient(Explainer):
    r"""Input × gradient: the first-order share of every input number in the score.

    .. math:: M_p = \sum_c x_{cp} \frac{\partial y}{\partial x_{cp}}

    with x in model-input units, so that 0 is the mean colour where inputs are normalised. For a network of linear
    layers and ReLUs without biases the map adds up to the score. `channels` holds the products before the sum.

    Shrikumar et al., "Not Just a Black Box: Learning Important Features Through Propagating Activation Differences",
    2016, arXiv:1605.01713.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "input_x_gradient").signed
    True
    """

    id: ClassVar[str] = "input_x_gradient"
    label: ClassVar[str] = "Input × gradient"
    access: ClassVar[Access] = "gradient"
    summary: ClassVar[str] = "Each pixel times the gradient there: its first-order share in the score, with its sign."
    formula: ClassVar[str] = "M = sum over channels of x · ∂y/∂x"
    cites: ClassVar[str] = "Shrikumar et al., 2016, arXiv:1605.01713"
    when: ClassVar[str] = (
        "For a signed map at the price of one backward. A pixel at 0 (mean colour) gets nothing, however much it"
        " matters; integrated gradients let you choose that baseline and add up to the score."
    )
    evaluations: ClassVar[str] = "1 forward, 1 backward"
    randomisation: ClassVar[Randomisation] = "partly"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "input × ∂ logit / ∂ input"

    def cost(self, case: Case) -> Cost:
        """One forward and one backward."""
        return Cost(len(case.inputs), len(case.inputs))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        shares = case.inputs * case.input_gradient()
        yield Estimate(reduced(shares, self.reduction), signed=True, channels=shares)


def reduced(channels: Tensor, reduction: Reduction) -> Tensor:
    """Return what channels `[N, C, *S]` come to at each place, `[N, *S]`."""
    return channels.sum(1) if reduction == "sum" else channels.abs().amax(1)
