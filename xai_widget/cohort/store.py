"""The store of a cohort: a folder with one map a row, the pictures, and a journal of what is finished.

`maps.zarr` is a zarr group whose attributes are the plan of the run. The arrays `maps` and `pictures` hold one chunk a
row; `table.jsonl` gains one line a row, after the row's map has been written: what the journal names is there.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Self, cast

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

from xai_widget.attribution import Attribution
from xai_widget.cohort.lock import WriterLock

FORMAT: Final = 1
JOURNAL: Final = "table.jsonl"
COLUMNS: Final = {
    "row": "int64",
    "id": "str",
    "label": "Int64",
    "prediction": "Int64",
    "probability": "float64",
    "target": "object",
    "seconds": "float64",
    "status": "str",
    "error": "object",
}
# Plan keys that the first finished row tells.
SEEN: Final = ("labels", "input_size", "native", "signed", "unit", "layer", "affine")


class Store:
    """Maps, pictures and table of a cohort, in a folder.

    Use `open` to read one. Whoever reads may do so while the run still writes.

    Attributes
    ----------
    path : Path
        The folder.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> plan = {"count": 2, "method": "occlusion", "params": {}, "labels": ["cat", "dog"], "input_size": [4, 4],
    ...         "native": [2, 2], "signed": True, "unit": "fall of the logit", "layer": None, "affine": None}
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Store.create(f"{folder.name}/maps.zarr", plan) as writer:
    ...     writer.put({"row": 0, "id": "a.png", "status": "ok", "target": 1}, np.eye(2, dtype=np.float32))
    >>> store = Store.open(f"{folder.name}/maps.zarr")
    >>> list(store.table.id), store.attribution(0)
    (['a.png'], Attribution('occlusion', 'dog', 2x2, 0 ... 1))
    >>> folder.cleanup()
    """

    def __init__(self, path: Path, group: zarr.Group, lock: WriterLock | None = None) -> None:
        self.path = path
        self._group = group
        self._lock = lock
        self._plan = _plan_of(group, path)
        self._read: tuple[int, dict[int, dict[str, Any]]] = (-1, {})

    # -- to open ----------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | Path, plan: Mapping[str, Any]) -> Self:
        """Begin a new store, to be written.

        Parameters
        ----------
        path : str or Path
            A folder that is not there yet, or is empty.
        plan : mapping
            What the run is to do, as JSON. `count` is the number of rows; what only the first map tells (`native` and
            the rest of `SEEN`) may be None until `settle`.

        Raises
        ------
        FileExistsError
            There is something already.
        """
        path = Path(path).expanduser()
        # A writer that was killed at once may have left its lock and an empty journal.
        if path.exists() and (not path.is_dir() or any(not _is_trace(entry) for entry in path.iterdir())):
            message = f"{str(path)!r} exists already. Choose another name for out=, or Store.open it."
            raise FileExistsError(message)
        path.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(path)
        (path / JOURNAL).touch()
        known = {**dict.fromkeys(SEEN), **plan, "format": FORMAT}
        store = cls(path, zarr.create_group(path, zarr_format=3, attributes=known), lock)
        if store.plan["native"] is not None:
            store._make_maps()
        return store

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Return the store in a folder, to be read.

        Raises
        ------
        FileNotFoundError
            There is none.
        ValueError
            It is something else, or was written by a later version.
        """
        return cls(*_existing(path, "r"))

    @classmethod
    def resume(cls, path: str | Path) -> Self:
        """Return the store in a folder, to be written on; a line that was torn by the end of its writer is removed.

        Raises
        ------
        RuntimeError
            It is being written by another process.
        FileNotFoundError, ValueError
            As `open`.
        """
        path, group = _existing(path, "r+")
        lock = WriterLock(path)
        try:
            with (path / JOURNAL).open("rb+") as file:
                file.truncate(_whole(file.read()))
            return cls(path, group, lock)
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Let others write."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, {len(self.records())} of {self.plan['count']} rows)"

    # -- to read ----------------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Mapping[str, Any]:
        """What the run was asked to do, and what its first map told; read-only."""
        return MappingProxyType(self._plan)

    def records(self) -> Mapping[int, Mapping[str, Any]]:
        """Return what is finished, by row, in row order; a row that was run again has its last record."""
        journal = self.path / JOURNAL
        size = journal.stat().st_size
        if size != self._read[0]:
            content = journal.read_bytes()
            lines = content[: _whole(content)].splitlines()
            found = [_parsed(line, number, self.path) for number, line in enumerate(lines, 1)]
            by_row = {record["row"]: record for record in found}
            self._read = size, {row: by_row[row] for row in sorted(by_row)}
        return MappingProxyType(self._read[1])

    @property
    def table(self) -> pd.DataFrame:
        """The finished rows, in row order: `COLUMNS`, then those of the dataset; a new frame each time."""
        records = list(self.records().values())
        fixed = pd.DataFrame(
            {name: pd.Series([record[name] for record in records], dtype=kind) for name, kind in COLUMNS.items()}
        )
        names = dict.fromkeys(name for record in records for name in record["columns"])
        # A value that a row lacks is missing, whatever kind the column is of.
        further = {name: [record["columns"].get(name) for record in records] for name in names}
        return pd.concat([fixed, pd.DataFrame(further, index=fixed.index)], axis=1)

    def map(self, row: int) -> NDArray[np.float32]:
        """Return the map of a row, float32 `[*native]`.

        Raises
        ------
        KeyError
            The row is not finished, or failed.
        """
        self._finished(row)
        return np.asarray(self._array("maps")[row], np.float32)

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """Return what the model saw in a row, uint8 `[H, W, 3]` or `[D, H, W]`; None where pictures were not kept.

        Of a volume, 0 ... 255 stands for the record's `low` ... `high`.

        Raises
        ------
        KeyError
            The row is not finished, or failed.
        """
        self._finished(row)
        if "pictures" not in self._group:
            return None
        return np.asarray(self._array("pictures")[row], np.uint8)

    def attribution(self, row: int) -> Attribution:
        """Return the map of a row as `explain` gave it, except that it cannot answer for further targets.

        Raises
        ------
        KeyError
            The row is not finished, or failed.
        """
        record, plan = self._finished(row), self.plan
        target, layer = record["target"], plan["layer"]
        affine = record["affine"] if record["affine"] is not None else plan["affine"]
        known = {name: record[name] for name in ("row", "id", "seconds", "prediction", "probability")}
        return Attribution(
            values=self.map(row),
            method=plan["method"],
            params=plan["params"],
            target=target,
            label=plan["labels"][target] if isinstance(target, int) else str(target),
            layer=tuple(layer) if isinstance(layer, list) else layer,
            input_size=tuple(plan["input_size"]),
            signed=plan["signed"],
            image=self._image(record),
            affine=None if affine is None else np.asarray(affine, np.float64),
            meta={**known, "unit": plan["unit"], "precision": plan.get("precision"), "fraction": 1.0},
        )

    def _image(self, record: Mapping[str, Any]) -> NDArray[Any] | None:
        picture, low, high = self.picture(record["row"]), record["low"], record["high"]
        if picture is None or low is None:
            return picture
        image: NDArray[np.float32] = (low + picture * np.float64((high - low) / 255)).astype(np.float32)
        return image

    def _finished(self, row: int) -> Mapping[str, Any]:
        record = self.records().get(row)
        if record is None:
            message = f"Row {row} is not finished: {len(self.records())} of {self.plan['count']} rows are."
            raise KeyError(message)
        if record["status"] != "ok":
            message = f"Row {row} ({record['id']}) has no map, it failed: {record['error']}"
            raise KeyError(message)
        return record

    def _array(self, name: str) -> zarr.Array[Any]:
        return cast("zarr.Array[Any]", self._group[name])

    # -- to write ---------------------------------------------------------------------------------------------------

    def settle(self, **seen: Any) -> None:
        """Complete the plan by what the first finished row told; see `SEEN`."""
        self._plan.update(seen)
        if "native" in seen:
            self._make_maps()
        # Last: a plan that names the shape has its array.
        self._group.attrs.update(seen)

    def put(
        self,
        record: Mapping[str, Any],
        values: NDArray[np.float32] | None = None,
        picture: NDArray[np.uint8] | None = None,
    ) -> None:
        """Write a finished row: its map and picture, then its line in the journal.

        Parameters
        ----------
        record : mapping
            `row`, `id`, `status`, and what else there is to say, as JSON.
        values : float32 array [*native], optional
            None for a row that failed.
        picture : uint8 array, optional
            Of the same shape in all rows.

        Raises
        ------
        ValueError
            Another shape than that of the rows before.
        RuntimeError
            The store was opened to be read.
        """
        if self._lock is None:
            message = f"{str(self.path)!r} was opened to be read. Use Store.resume to write on."
            raise RuntimeError(message)
        if picture is not None and "pictures" not in self._group:
            self._make("pictures", picture.shape, "uint8", 0)
        for name, array in (("maps", values), ("pictures", picture)):
            if array is not None:
                _check(array.shape, self._array(name).shape[1:], name)
        for name, array in (("maps", values), ("pictures", picture)):
            if array is not None:
                self._array(name)[record["row"]] = array
        unknown = dict.fromkeys((*COLUMNS, "probabilities", "low", "high", "affine"))
        line = json.dumps({**unknown, "columns": {}, **record}, allow_nan=False) + "\n"
        with (self.path / JOURNAL).open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _make_maps(self) -> None:
        self._make("maps", tuple(self.plan["native"]), "float32", math.nan)

    def _make(self, name: str, shape: tuple[int, ...], kind: str, nothing: float) -> None:
        self._group.create_array(
            name,
            shape=(self.plan["count"], *shape),
            chunks=(1, *shape),
            dtype=kind,
            fill_value=nothing,
            compressors=BloscCodec(cname="zstd", clevel=5),
            # One that a killed writer began before it named the shape.
            overwrite=True,
        )


def begun(path: str | Path) -> bool:
    """Return whether there is a store in a folder."""
    return (Path(path).expanduser() / "zarr.json").is_file()


def _is_trace(entry: Path) -> bool:
    return entry.name.startswith("writer-") or (entry.name == JOURNAL and entry.stat().st_size == 0)


def _check(given: tuple[int, ...], expected: tuple[int, ...], name: str) -> None:
    if given != expected:
        message = (
            f"One of the {name} has shape {list(given)}, and those of the rows before {list(expected)}: a cohort shares"
            " one grid. Bring all inputs to one size."
        )
        raise ValueError(message)


def _existing(path: str | Path, mode: Literal["r", "r+"]) -> tuple[Path, zarr.Group]:
    path = Path(path).expanduser()
    if not path.is_dir():
        message = f"There is no cohort {str(path)!r}; explain_dataset(..., out={path.name!r}) makes one."
        raise FileNotFoundError(message)
    if not (path / JOURNAL).is_file() or not (path / "zarr.json").is_file():
        message = f"{str(path)!r} is no cohort: {JOURNAL} or zarr.json is missing."
        raise ValueError(message)
    return path, zarr.open_group(path, mode=mode)


def _plan_of(group: zarr.Group, path: Path) -> dict[str, Any]:
    plan: dict[str, Any] = dict(group.attrs)
    if plan.get("format") != FORMAT:
        message = (
            f"{str(path)!r} has format {plan.get('format')!r}, and this version reads {FORMAT}: update xai-widget."
        )
        raise ValueError(message)
    return plan


def _whole(content: bytes) -> int:
    """Return the length of the journal up to the end of its last whole line."""
    return content.rfind(b"\n") + 1


def _parsed(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError as error:
        message = f"Line {number} of {str(path / JOURNAL)!r} is damaged; delete that line and run again."
        raise ValueError(message) from error
    return record
