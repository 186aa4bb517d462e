"""The same viewer for maps that were computed elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torchvision.transforms import Compose, Normalize, ToTensor

from xai_widget.attribution import Attribution, Estimate
from xai_widget.binding import Binding
from xai_widget.engine import Access, Case
from xai_widget.explainers import Cost, Explainer, Method
from xai_widget.explainers.method import Reduction
from xai_widget.inputs import ModelInput, read_input
from xai_widget.session import Session
from xai_widget.widget.xai_widget import XaiWidget

Given: TypeAlias = Attribution | ArrayLike | Tensor


def from_attribution(
    image: Any,
    attribution: Given | Mapping[str, Given] | Sequence[Given],
    *,
    reduce: Reduction | None = None,
    label: str | None = None,
    method: str | None = None,
    signed: bool | None = None,
    view: Mapping[str, Any] | None = None,
    controls: Sequence[str] | None = None,
    locale: str | None = None,
) -> XaiWidget:
    """Show maps that were computed elsewhere in the widget's viewer.

    Parameters
    ----------
    image : str, Path, PIL.Image, uint8 array [H, W, 3] or None
        The picture below the map. None: the attribution's own.
    attribution : Attribution or array, or several of them
        The numbers, at any resolution: `[h, w]`, also with axes of length one before them; with colour channels
        (`[3, h, w]` or `[h, w, 3]`) if `reduce` says what becomes of those. Masked values are shown as unknown. A list or
        a mapping of titles to maps shows several; one is chosen like a method: ``w.method = title``.
    reduce : {"sum", "largest"}, optional
        What becomes of colour channels: their sum, or the largest magnitude.
    label : str, optional
        What the map is about, such as the class. None: the attribution's label, else "given map".
    method : str, optional
        How a single map was computed, in words. Several have their titles.
    signed : bool, optional
        Whether negative values mean something. None: the attribution's, else whether there are any.
    view : mapping, optional
        opacity, threshold, gamma, colormap, cells, mode.
    controls : list of str, optional
        Parts to show. None: the display controls, and the choice between several maps.
    locale : str, optional
        Language of the interface.

    Raises
    ------
    ValueError
        Something is no map: another shape, no numbers, nothing finite; or there is no picture.

    Examples
    --------
    >>> import numpy as np
    >>> from xai_widget import examples, from_attribution
    >>> w = from_attribution(examples.photo("cat"), np.eye(7), label="a diagonal")
    >>> w.explain().label
    'a diagonal'
    >>> w = from_attribution(examples.photo("cat"), {"one": np.eye(7), "other": np.ones((5, 5))})
    >>> w.method = "other"
    >>> w.explain().values.shape
    (5, 5)
    """
    if reduce not in {None, *get_args(Reduction)}:
        message = f"reduce must be 'sum', 'largest' or None, got {reduce!r}."
        raise ValueError(message)
    maps = [_map(each, title, reduce, signed) for title, each in _titled(attribution, method)]
    if len(maps) == 1:
        maps = [replace(maps[0], id="given")]
    picture = _picture(image, next((each.picture for each in maps if each.picture is not None), None))
    labels = dict.fromkeys(each.label for each in maps if each.label is not None)
    if label is None:
        label = next(iter(labels)) if len(labels) == 1 else "given map"
        if len(labels) > 1:  # maps of several classes: which one is part of the title
            maps = [replace(each, title=f"{each.title}, {each.label}") for each in maps]
    return _GivenWidget(picture, maps, label, view=view, controls=controls, locale=locale)


@dataclass(frozen=True)
class _Map:
    id: str
    title: str
    values: Tensor
    signed: bool
    label: str | None
    picture: NDArray[np.uint8] | None


class _GivenWidget(XaiWidget):
    def __init__(self, picture: NDArray[np.uint8], maps: Sequence[_Map], label: str, **settings: Any) -> None:
        item = ModelInput(torch.from_numpy(picture).permute(2, 0, 1)[None].float(), picture, "image", (), None)
        session = Session(_says_nothing, [item], Binding(labels=[label], activation="none", dims=2))
        session.notes = ()
        controls = settings.pop("controls") or (["display"] if len(maps) == 1 else ["method", "display"])
        offered = {each.id: _method(each) for each in maps}
        self._begin([session], ["image"], offered, controls=controls, **settings)


def _says_nothing(batch: Tensor) -> Tensor:
    return torch.zeros(len(batch), 1)


_says_nothing.__name__ = "given map"  # what the widget's repr shows in a model's place


def _method(given: _Map) -> type[Method]:
    """Return a method that gives the map it was made with."""

    @dataclass(frozen=True)
    class Given(Explainer):
        """A map that was computed elsewhere."""

        id: ClassVar[str] = given.id
        label: ClassVar[str] = given.title
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
            yield Estimate(given.values[None], signed=given.signed)

    return Given


def _titled(given: Any, method: str | None) -> list[tuple[str | None, Given]]:
    """Return the maps with their titles; None: one that has no title of its own."""
    if not isinstance(given, Mapping) and not _is_several(given):
        return [(method, given)]
    if method is not None:
        message = "method= names a single map. Several are named by a mapping: {title: map}."
        raise ValueError(message)
    if len(given) == 0:
        message = "There is no map: expected at least one."
        raise ValueError(message)
    if isinstance(given, Mapping):
        return [(str(title), each) for title, each in given.items()]
    return [
        (f"Map {number} ({each.method})" if isinstance(each, Attribution) else f"Map {number}", each)
        for number, each in enumerate(given, 1)
    ]


def _is_several(given: Any) -> bool:
    # A list of rows of numbers is an array that has not been made one yet.
    return isinstance(given, list | tuple) and all(
        isinstance(each, Attribution | np.ndarray | Tensor) for each in given
    )


def _map(given: Given, title: str | None, reduce: Reduction | None, signed: bool | None) -> _Map:
    known = given if isinstance(given, Attribution) else None
    name = "A map" if title is None else f"{title!r}"
    values = _reduced(_numbers(known.values if known is not None else given, name), reduce, name)
    if not np.isfinite(values).any():
        message = f"{name} has no finite value: everything in it is NaN, infinite or masked."
        raise ValueError(message)
    if signed is None:
        signed = known.signed if known is not None else bool((values < 0).any())
    shown = title or (known.method if known is not None else "Given map")
    label, picture = (None, None) if known is None else (known.label, known.image)
    return _Map(shown, shown, torch.from_numpy(values), signed, label, picture)


def _numbers(given: Any, name: str) -> NDArray[np.float32]:
    """Return an array of anything; what is masked, and what was not finite, is not finite."""
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        given = given.float().numpy() if given.is_floating_point() else given.numpy()
    try:
        array = np.ma.asarray(given) if isinstance(given, np.ma.MaskedArray) else np.asarray(given)
    except ValueError:  # rows of different lengths
        message = f"{name} must be an array of numbers, got {type(given).__name__} of parts that do not fit together."
        raise ValueError(message) from None
    if array.dtype.kind not in "buif" or array.size == 0:
        message = f"{name} must be an array [h, w] of numbers, got shape {list(array.shape)} of {array.dtype}."
        raise ValueError(message)
    with np.errstate(over="ignore"):  # beyond float32 is as good as infinite
        plain = array.astype(np.float32)
    return plain.filled(np.nan) if isinstance(plain, np.ma.MaskedArray) else plain


def _reduced(array: NDArray[np.float32], reduce: Reduction | None, name: str) -> NDArray[np.float32]:
    """Return `[h, w]`, without axes of length one and without colour channels."""
    shape, found = list(array.shape), array
    while found.ndim > 2 and found.shape[0] == 1:
        found = found[0]
    if found.ndim == 3 and found.shape[-1] == 1:
        found = found[..., 0]
    if found.ndim == 2:
        return np.array(found)
    channels = 0 if found.shape[0] == 3 else -1
    if found.ndim != 3 or found.shape[channels] != 3:
        message = (
            f"{name} must be an array [h, w] of numbers, got shape {shape}. For a batch, or for several maps, pass a list"
            " or a mapping {title: map}; other axes have to be reduced first."
        )
        raise ValueError(message)
    if reduce is None:
        message = (
            f"{name} has colour channels (shape {shape}): say what becomes of them, reduce='sum' (signed shares add"
            " up) or reduce='largest' (the largest magnitude)."
        )
        raise ValueError(message)
    return np.array(found.sum(channels) if reduce == "sum" else np.abs(found).max(channels))


def _picture(image: Any, known: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    if image is None:
        if known is None:
            message = "There is no picture: pass one as the first argument."
            raise ValueError(message)
        return np.array(known)
    # Normalised by 0 and 1: told so, the reader does not stretch the picture's contrast for display.
    as_it_is = Compose([ToTensor(), Normalize((0.0,) * 3, (1.0,) * 3)])
    return np.array(read_input(image, _says_nothing, transform=as_it_is, dims=2).picture)
