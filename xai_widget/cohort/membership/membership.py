"""Membership: whose maps a cohort holds, and every way to ask for some of them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from xai_widget.attribution import Attribution
from xai_widget.cohort.membership.groups import Group, Grouping, Members
from xai_widget.cohort.running.origin import Origin, origin_of
from xai_widget.cohort.store.splits import By, Rows
from xai_widget.cohort.store.store import Store
from xai_widget.names import nearest

# Groups that the text form counts.
SHOWN = 6


class Membership:
    """The members of a cohort and their groups.

    Parameters
    ----------
    store : Store
        As `explain_dataset` filled it. The table is read once: open the cohort again to see what a run added.
    origin : Origin, optional
        The model and the inputs that the maps came from.
    """

    def __init__(self, store: Store, origin: Origin | None = None) -> None:
        self.store = store
        self.origin = Origin() if origin is None else origin

    @classmethod
    def open(cls, path: str | Path, model: Any = None, dataset: Any = None, **how: Any) -> Self:
        """Return the cohort in a folder.

        Parameters
        ----------
        path : str or Path
            Of the store.
        model, dataset : optional
            What the run was given, for members that `widget` opens: their maps alone are in the store.
        **how
            `transform`, `labels`, `mask`, `device`, `precision`, `forward`, `activation`, `dims`, as the run had them.

        Raises
        ------
        FileNotFoundError, ValueError
            There is none, or it is something else.
        TypeError
            Another keyword, or no dataset.
        """
        store = Store.open(path)
        return cls(store, origin_of(store.plan, model, dataset, **how))

    # -- members ------------------------------------------------------------------------------------------------------

    @cached_property
    def table(self) -> Any:
        """One row an input, as a pandas DataFrame: row, id, label, prediction, probability, target, seconds, status ..."""
        return self.store.table

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(self.store.plan["labels"] or ())

    @cached_property
    def input_size(self) -> tuple[int, ...]:
        """The grid that all results share."""
        return tuple(self.store.plan["input_size"])

    @cached_property
    def _grouping(self) -> Grouping:
        return Grouping(self.table, self.labels, self.store.plan["group_by"] or "prediction")

    def __len__(self) -> int:
        """How many inputs have a map."""
        return len(self._grouping.frame)

    def __iter__(self) -> Iterator[Attribution]:
        """Yield the maps, one in memory at a time."""
        return self._members(self.group().rows)

    def __getitem__(self, which: int | str) -> Attribution:
        """Return one member's map, by row or id.

        Raises
        ------
        KeyError
            There is no such row or id, or it failed.
        ValueError
            Several rows have that id.
        """
        return self.store.attribution(self.row(which))

    def row(self, which: int | str) -> int:
        """Return the row that an id means; a row is itself.

        Raises
        ------
        KeyError
            There is no such id.
        ValueError
            Several rows have it.
        """
        if not isinstance(which, str):
            return int(which)
        rows = self.table["row"][self.table["id"] == which].tolist()
        if len(rows) > 1:
            raise ValueError(
                f"{len(rows)} rows have the id {which!r}: {', '.join(map(str, rows))}. Ask for one by row."
            )
        if not rows:
            raise KeyError(f"No input has the id {which!r}.{nearest(which, self.table['id'])}")
        return int(rows[0])

    def _members(self, rows: Iterable[int]) -> Iterator[Attribution]:
        return (self.store.attribution(int(row)) for row in rows)

    def _ids(self, rows: Rows) -> tuple[str, ...]:
        return tuple(self.table.set_index("row")["id"].loc[rows])

    def groups(self, by: By | None = None) -> dict[str, Rows]:
        """Return the rows of each group, by its name.

        Parameters
        ----------
        by : str, mapping or list, optional
            A column ("label", "prediction", "correct", any other); `{column: threshold}` or `{column: [thresholds]}`;
            a list of these, whose groups are crossed. By default what the run was grouped by, else "prediction".

        Raises
        ------
        ValueError
            An unknown column, or thresholds that are no increasing numbers.
        """
        return self._grouping.split(by)

    def group(self, group: Members = None) -> Group:
        """Return the members that are meant, with their name.

        Raises
        ------
        ValueError
            An unknown name, column, id or row, a query that cannot be read, or nobody fits.
        TypeError
            No way to say a group.
        """
        return self._grouping.pick(group)

    # -- to see ---------------------------------------------------------------------------------------------------------

    def _facts(self) -> dict[str, str]:
        plan = self.store.plan
        failed = len(self.table) - len(self)
        waiting = plan["count"] - len(self.table)
        # As long as there is no map, nobody knows their size.
        counts = f"{len(self)} maps of {'x'.join(map(str, self.input_size))}" if len(self) else "no maps"
        counts += f", {failed} failed" if failed else ""
        counts += f", {waiting} not yet explained" if waiting else ""
        groups = {name: len(rows) for name, rows in self.groups().items()} if len(self) else {}
        shown = ", ".join(f"{name} {size}" for name, size in list(groups.items())[:SHOWN])
        return {
            "cohort": counts,
            "method": f"{plan['method']} of {(plan.get('model') or {}).get('name', 'a model')}",
            "groups": shown + (f", ... ({len(groups)} in all)" if len(groups) > SHOWN else ""),
        }

    def __repr__(self) -> str:
        return "\n".join(f"{name:<7} {text}" for name, text in self._facts().items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self._facts().items()
        )
        return f"<table>{rows}</table>"
