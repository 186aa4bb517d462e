"""Anything a person has - a path, a picture, an array, a tensor, a volume - becomes a model's input and its picture.

Everything is checked here, once, before anything is computed. Float tensors are model input as they are; all else goes
through the model's preprocessing (`xai_widget.models.preprocess_for`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xai_widget.inputs.files import check_path, open_picture
from xai_widget.inputs.fitting import as_batch, check_finite, dims_of_array, dims_of_tensor, dtype_for, wanted_by
from xai_widget.inputs.pictures import eight_bit, pixels_of, shown
from xai_widget.inputs.volumes import affine_code_of, affine_of, load_nifti, placed
from xai_widget.models import Expects, Preprocess, preprocess_for

_ACCEPTED: Final = "Expected a path, a PIL picture, an array [H, W], [H, W, C] or [C, H, W], a tensor, or a NIfTI image"
_AS_IT_IS: Final = "Preprocessing: none; the tensor is model input as it is."


@dataclass(frozen=True, eq=False)
class ModelInput:
    """What a model is given, and what a person sees of it.

    Attributes
    ----------
    tensor
        ``[N, C, *S]`` in the dtype of the model's parameters (without any: float32, or float64 where that was given);
        N = 1 for one picture. A private copy.
    picture
        What the model saw, un-normalised: uint8 ``[H, W, 3]``, or float32 ``[D, H, W]`` for a volume; the first row's.
    name
        The file's name, or "image".
    notes
        What was done to the input, in words.
    affine
        From stored indices to mm ``[4, 4]``, of a NIfTI image or a tensor that carries one; None where it is not known,
        or does not hold for what a transform made of the image.
    affine_code
        The NIfTI code of the space that the affine leads to, where the image says.
    """

    tensor: Tensor
    picture: NDArray[Any]
    name: str
    notes: tuple[str, ...]
    affine: NDArray[np.float64] | None = None
    affine_code: int | None = None

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Size of a voxel along each stored axis in mm; None without an affine."""
        return None if self.affine is None else tuple(np.linalg.norm(self.affine[:3, :3], axis=0).tolist())


def read_input(img: Any, model: Callable[..., Any], *, transform: Any = None, dims: int | None = None) -> ModelInput:
    """Read one input.

    Parameters
    ----------
    img
        A path, a PIL picture, an array (HW, HWC, CHW; uint8, or floats in [0, 1]), a tensor (uint8 like an array; a
        float tensor is model input as it is), or a volume: array ``[D, H, W]`` or ``[C, D, H, W]``, NIfTI path or
        image.
    model
        Whose input it shall be.
    transform
        Preprocessing instead of the model's own; see `preprocess_for`.
    dims
        2 for pictures, 3 for volumes, where the model does not tell.

    Returns
    -------
    ModelInput
        The input, its picture and notes.

    Raises
    ------
    ValueError
        If the input cannot be read, or does not fit the model.
    TypeError
        If it is of no accepted type.
    ImportError
        If a NIfTI file is given and nibabel is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from torch import nn
    >>> item = read_input(np.zeros((4, 6), dtype=np.uint8), nn.Conv2d(1, 8, 3))
    >>> item.tensor.shape, item.picture.shape
    (torch.Size([1, 1, 4, 6]), (4, 6, 3))
    """
    reader = _Reader(model, transform, wanted_by(model, dims))
    if isinstance(img, str | os.PathLike):
        return reader.path(Path(img).expanduser())
    if isinstance(img, Image.Image):
        return reader.picture(img, Path(str(getattr(img, "filename", ""))).name or "image")
    if isinstance(img, Tensor):
        return reader.tensor(img)
    if isinstance(img, np.ndarray):
        return reader.array(img, "array")
    if hasattr(img, "dataobj") and hasattr(img, "affine"):
        return reader.volume(img, Path(str(img.get_filename() or "image")).name)
    several = " To explain several inputs use explain_batch, or a list in XaiWidget." if isinstance(img, list) else ""
    raise TypeError(f"An input cannot be {type(img).__name__}. {_ACCEPTED}.{several}")


def read_batch(
    inputs: Any, model: Callable[..., Any], *, transform: Any = None, dims: int | None = None
) -> list[ModelInput]:
    """Read several inputs.

    Parameters
    ----------
    inputs
        A list or tuple of whatever `read_input` takes, or one tensor ``[N, C, *S]``; a single input counts as a list
        of one.
    model, transform, dims
        As for `read_input`.

    Returns
    -------
    list of ModelInput
        One for each, with N = 1; their shapes may differ.

    Raises
    ------
    ValueError
        If there is nothing, or as `read_input`; a note of the error says which input it was.
    TypeError
        As `read_input`.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> len(read_batch(torch.zeros(5, 3, 8, 8), nn.Conv2d(3, 8, 3)))
    5
    """
    if isinstance(inputs, Tensor):
        items: list[Any] = _rows(inputs, wanted_by(model, dims))
    else:
        items = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    if not items:
        raise ValueError("There is no input: the list is empty.")
    found: list[ModelInput] = []
    for number, item in enumerate(items):
        try:
            found.append(_single(read_input(item, model, transform=transform, dims=dims)))
        except (TypeError, ValueError) as error:
            if len(items) > 1:
                error.add_note(f"This was input {number} of {len(items)}, counted from 0.")
            raise
    return found


@dataclass(frozen=True, eq=False)
class _Reader:
    """Reads inputs of one kind each, for one model."""

    model: Callable[..., Any]
    transform: Any
    wanted: Expects

    def path(self, path: Path) -> ModelInput:
        check_path(path)
        if path.name.lower().endswith((".nii", ".nii.gz")):
            return self.volume(load_nifti(path), path.name)
        with open_picture(path) as picture:
            return self.picture(picture, path.name)

    def picture(self, picture: Image.Image, name: str, notes: tuple[str, ...] = ()) -> ModelInput:
        if self.wanted.dims == 3:
            raise ValueError(
                f"The model takes volumes, and {name!r} is a picture. "
                "Pass an array [D, H, W], a NIfTI image, or a float tensor [C, D, H, W]."
            )
        colours, *said = eight_bit(picture, name)
        preprocess = preprocess_for(self.model, self.transform, 2)
        result = preprocess.apply(colours.convert("L") if self.wanted.channels == 1 else colours)
        return self._made(result, 2, preprocess, name, (*notes, *said, preprocess.note))

    def volume(self, volume: Any, name: str) -> ModelInput:
        """Read a NIfTI image or an array; a transform is handed it as it is."""
        if self.wanted.dims == 2:
            raise ValueError(
                f"The model takes pictures, and {name!r} is a volume. Pass one slice of it, an array [H, W]."
            )
        stored = volume.get_data_dtype() if hasattr(volume, "get_data_dtype") else volume.dtype
        if stored.kind not in "fiu":
            raise TypeError(f"The volume {name!r} holds {stored}; expected real numbers.")
        preprocess = preprocess_for(self.model, self.transform, 3)
        made = preprocess.apply(volume)
        item = self._made(made, 3, preprocess, name, (preprocess.note,))
        affine, said = placed(volume, made, tuple(item.tensor.shape[2:]))
        code = None if affine is None else affine_code_of(volume)
        return replace(item, affine=affine, affine_code=code, notes=(*item.notes, *said))

    def tensor(self, tensor: Tensor) -> ModelInput:
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
            raise TypeError(f"Expected a dense tensor with values; got {tensor.layout} on {tensor.device}.")
        if not tensor.is_floating_point():
            # Away from any graph and device: a picture goes the way of arrays.
            plain = tensor.detach().as_subclass(Tensor).cpu().resolve_conj().numpy()
            return self.array(plain[0] if plain.ndim == 4 and len(plain) == 1 else plain, "tensor")
        dims = self.wanted.dims or dims_of_tensor(tensor)
        preprocess = preprocess_for(self.model, self.transform, dims)
        item = self._made(tensor, dims, preprocess, "image", (_AS_IT_IS,), given=True)
        return replace(item, affine=affine_of(tensor))

    def array(self, array: NDArray[Any], what: str) -> ModelInput:
        if array.dtype.kind not in "fiu":
            hint = " Write it as numbers, e.g. array.astype(np.uint8) * 255." if array.dtype.kind == "b" else ""
            raise TypeError(f"The {what} holds {array.dtype}; expected uint8, or floats in [0, 1].{hint}")
        if array.size == 0:
            raise ValueError(f"The {what} is empty: its shape is {list(array.shape)}.")
        check_finite(int(array.size - np.isfinite(array).sum()), array.size)
        if (self.wanted.dims or dims_of_array(array)) == 3:
            return self.volume(array, "image")
        return self.picture(Image.fromarray(pixels_of(array, what, self.wanted)), "image")

    def _made(
        self, result: Tensor, dims: int, preprocess: Preprocess, name: str, notes: tuple[str, ...], given: bool = False
    ) -> ModelInput:
        what = "The tensor" if given else "The preprocessed input"
        # Leaving inference mode: a tensor made inside it could not be differentiated later.
        with torch.inference_mode(False):
            copy = result.detach().as_subclass(Tensor).to(dtype_for(self.model, result.dtype), copy=True).contiguous()
            batch = as_batch(copy, replace(self.wanted, dims=dims), what)
        check_finite(int(batch.numel() - batch.isfinite().sum()), batch.numel())
        # What is only assumed about preprocessing may not hold for a tensor that somebody else made.
        picture, *said = shown(batch[0], preprocess, sceptical=given and preprocess.assumed)
        return ModelInput(batch, picture, name, (*notes, *said))


def _single(item: ModelInput) -> ModelInput:
    if len(item.tensor) != 1:
        raise ValueError(
            f"One input is expected here, and the tensor holds {len(item.tensor)}: "
            "pass one row, tensor[:1], or all of them to explain_batch."
        )
    return item


def _rows(batch: Tensor, wanted: Expects) -> list[Tensor]:
    if batch.is_floating_point():
        several = batch.ndim == (wanted.dims or dims_of_tensor(batch)) + 2
    else:
        several = batch.ndim == 4 and wanted.dims != 3
    return list(batch) if several else [batch]
