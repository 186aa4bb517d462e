"""The names of a model's classes, from where torchvision, timm and transformers leave them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from xai_widget.models.architecture import config_field, timm_config, unwrap


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
    >>> from torch import nn
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
    return numbered(n_classes), "Labels: not known; pass labels= to name the classes."


def numbered(n_classes: int) -> tuple[str, ...]:
    """Return what the classes of a model are called that names none.

    Examples
    --------
    >>> numbered(2)
    ('class 0', 'class 1')
    """
    return tuple(f"class {index}" for index in range(n_classes))


def _known_labels(network: Any) -> Iterator[tuple[Any, str]]:
    yield getattr(network, "labels", None), "model.labels"
    yield config_field(getattr(getattr(network, "weights", None), "meta", None), "categories"), "model.weights"
    yield getattr(getattr(network, "config", None), "id2label", None), "the model's configuration"
    yield config_field(timm_config(network), "label_names"), "the model's configuration"


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
        from torchvision.models import ResNet18_Weights  # noqa: PLC0415 - slow to import, needed here only
    except (ImportError, RuntimeError):  # not there, or built for another PyTorch: the classes are numbered instead
        return None
    return ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
