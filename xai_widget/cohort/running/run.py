"""A run over a cohort: what is missing is explained, row by row, and written down as it comes."""

import importlib
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from tqdm.auto import tqdm

from xai_widget.cohort.running.identity import differences
from xai_widget.cohort.running.items import GIVEN, Items, class_of
from xai_widget.cohort.running.luggage import Luggage
from xai_widget.cohort.running.rows import Outcome, Task
from xai_widget.cohort.running.workers import Here, Local, Pool, outcomes
from xai_widget.cohort.store.folder import begun
from xai_widget.cohort.store.splits import explained
from xai_widget.cohort.store.store import Store
from xai_widget.models import labels_for, numbered

# So many inputs that fail at the start with one error point to the call and not to the inputs.
FIRST_FEW: Final = 3


def run_dataset(
    task: Task,
    items: Items,
    plan: Mapping[str, Any],
    out: str | Path,
    *,
    workers: Any = 1,
    progress: bool = True,
    retry: bool = False,
) -> Store:
    """Explain the rows that a store lacks, and return it.

    Parameters
    ----------
    task : Task
        With `items`.
    items : Items
        The cohort.
    plan : mapping
        What `plan_of` says, and how to group.
    out : str or Path
        A store that this very run was begun in, or nothing yet.
    workers, progress, retry
        As in `explain_dataset`.

    Raises
    ------
    ValueError
        The store is of another run.
    RuntimeError
        Another process writes it.
    """
    check_workers(workers)
    if begun(out):
        store = Store.open(out)
        _check_same(store, plan)
    else:
        Store.create(out, plan).close()
        store = Store.open(out)
    rows = _missing(store, plan["count"], retry=retry)
    grouping = plan["group_by"]
    if rows or (grouping is not None and grouping != store.plan["group_by"]):
        with Store.resume(out) as store:
            before = store.plan["group_by"]
            if grouping is not None:
                store.settle(group_by=grouping)
            # Once more, now that nobody else writes.
            if rows := _missing(store, plan["count"], retry=retry):
                _fill(store, task, items, rows, workers=workers, progress=progress)
            _check_grouping(store, None if before == grouping else before)
    if rows:
        _tell(store)
        _tell_names(store, task, items)
    return store


def check_workers(workers: Any) -> None:
    """Raise unless `workers` is a positive number or a Dask client.

    Raises
    ------
    ValueError
        A number below 1.
    TypeError
        Anything else.
    ImportError
        A cluster, and Dask is not installed.
    """
    if isinstance(workers, int) and not isinstance(workers, bool):
        if workers < 1:
            message = f"workers is a number of processes, 1 or more, or a dask.distributed.Client; got {workers}."
            raise ValueError(message)
    elif isinstance(workers, str) and ":" not in workers:
        message = f"workers={workers!r} is no address of a Dask scheduler, such as 'tcp://host:8786', nor a number."
        raise ValueError(message)
    elif not isinstance(workers, str) and not (hasattr(workers, "submit") and hasattr(workers, "register_plugin")):
        message = (
            f"workers cannot be {type(workers).__name__}. Expected a number of local processes, a"
            " dask.distributed.Client, or the address of a Dask scheduler."
        )
        raise TypeError(message)
    else:
        importlib.import_module("xai_widget.cohort.running.cluster")  # it says which extra is missing


def _check_same(store: Store, plan: Mapping[str, Any]) -> None:
    found = differences(store.plan, plan)
    if found:
        message = (
            f"{str(store.path)!r} holds another run: {'; '.join(found)}. Give this run a name of its own with out=, or"
            " delete that folder."
        )
        raise ValueError(message)


def _check_grouping(store: Store, before: str | Sequence[str] | None) -> None:
    """Go back to the grouping before where the table has no such column: that is known when the rows are there."""
    by, frame = store.plan["group_by"], explained(store.table, store.plan["labels"] or ())
    strange = [name for name in ([by] if isinstance(by, str) else by or ()) if name not in frame]
    if strange and not frame.empty:
        store.settle(group_by=before)
        has = ", ".join(map(str, frame))
        _warn(f"Nothing is grouped by {strange[0]!r}: the table has {has}. Cohort.groups(by=...) groups by any column.")


def _missing(store: Store, count: int, *, retry: bool) -> list[int]:
    records = store.records()
    return [row for row in range(count) if row not in records or (retry and records[row]["status"] != "ok")]


def _fill(store: Store, task: Task, items: Items, rows: Sequence[int], *, workers: Any, progress: bool) -> None:
    total, again = store.plan["count"], set(rows)
    # A row that is run again is not done yet.
    failures = sum(record["status"] != "ok" and row not in again for row, record in store.records().items())
    writer = _Writer(store, items, rows)
    bar = tqdm(total=total, initial=total - len(rows), disable=not progress, desc=task.method.id, unit="input")
    with bar, _pool(task, workers, len(rows)) as pool:
        try:
            for outcome in outcomes(pool, rows, writer.held):
                failures += writer.write(outcome)
                bar.set_postfix({"failed": failures} if failures else {}, refresh=False)
                bar.update()
        except BaseException as error:
            done = len(store.records())
            error.add_note(f"{done} of {total} rows are in {str(store.path)!r}; the same call goes on from there.")
            raise
        writer.finish()


@contextmanager
def _pool(task: Task, workers: Any, rows: int) -> Iterator[Pool]:
    pool: Pool
    if workers == 1:
        pool = Here(task)
    elif isinstance(workers, int):
        # Also for a single row: it may be one that kills its process.
        pool = Local(Luggage(task), min(workers, rows))
    else:
        from xai_widget.cohort.running.cluster import Cluster  # noqa: PLC0415 - Dask is an optional extra

        pool = Cluster(Luggage(task), workers)
    try:
        yield pool
    finally:
        pool.close()


class _Writer:
    """Writes outcomes, in whatever order they come.

    What all rows share (names of the classes, the grid) is told by the first row, in the dataset's order, that could be
    explained. What comes before it waits in memory; it counts as out (see `outcomes`).
    """

    def __init__(self, store: Store, items: Items, rows: Sequence[int]) -> None:
        self._store = store
        self._items = items
        self._waiting: dict[int, Outcome] = {}
        self._next = deque(rows)
        self._settled = store.plan["native"] is not None

    def held(self) -> int:
        """Return how many maps wait."""
        return sum(outcome.values is not None for outcome in self._waiting.values())

    def write(self, outcome: Outcome) -> bool:
        """Write an outcome, at once or when the grid is known; return whether it has failed."""
        if self._settled:
            return self._put(outcome)
        self._waiting[outcome.row] = outcome
        while self._next and self._next[0] in self._waiting:
            first = self._waiting[self._next.popleft()]
            if first.values is not None:
                self._store.settle(**first.seen)
                self._settled = True
                self.finish()
                break
        return outcome.values is None

    def finish(self) -> None:
        """Write what still waits."""
        for row in sorted(self._waiting):
            self._put(self._waiting.pop(row))

    def _put(self, outcome: Outcome) -> bool:
        try:
            self._check_grid(outcome)
            self._store.put(self._record(outcome), outcome.values, outcome.picture)
        except ValueError as error:
            failed = Outcome.failed(outcome.row, outcome.item, error, outcome.record["seconds"])
            self._store.put(self._record(failed))
            return True
        return outcome.values is None

    def _check_grid(self, outcome: Outcome) -> None:
        if outcome.values is not None and outcome.seen["input_size"] != self._store.plan["input_size"]:
            message = (
                f"The input has spatial size {outcome.seen['input_size']}, and the first one had"
                f" {self._store.plan['input_size']}: a cohort shares one grid. Bring all inputs to one size."
            )
            raise ValueError(message)

    def _record(self, outcome: Outcome) -> dict[str, Any]:
        item, labels = outcome.item, self._store.plan["labels"]
        record = {"row": outcome.row, "id": self._items.ids[outcome.row], **outcome.record}
        if item is not None:
            label = class_of(item.label, labels) if labels is not None else _number(item.label)
            unknown = {GIVEN + "label": item.label} if label is None and item.label is not None else {}
            record |= {"id": item.id or record["id"], "label": label, "columns": {**item.columns, **unknown}}
        if outcome.values is not None:
            affine, first = outcome.seen["affine"], self._store.plan["affine"]
            record["affine"] = affine if affine is not None and not _same_place(affine, first) else None
        return record


def _number(label: int | str | None) -> int | None:
    return label if isinstance(label, int) else None


def _same_place(affine: Any, first: Any) -> bool:
    return first is not None and np.allclose(affine, first, atol=1e-3)


def _tell(store: Store) -> None:
    """Warn of what a person should know about a run that is over."""
    records = store.records()
    errors = {row: record["error"] for row, record in records.items() if record["status"] != "ok"}
    if errors:
        often, times = Counter(errors.values()).most_common(1)[0]
        begin = [errors.get(row) for row in range(min(FIRST_FEW, len(records)))]
        said = f"{len(errors)} of {len(records)} inputs failed"
        if len(errors) == len(records) and times == len(errors):
            said = f"All {times} inputs failed with the same error" if times > 1 else "The only input failed"
        elif begin[0] is not None and len(begin) == FIRST_FEW and len(set(begin)) == 1:
            said += f", the first {FIRST_FEW} of them with the same error"
        count = f"; most often ({times})" if times < len(errors) else ""
        end = "" if str(often).endswith((".", "!", "?")) else "."
        words = f"{said}{count}: {often}{end} The table has each error; retry=True runs them again."
        _warn(words)
    strange = [
        record["columns"][GIVEN + "label"] for record in records.values() if GIVEN + "label" in record["columns"]
    ]
    if strange and store.plan["labels"] is not None:
        words = f"{len(strange)} labels are no class of the model (such as {strange[0]!r}): column {GIVEN + 'label'!r}."
        _warn(words)
    moved = sum(record["affine"] is not None for record in records.values())
    if moved:
        _warn(f"{moved} inputs have another affine than the first: the same voxel is another place in them.")


def _tell_names(store: Store, task: Task, items: Items) -> None:
    """Say what was assumed of the classes' names: folders tell them, and their order is a convention."""
    names = store.plan["labels"]
    if items.about["kind"] != "folder" or not names or list(items.classes) != names or task.binding.labels is not None:
        return
    if labels_for(task.model, len(names))[0] == numbered(len(names)):
        called = ", ".join(f"{index} {name!r}" for index, name in enumerate(names))
        _warn(
            f"The model does not name its classes. They are called after the folders, in alphabetical order as torchvision's"
            f" ImageFolder has it: {called}. If its outputs are in another order, say so: labels=[...]."
        )


def _warn(words: str) -> None:
    warnings.warn(words, RuntimeWarning, stacklevel=5)
