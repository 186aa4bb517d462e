"""What is asked of a model: one class, one class rather than another, or any function of the logits.

A `Target` is what a person writes; `resolve` reads it once against the model's labels, and everything inside works
with the `Question` that comes out.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from xai_widget.names import nearest

if TYPE_CHECKING:
    from torch import Tensor


class TargetNotScored(LookupError):
    """The class asked about was not among those whose scores were kept: the explanation must be run again for it."""


@dataclass(frozen=True)
class Contrast:
    """Class A rather than class B: the difference of their logits, A - B.

    Parameters
    ----------
    target
        The class that is asked about, an index or a label.
    foil
        The class it is held against.

    Examples
    --------
    >>> resolve(Contrast("cat", "dog"), ["cat", "dog"], predicted=0).label
    'cat rather than dog'
    """

    target: int | str
    foil: int | str


Target: TypeAlias = int | str | Contrast | Callable[["Tensor"], "Tensor"] | None
Wire: TypeAlias = int | dict[str, int] | dict[str, str]

# What a class has of its own, and two classes have a difference of.
_MEASURE: Final = re.compile(r"(logit|probability|log-odds)")
_ACCEPTED: Final = (
    "Expected a class index, a label, Contrast(a, b), a function of the logits, or None for the prediction"
)


@dataclass(frozen=True)
class Question:
    """A target that has been read against the labels of a model.

    Attributes
    ----------
    label
        What is asked, in words: "tabby", "tabby rather than tiger cat", or the name of the function.
    index
        The class, unless a function is asked.
    foil
        The class it is held against, for a contrast.
    function
        The function of the logits ``[n, K] -> [n]``, unless a class is asked.
    """

    label: str
    index: int | None = None
    foil: int | None = None
    function: Callable[[Tensor], Tensor] | None = None

    def __call__(self, logits: Tensor) -> Tensor:
        """Score logits.

        Parameters
        ----------
        logits
            Class scores ``[..., K]``.

        Returns
        -------
        Tensor
            The class's logit, the difference of two, or the function's value: ``[...]``.

        Raises
        ------
        TypeError
            If the function returns no tensor.
        ValueError
            If the function does not return one number for each row of the logits.
        """
        if self.function is not None:
            return self._ask(self.function, logits)
        if self.foil is not None:
            return logits[..., self.index] - logits[..., self.foil]
        return logits[..., self.index]

    def unit(self, of_class: str) -> str:
        """Return the unit of a map about this question, from that of a map about one class.

        Examples
        --------
        >>> Question("cat rather than dog", 0, 1).unit("fall of the logit")
        'fall of the logit difference'
        """
        if self.function is not None:
            return of_class.replace("logit", "score")
        if self.foil is None:
            return of_class
        return _MEASURE.sub(r"\1 difference", of_class)

    @property
    def key(self) -> Hashable:
        """The same for questions with the same answer; good as a key of a cache."""
        if self.function is None:
            return self.index, self.foil
        # What cannot be hashed is told apart by its identity, which lasts as long as this question holds it.
        return self.function if isinstance(self.function, Hashable) else ("unhashable", id(self.function))

    @property
    def target(self) -> int | Contrast | Callable[[Tensor], Tensor]:
        """What asks this question once more: a class index, a contrast of two, or the function.

        Examples
        --------
        >>> Question("cat rather than dog", 0, 1).target
        Contrast(target=0, foil=1)
        """
        if self.function is not None:
            return self.function
        if self.index is None:
            message = f"The question {self.label!r} has neither a class nor a function."
            raise ValueError(message)
        return self.index if self.foil is None else Contrast(self.index, self.foil)

    @property
    def columns(self) -> tuple[int, ...] | None:
        """The classes whose logits are needed; None = all."""
        if self.function is not None:
            return None
        return tuple(index for index in (self.index, self.foil) if index is not None)

    @property
    def wire(self) -> Wire:
        """The question in JSON: ``3``, ``{"target": 3, "foil": 5}`` or ``{"callable": "margin"}``."""
        if self.index is None:
            return {"callable": self.label}
        return self.index if self.foil is None else {"target": self.index, "foil": self.foil}

    def _ask(self, function: Callable[[Tensor], Tensor], logits: Tensor) -> Tensor:
        rows = logits.reshape(-1, logits.shape[-1])
        scores: Any = function(rows)
        if not isinstance(scores, type(rows)):
            raise TypeError(
                f"Target function {self.label!r} returned {type(scores).__name__}; "
                f"expected a tensor [n] of one number for each row of the logits {list(rows.shape)}."
            )
        if tuple(scores.shape) not in {(len(rows),), (len(rows), 1)}:
            raise ValueError(
                f"Target function {self.label!r} returned shape {list(scores.shape)} for logits {list(rows.shape)}; "
                f"expected [{len(rows)}], one number for each row. Reduce over the last axis only, "
                "as in lambda logits: logits[:, :3].sum(-1)."
            )
        return scores.reshape(logits.shape[:-1]).to(logits.dtype)


def resolve(target: Target, labels: Sequence[str], predicted: int) -> Question:
    """Read a target against the labels of a model.

    Labels are matched exactly first, then regardless of case, then as one of the synonyms that a comma separates.

    Parameters
    ----------
    target
        A class index, a label, a `Contrast`, a function ``logits [n, K] -> [n]``, or None for the predicted class.
    labels
        The names of the K classes.
    predicted
        The class that None stands for.

    Returns
    -------
    Question
        What to compute from the logits, with its name.

    Raises
    ------
    ValueError
        If there is no such class, a label fits several, or both sides of a contrast are the same class.
    TypeError
        If the target is none of the above.

    Examples
    --------
    >>> labels = ["tabby, tabby cat", "tiger cat", "goldfish"]
    >>> resolve("Tabby", labels, predicted=2).index
    0
    >>> resolve(None, labels, predicted=2).label
    'goldfish'
    """
    if target is None:
        return Question(labels[predicted], index=predicted)
    if isinstance(target, Contrast):
        index, foil = _class(target.target, labels), _class(target.foil, labels)
        if index == foil:
            raise ValueError(
                f"{target!r} holds class {index} ({labels[index]!r}) against itself; name two different classes."
            )
        return Question(f"{labels[index]} rather than {labels[foil]}", index=index, foil=foil)
    # A tensor or an array is data, whatever methods it has; a class given by mistake is no function either.
    if callable(target) and not hasattr(target, "__index__") and not isinstance(target, type):
        return Question(_function_name(target), function=target)
    index = _class(target, labels)
    return Question(labels[index], index=index)


def _class(given: object, labels: Sequence[str]) -> int:
    """Return the index of a class given by index or label."""
    if isinstance(given, str):
        return _labelled(given, labels)
    number = _integer(given)
    if number is None:
        shown = repr(given) if isinstance(given, bool | int | float | tuple | list) else type(given).__name__
        raise TypeError(f"A target cannot be {shown}. {_ACCEPTED}.")
    if not 0 <= number < len(labels):
        raise ValueError(f"Class index {number} is out of range: the model has classes 0 to {len(labels) - 1}.")
    return number


def _integer(given: Any) -> int | None:
    """Return a whole number of any library as an int, None for everything else (booleans are no class indices)."""
    boolean = isinstance(given, bool) or "bool" in str(getattr(given, "dtype", ""))
    if boolean or getattr(given, "ndim", False):
        return None
    try:
        return operator.index(given)
    except TypeError:
        return None


def _labelled(name: str, labels: Sequence[str]) -> int:
    wanted = name.strip().casefold()
    readings: tuple[Callable[[str], bool], ...] = (
        lambda label: label == name,
        lambda label: label.strip().casefold() == wanted,
        lambda label: wanted in {part.strip().casefold() for part in label.split(",")},
    )
    for fits in readings:
        hits = [index for index, label in enumerate(labels) if fits(label)] if wanted else []
        if len(hits) == 1:
            return hits[0]
        if hits:
            among = ", ".join(f"{index} ({labels[index]!r})" for index in hits)
            raise ValueError(f"Label {name!r} fits {len(hits)} classes: {among}. Give the index of the one you mean.")
    hint = f" For a class index, give a number: {int(wanted)}." if wanted.isdecimal() else nearest(name, labels)
    raise ValueError(f"The model has no class {name!r}.{hint} It has {len(labels)} classes: {_some(labels)}.")


def _some(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:5])
    return shown if len(labels) <= 5 else f"{shown}, ..."


def _function_name(function: Any) -> str:
    """Return a function's own name; a partial has the name of what it calls, an object that of its class."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))
