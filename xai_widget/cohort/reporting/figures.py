"""Maps as figures of a page: PNGs painted as everywhere else, with a colour bar whose numbers are text."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from xai_widget.attribution import Attribution
from xai_widget.cohort.reporting.page import Html, element
from xai_widget.render import PLAIN, bar, beyond, fitting_scale, tick_words, ticks, top_of, view_of_volume
from xai_widget.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# About how many pixels wide a picture and the three planes of a volume are kept.
WIDE: Final = 400
BROAD: Final = 840
BAR: Final = 256
# A figure by matplotlib, dots an inch.
DENSITY: Final = 110


def shared_top(maps: Sequence[Attribution], view: View) -> float:
    """Return the value of the strongest colour that several maps share: the largest of their own."""
    return max(top_of(each.values, each.signed, view["clip"]) for each in maps)


def gallery(figures: Sequence[Html], *, volumes: bool) -> Html:
    """Return figures beside each other, as many as fit."""
    kinds = ["figures", *(["broad"] if volumes else []), *(["few"] if len(figures) < 4 and not volumes else [])]
    return element("div", *figures, class_=" ".join(kinds))


def figure(member: Attribution, view: View, top: float, alt: str, title: str, *lines: Any) -> Html:
    """Return a map over its picture, with what is to be said of it below.

    Parameters
    ----------
    member : Attribution
    view : View
    top : float
        The value of the strongest colour.
    alt : str
        What the picture shows, for those who do not see it.
    title : str
        The first line below.
    *lines : str or Html
        Further ones.
    """
    below = [element("strong", title), *(each if isinstance(each, Html) else element("span", each) for each in lines)]
    return element("figure", _image(_painted(member, view, top), alt), element("figcaption", *below))


def scale(maps: Sequence[Attribution], view: View, top: float, unit: str = "") -> Html:
    """Return the colour bar of maps that share one scale, with its numbers and its unit (by default theirs)."""
    if view["mode"] in PLAIN:
        return Html("")
    signed = maps[0].signed
    ends = [beyond(each.values, signed, top) for each in maps]
    words = tick_words(ticks(top, signed), (any(low for low, _ in ends), any(high for _, high in ends)))
    strip = Image.fromarray(np.ascontiguousarray(bar(BAR, signed, view)[np.newaxis]))
    shown = _image(strip, f"Colour bar from {words[0]} to {words[-1]}")
    unit = unit or str(maps[0].meta.get("unit") or "")
    return element(
        "div",
        shown,
        element("div", *(element("span", word) for word in words), class_="ticks"),
        *([element("span", unit, class_="unit")] if unit else []),
        class_="scale",
    )


def plotted(drawn: Figure, alt: str) -> Html:
    """Return a figure by matplotlib."""
    file = io.BytesIO()
    drawn.savefig(file, format="png", dpi=DENSITY, facecolor="white", metadata={"Software": None})
    return element("figure", _embedded(file.getvalue(), alt), class_="plot")


def interval(mean: float, low: float, high: float, ends: tuple[float, float]) -> Html:
    """Return a bar from zero to a mean, with the line of its interval; all bars of a table share their ends."""
    start, end = ends
    room = (end - start) or 1.0

    def at(value: float) -> str:
        return f"{100 * (value - start) / room:.2f}"

    left, right = sorted((0.0, mean))
    parts = [element("rect", x=at(left), y=4, width=f"{100 * (right - left) / room:.2f}", height=8)]
    if np.isfinite(low) and np.isfinite(high):
        parts.append(element("line", x1=at(low), x2=at(high), y1=8, y2=8, vector_effect="non-scaling-stroke"))
    parts.append(element("line", x1=at(0), x2=at(0), y1=0, y2=16, class_="zero", vector_effect="non-scaling-stroke"))
    return element(
        "svg", *parts, class_="interval", viewBox="0 0 100 16", preserveAspectRatio="none", aria_hidden="true"
    )


def _painted(member: Attribution, view: View, top: float) -> Image.Image:
    size = member.input_size
    if len(size) == 3:
        view = view_of_volume(view)
        times, most = fitting_scale(size, member.affine, view, BROAD), 2 * BROAD
    else:
        times, most = max(1, round(WIDE / size[1])), 2 * WIDE
    drawn = Image.fromarray(member.heat_map(view, top=top, scale=times))
    if drawn.width > most:
        drawn = drawn.resize((most, round(drawn.height * most / drawn.width)), Image.Resampling.LANCZOS)
    return drawn


def _image(picture: Image.Image, alt: str) -> Html:
    file = io.BytesIO()
    picture.save(file, "png", optimize=True)
    return _embedded(file.getvalue(), alt, width=picture.width, height=picture.height)


def _embedded(png: bytes, alt: str, **attributes: Any) -> Html:
    return element("img", src=f"data:image/png;base64,{base64.b64encode(png).decode()}", alt=alt, **attributes)
