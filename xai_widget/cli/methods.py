"""`xai-widget methods`: what there is to choose from, and what works on a model."""

import inspect
import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from xai_widget.cli.binding import asked, model_options
from xai_widget.cli.method_options import dashed
from xai_widget.cli.sections import OUTPUT, Command, option, said, talking
from xai_widget.cli.values import MethodName, range_of, values_of

if TYPE_CHECKING:
    from xai_widget.catalogue import MethodRow
    from xai_widget.explainers import Method

ACCESS: Final = {"black_box": "scores", "gradient": "gradients", "white_box": "layers"}
NARROWEST: Final = 24


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[METHOD]...", type=MethodName())
@model_options(required=False)
@option(
    "Model",
    "--input",
    "picture",
    type=click.Path(path_type=Path),
    help="An input, where the model does not tell what it takes.",
)
@option(OUTPUT, "--json", "as_json", is_flag=True, help="JSON instead of words.")
@talking
def methods(names: Sequence[str], picture: Path | None, as_json: bool, **options: Any) -> None:
    r"""List the methods, what each needs of a model, and what it costs.

    With METHOD, say all about it: the formula, when to use it, its options. With --model, say which of them work on this
    model, and why the others do not.

    \b
    xai-widget methods
    xai-widget methods occlusion
    xai-widget methods --model torchvision:vit_b_16 --pretrained
    """
    from xai_widget.explainers import method_classes  # noqa: PLC0415 - brings torch

    classes = method_classes()
    chosen = {name: classes[name] for name in names or classes}
    rows = _judged(options, picture)
    if as_json:
        told = [{**described(name, cls), **_verdict(rows.get(name))} for name, cls in chosen.items()]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    elif names:
        click.echo("\n\n".join("\n".join(_full(name, cls, rows.get(name))) for name, cls in chosen.items()))
    elif rows:
        lines = [(name, "yes" if row.works else "no", row.why_not or "") for name, row in rows.items()]
        click.echo("\n".join(_table([("method", "works", "why not"), *lines])))
    else:
        every = [(name, cls.label, ACCESS[cls.access], cls.evaluations) for name, cls in chosen.items()]
        click.echo("\n".join(_table([("method", "name", "needs", "model evaluations"), *every])))


def _judged(options: Mapping[str, Any], picture: Path | None) -> "dict[str, MethodRow]":
    if options["model"] is None:
        named = [name for name in ("weights", "pretrained", "transform", "labels", "device") if options[name]]
        if named or picture is not None:
            message = f"{dashed(named[0]) if named else '--input'} says something about a model; name it with --model."
            raise click.UsageError(message)
        return {}
    from xai_widget.catalogue import methods as table  # noqa: PLC0415 - brings torch

    given = asked(options)
    try:
        return {row.id: row for row in table(given.model, picture, **given.binding)}
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        raise click.UsageError(
            said(error).replace("pass an image: methods(model, img)", "name one with --input")
        ) from error


def described(name: str, cls: "type[Method]") -> dict[str, Any]:
    """Return all that a method says of itself, as JSON can hold it."""
    from xai_widget.explainers import parameters_of  # noqa: PLC0415 - brings torch

    return {
        "id": name,
        "label": cls.label,
        "access": cls.access,
        "class_specific": cls.class_specific,
        "summary": cls.summary,
        "formula": cls.formula,
        "when": cls.when,
        "evaluations": cls.evaluations,
        "cites": cls.cites,
        "parameters": [
            {
                "name": parameter.name,
                "option": dashed(parameter.name),
                "kind": parameter.kind,
                "choices": list(parameter.choices),
                "minimum": parameter.about.minimum,
                "maximum": parameter.about.maximum,
                "default": parameter.default,
                "help": parameter.about.help,
            }
            for parameter in parameters_of(cls)
        ],
    }


def _verdict(row: "MethodRow | None") -> dict[str, Any]:
    return {} if row is None else {"works": row.works, "why_not": row.why_not}


def _full(name: str, cls: "type[Method]", row: "MethodRow | None") -> Iterator[str]:
    from xai_widget.explainers import parameters_of  # noqa: PLC0415 - brings torch

    yield f"{cls.label} ({name})"
    yield ""
    yield from _wrapped(cls.summary, "  ")
    yield ""
    facts = {
        "Formula": cls.formula,
        "When": cls.when,
        "A value is": getattr(cls(), "unit", ""),
        "Needs": f"{ACCESS[cls.access]} of the model",
        "Evaluations": cls.evaluations,
        "Reference": cls.cites,
    }
    if row is not None:
        facts["This model"] = "works" if row.works else f"does not work: {row.why_not}"
    lines = [(title, text) for title, text in facts.items() if text]
    yield from (f"  {line}" for line in _table(lines, margin=2))
    parameters = parameters_of(cls)
    yield ""
    yield "Options:" if parameters else "No options of its own."
    spelled = [
        (
            f"{dashed(each.name)} {values_of(each)}"
            if each.kind != "bool"
            else f"{dashed(each.name)}/--no-{each.name}",
            f"{each.about.help or each.about.label} [{range_of(each)}]",
        )
        for each in parameters
    ]
    for title, text in spelled:
        yield f"  {title}"
        yield from _wrapped(text, "      ")


def _table(rows: Sequence[Sequence[str]], margin: int = 0) -> Iterator[str]:
    """Yield lines with columns under each other; the last column is wrapped to the terminal."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    start = sum(widths) + 2 * len(widths)
    room = max(NARROWEST, _columns() - margin - start)
    for row in rows:
        first, *rest = textwrap.wrap(row[-1], room) or [""]
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        yield "  ".join([*cells, first]).rstrip()
        for line in rest:
            yield " " * start + line


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(inspect.cleandoc(text), _columns(), initial_indent=indent, subsequent_indent=indent)


def _columns() -> int:
    # A pipe is no terminal, and gets whole lines.
    return min(120, shutil.get_terminal_size((120, 24)).columns)
