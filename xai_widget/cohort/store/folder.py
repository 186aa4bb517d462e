"""The folder of a store: whether it is one, and what was planned in it."""

from pathlib import Path
from typing import Any, Final, Literal

import zarr

from xai_widget.cohort.store.journal import NAME as JOURNAL

FORMAT: Final = 1


def begun(path: str | Path) -> bool:
    """Return whether there is a store in a folder."""
    return (Path(path).expanduser() / "zarr.json").is_file()


def is_trace(entry: Path) -> bool:
    """Return whether a file may be all that a writer left that was killed at once: a lock, an empty journal."""
    return entry.name.startswith("writer-") or (entry.name == JOURNAL and entry.stat().st_size == 0)


def existing(path: str | Path, mode: Literal["r", "r+"]) -> tuple[Path, zarr.Group]:
    """Return the folder of a store and its group.

    Raises
    ------
    FileNotFoundError
        There is none.
    ValueError
        It is something else.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        message = f"There is no cohort {str(path)!r}; explain_dataset(..., out={path.name!r}) makes one."
        raise FileNotFoundError(message)
    if not (path / JOURNAL).is_file() or not (path / "zarr.json").is_file():
        message = f"{str(path)!r} is no cohort: {JOURNAL} or zarr.json is missing."
        raise ValueError(message)
    return path, zarr.open_group(path, mode=mode)


def plan_in(group: zarr.Group, path: Path) -> dict[str, Any]:
    """Return the plan that a group holds.

    Raises
    ------
    ValueError
        It is of another version.
    """
    plan: dict[str, Any] = dict(group.attrs)
    if plan.get("format") != FORMAT:
        message = (
            f"{str(path)!r} has format {plan.get('format')!r}, and this version reads {FORMAT}: update xai-widget."
        )
        raise ValueError(message)
    return plan
