"""From numbers to pixels: colour tables, resizing, a heat map and its picture in every mode, the colour bar.

The browser paints the same maps with the same rules, so that a saved picture and the widget agree; whoever changes a
rule here changes ``js/src/paint`` too. Everything is computed in float64 and rounded once, at the end.
"""

from xai_widget.render.boxes import largest_box
from xai_widget.render.colour import AUTO, colour_table
from xai_widget.render.grids import resize
from xai_widget.render.painting import enlarged, overlay, paint
from xai_widget.render.panes import paint_pane, pane_picture, pane_size, view_of_volume
from xai_widget.render.scale import bar, beyond, ends, legend, tick_words, ticks, top_of
from xai_widget.render.sheet import PLAIN, sheet
from xai_widget.render.volumes import fitting_scale, paint_volume
from xai_widget.render.voxels import Voxels, factors_for, voxels_of

__all__ = [
    "AUTO",
    "PLAIN",
    "Voxels",
    "bar",
    "beyond",
    "colour_table",
    "ends",
    "enlarged",
    "factors_for",
    "fitting_scale",
    "largest_box",
    "legend",
    "overlay",
    "paint",
    "paint_pane",
    "paint_volume",
    "pane_picture",
    "pane_size",
    "resize",
    "sheet",
    "tick_words",
    "ticks",
    "top_of",
    "view_of_volume",
    "voxels_of",
]
