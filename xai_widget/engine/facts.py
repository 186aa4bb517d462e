"""Facts of a model, as one measured pass over a real input tells them: layers, output, head, attention, access, cost."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from xai_widget.models import ScoreKind

Access = Literal["black_box", "gradient", "white_box"]
Layout = Literal["channels_first", "channels_last", "tokens"]


@dataclass(frozen=True)
class LayerFact:
    """A layer as it was seen in the measured pass.

    Attributes
    ----------
    name : str
        Dotted module name, as `named_modules()` prints it.
    type : str
        Class name of the module.
    shape : tuple of int
        Output shape without the batch axis, e.g. (512, 7, 7).
    grid : tuple of int or None
        Spatial size where the output has more than one position, else None.
    calls : int
        How often the layer ran in one forward.
    layout : {"channels_first", "channels_last", "tokens"} or None
        Where channels and positions stand: `[C, *grid]`, `[*grid, C]` or `[prefix + positions, C]`; None without grid.
    prefix : int
        Tokens in front of the grid (class, distillation, registers).
    """

    name: str
    type: str
    shape: tuple[int, ...]
    grid: tuple[int, ...] | None
    calls: int
    layout: Layout | None = None
    prefix: int = 0

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.shape[0] if self.layout in {None, "channels_first"} else self.shape[-1]


@dataclass(frozen=True)
class AttentionFact:
    """Self-attention as it was seen in the measured pass.

    Attributes
    ----------
    layers, heads, tokens : int
        How many attention maps, heads in each, tokens of each.
    prefix : int
        Tokens in front of the grid.
    grid : tuple of int or None
        Patches; None where they make no grid.
    windowed : bool
        Whether tokens only see those of their own window, or are merged between the layers.
    crossed : bool
        Whether there is attention of other queries too: a class token over all, attention pooling, fewer keys.
    """

    layers: int
    heads: int
    tokens: int
    prefix: int
    grid: tuple[int, ...] | None
    windowed: bool
    crossed: bool = False


@dataclass(frozen=True, eq=False)
class Head:
    """A classifier that is linear in the spatial mean of a layer, recognised by its numbers.

    Attributes
    ----------
    name : str
        The linear layer or 1x1 convolution.
    weight : Tensor
        `[K, C]`, one row a logit.
    layers : tuple of str
        Layers whose activations A feed it.
    linear : bool
        logits = weight · mean(A) + bias. False where a ReLU stands between a 1x1 convolution and the mean.
    """

    name: str
    weight: Tensor
    layers: tuple[str, ...]
    linear: bool


@dataclass(frozen=True, eq=False)
class Facts:
    """What one measured pass tells about a model.

    Attributes
    ----------
    model : str
        Class name.
    access : {"black_box", "gradient", "white_box"}
        What the model lets a method do.
    input_shape : tuple of int
        `(C, *S)`.
    dims : int
        Number of spatial dimensions.
    n_classes : int
        Number of logits K.
    kind : ScoreKind
        How raw outputs become logits and probabilities.
    layers : tuple of LayerFact
        In the order in which they finished.
    default_layer : str or None
        Where a map says most: the layer that feeds the head, what the last attention is computed from, or the last
        layer of the largest grid behind the last convolution.
    head : Head or None
        Set where the classifier is GAP + linear, or a 1x1 convolution + GAP.
    seconds : float
        Duration of one forward of one input.
    rectifiers : int
        Calls of ReLU and its like in one forward.
    attention : AttentionFact or None
        Set where the model attends to tokens.
    """

    model: str
    access: Access
    input_shape: tuple[int, ...]
    dims: int
    n_classes: int
    kind: ScoreKind
    layers: tuple[LayerFact, ...]
    default_layer: str | None
    head: Head | None
    seconds: float
    rectifiers: int = 0
    attention: AttentionFact | None = None

    def layer(self, name: str) -> LayerFact | None:
        """Return the layer called `name`, or None."""
        return next((layer for layer in self.layers if layer.name == name), None)
