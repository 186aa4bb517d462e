"""Small tables with a readable repr, for `methods()`, `layers()` and `show_versions()`."""

import dataclasses
import html
from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, TypeVar, overload

# Characters of a cell as text; the HTML table and the row itself hold all of it.
WIDEST: Final = 56
Row = TypeVar("Row")


class Table(Sequence[Row], Generic[Row]):
    """A read-only sequence of rows (frozen dataclasses) that prints as a table.

    ``name in table`` asks for the first column.

    Parameters
    ----------
    rows : sequence
        Instances of one dataclass; its fields are the columns.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> "Table[Row]": ...
    def __getitem__(self, index: int | slice) -> "Row | Table[Row]":
        """Return one row, or a table of some."""
        return Table(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __contains__(self, item: object) -> bool:
        """Whether `item` is a row or stands in the first column."""
        return item in self._rows or any(cells[0] == item for cells in self._cells())

    def _cells(self) -> list[tuple[Any, ...]]:
        return [tuple(getattr(row, name) for name in self._names()) for row in self._rows]

    def _names(self) -> list[str]:
        first: Any = self._rows[0] if self._rows else None
        return [] if first is None else [field.name for field in dataclasses.fields(first)]

    def __repr__(self) -> str:
        lines = [self._names(), *([_short(_text(cell)) for cell in cells] for cells in self._cells())]
        if len(lines) == 1:
            return "(empty)"
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join(line.rstrip() for line in padded)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._names())
        rows = ("".join(f"<td>{html.escape(_text(cell))}</td>" for cell in cells) for cells in self._cells())
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"
        )


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, tuple):
        return "x".join(map(str, cell))
    return str(cell)
