"""`%xai model img`: the widget in one line of a notebook, after `%load_ext xai_widget`."""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from IPython.core.error import UsageError

from xai_widget.explainers import method_classes, parameters_of
from xai_widget.names import nearest
from xai_widget.targets import Contrast, Target
from xai_widget.widget.completion import matcher
from xai_widget.widget.words import bare, words
from xai_widget.widget.xai_widget import XaiWidget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

NAME: Final = "xai"
EXAMPLE: Final = "%xai model img --method grad_cam --layer layer4 --target cat"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong instead of leaving Python."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _parser() -> _Parser:
    parser = _Parser(
        prog=f"%{NAME}",
        description="Ask an image classifier why. Returns the widget, which a cell shows like any other value:"
        " `w = %xai model img` keeps it.",
        add_help=False,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", help="the classifier: a name or an expression of your namespace")
    add("img", help="the picture: a name, an expression, or the path of a file")
    add("-m", "--method", help="a method's id, such as grad_cam or occlusion")
    add("-l", "--layer", help="where activations are read; several with commas between them")
    add("-t", "--target", help="the class asked about, by index or by label (in quotes where it has spaces)")
    add("--rather-than", metavar="CLASS", help="ask why it is the target and not this class")
    add("-p", "--params", action="append", default=[], help="parameters: -p window=32, or 'window=32 stride=8'")
    add("--transform", help="from a picture to the model's input: an expression")
    add("--labels", help="names of the classes: an expression")
    add("--locale", help="language of the interface")
    add("--simple", action="store_true", help="begin with the simple interface")
    return parser


class Magic:
    """`%xai` of one shell.

    Parameters
    ----------
    shell : InteractiveShell
        Whose variables the line speaks of.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.parser = _parser()

    def xai(self, line: str) -> XaiWidget:
        """Return the widget that a line asks for.

        Raises
        ------
        UsageError
            The line, or what it names, cannot be used.
        """
        given = self._parsed(line)
        settings = {
            "method": given.method,
            "layer": None if given.layer is None else _layers(given.layer),
            "target": _asked(given.target, given.rather_than),
            "transform": None if given.transform is None else self._value("--transform", given.transform),
            "labels": None if given.labels is None else self._value("--labels", given.labels),
            "locale": given.locale,
        }
        model, img = self._value("model", given.model), self._picture(given.img)
        try:
            params = self._params(given.method, given.params)
            widget = XaiWidget(model, img, params=params, **settings)
        except (ValueError, TypeError, OSError) as error:
            raise UsageError(f"%xai {line.strip()}: {error}") from error
        widget.expert = not given.simple
        return widget

    def _parsed(self, line: str) -> argparse.Namespace:
        try:
            given, rest = self.parser.parse_known_args(words(line))
        except (UsageError, ValueError) as error:
            raise UsageError(f"%xai {line.strip()}: {error}. Expected, for instance: {EXAMPLE}") from None
        if rest:
            known = [name for action in self.parser._actions for name in action.option_strings]  # noqa: SLF001
            hint = nearest(rest[0].partition("=")[0], known) if rest[0].startswith("-") else ""
            raise UsageError(
                f"%xai takes a model, an img and options; {rest[0]!r} is none of them.{hint} An expression with spaces"
                " outside its brackets goes into brackets, a label with spaces into quotes."
            )
        return given

    def _value(self, what: str, expression: str) -> Any:
        """Return what an expression means in the person's namespace."""
        try:
            # As IPython's own `ev`, which has no types.
            return eval(expression, self.shell.user_global_ns, self.shell.user_ns)  # noqa: S307 - the person's own code
        except NameError as error:
            shown = [name for name in self.shell.user_ns if not name.startswith("_")]
            hint = nearest(error.name or expression, shown)
            raise UsageError(
                f"{what}: there is no variable {error.name or expression!r} in your namespace.{hint}"
            ) from None
        except SyntaxError:
            raise UsageError(f"{what}: {expression!r} is neither a name nor an expression.") from None
        except Exception as error:
            raise UsageError(f"{what}: {expression!r} raised {type(error).__name__}: {error}") from error

    def _picture(self, expression: str) -> Any:
        try:
            return self._value("img", expression)
        except UsageError:
            path = Path(expression).expanduser()
            if path.is_file():  # a path needs no quotes
                return path
            if re.search(r"\.\w+$", expression):
                raise UsageError(
                    f"img: {expression!r} is neither a file here nor an expression with a value."
                ) from None
            raise

    def _params(self, method: str | None, given: Sequence[str]) -> Mapping[str, Any] | None:
        if not given:
            return None
        cls = method_classes().get(method or "grad_cam")
        arrays = set() if cls is None else {p.name for p in parameters_of(cls) if p.kind == "array"}
        found = {}
        for item in (item for several in given for item in words(bare(several))):
            name, equals, value = item.partition("=")
            if not (name and equals and value):
                raise UsageError(f"--params: expected name=value, such as window=32, got {item!r}.")
            found[name] = self._value(f"--params {name}", value) if name in arrays else _literal(value)
        return found


def load(shell: InteractiveShell) -> None:
    """Register `%xai` and its completion; a second time changes nothing."""
    magic = Magic(shell)

    def xai(line: str) -> XaiWidget:
        return magic.xai(line)

    xai.__doc__ = magic.parser.format_help()  # what `%xai?` shows
    shell.magics_manager.register_function(xai, "line", NAME)
    matchers = shell.Completer.custom_matchers
    if not any(_is_ours(each) for each in matchers):
        matchers.append(matcher(shell))


def unload(shell: InteractiveShell) -> None:
    """Take `%xai` and its completion away; harmless where they are not there."""
    shell.magics_manager.magics["line"].pop(NAME, None)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [each for each in matchers if not _is_ours(each)]


def _is_ours(each: object) -> bool:
    return getattr(each, "matcher_identifier", None) == matcher.__module__


def _layers(text: str) -> str | list[str]:
    names = [name for name in bare(text).split(",") if name]
    return names if len(names) > 1 else bare(text)


def _asked(target: str | None, foil: str | None) -> Target:
    if foil is None:
        return None if target is None else _class(target)
    if target is None:
        raise UsageError(f"--rather-than {foil} needs --target: why this class, rather than {foil}?")
    return Contrast(_class(target), _class(foil))


def _class(text: str) -> int | str:
    found = _literal(text)
    return found if isinstance(found, int) else bare(text)


def _literal(text: str) -> Any:
    """Return the number, tuple, True, False or None that is written there, else the word itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return bare(text)
