"""XaiWidget: traits are state, messages are events."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from PIL import Image

from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.engine import Forward
from xai_widget.offline_page import offline_page
from xai_widget.page import result_payload
from xai_widget.session import Layer
from xai_widget.targets import Target
from xai_widget.widget.asking import Wish
from xai_widget.widget.comparing import Comparing, Comparisons
from xai_widget.widget.gallery import Gallery
from xai_widget.widget.jobs import POLL_SECONDS
from xai_widget.widget.opening import open_sessions
from xai_widget.widget.others import Others
from xai_widget.widget.photos import Photos
from xai_widget.widget.pins import Pins
from xai_widget.widget.protocol import TRAITS
from xai_widget.widget.settings import offered_methods
from xai_widget.widget.stored import wait_for_map, with_picture

# A chunk of model evaluations may not last longer: cancel must be prompt.
CHUNK_SECONDS: Final = 0.15
# How long the stored picture waits for a first heat map.
FIRST_ESTIMATE_SECONDS: Final = 2.0
# What a page without a kernel takes over: it has nothing to run.
SAVED: Final = [name for name in TRAITS if name not in {"status", "auto_run"}]


class XaiWidget(Comparing):
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
    expected : sequence of int, str or None, optional
        The right class of each picture, None where it is unknown.

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

    _offers: ClassVar = (Pins, Comparisons, Gallery, Others, Photos)

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
        expected: Any = None,
    ) -> None:
        binding = Binding(
            transform, labels, mask, device, precision, forward, activation, dims, chunk_seconds=CHUNK_SECONDS
        )
        sessions, names, self.spots = open_sessions(model, img, binding, expected)
        offered = offered_methods(methods)
        settings = {"method": method, "params": params, "target": target, "layer": layer, "view": view}
        self._begin(sessions, names, offered, **settings, controls=controls, locale=locale, auto_run=auto_run)

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
        if (found := self._shown(wish)) is not None:
            return found
        job = self.asker.ask(wish)
        try:
            while not job.ended.wait(POLL_SECONDS):
                pass
        except KeyboardInterrupt:
            self.asker.cancel()
            raise
        if job.error is not None:
            raise job.error
        if job.outcome != "done":
            message = f"The run was {job.outcome} before it was complete; call explain() again."
            raise RuntimeError(message)
        return self.asker.finished[wish.key]

    @property
    def attribution(self) -> Attribution | None:
        """The final attribution for the current settings, or None while there is none."""
        return self.asker.finished.get(self.wish().key)

    @property
    def attributions(self) -> list[Attribution]:
        """The final attributions so far, the one asked for last at the end."""
        return list(self.asker.finished.values())

    @property
    def predictions(self) -> list[tuple[int, str, float]]:
        """(index, label, probability) of every class, best first."""
        return self.session.predictions()

    def cancel(self) -> None:
        """Stop the run, if there is one."""
        self.asker.cancel()

    def refresh(self) -> None:
        """Measure the model anew and forget every result, for changes that a look at the weights cannot notice."""
        for index, session in enumerate(self.sessions):
            session.refresh(force=True)
            for service in self.services:
                service.changed(index)
        self.asker.forget()
        self._send_session(None)
        if self._awake:
            self._start()

    def snapshot(self) -> Image.Image:
        """Return the picture under the heat map as the page shows it (without a map yet: the picture)."""
        latest = self.asker.latest
        if latest is not None and latest[0].session == self.active:
            return Image.fromarray(latest[1].heat_map(self.view))
        return Image.fromarray(self.session.inputs[0].picture)

    def to_html(self, path: str | Path) -> Path:
        """Write the widget, with every map in `attributions`, into one HTML file, and return its path.

        The page needs neither a kernel nor a network. It shows the same interface: a method, class and layer whose map
        was computed shows that map, any other question says so. All maps can also be chosen from a list.

        The current settings are explained first, as by `explain`, if they have not been. With `auto_run=False` that
        happens only where nothing at all has been explained; a page whose settings have no map opens with the newest.

        Parameters
        ----------
        path : str or Path
            Ends in `.html`; a file that is there is replaced. A photo of 224 x 224 and ten maps of that size come to
            at most 2 MB. Maps of more than 4096 values are kept with three digits, all others as they are.

        Raises
        ------
        ValueError
            `path` does not end in `.html`.
        OSError
            The file cannot be written.
        Exception
            Whatever the run raised.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> from xai_widget import XaiWidget, examples
        >>> w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
        >>> w.to_html(f"{mkdtemp()}/cat.html").name
        'cat.html'
        """
        path = Path(path)
        if path.suffix.lower() not in {".html", ".htm"}:
            message = f"to_html writes a web page; expected a path that ends in .html, got {str(path)!r}."
            raise ValueError(message)
        asker = self.asker
        current = self.explain() if self.auto_run or not asker.finished else None
        with asker.lock:
            finished = list(asker.finished.items())
        page = offline_page(
            f"{self.session.facts.model}: {', '.join(self.names)}",
            self.get_state(SAVED),
            [
                (self._session_message(each, index), each.question(None).wire)
                for index, each in enumerate(self.sessions)
            ],
            [result_payload(found, session, method.label) for (session, method, *_), found in finished],
            next((place for place, (_, found) in enumerate(finished) if found is current), None),
        )
        path.write_text(page, "utf-8", newline="\n")
        return path

    def close(self) -> None:
        """Stop working and let go of the model, the pictures and the results."""
        asker = getattr(self, "asker", None)
        if asker is not None:
            asker.cancel()
            asker.forget()
            self.sessions = asker.sessions = ()
            for service in self.services:
                service.close()
        super().close()

    def _shown(self, wish: Wish) -> Attribution | None:
        """Return the result of an equal wish that is on show, unless the model has changed since."""
        if self.session.refresh():
            self.asker.changed(self.active)
        found, latest = self.asker.finished.get(wish.key), self.asker.latest
        return found if latest is not None and latest[1] is found else None

    # -- static -----------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if not self.sessions:
            return "XaiWidget(closed)"
        model = self.sessions[0].facts.model
        return f"XaiWidget({model}, {', '.join(map(repr, self.names))})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        made = super()._repr_mimebundle_(**kwargs)
        if made is None:
            return None
        if not self._awake and self.auto_run:
            self._start()
        wait_for_map(self.asker, FIRST_ESTIMATE_SECONDS)
        return with_picture(*made, repr(self), self.snapshot())
