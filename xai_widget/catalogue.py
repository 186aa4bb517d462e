"""What there is to choose from: `methods`, `layers`, and the versions for a bug report."""

import importlib.metadata
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from xai_widget.binding import Binding
from xai_widget.explainers import build_method, method_classes
from xai_widget.models import expects
from xai_widget.session import Session
from xai_widget.tables import Table

PACKAGES: Final = ("xai-widget", "torch", "torchvision", "numpy", "anywidget", "ipywidgets", "ipykernel", "jupyterlab")


@dataclass(frozen=True)
class MethodRow:
    """A line of `methods()`."""

    id: str
    label: str
    access: str
    class_specific: bool
    works: bool | None
    why_not: str | None
    cites: str


@dataclass(frozen=True)
class LayerRow:
    """A line of `layers()`."""

    name: str
    type: str
    shape: tuple[int, ...]
    calls: int
    fits: bool | None
    why_not: str | None


def methods(model: Callable[..., Any] | None = None, img: Any = None, **binding: Any) -> Table[MethodRow]:
    """List the methods; with a model, which of them work on it and why the others do not.

    Parameters
    ----------
    model : torch.nn.Module or callable, optional
        To look at.
    img : optional
        An input; needed where the model's input cannot be told from its first layer.
    **binding
        transform, forward, activation, dims, device as in `explain`.

    Examples
    --------
    >>> from xai_widget import methods
    >>> "grad_cam" in methods()
    True
    """
    facts = None if model is None else _look(model, img, Binding(**binding)).facts
    rows = []
    for name, cls in method_classes().items():
        reason = None if facts is None else cls().refuses(facts)
        works = None if facts is None else reason is None
        rows.append(MethodRow(name, cls.label, cls.access, cls.class_specific, works, reason, cls.cites))
    return Table(rows)


def layers(model: Callable[..., Any], img: Any = None, method: str | None = None, **binding: Any) -> Table[LayerRow]:
    """List a model's layers in the order in which they run; with a method, which of them it can read.

    Parameters
    ----------
    model : torch.nn.Module
        To look at.
    img : optional
        An input; needed where the model's input cannot be told from its first layer.
    method : str, optional
        A method's id.
    **binding
        transform, forward, activation, dims, device as in `explain`.

    Examples
    --------
    >>> from xai_widget import examples, layers
    >>> "layer1" in layers(examples.mosaic_net())
    True
    """
    facts = _look(model, img, Binding(**binding)).facts
    chosen = None if method is None else build_method(method, {})
    rows = []
    for layer in facts.layers:
        reason = None if chosen is None else chosen.refuses_layer(layer, facts)
        rows.append(
            LayerRow(
                layer.name, layer.type, layer.shape, layer.calls, None if chosen is None else reason is None, reason
            )
        )
    return Table(rows)


@dataclass(frozen=True)
class VersionRow:
    """A line of `show_versions()`."""

    what: str
    version: str


def show_versions() -> Table[VersionRow]:
    """List the versions that matter in a bug report.

    Examples
    --------
    >>> from xai_widget import show_versions
    >>> "torch" in show_versions()
    True
    """
    rows = [VersionRow("python", sys.version.split()[0]), VersionRow("system", platform.platform())]
    for name in PACKAGES:
        try:
            rows.append(VersionRow(name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append(VersionRow(name, "not installed"))
    return Table(rows)


def _look(model: Callable[..., Any], img: Any, binding: Binding) -> Session:
    if img is not None:
        return Session.open(model, img, binding)
    seen = expects(model)
    dims = binding.dims or seen.dims
    if dims is None or seen.channels is None:
        message = "The model does not tell what input it takes; pass an image: methods(model, img)."
        raise ValueError(message)
    size = seen.size or ((224,) * 2 if dims == 2 else (64,) * 3)
    if seen.size is None and binding.transform is None and getattr(model, "transform", None) is not None and dims == 2:
        return Session.open(model, np.zeros((256, 256, 3), np.uint8), binding)
    return Session.open(model, torch.zeros(1, seen.channels, *size), binding)
