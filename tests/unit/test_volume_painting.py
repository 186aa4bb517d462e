"""Volumes as pictures: what nibabel, geometry and the 2-D rule say must be seen."""

from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from tests.volumes import LIA, SHAPE, a_volume
from xai_widget.attribution import Attribution
from xai_widget.planes import cut, planes_of
from xai_widget.render import factors_for, fitting_scale, largest_box, paint, paint_pane, resize, top_of, voxels_of
from xai_widget.render.panes import pane_size, section
from xai_widget.render.volumes import compose, paint_volume
from xai_widget.render.voxels import averaged
from xai_widget.view import DEFAULT_VIEW, View, check_view


def view(**settings: Any) -> View:
    return check_view(settings)


def an_attribution(values: Any = None, affine: Any = LIA, *, signed: bool = True) -> Attribution:
    native = np.random.default_rng(3).normal(size=(5, 3, 4)) if values is None else values
    return Attribution(native, "occlusion", {}, 0, "a", None, SHAPE, signed, image=a_volume(), affine=affine)


# -- eight bits -----------------------------------------------------------------------------------------------------


def test_the_window_is_that_of_the_percentiles_of_the_finite_voxels() -> None:
    volume = a_volume()
    volume[0, 0, :3] = np.nan, np.inf, -np.inf
    finite = volume[np.isfinite(volume)].astype(np.float64)
    shown = voxels_of(volume)
    assert (shown.low, shown.high) == pytest.approx(np.quantile(finite, [0.005, 0.995]), rel=1e-6)
    expected = np.clip((volume.astype(np.float64) - shown.low) / (shown.high - shown.low), 0, 1) * 255
    known = np.isfinite(volume)
    assert np.abs(shown.levels[known] - expected[known]).max() <= 0.5 + 1e-3
    assert shown.levels[0, 0, :3].tolist() == [0, 255, 0]


def test_of_a_large_volume_some_voxels_decide_and_the_window_is_the_same_to_a_grey_level() -> None:
    # A ramp with bright rows in the rhythm of its own size: every second voxel alone would see one kind of rows.
    volume = np.linspace(0, 1, 128 * 130 * 132, dtype=np.float32).reshape(128, 130, 132)
    volume[:, ::2] += 1
    shown, exact = voxels_of(volume), np.percentile(volume, (0.5, 99.5))
    np.testing.assert_allclose((shown.low, shown.high), exact, atol=2 / 255)


def test_a_volume_that_is_nearly_all_background_is_windowed_by_its_extremes() -> None:
    volume = np.zeros((20, 20, 20))
    volume[3, 4, 5] = 7
    shown = voxels_of(volume)
    assert (shown.low, shown.high, int(shown.levels[3, 4, 5]), int(shown.levels.sum())) == (0.0, 7.0, 255, 255)


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
def test_a_volume_without_any_contrast_is_black(value: float) -> None:
    assert not voxels_of(np.full((2, 3, 4), value)).levels.any()


def test_large_volumes_are_averaged_by_whole_factors_until_they_fit() -> None:
    assert factors_for((256, 256, 256)) == (1, 1, 1)
    assert factors_for((257, 256, 256)) == (2, 1, 1)
    for shape in ((600, 30, 1200), (512, 512, 512), (300, 300, 300)):
        factors = factors_for(shape)
        left = [-(-length // factor) for length, factor in zip(shape, factors, strict=True)]
        assert np.prod(left) <= 256**3
    assert factors_for((512, 512, 512)) == (2, 2, 2)


def test_blocks_are_means_and_the_last_ones_may_be_smaller() -> None:
    volume = a_volume(shape=(5, 4, 7))
    found = averaged(volume, (2, 1, 3))
    assert found.shape == (3, 4, 3)
    for i, j, k in np.ndindex(*found.shape):
        block = volume[2 * i : 2 * i + 2, j, 3 * k : 3 * k + 3]
        assert found[i, j, k] == pytest.approx(block.mean(dtype=np.float64), rel=1e-6)
    np.testing.assert_array_equal(averaged(volume, (1, 1, 1)), volume)


# -- one pane -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", planes_of(SHAPE, LIA))
def test_a_pane_is_the_2d_rule_on_the_slice_and_on_the_map_resized_in_all_three_directions(plane: Any) -> None:
    volume, native = a_volume(), np.random.default_rng(1).normal(size=(3, 5, 2)).astype(np.float32)
    shown, index = voxels_of(volume), SHAPE[plane.axis] // 3
    settings = view(colormap="RdBu_r")
    found = paint_pane(shown, native, plane, index, signed=True, view=settings, top=2.0)
    height, width = pane_size(SHAPE, plane)
    levels = resize(cut(shown.levels, plane, index), (height, width))
    picture = np.repeat(np.floor(levels.astype(np.float64) + 0.5).astype(np.uint8)[..., None], 3, axis=2)
    # Another way to the same numbers: the whole map at the size of the volume, across, and then its slice.
    tall = [native.shape[axis] if axis != plane.axis else SHAPE[axis] for axis in range(3)]
    whole = cut(resize(native, tuple(tall)), plane, index)
    np.testing.assert_array_equal(found, paint(picture, whole, signed=True, view=settings, top=2.0))


def test_cells_across_are_the_nearest_ones() -> None:
    native = np.arange(3, dtype=np.float32).reshape(3, 1, 1)
    plane = planes_of((6, 1, 1), None)[0]
    assert [section(native, plane, i, (6, 1, 1), cells=True).item() for i in range(6)] == [0, 0, 1, 1, 2, 2]
    assert [section(native, plane, i, (6, 1, 1)).item() for i in range(6)] == [0, 0.25, 0.75, 1.25, 1.75, 2]


def test_panes_have_square_pixels_of_the_smallest_spacing() -> None:
    sizes = [pane_size(SHAPE, plane) for plane in planes_of(SHAPE, LIA)]
    # 10 x 12 x 8 voxels towards L, I, A, of 2 x 1 x 1.5 mm.
    assert sizes == [(12, 20), (12, 20), (12, 12)]


@pytest.mark.parametrize("mode", ["side", "curtain", "regions"])
def test_modes_that_volumes_do_not_know_are_drawn_as_overlay(mode: str) -> None:
    found = an_attribution()
    np.testing.assert_array_equal(found.heat_map({"mode": mode}), found.heat_map({"mode": "overlay"}))


# -- the box --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_the_largest_box_of_a_volume_is_that_of_the_attribution(seed: int) -> None:
    random = np.random.default_rng(seed)
    found = an_attribution(random.normal(size=tuple(random.integers(1, 9, 3))))
    threshold = float(random.random() * 0.9)
    assert largest_box(found.resized(), threshold) == found.box(threshold)


def test_of_boxes_of_one_size_the_first_is_taken_and_of_nothing_none() -> None:
    grid = np.zeros((4, 4, 4))
    grid[0, 3, 3] = grid[3, 0, 0] = 1
    assert largest_box(grid, 0.2) == (0, 3, 3, 1, 4, 4)
    assert largest_box(-grid, 0.2) is None


def test_the_box_is_framed_in_the_slices_that_it_meets_and_in_no_other() -> None:
    values = np.full(SHAPE, -0.001)
    values[2:4, 5:9, 1:3] = 1
    shown, planes = voxels_of(np.zeros(SHAPE)), planes_of(SHAPE, None)
    box = (2, 5, 1, 4, 9, 3)
    assert largest_box(values, 0.2) == box
    for plane in planes:
        for index in range(SHAPE[plane.axis]):
            painted = paint_pane(
                shown, values, plane, index, signed=True, view=view(mode="image"), top=1.0, box=box, scale=4
            )
            meets = box[plane.axis] <= index < box[plane.axis + 3]
            assert painted.any() == meets
            if meets:
                rows, columns = np.nonzero(painted.any(axis=2))
                inside = [edge * 4 for edge in (box[plane.rows], box[plane.columns])]
                assert abs(int(rows.min()) - inside[0]) <= 2
                assert abs(int(columns.min()) - inside[1]) <= 2
                assert abs(int(rows.max()) + 1 - box[plane.rows + 3] * 4) <= 2
                assert abs(int(columns.max()) + 1 - box[plane.columns + 3] * 4) <= 2


# -- the whole ------------------------------------------------------------------------------------------------------


def test_the_three_panes_stand_in_a_row_with_two_percent_between_them() -> None:
    plan = compose((100, 100, 100), np.eye(4), DEFAULT_VIEW)
    assert [tile.plane.name for tile in plan.tiles] == ["axial", "coronal", "sagittal"]
    gaps = [plan.tiles[i + 1].left - plan.tiles[i].left - plan.tiles[i].width for i in range(2)]
    assert gaps == [6, 6]
    assert gaps[0] / plan.width == pytest.approx(0.02, abs=0.001)


def test_panes_are_found_in_the_picture_where_they_were_laid() -> None:
    found, settings = an_attribution(), view(crosshair=[3, 4, 5])
    canvas = found.heat_map(settings, scale=3)
    top = top_of(found.values, True)
    plan = compose(SHAPE, LIA, settings)
    assert canvas.shape == (plan.height * 3, plan.width * 3, 3)
    for tile in plan.tiles:
        assert tile.index == (3, 4, 5)[tile.plane.axis]
        pane = paint_pane(
            voxels_of(a_volume()), found.values, tile.plane, tile.index, signed=True, view=settings, top=top, scale=3
        )
        upper, left = tile.top * 3, tile.left * 3
        seen = canvas[upper : upper + pane.shape[0], left : left + pane.shape[1]]
        # Lines and letters cover some of it.
        assert (seen == pane).all(axis=2).mean() > 0.5


def test_one_scale_holds_for_all_slices_of_a_map() -> None:
    values = np.zeros(SHAPE, np.float32)
    values[0, 0, 0] = 100  # in none of the slices that are shown
    values[5:, 6:, 4:] = 1
    weak = an_attribution(values, None).heat_map({"mode": "map", "colormap": "gray"}, scale=2)
    assert np.median(weak) < 140  # one hundredth of the scale, not all of it
    shown = an_attribution(values, None).heat_map({"mode": "map", "colormap": "gray"}, scale=2, top=1.0)
    assert (shown == 255).sum() > (weak == 255).sum() + 200


def test_a_montage_shows_evenly_spaced_slices_of_its_plane() -> None:
    plan = compose((30, 40, 50), np.eye(4), view(layout="montage", plane=1, tiles=5))
    assert [tile.index for tile in plan.tiles] == [4, 12, 20, 28, 36]
    assert {tile.plane.name for tile in plan.tiles} == {"coronal"}
    assert len({tile.left for tile in plan.tiles}) == 3
    assert len({tile.top for tile in plan.tiles}) == 2


@pytest.mark.parametrize("radiological", [False, True])
def test_a_montage_goes_from_bottom_to_top_however_it_is_stored(radiological: bool) -> None:
    # Stored towards the left, the bottom and the front: LIA.
    for plane, axis in ((0, 1), (1, 2), (2, 0)):
        plan = compose((30, 40, 50), LIA, view(layout="montage", plane=plane, tiles=5, radiological=radiological))
        voxels = np.full((5, 3), 7)
        voxels[:, axis] = [tile.index for tile in plan.tiles]
        # Along the body: z of an axial slice, y of a coronal, x of a sagittal one.
        places = nibabel.affines.apply_affine(LIA, voxels)[:, 2 - plane]
        assert (np.diff(places) > 0).all(), plane


def test_radiological_pictures_are_mirrored_in_two_panes() -> None:
    volume = np.zeros(SHAPE, np.float32)
    volume[8:, :, :] = 100  # towards the patient's left: LIA
    shown = voxels_of(volume)

    def left_halves(radiological: bool) -> list[bool]:
        halves = []
        for plane in planes_of(SHAPE, LIA, radiological)[:2]:
            pane = paint_pane(shown, None, plane, SHAPE[plane.axis] // 2, signed=False, view=view(), top=0.0, scale=1)
            half = pane.shape[1] // 2
            halves.append(bool(pane[:, :half].mean() > pane[:, half:].mean()))
        return halves

    assert left_halves(False) == [True, True]
    assert left_halves(True) == [False, False]


@pytest.mark.parametrize("layout", ["panes", "montage"])
def test_a_volume_is_painted_without_a_map_without_an_affine_and_one_voxel_thin(layout: str) -> None:
    shown = voxels_of(a_volume(shape=(1, 5, 7)))
    found = paint_volume(shown, None, affine=None, signed=False, view=view(layout=layout, box=True), scale=2)
    assert found.dtype == np.uint8
    assert found.any()


def test_small_volumes_are_enlarged_until_their_marks_can_be_read() -> None:
    assert fitting_scale(SHAPE, LIA, DEFAULT_VIEW) == round(960 / compose(SHAPE, LIA, DEFAULT_VIEW).width)
    assert fitting_scale((256, 256, 256), None, DEFAULT_VIEW) == 1


# -- of an attribution ----------------------------------------------------------------------------------------------


def test_labels_are_refused_for_volumes() -> None:
    with pytest.raises(ValueError, match="Labels outline regions of a picture"):
        an_attribution().heat_map(labels=np.zeros(SHAPE, np.uint8))


def test_an_attribution_of_a_volume_is_drawn_saved_and_put_on_paper(tmp_path: Any) -> None:
    found = an_attribution()
    with Image.open(found.save(tmp_path / "map.png")) as saved:
        assert saved.width == pytest.approx(960, rel=0.05)
    axes = found.plot()
    assert axes.get_title() == "occlusion · a"
    assert len(axes.figure.axes) == 2
    assert found.sheet({"layout": "montage"}, scale=4).height > found.heat_map({"layout": "montage"}, scale=4).shape[0]


def test_an_attribution_read_from_a_file_is_painted_as_before(tmp_path: Any) -> None:
    found = an_attribution()
    loaded = Attribution.load(found.save(tmp_path / "map.npz"))
    np.testing.assert_array_equal(loaded.heat_map(scale=2), found.heat_map(scale=2))


def test_the_head_in_a_scan_is_upright() -> None:
    """A head drawn in canonical space, stored in another order: nibabel turns it back, and so must the panes."""
    head = np.zeros((12, 10, 8), np.float32)
    head[2:10, 1:9, 2:] = 50
    head[5:7, 8:, 3:5] = 90  # a nose, in front
    head[2, 4:6, 4:6] = 120  # a mole, on the left
    affine = np.diag([1.0, 1, 1, 1])
    stored = nibabel.Nifti1Image(head, affine).as_reoriented(
        nibabel.orientations.ornt_transform(
            nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt("SPL")
        )
    )
    turned = stored.get_fdata(dtype=np.float32)
    for plane, expected in zip(
        planes_of(turned.shape, stored.affine),
        (head[:, :, 4].T[::-1], head[:, 5, :].T[::-1], head[6].T[::-1]),
        strict=True,
    ):
        index = {"axial": 4, "coronal": 10 - 1 - 5, "sagittal": 12 - 1 - 6}[plane.name]
        np.testing.assert_array_equal(cut(turned, plane, index), expected)
