"""Film: a strip of small maps, one for every layer, so that a layer can be chosen by what it shows."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from xai_widget.attribution import Attribution
from xai_widget.explainers import Method
from xai_widget.film import captured, in_one_pass, maps_of, readable_layers, shrunk, spread
from xai_widget.page import Message, wire_params, wire_target
from xai_widget.targets import Target
from xai_widget.widget.asking import Key, Wish
from xai_widget.widget.protocol import RequestId
from xai_widget.widget.service import Service

if TYPE_CHECKING:
    from xai_widget.widget.line import Line

# The sides of a small map, and how many fit into a strip that somebody looks through.
CELLS: Final = 28
# Small maps of volumes travel whole: no more than 32 kB each.
SOLID_CELLS: Final = 20
LAYERS: Final = 60
REMEMBERED: Final = 16


class _PausedError(Exception):
    """Somebody waits for something more urgent than the pass under way."""


class Film(Service):
    """Answers ``film``: the maps of all layers for the present method and target, from one pass of the model.

    It works in the least urgent lane and stops at the next layer for anything else: a pass that is not over begins anew
    then. The last answers are remembered:
    another layer is the same film, and the map of a layer that is chosen from it is there at once.
    """

    hears = ("film",)

    def __init__(self, widget: "Line") -> None:
        super().__init__(widget)
        self._made: OrderedDict[tuple[int, Method, Target], Message] = OrderedDict()

    def hear(self, kind: str, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Enqueue the film of the present settings.

        Raises
        ------
        ValueError
            The settings cannot be used, or the method needs a run of its own for every layer.
        """
        del kind, content, buffers
        wish = self.widget.wish()
        if not in_one_pass(self.widget.session, wish.method):
            message = f"{wish.method.label} has no maps of all layers from one pass. Choose a layer by its name."
            raise ValueError(message)
        self.widget.asker.beside("film", request_id, lambda: self._steps(request_id, wish))

    def changed(self, session: int) -> None:
        """Forget what was shown of a model that has changed."""
        for key in [key for key in self._made if key[0] == session]:
            del self._made[key]

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        """Return the films of those methods and targets whose maps the page has."""
        known = {key[:3] for key in places}
        return [
            ({"kind": "film", "request_id": None, "film": film}, buffers)
            for key, (film, buffers) in self._made.items()
            if key in known
        ]

    def _steps(self, request_id: RequestId, wish: Wish) -> Iterator[None]:
        asker, key = self.widget.asker, (wish.session, wish.method, wish.target)
        session = asker.sessions[wish.session]
        if session.refresh():
            asker.changed(wish.session)
        yield
        if (made := self._made.get(key)) is None:
            facts = session.facts
            usable = readable_layers(session, wish.method)
            names = spread(usable, LAYERS, wish.method.default_layer(session.facts))
            film: dict[str, Any] = {"session": wish.session, "method": wish.method.id}
            frames: list[dict[str, Any]] = []
            buffers: list[memoryview] = []
            while True:
                try:
                    case = captured(session, wish.method, wish.target, names, self._pause)
                    break
                except _PausedError:
                    yield
            yield
            maps: dict[Key, Attribution] = {}
            for name, attribution in maps_of(session, wish.method, case):
                maps[replace(wish, layer=name).key] = attribution
                values = attribution.values
                small = shrunk(values, CELLS if values.ndim == 2 else SOLID_CELLS)
                shape, place = list(small.shape), len(buffers)
                frames.append({"layer": name, "signed": attribution.signed, "shape": shape, "buffer": place})
                buffers.append(small.data)
                film |= {"params": wire_params(attribution.params), "target": wire_target(attribution.target)}
                yield
            film |= {"frames": frames, "left_out": len(usable) - len(names)}
            made = (film, buffers)
            # Another model, or another picture in its place, may have come meanwhile.
            if asker.sessions[wish.session : wish.session + 1] == (session,) and session.facts is facts:
                self._remember(key, made)
                asker.prepare(maps)
        else:
            self._made.move_to_end(key)
        film, buffers = made
        self.widget.tell({"kind": "film", "request_id": request_id, "film": film}, buffers)

    def _pause(self) -> None:
        if self.widget.asker.should_pause("film"):
            raise _PausedError

    def _remember(self, key: tuple[int, Method, Target], made: Message) -> None:
        self._made[key] = made
        while len(self._made) > REMEMBERED:
            self._made.popitem(last=False)
