"""The same viewer for maps that were computed elsewhere."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torchvision.transforms import Compose, Normalize, ToTensor

from xai_widget.attribution import Attribution, Estimate
from xai_widget.binding import Binding
from xai_widget.engine import Access, Case
from xai_widget.explainers import Cost, Explainer, Method
from xai_widget.inputs import ModelInput, read_input
from xai_widget.session import Session
from xai_widget.widget.xai_widget import XaiWidget


def from_attribution(
    image: Any,
    attribution: Attribution | ArrayLike | Tensor,
    *,
    label: str | None = None,
    method: str | None = None,
    signed: bool | None = None,
    view: Mapping[str, Any] | None = None,
    controls: list[str] | None = None,
    locale: str | None = None,
) -> XaiWidget:
    """Show a map that was computed elsewhere in the widget's viewer.

    Parameters
    ----------
    image : str, Path, PIL.Image, uint8 array [H, W, 3] or None
        The picture below the map. None: the attribution's own.
    attribution : Attribution or array [h, w]
        The numbers, at any resolution.
    label : str, optional
        What the map is about. None: the attribution's label, else "given map".
    method : str, optional
        How it was computed, in words.
    signed : bool, optional
        Whether negative values mean something. None: the attribution's, else whether there are any.
    view : mapping, optional
        opacity, threshold, gamma, colormap, cells, mode.
    controls : list of str, optional
        Parts to show. None: the display controls.
    locale : str, optional
        Language of the interface.

    Raises
    ------
    ValueError
        The map is no [h, w] array of numbers, or there is no picture.

    Examples
    --------
    >>> import numpy as np
    >>> from xai_widget import examples, from_attribution
    >>> w = from_attribution(examples.photo("cat"), np.eye(7), label="a diagonal")
    >>> w.explain().label
    'a diagonal'
    """
    known = attribution if isinstance(attribution, Attribution) else None
    values = _numbers(known.values if known is not None else cast("ArrayLike | Tensor", attribution))
    if signed is None:
        signed = known.signed if known is not None else bool((values < 0).any())
    picture = _picture(image, known)
    shown = label or (known.label if known is not None else "given map")
    title = method or (known.method if known is not None else "Given map")
    return _GivenWidget(picture, values, shown, title, signed=signed, view=view, controls=controls, locale=locale)


class _GivenWidget(XaiWidget):
    def __init__(
        self, picture: NDArray[np.uint8], values: Tensor, label: str, title: str, *, signed: bool, **settings: Any
    ) -> None:
        item = ModelInput(torch.from_numpy(picture).permute(2, 0, 1)[None].float(), picture, "image", (), None)
        session = Session(_says_nothing, [item], Binding(labels=[label], activation="none", dims=2))
        session.notes = ()
        controls = settings.pop("controls") or ["display"]
        self._begin(
            [session], ["image"], {"given": _method(values, title, signed=signed)}, controls=controls, **settings
        )


def _says_nothing(batch: Tensor) -> Tensor:
    return torch.zeros(len(batch), 1)


_says_nothing.__name__ = "given map"  # what the widget's repr shows in a model's place


def _method(given: Tensor, title: str, *, signed: bool) -> type[Method]:
    """Return a method that gives the map it was made with."""

    @dataclass(frozen=True)
    class Given(Explainer):
        """A map that was computed elsewhere."""

        id: ClassVar[str] = "given"
        label: ClassVar[str] = title
        access: ClassVar[Access] = "black_box"
        class_specific: ClassVar[bool] = False
        summary: ClassVar[str] = "Computed elsewhere."
        cites: ClassVar[str] = ""

        def cost(self, case: Case) -> Cost:
            """Nothing."""
            del case
            return Cost(0)

        def estimates(self, case: Case) -> Iterator[Estimate]:
            """Yield the map."""
            del case
            yield Estimate(given[None], signed=signed)

    return Given


def _numbers(values: ArrayLike | Tensor) -> Tensor:
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "buif":
        message = (
            f"A map must be an array [h, w] of numbers, got shape {list(array.shape)} of {array.dtype}. Reduce channels"
            " first, for instance with array.sum(0); for a batch, pass one row."
        )
        raise ValueError(message)
    return torch.from_numpy(array.astype(np.float32))


def _picture(image: Any, known: Attribution | None) -> NDArray[np.uint8]:
    if image is None:
        if known is None or known.image is None:
            message = "There is no picture: pass one as the first argument."
            raise ValueError(message)
        return np.array(known.image)
    # Normalised by 0 and 1: told so, the reader does not stretch the picture's contrast for display.
    as_it_is = Compose([ToTensor(), Normalize((0.0,) * 3, (1.0,) * 3)])
    return np.array(read_input(image, _says_nothing, transform=as_it_is, dims=2).picture)
