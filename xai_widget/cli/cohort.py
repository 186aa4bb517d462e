"""`xai-widget cohort`: a folder or a table of inputs, explained into one store that can be resumed."""

import importlib
import json
import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from xai_widget.cli.binding import asked, model_options, question_options
from xai_widget.cli.method_options import MethodCommand
from xai_widget.cli.sections import OUTPUT, option, remark, said, talking, verbosity

INPUTS: Final = "Inputs"
WORK: Final = "Work"
FAILURES_SHOWN: Final = 3


@click.command(cls=MethodCommand, short_help="Explain a folder or a table of inputs into one store.")
@click.argument("dataset", metavar="FOLDER_OR_CSV", type=click.Path(path_type=Path, exists=True))
@option(
    INPUTS,
    "--glob",
    "pattern",
    metavar="PATTERN",
    help="Only files of the folder that match, such as '*_t1.nii.gz' or 'val/**/*.png'.",
)
@option(
    INPUTS,
    "--target-column",
    metavar="COLUMN",
    help="Column of the CSV with the class to ask about, for each input.",
)
@option(
    INPUTS,
    "--group-by",
    "groups",
    multiple=True,
    metavar="COLUMN",
    help="What groups are formed by: label, prediction, correct, or a column. Repeat it for several.",
)
@model_options(required=True)
@question_options(method="occlusion")
@option(
    WORK, "-j", "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes on this machine."
)
@option(WORK, "--scheduler", metavar="ADDRESS", help="Of a running Dask scheduler, whose workers are used instead.")
@option(WORK, "--resume/--no-resume", default=False, help="Go on with a store that is there already.")
@option(WORK, "--retry", is_flag=True, help="With --resume: try inputs again that failed.")
@option(
    OUTPUT,
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="maps.zarr",
    show_default=True,
    help="The store: a folder.",
)
@option(OUTPUT, "--json", "as_json", is_flag=True, help="The summary as a JSON object.")
@talking
def cohort(
    dataset: Path,
    pattern: str | None,
    target_column: str | None,
    groups: Sequence[str],
    workers: int,
    scheduler: str | None,
    resume: bool,
    retry: bool,
    out: Path,
    as_json: bool,
    method: str,
    params: Mapping[str, Any],
    **options: Any,
) -> None:
    r"""Explain every input of a folder, or of a CSV with a column of paths, into one store.

    An input that fails is recorded with its error, and the run goes on. A run that was stopped goes on where it was with
    --resume. `--target label` asks about each input's own label. The store opens in Python: Cohort.open("maps.zarr").

    \b
    xai-widget cohort scans/ --model nets:make --method occlusion --window 7 --stride 5 --out maps.zarr
    xai-widget cohort scans.csv --model nets:make --group-by diagnosis --workers 4 --resume
    """
    if scheduler is not None and workers != 1:
        message = "--workers are processes on this machine, --scheduler has workers of its own; leave one out."
        raise click.UsageError(message)
    if retry and not resume:
        message = "--retry tries again what failed in a store that is there; it needs --resume."
        raise click.UsageError(message)
    if out.exists() and not resume:
        message = (
            f"{str(out)!r} is there already. --resume goes on where it stopped (finished inputs are not computed again);"
            " for a new run name another --out, or remove it."
        )
        raise click.BadParameter(message, param_hint="'--out'")
    inputs = dataset if pattern is None else _matching(dataset, pattern)
    given = asked(options)
    run = importlib.import_module("xai_widget.cohort").explain_dataset
    with _spread(workers, scheduler) as spread, _remarked():
        try:
            found = run(
                given.model,
                inputs,
                method,
                out,
                given.target,
                target_column,
                list(groups) if len(groups) > 1 else next(iter(groups), None),
                spread,
                layer=given.layer,
                progress=verbosity() >= 0,
                retry=retry,
                **given.binding,
                **params,
            )
        except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
            raise click.UsageError(said(error)) from error
    summary = summarise(found, out)
    click.echo(json.dumps(summary) if as_json else _told(summary))
    if summary["failed"]:
        click.get_current_context().exit(1)


@dataclass(frozen=True)
class Files:
    """Some files of a folder, as a dataset: the first sub-folder is the label.

    Attributes
    ----------
    folder : Path
        Where they are.
    ids : tuple of str
        Their paths in it, sorted.
    """

    folder: Path
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> tuple[Path, str | None]:
        """Return a file and its label."""
        label, slash, _ = self.ids[row].partition("/")
        return self.folder / self.ids[row], label if slash else None


def _matching(folder: Path, pattern: str) -> Files:
    if not folder.is_dir():
        message = f"--glob chooses files of a folder, and {str(folder)!r} is none."
        raise click.UsageError(message)
    # Below any sub-folder too, as without a pattern.
    found = {path.relative_to(folder).as_posix() for path in folder.rglob(pattern.lstrip("/")) if path.is_file()}
    if not found:
        message = f"no file below {str(folder)!r} matches {pattern!r}."
        raise click.BadParameter(message, param_hint="'--glob'")
    return Files(folder, tuple(sorted(found)))


@contextmanager
def _remarked() -> Iterator[None]:
    """Say at the end what was warned of, without the lines of code that warn."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        yield
    for text in dict.fromkeys(str(each.message) for each in caught):
        remark(text)


@contextmanager
def _spread(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Yield what does the work: a number of processes, or a client of a Dask cluster."""
    if scheduler is None:
        yield workers
        return
    try:
        distributed = importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        message = '--scheduler needs Dask: pip install "xai-widget[cluster]"'
        raise click.UsageError(message) from error
    try:
        client = distributed.Client(scheduler)
    except (OSError, ValueError) as error:
        message = f"no scheduler answers at {scheduler!r}: {said(error)}"
        raise click.BadParameter(message, param_hint="'--scheduler'") from error
    with client:
        yield client


def summarise(found: Any, out: Path) -> dict[str, Any]:
    """Return what became of a run.

    Parameters
    ----------
    found : Cohort
        What `explain_dataset` returned.
    out : Path
        Its store.
    """
    table = found.table
    failed = table[table["status"] != "ok"]
    return {
        "store": str(out),
        "inputs": len(table),
        "ok": len(table) - len(failed),
        "failed": len(failed),
        "errors": {str(row.id): str(row.error) for row in failed.head(FAILURES_SHOWN).itertuples()},
        "groups": {str(name): len(rows) for name, rows in found.groups().items()} if len(table) > len(failed) else {},
    }


def _told(summary: Mapping[str, Any]) -> str:
    lines = [f"{summary['store']}: {summary['ok']} of {summary['inputs']} inputs explained"]
    if summary["groups"]:
        lines.append("groups: " + ", ".join(f"{name} ({count})" for name, count in summary["groups"].items()))
    if summary["failed"]:
        lines.append(f"failed: {summary['failed']}, recorded in the store (--resume --retry tries them again)")
        lines += [f"  {name}: {error}" for name, error in summary["errors"].items()]
        if summary["failed"] > len(summary["errors"]):
            lines.append("  ...")
    if summary["ok"]:
        lines.append(f"see them: xai-widget report {shlex.quote(summary['store'])}")
    return "\n".join(lines)
