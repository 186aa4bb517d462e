"""The rules of painting, with exact values."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from xai_widget.render import colour_table, legend, overlay, resize
from xai_widget.view import DEFAULT_VIEW, DIVERGING, SEQUENTIAL, check_view

ROOT = Path(__file__).resolve().parents[2]


def grey(level: int, height: int = 1, width: int = 1) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


# Colour tables


def test_checked_in_tables_are_matplotlibs() -> None:
    pytest.importorskip("matplotlib")
    generator = runpy.run_path(str(ROOT / "tools" / "make_colormaps.py"))
    assert (ROOT / "xai_widget" / "colormaps.json").read_text(encoding="utf-8") == generator["document"]()


def test_every_named_table_exists_and_has_its_known_ends() -> None:
    ends = {name: (colour_table(name)[0].tolist(), colour_table(name)[-1].tolist()) for name in SEQUENTIAL + DIVERGING}
    assert ends["gray"] == ([0, 0, 0], [255, 255, 255])
    assert ends["viridis"] == ([68, 1, 84], [253, 231, 37])
    assert ends["inferno"] == ([0, 0, 4], [252, 255, 164])
    assert ends["RdBu_r"] == ([5, 48, 97], [103, 0, 31])  # blue is negative, red is positive
    assert ends["coolwarm"] == ([59, 76, 192], [180, 4, 38])
    assert all(colour_table(name).shape == (256, 3) for name in ends)


@pytest.mark.parametrize("name", DIVERGING)
def test_zero_is_almost_colourless_in_diverging_tables(name: str) -> None:
    middle = colour_table(name)[128].astype(int)
    assert np.ptp(middle) <= 1
    assert middle.min() >= 220


def test_tables_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        colour_table("gray")[0, 0] = 1


def test_unknown_table_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"No colour table 'viridos'\. Did you mean 'viridis'\?"):
        colour_table("viridos")


# Resizing


@pytest.mark.parametrize(
    ("shape", "size", "mode"),
    [
        ((5,), (13,), "linear"),
        ((9,), (4,), "linear"),
        ((7, 7), (224, 224), "bilinear"),
        ((14, 3), (10, 31), "bilinear"),
        ((1, 4), (5, 2), "bilinear"),
        ((3, 5, 4), (8, 5, 9), "trilinear"),
        ((6, 1, 7), (4, 3, 5), "trilinear"),
    ],
)
def test_resize_agrees_with_torch(shape: tuple[int, ...], size: tuple[int, ...], mode: str) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=shape)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=size, mode=mode, align_corners=False
    )[0, 0].numpy()
    ours = resize(values, size)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "size"), [((5,), (12,)), ((7,), (3,)), ((7, 4), (30, 30)), ((6, 5), (4, 3)), ((3, 2, 5), (7, 4, 4))]
)
def test_cells_are_the_sample_whose_cell_holds_the_pixels_centre(shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    ours = resize(values, size, cells=True)
    for index in np.ndindex(*size):
        cell = tuple(
            next(k for k in range(n) if (i + 0.5) * n < (k + 1) * length)
            for i, n, length in zip(index, shape, size, strict=True)
        )
        assert ours[index] == values[cell]


def test_cells_by_hand() -> None:
    assert resize([1, 2, 3], (2,), cells=True).tolist() == [1, 3]
    assert resize([1, 2], (5,), cells=True).tolist() == [1, 1, 2, 2, 2]


def test_resize_to_the_same_size_changes_nothing() -> None:
    values = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    np.testing.assert_array_equal(resize(values, (6, 5)), values)
    np.testing.assert_array_equal(resize(values, (6, 5), cells=True), values)


@pytest.mark.parametrize(("shape", "size"), [((2, 2), (4,)), ((2,), (0,)), ((0,), (3,)), ((2, 2), (3, -1))])
def test_resize_refuses_what_has_no_meaning(shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Cannot resize values of shape"):
        resize(np.zeros(shape), size)


# Legend


@pytest.mark.parametrize(
    ("values", "signed", "ends"),
    [
        ([[-3.0, 2.0]], True, (-3.0, 3.0)),
        ([[-3.0, 2.0]], False, (0.0, 2.0)),
        ([[-3.0, -2.0]], False, (0.0, 0.0)),
        ([[0.0]], True, (0.0, 0.0)),
        ([[np.nan, np.inf, 1.0]], True, (-1.0, 1.0)),
        ([[np.nan]], False, (0.0, 0.0)),
    ],
)
def test_legend(values: list[list[float]], signed: bool, ends: tuple[float, float]) -> None:
    assert legend(values, signed) == ends
    assert str(legend([[0.0]], True)) == "(0.0, 0.0)"


# Overlay


def test_unsigned_blend_by_hand() -> None:
    picture = np.array([[[100, 50, 200], [10, 20, 30], [0, 0, 255]]], dtype=np.uint8)
    table = colour_table("inferno").astype(float)
    painted = overlay(picture, [[0.0, 2.0, 4.0]], signed=False, view={"opacity": 0.25})
    expected = [
        np.floor(picture[0, 0] * 0.75 + table[0] * 0.25 + 0.5),
        np.floor(picture[0, 1] * 0.75 + table[128] * 0.25 + 0.5),
        np.floor(picture[0, 2] * 0.75 + table[255] * 0.25 + 0.5),
    ]
    assert painted.dtype == np.uint8
    np.testing.assert_array_equal(painted[0], expected)


def test_signed_values_are_symmetric_about_the_middle_of_the_table() -> None:
    view = {"mode": "map", "colormap": "coolwarm"}
    painted = overlay(grey(9, 1, 5), [[-2.0, -1.0, 0.0, 1.0, 2.0]], signed=True, view=view)
    table = colour_table("coolwarm")
    np.testing.assert_array_equal(painted[0], table[[0, 64, 128, 191, 255]])


def test_weak_signed_values_cover_less_of_the_picture_and_zero_nothing() -> None:
    painted = overlay(grey(100, 1, 4), [[-2.0, -1.0, 0.0, 0.5]], signed=True, view={"opacity": 1.0, "colormap": "gray"})
    # Half of the maximum covers fully (grey 64), a quarter by half: (100 + 159) / 2, rounded half up.
    np.testing.assert_array_equal(painted[0, :, 0], [0, 64, 100, 130])


def test_one_large_value_of_either_sign_sets_the_scale() -> None:
    view = {"opacity": 1.0, "mode": "map"}
    painted = overlay(grey(0, 1, 2), [[-4.0, 1.0]], signed=True, view=view)
    np.testing.assert_array_equal(painted[0], colour_table("RdBu_r")[[0, 159]])


def test_gamma_bends_the_strength_and_not_the_threshold() -> None:
    view = {"opacity": 1.0, "colormap": "gray", "gamma": 2.0, "threshold": 0.5}
    painted = overlay(grey(7, 1, 3), [[0.49, 0.5, 1.0]], signed=False, view=view)
    assert painted[0, :, 0].tolist() == [7, 64, 255]


def test_threshold_hides_weak_values_of_both_signs() -> None:
    view = {"opacity": 1.0, "threshold": 0.5}
    painted = overlay(grey(7, 1, 4), [[-1.0, -0.4, 0.4, 0.5]], signed=True, view=view)
    table = colour_table("RdBu_r")
    np.testing.assert_array_equal(painted[0], [table[0], [7, 7, 7], [7, 7, 7], table[191]])


def test_a_map_shows_zero_below_the_threshold_and_never_the_picture() -> None:
    view = {"mode": "map", "opacity": 0.1, "threshold": 0.9}
    unsigned = overlay(grey(7, 1, 2), [[0.5, 1.0]], signed=False, view=view)
    np.testing.assert_array_equal(unsigned[0], colour_table("inferno")[[0, 255]])
    signed = overlay(grey(7, 1, 2), [[0.5, 1.0]], signed=True, view=view)
    np.testing.assert_array_equal(signed[0], colour_table("RdBu_r")[[128, 255]])


def test_a_sequential_table_may_show_signed_values() -> None:
    painted = overlay(
        grey(7, 1, 3), [[-1.0, 0.0, 1.0]], signed=True, view={"opacity": 1.0, "colormap": "gray", "mode": "map"}
    )
    assert painted[0, :, 0].tolist() == [0, 128, 255]


def test_the_image_alone_is_a_copy() -> None:
    picture = grey(7, 2, 2)
    painted = overlay(picture, [[1.0]], signed=False, view={"mode": "image"})
    np.testing.assert_array_equal(painted, picture)
    assert not np.shares_memory(painted, picture)


@pytest.mark.parametrize("signed", [True, False])
def test_an_all_zero_map_has_the_colour_of_zero(signed: bool) -> None:
    painted = overlay(grey(7), [[0.0]], signed=signed, view={"mode": "map"})
    assert painted[0, 0].tolist() == ([247, 246, 246] if signed else [0, 0, 4])


def test_negative_values_of_an_unsigned_map_count_as_zero() -> None:
    painted = overlay(grey(7, 1, 2), [[-5.0, 1.0]], signed=False, view={"opacity": 1.0, "colormap": "gray"})
    assert painted[0, :, 0].tolist() == [0, 255]


def test_values_that_are_not_finite_count_as_zero() -> None:
    painted = overlay(
        grey(7, 1, 4), [[np.nan, np.inf, -np.inf, 2.0]], signed=False, view={"opacity": 1.0, "colormap": "gray"}
    )
    assert painted[0, :, 0].tolist() == [0, 0, 0, 255]


def test_values_are_resized_to_the_picture_smoothly_or_as_cells() -> None:
    view = {"opacity": 1.0, "colormap": "gray"}
    smooth = overlay(grey(0, 1, 4), [[0.0, 1.0]], signed=False, view=view)
    cells = overlay(grey(0, 1, 4), [[0.0, 1.0]], signed=False, view=view | {"cells": True})
    assert smooth[0, :, 0].tolist() == [0, 64, 191, 255]
    assert cells[0, :, 0].tolist() == [0, 0, 255, 255]


def test_overlay_changes_neither_picture_nor_values() -> None:
    picture, values = grey(7, 2, 2), np.array([[np.nan, -1.0]])
    overlay(picture, values, signed=False)
    np.testing.assert_array_equal(picture, grey(7, 2, 2))
    np.testing.assert_array_equal(values, [[np.nan, -1.0]])


def test_overlay_refuses_wrong_shapes_and_types() -> None:
    with pytest.raises(ValueError, match=r"got shapes \(2, 2\) and \(1, 1\)"):
        overlay(np.zeros((2, 2), np.uint8), [[1.0]], signed=False)
    with pytest.raises(ValueError, match=r"got shapes \(2, 2, 3\) and \(1,\)"):
        overlay(grey(0, 2, 2), [1.0], signed=False)
    with pytest.raises(TypeError, match="uint8 picture; got float64"):
        overlay(grey(0, 2, 2).astype(float), [[1.0]], signed=False)


# View


def test_an_empty_view_is_the_default() -> None:
    view = check_view({})
    assert view == DEFAULT_VIEW
    assert view is not DEFAULT_VIEW


def test_numbers_of_any_kind_become_floats() -> None:
    view = check_view({"opacity": 1, "gamma": np.float32(2), "cells": np.bool_(True)})
    assert (view["opacity"], view["gamma"], view["cells"]) == (1.0, 2.0, True)
    assert type(view["opacity"]) is float
    assert type(view["cells"]) is bool


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ({"opactiy": 1}, r"Unknown view setting 'opactiy'\. Did you mean 'opacity'\?"),
        ({"opacity": 1.5}, r"'opacity' lies between 0 and 1; got 1\.5"),
        ({"threshold": -0.1}, r"'threshold' lies between 0 and 1; got -0\.1"),
        ({"gamma": 0}, r"'gamma' lies between 0\.1 and 10; got 0"),
        ({"gamma": float("nan")}, r"'gamma' lies between 0\.1 and 10; got nan"),
        ({"colormap": "jet"}, r"'colormap' cannot be 'jet'\. Known: auto, viridis"),
        ({"mode": "overlays"}, r"'mode' cannot be 'overlays'\. Did you mean 'overlay'\?"),
    ],
)
def test_a_wrong_view_says_what_is_right(view: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_view(view)


@pytest.mark.parametrize("view", [{"opacity": True}, {"opacity": "1"}, {"cells": 1}, {"mode": 3}, {"colormap": None}])
def test_a_view_setting_of_the_wrong_type_is_refused(view: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="View setting"):
        check_view(view)
