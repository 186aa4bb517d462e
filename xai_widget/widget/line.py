"""Line: what the widget tells its page, and what it hears from it."""

import contextlib
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, ClassVar, TypeVar

import anywidget
import traitlets

from xai_widget.attribution import Attribution
from xai_widget.explainers import Method
from xai_widget.page import Message, bundle, is_quick, method_payload, result_payload, session_payload
from xai_widget.session import Session
from xai_widget.widget.asking import Asker, Wish
from xai_widget.widget.jobs import Outcome
from xai_widget.widget.opening import Spot
from xai_widget.widget.protocol import CLIENT_KINDS, SETTINGS, RequestId, Status, ack, error_report, in_words
from xai_widget.widget.service import Service
from xai_widget.widget.settings import Settings, first_method

S = TypeVar("S", bound=Service)


class Line(Settings, anywidget.AnyWidget):
    """Settings that a page shares, with an `Asker` whose news it is told."""

    asker: Asker
    services: Sequence[Service] = ()
    names: list[str]
    # One a session; empty where no pictures can be added.
    spots: tuple[Spot, ...] = ()
    _awake: bool
    # A page that is there before a view is hears what the view will show, if there will be one soon.
    _displayed: bool = False
    # Those that have said hello, and hear everything since.
    _pages: set[str]
    # The classes of the services, which know this one.
    _offers: ClassVar[tuple[type[Service], ...]] = ()

    def _begin(
        self, sessions: Sequence[Session], names: Sequence[str], offered: Mapping[str, type[Method]], **settings: Any
    ) -> None:
        """Take the settings, those given as None by default, and start listening."""
        self._esm, self._css = bundle()
        self.sessions, self.names, self.offered = tuple(sessions), list(names), offered
        self._awake = False
        self._pages = set()
        self.asker = Asker(self.sessions, self)
        self.services = [make(self) for make in self._offers]
        self.on_msg(self._message_came)  # a page may say hello as soon as it hears of this
        given = {name: value for name, value in settings.items() if value is not None}
        defaults = {"method": first_method(offered, sessions[0]), "view": {}}
        super().__init__(**{**defaults, **given})
        self.observe(self._setting_changed, names=list(SETTINGS))
        self.observe(self._on_auto_runs, names="auto_runs")

    def service(self, kind: type[S]) -> S:
        """Return the service of a kind."""
        return next(each for each in self.services if isinstance(each, kind))

    # -- running ----------------------------------------------------------------------------------------------------

    def _setting_changed(self, change: Any) -> None:
        if change.name == "active":
            self._send_session(None)
        elif change.name in {"method", "params"}:
            self._send_method()
        if self._awake and self.auto_run:
            self._start_by_itself()

    def _on_auto_runs(self, _change: Any) -> None:
        if self._awake and self.auto_run and self.status["state"] == "idle":
            self._start_by_itself()

    def _start_by_itself(self) -> None:
        """Start a run if it may start without being told to; else say what it would take."""
        with contextlib.suppress(ValueError, TypeError):  # a setting that cannot be used is told by the run
            if (seconds := self._waits(self.wish())) is not None:
                self._awake = True
                self.asker.hold(f"About {in_words(seconds)}: press Run" if isfinite(seconds) else "Press Run")
                return
        self._start()

    def _waits(self, wish: Wish) -> float | None:
        """Return the seconds that a wish would take, if it waits for Run; None if it may start by itself."""
        said = self.auto_runs.get(wish.method.id)
        if said or wish.key in self.asker.finished:
            return None
        _, seconds = self.sessions[wish.session].cost(wish.method, wish.layer)
        return None if said is None and is_quick(seconds) else seconds

    def _start(self, request_id: RequestId = None) -> None:
        """Start a run for the current settings; a setting that cannot be used is an error in the page."""
        self._awake = True
        try:
            wish = self.wish()
        except (ValueError, TypeError) as error:
            self.asker.refuse(error, request_id)
        else:
            self.asker.ask(wish, request_id)

    # -- telling ----------------------------------------------------------------------------------------------------

    def report_status(self, news: Status) -> None:
        """Show a new state or progress."""
        with self.asker.lock:
            self.set_trait("status", dict(news))

    def report_session(self, index: int) -> None:
        """Show what a changed model says."""
        for service in self.services:
            service.changed(index)
        if index == self.active:
            self._send_session(None)

    def report_result(self, request_id: RequestId, wish: Wish, attribution: Attribution) -> None:
        """Show a map."""
        payload, buffers = result_payload(attribution, wish.session, wish.method.label)
        self.send({"kind": "result", "request_id": request_id, "result": payload}, buffers)
        if payload["final"]:
            for service in self.services:
                service.answered(wish, attribution, request_id)

    def report_error(self, request_id: RequestId, error: BaseException) -> None:
        """Show what went wrong."""
        self.send({"kind": "error", "request_id": request_id, "error": error_report(error)})

    def report_end(self, request_id: RequestId, outcome: Outcome) -> None:
        """Tell that a run brings nothing more."""
        self.send({"kind": outcome, "request_id": request_id})

    def _session_message(self, session: Session, index: int) -> Message:
        chosen = self._chosen()
        methods = [chosen if name == self.method else cls() for name, cls in self.offered.items()]
        return session_payload(session, index, self.names, methods)

    def _send_method(self) -> None:
        """Describe the method with its present parameters: what it costs, and whether it reads a layer, may differ."""
        with contextlib.suppress(ValueError, TypeError):  # a setting that cannot be used is told by the run
            payload = method_payload(self.session, self._chosen())
            self.send({"kind": "method", "request_id": None, "session": self.active, "method": payload})

    def _send_session(self, request_id: RequestId) -> None:
        payload, buffers = self._session_message(self.session, self.active)
        self.send({"kind": "session", "request_id": request_id, "session": payload}, buffers)

    # -- hearing ----------------------------------------------------------------------------------------------------

    def tell(self, content: Mapping[str, Any], buffers: Sequence[memoryview] = ()) -> None:
        """Send a message to the page, in order with everything else that is told."""
        with self.asker.lock:
            self.send(dict(content), list(buffers))

    def _message_came(self, _widget: Any, content: Any, buffers: Any) -> None:
        if not isinstance(content, dict):
            content = {}
        kind, request_id = content.get("kind"), content.get("request_id")
        match kind:
            case "hello":
                page, language = str(content.get("page", "")), str(content.get("language", ""))
                self._say_hello(request_id, language, page=page, view=content.get("view") is not False)
            case "run":
                self.send(ack("run", request_id))
                self._start(request_id)
            case "cancel":
                stopped = self.asker.cancel()
                self.send(ack("cancel", request_id, "Stopping" if stopped else "Nothing is running"))
            case _ if (service := next((each for each in self.services if kind in each.hears), None)) is not None:
                try:
                    service.hear(kind, request_id, content, buffers or ())
                except (ValueError, TypeError, RuntimeError) as error:
                    self.report_error(request_id, error)
            case _:
                message = f"Unknown message {kind!r}; expected one of {', '.join(CLIENT_KINDS)}. Reload the page."
                self.send({"kind": "error", "request_id": request_id, "error": error_report(ValueError(message))})

    def _say_hello(self, request_id: RequestId, language: str, *, page: str = "", view: bool = True) -> None:
        """Bring a new page up to date, and start what a new view is to show; nothing that is known is computed again."""
        asker = self.asker
        with asker.lock:  # what a run tells meanwhile comes after
            if (view or self._displayed) and (not page or page not in self._pages):
                self._pages.add(page)
                self._bring_up_to_date(request_id, language)
            self.send(ack("hello", request_id))
            if view and asker.latest is None and asker.failure is None and asker.job is None and self.auto_run:
                self._start_by_itself()

    def _bring_up_to_date(self, request_id: RequestId, language: str) -> None:
        asker = self.asker
        for service in self.services:
            service.speak(language)
        self._send_session(request_id)
        for service in self.services:
            service.greet(language)
        if asker.latest is not None and asker.latest[0].session == self.active:
            wish, attribution, run = asker.latest
            self.report_result(run, wish, attribution)
        if asker.failure is not None:
            self.report_error(*asker.failure)
        self.send_state("status")

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take settings from the page; what cannot be used is refused there, and nothing changes here."""
        try:
            _refuse_status(sync_data)
            with self.asker.lock:
                super().set_state(sync_data)
        except (ValueError, TypeError, traitlets.TraitError) as error:
            self.report_error(None, error)
            self.send_state(list(sync_data))

    def open(self) -> None:
        """Open the line to the page; a setting that cannot be used is told before, and leaves no widget behind."""
        if self.comm is None:
            self.wish()
        super().open()
        # From 7.4 on, ipykernel brings a page's next message to the shell that published last. That may be the one
        # where a long cell runs, and Cancel would wait for its end. Without a route of its own, a message goes to the
        # subshell that the page names. No public switch does this; a kernel test notices if it stops working.
        self.comm._reply_subshell_for = None  # noqa: SLF001


def _refuse_status(sync_data: Mapping[str, Any]) -> None:
    if "status" in sync_data:
        message = "The status is the kernel's to tell; a page can ask for a run or a cancel."
        raise traitlets.TraitError(message)
