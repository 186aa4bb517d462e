"""Values on the command line: a method's id, a parameter of a method, numbers and names in files."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from xai_widget.explainers import Method, Parameter

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # not generic before click 8.4

AUTO: Final = "auto"
ARRAYS: Final = (".npy", ".nii", ".nii.gz")
PICTURES: Final = (".png", ".bmp", ".tif", ".tiff")


class MethodName(ParamType):
    """The id of a method."""

    name = "method"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the id, if there is such a method."""
        try:
            method_class(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the ids."""
        del ctx, param
        from xai_widget.explainers import method_classes  # noqa: PLC0415 - brings torch

        return [
            CompletionItem(name, help=cls.label)
            for name, cls in method_classes().items()
            if name.startswith(incomplete)
        ]


def method_class(name: str) -> "type[Method]":
    """Return the method called `name`.

    Raises
    ------
    ValueError
        There is none.
    """
    from xai_widget.explainers import method_classes  # noqa: PLC0415 - brings torch
    from xai_widget.names import nearest  # noqa: PLC0415

    classes = method_classes()
    if name not in classes:
        message = f"There is no method {name!r}.{nearest(name, classes)} `xai-widget methods` lists all."
        raise ValueError(message)
    return classes[name]


class ParameterValue(ParamType):
    """A value of a method's parameter, checked by the parameter itself.

    Parameters
    ----------
    parameter : Parameter
        Of the method.
    owner : str
        The method's label.
    """

    name = "value"

    def __init__(self, parameter: "Parameter", owner: str) -> None:
        self.parameter = parameter
        self.owner = owner

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value as the field holds it."""
        try:
            return self.parameter.check(self._read(value) if isinstance(value, str) else value, self.owner)
        except (ValueError, TypeError, OSError, ImportError) as error:
            told = str(error).removeprefix(f"{self.owner}: parameter {self.parameter.name!r} ")
            self.fail(
                told.replace("an array", f"a file ({', '.join(ARRAYS)})")
                .replace("None (auto)", AUTO)
                .replace(" or a Method object", ""),
                param,
                ctx,
            )

    def _read(self, text: str) -> Any:
        if self.parameter.optional and text == AUTO:
            return None
        if text in self.parameter.choices:
            return text
        if self.parameter.arrays and text.lower().endswith(ARRAYS):
            return read_array(Path(text))
        if self.parameter.numeric or self.parameter.kind in {"int", "float"}:
            for number in (int, float):
                with suppress(ValueError):
                    return number(text)
        return text

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the words, or files where an array is a value."""
        del ctx, param
        words = [str(word) for word in self.parameter.choices if str(word).startswith(incomplete)]
        if not words and self.parameter.arrays:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in words]


def values_of(parameter: "Parameter") -> str:
    """Return what can be written for a parameter, such as "INTEGER|auto"."""
    numbers = {"int": "INTEGER", "float": "NUMBER"}.get(parameter.kind, "NUMBER" if parameter.numeric else "")
    words = [
        *map(str, parameter.choices),
        numbers,
        "FILE" if parameter.arrays else "",
        AUTO if parameter.optional else "",
    ]
    return "|".join(filter(None, words))


def range_of(parameter: "Parameter") -> str:
    """Return a parameter's range and default in words, such as "1 to 256; default: auto"."""
    low, high, default = parameter.about.minimum, parameter.about.maximum, parameter.default
    match low, high:
        case None, None:
            bounds = ""
        case _, None:
            bounds = f"from {_plain(low)}"
        case None, _:
            bounds = f"up to {_plain(high)}"
        case _:
            bounds = f"{_plain(low)} to {_plain(high)}"
    if default is None:
        default = AUTO
    elif isinstance(default, bool):
        default = "on" if default else "off"
    return "; ".join(filter(None, (bounds, f"default: {default}")))


def _plain(number: float | None) -> str:
    return str(int(number)) if number is not None and float(number).is_integer() else str(number)


def read_array(path: Path) -> "NDArray[Any]":
    """Return the numbers in a .npy or NIfTI file; a pickle in it is refused.

    Raises
    ------
    ValueError
        No such file, or another kind of file.
    """
    import numpy as np  # noqa: PLC0415 - help needs no arrays

    from xai_widget.inputs.files import check_path  # noqa: PLC0415 - brings torch
    from xai_widget.inputs.volumes import load_nifti  # noqa: PLC0415

    check_path(path)
    name = path.name.lower()
    if name.endswith(".npy"):
        return np.asarray(np.load(path, allow_pickle=False))
    if name.endswith((".nii", ".nii.gz")):
        return np.asarray(load_nifti(path).dataobj)
    message = f"{path.name!r} holds no numbers that can be read here; expected one of {', '.join(ARRAYS)}."
    raise ValueError(message)


def read_mask_file(path: Path) -> "NDArray[np.bool_]":
    """Return a foreground, bool `[*S]`: what is not 0 in an array, what is bright in a picture.

    Raises
    ------
    ValueError
        No such file, or another kind of file.
    """
    import numpy as np  # noqa: PLC0415 - help needs no arrays

    if not path.name.lower().endswith(PICTURES):
        return np.asarray(read_array(path) != 0)
    from xai_widget.inputs.files import check_path, open_picture  # noqa: PLC0415 - brings torch

    check_path(path)
    with open_picture(path) as picture:
        return np.asarray(np.asarray(picture.convert("L")) > 127)


def read_labels(path: Path) -> list[str] | dict[str, str]:
    r"""Return the names of classes: a line each, or JSON (a list, or index to name).

    In JSON, a name may also be a list whose last entry is the name, as in ImageNet's class index.

    Raises
    ------
    ValueError
        Neither of them.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "labels.txt"
    >>> file.write_text("cat\ndog\n")
    8
    >>> read_labels(file)
    ['cat', 'dog']
    """
    try:
        text = path.read_text("utf-8")
        if path.suffix.lower() != ".json":
            return text.splitlines()
        found = json.loads(text)
    except ValueError as error:  # not UTF-8, or no JSON
        message = f"{path.name!r} cannot be read as labels: {error}. Expected a line for each class, or JSON."
        raise ValueError(message) from error
    if isinstance(found, Mapping):
        return {str(index): _last(name) for index, name in found.items()}
    if isinstance(found, list):
        return [_last(name) for name in found]
    message = f"{path.name!r} holds a {type(found).__name__}; expected a list of names, or an object of index to name."
    raise ValueError(message)


def _last(name: Any) -> str:
    return str(name[-1] if isinstance(name, list) and name else name)
