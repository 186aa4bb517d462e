"""XaiWidget: traits are state, messages are events."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from xai_widget.binding import Binding
from xai_widget.engine import Forward
from xai_widget.explainers import Layer
from xai_widget.targets import Target
from xai_widget.widget.comparing import Comparisons
from xai_widget.widget.doing import Doing
from xai_widget.widget.film import Film
from xai_widget.widget.gallery import Gallery
from xai_widget.widget.opening import open_sessions
from xai_widget.widget.others import Others
from xai_widget.widget.photos import Photos
from xai_widget.widget.pins import Pins
from xai_widget.widget.saving import Saving
from xai_widget.widget.service import Service
from xai_widget.widget.settings import first_question, offered_methods
from xai_widget.widget.taking import Taking
from xai_widget.widget.translating import Words

# A chunk of model evaluations may not last longer: cancel must be prompt.
CHUNK_SECONDS: Final = 0.15


class XaiWidget(Taking):
    """Ask an image classifier why, in a notebook: of pictures, and of volumes such as brain scans.

    Parameters
    ----------
    model : torch.nn.Module, callable, or list of them
        The classifier; it is left exactly as it was. Several are asked about the same picture.
    img : str, Path, PIL.Image, array, Tensor, NIfTI image, or list of them
        The picture or the volume, or several. A volume is a path to a NIfTI file, a nibabel image, or an array or tensor
        `[D, H, W]` or `[C, D, H, W]`; the model gets it as it is stored.
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
        "photo", "save". Of volumes, "cover", "predict" and "photo" cannot be shown.
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
        opacity, threshold, gamma, colormap, cells, mode, of a volume crosshair, layout, plane, tiles, radiological:
        display only, computes nothing.
    expert : bool trait
        Whether everything is shown.
    brush_mask : bool array [H, W] or None; a trait
        What is painted over the picture in the page; set it to cover places there. None: nothing. Not for volumes.
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
        offered = offered_methods(methods)
        ahead = first_question(offered, method, params) if auto_run and layer is None else None
        sessions, names, self.spots = open_sessions(model, img, binding, expected, ahead)
        settings = {"method": method, "params": params, "target": target, "layer": layer, "view": view}
        shown = {"controls": controls, "locale": locale, "auto_run": auto_run, "expert": expert}
        self._begin(sessions, names, offered, **settings, **shown)

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
