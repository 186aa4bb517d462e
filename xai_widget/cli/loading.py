"""Models by name. Only what the person named is imported, and nothing is downloaded unasked."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from xai_widget.names import nearest

FORMS: Final = (
    "torchvision:resnet50, timm:NAME, transformers:ID, examples:mosaic_net, or package.module:factory of your own"
)
UNTRAINED: Final = (
    "{model} without weights knows nothing, and its heat maps would mean nothing. Pass --weights FILE, or --pretrained"
    " to take its published weights (which may download them)."
)


def load_model(name: str, *, pretrained: bool = False, weights: bool = False, classes: int | None = None) -> Any:
    """Return the model called `name`.

    Parameters
    ----------
    name : str
        A source and a name with a colon between them: `FORMS`.
    pretrained : bool
        Whether published weights are wanted, from a download where they are not on this machine yet.
    weights : bool
        Whether weights will be loaded from a file afterwards.
    classes : int, optional
        Number of classes, where the source can build the model with another number than its usual one.

    Raises
    ------
    ValueError
        There is no such model, or it would be untrained.
    ImportError
        Its library is not installed.

    Examples
    --------
    >>> type(load_model("examples:mosaic_net")).__name__
    'ExampleNet'
    """
    source, colon, rest = name.partition(":")
    if not (source and colon and rest):
        message = f"Expected {FORMS}; got {name!r}."
        raise ValueError(message)
    if source in SOURCES:
        find, build = SOURCES[source]
        library = find(rest)
        if not (pretrained or weights):
            raise ValueError(UNTRAINED.format(model=name))
        return evaluated(build(library, rest, pretrained, classes))
    if pretrained or classes is not None:
        what = "--pretrained" if pretrained else "--num-classes"
        message = f"{what} belongs to models of {', '.join(SOURCES)}; {name!r} makes its own choice."
        raise ValueError(message)
    return evaluated(_example(rest) if source == "examples" else _made(load_object(name), name))


def evaluated(model: Any) -> Any:
    """Return the model in eval mode, where it has modes."""
    switch = getattr(model, "eval", None)
    return switch() if callable(switch) else model


def _find_torchvision(name: str) -> Any:
    models = importlib.import_module("torchvision.models")
    if name.lower() not in models.list_models():
        message = f"torchvision has no model {name!r}.{nearest(name, models.list_models())}"
        raise ValueError(message)
    return models


def _torchvision(models: Any, name: str, pretrained: bool, classes: int | None) -> Any:
    published = models.get_model_weights(name).DEFAULT if pretrained else None
    model = models.get_model(name, weights=published, **({} if classes is None else {"num_classes": classes}))
    if published is not None:
        model.weights = published  # where labels and preprocessing are looked for
    return model


def _find_timm(name: str) -> Any:
    timm = _library("timm", name)
    if not timm.is_model(name.partition(".")[0]):
        message = f"timm has no model {name!r}.{nearest(name, timm.list_models())}"
        raise ValueError(message)
    return timm


def _timm(timm: Any, name: str, pretrained: bool, classes: int | None) -> Any:
    return timm.create_model(name, pretrained=pretrained, **({} if classes is None else {"num_classes": classes}))


def _find_transformers(name: str) -> Any:
    return _library("transformers", name)


def _transformers(library: Any, name: str, pretrained: bool, classes: int | None) -> Any:
    local = {"local_files_only": not pretrained, "trust_remote_code": False}
    labels = {} if classes is None else {"num_labels": classes}
    if pretrained:
        # Not its older .bin files, which are pickles.
        model = library.AutoModelForImageClassification.from_pretrained(name, use_safetensors=True, **local, **labels)
    else:
        configuration = library.AutoConfig.from_pretrained(name, **local, **labels)
        model = library.AutoModelForImageClassification.from_config(configuration)
    model.processor = library.AutoImageProcessor.from_pretrained(name, **local)
    return model


# How a source finds a model (and its library), and how it builds it.
SOURCES: Final[dict[str, tuple[Callable[[str], Any], Callable[[Any, str, bool, int | None], Any]]]] = {
    "torchvision": (_find_torchvision, _torchvision),
    "timm": (_find_timm, _timm),
    "transformers": (_find_transformers, _transformers),
}


def _library(name: str, model: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        message = f"{name}:{model} needs {name}, which is not installed: pip install {name}"
        raise ImportError(message) from error


def _example(name: str) -> Any:
    examples = importlib.import_module("xai_widget.examples")
    nets = [each for each in examples.__all__ if each.endswith(("_net", "_deit"))]
    if name not in nets:
        message = f"There is no example {name!r}.{nearest(name, nets)} There are: {', '.join(nets)}."
        raise ValueError(message)
    return getattr(examples, name)()


def load_object(name: str) -> Any:
    """Return what `package.module:name` stands for; modules of the current folder are found.

    Raises
    ------
    ValueError
        There is no such module, or nothing of that name in it.

    Examples
    --------
    >>> load_object("json:decoder.JSONDecoder").__name__
    'JSONDecoder'
    """
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        message = f"Expected package.module:name, got {name!r}."
        raise ValueError(message)
    with _from_here():
        found: Any = _module(module_name, name)
    for part in path.split("."):
        if not hasattr(found, part):
            there = [each for each in dir(found) if not each.startswith("_")]
            shown = getattr(found, "__name__", type(found).__name__)
            message = f"{shown!r} has no {part!r}.{nearest(part, there)}"
            raise ValueError(message)
        found = getattr(found, part)
    return found


@contextmanager
def _from_here() -> Iterator[None]:
    """Find modules of the current folder: first while the named one is imported, and last from then on.

    First, because that is what `python -m` does; last, so that a file there cannot stand in for a library that is
    imported later.
    """
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
        if here not in sys.path:
            sys.path.append(here)


def _module(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            error.add_note(f"{module!r} imports it.")
            raise
        message = (
            f"There is no module {error.name!r}, neither in this folder ({Path.cwd()}) nor installed, for {name!r}."
            f" Expected {FORMS}."
        )
        raise ValueError(message) from error
    except Exception as error:
        message = f"Importing {module!r} failed. {type(error).__name__}: {error}"
        raise ValueError(message) from error


def _made(found: Any, name: str) -> Any:
    """Return a model: the object itself, or what it makes where it can be called without arguments."""
    if not callable(found):
        message = (
            f"{name!r} is a {type(found).__name__}; expected a model, or a function without arguments that makes one."
        )
        raise TypeError(message)
    if not _is_factory(found):
        return found
    try:
        model = found()
    except Exception as error:
        message = f"{name!r} made no model. {type(error).__name__}: {error}"
        raise ValueError(message) from error
    if not callable(model):
        message = (
            f"{name!r} made a {type(model).__name__}; expected a torch.nn.Module, or a function from a batch to scores."
        )
        raise TypeError(message)
    return model


def _is_factory(found: Callable[..., Any]) -> bool:
    from torch import nn  # noqa: PLC0415 - slow to import, needed here only

    if isinstance(found, nn.Module):
        return False
    if isinstance(found, type):
        return True
    try:
        signature = inspect.signature(found)
    except ValueError:  # written in C
        return False
    needed: Sequence[inspect.Parameter] = [
        each
        for each in signature.parameters.values()
        if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
    ]
    return not needed
