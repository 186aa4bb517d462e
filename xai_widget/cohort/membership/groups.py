"""Groups of a cohort's members: every way to say which ones are meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from xai_widget.cohort.store.splits import CLASSES, CORRECT, By, Rows, column_of, explained, split
from xai_widget.names import nearest
from xai_widget.targets import resolve

EVERYBODY: Final = "all"
# The names that every cohort with labels has, whatever it is grouped by.
OUTCOMES: Final = {"correct": "correct", "wrong": "not correct"}
# So many names are spelled out in a message.
NAMED: Final = 8


@dataclass(frozen=True, eq=False)
class Group:
    """Some members of a cohort.

    Attributes
    ----------
    name : str
        What they have in common.
    rows : int array [n]
        Their rows' numbers, ascending; each has a map.
    """

    name: str
    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Group({self.name!r}, n={len(self)})"


Members: TypeAlias = str | int | Mapping[str, Any] | Sequence[Any] | np.ndarray[Any, Any] | Group | None


class Grouping:
    """The groups of one table.

    Parameters
    ----------
    table : DataFrame
        As `Store.table` gives it.
    labels : sequence of str
        The classes' names.
    by : str or sequence
        What the groups are made by unless something else is said.

    Examples
    --------
    >>> table = pd.DataFrame({"row": [0, 1, 2], "id": ["a", "b", "c"], "label": [0, 1, 1], "prediction": [0, 0, 1],
    ...                       "probability": [0.9, 0.8, 0.7], "status": "ok"})
    >>> grouping = Grouping(table, ["cat", "dog"], "label")
    >>> [grouping.pick(group).rows.tolist() for group in ("dog", "wrong", "probability > 0.75", {"label": "dog"})]
    [[1, 2], [1], [0, 1], [1, 2]]
    """

    def __init__(self, table: Any, labels: Sequence[str], by: By = "prediction") -> None:
        self.table = table
        self.labels = tuple(labels)
        self.by = by
        self.frame = explained(table, self.labels)

    def split(self, by: By | None = None) -> dict[str, Rows]:
        """Return the groups by a column, several, or thresholds; see `splits.split`."""
        return split(self.frame, self.by if by is None else by, self.labels)

    def pick(self, group: Members) -> Group:
        """Return the members that are meant; see `Cohort`.

        Raises
        ------
        ValueError
            An unknown name, column, id or row, a query that cannot be read, or nobody fits.
        TypeError
            No way to say a group.
        """
        match group:
            case None:
                return self._group(EVERYBODY, np.ones(len(self.frame), dtype=bool), "")
            case Group():
                return self._listed(group.rows.tolist(), group.name)
            case str():
                return self._called(group)
            case int() | np.integer() if not isinstance(group, bool):
                return self._called(str(group), int(group))
            case Mapping():
                return self._fitting(group)
            case _ if np.ndim(group) == 1:
                return self._each(group)
        message = (
            "A group is a name, a class, a query such as 'label == 1 and probability >= 0.75', {column: value or (low,"
            f" high)}}, booleans a row of the table, or a list of ids or rows; got {group!r}."
        )
        raise TypeError(message)

    # -- one way each ------------------------------------------------------------------------------------------------

    def _called(self, name: str, index: int | None = None) -> Group:
        groups = self.split()
        if name in groups:
            return Group(name, groups[name])
        column = self.by if self.by in CLASSES else "prediction"
        if index is not None or _is_class(name, self.labels):
            number = resolve(name if index is None else index, self.labels, 0).index
            inside = (self.frame[column] == number).to_numpy(bool, na_value=False)
            return self._group(self.labels[number or 0], inside, f" {self._range(column)}")
        if name in OUTCOMES:
            return Group(name, self._query(OUTCOMES[name]).rows)
        if name == EVERYBODY:
            return self.pick(None)
        if self._is_query(name):
            return self._query(name)
        known = [*groups, *self.labels, *OUTCOMES, *self.frame.columns]
        shown = ", ".join(list(groups)[:NAMED]) + (", ..." if len(groups) > NAMED else "")
        message = f"There is no group {name!r}.{nearest(name, known)} The groups are {shown}; queries work too."
        raise ValueError(message)

    def _is_query(self, text: str) -> bool:
        return any(sign in text for sign in "<>=!&|~()") or text.split()[0:1] == ["not"] or text in self.frame

    def _query(self, text: str) -> Group:
        try:
            found = self.frame.eval(text, engine="python", local_dict={}, global_dict={})
        except pd.errors.UndefinedVariableError as error:
            column_of(self.frame, str(error).split("'")[1])
            raise
        except Exception as error:
            message = f"The query {text!r} cannot be read: {error}. Expected e.g. 'label == 1 and probability >= 0.75'."
            raise ValueError(message) from error
        dtype = getattr(found, "dtype", type(found))
        if not pd.api.types.is_bool_dtype(dtype) or np.shape(found) != (len(self.frame),):
            raise ValueError(
                f"The query {text!r} must say yes or no a row; it gives {dtype}. Compare it: '{text} > 0'."
            )
        used = [str(name) for name in self.frame if str(name) in text]
        inside = np.asarray(pd.array(found, dtype="boolean").fillna(False), dtype=bool)
        return self._group(text, inside, "".join(f" {self._range(name)}" for name in used))

    def _fitting(self, wanted: Mapping[str, Any]) -> Group:
        inside, reasons, names = np.ones(len(self.frame), dtype=bool), "", []
        for name, value in wanted.items():
            fits = self._fits(name, value)
            inside &= fits
            names.append(_in_words(name, value))
            reasons += f" {fits.sum()} have {names[-1]}" + ("." if fits.any() else f": {self._range(name)}")
        return self._group(", ".join(names) or EVERYBODY, inside, reasons)

    def _fits(self, name: str, value: Any) -> Any:
        column = column_of(self.frame, name)
        if callable(value):
            return np.array([bool(not pd.isna(each) and value(each)) for each in column])
        if isinstance(value, tuple):
            if len(value) != 2 or not pd.api.types.is_numeric_dtype(column):
                message = f"{value!r} for {name!r}: a tuple is a range (low, high) of numbers; a list holds choices."
                raise ValueError(message)
            numbers = column.to_numpy(np.float64, na_value=np.nan)
            low, high = (unset if edge is None else edge for edge, unset in zip(value, (-np.inf, np.inf), strict=True))
            return (numbers >= low) & (numbers <= high)
        choices = list(value) if isinstance(value, list | set | frozenset) else [value]
        if name in CLASSES:
            choices = [self._number(each) for each in choices]
        return column.isin(choices).to_numpy(bool, na_value=False)

    def _number(self, value: Any) -> Any:
        """Return a class said in words as its number; a target in words of its own stays as it is."""
        return (
            resolve(value, self.labels, 0).index if isinstance(value, str) and _is_class(value, self.labels) else value
        )

    def _each(self, values: Any) -> Group:
        """Return the rows that are marked, or listed."""
        given = pd.Series(values)
        if len(given) and pd.api.types.is_bool_dtype(given.dropna().infer_objects()):
            return self._marked(given.astype("boolean").fillna(False).to_numpy(bool))
        return self._listed(list(values))

    def _marked(self, marks: Any) -> Group:
        if marks.shape != (len(self.table),):
            message = f"Expected one boolean a row of the table, {len(self.table)}; got shape {marks.shape}."
            raise ValueError(message)
        rows = set(self.table["row"].to_numpy()[marks].tolist())
        return self._group("chosen rows", self.frame["row"].isin(rows).to_numpy(), f" {len(rows)} rows are marked.")

    def _listed(self, wanted: list[Any], name: str = "chosen rows") -> Group:
        for column, kind in (("id", str), ("row", int | np.integer)):
            given = {each for each in wanted if isinstance(each, kind)}
            unknown = sorted(given - set(self.table[column].tolist()))
            if unknown:
                known = [str(each) for each in self.table[column]]
                message = f"The table has no {column} {unknown[0]!r}.{nearest(str(unknown[0]), known)}"
                raise ValueError(message)
        if any(not isinstance(each, str | int | np.integer) for each in wanted):
            raise TypeError(f"A list holds ids (text) or rows (whole numbers); got {wanted[:3]!r}.")
        inside = self.frame["row"].isin(wanted) | self.frame["id"].isin(
            [each for each in wanted if isinstance(each, str)]
        )
        return self._group(name, inside.to_numpy(bool), f" {len(wanted)} are listed.")

    def _group(self, name: str, inside: Any, reason: str) -> Group:
        rows = self.frame["row"].to_numpy(np.int64)[inside]
        if not len(rows):
            failed = len(self.table) - len(self.frame)
            without = f"; {failed} failed and {'has' if failed == 1 else 'have'} no map" if failed else ""
            raise ValueError(f"Nobody is in the group {name!r}: {len(self.frame)} rows have a map{without}.{reason}")
        return Group(name, np.sort(rows))

    def _range(self, name: str) -> str:
        """Return what a column holds, as a sentence."""
        values = self.frame[name].dropna()
        if not len(values):
            return f"{name!r} is empty."
        if pd.api.types.is_float_dtype(values):
            return f"{name!r} lies in {values.min():.4g} ... {values.max():.4g}."
        each = [str(value) for value in sorted(values.unique(), key=str)]
        return f"{name!r} holds {', '.join(each[:NAMED])}{', ...' if len(each) > NAMED else ''}."


def _is_class(name: str, labels: Sequence[str]) -> bool:
    try:
        resolve(name, labels, 0)
    except ValueError:
        return False
    return True


def _in_words(name: str, value: Any) -> str:
    if callable(value):
        return f"{name} chosen by {getattr(value, '__name__', type(value).__name__)}"
    if isinstance(value, tuple) and len(value) == 2:
        low, high = value
        if high is None:
            return f"{name} >= {low}"
        return f"{name} <= {high}" if low is None else f"{name} {low} ... {high}"
    if name == CORRECT and isinstance(value, bool | np.bool_):
        return "correct" if value else "wrong"
    return f"{name} {value}"
