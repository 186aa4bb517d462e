"""A painted picture with its colour bar and numbers, to be kept or printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from xai_widget.render.colour import Pixels
from xai_widget.render.scale import bar, tick_words, ticks
from xai_widget.view import View

PAPER: Final = (255, 255, 255)
INK: Final = (32, 32, 32)
# Modes in which no colour stands for a number.
PLAIN: Final = ("image", "regions")
# The font that comes with Pillow knows ASCII alone.
PLAINER: Final = str.maketrans(
    {"\u2212": "-", "\u2264": "<", "\u2265": ">", "\u00d7": "x", "\u2202": "d", "\u00b2": "^2", "\u00b7": "*"}
)


@dataclass(frozen=True)
class Layout:
    """Where things lie on a sheet, in pixels: left, top, width, height; `font` is the height of the letters."""

    width: int
    height: int
    picture: tuple[int, int, int, int]
    bar: tuple[int, int, int, int]
    numbers: int
    font: int


def layout(width: int, height: int) -> Layout:
    """Lay out a sheet around a picture of some size; letters grow with its shorter side.

    Examples
    --------
    >>> layout(512, 512)
    Layout(width=544, height=591, picture=(16, 16, 512, 512), bar=(16, 544, 512, 12), numbers=560, font=16)
    """
    font = max(9, (min(width, height) + 16) // 32)
    strip = (4 * font) // 5
    top = font + height + font
    numbers = top + strip + max(2, font // 4)
    total = numbers + font + (font * 15) // 16
    return Layout(width + 2 * font, total, (font, font, width, height), (font, top, width, strip), numbers, font)


def sheet(
    painted: Pixels,
    *,
    top: float,
    signed: bool,
    view: View,
    out_of_range: tuple[bool, bool] = (False, False),
    unit: str = "",
) -> Image.Image:
    """Draw a painted picture on white paper, its colour bar and numbers below.

    Parameters
    ----------
    painted
        What `paint` returned, uint8 ``[H, W, 3]``.
    top
        The value of the strongest colour.
    signed
        Whether the values' sign has a meaning.
    view
        A complete view; where its mode gives colours no meaning, there is no bar.
    out_of_range
        Whether values lie beyond the bar's low and high end; see `beyond`.
    unit
        What the numbers count; written after the last one.
    """
    if view["mode"] in PLAIN:
        return Image.fromarray(painted)
    plan = layout(painted.shape[1], painted.shape[0])
    page = Image.new("RGB", (plan.width, plan.height), PAPER)
    page.paste(Image.fromarray(painted), plan.picture[:2])
    left, upper, length, strip = plan.bar
    colours = np.repeat(bar(length, signed, view)[np.newaxis], strip, axis=0)
    page.paste(Image.fromarray(colours), (left, upper))
    draw = ImageDraw.Draw(page)
    draw.rectangle((left, upper, left + length - 1, upper + strip - 1), outline=INK, width=max(1, plan.font // 16))
    words = list(tick_words(ticks(top, signed), out_of_range))
    if unit:
        words[-1] = f"{words[-1]} {unit}"
    words = [word.translate(PLAINER) for word in words]
    _write(draw, plan, words, middle=signed)
    return page


def _write(draw: ImageDraw.ImageDraw, plan: Layout, words: Sequence[str], *, middle: bool) -> None:
    """Write numbers below the bar: the outermost within its ends, a lone one where zero is; only those where all collide."""
    font = ImageFont.load_default(size=plan.font)
    left, _, length, _ = plan.bar
    shares = [0.5 if middle else 0.0] if len(words) == 1 else [i / (len(words) - 1) for i in range(len(words))]
    widths = [draw.textlength(word, font=font) for word in words]
    starts = [
        min(max(left + share * length - width / 2, left), left + length - width)
        for share, width in zip(shares, widths, strict=True)
    ]
    crowded = any(starts[i] + widths[i] + plan.font / 2 > starts[i + 1] for i in range(len(words) - 1))
    for i in (0, len(words) - 1) if crowded else range(len(words)):
        draw.text((starts[i], plan.numbers), words[i], fill=INK, font=font)
