"""XaiWidget: traits are state, messages are events."""

import io
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import anywidget
import traitlets
from PIL import Image

from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.engine import Forward
from xai_widget.explainers import Method
from xai_widget.page import bundle, check_viewable, result_payload, session_payload
from xai_widget.session import Layer, Session
from xai_widget.targets import Target
from xai_widget.widget.asking import Asker, Wish
from xai_widget.widget.jobs import Outcome
from xai_widget.widget.protocol import SETTINGS, RequestId, Status, ack, error_report
from xai_widget.widget.settings import Settings, first_method, offered_methods

# A chunk of model evaluations may not last longer: cancel must be prompt.
CHUNK_SECONDS: Final = 0.15
# How long the stored picture waits for a first heat map.
FIRST_ESTIMATE_SECONDS: Final = 2.0
# Ctrl-C is only seen between two waits.
POLL_SECONDS: Final = 0.1
SMALLEST_PICTURE: Final = 384


class XaiWidget(Settings, anywidget.AnyWidget):
    """Ask an image classifier why, in a notebook.

    Parameters
    ----------
    model : torch.nn.Module, callable, or list of them
        The classifier; it is left exactly as it was. Several are asked about the same picture.
    img : str, Path, PIL.Image, array, Tensor, or list of them
        The picture, or several.
    method : str, optional
        An id, see `methods()`. None: Grad-CAM, or the first method that works on this model.
    params : mapping, optional
        Parameters of the method.
    target : int, str, Contrast or callable, optional
        The class asked about. None: the predicted one.
    layer : str or sequence of str, optional
        Where activations are read. None: the method's default.
    transform, labels, mask, device, precision, forward, activation, dims
        As in `explain`.
    methods : sequence of str, optional
        Offer these methods only.
    controls : sequence of str, optional
        Show these parts only: "method", "layer", "params", "display", "predictions".
    locale : str, optional
        Language of the interface. None: the browser's.
    auto_run : bool
        Whether a changed setting starts a run by itself.

    Attributes
    ----------
    method, params, target, layer : traits
        The settings; set them, or use the controls.
    view : dict trait
        opacity, threshold, gamma, colormap, cells, mode: display only, computes nothing.
    status : dict trait
        {"state", "request_id", "fraction", "message", "eta_s"}.

    Raises
    ------
    ValueError, TypeError
        Before any compute, for anything that cannot be used; the message says what to do.

    Examples
    --------
    >>> from xai_widget import XaiWidget, examples
    >>> w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
    >>> w.explain().label
    'cat'
    """

    def __init__(
        self,
        model: Any,
        img: Any,
        *,
        method: str | None = None,
        params: Mapping[str, Any] | None = None,
        target: Target = None,
        layer: Layer = None,
        transform: Any = None,
        labels: Any = None,
        mask: Any = None,
        device: Any = None,
        precision: str = "float32",
        forward: Forward | None = None,
        activation: str | None = None,
        dims: int | None = None,
        methods: Sequence[str] | None = None,
        controls: Sequence[str] | None = None,
        locale: str | None = None,
        auto_run: bool = True,
        view: Mapping[str, Any] | None = None,
    ) -> None:
        binding = Binding(
            transform, labels, mask, device, precision, forward, activation, dims, chunk_seconds=CHUNK_SECONDS
        )
        sessions, names = _open_sessions(model, img, binding)
        offered = offered_methods(methods)
        settings = {"method": method, "params": params, "target": target, "layer": layer, "view": view}
        self._begin(sessions, names, offered, **settings, controls=controls, locale=locale, auto_run=auto_run)

    def _begin(
        self, sessions: Sequence[Session], names: Sequence[str], offered: Mapping[str, type[Method]], **settings: Any
    ) -> None:
        """Take the settings, those given as None by default, and start listening."""
        self._esm, self._css = bundle()
        self.sessions, self._names, self.offered = tuple(sessions), list(names), offered
        self._awake = False
        self._asker = Asker(self.sessions, self)
        given = {name: value for name, value in settings.items() if value is not None}
        defaults = {"method": first_method(offered, sessions[0]), "view": {}}
        super().__init__(**{**defaults, **given})
        self.observe(self._setting_changed, names=list(SETTINGS))
        self.on_msg(self._message_came)

    # -- asking from Python -----------------------------------------------------------------------------------------

    def explain(self) -> Attribution:
        """Return the attribution for the current settings; blocks, and Kernel > Interrupt stops it.

        Raises
        ------
        Exception
            Whatever the run raised.
        RuntimeError
            The run was cancelled in the page, or superseded.
        """
        self._awake = True
        wish = self.wish()
        if (found := self._known(wish)) is not None:
            return found
        job = self._asker.ask(wish)
        try:
            while not job.ended.wait(POLL_SECONDS):
                pass
        except KeyboardInterrupt:
            self._asker.cancel()
            raise
        if job.error is not None:
            raise job.error
        if job.outcome != "done":
            message = f"The run was {job.outcome} before it was complete; call explain() again."
            raise RuntimeError(message)
        return self._asker.finished[wish.key]

    @property
    def attribution(self) -> Attribution | None:
        """The final attribution for the current settings, or None while there is none."""
        return self._asker.finished.get(self.wish().key)

    @property
    def attributions(self) -> list[Attribution]:
        """Every final attribution so far, oldest first."""
        return list(self._asker.finished.values())

    @property
    def predictions(self) -> list[tuple[int, str, float]]:
        """(index, label, probability) of every class, best first."""
        return self.session.predictions()

    def cancel(self) -> None:
        """Stop the run, if there is one."""
        self._asker.cancel()

    def refresh(self) -> None:
        """Measure the model anew and forget every result, for changes that a look at the weights cannot notice."""
        for session in self.sessions:
            session.refresh(force=True)
        self._asker.forget()
        self._send_session(None)
        if self._awake:
            self._start()

    def snapshot(self) -> Image.Image:
        """Return the picture under the heat map as the page shows it (without a map yet: the picture)."""
        latest = self._asker.latest
        if latest is not None and latest[0].session == self.active:
            return Image.fromarray(latest[1].heat_map(self.view))
        return Image.fromarray(self.session.inputs[0].picture)

    def close(self) -> None:
        """Stop working and let go of the model, the pictures and the results."""
        asker = getattr(self, "_asker", None)
        if asker is not None:
            asker.cancel()
            asker.forget()
            self.sessions = asker.sessions = ()
        super().close()

    # -- running ----------------------------------------------------------------------------------------------------

    def _setting_changed(self, change: Any) -> None:
        if change.name == "active":
            self._send_session(None)
        if self._awake and self.auto_run:
            self._start()

    def _known(self, wish: Wish) -> Attribution | None:
        """Return the result of an equal wish, unless the model has changed since."""
        if self.session.refresh():
            self._asker.changed(self.active)
        return self._asker.finished.get(wish.key)

    def _start(self, request_id: RequestId = None) -> None:
        """Start a run for the current settings; a setting that cannot be used is an error in the page."""
        self._awake = True
        try:
            wish = self.wish()
        except (ValueError, TypeError) as error:
            self._asker.refuse(error, request_id)
        else:
            self._asker.ask(wish, request_id)

    def report_status(self, news: Status) -> None:
        """Show a new state or progress."""
        with self._asker.lock:
            self.set_trait("status", dict(news))

    def report_session(self, index: int) -> None:
        """Show what a changed model says."""
        if index == self.active:
            self._send_session(None)

    def report_result(self, request_id: RequestId, wish: Wish, attribution: Attribution) -> None:
        """Show a map."""
        payload, buffers = result_payload(attribution, wish.session, wish.method.label)
        self.send({"kind": "result", "request_id": request_id, "result": payload}, buffers)

    def report_error(self, request_id: RequestId, error: BaseException) -> None:
        """Show what went wrong."""
        self.send({"kind": "error", "request_id": request_id, "error": error_report(error)})

    def report_end(self, request_id: RequestId, outcome: Outcome) -> None:
        """Tell that a run brings nothing more."""
        self.send({"kind": outcome, "request_id": request_id})

    # -- messages ---------------------------------------------------------------------------------------------------

    def _message_came(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        request_id = content.get("request_id") if isinstance(content, dict) else None
        match kind:
            case "hello":
                self._say_hello(request_id)
            case "run":
                self.send(ack("run", request_id))
                self._start(request_id)
            case "cancel":
                stopped = self._asker.cancel()
                self.send(ack("cancel", request_id, "Stopping" if stopped else "Nothing is running"))
            case _:
                message = f"Unknown message {kind!r}; expected hello, run or cancel. Reload the page."
                self.send({"kind": "error", "request_id": request_id, "error": error_report(ValueError(message))})

    def _say_hello(self, request_id: RequestId) -> None:
        """Bring a new view up to date; nothing that is known is computed again."""
        asker = self._asker
        with asker.lock:  # what a run tells meanwhile comes after
            self._send_session(request_id)
            if asker.latest is not None and asker.latest[0].session == self.active:
                wish, attribution, run = asker.latest
                self.report_result(run, wish, attribution)
            if asker.failure is not None:
                self.report_error(*asker.failure)
            self.send_state("status")
            self.send(ack("hello", request_id))
            if asker.latest is None and asker.failure is None and asker.job is None and self.auto_run:
                self._start()

    def _send_session(self, request_id: RequestId) -> None:
        payload, buffers = session_payload(self.session, self.active, self._names, list(self.offered.values()))
        self.send({"kind": "session", "request_id": request_id, "session": payload}, buffers)

    # -- the wire ---------------------------------------------------------------------------------------------------

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take settings from the page; what cannot be used is refused there, and nothing changes here."""
        try:
            _refuse_status(sync_data)
            with self._asker.lock:
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

    # -- static -----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if not self.sessions:
            return "XaiWidget(closed)"
        model = self.sessions[0].facts.model
        return f"XaiWidget({model}, {', '.join(map(repr, self._names))})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        made = super()._repr_mimebundle_(**kwargs)
        if made is None:
            return None
        if not self._awake and self.auto_run:
            self._start()
        job = self._asker.job
        deadline = time.monotonic() + FIRST_ESTIMATE_SECONDS
        while job is not None and self._asker.latest is None and not job.ended.is_set():
            if not job.advanced.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic()))):
                if time.monotonic() >= deadline:
                    break
                continue
            job.advanced.clear()
        data, metadata = made
        picture = self.snapshot()
        encoded = io.BytesIO()
        picture.save(encoded, "PNG", optimize=True)
        scale = max(1, -(-SMALLEST_PICTURE // picture.width))
        data = {"text/plain": repr(self), "image/png": encoded.getvalue(), **_without(data, "text/plain")}
        size = {"width": picture.width * scale, "height": picture.height * scale}
        return data, {**metadata, "image/png": size}


def _refuse_status(sync_data: Mapping[str, Any]) -> None:
    if "status" in sync_data:
        message = "The status is the kernel's to tell; a page can ask for a run or a cancel."
        raise traitlets.TraitError(message)


def _without(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


def _open_sessions(model: Any, img: Any, binding: Binding) -> tuple[tuple[Session, ...], list[str]]:
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
