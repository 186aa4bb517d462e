"""A cohort's table, and how a column, several, or thresholds split it into named groups."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_widget.names import nearest

Rows: TypeAlias = NDArray[np.int64]
By: TypeAlias = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]

# Columns whose numbers are classes.
CLASSES: Final = ("label", "prediction", "target")
CORRECT: Final = "correct"
# A column with more different numbers than this is measured, not a group's name: it wants a threshold.
MOST_NUMBERS: Final = 20


def explained(table: Any, labels: Sequence[str]) -> Any:
    """Return the rows of a cohort's table that have a map, with three columns more.

    These are `correct` (is the prediction the label? missing where there is no label), `label_name` and
    `prediction_name`; a column that the table has already is left as it is.

    Examples
    --------
    >>> table = pd.DataFrame({"row": [0, 1], "label": [0, 1], "prediction": [0, 0], "status": ["ok", "ok"]})
    >>> explained(table, ["cat", "dog"])[["correct", "label_name"]].values.tolist()
    [[True, 'cat'], [False, 'dog']]
    """
    frame = table[table["status"] == "ok"].copy()
    more = {
        CORRECT: (frame["label"].astype("Int64") == frame["prediction"].astype("Int64")).astype("boolean"),
        "label_name": words_of(frame, "label", labels),
        "prediction_name": words_of(frame, "prediction", labels),
    }
    return frame.assign(**{name: column for name, column in more.items() if name not in frame})


def words_of(frame: Any, column: str, labels: Sequence[str]) -> Any:
    """Return a column in words, one string a row and None where it is missing: classes by their names."""
    return pd.Series([_word(value, column, labels) for value in frame[column]], index=frame.index, dtype=object)


def column_of(frame: Any, name: str) -> Any:
    """Return a column.

    Raises
    ------
    ValueError
        There is none of that name.
    """
    if name not in frame:
        known = [str(column) for column in frame]
        message = f"The table has no column {name!r}.{nearest(str(name), known)} It has {', '.join(known)}."
        raise ValueError(message)
    return frame[name]


def split(frame: Any, by: By, labels: Sequence[str]) -> dict[str, Rows]:
    """Split explained rows into named groups; rows in which a value is missing belong to none.

    Parameters
    ----------
    frame : DataFrame
        As `explained` returns it.
    by : str, mapping or sequence of them
        A column; `{column: number}` or `{column: [numbers]}`, which cut a column of numbers; several of them, whose
        groups are crossed.
    labels : sequence of str
        The classes' names.

    Returns
    -------
    dict of str to int array
        The groups that are not empty, and their rows' numbers.

    Raises
    ------
    ValueError
        An unknown column, or thresholds that are not increasing numbers.

    Examples
    --------
    >>> frame = pd.DataFrame({"row": [4, 5, 6], "prediction": [1, 0, 1], "probability": [0.9, 0.8, 0.6]})
    >>> groups = split(frame, ["prediction", {"probability": 0.75}], ["cat", "dog"])
    >>> {name: rows.tolist() for name, rows in groups.items()}
    {'cat, probability >= 0.75': [5], 'dog, probability < 0.75': [6], 'dog, probability >= 0.75': [4]}
    """
    keys = [key for part in ([by] if isinstance(by, str | Mapping) else by) for key in _keys(frame, part, labels)]
    if not keys:
        raise ValueError("Groups need something to be made by: a column, or {column: threshold}.")
    found = {}
    rows = frame["row"].to_numpy(np.int64)
    for names in itertools.product(*(order for order, _ in keys)):
        inside = np.logical_and.reduce([words == name for name, (_, words) in zip(names, keys, strict=True)])
        if inside.any():
            found[", ".join(names)] = rows[inside]
    return found


def _keys(
    frame: Any, by: str | Mapping[str, Any], labels: Sequence[str]
) -> Iterator[tuple[list[str], NDArray[np.object_]]]:
    """Yield names in order, and the name of every row (None: of no group)."""
    if isinstance(by, str):
        yield _named(frame, by, labels)
        return
    for name, edges in by.items():
        yield _cut(column_of(frame, name), name, edges)


def _named(frame: Any, name: str, labels: Sequence[str]) -> tuple[list[str], NDArray[np.object_]]:
    column = column_of(frame, name)
    if pd.api.types.is_float_dtype(column) and column.nunique() > MOST_NUMBERS:
        low, high = column.min(), column.max()
        message = (
            f"{name!r} holds {column.nunique()} different numbers ({low:.4g} ... {high:.4g}); cut it at a threshold: "
            f"by={{{name!r}: {(low + high) / 2:.3g}}}."
        )
        raise ValueError(message)
    words = words_of(frame, name, labels).to_numpy()
    places = {word: value for word, value in zip(words, column, strict=True) if word is not None}
    if name == CORRECT:
        return [word for word in ("correct", "wrong") if word in places], words
    return sorted(places, key=lambda word: (isinstance(places[word], str), places[word])), words


def _cut(column: Any, name: str, edges: Any) -> tuple[list[str], NDArray[np.object_]]:
    limits = [edges] if np.ndim(edges) == 0 else list(edges)
    numbers = all(isinstance(edge, int | float | np.number) and not isinstance(edge, bool) for edge in limits)
    if not limits or not numbers or any(b <= a for a, b in itertools.pairwise(limits)):
        raise ValueError(f"Expected a number, or increasing ones, to cut {name!r} at; got {edges!r}.")
    if not pd.api.types.is_numeric_dtype(column):
        raise ValueError(
            f"{name!r} holds no numbers that {edges!r} could cut; group by the column itself: by={name!r}."
        )
    names = [f"{name} < {limits[0]:g}"]
    names += [f"{a:g} <= {name} < {b:g}" for a, b in itertools.pairwise(limits)]
    names += [f"{name} >= {limits[-1]:g}"]
    values = column.to_numpy(np.float64, na_value=np.nan)
    words = np.array(names, dtype=object)[np.searchsorted(limits, values, side="right")]
    words[np.isnan(values)] = None
    return names, words


def _word(value: Any, column: str, labels: Sequence[str]) -> str | None:
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if column == CORRECT:
        return "correct" if value else "wrong"
    if column in CLASSES and not isinstance(value, str) and 0 <= int(value) < len(labels):
        word = labels[int(value)]
        return word if list(labels).count(word) == 1 else f"{word} ({int(value)})"
    return str(value)
