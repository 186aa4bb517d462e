"""Regions: the part of an activation that a window of the input can change, and copies between maps and regions.

A batch of windows has one region each, all of one shape. Coordinates are those of the map `[*S]`; a base may be padded,
so that windows begin before it and end behind it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Extent:
    """Half-open boxes, one a row: what can differ from the clean activation.

    Attributes
    ----------
    low, high : int array [B, D]
        First and last + 1 place along each axis.
    """

    low: Ints
    high: Ints

    def __or__(self, other: "Extent") -> "Extent":
        """Return the smallest boxes around both."""
        return Extent(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def placed(self, size: Ints) -> tuple[Ints, Ints]:
        """Return windows of one shape around the boxes, inside a map of `size`: offsets `[B, D]` and the shape `[D]`."""
        width = (self.high - self.low).max(0)
        return np.minimum(self.low, size - width), width


@dataclass(eq=False)
class Region:
    """What a batch of windows changes in one activation.

    Attributes
    ----------
    values : Tensor
        `[B, C, *w]`, or `[B, *w]` where a channel was picked.
    offset : int array [B, D]
        Where the values lie on the map.
    extent : Extent
        What can have changed; inside the values.
    """

    values: Tensor
    offset: Ints
    extent: Extent

    def at(self, offset: Ints, width: Ints) -> bool:
        """Whether the values are exactly the windows of this place and shape."""
        return self.values.shape[-len(width) :] == tuple(width) and np.array_equal(self.offset, offset)


@dataclass(frozen=True, eq=False)
class Sliding:
    """A window that slides over a map: the geometry of convolutions and poolings, one number an axis.

    Attributes
    ----------
    reach : int array
        Kernel with its holes: (kernel - 1) * dilation + 1.
    stride : int array
    before, after : int array
        Padding that the outputs see.
    size, out : int array
        Spatial size of input and output.
    """

    reach: Ints
    stride: Ints
    before: Ints
    after: Ints
    size: Ints
    out: Ints

    @property
    def is_pointwise(self) -> bool:
        """Whether an output place sees the input at the same place alone."""
        return bool((self.reach == 1).all() and (self.stride == 1).all() and not (self.before | self.after).any())

    def reached(self, extent: Extent) -> Extent:
        """Return which outputs see a place of the boxes (at least one a row)."""
        low = -((self.reach - 1 - self.before - extent.low) // self.stride)  # ceiling
        high = (extent.high - 1 + self.before) // self.stride + 1
        low = np.clip(low, 0, self.out - 1)
        return Extent(low, np.clip(high, low + 1, self.out))

    def seen(self, offset: Ints, width: Ints) -> tuple[Ints, Ints]:
        """Return which inputs, padding included, windows of outputs see: offsets `[B, D]` and shape `[D]`."""
        return offset * self.stride - self.before, (width - 1) * self.stride + self.reach


@dataclass(frozen=True, eq=False)
class Base:
    """A clean activation, padded, in channels-last memory.

    Attributes
    ----------
    values : Tensor
        `[N, C, *S]` with the padding.
    before : int array [D]
        Where the map begins in it.
    """

    values: Tensor
    before: Ints

    def gather(self, rows: Ints, offset: Ints, width: Ints) -> Tensor:
        """Copy windows at `offset` of inputs `rows` `[B]`: `[B, C, *width]`."""
        shape = (self.values.shape[1], *width.tolist())
        strides = np.array(self.values.stride())
        starts = rows * strides[0] + (offset + self.before) @ strides[2:]
        out = empty_like_last((len(rows), *shape), self.values)
        inner = strides[1:].tolist()
        torch._foreach_copy_(
            list(out.unbind(0)), [self.values.as_strided(shape, inner, start) for start in starts.tolist()]
        )
        return out


def based(values: Tensor, before: Ints, after: Ints, fill: float) -> Base:
    """Return a copy of a clean activation with padding around it."""
    pads = [int(pad) for pair in zip(before[::-1], after[::-1], strict=True) for pad in pair]
    shape = (*values.shape[:2], *(np.array(values.shape[2:]) + before + after).tolist())
    out = empty_like_last(shape, values)
    if any(pads):
        out.fill_(fill)
    place = tuple(slice(int(b), int(b) + n) for b, n in zip(before, values.shape[2:], strict=True))
    out[(slice(None), slice(None), *place)] = values
    return Base(out, before)


def paste(windows: Tensor, offset: Ints, region: Region) -> Tensor:
    """Write what of a region lies inside windows at `offset` into them; returns the windows."""
    dims = offset.shape[1]
    width = np.array(region.values.shape[-dims:])
    low = np.maximum(offset, region.offset)
    high = np.minimum(offset + np.array(windows.shape[-dims:]), region.offset + width)
    sizes = high - low
    to, source = (np.array(values.stride()) for values in (windows, region.values))
    rows = np.arange(len(low))
    into = (rows * to[0] + (low - offset) @ to[-dims:] + windows.storage_offset()).tolist()
    out_of = (rows * source[0] + (low - region.offset) @ source[-dims:] + region.values.storage_offset()).tolist()
    middle = list(windows.shape[1:-dims])
    to_inner, source_inner = to[1:].tolist(), source[1:].tolist()
    targets, sources = [], []
    for size, target, origin in zip(sizes.tolist(), into, out_of, strict=True):
        if min(size) > 0:
            shape = middle + size
            targets.append(windows.as_strided(shape, to_inner, target))
            sources.append(region.values.as_strided(shape, source_inner, origin))
    if targets:
        torch._foreach_copy_(targets, sources)
    return windows


def empty_like_last(shape: Sequence[int], like: Tensor) -> Tensor:
    """Return an empty tensor `[B, C, *S]` whose channels lie side by side in memory."""
    empty = torch.empty((shape[0], *shape[2:], shape[1]), dtype=like.dtype, device=like.device)
    return empty.movedim(-1, 1)


def share(width: Ints, size: Ints) -> float:
    """Return which part of a map windows of this shape are."""
    return float(math.prod(width.tolist()) / math.prod(size.tolist()))
