"""What a widget is given: models and pictures become sessions."""

from typing import Any

from xai_widget.binding import Binding
from xai_widget.page import check_viewable
from xai_widget.session import Session


def open_sessions(model: Any, img: Any, binding: Binding) -> tuple[tuple[Session, ...], list[str]]:
    """Return the sessions of one model and several pictures, or of several models and one picture, with their names.

    Raises
    ------
    ValueError
        None of either, several of both, or a volume.
    """
    models = list(model) if isinstance(model, list | tuple) else [model]
    images = list(img) if isinstance(img, list | tuple) else [img]
    if not models or not images:
        message = "XaiWidget needs at least one model and one image."
        raise ValueError(message)
    if len(models) > 1 and len(images) > 1:
        message = "Pass several models and one image, or one model and several images, not several of both."
        raise ValueError(message)
    sessions = tuple(Session.open(one, picture, binding) for one in models for picture in images)
    for session in sessions:
        check_viewable(session)
    if len(models) > 1:
        return sessions, [f"{session.facts.model} {place}" for place, session in enumerate(sessions, 1)]
    return sessions, [session.inputs[0].name for session in sessions]
