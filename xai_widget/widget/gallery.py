"""Gallery: every picture at a glance, with what the model says of it."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from xai_widget.page import Message
from xai_widget.session import Session
from xai_widget.shown import flat_picture
from xai_widget.widget.asking import Key
from xai_widget.widget.service import Service

if TYPE_CHECKING:
    from xai_widget.widget.line import Line

LONGEST_SIDE: Final = 96


class Gallery(Service):
    """Tells what the pictures are: all to a view that says hello, later the thumbnails of new ones alone."""

    def __init__(self, widget: "Line") -> None:
        super().__init__(widget)
        # By place: the session may change hands.
        self._thumbnails: dict[int, tuple[Session, bytes]] = {}

    def greet(self, language: str) -> None:
        """Tell a new view every picture, if there are several."""
        del language
        if len(self.widget.sessions) > 1:
            self.tell(range(len(self.widget.sessions)))

    def changed(self, session: int) -> None:
        """Tell what the changed model says."""
        del session
        if len(self.widget.sessions) > 1:
            self.tell(())

    def close(self) -> None:
        """Let go of the pictures."""
        self._thumbnails.clear()

    def show_anew(self) -> None:
        """Tell every picture again: other ones have taken their places."""
        self._thumbnails.clear()
        if len(self.widget.sessions) > 1:
            self.tell(range(len(self.widget.sessions)))

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        """Return every picture, if there are several."""
        del places
        count = len(self.widget.sessions)
        return [self._message(range(count))] if count > 1 else []

    def said(self, index: int, session: Session) -> tuple[int, str, float]:
        """Return what the model says of a picture: class, its label, its probability."""
        del index
        return session.predictions()[0]

    def tell(self, new: range | tuple[int, ...]) -> None:
        """Tell every picture, with the thumbnails of those that are `new` to the page."""
        self.widget.tell(*self._message(new))

    def _message(self, new: range | tuple[int, ...]) -> Message:
        buffers: list[memoryview] = []
        items: list[dict[str, Any]] = []
        for index, (session, spot) in enumerate(zip(self.widget.sessions, self.widget.spots, strict=True)):
            predicted, label, probability = self.said(index, session)
            item = {
                "name": spot.title,
                "model": session.facts.model,
                "picture": spot.picture,
                "predicted": predicted,
                "label": label,
                "probability": probability,
                "expected": spot.expected,
                "buffer": None,
            }
            if index in new:
                item["buffer"] = len(buffers)
                buffers.append(memoryview(self._thumbnail(index, session)))
            items.append(item)
        return {"kind": "gallery", "request_id": None, "items": items}, buffers

    def _thumbnail(self, index: int, session: Session) -> bytes:
        known = self._thumbnails.get(index)
        if known is None or known[0] is not session:
            image = session.inputs[0]
            known = self._thumbnails[index] = (session, thumbnail(flat_picture(image.picture, image.affine)))
        return known[1]


def thumbnail(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """Return a PNG of `picture`, uint8 `[H, W, 3]`, of at most 96 pixels a side."""
    small = Image.fromarray(picture)
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    small.save(file, "PNG")
    return file.getvalue()
