"""A task on its way to other processes: packed once, unpacked once in each of them."""

from dataclasses import replace
from io import RawIOBase
from typing import Any, Final, cast

import cloudpickle
import torch

from xai_widget.cohort.running.items import Item, Items
from xai_widget.cohort.running.rows import Outcome, Task

# A dataset that takes more than this when pickled stays here, and its items are sent one by one.
TRAVELS: Final = 64 * 2**20


class Luggage:
    """A task packed for other processes: everything in one piece, or the items one by one beside it.

    Parameters
    ----------
    task : Task
        With its items.

    Raises
    ------
    TypeError
        The model, the method or a keyword cannot be pickled.
    """

    def __init__(self, task: Task) -> None:
        if task.items is None:
            message = "A task is packed together with its items."
            raise TypeError(message)
        self._items: Items | None = None if _travels(task.items) else task.items
        try:
            self.packed: bytes = cloudpickle.dumps(task if self._items is None else replace(task, items=None))
        except Exception as error:
            message = (
                f"The model, its transform or the method cannot be sent to other processes: {error}. Use workers=1, or"
                " leave out what cannot be pickled (locks, open files)."
            )
            raise TypeError(message) from error

    def item(self, row: int) -> Item | Outcome | None:
        """Return what has to be sent with a row: its item, or that there is none; None where the worker reads it."""
        if self._items is None:
            return None
        try:
            return self._items[row]
        except Exception as error:  # noqa: BLE001 - a dataset may raise anything
            return Outcome.failed(row, None, error)


class _Sink(RawIOBase):
    """Counts what is written, and refuses more than `TRAVELS` bytes."""

    written = 0

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        self.written += size
        if self.written > TRAVELS:
            message = "too large to travel"
            raise OverflowError(message)
        return size


def _travels(items: Items) -> bool:
    try:
        cloudpickle.dump(items, _Sink())
    except Exception:  # noqa: BLE001 - too large, or a dataset with open files, which may refuse in any way
        return False
    return True


def unpack(packed: bytes, number: int) -> Task:
    """Return the task in worker `number`; with several GPUs, "cuda" is one of them.

    Raises
    ------
    RuntimeError
        It cannot be loaded there.
    """
    try:
        task = cast("Task", cloudpickle.loads(packed))
    except Exception as error:
        message = (
            f"A worker cannot load the model ({type(error).__name__}: {error}). Workers need the same packages, and the"
            " modules that the model and dataset come from."
        )
        raise RuntimeError(message) from error
    device = device_of(task.binding.device, number, torch.cuda.device_count())
    return replace(task, binding=replace(task.binding, device=device))


def device_of(device: str | torch.device | None, number: int, count: int) -> str | torch.device | None:
    """Return the device of worker `number`: the GPUs in turn where "cuda" is asked for and there are several.

    Examples
    --------
    >>> [device_of("cuda", number, 2) for number in range(3)], device_of("cpu", 1, 2)
    (['cuda:0', 'cuda:1', 'cuda:0'], 'cpu')
    """
    return f"cuda:{number % count}" if str(device) == "cuda" and count > 1 else device


def explain_with(task: Task, row: int, item: Item | Outcome | None) -> Outcome:
    """Return the outcome of a row, whose item came with it or is read here; or how reading it failed already."""
    return item if isinstance(item, Outcome) else task.explain(row, item)
