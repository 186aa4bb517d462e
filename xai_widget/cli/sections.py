"""Commands whose help lists the options by what they are about, and which show failures as one message."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
# Where commands keep what `-v`, `-q` and `--debug` said.
VERBOSITY: Final = "xai_widget.verbosity"
DEBUG: Final = "xai_widget.debug"
OUTPUT: Final = "Output"


class Option(click.Option):
    """An option that belongs to a section of the help.

    Parameters
    ----------
    section : str
        Its heading.
    """

    def __init__(self, *args: Any, section: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


def option(section: str, *names: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """Add an option to a command, under a heading."""
    return click.option(*names, cls=Option, section=section, **attributes)


class Command(click.Command):
    """A command with sections in its help; with `--debug` its failures show where they come from."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, one section after the other."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(param, "section", OUTPUT), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records, col_max=28)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if error.__cause__ is not None:
                trace(error.__cause__)
            raise


def talking(command: Decorated) -> Decorated:
    """Add the options about how much is said."""
    for add in (
        option(
            OUTPUT, "--debug", is_flag=True, expose_value=False, callback=_keep(DEBUG), help="Show where errors are."
        ),
        option(
            OUTPUT, "-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet, help="No remarks, no progress."
        ),
        option(OUTPUT, "-v", "--verbose", is_flag=True, expose_value=False, callback=_verbose, help="Say more."),
    ):
        command = add(command)
    return command


def _keep(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        ctx.meta[key] = value

    return keep


def _verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[VERBOSITY] = 1


def _quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[VERBOSITY] = -1


def verbosity() -> int:
    """Return 1 after `--verbose`, -1 after `--quiet`, else 0."""
    return int(click.get_current_context().meta.get(VERBOSITY, 0))


def remark(text: str, *, level: int = 0) -> None:
    """Say something beside the results, on stderr, from this verbosity on."""
    if verbosity() >= level:
        click.echo(text, err=True)


def trace(error: BaseException) -> None:
    """Show where an error comes from, if `--debug` asks for it."""
    if click.get_current_context().meta.get(DEBUG):
        click.echo("".join(traceback.format_exception(error)), err=True)


def said(error: BaseException) -> str:
    """Return what an error says, with its notes; its kind too where the words alone tell little."""
    text = str(error).strip().replace("See layers(model, img).", "In Python, layers(model, img) lists them.")
    plain = isinstance(error, ValueError | TypeError | OSError | ImportError) and " " in text
    return "\n".join(
        [text if plain else f"{type(error).__name__}: {text or 'no message'}", *getattr(error, "__notes__", ())]
    )


@contextmanager
def blamed_on(name: str) -> Iterator[None]:
    """Turn errors of the package into one about the option `name`."""
    try:
        yield
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise click.BadParameter(said(error), param_hint=repr(name)) from error
