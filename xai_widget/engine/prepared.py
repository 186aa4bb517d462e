"""The prepared copy: the same network, made for passes in which nothing inside it is watched.

Batch norms are folded into the layers before them, weights lie in memory as processors like them, and for bfloat16
they are converted once instead of at every pass. What does not change is shared with the network it was made from. A
copy that does not give the same scores is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from xai_widget.engine.folding import LINEAR, Readers, fold
from xai_widget.engine.shadow import make_shadow

Scores = Callable[[nn.Module, Tensor], Tensor]
# Largest difference of scores, as a share of the largest score: of sums in another order, and of bfloat16.
REORDERED: Final = 1e-4
ROUNDED: Final = 0.1
EXACT: Final = frozenset({torch.float32, torch.float64})
LAYOUTS: Final = {4: torch.channels_last, 5: torch.channels_last_3d}


@dataclass(frozen=True, eq=False)
class Prepared:
    """A prepared copy.

    Attributes
    ----------
    network : torch.nn.Module
        In eval mode, without gradients of parameters.
    layout : torch.memory_format
        How inputs should lie in memory.
    nbytes : int
        Memory of what it does not share with the network it was made from.
    """

    network: nn.Module
    layout: torch.memory_format
    nbytes: int = 0


def prepare(network: nn.Module, inputs: Tensor, scores: Scores, lowered: Scores | None = None) -> Prepared | None:
    """Return the prepared copy of a network that is at rest, None where there is nothing to gain or it is refused.

    Parameters
    ----------
    network : torch.nn.Module
        In eval mode, without gradients of parameters; untouched.
    inputs : Tensor
        `[N, C, *S]`: the copy must give the same scores for these.
    scores : callable
        ``scores(network, inputs)`` gives raw scores `[N, K]` in full precision.
    lowered : callable or None
        The same under autocast to bfloat16, for a copy that will run so.
    """
    if any(parameter.dtype not in EXACT for parameter in network.parameters()):
        return None
    readers = Readers(network)
    with readers.watching():
        expected = scores(network, inputs)
    found = _exact(network, readers.pairs(), inputs, scores, expected)
    if lowered is not None:
        source = network if found is None else found.network
        low = make_shadow(source)
        if low is not None and lower(low, readers.head(expected)):
            layout = torch.preserve_format if found is None else found.layout
            found = _if_alike(Prepared(low, layout), inputs, lowered, expected, ROUNDED) or found
    return None if found is None else replace(found, nbytes=_own_bytes(found.network, network))


def arrange(network: nn.Module, layout: torch.memory_format) -> int:
    """Lay the weights of convolutions out as inputs of this layout want them; returns how many convolutions."""
    count = 0
    with torch.no_grad():
        for module in network.modules():
            weight = module._parameters.get("weight") if type(module) in LINEAR else None
            if weight is not None and LAYOUTS.get(weight.ndim) == layout:
                weight.data = weight.data.contiguous(memory_format=layout)
                count += 1
    return count


def lower(network: nn.Module, head: str | None) -> int:
    """Convert linear layers to bfloat16, once, for passes under autocast; returns how many.

    The linear layer called `head`, which gives the scores, stays in float32: they would be rounded to three digits.
    """
    count = 0
    for name, module in network.named_modules():
        if type(module) in LINEAR:
            if name == head and type(module) is nn.Linear:
                module.__class__ = ExactLinear
            else:
                for parameter in module.parameters(recurse=False):
                    parameter.data = parameter.data.bfloat16()
            count += 1
    return count


class ExactLinear(nn.Linear):
    """A linear layer that autocast leaves alone."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in torch
        """Return the scores, in float32."""
        with torch.autocast(input.device.type, enabled=False):
            return functional.linear(input.to(self.weight.dtype), self.weight, self.bias)


def _exact(
    network: nn.Module, pairs: list[tuple[str, str]], inputs: Tensor, scores: Scores, expected: Tensor
) -> Prepared | None:
    """Return a copy with batch norms folded: channels last, or where the network does not bear that, as it was."""
    for layout in (LAYOUTS.get(inputs.ndim), torch.preserve_format):
        copy = None if layout is None else make_shadow(network)
        if copy is None or layout is None:
            continue
        changes = fold(copy, pairs) + arrange(copy, layout)
        found = _if_alike(Prepared(copy, layout), inputs, scores, expected, REORDERED) if changes else None
        if found is not None:
            return found
    return None


def _if_alike(made: Prepared, inputs: Tensor, scores: Scores, expected: Tensor, tolerance: float) -> Prepared | None:
    try:
        found = scores(made.network, inputs.contiguous(memory_format=made.layout))
    except Exception:  # noqa: BLE001 - a `view` that wants another layout, a forward that looks for the folded norm
        return None
    if found.shape != expected.shape:
        return None
    return made if bool((found - expected).abs().max() <= tolerance * expected.abs().max()) else None


def _own_bytes(network: nn.Module, source: nn.Module) -> int:
    shared = {tensor.data_ptr() for tensor in _tensors(source)}
    own = {tensor.data_ptr(): tensor.nbytes for tensor in _tensors(network)}
    return sum(nbytes for place, nbytes in own.items() if place not in shared)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
