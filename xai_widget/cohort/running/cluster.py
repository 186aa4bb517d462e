"""Rows explained by the workers of a Dask cluster; Dask starts them, and this process writes what they send back."""

import threading
import uuid
from collections.abc import Iterable
from typing import Any, Final, cast
from zlib import crc32

from xai_widget.cohort.running.luggage import Luggage, explain_with, unpack
from xai_widget.cohort.running.rows import Outcome, Task
from xai_widget.cohort.running.workers import AHEAD, WorkerDied

try:
    import distributed
except ImportError as error:
    raise ImportError('Workers on a cluster need Dask: pip install "xai-widget[cluster]".') from error

# Rows out while there are fewer workers, so that an adaptive cluster sees that there is work.
AT_LEAST: Final = 8


class Cluster:
    """Explains rows on a cluster.

    The task travels as a worker plugin: once to each worker, those that join later or are restarted included.

    Parameters
    ----------
    luggage : Luggage
        What each worker gets once.
    client : distributed.Client or str
        Connected to the cluster, or the address of its scheduler.

    Raises
    ------
    ValueError
        An asynchronous client.
    """

    def __init__(self, luggage: Luggage, client: Any) -> None:
        self._own = isinstance(client, str)
        self._client: Any = distributed.Client(client) if self._own else client
        if self._client.asynchronous:
            message = "explain_dataset waits for its results: pass a Client that is not asynchronous."
            raise ValueError(message)
        self._luggage = luggage
        self._name = f"xai-widget-{uuid.uuid4().hex}"
        self._flying: set[Any] = set()
        self._client.register_plugin(Carrier(luggage.packed), name=self._name)

    @property
    def window(self) -> int:
        """How many rows may be out at once; it follows the size of the cluster."""
        threads: int = sum(self._client.nthreads().values())
        return max(AT_LEAST, AHEAD * threads)

    def submit(self, row: int) -> Any:
        """Begin a row."""
        # Impure: the same row of another run is another task.
        future = self._client.submit(_explain, self._name, row, self._luggage.item(row), pure=False)
        self._flying.add(future)
        return future

    def finished(self, futures: Iterable[Any]) -> Any:
        """Return those that are done, after waiting for one at least."""
        return distributed.wait(list(futures), return_when="FIRST_COMPLETED").done

    def outcome(self, future: Any) -> Outcome:
        """Return what became of a row."""
        self._flying.discard(future)
        try:
            found: Outcome = future.result()
        except distributed.KilledWorker as error:
            # Also said of a row that was only waiting beside the one that kills: whoever asks tries it again, alone.
            message = (
                f"KilledWorker: the workers that explained this input died, {error.last_worker.address} last. Perhaps"
                " they ran out of memory."
            )
            raise WorkerDied(message) from error
        return found

    def renew(self) -> None:
        """Dask restarts its workers."""

    def close(self) -> None:
        """Drop what is under way, and let the workers forget the task."""
        if self._client.status == "running":
            self._client.cancel(list(self._flying))
            self._client.unregister_worker_plugin(self._name)
        if self._own:
            self._client.close()


class Carrier(distributed.WorkerPlugin):
    """Brings the task to a worker, where it is unpacked when it is first needed."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._number = 0

    def setup(self, worker: Any) -> None:
        """Find out which of the cluster's workers this is."""
        self._lock = threading.Lock()
        self._task: Task | None = None
        self._number = worker.name if isinstance(worker.name, int) else crc32(worker.address.encode())

    def task(self) -> Task:
        """Return the task."""
        with self._lock:
            if self._task is None:
                self._task = unpack(self._packed, self._number)
            return self._task


def _explain(name: str, row: int, item: Any) -> Outcome:
    carrier = cast("Carrier", distributed.get_worker().plugins[name])
    return explain_with(carrier.task(), row, item)
