"""The table: results.json holds every figure, results.md is made of it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.job import FLOOR, Job
from bench.judge import Row, ratio, reached
from bench.machine import machine, moment

NOTHING = "–"


def record(job: Job, agreement: str, rows: Sequence[Row], turns: int) -> dict[str, Any]:
    """Return what is kept of a job."""
    targets = []
    for target in job.targets:
        found = reached(target, rows)
        targets.append({"said": str(target), "reached": found, "met": None if found is None else found <= target.limit})
    return {
        "id": job.id,
        "title": job.title,
        "agreement": agreement,
        "turns": turns,
        **moment(),
        "targets": targets,
        "rows": [asdict(row) | {"of_best_peer": ratio(row, rows), "of_floor": ratio(row, rows, FLOOR)} for row in rows],
    }


def keep(folder: Path, found: dict[str, Any], order: Sequence[str]) -> None:
    """Put the record of a job into results.json in the place of an older one, and write results.md anew.

    Parameters
    ----------
    folder : Path
        Where both lie.
    found : dict
        What `record` returned.
    order : sequence of str
        Ids of all jobs.
    """
    path = folder / "results.json"
    records = json.loads(path.read_text())["jobs"] if path.exists() else []
    kept = {one["id"]: one for one in records if one["id"] in order} | {found["id"]: found}
    results = {"machine": machine(), "jobs": [kept[name] for name in order if name in kept]}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (folder / "results.md").write_text(page(results))


def page(results: dict[str, Any]) -> str:
    """Return results.md."""
    place = results["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in place["versions"].items() if number)
    jobs = results["jobs"]
    lines = [
        "# Benchmark",
        "",
        "Written by `make bench`; [docs/benchmarks.md](../docs/benchmarks.md) says how to read it.",
        "",
        f"{place['processor']}, {place['cores']} cores ({', '.join(place['flags']) or 'no vector flags known'}).",
        f"Computed on {place['device']}; {place['system']}, Python {place['python']}.",
        f"{versions}.",
        "",
        *grid(["job", "target", "reached", "met"], (_target(job, one) for job in jobs for one in job["targets"])),
    ]
    for job in jobs:
        lines += ["", f"## {job['id']}", "", *section(job)]
    return "\n".join(lines) + "\n"


def section(job: dict[str, Any]) -> list[str]:
    """Return the lines of one job."""
    turns = f"median of {job['turns']} turn(s)" if job["turns"] else "memory alone"
    return [
        f"{job['title']}. {turns[0].upper()}{turns[1:]}, {job['threads']} thread(s); {job['commit']}, {job['date']}.",
        "",
        job["agreement"],
        "",
        *grid(
            [
                "",
                "wall",
                "least … most",
                "CPU",
                "of best peer",
                "of floor",
                "forwards",
                "backwards",
                "peak memory",
                "how",
            ],
            map(_row, job["rows"]),
        ),
    ]


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table whose columns are aligned in plain text too.

    Examples
    --------
    >>> grid(["a", "b"], [["one", "2"]])
    ['| a   | b   |', '|-----|-----|', '| one | 2   |']
    """
    cells = [list(head), *map(list, rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _target(job: dict[str, Any], target: dict[str, Any]) -> list[str]:
    found = target["reached"]
    said = NOTHING if found is None else f"{found:.3g}"
    return [job["id"], target["said"], said, {True: "yes", False: "**no**", None: NOTHING}[target["met"]]]


def _row(row: dict[str, Any]) -> list[str]:
    spread = f"{seconds(row['least'])} … {seconds(row['most'])}" if row["least"] is not None else NOTHING
    ratios = [NOTHING if row[name] is None else f"{row[name]:.3g}" for name in ("of_best_peer", "of_floor")]
    part = "" if row["share"] > 0.99 else f"{row['share']:.1%} of it run, and scaled"
    how = "; ".join(filter(None, [row["note"], part]))
    passes = [str(row[name]) if row["wall"] is not None else NOTHING for name in ("forwards", "backwards")]
    return [
        row["name"],
        seconds(row["wall"]),
        spread,
        seconds(row["cpu"]),
        *ratios,
        *passes,
        megabytes(row["peak"]),
        how,
    ]


def seconds(value: float | None) -> str:
    """Return a duration in words.

    Examples
    --------
    >>> seconds(0.01234), seconds(1.5), seconds(None)
    ('12.3 ms', '1.5 s', '–')
    """
    if value is None:
        return NOTHING
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.4g} s"


def megabytes(value: int | None) -> str:
    """Return a size in words.

    Examples
    --------
    >>> megabytes(3 * 2**20)
    '3 MB'
    """
    return NOTHING if value is None else f"{value / 2**20:.0f} MB"
