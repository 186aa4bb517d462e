"""The CAM family: maps that are weighted sums of a layer's activations. What its members share, and CAM itself.

Symbols: A is the activation `[C, *grid]` of the layer, y the score asked about, g = ∂y/∂A, Z the number of positions.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

import torch
from torch import Tensor
from torch.nn import functional

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts, GradientKind, LayerFact
from xai_widget.explainers.method import Cost, Explainer, Randomisation
from xai_widget.explainers.parameters import Param

INTERPOLATION: Final = {1: "linear", 2: "bilinear", 3: "trilinear"}

Pooling = Literal["mean", "max", "sum", "none"]
ReluField = Annotated[
    bool | None,
    Param("ReLU", "Keep only evidence for the target. Auto: on for a class, off for a contrast (A rather than B)."),
]
PoolingField = Annotated[
    Pooling,
    Param("Pool gradients", "Over the positions: mean (the paper), max, sum, or none (each position has its own)."),
]
GradientField = Annotated[
    GradientKind,
    Param(
        "Backward", "What rectifiers above the layer let through: the gradient, guided backpropagation, deconvolution."
    ),
]


@dataclass(frozen=True)
class CamMethod(Explainer):
    """What the family shares: layers with a grid, the ReLU, several layers fused into one map.

    Parameters
    ----------
    relu : bool or None
        Keep only positive evidence; None: yes for a class, no for a contrast.
    """

    access: ClassVar[Access] = "white_box"
    relu: ReluField = None

    @property
    def uses_layer(self) -> bool:
        """Whether it reads activations at a layer."""
        return True

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative; one of A rather than B is signed unless a ReLU is asked for."""
        return self.relu is False

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        if (reason := super().refuses(facts)) is not None:
            return reason
        if facts.default_layer is None:
            return (
                f"{self.label} needs a layer late in the network whose output lies on a grid (the positions of a"
                f" convolution, or tokens that tile the input), and none was recognised in {facts.model}."
                " Use 'occlusion' or 'saliency'."
            )
        return None

    def refuses_layer(self, layer: LayerFact, facts: Facts) -> str | None:
        """Return why this layer cannot be used, in words, or None."""
        if layer.grid is None:
            return f"{self.label} needs a layer with spatial positions."
        if len(layer.grid) != facts.dims:
            return f"{self.label} needs a layer with as many spatial axes as the input ({facts.dims})."
        return None

    def _rectifies(self, case: Case) -> bool:
        return not case.contrasts if self.relu is None else self.relu

    def _estimate(self, case: Case, maps: Mapping[str, Tensor], fraction: float = 1.0, **meta: Any) -> Estimate:
        """Build the estimate from the map `[N, *grid]` of each layer."""
        rectified = self._rectifies(case)
        parts = [values.float().clamp(min=0) if rectified else values.float() for values in maps.values()]
        meta["relu"] = rectified
        if len(parts) > 1:
            meta["unit"] = "share of each layer's maximum"
            meta["fused"] = "mean of the layers' maps on the finest grid, each divided by its maximum magnitude"
        values = parts[0] if len(parts) == 1 else _fused(parts)
        return Estimate(values, fraction, signed=not rectified, meta=meta)


@dataclass(frozen=True)
class GradientCam(CamMethod):
    """Members of the family that differentiate the score at the layer."""

    def cost(self, case: Case) -> Cost:
        """One forward, and a backward through the head unless its gradient is known in closed form."""
        rows = len(case.inputs)
        return Cost(rows, 0 if self._is_closed(case) else rows)

    def look(self, case: Case) -> Tensor:
        """Run the forward and return its logits: whoever needs both has them from one pass."""
        return case.capture(self._kind()).logits.detach()

    def _kind(self) -> GradientKind:
        return "plain"

    def _is_closed(self, case: Case) -> bool:
        """Whether the gradient is a row of the head's weights: plain, where GAP + linear follow the layers."""
        head = case.facts.head
        return self._kind() == "plain" and head is not None and head.linear and set(case.layers) <= set(head.layers)

    def _read(self, case: Case) -> dict[str, tuple[Tensor, Tensor]]:
        """Return A and g of every layer, `[N, C, *grid]`, in float32 at least."""
        gradients = case.gradients(self._kind())  # first: one forward gives both
        activations = case.activations()
        return {layer: (widened(activations[layer]), widened(gradients[layer])) for layer in case.layers}


def gradient_words(kind: GradientKind, pooling: Pooling = "none") -> str:
    """Return what a gradient at the layer is called, such as "mean gradient" or "max guided gradient"."""
    return " ".join(word for word in (pooling, kind, "gradient") if word not in {"none", "plain"})


def pooled(gradients: Tensor, pooling: Pooling) -> Tensor:
    """Return the weights: gradients `[N, C, *grid]` -> `[N, C]`, or the gradients themselves for "none"."""
    match pooling:
        case "mean":
            return gradients.flatten(2).mean(2)
        case "max":
            return gradients.flatten(2).amax(2)
        case "sum":
            return gradients.flatten(2).sum(2)
        case "none":
            return gradients


def weighted_sum(weights: Tensor, activations: Tensor) -> Tensor:
    """Return Σₖ wₖ Aₖ: weights `[N, C]` or `[N, C, *grid]`, activations `[N, C, *grid]` -> `[N, *grid]`."""
    return torch.einsum("nc...,nc...->n...", weights, activations)


def widened(values: Tensor) -> Tensor:
    """Return `values` in float32 if they are narrower: sums over channels need the digits."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


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
class Cam(CamMethod):
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
    when: ClassVar[str] = (
        "For networks that end in global average pooling and one linear layer: the map adds up to the logit exactly,"
        " apart from the bias. Other heads need Grad-CAM, or a GAP head in their place (models.with_gap_head)."
    )
    evaluations: ClassVar[str] = "1 forward"
    randomisation: ClassVar[Randomisation] = "passes"

    relu: Annotated[bool | None, Param("ReLU", "Keep only evidence for the target. Auto: off, as published.")] = None

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "logit at each position"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return not self.relu

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        if (reason := super().refuses(facts)) is not None:
            return reason
        if facts.head is None:
            return (
                "CAM needs a head that is global average pooling + one linear layer (or a 1x1 convolution + pooling);"
                f" {facts.model} ends otherwise. Use 'grad_cam', 'grad_cam_pp' or 'layer_cam', which work with any"
                " head, or give the model such a head: xai_widget.models.with_gap_head(model, loader)."
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
        activations, weights = case.activations(), widened(case.head_weights())
        yield self._estimate(
            case, {layer: weighted_sum(weights, widened(a).to(weights)) for layer, a in activations.items()}
        )

    def _rectifies(self, case: Case) -> bool:
        del case
        return bool(self.relu)
