"""Small cohorts for tests: networks that count, datasets that fail on cue."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.zoo import ZOO

SIDE = 16
OCCLUSION = {"window": 8, "stride": 4}


class Counting(nn.Module):
    """The zoo's plain network; the class counts how many inputs were run through it."""

    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.inner = ZOO["plain"]()
        self.labels = ["ant", "bee", "cow", "dog", "eel"]

    def forward(self, x: Tensor) -> Tensor:
        type(self).runs += len(x)
        return self.inner(x)


def evaluations(action: Callable[[], Any]) -> int:
    """How many inputs run through `Counting` networks meanwhile."""
    before = Counting.runs
    action()
    return Counting.runs - before


def picture(row: int) -> Tensor:
    return torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(row))


def doing_nothing(row: int) -> None:
    del row


@dataclass
class Pictures:
    """`count` pictures of noise; before one is read, `first` is told its row. Says which process read it."""

    count: int
    first: Callable[[int], None] = doing_nothing
    read: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> tuple[Tensor, int, dict[str, Any]]:
        if row >= self.count:
            raise IndexError(row)
        self.first(row)
        self.read.append(row)
        return picture(row), row % 5, {"pid": os.getpid(), "threads": torch.get_num_threads()}


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Deadly:
    """Kills the process that reads a row: always, or once if a file may remember it."""

    row: int
    memory: Path | None = None

    def __call__(self, row: int) -> None:
        if row == self.row and (self.memory is None or not self.memory.exists()):
            if self.memory is not None:
                self.memory.touch()
            kill_myself()


@dataclass
class Announcing:
    """Says that a row is about to be read, and then waits to be killed."""

    row: int

    def __call__(self, row: int) -> None:
        if row == self.row:
            print("here", flush=True)
            signal.pause()


class Unpacked(Counting):
    """Leaves a file with the process's number each time it is unpickled."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        with (self.folder / f"{os.getpid()}").open("a") as file:
            file.write("unpickled\n")

    def __deepcopy__(self, memo: dict[int, Any]) -> "Unpacked":
        message = "a copy would be counted, too"
        raise TypeError(message)


def unloadable() -> None:
    message = "no such module there"
    raise ModuleNotFoundError(message)


class Unloadable(Counting):
    """Can be sent, but not opened."""

    def __reduce__(self) -> Any:
        return unloadable, ()
