"""What can be written next in a `%xai` line: variables, options, methods, layers, classes, parameters."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from PIL import Image
from torch import Tensor, nn

from xai_widget.engine import Facts, store_for
from xai_widget.explainers import method_classes, parameters_of
from xai_widget.models import labels_for, unwrap
from xai_widget.widget.words import bare, words_so_far

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

# `%xai ...`, alone or assigned.
LINE: Final = re.compile(r"^\s*(?:[^=%'\"#]+=\s*)?%xai\s(?P<rest>.*)$")
OPTIONS: Final = (
    *("--method", "--layer", "--target", "--rather-than", "--params"),
    *("--transform", "--labels", "--locale", "--simple"),
)
SHORT: Final = {"-m": "--method", "-l": "--layer", "-t": "--target", "-p": "--params"}
PICTURES: Final = (np.ndarray, Tensor, Image.Image, Path)


def matcher(shell: InteractiveShell) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return what IPython asks about each line that is being written."""

    @context_matcher(identifier=__name__)  # type: ignore[untyped-decorator]
    def complete(context: CompletionContext) -> SimpleMatcherResult:
        found = LINE.match(context.text_until_cursor)
        if found is None:
            return SimpleMatcherResult(completions=[])
        written, partial = words_so_far(found["rest"])
        names = suggestions(written, partial, shell.user_ns)
        return SimpleMatcherResult(
            completions=[SimpleCompletion(text=name, type="magic") for name in names],
            matched_fragment=partial,
            # Where nothing of ours fits, Python's own names do.
            suppress=bool(names),
        )

    return complete  # type: ignore[no-any-return]


def suggestions(written: Sequence[str], partial: str, namespace: Mapping[str, Any]) -> list[str]:
    """Return what may stand in the place of `partial`.

    Parameters
    ----------
    written : sequence of str
        The words before it.
    partial : str
        What has been written of the word.
    namespace : mapping
        The person's variables; the model is looked at, and never run.
    """
    option = SHORT.get(written[-1], written[-1]) if written else ""
    if option in OPTIONS and option != "--simple":
        return _values_of(option, written, partial, namespace)
    if partial.startswith("-"):
        return _beginning(OPTIONS, partial)
    match len(_places(written)):
        case 0:
            return _beginning(_variables(namespace, nn.Module), partial)
        case 1:
            return _beginning(_variables(namespace, *PICTURES), partial)
    return list(OPTIONS) if not partial else []


def _values_of(option: str, written: Sequence[str], partial: str, namespace: Mapping[str, Any]) -> list[str]:
    model = _model(written, namespace)
    match option:
        case "--method":
            return _beginning(method_classes(), partial)
        case "--layer" if model is not None:
            before, comma, last = partial.rpartition(",")
            return [f"{before}{comma}{name}" for name in _beginning(_layers(model), last)]
        case "--target" | "--rather-than" if model is not None:
            wanted = partial.strip("\"'").casefold()
            labels = dict.fromkeys(label for label in _labels(model) if label.casefold().startswith(wanted))
            return [_quoted(label) for label in labels]
        case "--params":
            cls = method_classes().get(_method(written))
            if cls is None or "=" in partial:
                return []
            return _beginning((f"{parameter.name}=" for parameter in parameters_of(cls)), partial)
    return []


def _beginning(names: Iterable[str], start: str) -> list[str]:
    return [name for name in names if name.startswith(start)]


def _variables(namespace: Mapping[str, Any], *kinds: type) -> Iterator[str]:
    for name, value in namespace.items():
        first = value[0] if isinstance(value, list) and value else value
        if not name.startswith("_") and isinstance(first, kinds):
            yield name


def _places(written: Sequence[str]) -> list[str]:
    """Return the words that belong to no option: the model, then the picture."""
    found: list[str] = []
    takes_next = False
    for word in written:
        if takes_next:
            takes_next = False
        elif word.startswith("-"):
            takes_next = SHORT.get(word, word) in OPTIONS and word != "--simple"
        else:
            found.append(word)
    return found


def _method(written: Sequence[str]) -> str:
    named = [after for word, after in pairwise(written) if word in {"-m", "--method"}]
    return bare(named[-1]) if named else "grad_cam"


def _model(written: Sequence[str], namespace: Mapping[str, Any]) -> nn.Module | None:
    """Return the model that a name or a path of names stands for: pressing Tab calls nothing."""
    places = _places(written)
    try:
        tree = ast.parse(places[0], mode="eval") if places else None
    except SyntaxError:
        return None
    found = None if tree is None else _looked_up(tree.body, namespace)
    first = found[0] if isinstance(found, list) and found else found
    plain = unwrap(first) if callable(first) else first
    return plain if isinstance(plain, nn.Module) else None


def _looked_up(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(name):
            return namespace.get(name)
        case ast.Attribute(value, name):
            return getattr(_looked_up(value, namespace), name, None)
        case ast.Subscript(value, ast.Constant(key)):
            holder = _looked_up(value, namespace)
            if isinstance(holder, list | tuple) and isinstance(key, int):
                return holder[key] if -len(holder) <= key < len(holder) else None
            return holder.get(key) if isinstance(holder, dict) else None
    return None


def _facts(model: nn.Module) -> Facts | None:
    """Return what an earlier question has measured, if there was one."""
    return next(iter(store_for(model).facts.values()), None)


def _layers(model: nn.Module) -> list[str]:
    facts = _facts(model)
    if facts is not None:
        return [layer.name for layer in facts.layers]
    return [name for name, _ in model.named_modules() if name]


def _labels(model: nn.Module) -> tuple[str, ...]:
    facts = _facts(model)
    if facts is not None:
        return labels_for(model, facts.n_classes)[0]
    # Before anything is measured: as many classes as the last linear layer has outputs.
    heads = [module.out_features for module in model.modules() if isinstance(module, nn.Linear)]
    return labels_for(model, heads[-1])[0] if heads else ()


def _quoted(label: str) -> str:
    if not re.search(r"[\s\"'()\[\]{}]", label):
        return label
    quote = "'" if '"' in label else '"'
    return f"{quote}{label}{quote}"
