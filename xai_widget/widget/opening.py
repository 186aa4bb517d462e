"""What a widget is given: models and pictures become sessions, each in its spot."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from xai_widget.binding import Binding
from xai_widget.session import Ahead, Session


@dataclass(frozen=True)
class Spot:
    """Where a session belongs.

    Attributes
    ----------
    picture, model : int
        Which of the pictures, and which of the models.
    title : str
        The picture's name.
    expected : int or None
        The right class, where it was told.
    own : bool
        Whether the picture was brought through the page.
    """

    picture: int
    model: int
    title: str
    expected: int | None = None
    own: bool = False


def open_sessions(
    model: Any, img: Any, binding: Binding, expected: Any = None, ahead: Ahead = None
) -> tuple[tuple[Session, ...], list[str], tuple[Spot, ...]]:
    """Return the sessions of one model and several pictures, or of several models and one picture; names and spots.

    `ahead` is what the first of them will be asked first.

    Raises
    ------
    ValueError, TypeError
        None of either, several of both, a picture that cannot be read (the message says which one), or
        right classes that are no classes of the model or not one a picture.
    """
    models = list(model) if isinstance(model, list | tuple) else [model]
    images = list(img) if isinstance(img, list | tuple) else [img]
    if not models or not images:
        message = "XaiWidget needs at least one model and one image."
        raise ValueError(message)
    if len(models) > 1 and len(images) > 1:
        message = "Pass several models and one image, or one model and several images, not several of both."
        raise ValueError(message)
    right = _one_each(expected, len(images))
    sessions: list[Session] = []
    spots: list[Spot] = []
    for at, one in enumerate(models):
        for place, picture in enumerate(images):
            session = _open(one, picture, binding, (place, len(images)), None if sessions else ahead)
            index = _expected_class(session, right[place], (place, len(images)))
            sessions.append(session)
            spots.append(Spot(place, at, session.inputs[0].name, index))
    numbered = _numbered(spots)
    return tuple(sessions), session_names(sessions, numbered), numbered


def open_another(session: Session, picture: Image.Image) -> Session:
    """Return a session of the same model on another picture; a mask belonged to the first one."""
    return Session.open(session.model, picture, replace(session.binding, mask=None))


def session_names(sessions: Sequence[Session], spots: Sequence[Spot]) -> list[str]:
    """Return what sessions are called: by their pictures, by their models, or by both where there are several."""
    several_models = len({spot.model for spot in spots}) > 1
    several_pictures = len({spot.picture for spot in spots}) > 1
    names = []
    for session, spot in zip(sessions, spots, strict=True):
        model = f"{session.facts.model} {spot.model + 1}"
        parts = ([model] if several_models else []) + ([spot.title] if several_pictures or not several_models else [])
        names.append(" · ".join(parts))
    return names


def _numbered(spots: Sequence[Spot]) -> tuple[Spot, ...]:
    """Return spots whose pictures can be told apart: arrays have no names of their own."""
    titles = Counter(spot.title for spot in spots if spot.model == 0)
    return tuple(
        replace(spot, title=f"{spot.title} {spot.picture + 1}") if titles[spot.title] > 1 else spot for spot in spots
    )


def _open(model: Callable[..., Any], picture: Any, binding: Binding, which: tuple[int, int], ahead: Ahead) -> Session:
    try:
        session = Session.open(model, picture, binding, ahead)
        session.predictions()  # here, where it is known which picture fails
    except (ValueError, TypeError) as error:
        if which[1] == 1:
            raise
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{_which(which)} ({_name(picture)}): {error}") from error
    except Exception as error:
        if which[1] > 1:
            error.add_note(f"This was {_which(which)} ({_name(picture)}).")
        raise
    return session


def _which(which: tuple[int, int]) -> str:
    return f"Picture {which[0]} of {which[1]}, counted from 0"


def _name(picture: Any) -> str:
    path = picture if isinstance(picture, str | os.PathLike) else getattr(picture, "filename", None)
    return repr(Path(path).name) if path else type(picture).__name__


def _one_each(expected: Any, count: int) -> list[Any]:
    """Return the right classes, one a picture."""
    if expected is None:
        return [None] * count
    several = isinstance(expected, Sequence | np.ndarray) and not isinstance(expected, str)
    found = list(expected) if several else [expected]
    if len(found) != count:
        message = (
            f"expected must hold one class for each of the {count} pictures, None where it is unknown; got"
            f" {len(found)}."
        )
        raise ValueError(message)
    return found


def _expected_class(session: Session, given: Any, which: tuple[int, int]) -> int | None:
    if given is None:
        return None
    try:
        question = session.question(given)
    except (ValueError, TypeError) as error:
        raise type(error)(f"expected[{which[0]}]: {error}") from error
    if question.index is None or question.foil is not None:
        message = f"expected[{which[0]}] must be one class, by index or label; got {given!r}."
        raise TypeError(message)
    return question.index
