"""Facts of a model, from one measured pass over a real input: layers, output, head, access and cost."""

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from xai_widget.engine.hooks import Hook, hooked
from xai_widget.engine.runner import Runner
from xai_widget.models import ScoreKind, class_scores

Access = Literal["black_box", "gradient", "white_box"]
Layout = Literal["channels_first", "channels_last", "tokens"]
CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# Their outputs are channels-last or tokens even where the shape could be read as [C, h, w].
NOT_SPATIAL: Final = (nn.Linear, nn.LayerNorm, nn.MultiheadAttention)
# In eval mode they pass on what they are given: there is nothing to choose between them and the layer before.
UNCHANGED: Final = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
# [h, w, C] read as [C, h, w] is a grid that is stretched against the input.
STRETCH: Final = 1.2
# Behind the last convolution a network has its head. Where this share of the layers still follows, it is something
# else (the patch embedding of a transformer), and no layer with a grid says much about the output.
LATE: Final = 0.8
SHALLOW: Final = 20
# Agreement asked for when a structure is recognised by its numbers: rounding over a few thousand terms.
RTOL: Final = {torch.float64: 1e-4, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 2e-2}


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
        Whether tokens only see those of their own window.
    """

    layers: int
    heads: int
    tokens: int
    prefix: int
    grid: tuple[int, ...] | None
    windowed: bool


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
        The last layer of the largest grid behind the last convolution.
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


def measure(runner: Runner, inputs: Tensor, activation: str | None = None) -> tuple[Facts, Runner, Tensor]:
    """Run the model once and return its facts, the runner that knows the kind of scores, and the logits `[N, K]`.

    Parameters
    ----------
    runner : Runner
        For the model.
    inputs : Tensor
        `[N, C, *S]`; facts are read from the first row's shapes.
    activation : {None, "softmax", "sigmoid", "none"}
        None decides by looking at the output.
    """
    module = runner.module
    dtype = torch.bfloat16 if runner.precision == "bfloat16" else inputs.dtype
    watch = _Watch(tuple(inputs.shape[2:]), RTOL.get(dtype, RTOL[torch.bfloat16]))
    began = time.perf_counter()
    if module is not None:
        with runner.session(grad=False), hooked(module, watch.hooks(module)):
            raw = runner.raw(inputs)
        access: Access = "white_box"
    else:
        raw, access = _try(runner, inputs)
    seconds = (time.perf_counter() - began) / inputs.shape[0]
    with torch.inference_mode(False):
        raw = raw.detach().clone()
        kind = class_scores(raw, activation)
        logits = kind.logits(raw)
        head = watch.head(raw, kind)
        facts = Facts(
            model=type(runner.network).__name__ if module is not None else getattr(runner.network, "__name__", "model"),
            access=access,
            input_shape=tuple(inputs.shape[1:]),
            dims=inputs.ndim - 2,
            n_classes=logits.shape[1],
            kind=kind,
            layers=watch.layers(),
            default_layer=watch.default_layer(raw.shape[1], head),
            head=head,
            seconds=seconds,
        )
    return facts, replace(runner, kind=kind), logits


def _try(runner: Runner, inputs: Tensor) -> tuple[Tensor, Access]:
    """Run a plain callable and look whether its output depends on the input differentiably."""
    try:
        with runner.session(grad=True):
            raw = runner.raw(inputs.clone().requires_grad_())
    except Exception:  # noqa: BLE001 - a black box may refuse a tensor with gradients in any way (.numpy() does)
        with runner.session(grad=False):
            return runner.raw(inputs), "black_box"
    return raw, "gradient" if raw.requires_grad else "black_box"


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A layer that could be the head: position means of what entered and left it (plain, and after a ReLU)."""

    name: str
    module: Any
    entering: Tensor
    leaving: Tensor
    leaving_positive: Tensor


class _Watch:
    """Hooks of one pass: what each module gave, and what could be the head."""

    def __init__(self, size: tuple[int, ...], rtol: float) -> None:
        self._size = size
        self._rtol = rtol
        self._widths: set[int] = set()  # channels of layers that work on [..., C]
        self._seen: dict[str, LayerFact] = {}
        self._pooled: dict[str, Tensor] = {}
        self._heads: list[_Candidate] = []
        self._convolutions: list[tuple[str, int]] = []

    def hooks(self, module: nn.Module) -> dict[str, Hook]:
        """One hook a layer, by name; parts that are scripted cannot be looked into."""
        skipped = (torch.jit.ScriptModule, *UNCHANGED)
        return {name: self._hook(name) for name, m in module.named_modules() if name and not isinstance(m, skipped)}

    def _hook(self, name: str) -> Hook:
        def look(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            out = first_tensor(output)
            if out is None or out.ndim < 2:
                return
            previous = self._seen.pop(name, None)  # a second call moves the layer to where it finished last
            grid = self._grid(module, out)
            calls = 1 if previous is None else previous.calls + 1
            self._seen[name] = LayerFact(
                name,
                type(module).__name__,
                tuple(out.shape[1:]),
                grid,
                calls,
                None if grid is None else "channels_first",
            )
            if grid is not None:
                self._pooled[name] = _mean(out)
            if isinstance(module, CONVOLUTIONS) and grid is not None:
                self._convolutions.append((name, out.shape[1]))
            is_pointwise = isinstance(module, CONVOLUTIONS) and set(module.kernel_size) == {1}
            if args and ((isinstance(module, nn.Linear) and out.ndim == 2) or is_pointwise):
                self._heads.append(_Candidate(name, module, _mean(args[0]), _mean(out), _mean(out.clamp(min=0))))

        return look

    def _grid(self, module: nn.Module, out: Tensor) -> tuple[int, ...] | None:
        if out.ndim != len(self._size) + 2:
            return None
        if isinstance(module, NOT_SPATIAL):
            self._widths.add(out.shape[-1])
            return None
        grid = tuple(out.shape[2:])
        looks_stretched = max((n - 1) / s for n, s in zip(grid, self._size, strict=True)) > STRETCH * min(
            (n + 1) / s for n, s in zip(grid, self._size, strict=True)
        )
        is_channels_last = grid[-1] in self._widths and looks_stretched
        return None if is_channels_last or math.prod(grid) == 1 else grid

    def layers(self) -> tuple[LayerFact, ...]:
        return tuple(self._seen.values())

    def default_layer(self, n_scores: int, head: Head | None) -> str | None:
        """Return the layer that feeds the head, else the last one of the largest grid behind the last convolution."""
        if head is not None:
            return head.layers[-1]
        names = list(self._seen)
        behind = [name for name, channels in self._convolutions if channels != n_scores and name in self._seen]
        start = names.index(behind[-1]) if behind else 0
        if len(names) - start > LATE * len(names) and len(names) > SHALLOW:
            return None
        stop = next((i for i, n in enumerate(names) if i > start and self._is_class_map(n, n_scores)), len(names))
        spatial = [self._seen[name] for name in names[start:stop] if self._seen[name].grid is not None]
        if not spatial:
            return None
        largest = max(math.prod(layer.grid or ()) for layer in spatial)
        return [layer.name for layer in spatial if math.prod(layer.grid or ()) == largest][-1]

    def _is_class_map(self, name: str, n_scores: int) -> bool:
        return (name, n_scores) in self._convolutions

    def head(self, raw: Tensor, kind: ScoreKind) -> Head | None:
        scores = raw[:1].float()
        for seen in reversed(self._heads):
            linear = self._agree(seen.leaving, scores)
            if not linear and not self._agree(seen.leaving_positive, scores):
                continue
            pooled = ((name, mean) for name, mean in self._pooled.items() if name != seen.name)
            feeding = tuple(name for name, mean in pooled if self._agree(mean, seen.entering))
            if not feeding:
                return None
            weight = seen.module.weight.detach().flatten(1)
            return Head(seen.name, torch.cat([-weight, weight]) if kind.binary else weight.clone(), feeding, linear)
        return None

    def _agree(self, a: Tensor, b: Tensor) -> bool:
        if a.shape != b.shape:
            return False
        scale = float(b.abs().max()) or 1.0
        return torch.allclose(a, b, rtol=self._rtol, atol=self._rtol * scale)


def first_tensor(output: Any) -> Tensor | None:
    """Return the tensor a module gave: itself, or the first one in a tuple, list or dict."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, dict):
        output = tuple(output.values())
    if isinstance(output, list | tuple):
        return next((item for item in output if isinstance(item, Tensor)), None)
    return None


def _mean(values: Tensor) -> Tensor:
    """Mean over positions of the first row, `[1, C]`."""
    row = values[:1].detach().float()
    return row.flatten(2).mean(2) if row.ndim > 2 else row.clone()
