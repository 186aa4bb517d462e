"""Statistics over the maps of a group, in one pass: mean, spread, t-map, difference."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.attribution import Attribution
from xai_widget.render import resize

Numbers = NDArray[np.float64]

# Two affines that differ by less than this, in mm, are the same.
SAME_PLACE: Final = 1e-3


class Running:
    """Mean and variance of arrays that come one at a time, in float64.

    Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4 (1962): a small
    variance of large numbers is not lost in a difference of large squares.

    Attributes
    ----------
    count : int
        Arrays so far.
    mean : float64 array

    Examples
    --------
    >>> running = Running()
    >>> for number in (1.0, 2.0, 6.0):
    ...     running.update(np.array(number))
    >>> float(running.mean), float(running.variance)
    (3.0, 7.0)
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Numbers = np.zeros(())
        self._squares: Numbers = np.zeros(())  # summed squared deviations from the mean

    def update(self, sample: NDArray[Any]) -> None:
        """Take up one array, of the shape of those before."""
        self.count += 1
        deviation = sample.astype(np.float64) - self.mean
        self.mean = self.mean + deviation / self.count
        self._squares = self._squares + deviation * (sample - self.mean)

    @property
    def variance(self) -> Numbers:
        """Of the sample, divided by one less than its size; needs two arrays."""
        return self._squares / (self.count - 1)


class Summary:
    """What is known of a group after some of its maps; it grows with each.

    Parameters
    ----------
    name : str
        The group's.
    like : Attribution
        The first member, whose method and affine are those of all. It is still to be taken up.

    Attributes
    ----------
    native : Running
        Of the maps at their own resolution.
    resized : Running
        Of the maps on the input grid, each resized before anything is squared.
    moved : bool
        Whether affines differed.
    """

    def __init__(self, name: str, like: Attribution) -> None:
        self.name = name
        self.like = like
        self.native = Running()
        # Maps at the input's own size are on its grid already.
        self.resized = self.native if like.values.shape == like.input_size else Running()
        self.moved = False
        self._pictures = Running()

    def take(self, member: Attribution) -> None:
        """Take up one member's map and picture."""
        self.native.update(member.values)
        if self.resized is not self.native:
            self.resized.update(member.resized())
        if member.image is not None:
            self._pictures.update(member.image)
        if member.affine is not None and self.like.affine is not None:
            self.moved = self.moved or not np.allclose(member.affine, self.like.affine, atol=SAME_PLACE)

    @property
    def n(self) -> int:
        """Members so far."""
        return self.native.count

    @property
    def image(self) -> NDArray[Any] | None:
        """The mean picture, uint8 `[H, W, 3]` or float32 `[D, H, W]`; None where a member has none."""
        whole = self._pictures.count == self.n
        return picture_of(self._pictures.mean, len(self.like.input_size)) if whole else None


def summaries(name: str, members: Iterable[Attribution]) -> Iterator[Summary]:
    """Go once over the members of a group, one map in memory at a time; yield what is known after each of them.

    It is one and the same `Summary`, which grows.

    Parameters
    ----------
    name : str
        The group's.
    members : iterable of Attribution
        Of one native and one input size.
    """
    summary = None
    for member in members:
        summary = Summary(name, member) if summary is None else summary
        summary.take(member)
        yield summary


def summarise(name: str, members: Iterable[Attribution]) -> Summary:
    """Return what is known after the last of the `summaries`; there must be a member."""
    last = deque(summaries(name, members), maxlen=1)
    if not last:
        raise ValueError(f"The group {name!r} has no members.")
    if last[0].moved:
        warnings.warn(
            f"The affines of the members of {name!r} differ: their voxels are not the same places. Bring the volumes"
            " into one space before they are explained.",
            stacklevel=4,
        )
    return last[0]


def mean(group: Summary) -> Attribution:
    """Return the mean map of a group; `error` is its standard error where there are two members or more."""
    size = group.like.input_size
    error = np.sqrt(group.resized.variance / group.n) if group.n > 1 else None
    values = resize(group.native.mean, size)
    return _attribution(group, group.name, values, "mean", signed=group.like.signed, error=error)


def std(group: Summary) -> Attribution:
    """Return the standard deviation of a group's maps (of a sample: divided by n - 1).

    Raises
    ------
    ValueError
        One member alone has none.
    """
    _need_two(group, "A standard deviation")
    values = np.sqrt(group.resized.variance)
    return _attribution(group, f"{group.name}, standard deviation", values, "std", signed=False)


def difference(a: Summary, b: Summary) -> Attribution:
    """Return the mean map of `a` minus that of `b`; `error` is the standard error where both have two members."""
    size = a.like.input_size
    error = np.sqrt(_squared_errors(a) + _squared_errors(b)) if min(a.n, b.n) > 1 else None
    values = resize(a.native.mean - b.native.mean, size)
    return _attribution(a, f"{a.name} − {b.name}", values, "difference", b, error=error)


def t_map(a: Summary, b: Summary | None = None) -> Attribution:
    r"""Return Student's t against zero, or Welch's t between two groups, at every place of the input grid.

    .. math:: t = \frac{\bar a}{\sqrt{s_a^2/n_a}}, \quad \nu = n_a - 1; \qquad
        t = \frac{\bar a - \bar b}{\sqrt{s_a^2/n_a + s_b^2/n_b}}, \quad
        \nu = \frac{(s_a^2/n_a + s_b^2/n_b)^2}{(s_a^2/n_a)^2/(n_a-1) + (s_b^2/n_b)^2/(n_b-1)}

    Where nothing varies t is 0 if the means agree, infinite if they do not.

    Raises
    ------
    ValueError
        A group has one member alone.
    """
    from scipy import stats  # noqa: PLC0415 - slow to import, needed here only

    for group in (a,) if b is None else (a, b):
        _need_two(group, "A t-map")
    spread = _squared_errors(a)
    gap, squared = a.resized.mean, spread
    freedom = np.full(spread.shape, a.n - 1.0)
    if b is not None:
        others = _squared_errors(b)
        gap, squared = gap - b.resized.mean, spread + others
        with np.errstate(invalid="ignore"):
            freedom = squared**2 / (spread**2 / (a.n - 1) + others**2 / (b.n - 1))
        freedom = np.where(squared > 0, freedom, min(a.n, b.n) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(gap == 0, 0.0, gap / np.sqrt(squared))
    p = 2 * stats.t.sf(np.abs(t), freedom)
    # Where nothing ever varies (the empty background) nothing was tested.
    tested = squared > 0
    q = np.ones_like(p)
    q[tested] = stats.false_discovery_control(p[tested]) if tested.any() else p[tested]
    name = a.name if b is None else f"{a.name} − {b.name}"
    made = _attribution(a, f"{name}, t", t, "t", b, df=float(freedom.min()))
    return replace(
        made,
        arrays={"df": freedom.astype(np.float32), "p": p, "q": q},
        meta={**made.meta, "unit": "t", "tested": int(tested.sum())},
    )


def _squared_errors(group: Summary) -> Numbers:
    return group.resized.variance / group.n


def _need_two(group: Summary, what: str) -> None:
    if group.n < 2:
        raise ValueError(
            f"{what} needs two members or more, and {group.name!r} has one. Its map: c.mean({group.name!r})."
        )


def picture_of(pixels: Numbers, dims: int) -> NDArray[Any]:
    """Return a mean picture as its members are: uint8 colours, or a float32 volume."""
    if dims == 2:
        return np.floor(pixels + 0.5).astype(np.uint8)
    return pixels.astype(np.float32)


def _attribution(
    group: Summary,
    label: str,
    values: NDArray[Any],
    statistic: str,
    other: Summary | None = None,
    *,
    signed: bool = True,
    error: NDArray[Any] | None = None,
    **facts: Any,
) -> Attribution:
    image = group.image
    if other is not None and image is not None and other.image is not None:
        both = (image.astype(np.float64) * group.n + other.image.astype(np.float64) * other.n) / (group.n + other.n)
        image = picture_of(both, len(group.like.input_size))
    about: dict[str, Any] = {"group": group.name, "n": group.n}
    if other is not None:
        about |= {"other": other.name, "n_other": other.n}
    return Attribution(
        values=values.astype(np.float32),
        method=group.like.method,
        params=group.like.params,
        target=label,
        label=label,
        layer=group.like.layer,
        input_size=group.like.input_size,
        signed=signed,
        error=None if error is None else error.astype(np.float32),
        image=image,
        affine=group.like.affine,
        meta={"statistic": statistic, **about, "unit": group.like.meta["unit"], **facts},
    )
