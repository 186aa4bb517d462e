"""XaiWidget: traits are state, messages are events."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from PIL import Image

from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.engine import Forward
from xai_widget.render import enlarged
from xai_widget.session import Layer
from xai_widget.targets import Target
from xai_widget.widget.asking import Wish
from xai_widget.widget.comparing import Comparing, Comparisons
from xai_widget.widget.doing import Doing
from xai_widget.widget.film import Film
from xai_widget.widget.gallery import Gallery
from xai_widget.widget.jobs import POLL_SECONDS
from xai_widget.widget.opening import open_sessions
from xai_widget.widget.others import Others
from xai_widget.widget.photos import Photos
from xai_widget.widget.pins import Pins
from xai_widget.widget.saving import Saving, saved_page
from xai_widget.widget.service import Service
from xai_widget.widget.settings import offered_methods
from xai_widget.widget.stored import replace, show, still_bundle, wait_for_map, with_picture
from xai_widget.widget.translating import Words

# A chunk of model evaluations may not last longer: cancel must be prompt.
CHUNK_SECONDS: Final = 0.15
# How long the stored picture waits for a first heat map.
FIRST_ESTIMATE_SECONDS: Final = 2.0


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
        Show these parts only: "predictions", "method", "layer", "params", "display", "cover", "predict", "compare",
        "photo", "save".
    locale : str, optional
        Language of the interface, such as "ko" or "en"; English where it is not known. None: the browser's.
    auto_run : bool
        Whether a changed setting starts a run by itself. A method that would take longer than ten seconds waits for
        Run all the same, unless the trait `auto_runs` says otherwise: ``w.auto_runs = {"rise": True}``.
    view : mapping, optional
        How the heat map is shown, see `Attributes`.
    expert : bool
        Whether everything is shown. False: the picture, the likeliest classes, the opacity, and a sentence that says
        what the most important places do to the score; the person can switch.
    expected : sequence of int, str or None, optional
        The right class of each picture, None where it is unknown.

    Attributes
    ----------
    method, params, target, layer : traits
        The settings; set them, or use the controls.
    view : dict trait
        opacity, threshold, gamma, colormap, cells, mode: display only, computes nothing.
    expert : bool trait
        Whether everything is shown.
    brush_mask : bool array [H, W] or None; a trait
        What is painted over the picture in the page; set it to cover places there. None: nothing.
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

    _offers: ClassVar[tuple[type[Service], ...]] = (
        Words,
        Doing,
        Film,
        Pins,
        Comparisons,
        Gallery,
        Others,
        Photos,
        Saving,
    )
    # Under which names the notebook knows what was displayed of this widget.
    _displays: tuple[str, ...] = ()

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
        expert: bool = True,
        expected: Any = None,
    ) -> None:
        binding = Binding(
            transform, labels, mask, device, precision, forward, activation, dims, chunk_seconds=CHUNK_SECONDS
        )
        sessions, names, self.spots = open_sessions(model, img, binding, expected)
        offered = offered_methods(methods)
        settings = {"method": method, "params": params, "target": target, "layer": layer, "view": view}
        shown = {"controls": controls, "locale": locale, "auto_run": auto_run, "expert": expert}
        self._begin(sessions, names, offered, **settings, **shown)

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

    def snapshot(self, *, scale: int = 1, bar: bool = False) -> Image.Image:
        """Return the picture under the heat map as the page shows it (without a map yet: the picture).

        Parameters
        ----------
        scale : int
            Output pixels per picture pixel along each side.
        bar : bool
            Put it on white paper, with its colour bar and numbers.

        Raises
        ------
        ValueError
            The scale is not a whole number of at least 1.

        Examples
        --------
        >>> from xai_widget import XaiWidget, examples
        >>> w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
        >>> w.snapshot(scale=2).size
        (256, 256)
        """
        latest = self.asker.latest
        if latest is None or latest[0].session != self.active:
            return Image.fromarray(enlarged(self.session.inputs[0].picture, scale))
        found = latest[1]
        return found.sheet(self.view, scale=scale) if bar else Image.fromarray(found.heat_map(self.view, scale=scale))

    def freeze(self) -> None:
        """Put a picture in the widget's place, wherever a cell has displayed it.

        For a notebook that will be read without its kernel, where a live widget would be blank: freeze, then save the
        notebook. The widget itself lives on; run its cell again, or `display(w)`, to see it. Where a page was loaded
        anew since the cell ran, the cell must be run again before.

        Raises
        ------
        RuntimeError
            No cell has displayed it by itself: it is part of another widget, or of a host that is not a notebook.
        """
        if not self._displays:
            message = (
                "This widget was not displayed by a notebook's cell, so there is no output to replace. Display it by"
                " itself, as the last line of a cell or with display(w), then freeze it."
            )
            raise RuntimeError(message)
        replace(self._displays, *still_bundle(repr(self), self.snapshot()))

    def to_html(self, path: str | Path) -> Path:
        """Write the widget, with every map in `attributions`, into one HTML file, and return its path.

        The page needs neither a kernel nor a network. It shows the same interface: a method, class and layer whose map
        was computed shows that map, any other question says so. All maps can also be chosen from a list. What was
        pinned, and what was measured of the most important places, is there too.

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
        current = self.explain() if self.auto_run or not self.asker.finished else None
        sessions = [
            (self._session_message(each, index), each.question(None).wire) for index, each in enumerate(self.sessions)
        ]
        page = saved_page(self, sessions, current)
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
            self._start_by_itself()
        wait_for_map(self.asker, FIRST_ESTIMATE_SECONDS)
        return with_picture(*made, repr(self), self.snapshot())

    def _ipython_display_(self) -> None:
        # What a cell's last line gives could not be replaced by freeze(); what is displayed under a name can.
        made = self._repr_mimebundle_()
        if made is not None:
            self._displays = (*self._displays, show(*made))
