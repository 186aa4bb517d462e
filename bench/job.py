"""What a job is: who takes part, what the arithmetic cannot do without, and what is aimed at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from torch import nn

Work = Callable[[], Any]

OURS: Final = "xai-widget"
FLOOR: Final = "floor"
BEST_PEER: Final = "best peer"
EVERY: Final = "each of ours"


class Disagreement(Exception):
    """Two results differ: times of different work are not compared."""


@dataclass(frozen=True)
class Contender:
    """One way to do a job.

    Attributes
    ----------
    prepare : callable
        From the number of a turn (each has an input of its own) to the work that is timed. What `prepare` does itself
        is not timed.
    note : str
        How it is run, in short words.
    share : float
        Of the job that the work does: seconds and model evaluations are divided by it.
    probe : callable or None
        As `prepare`, of a part of the work: enough to compare one way with its alternatives.
    """

    prepare: Callable[[int], Work]
    note: str = ""
    share: float = 1.0
    probe: Callable[[int], Work] | None = None


@dataclass(frozen=True)
class Trial:
    """A job that is set up.

    Attributes
    ----------
    contenders : mapping of str to sequence of Contender
        By name; of several alternatives (batch sizes) the fastest takes part. Ours begin with "xai-widget", and
        "floor" is the bare forwards and backwards that the job cannot do without, in plain float32.
    agree : callable
        Compares the results; returns what it found in a sentence, or raises Disagreement.
    network : type or None
        Of the model, whose evaluations are counted.
    """

    contenders: Mapping[str, Sequence[Contender]]
    agree: Callable[[], str]
    network: type[nn.Module] | None = None


@dataclass(frozen=True)
class Target:
    """A figure of one contender, at most `limit` times that of another; of "seconds" or "bytes", at most `limit`."""

    limit: float
    against: str = BEST_PEER
    of: str = OURS
    figure: Literal["wall", "peak"] = "wall"

    def __str__(self) -> str:
        who = "" if self.of == OURS else f"{self.of}: "
        what = "peak memory " if self.figure == "peak" else ""
        measure = f"{self.limit:g} s" if self.against == "seconds" else f"{self.limit:g} × {self.against}"
        return f"{who}{what}≤ {measure}"


@dataclass(frozen=True)
class Sweep:
    """Cost against work: the same job in several sizes.

    Attributes
    ----------
    title : str
        What stays the same, e.g. "SmoothGrad, ResNet-18".
    axis : str
        What grows, e.g. "samples".
    sizes : sequence of int
        Rising.
    set_up : callable
        From a size to the trial.
    """

    title: str
    axis: str
    sizes: Sequence[int]
    set_up: Callable[[int], Trial]


@dataclass(frozen=True)
class Job:
    """What is compared.

    Attributes
    ----------
    id, title : str
        A word, and a line.
    set_up : callable
        From `quick` (a size that only shows that everything works) to the trial.
    targets : sequence of Target
        What is aimed at.
    repeats : int
        Turns, whose median counts; 0: memory alone is measured.
    sweep : Sweep or None
        For the plots.
    """

    id: str
    title: str
    set_up: Callable[[bool], Trial]
    targets: Sequence[Target] = ()
    repeats: int = 5
    sweep: Sweep | None = None

    def turns(self, quick: bool) -> int:
        """Return how many turns there are."""
        return min(self.repeats, 1) if quick else self.repeats


def is_ours(name: str) -> bool:
    """Return whether a contender is one of ours."""
    return name.startswith(OURS)


def is_peer(name: str) -> bool:
    """Return whether a contender is a peer."""
    return not is_ours(name) and name != FLOOR
