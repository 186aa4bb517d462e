"""Covering: what a model says of a picture when places are hidden, and which places of a map matter most.

The numbers behind "cover it and see". `covered` answers for a mask of one's own; `top_regions` finds the strongest
places of a map and measures what hiding each one does.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Attribution
from xai_widget.engine import Case, Segments
from xai_widget.engine.variants import Pace, edited_logits
from xai_widget.inputs import mid_grey
from xai_widget.session import Session
from xai_widget.shown import is_picture

CoverFill = Literal["blur", "mean", "grey", "noise"]
COVER_FILLS: Final[tuple[CoverFill, ...]] = get_args(CoverFill)
Mask = NDArray[np.bool_]
# How many places are told: people read one to three causes, no more.
PLACES: Final = 3
# What is stronger than this share of the maximum belongs to a region.
STRONG: Final = 0.5
# Smaller places, as shares of the picture, are specks.
SPECK: Final = 0.005
# How far neighbouring specks flow together, as a share of the shorter side.
SMOOTHING: Final = 1 / 40


@dataclass(frozen=True)
class Region:
    """One place that matters, and what hiding it does.

    Attributes
    ----------
    box : tuple of int
        Half-open: top, left, bottom, right.
    area : float
        Share of the picture.
    before, after : float
        The target's probability (or its score) of the whole picture, and with this region alone hidden.
    """

    box: tuple[int, int, int, int]
    area: float
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class Regions:
    """The places that matter most for a map.

    Attributes
    ----------
    labels : uint8 array [H, W]
        0 outside, 1 in the strongest region, 2 in the next.
    regions : tuple of Region
        In the same order; empty if nothing in the map is positive.
    quantity : {"probability", "score"}
        What was measured: a score where the target is a contrast or a function, or the model gives no probabilities.
    fill : str
        What stood in their place.
    """

    labels: NDArray[np.uint8]
    regions: tuple[Region, ...]
    quantity: Literal["probability", "score"]
    fill: CoverFill


def check_picture(session: Session) -> None:
    """Raise a ValueError for a volume: nobody paints over it, and no regions are measured."""
    if not is_picture(session.inputs[0].picture):
        message = (
            "Places are covered in pictures; this input is a volume. Use Attribution.box(), or method 'occlusion'."
        )
        raise ValueError(message)


# -- covering what a person chose -----------------------------------------------------------------------------------


def picture_mask(mask: ArrayLike, size: tuple[int, ...]) -> Mask:
    """Return a read-only copy of a mask of a picture, bool `[H, W]`.

    Raises
    ------
    ValueError
        Another shape than `size`, or values that are neither True nor False.
    """
    values = np.asarray(mask)
    if values.shape != size:
        message = f"The mask must have the picture's shape {size}, got {values.shape}; True marks what is covered."
        raise ValueError(message)
    if values.dtype.kind not in "bui" and not np.isin(values, (0, 1)).all():
        message = f"The mask must hold True and False (or 1 and 0), got {values.dtype} such as {values.flat[0]!r}."
        raise ValueError(message)
    copy: Mask = np.array(values, dtype=bool)
    copy.flags.writeable = False
    return copy


def covered(session: Session, mask: ArrayLike, fill: CoverFill = "blur", *, keep: bool = False) -> NDArray[np.float32]:
    """Return what the model says of the picture with places covered: the probabilities `[K]`, by one forward.

    The foreground that a session may be bound to does not count here: whoever covers a place means that place.

    Parameters
    ----------
    session : Session
        On one picture.
    mask : bool array [H, W]
        In the picture's pixels, True where something was marked. Nothing marked (or everything kept) is the
        picture as it is, and no forward.
    fill : {"blur", "mean", "grey", "noise"}
        What stands in the covered places: the picture under a strong blur, the channels' means, the model input of
        mid-grey, Gaussian noise with the channels' means and deviations.
    keep : bool
        Keep only what was marked: everything else is covered.

    Raises
    ------
    ValueError
        A mask that does not fit, an unknown fill, or a session on a volume.

    Examples
    --------
    >>> import numpy as np
    >>> from xai_widget import examples
    >>> from xai_widget.binding import Binding
    >>> session = Session.open(examples.mosaic_net(), examples.photo("cat"), Binding())
    >>> everything = np.ones(session.inputs[0].picture.shape[:2], dtype=bool)
    >>> cat = session.labels.index("cat")
    >>> bool(covered(session, everything, "grey")[cat] < session.probabilities[0, cat] / 2)
    True
    """
    check_picture(session)
    marked = picture_mask(mask, session.inputs[0].picture.shape[:2])
    case = session.plain_case()
    hidden = ~marked if keep and marked.any() else marked
    if not hidden.any():
        return np.array(session.probabilities[0])
    (logits,) = _without(session, case, hidden.astype(np.uint8), fill)
    return np.array(session.facts.kind.probabilities(logits)[0].float().cpu().numpy())


def _without(session: Session, case: Case, labels: NDArray[np.uint8], fill: CoverFill) -> Iterator[Tensor]:
    """Yield the logits `[n, K]` of the picture without each place of a label map (0: outside), in chunks.

    They are not kept: nobody paints the same twice.
    """
    places = int(labels.max())
    keep = ~np.eye(places + 1, dtype=bool)[1:]
    edits = Segments(
        keep, _fitted(labels, tuple(case.inputs.shape[2:])).astype(np.int64), _filling(session, case, fill)
    )
    pace = Pace(case.facts, case.chunk_seconds)
    for logits in edited_logits(case.runner, case.inputs, case.logits, edits, None, pace):
        yield logits[0]


def _fitted(labels: NDArray[np.uint8], size: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a label map at another size: every place takes the label of the nearest one."""
    rows, columns = (
        ((2 * np.arange(wanted) + 1) * given) // (2 * wanted) for given, wanted in zip(labels.shape, size, strict=True)
    )
    return labels[np.ix_(rows, columns)]


# -- what stands in a covered place ---------------------------------------------------------------------------------


def _filling(session: Session, case: Case, fill: CoverFill) -> Array:
    """Return a fill at the input's shape; made once for a picture, for whoever paints asks for it at every step."""
    if fill not in COVER_FILLS:
        message = f"Unknown fill {fill!r}; choose one of {', '.join(map(repr, COVER_FILLS))}."
        raise ValueError(message)
    key = ("cover", fill)
    known = case.memory.recall(key, Array)
    if known is None:
        picture = session.inputs[0].picture
        known = Array(mid_grey(case.inputs[0], picture) if fill == "grey" else case.fill(fill)[0])
        case.memory.keep(key, known, known.values.nbytes)
    return known


# -- what matters most ----------------------------------------------------------------------------------------------


def top_regions(session: Session, attribution: Attribution, fill: CoverFill = "blur", most: int = PLACES) -> Regions:
    """Return the places that matter most for a map, and what hiding each one alone does, by one forward each.

    Which places: the positive values of `attribution.resized()` are smoothed a little (a Gaussian of a fortieth of the
    shorter side, so that the grains of a fine map flow together). What lies above half of the maximum falls into
    regions (diagonal neighbours are connected). Regions below 0.5 % of the picture are specks and do not count, unless
    there is nothing else: then the strongest speck is shown. The others are ranked by the sum of their positive values.

    Parameters
    ----------
    session : Session
        The one the map is of.
    attribution : Attribution
        Final, of a picture.
    fill : {"blur", "mean", "grey", "noise"}
        What hides a region; see `covered`.
    most : int
        How many regions at most, 1 ... 255.

    Raises
    ------
    ValueError
        The map's target cannot be scored (it was loaded from a file), an unknown fill, or no map of a picture.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> from xai_widget.binding import Binding
    >>> net, scene = examples.mosaic_net(), examples.mosaic(["cat", "rocket", "temple", "coffee"])
    >>> found = top_regions(Session.open(net, scene.image, Binding()), explain(net, scene.image, target="cat"))
    >>> found.regions[0].after < found.regions[0].before
    True
    """
    steps = measured_regions(session, attribution, fill, most)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast("Regions", end.value)


def measured_regions(
    session: Session, attribution: Attribution, fill: CoverFill = "blur", most: int = PLACES
) -> Generator[None, None, Regions]:
    """Return what `top_regions` does, in steps of a few regions each."""
    check_picture(session)
    match attribution.target:
        case str(name):
            message = f"The score of {name!r} is not known any more. Run explain(...) again to measure its regions."
            raise ValueError(message)
        case target:
            case = session.plain_case(target)
    labels = strongest_places(attribution.resized(), most)
    question = case.questions[0]
    shares = question.function is None and question.foil is None and _are_shares(session.probabilities)
    quantity: Literal["probability", "score"] = "probability" if shares else "score"

    def measure(logits: Tensor) -> list[float]:
        return [float(score) for score in case.score(logits[None], "probability" if shares else "logit")[0].cpu()]

    places = int(labels.max(initial=0))
    (before,) = measure(case.logits)
    after: list[float] = []
    for logits in _without(session, case, labels, fill) if places else ():
        after += measure(logits)
        yield
    found = tuple(_region(labels == n, before, score) for n, score in enumerate(after, 1))
    return Regions(labels, found, quantity, fill)


def strongest_places(values: NDArray[np.float32], most: int) -> NDArray[np.uint8]:
    """Return the regions of a map `[H, W]` as labels, 0 outside, 1 in the strongest; the rule is in `top_regions`."""
    from scipy.ndimage import gaussian_filter, label  # noqa: PLC0415 - slow to import, needed here only

    positive = np.clip(np.nan_to_num(values.astype(np.float64), nan=0, posinf=0, neginf=0), 0, None)
    smooth = gaussian_filter(positive, SMOOTHING * min(positive.shape), mode="nearest")
    found = np.zeros(positive.shape, np.uint8)
    if smooth.max(initial=0) <= 0:
        return found
    parts, count = label(smooth > STRONG * smooth.max(), structure=np.ones((3, 3)))
    numbers = range(1, count + 1)
    weights = {n: float(positive[parts == n].sum()) for n in numbers}
    large = [n for n in numbers if np.mean(parts == n) >= SPECK]
    ranked = sorted(large, key=lambda n: -weights[n])[:most] or [max(numbers, key=weights.__getitem__)]
    for place, n in enumerate(ranked, 1):
        found[parts == n] = place
    return found


def _region(inside: Mask, before: float, after: float) -> Region:
    rows, columns = np.nonzero(inside)
    box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    return Region(box, float(inside.mean()), before, after)


def _are_shares(probabilities: NDArray[np.float32]) -> bool:
    """Whether a model's outputs are probabilities; without an activation they may be any scores."""
    return bool(((probabilities >= 0) & (probabilities <= 1 + 1e-4)).all())
