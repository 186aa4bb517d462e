"""The CAM family: maps that are weighted sums of a layer's activations.

Symbols: A is the activation `[C, *grid]` of the layer, y the score asked about, g = ∂y/∂A, Z the number of positions.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts, LayerFact
from xai_widget.explainers.method import Cost, Explainer
from xai_widget.explainers.parameters import Param

INTERPOLATION = {1: "linear", 2: "bilinear", 3: "trilinear"}
Relu = Annotated[
    bool | None,
    Param(
        "ReLU",
        "Keep only evidence for the target. Auto: on for a class, off for a contrast (A rather than B).",
    ),
]


@dataclass(frozen=True)
class _Cam(Explainer):
    """What the family shares: layers with a grid, the ReLU, several layers fused into one map."""

    access: ClassVar[Access] = "white_box"
    relu: Relu = None

    @property
    def uses_layer(self) -> bool:
        """Whether it reads activations at a layer."""
        return True

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        if (reason := super().refuses(facts)) is not None:
            return reason
        if facts.default_layer is None:
            return (
                f"{self.label} needs a layer with spatial positions in front of the output, and {facts.model} has none"
                " (transformers keep tokens). Use 'occlusion' or 'saliency'."
            )
        return None

    def refuses_layer(self, layer: LayerFact, facts: Facts) -> str | None:
        """Return why this layer cannot be used, in words, or None."""
        if layer.grid is None:
            return f"{self.label} needs a layer with spatial positions."
        if len(layer.grid) != facts.dims:
            return f"{self.label} needs a layer with as many spatial axes as the input ({facts.dims})."
        return None

    def cost(self, case: Case) -> Cost:
        """One forward, and a backward through the head unless that is GAP + linear."""
        head = case.facts.head
        closed = head is not None and head.linear and set(case.layers) <= set(head.layers)
        return Cost(len(case.inputs), 0 if closed else len(case.inputs))

    def _rectifies(self, case: Case) -> bool:
        return not case.contrasts if self.relu is None else self.relu

    def _estimate(self, case: Case, map_of: Callable[[str], Tensor]) -> Estimate:
        """Build the estimate from the map `[N, *grid]` of each layer."""
        maps = {layer: map_of(layer) for layer in case.layers}
        rectified = self._rectifies(case)
        if rectified:
            maps = {layer: values.clamp(min=0) for layer, values in maps.items()}
        meta: dict[str, Any] = {"relu": rectified}
        if len(maps) == 1:
            (values,) = maps.values()
        else:
            values = _fused(list(maps.values()))
            meta["fused"] = "mean of the layers' maps on the finest grid, each divided by its maximum magnitude"
        return Estimate(values, signed=not rectified, meta=meta)


def _fused(maps: list[Tensor]) -> Tensor:
    """Mean of maps on the finest grid, each divided by max|·| of its row."""
    finest = max((values.shape[1:] for values in maps), key=math.prod)
    total = maps[0].new_zeros((len(maps[0]), *finest))
    for values in maps:
        largest = values.abs().flatten(1).amax(1).reshape(-1, *[1] * (values.ndim - 1))
        scaled = values / torch.where(largest > 0, largest, torch.ones_like(largest))
        mode = INTERPOLATION[values.ndim - 1]
        total += functional.interpolate(scaled[:, None], size=finest, mode=mode, align_corners=False)[:, 0]
    return total / len(maps)


@dataclass(frozen=True)
class GradCam(_Cam):
    r"""Grad-CAM: activations weighted by the mean gradient of their channel.

    .. math:: M = \mathrm{ReLU}\Big(\sum_k w_k A_k\Big), \qquad w_k = \frac{1}{Z} \sum_{ij} g_{kij}

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
    arXiv:1610.02391.

    Parameters
    ----------
    relu : bool or None
        Keep only positive evidence; None: yes for a class, no for a contrast.

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

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        activations, gradients = case.activations(), case.gradients()

        def weighted(layer: str) -> Tensor:
            return _weighted_sum(gradients[layer].flatten(2).mean(2), activations[layer])

        yield self._estimate(case, weighted)


@dataclass(frozen=True)
class GradCamPlusPlus(_Cam):
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

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        activations, gradients = case.activations(), case.gradients()

        def weighted(layer: str) -> Tensor:
            g, a = gradients[layer].flatten(2), activations[layer]
            divisor = 2 + a.flatten(2).sum(2, keepdim=True) * g
            # A pole is only possible where activations are negative; such a position has no finite weight.
            share = torch.where(divisor == 0, torch.zeros_like(g), g.clamp(min=0) / divisor)
            return _weighted_sum(share.sum(2), a)

        yield self._estimate(case, weighted)


@dataclass(frozen=True)
class Cam(_Cam):
    r"""CAM: activations weighted by the classifier's own weights; for networks that end in GAP + linear.

    .. math:: M_c = \sum_k W_{ck} A_k

    without bias and, as published, without ReLU. It equals Grad-CAM up to the number of positions only where the head
    is linear behind the layer (not where a ReLU stands between a 1x1 convolution and the pooling).

    Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, arXiv:1512.04150.

    Parameters
    ----------
    relu : bool or None
        Keep only positive evidence; None: no.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> explain(examples.mosaic_net(), examples.photo("cat"), "cam").signed
    True
    """

    id: ClassVar[str] = "cam"
    label: ClassVar[str] = "CAM"
    summary: ClassVar[str] = "The linear classifier read at every position of the last layer."
    formula: ClassVar[str] = "M = Σₖ W[c,k] Aₖ"
    cites: ClassVar[str] = "Zhou et al., CVPR 2016, arXiv:1512.04150"

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        if (reason := super().refuses(facts)) is not None:
            return reason
        if facts.head is None:
            return (
                f"CAM needs a head that is global average pooling + one linear layer (or a 1x1 convolution + pooling);"
                f" {facts.model} ends otherwise. Use 'grad_cam' or 'grad_cam_pp', which work with any head."
            )
        return None

    def refuses_layer(self, layer: LayerFact, facts: Facts) -> str | None:
        """Return why this layer cannot be used, in words, or None."""
        if (reason := super().refuses_layer(layer, facts)) is not None:
            return reason
        if facts.head is not None and layer.name not in facts.head.layers:
            return f"CAM is only defined at the layer that feeds the head: {facts.head.layers[-1]!r}."
        return None

    def default_layer(self, facts: Facts) -> str | None:
        """Return the layer that feeds the head."""
        return None if facts.head is None else facts.head.layers[-1]

    def cost(self, case: Case) -> Cost:
        """One forward."""
        return Cost(len(case.inputs))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        activations, weights = case.activations(), case.head_weights()
        yield self._estimate(case, lambda layer: _weighted_sum(weights, activations[layer]))

    def _rectifies(self, case: Case) -> bool:
        del case
        return bool(self.relu)


def _weighted_sum(weights: Tensor, activations: Tensor) -> Tensor:
    """Return Σₖ wₖ Aₖ: weights `[N, C]`, activations `[N, C, *grid]` -> `[N, *grid]`."""
    return torch.einsum("nc,nc...->n...", weights.to(activations.dtype), activations).float()
