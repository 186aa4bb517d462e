"""One writer at a time: each leaves a file that says who it is, and looks for the files of others."""

import json
import os
import socket
import uuid
from pathlib import Path
from typing import Any, Final

ENDING: Final = ".lock"


class WriterLock:
    """The right to write into a folder, until it is released or its process is gone.

    A writer first leaves its own file and only then looks for others, so that of two that come at once at least one
    sees the other. A file whose process ran on this machine and runs no more is stale and is removed. Whether a
    process on another machine still runs cannot be seen from here: then a person has to say so, by deleting the file.

    Parameters
    ----------
    folder : Path
        An existing folder.

    Raises
    ------
    RuntimeError
        Another process, or this one, is writing there already.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"writer-{uuid.uuid4().hex}{ENDING}"
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(_own()), "utf-8")
        draft.replace(self._path)
        for other in sorted(folder.glob(f"writer-*{ENDING}")):
            if other != self._path and (holder := _read(other)) is not None:
                if _is_gone(holder):
                    other.unlink(missing_ok=True)
                    continue
                self.release()
                message = (
                    f"{folder.name!r} is being written by process {holder['pid']} on {holder['host']}. Wait until it is"
                    f" done. If that process is gone, delete {str(other)!r} and try again."
                )
                raise RuntimeError(message)

    def release(self) -> None:
        """Give the right back."""
        self._path.unlink(missing_ok=True)


def _own() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid())}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:  # released between the listing and the reading
        return None
    return found


def _is_gone(holder: dict[str, Any]) -> bool:
    if holder["host"] != socket.gethostname():
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's process: it runs
        return False
    # Numbers are used again, in containers after every start: the same number is not the same process.
    return bool(holder["started"] != _started(holder["pid"]))


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since which boot; None where /proc does not tell."""
    try:
        # The name, in parentheses, may hold spaces: fields are counted behind it.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return None
    return f"{boot}:{fields[19]}"
