"""Others: where there are several models, all of them are asked what one was asked."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from xai_widget.attribution import Attribution
from xai_widget.explainers import Layer
from xai_widget.page import Message, result_payload
from xai_widget.session import Session
from xai_widget.targets import Contrast, Target
from xai_widget.widget.asking import Wish
from xai_widget.widget.pins import pinned_picture
from xai_widget.widget.protocol import RequestId, error_report
from xai_widget.widget.service import Service

if TYPE_CHECKING:
    from xai_widget.widget.line import Line


class Others(Service):
    """Asks the other models about the same picture, whenever a map is complete, and tells their maps beside it."""

    def __init__(self, widget: "Line") -> None:
        super().__init__(widget)
        self._question: RequestId = None

    def answered(self, wish: Wish, attribution: Attribution, request_id: RequestId) -> None:
        """Ask the same of every other model."""
        del attribution
        others = self._others(wish.session)
        if others:
            self._question = request_id
            self.widget.asker.beside("others", None, lambda: self._steps(request_id, wish, others))

    def _others(self, session: int) -> list[int]:
        """Return the sessions of the same picture."""
        spots = self.widget.spots
        if not spots:
            return []
        return [at for at, spot in enumerate(spots) if spot.picture == spots[session].picture and at != session]

    def _steps(self, of: RequestId, wish: Wish, others: list[int]) -> Iterator[None]:
        asker = self.widget.asker
        asked = asker.sessions[wish.session]
        for index in others:
            yield
            session = asker.sessions[index]
            try:
                if session.refresh():
                    asker.changed(index)
                same = _translated(wish, asked, session, index)
                attribution = asker.finished.get(same.key)
                for (newer,) in session.run(same.method, [same.target], same.layer) if attribution is None else ():
                    attribution = newer
                    yield
            except Exception as error:  # noqa: BLE001 - one model that cannot answer must not keep the others from it
                self._tell(of, index, {"error": error_report(error)})
                continue
            if attribution is not None:
                asker.keep(same, attribution)
                self._tell(of, index, {"attribution": attribution, "title": same.method.label})

    def _tell(self, of: RequestId, index: int, answer: dict[str, Any]) -> None:
        with self.widget.asker.lock:
            if of == self._question:
                self.widget.tell(*self._message(of, index, answer))

    def _message(self, of: RequestId, index: int, answer: dict[str, Any]) -> Message:
        session = self.widget.sessions[index]
        attribution: Attribution | None = answer.get("attribution")
        other: dict[str, Any] = {
            "of": of,
            "session": index,
            "model": session.facts.model,
            "error": answer.get("error"),
            "result": None,
            "picture": None,
            "volume": None,
            "probability": None,
        }
        message = {"kind": "other", "request_id": None, "other": other}
        if attribution is None:
            return message, []
        other["result"], buffers = result_payload(attribution, index, answer["title"])
        pixels: list[memoryview] = []
        if not np.array_equal(session.inputs[0].picture, self.widget.session.inputs[0].picture):
            shown = pinned_picture(attribution, len(buffers))
            other["picture"], other["volume"], pixels = shown.picture, shown.volume, [shown.pixels]
        if isinstance(attribution.target, int):
            other["probability"] = float(session.probabilities[0][attribution.target])
        return message, [*buffers, *pixels]


def _translated(wish: Wish, asked: Session, session: Session, index: int) -> Wish:
    """Return the question for another model: of the class of that name, at the layer of that name if it has one."""
    target = wish.target
    if asked.labels != session.labels:
        target = _by_label(target, asked)
    else:
        target = asked.question(None).index if target is None else target
    return Wish(index, wish.method, target, _layer(wish, session))


def _by_label(target: Target, asked: Session) -> Target:
    question = asked.question(target)
    if question.index is None:
        return target
    if question.foil is None:
        return asked.labels[question.index]
    return Contrast(asked.labels[question.index], asked.labels[question.foil])


def _layer(wish: Wish, session: Session) -> Layer:
    if wish.layer is None or not wish.method.uses_layer:
        return None
    try:
        session.layer_names(wish.method, wish.layer)
    except (ValueError, TypeError):
        return None
    return wish.layer
