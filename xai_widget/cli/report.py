"""`xai-widget report`: a finished or running cohort as one page."""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from xai_widget.cli.sections import OUTPUT, Command, blamed_on, option, remark, said, talking
from xai_widget.cli.values import read_labels

CONTENTS: Final = "Contents"


@click.command(cls=Command)
@click.argument("store", metavar="STORE", type=click.Path(path_type=Path))
@option(
    CONTENTS,
    "--group-by",
    "groups",
    multiple=True,
    metavar="COLUMN[=NUMBER]",
    help="What groups are formed by: label, prediction, correct, or a column; with a number, below and above it, such as"
    " probability=0.75. Repeat it to cross several. Default: as the run was grouped.",
)
@option(
    CONTENTS,
    "--atlas",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="NIfTI or .npy file on the inputs' grid with a number for each region: adds a table of regions.",
)
@option(
    CONTENTS,
    "--atlas-names",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Names of the regions: JSON with number and name, or a line each, from region 1 on.",
)
@option(
    CONTENTS,
    "--alike",
    type=click.Choice(["place", "shape", "content"]),
    default="place",
    show_default=True,
    help="What makes maps of one kind: where relevance lies, how it is spread, or what it lies on.",
)
@option(
    CONTENTS,
    "--representatives",
    type=click.IntRange(min=0),
    default=6,
    show_default=True,
    help="How many members stand for all.",
)
@option(
    CONTENTS,
    "--crosshair",
    type=click.IntRange(min=0),
    nargs=3,
    metavar="I J K",
    help="The voxel where the slices of volumes meet. Default: the middle.",
)
@option(CONTENTS, "--title", metavar="TEXT", help="The heading. Default: model and method.")
@option(
    OUTPUT,
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="report.html",
    show_default=True,
    help="The page; a file of the same name is replaced.",
)
@talking
def report(
    store: Path,
    groups: Sequence[str],
    atlas: Path | None,
    atlas_names: Path | None,
    alike: str,
    representatives: int,
    crosshair: tuple[int, int, int] | None,
    title: str | None,
    out: Path,
) -> None:
    r"""Write a page about the maps that `xai-widget cohort` put into STORE.

    One HTML file without scripts that loads nothing: what was run, groups and failures, mean maps, differences, kinds of
    maps, representatives, and the table. It can be written while the run goes on.

    \b
    xai-widget report maps.zarr --out report.html
    xai-widget report maps.zarr --group-by prediction --group-by probability=0.75
    xai-widget report maps.zarr --atlas atlas.nii.gz --atlas-names regions.json
    """
    if atlas_names is not None and atlas is None:
        message = "--atlas-names names the regions of an atlas; give it with --atlas."
        raise click.UsageError(message)
    by = [_grouping(each) for each in groups]
    regions: Any = atlas
    with blamed_on("--atlas"):
        if atlas is not None and atlas.name.lower().endswith(".npy"):
            from xai_widget.cli.values import read_array  # noqa: PLC0415 - needs numpy

            regions = read_array(atlas)
    with blamed_on("--atlas-names"):
        names = None if atlas_names is None else _numbered(read_labels(atlas_names))
    with blamed_on("STORE"):
        found = importlib.import_module("xai_widget.cohort").Cohort.open(store)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            path = found.report(
                out,
                (by if len(by) > 1 else by[0]) if by else None,
                regions,
                names,
                title=title,
                view=None if crosshair is None else {"crosshair": list(crosshair)},
                representatives=representatives,
                alike=alike,
            )
        except (ValueError, OSError, ImportError) as error:
            raise click.UsageError(said(error)) from error
    for text in dict.fromkeys(str(each.message) for each in caught):
        remark(text, level=1)
    click.echo(str(path))


def _grouping(text: str) -> str | dict[str, float]:
    """Return a column, or a column and where it is cut.

    Examples
    --------
    >>> _grouping("label"), _grouping("probability=0.75")
    ('label', {'probability': 0.75})
    """
    column, equals, number = text.partition("=")
    if not equals:
        return text
    try:
        return {column: float(number)}
    except ValueError as error:
        message = f"{text!r}: expected a column, or COLUMN=NUMBER to cut it there."
        raise click.BadParameter(message, param_hint="'--group-by'") from error


def _numbered(names: list[str] | Mapping[str, str]) -> dict[int, str]:
    listed = names.items() if isinstance(names, Mapping) else enumerate(names, 1)
    try:
        return {int(number): name for number, name in listed}
    except ValueError as error:
        message = f"regions have whole numbers: {error}"
        raise ValueError(message) from error
