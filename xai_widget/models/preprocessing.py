"""How pictures become a model's input: what the model carries, else what is usual, and always said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from xai_widget.models.architecture import Expects, config_field, expects, lengths, timm_config, unwrap
from xai_widget.models.volumes import stored

Statistics: TypeAlias = tuple[float, ...] | None
_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocess:
    """The way from a picture (or a volume) to a model's input.

    Attributes
    ----------
    apply
        Maps a PIL picture (a volume: the array or NIfTI image) to a float tensor ``[C, *S]``.
    mean, std
        What each channel was normalised with last, None where that is not known.
    note
        Says which preprocessing this is.
    assumed
        Whether it is only the usual one, because the model does not tell.
    """

    apply: Callable[[Any], Tensor]
    mean: Statistics
    std: Statistics
    note: str
    assumed: bool = False


def preprocess_for(model: Callable[..., Any], transform: Any = None, dims: int | None = None) -> Preprocess:
    """Find how pictures are made into a model's input.

    Parameters
    ----------
    model
        Where to look, in this order: ``model.transform``, a transformers image processor at ``model.processor`` or
        ``model.image_processor``, torchvision's ``model.weights``, timm's ``model.pretrained_cfg``.
    transform
        What to use instead: a callable from a PIL picture to a tensor, torchvision weights, or an image processor.
    dims
        3 for volumes, which are taken as stored unless there is a transform. None: as the model's first layer says.

    Returns
    -------
    Preprocess
        With a note that says which it is. Without any knowledge: ImageNet's for three channels; for one channel,
        grey values in [0, 1], not normalised.

    Raises
    ------
    TypeError
        If `transform` is none of the above.

    Examples
    --------
    >>> preprocess_for(nn.Conv2d(1, 8, 3)).note
    'Preprocessing: grey values in [0, 1], not normalised; pass transform= to change it.'
    """
    network = unwrap(model)
    wanted = expects(network)
    spatial = dims or wanted.dims or 2
    if transform is not None:
        return _from_transform(transform, spatial, "transform=")
    own, source = _own_transform(network)
    if own is not None:
        return _from_transform(own, spatial, source)
    if spatial == 3:
        as_stored = partial(stored, channels=wanted.channels)
        return Preprocess(as_stored, None, None, "Preprocessing: none; volumes are taken as stored.", assumed=True)
    config = timm_config(network)
    configured = lengths(config_field(config, "input_size")) or ()
    # With another number of channels than in its configuration, the configuration's statistics do not fit either.
    if len(configured) == 3 and configured[0] == (wanted.channels or configured[0]) and config_field(config, "mean"):
        return _from_timm(config)
    return _usual(wanted)


def _own_transform(network: Any) -> tuple[Any, str]:
    """Return the preprocessing that a model carries with it, and where."""
    transform = vars(network).get("transform") if hasattr(network, "__dict__") else None
    if transform is None and isinstance(network, nn.Module):
        # A part of the network may be called so, too, as in spatial transformers; it has parameters, or is a method.
        part = dict(network.named_children()).get("transform")
        transform = part if part is not None and next(part.parameters(), None) is None else None
    if callable(transform):
        return transform, "model.transform"
    for name in ("processor", "image_processor"):
        if _is_processor(getattr(network, name, None)):
            return getattr(network, name), f"model.{name}"
    if is_weights(getattr(network, "weights", None)):
        return network.weights, "model.weights"
    return None, ""


def is_weights(value: Any) -> bool:
    """Whether `value` is one of torchvision's weights, with transforms and meta data."""
    return callable(getattr(value, "transforms", None)) and hasattr(value, "meta")


def _is_processor(value: Any) -> bool:
    return callable(value) and hasattr(value, "model_input_names") and not isinstance(value, type)


def _from_transform(transform: Any, dims: int, source: str) -> Preprocess:
    note = "Preprocessing: as given." if source == "transform=" else f"Preprocessing: {source}."
    if is_weights(transform):
        transform = transform.transforms()
    if _is_processor(transform):
        processor = getattr(transform, "image_processor", transform)
        call = partial(processor, return_tensors="pt")
        return Preprocess(
            lambda picture: _model_input(call(images=picture), dims, source), *_statistics(processor), note
        )
    if not callable(transform) or isinstance(transform, type):
        shown = getattr(transform, "__name__", type(transform).__name__)
        raise TypeError(
            f"transform= cannot be {shown}. Expected a callable from a PIL picture to a tensor, torchvision weights "
            "such as ResNet50_Weights.DEFAULT, or an image processor."
        )
    return Preprocess(lambda picture: _model_input(transform(picture), dims, source), *_statistics(transform), note)


def _model_input(result: Any, dims: int, source: str) -> Tensor:
    """Check what a transform returned, and drop a batch axis."""
    if isinstance(result, Mapping):
        result = result.get("pixel_values")
    if isinstance(result, np.ndarray):
        result = torch.from_numpy(np.ascontiguousarray(result))
    if not isinstance(result, Tensor):
        raise TypeError(
            f"The transform ({source}) returned {type(result).__name__}; expected a float tensor [C, H, W]. "
            "End it with ToTensor()."
        )
    if not result.is_floating_point():
        raise ValueError(
            f"The transform ({source}) returned {result.dtype}; expected a float tensor. "
            "End it with ToTensor(), or ToDtype(torch.float32, scale=True)."
        )
    return result[0] if result.ndim == dims + 2 and len(result) == 1 else result


def _statistics(transform: Any) -> tuple[Statistics, Statistics]:
    """Return the mean and standard deviation of the last normalisation in a transform, if they can be found."""
    if getattr(transform, "do_normalize", True) is False:
        return None, None
    parts = getattr(transform, "transforms", None)
    if isinstance(transform, nn.Sequential):
        parts = list(transform)
    if isinstance(parts, Iterable):
        found = [pair for pair in map(_statistics, parts) if pair[0] is not None]
        return found[-1] if found else (None, None)
    mean, std = (
        _numbers(getattr(transform, name, getattr(transform, f"image_{name}", None))) for name in ("mean", "std")
    )
    return (mean, std) if mean and std and len(mean) == len(std) and all(std) else (None, None)


def _numbers(value: Any) -> Statistics:
    if not isinstance(value, Tensor | np.ndarray | list | tuple | float | int):
        return None
    return tuple(float(number) for number in np.atleast_1d(np.asarray(value)).tolist())


def _usual(wanted: Expects) -> Preprocess:
    """Return what is usual for models with so many channels."""
    if wanted.channels == 1:
        return _grey(wanted.size)
    if wanted.channels in (3, None):
        return _imagenet(wanted.size)
    refuse = partial(_refuse_pictures, wanted.channels)
    return Preprocess(refuse, None, None, "Preprocessing: none is known for this number of channels.", assumed=True)


def _imagenet(size: tuple[int, ...] | None) -> Preprocess:
    crop = size or (224, 224)
    resize = tuple(round(length * 256 / 224) for length in crop)
    note = (
        f"Preprocessing: ImageNet default (resize {_short(resize)}, centre crop {_short(crop)}, mean/std); "
        "pass transform= to change it."
    )

    def apply(picture: Image.Image) -> Tensor:
        fitted = _crop(_cover(picture.convert("RGB"), resize, Image.Resampling.BILINEAR), crop)
        return _normalised(fitted, _IMAGENET_MEAN, _IMAGENET_STD)

    return Preprocess(apply, _IMAGENET_MEAN, _IMAGENET_STD, note, assumed=True)


def _grey(size: tuple[int, ...] | None) -> Preprocess:
    def apply(picture: Image.Image) -> Tensor:
        grey = picture.convert("L")
        return _normalised(grey if size is None else grey.resize((size[1], size[0]), Image.Resampling.BILINEAR))

    resized = "" if size is None else f"resize {_short(size)}, "
    note = f"Preprocessing: {resized}grey values in [0, 1], not normalised; pass transform= to change it."
    return Preprocess(apply, None, None, note, assumed=True)


def _from_timm(config: Any) -> Preprocess:
    channels, *crop = lengths(config_field(config, "input_size")) or ()
    share = float(config_field(config, "crop_pct") or 0.875)
    resize = tuple(math.floor(length / share) for length in crop)
    method = str(config_field(config, "interpolation") or "bicubic").upper()
    resample = getattr(Image.Resampling, method, Image.Resampling.BICUBIC)
    squash = config_field(config, "crop_mode") == "squash"
    mean, std = _numbers(config_field(config, "mean")), _numbers(config_field(config, "std"))

    def apply(picture: Image.Image) -> Tensor:
        colours = picture.convert("L" if channels == 1 else "RGB")
        larger = colours.resize((resize[1], resize[0]), resample) if squash else _cover(colours, resize, resample)
        return _normalised(_crop(larger, tuple(crop)), mean, std)

    note = f"Preprocessing: from the model's configuration (resize {_short(resize)}, centre crop {_short(crop)})."
    return Preprocess(apply, mean, std, note)


def _refuse_pictures(channels: int | None, _picture: object) -> Tensor:
    raise ValueError(
        f"The model takes {channels} channels, and a picture has 1 or 3. Pass a float torch tensor [{channels}, H, W], "
        "which is taken as model input, or a transform= that makes one."
    )


def _cover(picture: Image.Image, size: Sequence[int], resample: Image.Resampling) -> Image.Image:
    """Resize a picture, keeping its proportions, to the smallest that covers ``(H, W)``."""
    height, width = size
    if height * picture.width >= width * picture.height:
        return picture.resize((height * picture.width // picture.height, height), resample)
    return picture.resize((width, width * picture.height // picture.width), resample)


def _crop(picture: Image.Image, size: Sequence[int]) -> Image.Image:
    height, width = size
    left, top = round((picture.width - width) / 2), round((picture.height - height) / 2)
    return picture.crop((left, top, left + width, top + height))


def _normalised(picture: Image.Image, mean: Statistics = None, std: Statistics = None) -> Tensor:
    pixels = torch.from_numpy(np.array(picture)).float().div_(255)
    channels = pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()
    if mean is None or std is None:
        return channels
    return channels.sub_(torch.tensor(mean).view(-1, 1, 1)).div_(torch.tensor(std).view(-1, 1, 1))


def _short(size: Sequence[int]) -> str:
    return str(size[0]) if len(set(size)) == 1 else "x".join(map(str, size))


def as_tensor(value: Any) -> Tensor | None:
    """Return an array or a tensor as a tensor, None for anything else."""
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        return torch.from_numpy(np.array(value))  # a copy: a function may fill the same array again and again
    return value if isinstance(value, Tensor) else None
