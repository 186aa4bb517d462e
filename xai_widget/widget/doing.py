"""Doing: answers what happens when places of the picture are covered, and which places matter most."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xai_widget.attribution import Attribution
from xai_widget.covering import COVER_FILLS, CoverFill, Mask, Regions, check_picture, covered, measured_regions
from xai_widget.page import Message
from xai_widget.session import Session
from xai_widget.widget.asking import REMEMBERED, Key
from xai_widget.widget.protocol import RequestId
from xai_widget.widget.service import Service

if TYPE_CHECKING:
    from xai_widget.widget.line import Line


class Doing(Service):
    """Answers `probe` between the steps of a long run, and `regions` after it; keeps `brush_mask` and page together."""

    hears: ClassVar = ("probe", "regions")

    def __init__(self, widget: "Line") -> None:
        super().__init__(widget)
        self._known: OrderedDict[Key, tuple[Attribution, Regions]] = OrderedDict()
        # The page knows what it has painted itself.
        self._follows = False
        widget.observe(self._brush_changed, "brush_mask")
        widget.observe(self._picture_changed, "active")

    def hear(self, kind: str, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Answer what a covering does, or which regions matter."""
        if kind == "probe":
            self._probe(request_id, content, buffers)
        else:
            self._regions(request_id)

    def greet(self, language: str) -> None:
        """Tell a new view what is covered."""
        del language
        if self.widget.brush_mask is not None:
            self._tell_brush()

    def changed(self, session: int) -> None:
        """Forget what was measured with the model as it was."""
        for key in [key for key in self._known if key[0] == session]:
            del self._known[key]

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        """Return the regions that were measured of the maps in a page without a kernel."""
        with self.widget.asker.lock:
            known = list(self._known.items())
        return [_regions_message(None, key[0], places[key], found) for key, (_, found) in known if key in places]

    # -- covering ---------------------------------------------------------------------------------------------------

    def _probe(self, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        widget = self.widget
        index = _place_of(widget.sessions, content.get("session"))
        session = widget.sessions[index]
        check_picture(session)
        mask = _unpacked(content.get("shape"), buffers, session.inputs[0].picture.shape[:2])
        fill, keep = _fill_of(content.get("fill")), bool(content.get("keep"))

        def steps() -> Iterator[None]:
            if session.refresh():
                widget.asker.changed(index)
            probabilities = covered(session, mask, fill, keep=keep)
            answer = {"kind": "probed", "request_id": request_id, "session": index, "shape": [len(probabilities)]}
            widget.tell(answer, [probabilities.data])
            yield

        widget.asker.beside("probe", request_id, steps)
        if index == widget.active:
            self._follow(mask)

    def _follow(self, mask: Mask) -> None:
        known = self.widget.brush_mask
        if np.array_equal(mask, np.zeros_like(mask) if known is None else known):
            return
        self._follows = True
        try:
            self.widget.brush_mask = mask
        finally:
            self._follows = False

    def _brush_changed(self, _change: Any) -> None:
        if not self._follows:
            self._tell_brush()

    def _picture_changed(self, change: Any) -> None:
        """Uncover another picture; another model may look at the same one."""
        before, after = (self.widget.sessions[index].inputs[0].picture for index in (change.old, change.new))
        if self.widget.brush_mask is not None and not np.array_equal(before, after):
            self.widget.brush_mask = None

    def _tell_brush(self) -> None:
        widget = self.widget
        shape = widget.session.inputs[0].picture.shape[:2]
        mask = widget.brush_mask if widget.brush_mask is not None else np.zeros(shape, dtype=bool)
        content = {"kind": "brush", "request_id": None, "session": widget.active, "shape": list(shape)}
        widget.tell(content, [np.packbits(mask, bitorder="little").data])

    # -- regions ----------------------------------------------------------------------------------------------------

    def _regions(self, request_id: str) -> None:
        widget, asker = self.widget, self.widget.asker
        with asker.lock:
            latest = asker.latest
            if latest is None or latest[1].meta.get("fraction", 1) < 1:
                message = "There is no finished heat map to find regions in. Run the method, then ask again."
                raise ValueError(message)
            wish, attribution, run = latest
        session = widget.sessions[wish.session]
        check_picture(session)

        def steps() -> Iterator[None]:
            if session.refresh():
                asker.changed(wish.session)
                message = "The model has changed since this heat map was made. Run the method again."
                raise ValueError(message)
            known = self._known.get(wish.key)
            if known is None or known[0] is not attribution:
                known = attribution, (yield from measured_regions(session, attribution))
            with asker.lock:
                self._known[wish.key] = known
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
                widget.tell(*_regions_message(request_id, wish.session, run, known[1]))

        asker.beside("regions", request_id, steps)


def _place_of(sessions: Sequence[Session], index: Any) -> int:
    if not isinstance(index, int) or not 0 <= index < len(sessions):
        message = f"There is no picture {index!r}; expected 0 ... {len(sessions) - 1}. Reload the page."
        raise ValueError(message)
    return index


def _fill_of(name: Any) -> CoverFill:
    for fill in COVER_FILLS:
        if fill == name:
            return fill
    message = f"Unknown fill {name!r}; choose one of {', '.join(COVER_FILLS)}."
    raise ValueError(message)


def _unpacked(shape: Any, buffers: Sequence[memoryview], size: tuple[int, ...]) -> Mask:
    """Return a mask that came as bits, the first pixel in the lowest bit of the first byte."""
    pixels = int(np.prod(size))
    if list(size) != shape or not buffers or len(buffers[0]) != -(-pixels // 8):
        message = (
            f"A mask of this picture has the shape {list(size)} and a bit a pixel; got {shape!r}. Reload the page."
        )
        raise ValueError(message)
    bits = np.frombuffer(buffers[0], np.uint8)
    return np.unpackbits(bits, count=pixels, bitorder="little").astype(bool).reshape(size)


def _regions_message(request_id: RequestId, session: int, of: RequestId, found: Regions) -> Message:
    payload = {
        "session": session,
        "of": of,
        "shape": list(found.labels.shape),
        "quantity": found.quantity,
        "fill": found.fill,
        "regions": [
            {"box": list(each.box), "area": each.area, "before": each.before, "after": each.after}
            for each in found.regions
        ],
    }
    content = {"kind": "regions", "request_id": request_id, "regions": payload}
    return content, [np.ascontiguousarray(found.labels).data]
