"""What a cohort is made of: a dataset, a folder of files or a CSV of files, one item at a time."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from torch import Tensor, nn

from xai_widget.cohort.store.table import COLUMNS
from xai_widget.targets import resolve

PICTURES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
VOLUMES: Final = (".nii", ".nii.gz")
# How datasets of mappings call the input, and files' tables the path.
INPUT_KEYS: Final = ("input", "image", "img")
PATH_KEYS: Final = ("path", "file")
# What is in the table already; `correct` is computed from it.
TAKEN: Final = frozenset({*COLUMNS, "correct", "probabilities"})
# A label or column that would hide one of the table's.
GIVEN: Final = "given_"


@dataclass(frozen=True, eq=False)
class Item:
    """One input and what is known of it.

    Attributes
    ----------
    img : Any
        Whatever `explain` takes.
    label : int, str or None
        As it was given: a class index, a name, or nothing.
    columns : mapping
        Further columns of the table.
    id : str or None
        Where the item names itself.
    """

    img: Any
    label: int | str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


class Items(Protocol):
    """A cohort's inputs, by row; an item is read when it is asked for."""

    @property
    def ids(self) -> Sequence[str]:
        """One a row, all different, the same in every run."""

    @property
    def about(self) -> Mapping[str, Any]:
        """What the store says of the dataset."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What the dataset calls its classes, in order; empty where it does not say."""

    def __getitem__(self, row: int, /) -> Item:
        """Return the item of a row."""


def items_of(dataset: Any) -> Items:
    """Read what a person means by a dataset.

    Parameters
    ----------
    dataset
        A folder, a CSV file, or anything with a length and items by index.

    Raises
    ------
    ValueError
        Nothing in it, or ids that are not all different.
    TypeError
        None of these.
    FileNotFoundError
        No such folder or file.
    """
    if isinstance(dataset, str | Path):
        path = Path(dataset).expanduser()
        if not path.exists():
            message = f"There is no folder or CSV file {str(path)!r}."
            raise FileNotFoundError(message)
        items: Items = _Folder(path) if path.is_dir() else _csv(path)
    elif hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__") and not isinstance(dataset, Mapping):
        items = _Dataset(dataset)
    else:
        message = (
            f"A dataset cannot be {type(dataset).__name__}. Expected a map-style Dataset of (input, label), a folder of"
            f" files, or the path of a CSV file.{_instead(dataset)}"
        )
        raise TypeError(message)
    if not len(items.ids):
        looked = f" Files that count end in {', '.join((*PICTURES, *VOLUMES))}." if isinstance(items, _Folder) else ""
        message = f"There is nothing to explain: {items.about['name']!r} has no inputs.{looked}"
        raise ValueError(message)
    if len(set(items.ids)) < len(items.ids):
        twice = next(name for place, name in enumerate(items.ids) if name in items.ids[:place])
        message = f"Ids must all be different, and {twice!r} occurs twice in {items.about['name']!r}."
        raise ValueError(message)
    return items


def _instead(dataset: Any) -> str:
    """Return what to pass instead of something that is no dataset, in words."""
    if isinstance(dataset, nn.Module):
        return " The order is (model, dataset)."
    if hasattr(dataset, "batch_size") and hasattr(dataset, "dataset"):
        return " Pass what the loader reads: loader.dataset."
    if isinstance(dataset, Mapping):
        return " Pass a list of (input, label), or of mappings with the keys input, label and id."
    if hasattr(dataset, "__iter__"):
        return " Its inputs must be found again by their number when a run goes on: pass list(...), or a Dataset."
    return ""


def _csv(path: Path) -> "_Csv":
    if path.name.lower().endswith((*PICTURES, *VOLUMES)):
        message = f"{path.name!r} is one input: explain it, or pass a list of such paths, their folder, or a CSV file."
        raise ValueError(message)
    try:
        return _Csv(path)
    except UnicodeDecodeError as error:
        message = f"{path.name!r} is no CSV file in UTF-8: {error}."
        raise ValueError(message) from error


class _Dataset:
    """A map-style dataset: items are `(input, label)`, `(input, label, columns)`, mappings, or the input alone."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        named = getattr(dataset, "ids", None)
        self.ids = [str(name) for name in (range(len(dataset)) if named is None else named)]
        self.about = {"kind": "dataset", "name": type(dataset).__name__}
        called = getattr(dataset, "classes", None)  # torchvision's datasets say so
        listed = isinstance(called, list | tuple) and all(isinstance(name, str) for name in called)
        self.classes = tuple(called) if listed and called is not None else ()
        if len(self.ids) != len(dataset):
            message = f"The dataset has {len(dataset)} items and {len(self.ids)} ids."
            raise ValueError(message)

    def __getitem__(self, row: int) -> Item:
        found = self._dataset[row]
        if isinstance(found, Mapping):
            return _item_of(found, row)
        if not isinstance(found, tuple | list):
            return Item(found)
        if not 1 <= len(found) <= 3:
            message = f"Item {row} has {len(found)} parts; expected (input, label) or (input, label, columns)."
            raise ValueError(message)
        img, label, columns = (*found, None, None)[:3]
        return Item(img, _label(label), _columns(columns or {}))


def _item_of(found: Mapping[str, Any], row: int) -> Item:
    key = next((key for key in INPUT_KEYS if key in found), None)
    if key is None:
        message = f"Item {row} has the keys {', '.join(map(str, found))}; expected the input as {INPUT_KEYS[0]!r}."
        raise ValueError(message)
    rest = {name: value for name, value in found.items() if name not in {key, "label", "id"}}
    name = str(found["id"]) if "id" in found else None
    return Item(found[key], _label(found.get("label")), _columns(rest), name)


class _Folder:
    """Pictures and volumes below a folder; the first sub-folder is the label, as torchvision's ImageFolder has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ids = sorted(_files(folder))
        self.about = {"kind": "folder", "name": folder.resolve().name, "path": str(folder.resolve())}
        self.classes = tuple(sorted({label for label, slash, _ in (name.partition("/") for name in self.ids) if slash}))

    def __getitem__(self, row: int) -> Item:
        name = self.ids[row]
        label, slash, _ = name.partition("/")
        return Item(self._folder / name, label if slash else None)


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if path.name.lower().endswith((*PICTURES, *VOLUMES)) and not hidden and path.is_file():
            yield name


class _Csv:
    """A table of files: a path, perhaps a label and an id, and whatever else is known of each."""

    # The order of the model's outputs is nothing that a column of labels tells.
    classes: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        import pandas as pd  # noqa: PLC0415 - slow to import, and no worker needs it

        self._folder = path.parent
        with path.open(newline="", encoding="utf-8-sig") as file:
            names = next(csv.reader(file), [])
        key = next((key for key in PATH_KEYS if key in names), None)
        if key is None:
            message = (
                f"{path.name!r} has the columns {', '.join(names) or '(none)'}; expected one called 'path' (or"
                " 'file'), which names each input's file."
            )
            raise ValueError(message)
        texts = {name: "str" for name in (key, "label", "id") if name in names}
        table = pd.read_csv(path, dtype=texts, encoding="utf-8-sig")
        self._paths = table.pop(key)
        self._labels = table.pop("label") if "label" in table else None
        self.ids = [str(name) for name in (table.pop("id") if "id" in table else self._paths)]
        self._table = table
        self.about = {"kind": "csv", "name": path.name, "path": str(path.resolve())}

    def __getitem__(self, row: int) -> Item:
        label = None if self._labels is None else plain(self._labels.iloc[row])
        columns = {name: self._table[name].iloc[row] for name in self._table}
        path = self._paths.iloc[row]
        if not isinstance(path, str):
            message = f"Row {row} of the CSV file names no file."
            raise TypeError(message)
        return Item(self._folder / path, label, _columns(columns))


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: None for what is missing, text for what is neither number nor text.

    Examples
    --------
    >>> plain(np.int64(3)), plain(float("nan")), plain(np.array([2.5])), plain(Path("a.png"))
    (3, None, 2.5, 'a.png')
    """
    if isinstance(value, np.ndarray | np.generic | Tensor) and math.prod(value.shape) == 1:
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    known = isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
    return value if known else str(value)


def _columns(found: Mapping[str, Any]) -> dict[str, Any]:
    return {GIVEN * (str(name) in TAKEN) + str(name): plain(value) for name, value in found.items()}


def _label(given: Any) -> int | str | None:
    value = plain(given)
    if value is None or (isinstance(given, str) and isinstance(value, str)):
        return value
    if isinstance(value, str) or int(value) != value:
        message = f"A label is a class index or a name; got {type(given).__name__} {value}."
        raise TypeError(message)
    return int(value)


def class_of(label: int | str | None, labels: Sequence[str]) -> int | None:
    """Return the index of the class that a label names, None where the model has no such class.

    A text is first read as a name, then as an index.

    Examples
    --------
    >>> class_of("dog", ["cat", "dog"]), class_of("1", ["cat", "dog"]), class_of("cow", ["cat", "dog"])
    (1, 1, None)
    """
    if isinstance(label, str):
        try:
            return resolve(label, labels, 0).index
        except ValueError:
            label = int(label) if label.strip().isdecimal() else None
    return label if label is not None and 0 <= label < len(labels) else None
