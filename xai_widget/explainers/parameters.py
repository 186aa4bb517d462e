"""Parameters describe themselves: range, step, label and help stand once, beside the field.

Controls in the widget, options of the command line, the table in the docs and validation all come from here.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from xai_widget.arrays import Array
from xai_widget.names import nearest

Kind = Literal["int", "float", "bool", "choice", "array"]


@dataclass(frozen=True)
class Param:
    """What a method's field says about itself, in `Annotated[type, Param(...)]`.

    Attributes
    ----------
    label : str
        On screen.
    help : str
        One sentence, with units.
    minimum, maximum : float or None
        Inclusive range.
    step : float or None
        Of a slider.
    cost : bool
        Whether the field changes the number of model evaluations.
    """

    label: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    cost: bool = False


@dataclass(frozen=True)
class Parameter:
    """A field of a method, read from its annotation.

    Attributes
    ----------
    name : str
        Of the field.
    kind : {"int", "float", "bool", "choice", "array"}
        What values it takes.
    optional : bool
        Whether None ("auto") is a value.
    choices : tuple
        Named values; a "choice" may take numbers too (`numeric`).
    numeric : bool
        Whether a "choice" also takes any number.
    arrays : bool
        Whether an array is a value; it becomes an `Array`.
    objects : tuple of type
        Classes whose instances are values as they are.
    default : object
        Of the field.
    about : Param
        Label, help, range.
    """

    name: str
    kind: Kind
    optional: bool
    choices: tuple[Any, ...]
    numeric: bool
    arrays: bool
    default: Any
    about: Param
    objects: tuple[type, ...] = ()

    def check(self, value: Any, owner: str) -> Any:
        """Return `value` as the field holds it.

        Raises
        ------
        TypeError
            A value of another type.
        ValueError
            A word or number out of range.
        """
        if value is None and self.optional:
            return None
        if self.choices and any(
            value is choice or (type(value) is type(choice) and value == choice) for choice in self.choices
        ):
            return value
        if isinstance(value, self.objects):
            return value
        if self.arrays and _is_array(value):
            return self._array(value, owner)
        if self.kind == "array":
            raise TypeError(self._message(value, owner, "an array"))
        if self.kind == "bool":
            if not isinstance(value, bool):
                raise TypeError(self._message(value, owner, "True or False"))
            return value
        return self._word_or_number(value, owner)

    def _array(self, value: Any, owner: str) -> Array:
        try:
            held = value if isinstance(value, Array) else Array(value)
        except (TypeError, ValueError) as error:  # words, complex numbers, rows of different lengths
            raise TypeError(self._message(value, owner, "an array of numbers")) from error
        if not np.isfinite(held.values).all():
            message = f"{owner}: parameter {self.name!r} holds numbers that are not finite (NaN or infinity)."
            raise ValueError(message)
        return held

    def _word_or_number(self, value: Any, owner: str) -> Any:
        if self.kind == "choice" and not (self.numeric and _is_number(value)):
            words = ", ".join(map(repr, self.choices)) + (" or a number" if self.numeric else "")
            words += " or an array" if self.arrays else ""
            words += "".join(f" or a {cls.__name__} object" for cls in self.objects)
            hint = nearest(str(value), map(str, self.choices))
            raise ValueError(self._message(value, owner, f"one of {words}") + hint)
        if not _is_number(value):
            raise TypeError(self._message(value, owner, "a whole number" if self.kind == "int" else "a number"))
        if self.kind == "int" and value % 1 != 0:
            raise TypeError(self._message(value, owner, "a whole number"))
        low, high = self.about.minimum, self.about.maximum
        if not isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
            bounds = f"{low if low is not None else 'any'} ... {high if high is not None else 'any'}"
            raise ValueError(self._message(value, owner, f"a number in {bounds}"))
        return int(value) if self.kind == "int" else float(value)

    def _message(self, value: Any, owner: str, expected: str) -> str:
        auto = " or None (auto)" if self.optional else ""
        return f"{owner}: parameter {self.name!r} must be {expected}{auto}, got {value!r}."


@cache
def parameters_of(method: type) -> tuple[Parameter, ...]:
    """Return the parameters of a method class, in the order of its fields."""
    hints = get_type_hints(method, include_extras=True)
    found = []
    for field in dataclasses.fields(method):
        annotation = hints[field.name]
        about = Param(field.name, "")
        if get_origin(annotation) is Annotated:
            annotation, *extras = get_args(annotation)
            about = next((extra for extra in extras if isinstance(extra, Param)), about)
        found.append(_read(field.name, annotation, field.default, about))
    return tuple(found)


def checked(method: type, values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Return `values` of a method's parameters, each checked.

    Raises
    ------
    ValueError
        A name the method does not have, or a value out of range.
    TypeError
        A value of another type.
    """
    known = {parameter.name: parameter for parameter in parameters_of(method)}
    for name in values:
        if name not in known:
            has = ", ".join(map(repr, known)) or "none"
            message = f"{owner} has no parameter {name!r}.{nearest(name, known)} It has: {has}."
            raise ValueError(message)
    return {name: known[name].check(value, owner) for name, value in values.items()}


def _read(name: str, annotation: Any, default: Any, about: Param) -> Parameter:
    parts = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    optional = NoneType in parts
    literals = tuple(value for part in parts if get_origin(part) is Literal for value in get_args(part))
    plain = {part for part in parts if part in {int, float, bool}}
    kind: Kind
    if literals:
        kind = "choice"
    elif not plain:
        kind = "array"
    elif bool in plain:
        kind = "bool"
    else:
        kind = "float" if float in plain else "int"
    numeric = bool(literals) and bool(plain)
    known = {int, float, bool, NoneType, Array}
    objects = tuple(part for part in parts if isinstance(part, type) and part not in known)
    return Parameter(name, kind, optional, literals, numeric, Array in parts, default, about, objects)


def _is_array(value: Any) -> bool:
    return isinstance(value, Array | list | tuple) or getattr(value, "ndim", 0) > 0


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return False
    return not hasattr(value, "ndim") or value.ndim == 0
