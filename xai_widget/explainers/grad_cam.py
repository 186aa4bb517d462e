"""Grad-CAM, Grad-CAM++ and LayerCAM: one forward, one backward through the head.

Symbols: A is the activation `[C, *grid]` of the layer, y the score asked about, g = ∂y/∂A, Z the number of positions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Case, GradientKind
from xai_widget.explainers.cam import GradientCam, GradientField, PoolingField, gradient_words, pooled, weighted_sum
from xai_widget.explainers.method import Randomisation

ONCE: Final = "1 forward, 1 backward through the layers above (none where GAP + one linear layer follow)"


@dataclass(frozen=True)
class _OneGradient(GradientCam):
    """A map of A and g at the input itself."""

    gradient: GradientField = "plain"

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        read = self._read(case)
        unused = [layer for layer, (_, g) in read.items() if not g.any()]
        # In a transformer with a class token, nothing reads the other tokens behind the last attention.
        meta: dict[str, Any] = {"no_gradient": unused} if unused else {}
        yield self._estimate(case, {layer: self._map(a, g) for layer, (a, g) in read.items()}, **meta)

    def _kind(self) -> GradientKind:
        return self.gradient

    def _map(self, a: Tensor, g: Tensor) -> Tensor:
        """Return the map `[N, *grid]` from activations and gradients `[N, C, *grid]`."""
        raise NotImplementedError


@dataclass(frozen=True)
class GradCam(_OneGradient):
    r"""Grad-CAM: activations weighted by the mean gradient of their channel.

    .. math:: M = \mathrm{ReLU}\Big(\sum_k w_k A_k\Big), \qquad w_k = \frac{1}{Z} \sum_{ij} g_{kij}

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
    arXiv:1610.02391. Its appendix compares poolings and modified backward passes; they are options here. Without
    pooling, :math:`M = \mathrm{ReLU}(\sum_k g_k \odot A_k)` is HiResCAM (Draelos and Carin 2020, arXiv:2011.08891).

    Parameters
    ----------
    relu : bool or None
        Keep only positive evidence; None: yes for a class, no for a contrast.
    gradient : {"plain", "guided", "deconv"}
        What rectifiers above the layer let through on the way back: the gradient; where it is positive and the
        rectifier was open; where it is positive.
    pooling : {"mean", "max", "sum", "none"}
        Of the gradient over the positions.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "grad_cam").signed
    False
    """

    id: ClassVar[str] = "grad_cam"
    label: ClassVar[str] = "Grad-CAM"
    summary: ClassVar[str] = "Where the layer's features raise the score, weighted by their mean gradient."
    formula: ClassVar[str] = "M = ReLU(Σₖ wₖ Aₖ),  wₖ = mean over positions of ∂y/∂Aₖ"
    cites: ClassVar[str] = "Selvaraju et al., ICCV 2017, arXiv:1610.02391"
    when: ClassVar[str] = (
        "The first map to look at: quick, class-specific, for any network with a late layer on a grid. It is as coarse"
        " as the layer, and in early layers the pooled gradient says little; use LayerCAM there."
    )
    evaluations: ClassVar[str] = ONCE
    randomisation: ClassVar[Randomisation] = "passes"

    pooling: PoolingField = "mean"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return f"activation × {gradient_words(self.gradient, self.pooling)}"

    def _map(self, a: Tensor, g: Tensor) -> Tensor:
        return weighted_sum(pooled(g, self.pooling), a)


@dataclass(frozen=True)
class GradCamPlusPlus(_OneGradient):
    r"""Grad-CAM++: positive gradients weighted so that every occurrence of a class counts.

    Equation 19 of the paper gives :math:`\alpha = g^2 / (2 g^2 + S_k g^3)` with :math:`S_k = \sum_{ij} A_{kij}`, and
    weights :math:`w_k = \sum_{ij} \alpha\, \mathrm{ReLU}(g)`. The square cancels,

    .. math:: w_k = \sum_{ij} \frac{\mathrm{ReLU}(g_{kij})}{2 + S_k\, g_{kij}}

    which needs no stabiliser and does not underflow.

    Chattopadhay et al., "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional Networks",
    WACV 2018, arXiv:1710.11063.

    Parameters
    ----------
    relu : bool or None
        Keep only positive evidence; None: yes for a class, no for a contrast.
    gradient : {"plain", "guided", "deconv"}
        What rectifiers above the layer let through on the way back.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "grad_cam_pp").label
    'cat'
    """

    id: ClassVar[str] = "grad_cam_pp"
    label: ClassVar[str] = "Grad-CAM++"
    summary: ClassVar[str] = "Like Grad-CAM, but only positive gradients count, and several objects share the map."
    formula: ClassVar[str] = "M = ReLU(Σₖ wₖ Aₖ),  wₖ = Σ ReLU(g) / (2 + Sₖ·g),  g = ∂y/∂Aₖ,  Sₖ = Σ Aₖ"
    cites: ClassVar[str] = "Chattopadhay et al., WACV 2018, arXiv:1710.11063"
    when: ClassVar[str] = (
        "Where several objects of the class are in the picture and Grad-CAM shows one of them. It counts no negative"
        " gradient, so that it separates similar classes less well; its derivation assumes activations of at least 0."
    )
    evaluations: ClassVar[str] = ONCE
    randomisation: ClassVar[Randomisation] = "passes"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "weighted activation"

    def _map(self, a: Tensor, g: Tensor) -> Tensor:
        g = g.flatten(2)
        divisor = 2 + a.flatten(2).sum(2, keepdim=True) * g
        # A pole is only possible where activations are negative; such a position has no finite weight.
        share = torch.where(divisor == 0, torch.zeros_like(g), g.clamp(min=0) / divisor)
        return weighted_sum(share.sum(2), a)


@dataclass(frozen=True)
class LayerCam(_OneGradient):
    r"""LayerCAM: every position of every channel weighted by its own positive gradient.

    .. math:: M = \mathrm{ReLU}\Big(\sum_k \mathrm{ReLU}(g_k) \odot A_k\Big)

    Jiang, Zhang, Hou, Cheng, Wei, "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE
    Transactions on Image Processing 30, 2021, doi:10.1109/TIP.2021.3089943.

    Parameters
    ----------
    relu : bool or None
        The outer ReLU; None: yes for a class, no for a contrast.
    gradient : {"plain", "guided", "deconv"}
        What rectifiers above the layer let through on the way back.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "layer_cam").signed
    False
    """

    id: ClassVar[str] = "layer_cam"
    label: ClassVar[str] = "LayerCAM"
    summary: ClassVar[str] = "Where a feature and its own gradient are both positive; sharp in early layers too."
    formula: ClassVar[str] = "M = ReLU(Σₖ ReLU(gₖ) ⊙ Aₖ),  g = ∂y/∂A"
    cites: ClassVar[str] = "Jiang et al., IEEE TIP 2021, doi:10.1109/TIP.2021.3089943"
    when: ClassVar[str] = (
        "For fine maps from early or middle layers, alone or fused with a late one. At a layer that feeds global"
        " average pooling every position has the same gradient, and it is Grad-CAM of the positive weights."
    )
    evaluations: ClassVar[str] = ONCE
    randomisation: ClassVar[Randomisation] = "passes"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return f"activation × positive {gradient_words(self.gradient)}"

    def _map(self, a: Tensor, g: Tensor) -> Tensor:
        return weighted_sum(g.clamp(min=0), a)
