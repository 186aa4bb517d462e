"""What the front end reads: the bundle, and JSON-able payloads with binary buffers beside them."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import torch

from xai_widget.arrays import Array
from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.explainers import Method, Parameter, parameters_of
from xai_widget.film import in_one_pass
from xai_widget.session import Session
from xai_widget.shown import shown_payload
from xai_widget.targets import Contrast
from xai_widget.words import languages

Payload = dict[str, Any]
Message = tuple[Payload, list[memoryview]]
# What takes longer waits for Run, unless somebody has said otherwise.
AUTO_SECONDS: Final = 10.0


@cache
def bundle(name: Literal["widget", "offline"] = "widget") -> tuple[str, str]:
    """Return the front end's script and style sheet.

    As text and not as a path: anywidget watches paths, and a watched widget is never freed.

    Parameters
    ----------
    name : {"widget", "offline"}
        The module that a notebook loads, or the script of a page without a kernel.

    Raises
    ------
    FileNotFoundError
        The bundle was not built.
    """
    return _built(f"{name}.js"), _built(f"{name}.css")


@cache
def catalogues() -> Mapping[str, str]:
    """Return what this build's `bundle` says in other languages than English: the text of a module, by language.

    Raises
    ------
    FileNotFoundError
        The bundle was not built.

    Examples
    --------
    >>> sorted(catalogues())
    ['ko']
    """
    return MappingProxyType({language: _built(f"{language}.js") for language in languages()})


def _built(name: str) -> str:
    try:
        return (files("xai_widget") / "static" / name).read_text("utf-8")
    except FileNotFoundError as error:
        message = (
            f"The front end of xai-widget is missing (xai_widget/static/{name}): this copy was never built."
            " Run `pip install .` in the project's folder, or `make bundle` in a checkout."
        )
        raise FileNotFoundError(message) from error


def session_payload(session: Session, index: int, names: Sequence[str], methods: Sequence[Method]) -> Message:
    """Return what the front end shows before anything is explained, with the picture and the probabilities.

    Parameters
    ----------
    session : Session
        On one picture or volume.
    index : int
        Of the session.
    names : sequence of str
        Of all sessions.
    methods : sequence of Method
        Those offered, each with the parameters that it is described for.
    """
    shown = shown_payload(session.inputs[0].picture, session.inputs[0].affine, 0)
    probabilities = np.ascontiguousarray(session.probabilities[0], np.float32)
    payload = {
        "index": index,
        "names": list(names),
        "model": session.facts.model,
        "picture": shown.picture,
        "volume": shown.volume,
        "probabilities": {"shape": [len(probabilities)], "dtype": "float32", "buffer": 1},
        "labels": list(session.labels),
        "activation": session.facts.kind.activation,
        "notes": [*session.notes, *shown.notes],
        "bound": bound_payload(session.binding),
        "methods": [method_payload(session, method) for method in methods],
        "layers": [
            {"name": layer.name, "type": layer.type, "shape": list(layer.shape), "calls": layer.calls}
            for layer in session.facts.layers
        ],
    }
    return payload, [shown.pixels, probabilities.data]


def bound_payload(binding: Binding) -> Payload:
    """Return how the model is run and read, as far as somebody has said so, by keyword of `explain`.

    What cannot be written into JSON, such as a transform, is named in words.
    """
    usual = Binding()
    names = ("transform", "labels", "mask", "device", "precision", "forward", "activation", "dims")
    given = {name: getattr(binding, name) for name in names}
    return {name: _named(value) for name, value in given.items() if value is not getattr(usual, name)}


def _named(value: Any) -> Any:
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, torch.device):
        return str(value)
    shape = getattr(value, "shape", None)
    words = f" [{', '.join(map(str, shape))}]" if shape is not None else ""
    return {"array": getattr(value, "__name__", type(value).__name__) + words}


def result_payload(attribution: Attribution, session: int, title: str) -> Message:
    """Return an attribution as the front end paints it: raw numbers at their own resolution.

    Parameters
    ----------
    attribution : Attribution
        Partial or final.
    session : int
        Which of the widget's sessions it belongs to.
    title : str
        The method's label.
    """
    values = np.ascontiguousarray(attribution.values)
    finite = np.isfinite(values)
    known = values[finite]
    meta = attribution.meta
    fraction = float(meta.get("fraction", 1.0))
    layer = attribution.layer
    payload = {
        "session": session,
        "method": attribution.method,
        "method_label": title,
        "params": wire_params(attribution.params),
        "target": wire_target(attribution.target),
        "target_label": attribution.label,
        "layer": list(layer) if isinstance(layer, tuple) else layer,
        "signed": attribution.signed,
        "unit": str(attribution.meta.get("unit", "")),
        "shape": list(values.shape),
        "dtype": "float32",
        "minimum": float(known.min(initial=0)) if known.size == 0 else float(known.min()),
        "maximum": float(known.max(initial=0)) if known.size == 0 else float(known.max()),
        "fraction": fraction,
        "final": fraction >= 1,
        "seconds": round(float(meta.get("seconds", 0.0)), 4),
        "forwards": int(meta.get("forwards", 0)),
        "notes": _remarks(attribution, all_finite=bool(finite.all())),
        "has_error": attribution.error is not None,
    }
    errors = [] if attribution.error is None else [np.ascontiguousarray(attribution.error).data]
    return payload, [values.data, *errors]


def wire_params(params: Mapping[str, Any]) -> Payload:
    """Return parameters as JSON; an array or a method, which never leaves the kernel, is named in words."""
    return {
        name: {"array": repr(value)} if isinstance(value, Array | Method) else value for name, value in params.items()
    }


def wire_target(target: object) -> int | dict[str, Any] | None:
    """Return a target as JSON: an index, {"target": ..., "foil": ...}, {"callable": name}, or None."""
    match target:
        case None | int():
            return target
        case Contrast(a, b):
            return {"target": a, "foil": b}
        case str():
            return {"callable": target}
    return {"callable": getattr(target, "__name__", type(target).__name__)}


def _remarks(attribution: Attribution, *, all_finite: bool) -> list[str]:
    values = attribution.values
    found = []
    # What is zero so far may not stay so.
    final = float(attribution.meta.get("fraction", 1.0)) >= 1
    if not all_finite:
        found.append("Some values are not finite; they are shown as zero.")
    if unused := attribution.meta.get("no_gradient"):
        found.append(f"The score does not depend on the positions of {', '.join(unused)}: choose an earlier layer.")
    elif final and not values.any():
        extra = " (everything was negative before the ReLU)" if attribution.meta.get("relu") else ""
        found.append(f"The map is zero everywhere{extra}.")
    elif final and attribution.signed and values.max() <= 0:
        found.append("The map is negative everywhere: every place speaks against the target.")
    if "fused" in attribution.meta:
        found.append(f"Several layers: {attribution.meta['fused']}.")
    return found


def method_payload(session: Session, method: Method) -> Payload:
    """Return what the front end shows of a method with these parameters: controls, refusals, layers, cost."""
    cls, facts = type(method), session.facts
    refusal = method.refuses(facts)
    default = None if refusal is not None else method.default_layer(facts)
    if refusal is None and method.uses_layer and default is None:
        refusal = f"{cls.label} found no layer it can read in {facts.model}."
    automatic = method.automatic(facts) if refusal is None else {}
    cost: Payload = {"forwards": 0, "backwards": 0, "seconds": None}
    auto = True
    if refusal is None:
        evaluations, seconds = session.cost(method)
        cost = {
            "forwards": evaluations.forwards,
            "backwards": evaluations.backwards,
            "seconds": round(seconds, 4) if isfinite(seconds) else None,
        }
        auto = is_quick(seconds)
    return {
        "id": cls.id,
        "label": cls.label,
        "access": cls.access,
        "class_specific": cls.class_specific,
        # A class from elsewhere need not say these.
        "signed": bool(getattr(method, "signed", True)),
        "unit": str(getattr(method, "unit", "")),
        "randomisation": getattr(cls, "randomisation", "unknown"),
        "summary": cls.summary,
        "when": cls.when,
        "formula": cls.formula,
        "cites": cls.cites,
        "refusal": refusal,
        "described": wire_params({p.name: getattr(method, p.name) for p in parameters_of(cls)}),
        "params": [_parameter_payload(p, automatic) for p in parameters_of(cls) if p.kind != "array"],
        "uses_layer": method.uses_layer,
        "layer_refusals": [method.refuses_layer(layer, facts) for layer in facts.layers],
        "default_layer": default,
        "film": in_one_pass(session, method),
        "cost": cost,
        "auto": auto,
    }


def is_quick(seconds: float) -> bool:
    """Return whether a run of so many seconds may start by itself; one whose time is unknown may."""
    return not isfinite(seconds) or seconds <= AUTO_SECONDS


def _parameter_payload(parameter: Parameter, automatic: Mapping[str, Any]) -> Payload:
    about = parameter.about
    choices: list[Any] | None = list(parameter.choices) or None
    kind = parameter.kind
    if kind == "bool" and parameter.optional:  # a check box has two states; auto, on and off are three
        kind, choices = "choice", [None, True, False]
    elif choices is not None and parameter.optional:
        choices = [None, *choices]
    return {
        "name": parameter.name,
        "label": about.label,
        "help": about.help,
        "kind": kind,
        "default": parameter.default,
        "auto": automatic.get(parameter.name),
        "min": about.minimum,
        "max": about.maximum,
        "step": about.step,
        "choices": choices,
    }
