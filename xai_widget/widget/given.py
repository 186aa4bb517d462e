"""The same viewer for maps that were computed elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, get_args

from xai_widget.attribution import Estimate
from xai_widget.binding import Binding
from xai_widget.engine import Access, Case
from xai_widget.explainers import Cost, Explainer, Method
from xai_widget.explainers.method import Reduction
from xai_widget.inputs import ModelInput
from xai_widget.session import Session
from xai_widget.widget.given_maps import Below, Given, GivenMap, below_of, given_map, says_nothing, titled
from xai_widget.widget.xai_widget import XaiWidget


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
    image : str, Path, PIL.Image, uint8 array [H, W, 3], a volume, or None
        The picture below the map; a volume is a NIfTI path or image, or an array `[D, H, W]`. None: the attribution's own.
    attribution : Attribution or array, or several of them
        The numbers, at any resolution: `[h, w]`, or `[d, h, w]` in the volume's stored axis order, also with axes of
        length one before them; with colour channels (`[3, h, w]` or `[h, w, 3]`; of a volume `[C, d, h, w]`) if `reduce` says what becomes of those. Masked values are shown as unknown. A list or
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
    found = titled(attribution, method)
    below = below_of(image, [each for _, each in found])
    maps = [given_map(each, title, below.dims, reduce=reduce, signed=signed) for title, each in found]
    if len(maps) == 1:
        maps = [replace(maps[0], id="given")]
    labels = dict.fromkeys(each.label for each in maps if each.label is not None)
    if label is None:
        label = next(iter(labels)) if len(labels) == 1 else "given map"
        if len(labels) > 1:  # maps of several classes: which one is part of the title
            maps = [replace(each, title=f"{each.title}, {each.label}") for each in maps]
    return _GivenWidget(below, maps, label, view=view, controls=controls, locale=locale)


class _GivenWidget(XaiWidget):
    def __init__(self, below: Below, maps: Sequence[GivenMap], label: str, **settings: Any) -> None:
        binding = Binding(labels=[label], activation="none", dims=below.dims)
        item = ModelInput(below.tensor(), below.image, below.name, (), below.affine)
        session = Session(says_nothing, [item], binding)
        session.notes = ()
        controls = settings.pop("controls") or (["display"] if len(maps) == 1 else ["method", "display"])
        offered = {each.id: _method(each) for each in maps}
        self._begin([session], [below.name], offered, controls=controls, **settings)


def _method(given: GivenMap) -> type[Method]:
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
