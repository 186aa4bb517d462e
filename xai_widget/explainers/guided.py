"""Methods that change what a ReLU lets through on the way back: guided backpropagation and its relatives."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch.nn import functional

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts, GradientKind, LayerFact
from xai_widget.explainers.cam import INTERPOLATION
from xai_widget.explainers.grad_cam import GradCam
from xai_widget.explainers.gradients import reduced
from xai_widget.explainers.method import Cost, Explainer, Randomisation, Reduction


@dataclass(frozen=True)
class _RectifiedGradient(Explainer):
    """A gradient at the input that every rectifier of the model has filtered."""

    access: ClassVar[Access] = "gradient"
    reduction: ClassVar[Reduction] = "largest"
    kind: ClassVar[GradientKind]

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "|∂ logit / ∂ input|, rectified on the way"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return False

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        return super().refuses(facts) or _without_rectifiers(self.label, facts)

    def cost(self, case: Case) -> Cost:
        """One forward and one backward."""
        return Cost(len(case.inputs), len(case.inputs))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        gradient = case.input_gradient(self.kind)
        yield Estimate(reduced(gradient, self.reduction), signed=False, channels=gradient)


@dataclass(frozen=True)
class GuidedBackprop(_RectifiedGradient):
    r"""Guided backpropagation: the gradient, where every ReLU passes back only what is positive and was open.

    .. math:: R^{l} = R^{l+1} \cdot \mathbb{1}[x^{l} > 0] \cdot \mathbb{1}[R^{l+1} > 0], \qquad
              M_p = \max_c |R^0_{cp}|

    at every ReLU l with input x. `channels` holds the signed :math:`R^0`, whose colours the paper shows; `values` its
    largest magnitude, as for saliency. ReLU6, ``clamp(min=0)`` and the like count as ReLUs, as modules, functions or
    methods, in place or not; leaky and smooth activations keep their own gradients. A tensor that feeds something
    else besides its ReLU gets the gradient of that unchanged.

    Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All Convolutional Net", ICLR 2015
    workshop, arXiv:1412.6806.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "guided_backprop").channels.shape
    (3, 128, 128)
    """

    id: ClassVar[str] = "guided_backprop"
    label: ClassVar[str] = "Guided backpropagation"
    kind: ClassVar[GradientKind] = "guided"
    summary: ClassVar[str] = "The gradient, where every ReLU passes back only positive parts of what it let through."
    formula: ClassVar[str] = "M = max over channels of |R|, at every ReLU  R_in = R_out · 1[x > 0] · 1[R_out > 0]"
    cites: ClassVar[str] = "Springenberg et al., ICLR 2015 workshop, arXiv:1412.6806"
    when: ClassVar[str] = (
        "For fine, clean outlines of what a ReLU network sees. Not as evidence for a class: the map hardly changes with"
        " the class, or when the upper layers forget what they learned. Guided Grad-CAM adds the class."
    )
    evaluations: ClassVar[str] = "1 forward, 1 backward"
    randomisation: ClassVar[Randomisation] = "fails"


@dataclass(frozen=True)
class Deconvolution(_RectifiedGradient):
    r"""Deconvolution: the gradient, where every ReLU passes back only what is positive, open or not.

    .. math:: R^{l} = R^{l+1} \cdot \mathbb{1}[R^{l+1} > 0], \qquad M_p = \max_c |R^0_{cp}|

    at every ReLU l. `channels` holds the signed :math:`R^0`, `values` its largest magnitude, as for saliency. What
    counts as a ReLU is as for guided backpropagation. Max pooling passes back to the largest input, as the switches
    of the paper do.

    Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "deconvolution").signed
    False
    """

    id: ClassVar[str] = "deconvolution"
    label: ClassVar[str] = "Deconvolution"
    kind: ClassVar[GradientKind] = "deconv"
    summary: ClassVar[str] = "The gradient, where every ReLU passes back only what is positive."
    formula: ClassVar[str] = "M = max over channels of |R|, at every ReLU  R_in = R_out · 1[R_out > 0]"
    cites: ClassVar[str] = "Zeiler and Fergus, ECCV 2014, arXiv:1311.2901"
    when: ClassVar[str] = (
        "For comparison with guided backpropagation, which is cleaner and also looks at what was open. Not as evidence"
        " for a class: the map hardly depends on it, and in networks without max pooling not on the picture either."
    )
    evaluations: ClassVar[str] = "1 forward, 1 backward"
    randomisation: ClassVar[Randomisation] = "fails"


@dataclass(frozen=True)
class GuidedGradCam(Explainer):
    r"""Guided Grad-CAM: the outlines of guided backpropagation where Grad-CAM finds the class.

    .. math:: M_p = \max_c \big| R^0_{cp} \cdot U\big(\mathrm{ReLU}(L)\big)_p \big|

    with :math:`R^0` the guided gradient at the input, L the Grad-CAM map of the layer and U its enlargement to the
    input, linear as heat maps are resized. `channels` holds the signed products. The ReLU stays for a contrast too:
    the map shows what speaks for A rather than B. Several layers are fused as for Grad-CAM.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
    arXiv:1610.02391.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "guided_grad_cam")
    >>> a.layer, a.values.shape
    ('layer4', (128, 128))
    """

    id: ClassVar[str] = "guided_grad_cam"
    label: ClassVar[str] = "Guided Grad-CAM"
    access: ClassVar[Access] = "white_box"
    reduction: ClassVar[Reduction] = "largest"
    summary: ClassVar[str] = "The fine outlines of guided backpropagation, kept where Grad-CAM finds the class."
    formula: ClassVar[str] = "M = max over channels of |R · enlarged ReLU(Grad-CAM)|,  R the guided gradient"
    cites: ClassVar[str] = "Selvaraju et al., ICCV 2017, arXiv:1610.02391"
    when: ClassVar[str] = (
        "For outlines of the class that is asked about. The place comes from Grad-CAM alone; the outlines inside it"
        " hardly depend on the class."
    )
    evaluations: ClassVar[str] = "2 forwards, 2 backwards (1 where the head is GAP + linear)"
    randomisation: ClassVar[Randomisation] = "passes"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "|guided gradient × Grad-CAM|"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return False

    @property
    def uses_layer(self) -> bool:
        """Whether it reads activations at a layer."""
        return True

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        return super().refuses(facts) or GradCam().refuses(facts) or _without_rectifiers(self.label, facts)

    def refuses_layer(self, layer: LayerFact, facts: Facts) -> str | None:
        """Return why this layer cannot be used, in words, or None."""
        return GradCam().refuses_layer(layer, facts)

    def default_layer(self, facts: Facts) -> str | None:
        """Return the layer that Grad-CAM uses."""
        return GradCam().default_layer(facts)

    def cost(self, case: Case) -> Cost:
        """Grad-CAM, and one forward and one backward."""
        one, rows = GradCam(relu=True).cost(case), len(case.inputs)
        return Cost(one.forwards + rows, one.backwards + rows)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        (cam,) = GradCam(relu=True).estimates(case)
        size, mode = case.inputs.shape[2:], INTERPOLATION[case.facts.dims]
        place = functional.interpolate(cam.values[:, None], size=size, mode=mode, align_corners=False)
        gradient = case.input_gradient("guided")
        guided = gradient * place.to(gradient)
        yield Estimate(reduced(guided, self.reduction), signed=False, channels=guided, meta=cam.meta)


def _without_rectifiers(label: str, facts: Facts) -> str | None:
    """Return why a modified backward means nothing for a model that never rectifies, or None."""
    if facts.rectifiers > 0:
        return None
    return (
        f"{label} changes what ReLUs pass back, and {facts.model} calls none that can be seen (its activations are"
        " others, such as GELU, or it is scripted). Use 'saliency' or 'integrated_gradients'."
    )
