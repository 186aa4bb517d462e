"""Edits: perturbations of an input, declared by the methods and written by the engine alone.

A method says *what* changes (`Boxes`, `Segments`, `Masks`); how edited inputs are built, in which buffer and in which
chunks, is decided here.
"""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from xai_widget.arrays import Array

Fill = Literal["zero", "mean", "blur", "noise"] | float | Array
FILLS: Final = ("zero", "mean", "blur", "noise")
# The blur is as strong as a seventh of the shorter side: an object of the usual window's size disappears.
BLUR_SIGMA: Final = 1 / 14
INTERPOLATION: Final = {1: "linear", 2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True, eq=False)
class Boxes:
    """Axis-aligned boxes replaced by a fill.

    Parameters
    ----------
    origin : int array [n, D]
        First corner of each box.
    size : tuple of int
        Extent of every box, one number an axis.
    fill : {"zero", "mean", "blur", "noise"}, float or Array
        What stands in the box; "zero" and numbers are in model-input units.
    profile : float array [*size], optional
        Share of the fill at every place of the box, in [0, 1]; None = the fill alone.
    """

    origin: NDArray[np.int64]
    size: tuple[int, ...]
    fill: Fill = "zero"
    profile: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def key(self) -> Hashable:
        """Equal for equal edits."""
        profile = None if self.profile is None else _digest(self.profile)
        return "boxes", _digest(self.origin), self.size, self.fill, profile

    def write(self, buffer: Tensor, inputs: Tensor, fill: Tensor, start: int, mask: Tensor | None) -> None:
        """Write edits `start ...` into `buffer` `[n, N, C, *S]`."""
        buffer.copy_(inputs.expand_as(buffer))
        patches = self.patches(inputs, fill, start, len(buffer), mask)
        for row, patch, origin in zip(buffer, patches, self.origin[start:].tolist(), strict=False):
            row[(slice(None), slice(None), *self._place(origin))] = patch

    def patches(self, inputs: Tensor, fill: Tensor, start: int, count: int, mask: Tensor | None) -> Tensor:
        """Return what stands in the boxes of edits `start ...`, `[count, N, C, *size]`."""
        share = None if self.profile is None else torch.from_numpy(self.profile).to(inputs)
        patches = inputs.new_empty((count, *inputs.shape[:2], *self.size))
        for patch, origin in zip(patches, self.origin[start : start + count].tolist(), strict=True):
            place = self._place(origin)
            box = (slice(None), slice(None), *place)
            cover = fill[box] if share is None else torch.lerp(inputs[box], fill[box], share)
            patch.copy_(cover if mask is None else torch.where(mask[place], cover, inputs[box]))
        return patches

    def _place(self, origin: list[int]) -> tuple[slice, ...]:
        return tuple(slice(o, o + s) for o, s in zip(origin, self.size, strict=True))


@dataclass(frozen=True, eq=False)
class Segments:
    """Segments of a label map switched off.

    Parameters
    ----------
    keep : bool array [n, F]
        Which of the F segments stay.
    labels : int array [*S]
        Segment of every position, 0 ... F - 1.
    fill : {"zero", "mean", "blur", "noise"}, float or Array
        What stands in a segment that is off.
    """

    keep: NDArray[np.bool_]
    labels: NDArray[np.int64]
    fill: Fill = "mean"

    def __len__(self) -> int:
        return len(self.keep)

    @property
    def key(self) -> Hashable:
        """Equal for equal edits."""
        return "segments", _digest(self.keep), _digest(self.labels), self.fill

    def write(self, buffer: Tensor, inputs: Tensor, fill: Tensor, start: int, mask: Tensor | None) -> None:
        """Write edits `start ...` into `buffer` `[n, N, C, *S]`."""
        taken = np.take(self.keep[start : start + len(buffer)], self.labels, axis=1)  # [n, *S]
        kept = torch.from_numpy(taken).to(buffer.device)
        if mask is not None:
            kept = kept | ~mask
        torch.where(kept[:, None, None], inputs, fill, out=buffer)


@dataclass(frozen=True, eq=False)
class Masks:
    """Soft masks on a coarse grid, resized to the input: input · m + fill · (1 - m).

    Parameters
    ----------
    low_res : float array [n, *g]
        Values in [0, 1]; 1 keeps the input.
    fill : {"zero", "mean", "blur", "noise"}, float or Array
        What the input fades into.
    shift : int array [n, D], optional
        The mask is resized to the input and one cell more, and the part that begins here is taken.
    """

    low_res: NDArray[np.float32]
    fill: Fill = "zero"
    shift: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.low_res)

    @property
    def key(self) -> Hashable:
        """Equal for equal edits."""
        return "masks", _digest(self.low_res), self.fill, None if self.shift is None else _digest(self.shift)

    def write(self, buffer: Tensor, inputs: Tensor, fill: Tensor, start: int, mask: Tensor | None) -> None:
        """Write edits `start ...` into `buffer` `[n, N, C, *S]`."""
        kept = self.resized(inputs, start, len(buffer))[:, None]
        if mask is not None:
            kept = torch.where(mask, kept, torch.ones_like(kept))
        torch.lerp(fill.expand_as(buffer), inputs.expand_as(buffer), kept[:, None].expand_as(buffer), out=buffer)

    def resized(self, inputs: Tensor, start: int, count: int) -> Tensor:
        """Return `count` masks from `start` on at the size of `inputs` `[N, C, *S]`, on their device: `[count, *S]`."""
        coarse = torch.from_numpy(self.low_res[start : start + count]).to(inputs)[:, None]
        size = tuple(inputs.shape[2:])
        mode = INTERPOLATION[len(size)]
        if self.shift is None:
            return functional.interpolate(coarse, size=size, mode=mode, align_corners=False)[:, 0]
        cells = coarse.shape[2:]
        larger = tuple(length + -(-length // n) for length, n in zip(size, cells, strict=True))
        large = functional.interpolate(coarse, size=larger, mode=mode, align_corners=False)
        parts = []
        for mask, origin in zip(large[:, 0], self.shift[start : start + len(coarse)].tolist(), strict=True):
            parts.append(mask[tuple(slice(o, o + length) for o, length in zip(origin, size, strict=True))])
        return torch.stack(parts)


Edits = Boxes | Segments | Masks


def fill_for(inputs: Tensor, fill: Fill, seed: int = 0, mask: Tensor | None = None) -> Tensor:
    """Return what stands where an input is edited, `[N, C, *S]`, in model-input units.

    Parameters
    ----------
    inputs : Tensor
        `[N, C, *S]`.
    fill : {"zero", "mean", "blur", "noise"}, float or Array
        0; the channel's mean over the picture; the picture under a strong Gaussian blur; Gaussian noise with the
        channel's mean and standard deviation; a number; an input `[C, *S]` or `[N, C, *S]` of one's own.
    seed : int
        For "noise".
    mask : Tensor or None
        bool `[*S]`: mean and standard deviation are those of the foreground. An empty background would draw them
        towards itself, to a grey that the foreground nowhere has.

    Raises
    ------
    ValueError
        Any other word, or an array of another shape.
    """
    if isinstance(fill, Array):
        return _given(inputs, fill)
    if isinstance(fill, int | float):
        return torch.full_like(inputs, float(fill))
    seen = (inputs if mask is None else inputs[..., mask]).flatten(2)  # [N, C, places]
    alike = (*inputs.shape[:2], *[1] * (inputs.ndim - 2))
    match fill:
        case "zero":
            return torch.zeros_like(inputs)
        case "mean":
            return seen.mean(2).reshape(alike).expand_as(inputs).contiguous()
        case "noise":
            # Drawn on the CPU: the same seed gives the same noise on every device, and to every input of a batch.
            noise = torch.randn(inputs.shape[1:], generator=torch.Generator().manual_seed(seed)).to(inputs)
            return seen.mean(2).reshape(alike) + noise * seen.std(2, correction=0).reshape(alike)
        case "blur":
            return _blurred(inputs, sigma=BLUR_SIGMA * min(inputs.shape[2:]))
    message = f"Unknown fill {fill!r}; choose one of {', '.join(map(repr, FILLS))} or a number in model-input units."
    raise ValueError(message)


def _given(inputs: Tensor, fill: Array) -> Tensor:
    values = torch.tensor(fill.values).to(inputs)
    if values.shape not in {inputs.shape, inputs.shape[1:], (1, *inputs.shape[1:])}:
        message = (
            f"An array that stands for the input must have its shape {list(inputs.shape[1:])}, got {list(values.shape)}"
            " (in model-input units)."
        )
        raise ValueError(message)
    return values.expand_as(inputs).contiguous()


def _blurred(inputs: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, one axis at a time, with edges repeated."""
    radius = max(1, int(3 * sigma + 0.5))
    offsets = torch.arange(-radius, radius + 1, device=inputs.device, dtype=inputs.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    blurred = inputs
    for axis in range(2, inputs.ndim):
        lines = blurred.movedim(axis, -1)
        flat = lines.reshape(-1, 1, lines.shape[-1])
        padded = functional.pad(flat, (radius, radius), mode="replicate")
        blurred = functional.conv1d(padded, kernel[None, None]).reshape(lines.shape).movedim(-1, axis)
    return blurred.contiguous()


def _digest(array: NDArray[np.generic]) -> bytes:
    contiguous = np.ascontiguousarray(array)
    return hashlib.blake2b(contiguous.tobytes() + str(contiguous.shape).encode(), digest_size=16).digest()
