"""What input a model is built for, from its first convolution and its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn


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


def unwrap(model: Callable[..., Any]) -> Callable[..., Any]:
    """Return the model inside `torch.compile` and data-parallel wrappers, or the model itself.

    Examples
    --------
    >>> net = nn.Linear(2, 2)
    >>> unwrap(nn.DataParallel(net)) is net
    True
    """
    while isinstance(model, nn.Module):
        parallel = isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel)
        inner = dict(model.named_children()).get("module" if parallel else "_orig_mod")
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
    configured = lengths(config_field(timm_config(network), "input_size")) or ()
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


def config_field(config: Any, name: str) -> Any:
    """Return a field of a configuration, which is a dictionary in some versions and an object in others."""
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def timm_config(network: Any) -> Any:
    """Return the configuration that timm leaves on a network, or None."""
    return getattr(network, "pretrained_cfg", None) or getattr(network, "default_cfg", None)


def _side(value: Any) -> tuple[int, ...] | None:
    """Return the size of a picture given as ``(H, W)`` or as the side of a square."""
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else lengths(value)


def lengths(value: Any) -> tuple[int, ...] | None:
    """Return a sequence of lengths, None for anything else."""
    if isinstance(value, list | tuple) and value and all(isinstance(length, int) for length in value):
        return tuple(value)
    return None
