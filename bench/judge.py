"""The judge: contenders take turns in one process, and the median of each counts."""

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch

from bench.evaluations import Evaluations, counting, told
from bench.job import BEST_PEER, EVERY, FLOOR, Contender, Job, Target, Trial, Work, is_ours, is_peer
from bench.memory import peak_of


@dataclass(frozen=True)
class Timing:
    """Seconds on the clock, and of the processors. A work that measures itself returns one."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Row:
    """What one contender took, for the whole job.

    Attributes
    ----------
    wall, least, most, cpu : float or None
        Seconds: the median, fastest and slowest turn on the clock; the median of the processors.
    forwards, backwards : int
        Model evaluations.
    peak : int or None
        Bytes above what stood there when model and input were ready.
    """

    name: str
    note: str
    share: float
    wall: float | None
    least: float | None
    most: float | None
    cpu: float | None
    forwards: int
    backwards: int
    peak: int | None


def judge(job: Job, *, quick: bool = False, memory: bool = True) -> tuple[str, list[Row]]:
    """Return what was found of the agreement, and one row a contender.

    Raises
    ------
    Disagreement
        The results differ.
    """
    trial = job.set_up(quick)
    return trial.agree(), compete(trial, job.turns(quick), (job.id, quick) if memory else None)


def compete(trial: Trial, repeats: int, measured: tuple[str, bool] | None = None) -> list[Row]:
    """Run every contender once a turn, in an order that rotates, after a turn that only warms up and counts.

    Results were compared in turn 0: what we kept of its input must not answer here.

    Parameters
    ----------
    trial : Trial
        Who takes part.
    repeats : int
        Turns.
    measured : tuple of str and bool, optional
        Id and `quick` of the job, for child processes that measure memory.
    """
    places = {name: best(ways) if repeats else 0 for name, ways in trial.contenders.items()}
    chosen = {name: trial.contenders[name][place] for name, place in places.items()}
    counts: dict[str, Evaluations] = {}
    for name, way in chosen.items() if repeats else ():
        work = way.prepare(1)
        with counting(trial.network) as seen:
            result = work()
        counts[name] = told(result) or seen
    turns: dict[str, list[Timing]] = {name: [] for name in chosen}
    for turn in range(2, repeats + 2):
        for name in rotated(list(chosen), turn):
            turns[name].append(timed(chosen[name].prepare(turn)))
    rows = []
    for name, way in chosen.items():
        peak = None if measured is None or trial.network is None else peak_of(*measured, name, places[name])
        rows.append(summed(name, way, turns[name], counts.get(name, Evaluations()), peak))
    return rows


def summed(name: str, way: Contender, turns: Sequence[Timing], counts: Evaluations, peak: int | None) -> Row:
    """Return a contender's row from its turns, for the whole job."""
    walls, cpus = [turn.wall / way.share for turn in turns], [turn.cpu / way.share for turn in turns]
    return Row(
        name=name,
        note=way.note,
        share=way.share,
        wall=median(walls) if walls else None,
        least=min(walls, default=None),
        most=max(walls, default=None),
        cpu=median(cpus) if cpus else None,
        forwards=round(counts.forwards / way.share),
        backwards=round(counts.backwards / way.share),
        peak=peak,
    )


def best(ways: Sequence[Contender]) -> int:
    """Return the place of the fastest of several ways, by the faster of two turns each."""
    if len(ways) == 1:
        return 0
    probes = [way.probe or way.prepare for way in ways]
    probes[0](0)()  # warm
    found = [[timed(probe(turn)).wall / way.share for probe, way in zip(probes, ways, strict=True)] for turn in (1, 2)]
    fastest = [min(walls) for walls in zip(*found, strict=True)]
    return fastest.index(min(fastest))


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """Return the order of a turn: whoever began the last one comes last.

    Examples
    --------
    >>> rotated(["a", "b", "c"], 1)
    ['b', 'c', 'a']
    """
    first = turn % len(names)
    return [*names[first:], *names[:first]]


def timed(work: Work) -> Timing:
    """Run a piece of work once."""
    gc.collect()
    _finish()
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    _finish()
    timing = Timing(time.perf_counter() - wall, time.process_time() - cpu)
    return found if isinstance(found, Timing) else timing


def reached(target: Target, rows: Sequence[Row]) -> float | None:
    """Return the ratio (or the seconds) that a target is about; None where it was not measured."""

    def figures(names: Sequence[str]) -> list[float]:
        found = [getattr(row, target.figure) for row in rows if row.name in names]
        return [figure for figure in found if figure is not None]

    names = [row.name for row in rows]
    ours = figures([name for name in names if is_ours(name)] if target.of == EVERY else [target.of])
    if not ours:
        return None
    if target.against == "seconds":
        return max(ours)
    other = figures([name for name in names if is_peer(name)] if target.against == BEST_PEER else [target.against])
    return max(ours) / min(other) if other and min(other) > 0 else None


def ratio(row: Row, rows: Sequence[Row], against: str = BEST_PEER) -> float | None:
    """Return what a row took, relative to the fastest peer or to the floor; None where there is none."""
    return None if row.name == FLOOR else reached(Target(1, against, row.name), rows)


def _finish() -> None:
    if torch.get_default_device().type == "cuda":
        torch.cuda.synchronize()
