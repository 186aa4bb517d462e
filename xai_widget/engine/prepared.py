"""The prepared copy: the same network, made for passes in which nothing inside it is watched.

Batch norms are folded into the layers before them, max pools go before ReLUs, weights lie in memory as processors like
them, and for bfloat16 they are converted once instead of at every pass. Where no gradients are asked for, convolutions
multiply less (`winograd`) and linear layers are `onednn`'s. What does not change is shared with the network it was made
from. A copy that does not give the same scores is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from xai_widget.engine.folding import LINEAR, Readers, fold, pool_first
from xai_widget.engine.onednn import SHARING, is_plain, serves
from xai_widget.engine.rectified import GradientKind
from xai_widget.engine.shadow import make_shadow
from xai_widget.engine.winograd import WinogradConv2d, combine, kernel_bytes, multiplies_less

Scores = Callable[[nn.Module, Tensor], Tensor]
# Largest difference of scores, as a share of the largest score: of sums in another order, and of bfloat16.
REORDERED: Final = 1e-4
ROUNDED: Final = 0.1
# Of the weights of a network's convolutions, those of layers that could multiply less. Of a ResNet-50's a third could: 2 to
# 5 % of its time, for 30 MB; of a ResNet-18's 0.8: 8 to 14 %.
WORTH: Final = 0.5
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


def prepare(
    network: nn.Module,
    inputs: Tensor,
    scores: Scores,
    lowered: Scores | None = None,
    gradients: GradientKind | None = None,
    room: int = 0,
) -> Prepared | None:
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
    gradients : {"plain", "guided", "deconv"} or None
        What will be asked of the copy besides scores.
    room : int
        Bytes that the copy may take with layers that have no gradients.
    """
    if any(parameter.dtype not in EXACT for parameter in network.parameters()):
        return None
    readers = Readers(network)
    with readers.watching():
        expected = scores(network, inputs)
    if gradients is not None or lowered is not None or not serves(inputs):
        room = 0
    # Modified gradients are cut at the ReLUs: at every place of the map, where places of pools overlap.
    pools = readers.pools() if gradients in {None, "plain"} else []
    copies = _copies(network, readers.norms(), pools, inputs, room)
    found = next((made for made in copies if _is_alike(made, inputs, scores, expected, REORDERED)), None)
    if lowered is not None:
        source, layout = (network, torch.preserve_format) if found is None else (found.network, found.layout)
        low = make_shadow(source)
        if low is not None and lower(low, readers.head(expected)):
            made = Prepared(low, layout)
            found = made if _is_alike(made, inputs, lowered, expected, ROUNDED) else found
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


def quicken(network: nn.Module, room: int) -> int:
    """Exchange layers for faster ones without gradients, which take at most `room` bytes more; returns how many.

    Kernels of combined taps are made only where they stand for a share of `WORTH` of the convolutions' weights.
    """
    count = 0
    convolutions = [module for module in network.modules() if isinstance(module, nn.modules.conv._ConvNd)]
    able = sum(module.weight.nbytes for module in convolutions if multiplies_less(module))
    if able < WORTH * sum(module.weight.nbytes for module in convolutions):
        room = 0
    for module in network.modules():
        if multiplies_less(module) and kernel_bytes(module) - module.weight.nbytes <= room:
            room -= kernel_bytes(module) - module.weight.nbytes
            combine(module)
        elif is_plain(module):
            module.__class__ = SHARING[type(module)]
        else:
            continue
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


def _copies(
    network: nn.Module, norms: list[tuple[str, str]], pools: list[tuple[str, str]], inputs: Tensor, room: int
) -> Iterator[Prepared]:
    """Yield copies that give the same scores up to rounding, the fastest first; few networks bear not all of them."""
    layouts = [LAYOUTS[inputs.ndim]] if inputs.ndim in LAYOUTS else []
    for layout in (*layouts, torch.preserve_format):
        for space in (room, 0) if room else (0,):
            made = _changed(network, norms, pools, layout, space)
            if made is not None:
                yield made


def _changed(
    network: nn.Module,
    norms: list[tuple[str, str]],
    pools: list[tuple[str, str]],
    layout: torch.memory_format,
    room: int,
) -> Prepared | None:
    copy = make_shadow(network)
    if copy is None:
        return None
    changes = fold(copy, norms) + pool_first(copy, pools) + arrange(copy, layout)
    if room:
        changes += quicken(copy, room - _own_bytes(copy, network))
    return Prepared(copy, layout) if changes else None


def _is_alike(made: Prepared, inputs: Tensor, scores: Scores, expected: Tensor, tolerance: float) -> bool:
    try:
        found = scores(made.network, inputs.contiguous(memory_format=made.layout))
    except Exception:  # noqa: BLE001 - a `view` that wants another layout, a forward that looks for the folded norm
        return False
    return found.shape == expected.shape and bool((found - expected).abs().max() <= tolerance * expected.abs().max())


def _own_bytes(network: nn.Module, source: nn.Module) -> int:
    shared = {tensor.untyped_storage().data_ptr() for tensor in _tensors(source)}
    own = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in _tensors(network)}
    kernels = sum(module.nbytes for module in network.modules() if isinstance(module, WinogradConv2d))
    return kernels + sum(nbytes for place, nbytes in own.items() if place not in shared)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
