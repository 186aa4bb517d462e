"""Methods that read the gradient of the score at the input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case
from xai_widget.explainers.method import Cost, Explainer


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
    summary: ClassVar[str] = "How strongly the score reacts to a small change of each pixel, whatever its direction."
    formula: ClassVar[str] = "M = max over channels of |∂y/∂x|"
    cites: ClassVar[str] = "Simonyan et al., 2013, arXiv:1312.6034"

    def cost(self, case: Case) -> Cost:
        """One forward and one backward."""
        return Cost(len(case.inputs), len(case.inputs))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        gradient = case.input_gradient()
        yield Estimate(gradient.abs().amax(1), signed=False, channels=gradient)
