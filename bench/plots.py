"""Cost against work: one figure a method, and what it was drawn from beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator

from bench.job import FLOOR, Job, Sweep, Trial, is_ours
from bench.judge import Row, compete
from bench.machine import machine, moment

TURNS = 3


def plot(job: Job, sweep: Sweep, folder: Path) -> Path:
    """Run a job in all sizes of its sweep, write the figure and its numbers (JSON beside it); return the figure's path."""
    found = {size: compete(warmed(sweep.set_up(size)), TURNS) for size in sweep.sizes}
    path = folder / f"{job.id}.png"
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [{"size": size, "rows": [asdict(row) for row in rows]} for size, rows in found.items()]
    kept = {"title": sweep.title, "axis": sweep.axis, "turns": TURNS, "machine": machine(), **moment(), "sizes": sizes}
    path.with_suffix(".json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    drawn(sweep.title, sweep.axis, found).savefig(path, dpi=120)
    return path


def warmed(trial: Trial) -> Trial:
    """Run ours once more than the peers, and return the trial: what we keep of a network is made in its first two runs."""
    for name, ways in trial.contenders.items():
        if is_ours(name):
            ways[0].prepare(0)()
    return trial


def drawn(title: str, axis: str, found: Mapping[int, Sequence[Row]]) -> Figure:
    """Return the figure: seconds against size, a line a contender, both axes logarithmic.

    Parameters
    ----------
    title, axis : str
        Of the figure and of its x axis.
    found : mapping of int to sequence of Row
        By size.
    """
    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = figure.subplots()
    lines: dict[str, list[tuple[int, float]]] = {}
    for size, rows in found.items():
        for row in rows:
            if row.wall is not None:
                lines.setdefault(row.name, []).append((size, row.wall))
    for name, points in lines.items():
        style = "k:" if name == FLOOR else "o-" if is_ours(name) else "s--"
        ax.loglog(*zip(*points, strict=True), style, label=name, markersize=4)
    ax.set(title=title, xlabel=axis, ylabel="seconds")
    ax.set_xticks(list(found), list(map(str, found)))
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.minorticks_off()
    ax.grid(visible=True, alpha=0.3)
    ax.legend(fontsize="small")
    return figure
