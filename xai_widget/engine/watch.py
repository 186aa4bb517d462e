"""Watch: the hooks of the measured pass, and what they tell about layers, head and attention."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xai_widget.engine.attention_calls import is_self_attention, map_shape
from xai_widget.engine.facts import AttentionFact, Head, LayerFact, Layout
from xai_widget.engine.hooks import Hook
from xai_widget.engine.rectified import rectifier_ceiling
from xai_widget.engine.tokens import is_stretched, token_grid
from xai_widget.models import ScoreKind

CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# They work on the last axis: their outputs are channels-last or tokens.
ON_LAST_AXIS: Final = (nn.Linear, nn.MultiheadAttention)
NORMALISATIONS: Final = (nn.LayerNorm, nn.RMSNorm)
# In eval mode they pass on what they are given: there is nothing to choose between them and the layer before.
UNCHANGED: Final = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
# A layer behind which this share of all layers still follows says little about the output: nothing deeper was recognised.
LATE: Final = 0.8
SHALLOW: Final = 20


class Calls(TorchFunctionMode):
    """Notes what a forward calls: how often it rectifies, and the shapes of its attention maps.

    Parameters
    ----------
    attended : callable
        Told the shape `(N, heads, queries, keys)` of every attention map before it is computed.
    """

    def __init__(self, attended: Callable[[tuple[int, ...]], None]) -> None:
        super().__init__()
        self.rectifiers = 0
        self._attended = attended

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one call of PyTorch as it is."""
        del types
        kwargs = kwargs or {}
        self.rectifiers += rectifier_ceiling(func, args, kwargs) is not None
        shape = map_shape(func, args, kwargs)
        if shape is not None:
            self._attended(shape)
        return func(*args, **kwargs)


@dataclass(frozen=True)
class _Place:
    """Where the positions of an output are."""

    layout: Layout
    grid: tuple[int, ...]
    prefix: int = 0

    def mean(self, out: Tensor) -> Tensor:
        """Mean over the grid of the first row, `[1, C]`."""
        row = out[:1].detach().float()
        if self.layout == "channels_first":
            return row.flatten(2).mean(2)
        return row.flatten(1, -2)[:, self.prefix :].mean(1)


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A layer that could be the head: position means of what entered and left it (plain, and after a ReLU)."""

    name: str
    module: Any
    entering: Tensor
    leaving: Tensor
    leaving_positive: Tensor


class Watch:
    """Hooks of one pass: what each module gave, what could be the head, what the last attention was computed from.

    Parameters
    ----------
    inputs : Tensor
        `[N, C, *S]`.
    rtol : float
        Agreement asked for when a structure is recognised by its numbers.
    """

    def __init__(self, inputs: Tensor, rtol: float) -> None:
        self._rows = len(inputs)
        self._size = tuple(inputs.shape[2:])
        self._rtol = rtol
        self.calls = Calls(self._attended)
        self._widths: set[int] = set()  # channels of layers that work on [..., C]
        self._seen: dict[str, LayerFact] = {}
        self._pooled: dict[str, Tensor] = {}
        self._heads: list[_Candidate] = []
        self._convolutions: list[LayerFact] = []
        # Token layers since the last attention: the last normalisation, the last one that is no projection.
        self._normalised: LayerFact | None = None
        self._mixed: LayerFact | None = None
        self._attended_from: LayerFact | None = None
        self._convolved_since = False
        self._maps: list[tuple[int, ...]] = []
        self._crossed = False

    def hooks(self, module: nn.Module) -> dict[str, Hook]:
        """One hook a layer, by name; parts that are scripted cannot be looked into."""
        skipped = (torch.jit.ScriptModule, *UNCHANGED)
        return {name: self._hook(name) for name, m in module.named_modules() if name and not isinstance(m, skipped)}

    def _hook(self, name: str) -> Hook:
        def look(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            with torch._C.DisableTorchFunction():  # what is computed here is no call of the model's
                self._look(name, module, args, output)

        return look

    def _look(self, name: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        out = first_tensor(output)
        if out is None or out.ndim < 2:
            return
        previous = self._seen.pop(name, None)  # a second call moves the layer to where it finished last
        calls = 1 if previous is None else previous.calls + 1
        place = self._place(module, out)
        layer = LayerFact(name, type(module).__name__, tuple(out.shape[1:]), None, calls)
        if place is not None:
            layer = replace(layer, grid=place.grid, layout=place.layout, prefix=place.prefix)
            self._pooled[name] = place.mean(out)
        self._seen[name] = layer
        self._note(module, layer)
        is_pointwise = isinstance(module, CONVOLUTIONS) and set(module.kernel_size) == {1}
        if args and ((isinstance(module, nn.Linear) and out.ndim == 2) or is_pointwise):
            self._heads.append(_Candidate(name, module, _mean(args[0]), _mean(out), _mean(out.clamp(min=0))))

    def _note(self, module: nn.Module, layer: LayerFact) -> None:
        if layer.grid is None:
            return
        if isinstance(module, CONVOLUTIONS):
            self._convolutions.append(layer)
            self._convolved_since = True
        if layer.layout != "channels_first" and not isinstance(module, ON_LAST_AXIS):
            self._mixed = layer
            if isinstance(module, NORMALISATIONS):
                self._normalised = layer

    def _attended(self, shape: tuple[int, ...]) -> None:
        self._attended_from = source = self._normalised or self._mixed or self._attended_from
        self._normalised = self._mixed = None
        self._convolved_since = False
        # Attention of channels to channels has a square map too, but not as many rows as there are tokens.
        of_tokens = source is None or source.layout != "tokens" or len(source.shape) != 2 or source.shape[0] == shape[2]
        if is_self_attention(shape) and (of_tokens or shape[0] != self._rows):
            self._maps.append(shape)
        else:
            self._crossed = True

    # -- where the positions are ------------------------------------------------------------------------------------

    def _place(self, module: nn.Module, out: Tensor) -> _Place | None:
        if isinstance(module, (*ON_LAST_AXIS, *NORMALISATIONS)) and out.ndim > 2 and self._is_last_axis(module, out):
            self._widths.add(out.shape[-1])
        if out.ndim == len(self._size) + 2:
            return self._spatial(module, out)
        if out.ndim == 3 and len(self._size) > 1 and len(out) == self._rows:
            known = {layer.channels for layer in self._convolutions[-1:]} | self._widths
            found = token_grid(out.shape[1], self._size, [layer.grid for layer in self._convolutions if layer.grid])
            if found is not None and math.prod(found[0]) > 1 and out.shape[-1] in known:
                return _Place("tokens", *found)
        return None

    def _spatial(self, module: nn.Module, out: Tensor) -> _Place | None:
        first, last = tuple(out.shape[2:]), tuple(out.shape[1:-1])
        is_last = self._is_last_axis(module, out)
        if is_last is None:
            is_last = out.shape[-1] in self._widths and is_stretched(first, self._size)
        if is_last:
            # Along its first axis a volume may be cut at another pace: the frames of a clip, thick slices.
            usable = len(out) == self._rows and math.prod(last) > 1 and not is_stretched(last[-2:], self._size[-2:])
            return _Place("channels_last", last) if usable else None
        is_map = any(tuple(out.shape[1:]) == seen[1:] for seen in self._maps)
        return None if math.prod(first) == 1 or is_map else _Place("channels_first", first)

    @staticmethod
    def _is_last_axis(module: nn.Module, out: Tensor) -> bool | None:
        """Whether the last axis holds the channels; None where the module does not tell."""
        if isinstance(module, ON_LAST_AXIS):
            return True
        if not isinstance(module, NORMALISATIONS):
            return None
        if len(module.normalized_shape) > 1:
            return None
        width = module.normalized_shape[0]  # a variant of LayerNorm for [N, C, *S] normalises over the second axis
        if out.shape[1] == out.shape[-1]:
            return type(module).forward in {nn.LayerNorm.forward, nn.RMSNorm.forward}
        return bool(out.shape[-1] == width)

    # -- what it comes to -------------------------------------------------------------------------------------------

    def layers(self) -> tuple[LayerFact, ...]:
        """Layers in the order in which they finished."""
        return tuple(self._seen.values())

    def attention(self) -> AttentionFact | None:
        """What the attention maps tell."""
        maps = self._maps
        if not maps:
            return None
        _, heads, tokens, _ = maps[-1]
        windowed = any(shape[0] != self._rows or shape[2] != tokens for shape in maps)
        grids = [layer.grid for layer in self._convolutions if layer.grid]
        found = None if windowed or len(self._size) < 2 else token_grid(tokens, self._size, grids)
        grid, prefix = found if found is not None and math.prod(found[0]) > 1 else (None, 0)
        return AttentionFact(len(maps), heads, tokens, prefix, grid, windowed, self._crossed)

    def default_layer(self, n_scores: int, head: Head | None) -> str | None:
        """Return the layer that says most about where the evidence is.

        The layer that feeds a GAP + linear head. Else, where the network ends in attention: what the last attention is
        computed from (behind it only the class token counts, and the other tokens' gradient is zero), or the last
        grid where attention is windowed. Else the last layer of the largest grid behind the last convolution.
        """
        if head is not None:
            return head.layers[-1]
        if self._attended_from is not None and not self._convolved_since:
            attention = self.attention()
            if attention is None or not attention.windowed:
                return self._attended_from.name
            return [layer.name for layer in self._seen.values() if layer.grid is not None][-1]
        return self._behind_the_last_convolution(n_scores)

    def _behind_the_last_convolution(self, n_scores: int) -> str | None:
        names = list(self._seen)
        behind = [conv.name for conv in self._convolutions if conv.channels != n_scores and conv.name in self._seen]
        start = names.index(behind[-1]) if behind else 0
        maps = {conv.name for conv in self._convolutions if conv.channels == n_scores}
        stop = next((i for i, name in enumerate(names) if i > start and name in maps), len(names))
        spatial = [layer for name in names[start:stop] if (layer := self._seen[name]).grid is not None]
        if not spatial:
            return None
        largest = max(math.prod(layer.grid or ()) for layer in spatial)
        chosen = [layer.name for layer in spatial if math.prod(layer.grid or ()) == largest][-1]
        is_early = len(names) - names.index(chosen) > LATE * len(names) and len(names) > SHALLOW
        return None if is_early else chosen

    def head(self, raw: Tensor, kind: ScoreKind) -> Head | None:
        """Return the head that is linear in the mean of a layer, recognised by its numbers."""
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
