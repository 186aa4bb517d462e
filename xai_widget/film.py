"""Film: the maps of many layers from one pass, and small copies of them to choose from."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xai_widget.attribution import Attribution, last_of
from xai_widget.engine import Case, GradientKind
from xai_widget.explainers import Method
from xai_widget.session import Session
from xai_widget.targets import Target


def in_one_pass(session: Session, method: Method) -> bool:
    """Return whether one forward and one backward give the method's maps of all layers."""
    if (
        not method.uses_layer
        or method.refuses(session.facts) is not None
        or method.default_layer(session.facts) is None
    ):
        return False
    cost, _ = session.cost(method)
    return max(cost.forwards, cost.backwards) <= len(session.inputs)


def readable_layers(session: Session, method: Method) -> list[str]:
    """Return the layers that the method can read, in the order in which they run."""
    facts = session.facts
    return [layer.name for layer in facts.layers if method.refuses_layer(layer, facts) is None]


def layer_maps(
    session: Session, method: Method, target: Target = None, layers: Sequence[str] | None = None
) -> Iterator[tuple[str, Attribution]]:
    """Yield each layer's name and its map of the first input; what all share is computed once, before the first.

    Parameters
    ----------
    session : Session
        What is asked about.
    method : Method
        One that reads a layer.
    target : Target, optional
        None: the predicted class.
    layers : sequence of str, optional
        None: all that the method can read.

    Raises
    ------
    ValueError
        The method refuses the model or a layer; an unknown target.
    """
    names = readable_layers(session, method) if layers is None else layers
    yield from maps_of(session, method, captured(session, method, target, names))


def captured(
    session: Session,
    method: Method,
    target: Target,
    layers: Sequence[str],
    check: Callable[[], None] | None = None,
) -> Case:
    """Return a case with what all these layers gave in one forward, and the gradients there if the method takes any.

    Parameters
    ----------
    session, method, target, layers
        As for `layer_maps`.
    check : callable, optional
        Called at every layer on the way up and on the way down; what it raises ends the pass.

    Raises
    ------
    ValueError
        The method refuses the model or a layer; an unknown target.
    """
    case = session.case(method, [target], layers)
    kind: GradientKind = getattr(method, "gradient", "plain")
    case.capture(kind, check)
    if method.cost(case).backwards:
        case.gradients(kind, check)
    return case


def maps_of(session: Session, method: Method, case: Case) -> Iterator[tuple[str, Attribution]]:
    """Yield each layer's name and its map, from a case that is `captured`."""
    try:
        for name in case.layers:
            yield name, last_of(session.attributions(method, case.with_layers((name,))))[0]
    finally:
        case.memory.release()


def spread(names: Sequence[str], most: int, kept: str | None) -> list[str]:
    """Return at most so many names, evenly spaced and in order, the first and the last among them, and `kept`.

    Examples
    --------
    >>> spread("abcdefgh", 4, "f")
    ['a', 'c', 'f', 'h']
    """
    if len(names) <= most:
        return list(names)
    places = np.linspace(0, len(names) - 1, most).round().astype(int)
    if kept is not None and kept in names:
        wanted = list(names).index(kept)
        places[np.abs(places - wanted).argmin()] = wanted
    return [names[place] for place in np.unique(places)]


def shrunk(values: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Return the means of equal blocks of a map `[h, w]` or `[d, h, w]`, at most so many a side; a map that is small stays as it is.

    Examples
    --------
    >>> shrunk(np.arange(6, dtype=np.float32).reshape(1, 6), 3).tolist()
    [[0.5, 2.5, 4.5]]
    """
    found = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    for axis, side in enumerate(found.shape):
        starts = np.arange(0, side, -(-side // most))
        sizes = np.diff(np.append(starts, side))
        shape = [-1 if axis == other else 1 for other in range(found.ndim)]
        found = np.add.reduceat(found, starts, axis) / sizes.reshape(shape)
    return np.ascontiguousarray(found, np.float32)
