"""Operations that a region passes through: how far its changes reach, and the values behind them.

What is not known here spreads over the whole map, or is rare: from there on the activations are whole again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.fx.node import Node

from xai_widget.engine.incremental.regions import Base, Extent, Ints, Region, Sliding, paste


class Clean(Protocol):
    """The clean activations, for one batch of windows."""

    def gather(self, node: Node, fill: float, offset: Ints, width: Ints) -> Tensor:
        """Copy windows of a node's activation, one a row of the batch; `fill` stands around the map."""


@dataclass(frozen=True, eq=False)
class Read:
    """An activation that an operation reads around regions, and how far beyond the map.

    Attributes
    ----------
    node : Node
    fill : float
        What stands outside.
    before, after : int array [D]
    """

    node: Node
    fill: float
    before: Ints
    after: Ints


@dataclass(frozen=True, eq=False)
class Pointwise:
    """Every place on its own: activations, norms in eval mode, arithmetic with numbers, channels picked."""

    run: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Slides:
    """Convolution or pooling.

    Attributes
    ----------
    source : Node
        What it slides over.
    run : callable
        The operation, without padding, on windows `[B, C, *w]`.
    weights : Base or None
        What the outputs are multiplied with where padding counts differently from place to place, `[1, 1, *out]`.
    """

    source: Node
    geometry: Sliding
    run: Callable[[Tensor], Tensor]
    fill: float = 0.0
    weights: Base | None = None

    @property
    def sources(self) -> tuple[Node, ...]:
        """What regions it joins: one."""
        return (self.source,)

    @property
    def size(self) -> Ints:
        """Spatial size of the result."""
        return self.geometry.out

    def reads(self) -> list[Read]:
        """Return what it reads around regions."""
        geometry = self.geometry
        padded = bool((geometry.before | geometry.after).any())
        return [Read(self.source, self.fill if padded else 0.0, geometry.before, geometry.after)]

    def extent(self, regions: Sequence[Extent]) -> Extent:
        """Return what changes."""
        return self.geometry.reached(regions[0])

    def values(self, clean: Clean, regions: Sequence[Region], offset: Ints, width: Ints) -> Tensor:
        """Return the result in windows, `[B, C, *width]`."""
        at, shape = self.geometry.seen(offset, width)
        windows = clean.gather(self.source, self.reads()[0].fill, at, shape)
        found = self.run(paste(windows, at, regions[0]))
        if self.weights is not None:
            found *= self.weights.gather(np.zeros(len(offset), np.int64), offset, width)
        return found


@dataclass(frozen=True, eq=False)
class Joins:
    """Arithmetic of two activations of one shape: residual connections, gates."""

    sources: tuple[Node, Node]
    run: Callable[[Tensor, Tensor], Tensor]
    size: Ints

    def reads(self) -> list[Read]:
        """Return what it reads around regions."""
        none = np.zeros_like(self.size)
        return [Read(node, 0.0, none, none) for node in self.sources]

    def extent(self, regions: Sequence[Extent]) -> Extent:
        """Return what changes."""
        first, *rest = regions
        for other in rest:
            first = first | other
        return first

    def values(self, clean: Clean, regions: Sequence[Region], offset: Ints, width: Ints) -> Tensor:
        """Return the result in windows, `[B, C, *width]`."""
        first, second = (
            found.values if found.at(offset, width) else paste(clean.gather(node, 0.0, offset, width), offset, found)
            for node, found in zip(self.sources, regions, strict=True)
        )
        return self.run(first, second)


@dataclass(frozen=True, eq=False)
class Concatenates:
    """Channels of several activations side by side."""

    node: Node
    sources: tuple[Node, ...]
    size: Ints

    def reads(self) -> list[Read]:
        """Return what it reads around regions: its own clean result."""
        none = np.zeros_like(self.size)
        return [Read(self.node, 0.0, none, none)]

    def extent(self, regions: Sequence[Extent]) -> Extent:
        """Return what changes."""
        first, *rest = regions
        for other in rest:
            first = first | other
        return first

    def values(self, clean: Clean, regions: Sequence[Region], offset: Ints, width: Ints) -> Tensor:
        """Return the result in windows, `[B, C, *width]`."""
        if all(found.at(offset, width) for found in regions):
            return torch.cat([found.values for found in regions], 1)
        windows = clean.gather(self.node, 0.0, offset, width)
        start = 0
        for found in regions:
            channels = found.values.shape[1]
            paste(windows[:, start : start + channels], offset, found)
            start += channels
        return windows


Operation = Pointwise | Slides | Joins | Concatenates
Moving = Slides | Joins | Concatenates
