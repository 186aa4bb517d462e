"""Comparing: several questions at once, each answer pinned."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

from xai_widget.attribution import Attribution
from xai_widget.explainers import Layer, Method, build_method
from xai_widget.session import Session
from xai_widget.targets import Target
from xai_widget.widget.answering import Answering
from xai_widget.widget.asking import Key, Wish, as_key
from xai_widget.widget.jobs import Job
from xai_widget.widget.pins import MOST, Pins
from xai_widget.widget.protocol import RequestId, ack, status
from xai_widget.widget.service import Service
from xai_widget.widget.settings import target_from_json


class Comparisons(Service):
    """Asks several questions in one run, which can be cancelled: what is there by then stays pinned."""

    hears: ClassVar[tuple[str, ...]] = ("compare",)

    def hear(self, kind: str, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Start a comparison."""
        del buffers
        targets = content.get("targets")
        wishes = self.plan(
            content.get("methods"),
            content.get("layers"),
            None if targets is None else [target_from_json(each) for each in targets],
        )
        self.start(wishes)
        self.widget.tell(ack(kind, request_id, f"Comparing {len(wishes)}"))

    def plan(
        self,
        methods: Sequence[str | Method] | None,
        layers: Sequence[Layer] | None,
        targets: Sequence[Target] | None,
    ) -> list[Wish]:
        """Return the questions, methods first; what is left out is as it is set now.

        Raises
        ------
        ValueError, TypeError
            One of them cannot be asked; nothing has been computed.
        """
        widget = self.widget
        wanted = {
            "methods": _listed("methods", methods, [widget.method]),
            "layers": _listed("layers", layers, [widget.layer]),
            "targets": _listed("targets", targets, [widget.target]),
        }
        wishes: dict[Any, Wish] = {}
        for name in wanted["methods"]:
            method = self._method(name)
            if (reason := method.refuses(widget.session.facts)) is not None:
                raise ValueError(f"{method.label} cannot be compared: {reason}")
            places = self._layers(method, wanted["layers"], given=layers is not None)
            # A method that is the same for every class answers once.
            for target in wanted["targets"] if method.class_specific else wanted["targets"][:1]:
                widget.session.question(target)
                for layer in places:
                    wish = Wish(widget.active, method, target, layer)
                    wishes.setdefault(wish.key, wish)
        held = len(widget.service(Pins).held)
        if held + len(wishes) > MOST:
            message = f"These would be {len(wishes)} maps beside {held} pinned ones; at most {MOST} can be compared."
            raise ValueError(f"{message} Name fewer, or let some go with unpin().")
        return list(wishes.values())

    def _method(self, name: str | Method) -> Method:
        widget = self.widget
        if isinstance(name, str) and name == widget.method:
            return build_method(name, widget.params, widget.offered)
        return build_method(name, {}, widget.offered)

    def _layers(self, method: Method, layers: Sequence[Layer], *, given: bool) -> list[Layer]:
        if not method.uses_layer:
            return [None]
        for layer in layers:
            try:
                self.widget.session.layer_names(method, layer)
            except (ValueError, TypeError) as error:
                hint = "" if given else " Pass layers=[...]."
                raise type(error)(f"{method.label} at {layer!r} cannot be compared: {error}{hint}") from error
        return [as_key(layer) for layer in layers]

    def start(self, wishes: Sequence[Wish]) -> tuple[Job, dict[Key, Attribution]]:
        """Ask the questions, as a run of their own; returns it, and where the answers will be."""
        found: dict[Key, Attribution] = {}
        return self.widget.asker.perform(lambda name: self._steps(name, wishes, found)), found

    def _steps(self, name: RequestId, wishes: Sequence[Wish], found: dict[Key, Attribution]) -> Iterator[None]:
        asker, pins = self.widget.asker, self.widget.service(Pins)
        session = asker.sessions[wishes[0].session]
        if session.refresh():
            asker.changed(wishes[0].session)
        for _, alike in groupby(wishes, key=lambda wish: (wish.method, wish.target)):
            for wish, attribution in self._answers(session, list(alike)):
                share = (len(found) + (0.0 if attribution is None else attribution.meta["fraction"])) / len(wishes)
                message = f"Comparing {len(found) + 1} of {len(wishes)}: {wish.method.label}"
                asker.tell(name, status("running", name, fraction=share, message=message))
                if attribution is not None and attribution.meta["fraction"] >= 1:
                    found[wish.key] = attribution
                    asker.keep(wish, attribution)
                    pins.add(wish, attribution)
                yield
        asker.show_again(name)

    def _answers(self, session: Session, wishes: Sequence[Wish]) -> Iterator[tuple[Wish, Attribution | None]]:
        """Yield questions that differ in their layer alone: before, while, and when they are answered.

        Those that are still to be answered at single layers share one forward.
        """
        known = {wish.key: found for wish in wishes if (found := self.widget.asker.finished.get(wish.key)) is not None}
        single = [str(wish.layer) for wish in wishes if wish.key not in known and isinstance(wish.layer, str)]
        case = session.case(wishes[0].method, [wishes[0].target], single) if len(single) > 1 else None
        try:
            for wish in wishes:
                yield wish, None
                if wish.key in known:
                    yield wish, known[wish.key]
                elif case is not None and isinstance(wish.layer, str):
                    case.capture()
                    for (attribution,) in session.attributions(wish.method, case.with_layers((wish.layer,))):
                        yield wish, attribution
                else:
                    for (attribution,) in session.run(wish.method, [wish.target], wish.layer):
                        yield wish, attribution
        finally:
            if case is not None:
                case.memory.release()


def _listed(name: str, given: Any, present: list[Any]) -> list[Any]:
    if given is None:
        return present
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        example = {"methods": "['grad_cam', 'occlusion']", "layers": "['layer3', 'layer4']", "targets": "[0, 1]"}[name]
        message = f"{name} must be a list such as {example}, or left out for the present setting; got {given!r}."
        raise TypeError(message)
    return list(given)


class Comparing(Answering):
    """The part of the widget that compares maps, as Python uses it."""

    @property
    def pinned(self) -> list[Attribution]:
        """The pinned attributions, in order."""
        return [pin.attribution for pin in self.service(Pins).held.values()]

    def pin(self) -> Attribution:
        """Pin the attribution for the current settings, explaining first if need be, and return it.

        Examples
        --------
        >>> from xai_widget import XaiWidget, examples
        >>> w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
        >>> w.pin().label, len(w.pinned)
        ('cat', 1)
        """
        wish = self.wish()
        return self.service(Pins).add(wish, self.explain()).attribution

    def unpin(self, number: int | None = None) -> None:
        """Let go of the pin of that number (see the trait `pins`), or of all.

        Raises
        ------
        ValueError
            There is no such pin.
        """
        self.service(Pins).remove(number)

    def compare(
        self,
        methods: Sequence[str | Method] | None = None,
        layers: Sequence[Layer] | None = None,
        targets: Sequence[Target] | None = None,
    ) -> list[Attribution]:
        """Explain every combination, pin each map, and return them; blocks, and Kernel > Interrupt stops it.

        What is left out is as it is set now. A method that reads no layer is asked once for all `layers`, one that is
        the same for every class once for all `targets`. Maps that are there when it is stopped stay pinned.

        Parameters
        ----------
        methods : sequence of str or Method, optional
            Ids; the one that is set keeps its parameters, all others have their own.
        layers : sequence of str, optional
            Each a layer, or a list of layers that are fused; None stands for the method's default.
        targets : sequence of int, str, Contrast or callable, optional
            Each a target; None stands for the predicted class.

        Raises
        ------
        ValueError, TypeError
            A combination that cannot be asked, before anything is computed.
        RuntimeError
            The comparison was cancelled in the page, or superseded.

        Examples
        --------
        >>> from xai_widget import XaiWidget, examples
        >>> w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
        >>> [a.layer for a in w.compare(layers=["layer1", "layer2"])]
        ['layer1', 'layer2']
        """
        comparisons = self.service(Comparisons)
        wishes = comparisons.plan(methods, layers, targets)
        job, found = comparisons.start(wishes)
        self._finish(job, "The comparison was {} before it was complete; what is there is in `pinned`.")
        return [found[wish.key] for wish in wishes]
