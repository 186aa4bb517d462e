"""The scale: which value gets the strongest colour, and the numbers beside the colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from xai_widget.render.colour import Numbers, Pixels, place, table_of
from xai_widget.view import View

MINUS: Final = "\u2212"


def top_of(values: ArrayLike, signed: bool, clip: float = 100.0) -> float:
    r"""Return the value that gets the strongest colour, 0 if there is none.

    That is a percentile of the finite values' sizes: :math:`|v|` for signed values, :math:`\max(v, 0)` for unsigned
    ones, joined linearly between neighbours as `numpy.percentile` does. Where that is 0 though some value is not,
    it is the maximum.

    Parameters
    ----------
    values
        The attribution at its own resolution, any shape.
    signed
        Whether the values' sign has a meaning.
    clip
        The percentile, in [0, 100]; 100 is the maximum.

    Examples
    --------
    >>> top_of([-4.0, 1.0, 2.0, 3.0, 0.0], signed=True), top_of([-4.0, 1.0, 2.0, 3.0, 0.0], signed=True, clip=75)
    (4.0, 3.0)
    """
    native = np.asarray(values, dtype=np.float64)
    finite = native[np.isfinite(native)]
    sizes = np.abs(finite) if signed else np.maximum(finite, 0.0)
    if sizes.size == 0:
        return 0.0
    highest = float(sizes.max())
    position = (sizes.size - 1) * (clip / 100)
    below = math.floor(position)
    above = min(below + 1, sizes.size - 1)
    ordered = np.partition(sizes, (below, above))
    weight = position - below
    clipped = float(ordered[below] * (1 - weight) + ordered[above] * weight)
    return clipped if clipped > 0 else highest


def legend(values: ArrayLike, signed: bool, clip: float = 100.0) -> tuple[float, float]:
    """Return the numbers at the two ends of the colour bar.

    Parameters
    ----------
    values
        The attribution at its own resolution, any shape; what is not finite is passed over.
    signed
        Whether the values' sign has a meaning.
    clip
        As in `top_of`.

    Returns
    -------
    tuple of float
        ``(-m, m)`` for signed values, ``(0, m)`` otherwise; ``m`` is `top_of` the values.

    Examples
    --------
    >>> legend([-2.0, 1.0], signed=True), legend([-2.0, 1.0], signed=False)
    ((-2.0, 2.0), (0.0, 1.0))
    """
    return ends(top_of(values, signed, clip), signed)


def ends(top: float, signed: bool) -> tuple[float, float]:
    """Return the numbers at the two ends of a colour bar whose strongest colour stands for `top`."""
    return (-top if signed and top > 0 else 0.0), top


def beyond(values: ArrayLike, signed: bool, top: float) -> tuple[bool, bool]:
    """Return whether values lie below the low end of the colour bar, and above its high end.

    Examples
    --------
    >>> beyond([-4.0, 1.0, 3.0], signed=True, top=3.0)
    (True, False)
    """
    native = np.asarray(values, dtype=np.float64)
    finite = native[np.isfinite(native)]
    return bool(signed and (finite < -top).any()), bool((finite > top).any())


def ticks(top: float, signed: bool) -> list[float]:
    """Return evenly spaced numbers for the colour bar, both ends included; [0] where every value is zero.

    Examples
    --------
    >>> ticks(2.0, signed=True), ticks(0.0, signed=True)
    ([-2.0, -1.0, 0.0, 1.0, 2.0], [0.0])
    """
    low, high = ends(top, signed)
    return [low + at * (high - low) for at in (0, 0.25, 0.5, 0.75, 1)] if top > 0 else [0.0]


def tick_words(numbers: Sequence[float], out_of_range: tuple[bool, bool] = (False, False)) -> list[str]:
    """Return the numbers of one scale as people read them; ends that stand for more say so.

    Examples
    --------
    >>> tick_words([0.0, 0.4, 0.8], (False, True))
    ['0', '0.4', '≥ 0.8']
    """
    largest = max(map(abs, numbers))
    if not 0.001 <= largest < 1000:
        words = [_word(number) for number in numbers]
    else:
        decimals = max(0, 2 - math.floor(math.log10(largest)))
        words = [_word(round(number, decimals)) for number in numbers]
    below, above = out_of_range
    if below:
        words[0] = f"\u2264 {words[0]}"
    if above:
        words[-1] = f"\u2265 {words[-1]}"
    return words


def bar(length: int, signed: bool, view: View) -> Pixels:
    """Return the colours along the colour bar from its low to its high end, uint8 ``[length, 3]``.

    What the view's threshold hides is white, or looks like zero where the map stands alone.
    """
    at = np.arange(length, dtype=np.float64) / max(length - 1, 1)
    value = 2 * at - 1 if signed else at
    visible = np.abs(value) >= view["threshold"]
    strength: Numbers = np.where(visible, np.abs(value), 0.0) ** view["gamma"]
    colours: Pixels = table_of(view, signed=signed)[place(strength, np.sign(value), signed=signed)]
    return colours if view["mode"] == "map" else np.where(visible[:, np.newaxis], colours, np.uint8(255))


def _word(number: float) -> str:
    """Three digits, with a power of ten where zeros would hide them."""
    size = abs(number)
    if size == 0:
        return "0"
    if 0.001 <= size < 100_000:
        mantissa, exponent = f"{size:.0f}" if size >= 1000 else f"{float(f'{size:.3g}'):.6f}", ""
    else:
        mantissa, raw = f"{size:.1e}".split("e")
        exponent = f"e{int(raw)}"
    digits = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return (MINUS if number < 0 else "") + digits + exponent
