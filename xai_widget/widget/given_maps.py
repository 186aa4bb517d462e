"""Maps that were computed elsewhere, and what lies below them, as they were given."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torchvision.transforms import Compose, Normalize, ToTensor

from xai_widget.attribution import Attribution
from xai_widget.explainers.method import Reduction
from xai_widget.inputs import read_input

Given: TypeAlias = Attribution | ArrayLike | Tensor


@dataclass(frozen=True)
class GivenMap:
    """A map `[h, w]` or `[d, h, w]` under the name by which it is chosen, with what is known of it."""

    id: str
    title: str
    values: Tensor
    signed: bool
    label: str | None


@dataclass(frozen=True, eq=False)
class Below:
    """What lies below the maps: a picture, uint8 `[H, W, 3]`, or a volume, float32 `[D, H, W]`, with its affine."""

    image: NDArray[Any]
    affine: NDArray[np.float64] | None = None
    name: str = "image"

    @property
    def dims(self) -> int:
        """2 of a picture, 3 of a volume."""
        return 2 if self.image.dtype == np.uint8 else 3

    def tensor(self) -> Tensor:
        """Return it as model input, `[1, C, *S]`."""
        values = torch.from_numpy(self.image)
        return values.permute(2, 0, 1)[None].float() if self.dims == 2 else values[None, None]


def says_nothing(batch: Tensor) -> Tensor:
    """Stand in a model's place."""
    return torch.zeros(len(batch), 1)


says_nothing.__name__ = "given map"  # what the widget's repr shows


def titled(given: Any, method: str | None) -> list[tuple[str | None, Given]]:
    """Return the maps with their titles; None: one that has no title of its own."""
    if not isinstance(given, Mapping) and not _is_several(given):
        return [(method, given)]
    if method is not None:
        message = "method= names a single map. Several are named by a mapping: {title: map}."
        raise ValueError(message)
    if len(given) == 0:
        message = "There is no map: expected at least one."
        raise ValueError(message)
    if isinstance(given, Mapping):
        return [(str(title), each) for title, each in given.items()]
    return [
        (f"Map {number} ({each.method})" if isinstance(each, Attribution) else f"Map {number}", each)
        for number, each in enumerate(given, 1)
    ]


def _is_several(given: Any) -> bool:
    # A list of rows of numbers is an array that has not been made one yet.
    return isinstance(given, list | tuple) and all(
        isinstance(each, Attribution | np.ndarray | Tensor) for each in given
    )


def given_map(
    given: Given, title: str | None, dims: int, *, reduce: Reduction | None = None, signed: bool | None = None
) -> GivenMap:
    """Return a map that was given, checked.

    Raises
    ------
    ValueError
        It is none: another shape, no numbers, nothing finite.
    """
    known = given if isinstance(given, Attribution) else None
    name = "A map" if title is None else f"{title!r}"
    values = _reduced(_numbers(known.values if known is not None else given, name), dims, reduce, name)
    if not np.isfinite(values).any():
        message = f"{name} has no finite value: everything in it is NaN, infinite or masked."
        raise ValueError(message)
    if signed is None:
        signed = known.signed if known is not None else bool((values < 0).any())
    shown = title or (known.method if known is not None else "Given map")
    return GivenMap(shown, shown, torch.from_numpy(values), signed, None if known is None else known.label)


def _numbers(given: Any, name: str) -> NDArray[np.float32]:
    """Return an array of anything; what is masked, and what was not finite, is not finite."""
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        given = given.float().numpy() if given.is_floating_point() else given.numpy()
    try:
        array = np.ma.asarray(given) if isinstance(given, np.ma.MaskedArray) else np.asarray(given)
    except ValueError:  # rows of different lengths
        message = f"{name} must be an array of numbers, got {type(given).__name__} of parts that do not fit together."
        raise ValueError(message) from None
    if array.dtype.kind not in "buif" or array.size == 0:
        message = f"{name} must be an array [h, w] of numbers, got shape {list(array.shape)} of {array.dtype}."
        raise ValueError(message)
    with np.errstate(over="ignore"):  # beyond float32 is as good as infinite
        plain = array.astype(np.float32)
    return plain.filled(np.nan) if isinstance(plain, np.ma.MaskedArray) else plain


def _reduced(array: NDArray[np.float32], dims: int, reduce: Reduction | None, name: str) -> NDArray[np.float32]:
    """Return `[h, w]` or `[d, h, w]`, without axes of length one and without channels."""
    shape, found = list(array.shape), array
    while found.ndim > dims and found.shape[0] == 1:
        found = found[0]
    if found.ndim == dims + 1 and found.shape[-1] == 1:
        found = found[..., 0]
    if found.ndim == dims:
        return np.array(found)
    channels = 0 if dims == 3 or found.shape[0] == 3 else -1
    if found.ndim != dims + 1 or (dims == 2 and found.shape[channels] != 3):
        wanted = "[h, w] of numbers" if dims == 2 else "[d, h, w] of numbers, for a volume"
        message = (
            f"{name} must be an array {wanted}, got shape {shape}. For a batch, or for several maps, pass a list"
            " or a mapping {title: map}; other axes have to be reduced first."
        )
        raise ValueError(message)
    if reduce is None:
        message = (
            f"{name} has {'colour ' if dims == 2 else ''}channels (shape {shape}): say what becomes of them, reduce='sum'"
            " (signed shares add up) or reduce='largest' (the largest magnitude)."
        )
        raise ValueError(message)
    return np.array(found.sum(channels) if reduce == "sum" else np.abs(found).max(channels))


def below_of(image: Any, given: Sequence[Given]) -> Below:
    """Return what lies below maps: a picture or a volume.

    Parameters
    ----------
    image : anything `read_input` reads, or None
        None: that of the first attribution that has one. An array is a volume where it cannot be a picture, or where
        the attributions are those of one.
    given : sequence of Attribution, array or Tensor
        The maps.

    Raises
    ------
    ValueError
        There is nothing, or it cannot be read.
    """
    known = next((each for each in given if isinstance(each, Attribution) and each.image is not None), None)
    if image is None:
        if known is None or known.image is None:
            message = "There is no picture: pass one as the first argument."
            raise ValueError(message)
        return Below(np.array(known.image), known.affine)
    if not _is_volume(image, given):
        # Normalised by 0 and 1: told so, the reader does not stretch the picture's contrast for display.
        as_it_is = Compose([ToTensor(), Normalize((0.0,) * 3, (1.0,) * 3)])
        return Below(np.array(read_input(image, says_nothing, transform=as_it_is, dims=2).picture))
    item = read_input(image, says_nothing, dims=3)
    affine = item.affine
    if affine is None and known is not None and known.input_size == item.picture.shape:
        affine = known.affine
    return Below(np.array(item.picture), affine, item.name)


def _is_volume(image: Any, given: Sequence[Given]) -> bool:
    if isinstance(image, str | os.PathLike):
        return str(image).lower().endswith((".nii", ".nii.gz"))
    if hasattr(image, "dataobj"):
        return True
    shape = tuple(getattr(image, "shape", ()))
    if any(isinstance(each, Attribution) and len(each.input_size) == 3 for each in given):
        return len(shape) > 2
    if len(shape) == 3:
        return not {shape[0], shape[-1]} & {1, 3, 4}  # the lengths of a picture's channels
    return len(shape) > 3 and any(_is_solid(each) for each in given)


def _is_solid(values: Any) -> bool:
    """Return whether an array can be the map of a volume alone: three axes, none of them colours."""
    shape = [length for length in getattr(values, "shape", ()) if length != 1]
    return len(shape) > 2 and 3 not in {shape[0], shape[-1]}
