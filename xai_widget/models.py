"""What is known about a model without running it, and how to read what it returns.

Labels, preprocessing and input size are looked for where torchvision, timm and transformers leave them. These
libraries are recognised by the attributes of their objects and are never needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

Activation: TypeAlias = Literal["softmax", "sigmoid", "none"]
Statistics: TypeAlias = tuple[float, ...] | None

_ACTIVATIONS: Final = ("softmax", "sigmoid", "none")
_IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
_IMAGENET_STD: Final = (0.229, 0.224, 0.225)
_SCORE_KEYS: Final = ("logits", "scores", "out", "output")
_FORWARD_HINT: Final = "Pass forward=lambda module, x: ... that returns class scores [N, K]."


@dataclass(frozen=True)
class Expects:
    """The input a model is built for, as far as it can be told.

    Attributes
    ----------
    dims
        2 for pictures, 3 for volumes.
    channels
        Channels of the input.
    size
        The spatial size the model was made for, ``(H, W)`` or ``(D, H, W)``.
    """

    dims: int | None = None
    channels: int | None = None
    size: tuple[int, ...] | None = None


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


@dataclass(frozen=True)
class ScoreKind:
    """How a model's raw scores are read.

    Attributes
    ----------
    activation
        What turns logits into probabilities; "none" where they already are.
    binary
        Whether the model has one output that decides between two classes: its logit z becomes the rows -z and z.
    note
        Says so in words.
    """

    activation: Activation
    binary: bool
    note: str

    def logits(self, raw: Tensor) -> Tensor:
        """Return the logits ``[N, K]`` of raw scores ``[N, K0]``; K differs from K0 for a binary model only."""
        return torch.cat([-raw, raw], dim=-1) if self.binary else raw

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities ``[N, K]`` of logits ``[N, K]``."""
        if self.activation == "softmax":
            return logits.softmax(dim=-1)
        return logits.sigmoid() if self.activation == "sigmoid" else logits


def unwrap(model: Callable[..., Any]) -> Callable[..., Any]:
    """Return the model inside `torch.compile` and data-parallel wrappers, or the model itself.

    Examples
    --------
    >>> net = nn.Linear(2, 2)
    >>> unwrap(nn.DataParallel(net)) is net
    True
    """
    while isinstance(model, nn.Module):
        if "_orig_mod" in model._modules:
            inner = model._modules["_orig_mod"]
        elif isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = model.module
        else:
            break
        if inner is None:
            break
        model = inner
    return model


def expects(model: Callable[..., Any]) -> Expects:
    """Tell what input a model is built for, from its first convolution and its configuration.

    Parameters
    ----------
    model
        A module; nothing is known of any other callable.

    Returns
    -------
    Expects
        With None for what cannot be told.

    Examples
    --------
    >>> expects(nn.Sequential(nn.Conv2d(3, 8, 3)))
    Expects(dims=2, channels=3, size=None)
    """
    network = unwrap(model)
    if not isinstance(network, nn.Module):
        return Expects()
    network_config = getattr(network, "config", None)
    configured = _lengths(_field(_timm_config(network), "input_size")) or ()
    # A patch embedding is a convolution too, in torchvision, timm and transformers alike.
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Conv3d)), None)
    if first is not None:
        dims: int | None = len(first.kernel_size)
        channels = first.in_channels or None  # a lazy convolution has none yet
    else:
        dims = len(configured) - 1 if configured else None
        channels = configured[0] if configured else None
    sizes = (configured[1:], *(_side(getattr(owner, "image_size", None)) for owner in (network, network_config)))
    size = next((size for size in sizes if size and len(size) == (dims or 2)), None)
    return Expects(dims, channels, size)


def labels_for(
    model: Callable[..., Any], n_classes: int, labels: Sequence[str] | Mapping[int, str] | None = None
) -> tuple[tuple[str, ...], str]:
    """Find the names of a model's classes.

    Parameters
    ----------
    model
        Where to look: ``model.labels``, torchvision's ``model.weights``, a transformers or timm configuration.
    n_classes
        The number K of classes it scores.
    labels
        The names, if they are given: in order, or by index.

    Returns
    -------
    labels : tuple of str
        K names; 1000 classes are assumed to be those of ImageNet-1k, others are numbered.
    note : str
        Where the names come from.

    Raises
    ------
    ValueError
        If the labels given are not K.
    TypeError
        If they are neither a sequence nor a mapping.

    Examples
    --------
    >>> labels_for(nn.Linear(4, 2), 2)[0]
    ('class 0', 'class 1')
    """
    if labels is not None:
        return _given_labels(labels, n_classes), "Labels: as given."
    network = unwrap(model)
    for found, source in _known_labels(network):
        names = _names(found, n_classes)
        if names is not None:
            return names, f"Labels: from {source}."
    imagenet = _names(_imagenet_names(), n_classes) if n_classes == 1000 else None
    if imagenet is not None:
        return imagenet, "Labels: ImageNet-1k names (assumed from 1000 outputs)."
    return tuple(f"class {index}" for index in range(n_classes)), "Labels: not known; pass labels= to name the classes."


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
        return Preprocess(_stored, None, None, "Preprocessing: none; volumes are taken as stored.", assumed=True)
    config = _timm_config(network)
    configured = _lengths(_field(config, "input_size")) or ()
    # With another number of channels than in its configuration, the configuration's statistics do not fit either.
    if len(configured) == 3 and configured[0] == (wanted.channels or configured[0]) and _field(config, "mean"):
        return _from_timm(config)
    return _usual(wanted)


def logits_from(output: Any, batch: int) -> Tensor:
    """Find the class scores in whatever a model returned.

    Parameters
    ----------
    output
        A tensor or array, a sequence with one in it, or a mapping or object with ``logits``, ``scores``, ``out`` or
        ``output``.
    batch
        The number N of inputs.

    Returns
    -------
    Tensor
        Raw scores ``[N, K]``, float32 or float64, attached to the graph if they were.

    Raises
    ------
    ValueError
        If there are no such scores, or some are not a number.

    Examples
    --------
    >>> logits_from({"loss": torch.tensor(0.0), "logits": torch.zeros(2, 5)}, 2).shape
    torch.Size([2, 5])
    """
    scores = _scores_in(output, batch)
    if scores is None or scores.is_complex():
        raise ValueError(f"The model returned {_described(output)}; expected class scores [N, K]. {_FORWARD_HINT}")
    if not scores.is_floating_point() or scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    rows = _as_rows(scores, batch)
    if rows is None:
        what = " (one map a class, as for segmentation?)" if scores.ndim > 3 else ""
        raise ValueError(
            f"The model returned scores of shape {list(scores.shape)}{what} for {batch} input(s); "
            f"expected class scores [{batch}, K]. {_FORWARD_HINT}"
        )
    if rows.isnan().any():
        raise ValueError(
            "The model returned scores that are not a number (NaN). "
            "Check its weights and that the input is preprocessed as in training."
        )
    return rows


def class_scores(raw: Tensor, activation: str | None = None) -> ScoreKind:
    """Decide once, from one measured output, how a model's scores are read.

    Parameters
    ----------
    raw
        Raw scores ``[N, K0]``, as `logits_from` returns them.
    activation
        "softmax", "sigmoid", "none", or None to look: rows of numbers >= 0 that sum to 1 (within 1e-3) already are
        probabilities, a single output is the logit of the second of two classes, all else is for softmax.

    Returns
    -------
    ScoreKind
        The reading, with a note that says it.

    Raises
    ------
    ValueError
        If the activation is not known, or is softmax over a single output.

    Examples
    --------
    >>> kind = class_scores(torch.tensor([[2.0]]))
    >>> kind.activation, kind.logits(torch.tensor([[2.0]])).tolist()
    ('sigmoid', [[-2.0, 2.0]])
    """
    outputs = raw.shape[1]
    if activation is not None and activation not in _ACTIVATIONS:
        raise ValueError(f"Unknown activation {activation!r}; choose one of {', '.join(_ACTIVATIONS)}, or None.")
    if outputs == 1 and activation in (None, "sigmoid"):
        note = "Scores: one output, read as the logit of the second of two classes (sigmoid)."
        hint = ' Pass activation="none" if it is no logit.' if activation is None else ""
        return ScoreKind("sigmoid", binary=True, note=note + hint)
    if activation == "softmax" or (activation is None and not _are_probabilities(raw)):
        if outputs == 1:
            raise ValueError('Softmax over a single output is always 1; use activation="sigmoid" or "none".')
        return ScoreKind("softmax", binary=False, note=f"Scores: softmax over {outputs} classes.")
    if activation == "sigmoid":
        return ScoreKind("sigmoid", binary=False, note=f"Scores: sigmoid of each of {outputs} classes.")
    said = "already probabilities" if activation is None else "taken as they are"
    return ScoreKind("none", binary=False, note=f"Scores: {said}.")


# Configurations


def _field(config: Any, name: str) -> Any:
    """Return a field of a configuration, which is a dictionary in some versions and an object in others."""
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def _timm_config(network: Any) -> Any:
    return getattr(network, "pretrained_cfg", None) or getattr(network, "default_cfg", None)


def _side(value: Any) -> tuple[int, ...] | None:
    """Return the size of a picture given as ``(H, W)`` or as the side of a square."""
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else _lengths(value)


def _lengths(value: Any) -> tuple[int, ...] | None:
    """Return a sequence of lengths, None for anything else."""
    if isinstance(value, list | tuple) and value and all(isinstance(length, int) for length in value):
        return tuple(value)
    return None


# Labels


def _known_labels(network: Any) -> Iterator[tuple[Any, str]]:
    yield getattr(network, "labels", None), "model.labels"
    yield _field(getattr(getattr(network, "weights", None), "meta", None), "categories"), "model.weights"
    yield getattr(getattr(network, "config", None), "id2label", None), "the model's configuration"
    yield _field(_timm_config(network), "label_names"), "the model's configuration"


def _names(found: Any, n_classes: int) -> tuple[str, ...] | None:
    """Return what was found as K names, None if it is not that."""
    if isinstance(found, Mapping):
        # Read from JSON, indices are strings.
        by_index = {str(index): name for index, name in found.items()}
        wanted = [str(index) for index in range(n_classes)]
        found = [by_index[index] for index in wanted] if by_index.keys() == set(wanted) else None
    if isinstance(found, str) or not isinstance(found, Sequence) or len(found) != n_classes:
        return None
    return tuple(str(name) for name in found)


def _given_labels(labels: Any, n_classes: int) -> tuple[str, ...]:
    if isinstance(labels, str) or not isinstance(labels, Sequence | Mapping):
        raise TypeError(f"labels= is a list of names or a dict {{index: name}}; got {type(labels).__name__}.")
    names = _names(labels, n_classes)
    if names is None:
        keys = ", by index from 0" if isinstance(labels, Mapping) else ""
        raise ValueError(f"Got {len(labels)} labels; the model scores {n_classes} classes. Name each of them{keys}.")
    return names


def _imagenet_names() -> Any:
    try:
        from torchvision.models import ResNet18_Weights
    except (ImportError, RuntimeError):  # not there, or built for another PyTorch: the classes are numbered instead
        return None
    return ResNet18_Weights.IMAGENET1K_V1.meta["categories"]


# Preprocessing


def _own_transform(network: Any) -> tuple[Any, str]:
    """Return the preprocessing that a model carries with it, and where."""
    transform = vars(network).get("transform") if hasattr(network, "__dict__") else None
    if transform is None and isinstance(network, nn.Module):
        # A part of the network may be called so, too, as in spatial transformers; it has parameters, or is a method.
        part = network._modules.get("transform")
        transform = part if part is not None and next(part.parameters(), None) is None else None
    if callable(transform):
        return transform, "model.transform"
    for name in ("processor", "image_processor"):
        if _is_processor(getattr(network, name, None)):
            return getattr(network, name), f"model.{name}"
    if _is_weights(getattr(network, "weights", None)):
        return network.weights, "model.weights"
    return None, ""


def _is_weights(value: Any) -> bool:
    return callable(getattr(value, "transforms", None)) and hasattr(value, "meta")


def _is_processor(value: Any) -> bool:
    return callable(value) and hasattr(value, "model_input_names") and not isinstance(value, type)


def _from_transform(transform: Any, dims: int, source: str) -> Preprocess:
    note = f"Preprocessing: {source}."
    if _is_weights(transform):
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
    channels, *crop = _lengths(_field(config, "input_size")) or ()
    share = float(_field(config, "crop_pct") or 0.875)
    resize = tuple(math.floor(length / share) for length in crop)
    method = str(_field(config, "interpolation") or "bicubic").upper()
    resample = getattr(Image.Resampling, method, Image.Resampling.BICUBIC)
    squash = _field(config, "crop_mode") == "squash"
    mean, std = _numbers(_field(config, "mean")), _numbers(_field(config, "std"))

    def apply(picture: Image.Image) -> Tensor:
        colours = picture.convert("L" if channels == 1 else "RGB")
        larger = colours.resize((resize[1], resize[0]), resample) if squash else _cover(colours, resize, resample)
        return _normalised(_crop(larger, tuple(crop)), mean, std)

    note = f"Preprocessing: from the model's configuration (resize {_short(resize)}, centre crop {_short(crop)})."
    return Preprocess(apply, mean, std, note)


def _refuse_pictures(channels: int | None, picture: object) -> Tensor:
    raise ValueError(
        f"The model takes {channels} channels, and a picture has 1 or 3. Pass a float torch tensor [{channels}, H, W], "
        "which is taken as model input, or a transform= that makes one."
    )


def _stored(volume: Any) -> Tensor:
    """Return a volume ``[D, H, W]`` or ``[C, D, H, W]`` as it is stored; NIfTI keeps channels last."""
    is_nifti = hasattr(volume, "dataobj")
    values = np.array(volume.dataobj if is_nifti else volume, dtype=np.float32)
    return torch.from_numpy(
        np.ascontiguousarray(np.moveaxis(values, -1, 0)) if is_nifti and values.ndim == 4 else values
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


# Outputs


def _tensor(value: Any) -> Tensor | None:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
        return torch.from_numpy(np.array(value))  # a copy: a function may fill the same array again and again
    return value if isinstance(value, Tensor) else None


def _scores_in(output: Any, batch: int) -> Tensor | None:
    """Return the tensor that holds the scores, None if it cannot be told."""
    direct = _tensor(output)
    if direct is not None:
        return direct
    if isinstance(output, Mapping):
        named = next((output[key] for key in _SCORE_KEYS if key in output), None)
        floats = [t for t in map(_tensor, output.values()) if t is not None and t.is_floating_point()]
        return _tensor(named) if named is not None else floats[0] if len(floats) == 1 else None
    if isinstance(output, list | tuple):
        tensors = [t for t in map(_tensor, output) if t is not None]
        return next((t for t in tensors if t.ndim and len(t) == batch), None) if tensors else _plain_numbers(output)
    return next((t for t in (_tensor(getattr(output, key, None)) for key in _SCORE_KEYS) if t is not None), None)


def _plain_numbers(output: Sequence[Any]) -> Tensor | None:
    """Return nested lists of numbers, as a plain function may return them, as a tensor."""
    try:
        return torch.tensor(output, dtype=torch.float32) if len(output) else None
    except (TypeError, ValueError):
        return None


def _as_rows(scores: Tensor, batch: int) -> Tensor | None:
    """Return scores as ``[N, K]``, None if they cannot be read so."""
    if scores.numel() == 0:
        return None
    if scores.ndim < 2 and scores.numel() == batch:
        return scores.reshape(batch, 1)
    if scores.ndim == 1 and batch == 1:
        return scores[None]
    if scores.ndim >= 2 and len(scores) == batch and scores[0].numel() == scores.shape[1]:
        return scores.reshape(batch, -1)
    return None


def _are_probabilities(raw: Tensor) -> bool:
    return bool((raw >= 0).all()) and bool(((raw.sum(dim=1) - 1).abs() <= 1e-3).all())


def _described(output: Any) -> str:
    if isinstance(output, Mapping):
        return f"a {type(output).__name__} with keys {sorted(map(str, output))}"
    if isinstance(output, list | tuple):
        return f"a {type(output).__name__} of {', '.join(type(item).__name__ for item in output[:4]) or 'nothing'}"
    shape = f" of shape {list(output.shape)} and type {output.dtype}" if isinstance(output, Tensor | np.ndarray) else ""
    return f"{type(output).__name__}{shape}"
