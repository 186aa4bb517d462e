"""Anything a person has - a path, a picture, an array, a tensor, a volume - becomes a model's input and its picture.

Everything is checked here, once, before anything is computed. Float tensors are model input as they are; all else goes
through the model's preprocessing (`xai_widget.models.preprocess_for`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor, nn

from xai_widget.models import Expects, Preprocess, expects, preprocess_for, unwrap
from xai_widget.targets import nearest

_ACCEPTED: Final = "Expected a path, a PIL picture, an array [H, W], [H, W, C] or [C, H, W], a tensor, or a NIfTI image"
_AS_IT_IS: Final = "Preprocessing: none; the tensor is model input as it is."
_ORIENTATION: Final = 0x0112  # the EXIF tag
_WRITTEN: Final = {2: ("[C, H, W]", "[N, C, H, W]"), 3: ("[C, D, H, W]", "[N, C, D, H, W]")}


@dataclass(frozen=True, eq=False)
class ModelInput:
    """What a model is given, and what a person sees of it.

    Attributes
    ----------
    tensor
        ``[N, C, *S]`` in the dtype of the model's parameters (else float32); N = 1 for one picture. A private copy.
    picture
        What the model saw, un-normalised: uint8 ``[H, W, 3]``, or float32 ``[D, H, W]`` for a volume; the first row's.
    name
        The file's name, or "image".
    notes
        What was done to the input, in words.
    affine
        The affine of a NIfTI image ``[4, 4]``.
    """

    tensor: Tensor
    picture: NDArray[Any]
    name: str
    notes: tuple[str, ...]
    affine: NDArray[np.float64] | None = None


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
    >>> item = read_input(np.zeros((4, 6), dtype=np.uint8), nn.Conv2d(1, 8, 3))
    >>> item.tensor.shape, item.picture.shape
    (torch.Size([1, 1, 4, 6]), (4, 6, 3))
    """
    reader = _Reader(model, transform, _wanted(model, dims))
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
    >>> len(read_batch(torch.zeros(5, 3, 8, 8), nn.Conv2d(3, 8, 3)))
    5
    """
    if isinstance(inputs, Tensor):
        items: list[Any] = _rows(inputs, _wanted(model, dims))
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
        _check_path(path)
        if path.name.lower().endswith((".nii", ".nii.gz")):
            return self.volume(_load_nifti(path), path.name)
        return self.picture(_open_picture(path), path.name)

    def picture(self, picture: Image.Image, name: str, notes: tuple[str, ...] = ()) -> ModelInput:
        if self.wanted.dims == 3:
            raise ValueError(
                f"The model takes volumes, and {name!r} is a picture. "
                "Pass an array [D, H, W], a NIfTI image, or a float tensor [C, D, H, W]."
            )
        colours, *said = _eight_bit(picture, name)
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
        item = self._made(preprocess.apply(volume), 3, preprocess, name, (preprocess.note,))
        return replace(item, affine=_affine(volume))

    def tensor(self, tensor: Tensor) -> ModelInput:
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
            raise TypeError(f"Expected a dense tensor with values; got {tensor.layout} on {tensor.device}.")
        if not tensor.is_floating_point():
            # Away from any graph and device: a picture goes the way of arrays.
            plain = tensor.detach().as_subclass(Tensor).cpu().resolve_conj().numpy()
            return self.array(plain[0] if plain.ndim == 4 and len(plain) == 1 else plain, "tensor")
        dims = self.wanted.dims or _dims_of_tensor(tensor)
        preprocess = preprocess_for(self.model, self.transform, dims)
        item = self._made(tensor, dims, preprocess, "image", (_AS_IT_IS,), given=True)
        return replace(item, affine=_affine(tensor))

    def array(self, array: NDArray[Any], what: str) -> ModelInput:
        if array.dtype.kind not in "fiu":
            hint = " Write it as numbers, e.g. array.astype(np.uint8) * 255." if array.dtype.kind == "b" else ""
            raise TypeError(f"A {what} of {array.dtype} is no input; expected uint8, or floats in [0, 1].{hint}")
        if array.size == 0:
            raise ValueError(f"The {what} is empty: its shape is {list(array.shape)}.")
        _check_finite(int(array.size - np.isfinite(array).sum()), array.size)
        if (self.wanted.dims or _dims_of_array(array)) == 3:
            return self.volume(array, "image")
        return self.picture(Image.fromarray(_pixels(array, what, self.wanted)), "image")

    def _made(
        self, result: Tensor, dims: int, preprocess: Preprocess, name: str, notes: tuple[str, ...], given: bool = False
    ) -> ModelInput:
        what = "The tensor" if given else "The preprocessed input"
        # Leaving inference mode: a tensor made inside it could not be differentiated later.
        with torch.inference_mode(False):
            copy = result.detach().as_subclass(Tensor).to(_dtype(self.model, result.dtype), copy=True).contiguous()
            batch = _batched(copy, replace(self.wanted, dims=dims), what)
        _check_finite(int(batch.numel() - batch.isfinite().sum()), batch.numel())
        # What is only assumed about preprocessing may not hold for a tensor that somebody else made.
        picture, *said = _shown(batch[0], preprocess, sceptical=given and preprocess.assumed)
        return ModelInput(batch, picture, name, (*notes, *said))


# What fits the model


def _wanted(model: Callable[..., Any], dims: int | None) -> Expects:
    """Return what the model expects; `dims` outweighs its first layer."""
    if dims not in (None, 2, 3):
        raise ValueError(f"dims= is 2 for pictures or 3 for volumes; got {dims!r}.")
    wanted = expects(model)
    if dims is None or dims == wanted.dims:
        return wanted
    return Expects(dims) if wanted.dims else replace(wanted, dims=dims)


def _dtype(model: Callable[..., Any], given: torch.dtype) -> torch.dtype:
    """Return the dtype of the model's parameters; where there are none, float64 stays what it is."""
    network = unwrap(model)
    parameters = network.parameters() if isinstance(network, nn.Module) else iter(())
    plain = torch.float64 if given == torch.float64 else torch.float32
    return next((p.dtype for p in parameters if p.is_floating_point()), plain)


def _single(item: ModelInput) -> ModelInput:
    if len(item.tensor) != 1:
        raise ValueError(
            f"One input is expected here, and the tensor holds {len(item.tensor)}: "
            "pass one row, tensor[:1], or all of them to explain_batch."
        )
    return item


def _rows(batch: Tensor, wanted: Expects) -> list[Tensor]:
    if batch.is_floating_point():
        several = batch.ndim == (wanted.dims or _dims_of_tensor(batch)) + 2
    else:
        several = batch.ndim == 4 and wanted.dims != 3
    return list(batch) if several else [batch]


def _dims_of_tensor(tensor: Tensor) -> int:
    """Tell pictures from volumes by the shape alone, where only one reading makes sense."""
    shape = list(tensor.shape)
    if len(shape) == 5:
        return 3
    if len(shape) == 4 and shape[1] not in (1, 3):
        raise ValueError(
            f"A tensor {shape} can be read as {shape[0]} picture(s) [N, C, H, W] of {shape[1]} channels, "
            f"or as a volume [C, D, H, W] of {shape[0]} channel(s). Say which: dims=2 or dims=3."
        )
    if len(shape) == 3 and shape[0] not in (1, 3):
        raise ValueError(
            f"A tensor {shape} can be read as a picture [C, H, W] of {shape[0]} channels, or as a volume [D, H, W]. "
            "Say which: dims=2 or dims=3."
        )
    return 2


def _dims_of_array(array: NDArray[Any]) -> int:
    shape = list(array.shape)
    if len(shape) == 4:
        raise ValueError(
            f"An array {shape} can be read as a volume [C, D, H, W] (say dims=3), or as {shape[0]} pictures (dims=2): "
            "pass those as a list."
        )
    if len(shape) == 3 and _channel_axis(array) is None:
        raise ValueError(
            f"An array {shape} can be read as a volume [D, H, W] (say dims=3), or as a picture with a channel axis "
            "(dims=2): [H, W, C] or [C, H, W] with C of 1, 3 or 4."
        )
    return 2


def _batched(tensor: Tensor, wanted: Expects, what: str) -> Tensor:
    """Return `tensor` as ``[N, C, *S]``, checked against the model."""
    dims, channels = wanted.dims or 2, wanted.channels
    shape = list(tensor.shape)
    # A missing channel axis is clear where there is one channel; of a volume, also where nothing is known of it.
    if tensor.ndim == dims and (channels == 1 or (channels is None and dims == 3)):
        tensor = tensor[None, None]
    elif tensor.ndim == dims + 1:
        tensor = tensor[None]
    elif tensor.ndim != dims + 2:
        one, many = _WRITTEN[dims]
        raise ValueError(f"{what} has shape {shape}; expected {one} or {many}.")
    if tensor.numel() == 0:
        raise ValueError(f"{what} is empty: its shape is {shape}.")
    if channels is not None and tensor.shape[1] != channels:
        last = " Its channels seem to be last: use permute." if tensor.shape[-1] == channels else ""
        raise ValueError(
            f"{what} has {tensor.shape[1]} channel(s), in shape {shape}; the model takes {channels}.{last}"
        )
    return tensor


def _check_finite(broken: int, total: int) -> None:
    if broken:
        raise ValueError(f"{broken} of {total} values are NaN or infinite. Replace them, e.g. with np.nan_to_num.")


# Files


def _check_path(path: Path) -> None:
    if str(path).startswith(("http:", "https:")):
        raise ValueError(f"{str(path)!r} is an address; download it and pass the file's path.")
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # a text that is no path at all, too long for one
        raise ValueError(f"No file can be called {str(path)[:40]!r}...: {error.strerror}.") from error
    if is_folder:
        raise ValueError(
            f"{str(path)!r} is a folder; pass one file, or a list such as sorted(Path(...).glob('*.jpg'))."
        )
    if not is_there:
        folder = path.parent
        if not folder.is_dir():
            raise ValueError(f"There is no file {str(path)!r}: the folder {str(folder)!r} does not exist.")
        raise ValueError(f"There is no file {str(path)!r}.{nearest(path.name, sorted(os.listdir(folder)))}")


def _open_picture(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # Between once and twice its limit, Pillow only warns.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path.name!r} is too large to be opened safely: {error} "
            "If you trust it, raise PIL.Image.MAX_IMAGE_PIXELS, or pass a smaller copy."
        ) from error
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{path.name!r} is no picture that Pillow can read. Load it yourself and pass an array or a tensor."
        ) from error


def _load_nifti(path: Path) -> Any:
    try:
        import nibabel
    except ImportError as error:
        raise ImportError(f'Reading {path.name!r} needs nibabel: pip install "xai-widget[volumes]"') from error
    try:
        return nibabel.load(path)
    except nibabel.filebasedimages.ImageFileError as error:
        raise ValueError(f"{path.name!r} is no NIfTI image: {error}") from error


def _affine(volume: Any) -> NDArray[np.float64] | None:
    affine = getattr(volume, "affine", None)
    return None if affine is None else np.array(affine, dtype=np.float64)


# Pictures


def _eight_bit(picture: Image.Image, name: str) -> tuple[Any, ...]:
    """Return an upright, opaque RGB picture, and notes of what was done."""
    if 0 in picture.size:
        raise ValueError(f"The picture {name!r} is empty: its size is {picture.size}.")
    try:
        picture.load()
    except OSError as error:
        raise ValueError(f"The picture {name!r} cannot be read: {error}.") from error
    notes = []
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        notes.append(f"Frame {picture.tell() + 1} of {frames} shown.")
    if picture.getexif().get(_ORIENTATION, 1) in range(2, 9):
        notes.append("EXIF orientation applied.")
    upright = ImageOps.exif_transpose(picture)
    if upright.mode == "F" or upright.mode.startswith("I"):
        values = np.asarray(upright)
        if upright.mode != "F" and values.max() > 255:
            values = _from_sixteen_bits(values, name)
            notes.append("16-bit values scaled to 8 bits.")
        upright = Image.fromarray(_levels(values, "picture"))
    if upright.has_transparency_data:
        layered = upright.convert("RGBA")
        if layered.getchannel("A").getextrema() != (255, 255):
            notes.append("Transparent parts shown on white.")
        white = Image.new("RGBA", layered.size, "white")
        upright = Image.alpha_composite(white, layered)
    return upright.convert("RGB"), *notes


def _from_sixteen_bits(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(
            f"The picture {name!r} holds {values.min()} .. {values.max()}; expected 8 or 16 bits. "
            "Scale it yourself and pass an array of floats in [0, 1]."
        )
    return np.floor(values / 257 + 0.5).astype(np.uint8)


def _channel_axis(array: NDArray[Any]) -> int | None:
    """Return the axis of a picture's channels, -1 or 0, None if there is none."""
    return next((axis for axis in (-1, 0) if array.shape[axis] in (1, 3, 4)), None)


def _pixels(array: NDArray[Any], what: str, wanted: Expects) -> NDArray[np.uint8]:
    """Return an array as 8-bit pixels ``[H, W]`` or ``[H, W, 3 or 4]``."""
    axis = _channel_axis(array) if array.ndim == 3 else None
    if array.ndim != 2 and axis is None:
        takes = f" The model takes {wanted.channels} channel(s)." if wanted.channels else ""
        raise ValueError(
            f"The {what} has shape {list(array.shape)}; expected a picture [H, W], [H, W, C] or [C, H, W] "
            f"with C of 1, 3 or 4.{takes} For other channels pass a float torch tensor [C, H, W], which is taken as model input."
        )
    levels = _levels(array, what)
    last = np.moveaxis(levels, 0, -1) if axis == 0 else levels
    return np.ascontiguousarray(last[..., 0] if last.ndim == 3 and last.shape[-1] == 1 else last)


def _levels(values: NDArray[Any], what: str) -> NDArray[np.uint8]:
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"Float pictures must lie in [0, 1]; got {low:g} .. {high:g}. For values up to 255 pass uint8: "
                f"{what}.astype('uint8'). If this is already model input, pass a float torch tensor."
            )
        return np.floor(values.astype(np.float64) * 255 + 0.5).astype(np.uint8)
    if low < 0 or high > 255:
        raise ValueError(
            f"Whole-number pictures must lie in 0 .. 255; got {low} .. {high}. "
            "Divide by the largest possible value, and pass floats in [0, 1]."
        )
    return values.astype(np.uint8)


def _shown(row: Tensor, preprocess: Preprocess, *, sceptical: bool) -> tuple[Any, ...]:
    """Return what a model saw of ``[C, *S]`` as a picture, and notes of what could not be shown as it was."""
    values = row.float().cpu().numpy()
    channels = len(values)
    if values.ndim == 4:
        return (values[0],) if channels == 1 else (values[0], f"Picture: the first of {channels} channels.")
    plain, notes = _unnormalised(values, preprocess, sceptical)
    if channels == 3:
        chosen = plain
    else:
        chosen = np.repeat(plain[:1], 3, axis=0) if channels < 3 else plain[:3]
        which = "the first" if channels < 3 else "the first three"
        notes = notes if channels == 1 else (*notes, f"Picture: {which} of {channels} channels.")
    return np.floor(np.moveaxis(chosen.clip(0, 1), 0, -1) * 255 + 0.5).astype(np.uint8), *notes


def _unnormalised(
    values: NDArray[np.float32], preprocess: Preprocess, sceptical: bool
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Bring ``[C, H, W]`` back to [0, 1]: by the known statistics, as it is, or by its own range."""
    readings: list[tuple[NDArray[np.float32], tuple[str, ...]]] = [(values, ())]
    mean, std = preprocess.mean, preprocess.std
    if mean is not None and std is not None and len(mean) in (1, len(values)):
        shape = (-1, 1, 1)
        restored = values * np.array(std, np.float32).reshape(shape) + np.array(mean, np.float32).reshape(shape)
        said = ("Picture: un-normalised with ImageNet's mean and std (assumed).",) if sceptical else ()
        readings.insert(1 if sceptical else 0, (restored, said))
    for reading, notes in readings:
        # Interpolation and half precision may overshoot a little.
        if reading.min() >= -0.02 and reading.max() <= 1.02:
            return reading, notes
    low, high = float(values.min()), float(values.max())
    spread = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return spread, (f"Picture: values {low:.3g} .. {high:.3g} shown from black to white.",)
