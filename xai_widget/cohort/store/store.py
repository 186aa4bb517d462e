"""The store of a cohort: a folder with one map a row, the pictures, and a journal of what is finished.

`maps.zarr` is a zarr group whose attributes are the plan of the run. The arrays `maps` and `pictures` hold one chunk a
row; `table.jsonl` gains one line a row, after the row's map has been written: what the journal names is there.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray

from xai_widget.attribution import Attribution
from xai_widget.cohort.store.chunks import Chunks
from xai_widget.cohort.store.folder import FORMAT, existing, is_trace, plan_in
from xai_widget.cohort.store.journal import NAME as JOURNAL
from xai_widget.cohort.store.journal import Journal
from xai_widget.cohort.store.lock import WriterLock
from xai_widget.cohort.store.table import blank, table_of

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
        self._plan = plan_in(group, path)
        self._chunks = Chunks(group, self._plan["count"])
        self._journal = Journal(path)

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
        if path.exists() and (not path.is_dir() or any(not is_trace(entry) for entry in path.iterdir())):
            message = (
                f"{str(path)!r} exists already. Choose another name for out=, or remove it; Store.open opens a cohort."
            )
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
        return cls(*existing(path, "r"))

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
        path, group = existing(path, "r+")
        lock = WriterLock(path)
        try:
            store = cls(path, group, lock)
            store._journal.mend()
        except BaseException:
            lock.release()
            raise
        return store

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
        if self._plan["native"] is None and self._lock is None:  # perhaps it is known by now
            self._plan = plan_in(zarr.open_group(self.path, mode="r"), self.path)
        return MappingProxyType(self._plan)

    def records(self) -> Mapping[int, Mapping[str, Any]]:
        """Return what is finished, by row, in row order; a row that was run again has its last record."""
        return self._journal.records()

    @property
    def table(self) -> pd.DataFrame:
        """The finished rows, in row order: see `cohort.table`; a new frame each time."""
        return table_of(self.records().values())

    def map(self, row: int) -> NDArray[np.float32]:
        """Return the map of a row, float32 `[*native]`.

        Raises
        ------
        KeyError
            The row is not finished, or failed.
        """
        self._finished(row)
        values = self._chunks.row("maps", row)
        if values is None:
            message = f"{str(self.path / 'maps')!r} is missing."
            raise KeyError(message)
        return np.asarray(values, np.float32)

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """Return what the model saw in a row, uint8 `[H, W, 3]` or `[D, H, W]`; None where pictures were not kept.

        Of a volume, 0 ... 255 stands for the record's `low` ... `high`.

        Raises
        ------
        KeyError
            The row is not finished, or failed.
        """
        self._finished(row)
        return self._chunks.row("pictures", row)

    def image(self, row: int) -> NDArray[Any] | None:
        """Return what the model saw in a row, uint8 `[H, W, 3]`, or a volume in its own units, float32 `[D, H, W]`.

        Raises
        ------
        KeyError
            The row is not finished, or failed.
        """
        return self._image(self._finished(row))

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
        if picture is not None and "pictures" not in self._chunks:
            self._chunks.make("pictures", picture.shape, "uint8", 0)
        self._chunks.write(record["row"], {"maps": values, "pictures": picture})
        self._journal.append({**blank(), **record})

    def _make_maps(self) -> None:
        self._chunks.make("maps", tuple(self.plan["native"]), "float32", math.nan)
