"""Pins: maps that stay, to be compared."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

import numpy as np

from xai_widget.attribution import Attribution
from xai_widget.page import Message, result_payload
from xai_widget.shown import TILE, Shown, shown_payload
from xai_widget.widget.asking import Key, Wish
from xai_widget.widget.protocol import ack
from xai_widget.widget.service import Service

if TYPE_CHECKING:
    from xai_widget.widget.line import Line

# As many as a page can still draw, and a person compare.
MOST: Final = 64

Question: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Pin:
    """A map that stays.

    Attributes
    ----------
    number : int
        Its name, never used again.
    wish : Wish
        The question.
    attribution : Attribution
        The answer, final.
    picture, model : str
        What it is about, in words.
    earlier : bool
        Whether the model has changed since.
    """

    number: int
    wish: Wish
    attribution: Attribution
    picture: str
    model: str
    earlier: bool = False

    @property
    def question(self) -> Question:
        """Equal for equal questions, however they were put: the predicted class is also one of the classes."""
        return _question(self.wish, self.attribution)


class Pins(Service):
    """Keeps maps, and tells them to every view.

    They outlive what the asker remembers. A view that says hello hears all of them; the picture of a session that is
    not the one shown travels with its first map.
    """

    hears: ClassVar[tuple[str, ...]] = ("pin", "unpin", "arrange")

    def __init__(self, widget: "Line") -> None:
        super().__init__(widget)
        self.held: dict[int, Pin] = {}
        self._next = 1

    def hear(self, kind: str, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Pin the map that is shown, let go of pins, or put them into another order."""
        del buffers
        if kind == "pin":
            self.pin_shown()
        elif kind == "unpin":
            self.remove(content.get("pin"))
        else:
            self.arrange(content.get("pins"))
        self.widget.tell(ack(kind, request_id))

    def pin_shown(self) -> Pin:
        """Pin the map that the page shows.

        Raises
        ------
        ValueError
            There is none, or it is not complete.
        """
        latest = self.widget.asker.latest
        if latest is None or latest[0].session != self.widget.active:
            message = "There is no heat map to pin yet; run the method first."
            raise ValueError(message)
        wish, attribution, _ = latest
        if attribution.meta["fraction"] < 1:
            message = "This map is not complete yet; wait for its end, then pin it."
            raise ValueError(message)
        return self.add(wish, attribution)

    def add(self, wish: Wish, attribution: Attribution) -> Pin:
        """Pin a final map; an equal question that is pinned already keeps its place."""
        with self.widget.asker.lock:
            question = _question(wish, attribution)
            same = next((each for each in self.held.values() if each.question == question and not each.earlier), None)
            if same is not None and same.attribution is attribution:
                return same
            number = self._number() if same is None else same.number
            session = self.widget.sessions[wish.session]
            spots = self.widget.spots
            title = spots[wish.session].title if spots else session.inputs[0].name
            pin = Pin(number, wish, attribution, title, session.facts.model)
            self.held[number] = pin
            self._tell(pin, with_picture=wish.session != self.widget.active)
            self._tell_order()
            return pin

    def _number(self) -> int:
        if len(self.held) >= MOST:
            message = f"{MOST} maps are pinned, which is as many as there may be; let some go with unpin()."
            raise ValueError(message)
        self._next += 1
        return self._next - 1

    def remove(self, number: object = None) -> None:
        """Let go of one pin, or of all.

        Raises
        ------
        ValueError
            There is no such pin.
        """
        with self.widget.asker.lock:
            if number is None:
                self.held.clear()
            elif isinstance(number, int) and number in self.held:
                del self.held[number]
            else:
                raise ValueError(f"There is no pin {number!r}. {self._known()}")
            self._tell_order()

    def arrange(self, order: object) -> None:
        """Put the pins into another order.

        Raises
        ------
        ValueError
            These are not the pins.
        """
        with self.widget.asker.lock:
            if not isinstance(order, list) or sorted(order, key=str) != sorted(self.held, key=str):
                raise ValueError(f"An order names every pin once; got {order!r}. {self._known()}")
            self.held = {number: self.held[number] for number in order}
            self._tell_order()

    def greet(self, language: str) -> None:
        """Tell a new view every pin."""
        del language
        for content, buffers in self._messages(self.widget.active):
            self.widget.tell(content, buffers)

    def changed(self, session: int) -> None:
        """Mark the pins of a model that has changed."""
        for number, pin in self.held.items():
            if pin.wish.session == session and not pin.earlier:
                self.held[number] = replace(pin, earlier=True)
                self._tell(self.held[number], with_picture=session != self.widget.active)

    def close(self) -> None:
        """Let go of every map."""
        self.held.clear()

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        """Return every pin, with the pictures."""
        del places
        return self._messages(None)

    def _messages(self, drawn: int | None) -> list[Message]:
        """Return every pin; the picture of each session once, and not that of `drawn`, which the page has."""
        told: set[int | None] = {drawn}
        found = []
        for pin in self.held.values():
            found.append(self._message(pin, with_picture=pin.wish.session not in told))
            told.add(pin.wish.session)
        return found

    def _tell(self, pin: Pin, *, with_picture: bool) -> None:
        self.widget.tell(*self._message(pin, with_picture=with_picture))

    def _tell_order(self) -> None:
        self.widget.set_trait("pins", list(self.held))

    def _message(self, pin: Pin, *, with_picture: bool) -> Message:
        result, buffers = result_payload(pin.attribution, pin.wish.session, pin.wish.method.label)
        shown = pinned_picture(pin.attribution, len(buffers)) if with_picture else None
        pinned = {
            "pin": pin.number,
            "result": result,
            "name": pin.picture,
            "model": pin.model,
            "earlier": pin.earlier,
            "picture": shown and shown.picture,
            "volume": shown and shown.volume,
        }
        pixels = [shown.pixels] if shown is not None else []
        return {"kind": "pinned", "request_id": None, "pinned": pinned}, [*buffers, *pixels]

    def _known(self) -> str:
        if not self.held:
            return "Nothing is pinned."
        return f"Pinned: {', '.join(map(str, self.held))}."


def pinned_picture(attribution: Attribution, buffer: int) -> Shown:
    """Return what is below a map as it travels, in buffer number `buffer`; of a volume, a coarse copy."""
    return shown_payload(np.asarray(attribution.image), attribution.affine, buffer, longest=TILE)


def _question(wish: Wish, attribution: Attribution) -> Question:
    target = attribution.target
    return (
        wish.session,
        wish.method,
        target if isinstance(target, Hashable) else id(target),
        attribution.layer,
    )
