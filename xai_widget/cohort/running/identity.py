"""What makes two runs the same run: the model, the method, the inputs and how the model is run, as JSON."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from xai_widget._version import __version__
from xai_widget.arrays import Array
from xai_widget.binding import Binding
from xai_widget.cohort.running.items import Items
from xai_widget.explainers import Layer, Method, parameters_of
from xai_widget.models import unwrap
from xai_widget.targets import Contrast, Target

# Numbers looked at in each tensor of a model.
SAMPLED: Final = 2**20
ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
# What must be the same in a run that goes on, and what to call it in a message.
IDENTITY: Final = {
    "method": "method",
    "params": "parameters",
    "target": "target",
    "target_column": "target_column",
    "model": "model",
    "precision": "precision",
    "settings": "keyword",
    "count": "number of inputs",
    "dataset": "dataset",
}


def plan_of(
    model: Callable[..., Any],
    items: Items,
    method: Method,
    binding: Binding,
    *,
    target: Target,
    target_column: str | None,
    layer: Layer,
) -> dict[str, Any]:
    """Return the plan of a run, before anything is computed."""
    ids = hashlib.blake2b("\n".join(items.ids).encode(), digest_size=16).hexdigest()
    names = ("transform", "labels", "mask", "forward", "activation", "dims")
    given = {name: _in_words(getattr(binding, name)) for name in names}
    return {
        "version": __version__,
        "method": method.id,
        "params": {
            parameter.name: _in_words(getattr(method, parameter.name)) for parameter in parameters_of(type(method))
        },
        "target": _in_words(target),
        "target_column": target_column,
        "count": len(items.ids),
        "model": {"name": _model_name(model), "fingerprint": fingerprint(model)},
        "precision": binding.precision,
        "dataset": {**items.about, "ids": ids},
        "settings": {**given, "layer": _in_words(layer)},
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what a run was begun with and what it is to go on with, in words, where these differ."""
    found = []
    for key, word in IDENTITY.items():
        old, new = before[key], now[key]
        if key == "model":
            if old["name"] != new["name"]:
                found.append(f"the model was {old['name']}, now it is {new['name']}")
            elif old != new:
                found.append(f"the model {new['name']} has other weights, or is built otherwise")
        elif key == "dataset":
            if old["ids"] != new["ids"] and before["count"] == now["count"]:
                found.append("the inputs have other ids")
        elif key == "params" and before["method"] != now["method"]:
            continue  # another method has other parameters
        elif isinstance(old, dict) and isinstance(new, dict) and key in {"params", "settings"}:
            names = [name for name in {**old, **new} if name not in old or name not in new or old[name] != new[name]]
            found.extend(f"{name} was {_shown(old, name)}, now it is {_shown(new, name)}" for name in names)
        elif old != new:
            found.append(f"the {word} was {old!r}, now it is {new!r}")
    return found


def fingerprint(model: Callable[..., Any]) -> str:
    """Return a digest of a model's structure and numbers, the same in every process.

    Of each parameter and buffer about a million numbers are looked at, evenly spread. Of a plain function there is
    only its name.

    Examples
    --------
    >>> net = nn.Linear(2, 2)
    >>> before = fingerprint(net)
    >>> _ = net.weight.data.mul_(2)
    >>> fingerprint(net) == before
    False
    """
    network = unwrap(model)
    digest = hashlib.blake2b(_model_name(network).encode(), digest_size=16)
    if isinstance(network, nn.Module):
        digest.update(ADDRESS.sub("", repr(network)).encode())
        for name, tensor in network.state_dict(keep_vars=True).items():
            if isinstance(tensor, Tensor):
                digest.update(f"{name} {list(tensor.shape)} {tensor.dtype}".encode())
                digest.update(_sample(tensor))
    return digest.hexdigest()


def _sample(tensor: Tensor) -> bytes:
    if tensor.is_meta or tensor.is_quantized or tensor.layout is not torch.strided or tensor.numel() == 0:
        return b""
    flat = tensor.detach().reshape(-1)
    chosen = flat[:: -(-len(flat) // SAMPLED)].cpu().contiguous()
    return chosen.view(torch.uint8).numpy().tobytes()


def _model_name(model: object) -> str:
    return str(getattr(model, "__qualname__", type(model).__name__))


def _in_words(value: Any) -> Any:
    """Return a value as JSON that is equal where the values are."""
    found: Any
    match value:
        case None | bool() | int() | float() | str():
            found = value
        case Contrast(target, foil):
            found = {"target": _in_words(target), "foil": _in_words(foil)}
        case np.generic():
            found = value.item()
        case Array():
            found = {"array": repr(value), "digest": _digest(value.values)}
        case Tensor() | np.ndarray():
            found = _in_words(Array(value))
        case Mapping():
            found = {str(key): _in_words(item) for key, item in value.items()}
        case Sequence():
            found = [_in_words(item) for item in value]
        case _:
            found = _place(value) or ADDRESS.sub("", repr(value))
    return found


def _place(value: Any) -> str | None:
    """Return where a function or class was defined, None for anything else."""
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else None


def _digest(values: np.ndarray[Any, Any]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).hexdigest()


def _shown(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "not there"
