"""Every mode of painting, the top of the scale, boxes and sheets, with exact values.

That the page paints the same bytes is held by the painting cases.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xai_widget import Attribution
from xai_widget.explainers import method_classes
from xai_widget.render import bar, beyond, largest_box, legend, paint, resize, sheet, tick_words, ticks, top_of
from xai_widget.render.badges import badge
from xai_widget.render.lines import level_colours, line_width, shown_levels
from xai_widget.render.sheet import PLAINER
from xai_widget.render.traces import crossings, distances
from xai_widget.view import check_view


def grey(level: int, height: int = 1, width: int = 1) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


def reds(values: Any, view: dict[str, Any], width: int, level: int = 100, **more: Any) -> list[int]:
    view = {"colormap": "gray", "opacity": 1.0} | view
    row: list[int] = paint(grey(level, 1, width), values, signed=False, view=view, **more)[0, :, 0].tolist()
    return row


def attribution(values: Any, **more: Any) -> Attribution:
    values = np.asarray(values, np.float32)
    size = more.pop("input_size", values.shape)
    about = {"method": "m", "params": {}, "target": 0, "label": "cat", "layer": None, "signed": False}
    return Attribution(values=values, input_size=size, **(about | more))


# The top of the scale


@pytest.mark.parametrize("clip", [50.0, 73.2, 99.0, 100.0])
@pytest.mark.parametrize("signed", [True, False])
def test_the_top_is_the_percentile_that_numpy_finds(clip: float, signed: bool) -> None:
    values = np.random.default_rng(3).normal(1, 2, (7, 9))
    sizes = np.abs(values) if signed else np.maximum(values, 0)
    assert top_of(values, signed, clip) == pytest.approx(np.percentile(sizes, clip), rel=1e-12)


def test_the_top_is_the_maximum_where_the_percentile_leaves_nothing() -> None:
    assert top_of([0, 0, 0, 7], signed=False, clip=50) == 7
    assert top_of([0, -1, -7, 0], signed=False, clip=90) == 0
    assert legend([0, 1, 2, 3, 4], signed=True, clip=75) == (-3, 3)


def test_values_that_are_not_finite_do_not_count_for_the_top() -> None:
    assert top_of([np.nan, np.inf, 4, 2, 0], signed=False, clip=50) == 2
    assert top_of([np.nan], signed=True) == 0


def test_values_beyond_the_top_saturate_and_the_bar_says_so() -> None:
    assert reds([[0, 1, 2, 3, 100]], {"clip": 75.0}, 5) == [0, 85, 170, 255, 255]
    assert beyond([-9, 1, 5], signed=True, top=5) == (True, False)
    assert tick_words(ticks(5.0, signed=True), (True, False)) == ["\u2264 \u22125", "\u22122.5", "0", "2.5", "5"]


def test_a_given_top_replaces_the_maps_own() -> None:
    assert reds([[0, 1, 2]], {}, 3, top=4.0) == [0, 64, 128]


# Modes


def test_side_puts_the_picture_left_and_the_overlay_right_of_a_gap() -> None:
    assert reds([[0, 1]], {"mode": "side"}, 2) == [100, 100, 128, 128, 0, 255]


def test_the_curtain_keeps_the_overlay_left_of_a_white_line_between_dark_ones() -> None:
    # 40 % of 255 and of 200 beside the line
    assert reds([[1]], {"mode": "curtain"}, 8, 200) == [255, 255, 255, 102, 255, 80, 200, 200]


def test_an_open_or_closed_curtain_has_no_line() -> None:
    assert reds([[1]], {"mode": "curtain", "curtain": 0.0}, 4) == [100] * 4
    assert reds([[1]], {"mode": "curtain", "curtain": 1.0}, 4) == [255] * 4


def test_the_box_is_white_inside_its_edge_and_dark_on_both_sides() -> None:
    values = np.zeros((9, 9))
    values[2:8, 2:8] = 1
    painted = paint(grey(100, 9, 9), values, signed=False, view={"mode": "image", "box": True})[:, :, 0]
    assert painted[5].tolist() == [100, 40, 255, 40, 100, 100, 40, 255, 40]
    assert painted[0].tolist() == [100] * 9


def test_regions_dim_what_lies_outside_and_carry_their_numbers() -> None:
    labels = np.zeros((60, 300), np.uint8)
    labels[:, :150] = 1
    painted = paint(grey(100, 60, 300), [[1]], signed=False, view={"mode": "regions"}, labels=labels)
    assert painted[5, [20, 280], 0].tolist() == [100, 40]
    # The digit's stem in the middle of the badge, and the disc beside it.
    assert painted[30, [74, 76], 0].tolist() == [24, 255]


@pytest.mark.parametrize("labels", [None, np.zeros((2, 2), np.uint8)])
def test_without_regions_their_mode_shows_the_picture(labels: np.ndarray | None) -> None:
    painted = paint(grey(9, 2, 2), [[1]], signed=False, view={"mode": "regions"}, labels=labels)
    np.testing.assert_array_equal(painted, grey(9, 2, 2))


def test_contours_of_a_ramp_stand_at_every_fifth() -> None:
    ramp = np.tile(np.arange(101.0), (3, 1))
    painted = paint(grey(0, 3, 101), ramp, signed=False, view={"mode": "contours", "colormap": "gray"})
    assert np.flatnonzero(painted[1, :, 0] > 100).tolist() == [20, 40, 60, 80]
    hidden = paint(grey(0, 3, 101), ramp, signed=False, view={"mode": "contours", "threshold": 0.5, "colormap": "gray"})
    assert np.flatnonzero(hidden[1, :, 0] > 100).tolist() == [60, 80]


def test_contours_of_a_signed_map_stand_at_both_signs() -> None:
    ramp = np.tile(np.arange(-50.0, 51.0), (3, 1))
    painted = paint(grey(0, 3, 101), ramp, signed=True, view={"mode": "contours"}).astype(int)
    found = np.flatnonzero(painted[1].sum(axis=-1) > 250) - 50
    assert found.tolist() == [-40, -30, -20, -10, 10, 20, 30, 40]
    assert painted[1, 10, 2] > painted[1, 10, 0]  # blue is negative
    assert painted[1, 90, 0] > painted[1, 90, 2]


def test_contours_of_cells_run_along_their_borders() -> None:
    view = {"mode": "contours", "cells": True, "colormap": "gray"}
    painted = paint(grey(100, 2, 8), [[0.0, 1.0]], signed=False, view=view)[0, :, 0]
    # One level's line, in the first pixel of the stronger cell, and its dark edge on both sides.
    assert painted.argmax() == 4
    assert painted[3] < 100 > painted[5]
    assert painted[[0, 1]].tolist() == [100, 100]


def test_no_level_has_a_dark_colour() -> None:
    for name in ("inferno", "RdBu_r", "gray", "PuOr_r"):
        colours = level_colours(check_view({"colormap": name}), signed=name.endswith("_r"))
        luminance = colours @ [0.299, 0.587, 0.114]
        assert luminance.min() >= 119
    assert shown_levels(check_view({"threshold": 0.6}), signed=True) == [4, -4, 3, -3]


# Scale


@pytest.mark.parametrize("mode", ["overlay", "side", "curtain", "map", "contours", "regions", "image"])
def test_a_scale_enlarges_the_frame_in_every_mode(mode: str) -> None:
    one, three = (
        paint(grey(9, 5, 80), [[0, 1]], signed=False, view={"mode": mode}, scale=scale).shape for scale in (1, 3)
    )
    assert three == (3 * one[0], 3 * one[1], 3)


def test_an_enlarged_picture_is_smooth_and_its_map_keeps_its_cells() -> None:
    picture = np.repeat(np.array([[[0], [200]]], np.uint8), 3, axis=2)
    assert paint(picture, [[1]], signed=False, view={"mode": "image"}, scale=2)[0, :, 0].tolist() == [0, 50, 150, 200]
    view = {"mode": "map", "cells": True, "colormap": "gray"}
    assert paint(picture, [[0, 1]], signed=False, view=view, scale=2)[0, :, 0].tolist() == [0, 0, 255, 255]


def test_lines_grow_with_the_output() -> None:
    assert [line_width(width, scale) for width, scale in ((30, 1), (224, 1), (224, 4), (448, 1))] == [1, 1, 4, 2]


@pytest.mark.parametrize("scale", [0, -1, 1.5, True, "2"])
def test_a_scale_is_a_whole_number(scale: Any) -> None:
    with pytest.raises(ValueError, match="whole number of output pixels"):
        paint(grey(1), [[1]], signed=False, scale=scale)


def test_labels_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one label a pixel of the picture \(1, 1\); got \(2, 2\)"):
        paint(grey(1), [[1]], signed=False, labels=np.zeros((2, 2), np.uint8))


# Traces, badges, boxes


def test_distances_are_measured_from_the_line_between_pixels() -> None:
    field = np.tile(np.arange(4.0), (2, 1))
    away = distances(crossings(field, 1.25), field.shape, 1.5)
    assert away[0].tolist() == [1.5625, 0.0625, 0.5625, np.inf]


def test_a_badge_stays_within_the_picture_and_its_digit_is_sharp() -> None:
    base = grey(100, 30, 30)
    badge(base, 1, 0.5, 0.5, 1)
    assert (base[:, 16:] == 100).all()
    assert base[4:11, 7, 0].tolist() == [24] * 7


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.99])
def test_the_painted_box_is_the_attributions(threshold: float) -> None:
    random = np.random.default_rng(5)
    for _ in range(20):
        found = attribution(random.normal(size=random.integers(2, 9, 2)), input_size=(23, 31))
        assert largest_box(resize(found.values, (23, 31)), threshold) == found.box(threshold)


def test_there_is_no_box_where_nothing_is_positive() -> None:
    assert largest_box([[0, -1]], 0.2) is None
    assert largest_box([[1, np.nan]], 0.2) is None
    assert largest_box([[1, 2]], 1.0) is None


# Sheets, figures


def test_the_bar_is_white_where_the_threshold_hides_the_map() -> None:
    view = check_view({"threshold": 0.6, "colormap": "gray"})
    assert bar(5, False, view)[:, 0].tolist() == [255, 255, 255, 191, 255]
    assert bar(5, False, check_view(view | {"mode": "map"}))[:, 0].tolist() == [0, 0, 0, 191, 255]


def test_a_sheet_holds_the_picture_and_a_bar_below() -> None:
    painted = grey(90, 100, 200)
    page = np.asarray(sheet(painted, top=1.0, signed=False, view=check_view({"colormap": "gray"})))
    assert (page[0] == 255).all()
    np.testing.assert_array_equal(page[9:109, 9:209], painted)
    assert page[121, 10:208, 0].tolist() == sorted(page[121, 10:208, 0].tolist())
    assert (page[127:] < 128).any()  # the numbers


def test_no_method_counts_in_letters_that_a_sheet_cannot_write() -> None:
    units = {str(getattr(method(), "unit", "")).translate(PLAINER) for method in method_classes().values()}
    assert len(units) > 10
    assert all(unit.isascii() for unit in units)


def test_a_sheet_has_no_bar_where_colours_mean_nothing() -> None:
    assert sheet(grey(90, 10, 20), top=1.0, signed=False, view=check_view({"mode": "image"})).size == (20, 10)


def test_a_heat_map_takes_regions_a_shared_top_and_a_scale() -> None:
    found = attribution([[0.0, 1.0]], input_size=(1, 2), image=grey(0, 1, 2))
    assert found.heat_map({"colormap": "gray", "mode": "map"}, top=2.0)[0, :, 0].tolist() == [0, 128]
    labels = np.array([[0, 1]], np.uint8)
    assert found.heat_map({"mode": "regions"}, labels=labels, scale=2).shape == (2, 4, 3)


def test_a_plot_has_numbers_a_unit_and_pointed_ends() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    values = np.minimum(np.arange(100.0), 80).reshape(10, 10)
    values[9, 9] = 500
    found = attribution(values, image=grey(0, 10, 10), meta={"unit": "points"})
    axes = found.plot(view={"clip": 95.0})
    scale = axes.figure.axes[1]
    assert [label.get_text() for label in scale.get_yticklabels()] == ["0", "20", "40", "60", "80"]
    assert scale.get_ylabel() == "points"
    # One end is pointed only where values lie beyond it.
    assert (len(scale.patches), len(found.plot().figure.axes[1].patches)) == (1, 0)
    assert axes.images[0].get_extent() == [-0.5, 9.5, 9.5, -0.5]
    assert len(found.plot(view={"mode": "image"}).figure.axes) == 1
    pyplot.close("all")
