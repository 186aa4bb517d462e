"""The journal of a cohort: one line of JSON a finished row, in the order in which they finished."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

NAME: Final = "table.jsonl"


class Journal:
    """The journal in a folder.

    A line counts once it has its end: what a killed writer left of its last one is not read, and is cut off by the next
    writer.

    Parameters
    ----------
    folder : Path
        Of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._known: tuple[int, Mapping[int, Mapping[str, Any]]] = (-1, MappingProxyType({}))

    def records(self) -> Mapping[int, Mapping[str, Any]]:
        """Return what is finished, by row, in row order; a row that was run again has its last record.

        Raises
        ------
        ValueError
            A line in the middle is damaged.
        """
        if self._path.stat().st_size != self._known[0]:
            content = self._path.read_bytes()
            lines = content[: _whole(content)].splitlines()
            by_row = {record["row"]: record for record in map(self._parsed, lines, range(1, len(lines) + 1))}
            self._known = len(content), MappingProxyType({row: by_row[row] for row in sorted(by_row)})
        return self._known[1]

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a record; when this returns, it is on the disk."""
        line = json.dumps(record, allow_nan=False) + "\n"
        with self._path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def mend(self) -> None:
        """Cut off what a killed writer left of its last line."""
        with self._path.open("rb+") as file:
            file.truncate(_whole(file.read()))

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads(line)
        except ValueError as error:
            message = f"Line {number} of {str(self._path)!r} is damaged; delete that line and run again."
            raise ValueError(message) from error
        return record


def _whole(content: bytes) -> int:
    """Return the length of the journal up to the end of its last whole line."""
    return content.rfind(b"\n") + 1
