"""Commands that take a method: the options of the one that is named come from its fields."""

from typing import Any, Final

import click

from xai_widget.cli.sections import OUTPUT, Command, Option
from xai_widget.cli.values import ParameterValue, method_class, range_of, values_of

# Where a context keeps the options that were made for its method.
MADE: Final = "xai_widget.method_options"


class FieldOption(Option):
    """An option that was made from a method's field.

    Attributes
    ----------
    field : str
        The field's name.
    """

    def __init__(self, *args: Any, field: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.field = field


def dashed(name: str) -> str:
    """Return a field's name as an option.

    Examples
    --------
    >>> dashed("n_segments")
    '--n-segments'
    """
    return "--" + name.replace("_", "-")


def options_of(method: str, taken: set[str]) -> list[FieldOption]:
    """Return an option for each field of a method.

    Parameters
    ----------
    method : str
        Its id.
    taken : set of str
        Options of the command itself; a field of such a name becomes `--param-NAME`.
    """
    from xai_widget.explainers import parameters_of  # noqa: PLC0415 - brings torch

    cls = method_class(method)
    section = f"Options of {cls.label} (--method {method})"
    made = []
    for parameter in parameters_of(cls):
        name = dashed(parameter.name)
        if name in taken:
            name = dashed(f"param_{parameter.name}")
        about = f"{parameter.about.help or parameter.about.label}  [{range_of(parameter)}]"
        attributes: dict[str, Any] = {"field": parameter.name, "section": section, "help": about, "default": None}
        if parameter.kind == "bool":
            spelled = f"{name}/--no-{name.removeprefix('--')}"
        else:
            spelled = name
            attributes |= {"type": ParameterValue(parameter, cls.label), "metavar": values_of(parameter)}
        made.append(FieldOption([f"field_{parameter.name}", spelled], **attributes))
    return made


class MethodCommand(Command):
    """A command with `--method`, whose callback gets `method` (an id) and `params` (those that were given)."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options, and before its outputs those of the method."""
        own = super().get_params(ctx)
        made = ctx.meta.get(MADE, [])
        middle = next((at for at, param in enumerate(own) if getattr(param, "section", "") == OUTPUT), len(own))
        return [*own[:middle], *made, *own[middle:]]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, in the light of the method that they name."""
        named = self._named(ctx, args)
        asks_for_help = any(name in args for name in self.get_help_option_names(ctx))
        method = named or ("" if asks_for_help or not args else self._default())
        if method:
            taken = {name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
            try:
                ctx.meta[MADE] = options_of(method, taken)
            except ValueError as error:
                if not ctx.resilient_parsing:
                    raise click.BadParameter(str(error), ctx=ctx, param_hint="'--method'") from error
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise self._not_of(method, error, ctx, usual=not named) from error
        ctx.params["params"] = self._given(ctx, method)
        return rest

    def _default(self) -> str:
        return str(next(param.default for param in self.params if param.name == "method"))

    def _named(self, ctx: click.Context, args: list[str]) -> str | None:
        """Return what `--method` says, looking past options that are not known yet."""
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True
        try:
            found, _, _ = parser.parse_args(args=list(args))
        except click.UsageError:  # will be found again, and told
            return None
        return found.get("method")

    def _given(self, ctx: click.Context, method: str) -> dict[str, Any]:
        given = {}
        for made in ctx.meta.get(MADE, []):
            value = ctx.params.pop(made.name, None)
            if ctx.get_parameter_source(made.name) is click.core.ParameterSource.COMMANDLINE:
                given[made.field] = value
        if given and not ctx.resilient_parsing:
            from xai_widget.explainers import build_method  # noqa: PLC0415 - brings torch

            try:
                build_method(method, given)
            except (ValueError, TypeError) as error:
                raise click.UsageError(str(error), ctx) from error
        return given

    @staticmethod
    def _not_of(method: str, error: click.NoSuchOption, ctx: click.Context, *, usual: bool) -> click.UsageError:
        """Return an error that names the methods which have the option."""
        if not method or ctx.resilient_parsing:
            return error
        from xai_widget.explainers import method_classes, parameters_of  # noqa: PLC0415 - brings torch

        name = error.option_name.removeprefix("--no-").removeprefix("--")
        owners = [
            owner
            for owner, cls in method_classes().items()
            if any(dashed(parameter.name) == f"--{name}" for parameter in parameters_of(cls))
        ]
        if not owners:
            return error
        why = " (used where --method names none)" if usual else ""
        return click.UsageError(
            f"The method {method!r}{why} has no option {error.option_name!r}. Methods that have it: {', '.join(owners)}."
            f" `xai-widget {ctx.info_name} --method {method} --help` shows what {method!r} has.",
            ctx,
        )
