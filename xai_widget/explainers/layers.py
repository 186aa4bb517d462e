"""Which layers a method reads: the ones that a person named, or the method's own choice."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from xai_widget.engine import Facts
from xai_widget.explainers.method import Method
from xai_widget.models import unwrap
from xai_widget.names import nearest

Layer = str | nn.Module | Sequence[str | nn.Module] | None


def layer_names(model: Callable[..., Any], facts: Facts, method: Method, layer: Layer = None) -> tuple[str, ...]:
    """Return the layers that `method` will read in `model`, each once; none for a method that reads none.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Whose module a layer may be.
    facts : Facts
        Of the model.
    method : Method
        With its parameters.
    layer : str, torch.nn.Module or sequence of them, optional
        As a person gives it; None = the method's default.

    Raises
    ------
    ValueError
        Unknown layer, one the method cannot use, or a layer for a method that reads none.
    TypeError
        Not a name.
    """
    if layer is None:
        default = method.default_layer(facts)
        if method.uses_layer and default is None:
            message = f"{method.label} found no layer it can read in {facts.model}. See layers(model, img)."
            raise ValueError(message)
        return () if default is None else (default,)
    if not method.uses_layer:
        message = f"{method.label} does not read a layer; leave out layer={layer!r}."
        raise ValueError(message)
    parts = list(layer) if isinstance(layer, Sequence) and not isinstance(layer, str) else [layer]
    names = tuple(dict.fromkeys(_name(model, facts, part) for part in parts))
    if not names:
        message = "layer is empty; name at least one layer, or leave it out for the default."
        raise ValueError(message)
    for name in names:
        fact = facts.layer(name)
        reason = None if fact is None else method.refuses_layer(fact, facts)
        if fact is not None and reason is not None:
            message = f"Layer {name!r} gives {'x'.join(map(str, fact.shape))}. {reason} See layers(model, img)."
            raise ValueError(message)
    return names


def _name(model: Callable[..., Any], facts: Facts, layer: str | nn.Module) -> str:
    if isinstance(layer, nn.Module):
        plain = unwrap(model)
        named = plain.named_modules() if isinstance(plain, nn.Module) else iter(())
        found = next((name for name, module in named if module is layer), None)
        if not found:
            message = f"The {type(layer).__name__} given as layer is not part of {facts.model}."
            raise ValueError(message)
        layer = found
    if not isinstance(layer, str):
        message = f"layer must be a dotted module name such as 'layer4', got {type(layer).__name__}."
        raise TypeError(message)
    if facts.layer(layer) is None:
        hint = nearest(layer, (fact.name for fact in facts.layers))
        message = f"Layer {layer!r} not found.{hint} See layers(model, img)."
        raise ValueError(message)
    return layer
