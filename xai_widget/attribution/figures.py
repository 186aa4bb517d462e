"""Attributions with their colour bar: in a figure, and on a sheet of paper."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_widget.render import (
    PLAIN,
    bar,
    beyond,
    ends,
    fitting_scale,
    paint,
    paint_volume,
    sheet,
    tick_words,
    ticks,
    top_of,
    view_of_volume,
    voxels_of,
)
from xai_widget.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from xai_widget.attribution.attribution import Attribution

Labels = NDArray[np.uint8] | None

# About how many pixels wide a figure's picture is.
PLOTTED: Final = 440
# Which ends of a figure's colour bar are pointed, by whether values lie below and above it.
POINTED: Final[Mapping[tuple[bool, bool], Literal["neither", "min", "max", "both"]]] = MappingProxyType(
    {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
)


def painted(attribution: "Attribution", view: View, labels: Labels, top: float | None, scale: int) -> NDArray[np.uint8]:
    """Return the picture under the heat map: a volume's slices, or the one that there is."""
    signed, size = attribution.signed, attribution.input_size
    if len(size) == 2:
        picture = attribution.image if attribution.image is not None else np.full((*size, 3), 255, np.uint8)
        return paint(picture, attribution.values, signed=signed, view=view, labels=labels, top=top, scale=scale)
    if labels is not None:
        message = "Labels outline regions of a picture; a volume has none. Leave labels= out."
        raise ValueError(message)
    image = attribution.image if attribution.image is not None else np.zeros(size, np.float32)
    affine = attribution.affine
    return paint_volume(
        voxels_of(image), attribution.values, affine=affine, signed=signed, view=view, top=top, scale=scale
    )


def still_scale(attribution: "Attribution", view: View) -> int:
    """Return the scale of a still picture: 1, and more for a small volume, whose marks could not be read."""
    size = attribution.input_size
    return 1 if len(size) == 2 else fitting_scale(size, attribution.affine, view)


def plot(attribution: "Attribution", ax: "Axes | None", view: View, labels: Labels, top: float | None) -> "Axes":
    """Draw the heat map into matplotlib axes, its colour bar beside; one unit is one pixel of the picture."""
    from matplotlib import colors  # noqa: PLC0415 - slow to import, needed here only
    from matplotlib import pyplot as plt  # noqa: PLC0415
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415

    # Lines are drawn for about the resolution of a figure.
    flat = len(attribution.input_size) == 2
    view = view if flat else view_of_volume(view)
    scale = max(1, round(PLOTTED / attribution.input_size[-1])) if flat else still_scale(attribution, view)
    drawn = painted(attribution, view, labels, top, scale)
    height, width = drawn.shape[0] / scale, drawn.shape[1] / scale
    axes = plt.subplots()[1] if ax is None else ax
    axes.imshow(drawn, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    if view["mode"] not in PLAIN:
        signed, high = attribution.signed, _top(attribution, view, top)
        table = colors.ListedColormap(bar(256, signed, view) / 255)
        shades = ScalarMappable(colors.Normalize(*(ends(high, signed) if high > 0 else (0, 1))), table)
        pointed = POINTED[beyond(attribution.values, signed, high)]
        beside = axes.figure.colorbar(shades, ax=axes, fraction=0.046 * height / width, pad=0.04, extend=pointed)
        numbers = ticks(high, signed)
        beside.set_ticks(numbers, labels=tick_words(numbers))
        beside.set_label(_unit(attribution))
    axes.set_title(f"{attribution.method} · {attribution.label}")
    axes.set_axis_off()
    return axes


def sheet_of(attribution: "Attribution", view: View, labels: Labels, top: float | None, scale: int) -> Image.Image:
    """Return the heat map on white paper, its colour bar and numbers below."""
    view = view if len(attribution.input_size) == 2 else view_of_volume(view)
    high = _top(attribution, view, top)
    return sheet(
        painted(attribution, view, labels, top, scale),
        top=high,
        signed=attribution.signed,
        view=view,
        out_of_range=beyond(attribution.values, attribution.signed, high),
        unit=_unit(attribution),
    )


def _top(attribution: "Attribution", view: View, top: float | None) -> float:
    return top_of(attribution.values, attribution.signed, view["clip"]) if top is None else top


def _unit(attribution: "Attribution") -> str:
    return str(attribution.meta.get("unit", ""))
