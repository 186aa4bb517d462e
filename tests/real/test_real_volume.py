"""A real head scan in the widget: is it upright, and is left where left is?

The scan lies in the folder that XAI_WIDGET_TEST_DATA names; it is read there and never copied.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import ipywidgets
import nibabel
import numpy as np
import pytest
from torch import Tensor, nn
from torch.nn import functional

from tests.recorded import Recorded
from xai_widget.planes import cut, planes_of, to_mm, to_voxel
from xai_widget.render import pane_size, voxels_of
from xai_widget.render.volumes import compose
from xai_widget.view import check_view

FOLDER = os.environ.get("XAI_WIDGET_TEST_DATA")
SCAN = Path(FOLDER or ".") / "volumes" / "t1_crop.nii.gz"
pytestmark = [
    pytest.mark.skipif(not SCAN.is_file(), reason="XAI_WIDGET_TEST_DATA names no folder with a head scan"),
    pytest.mark.timeout(600),
]
# A place in the left frontal lobe, in mm towards right, front and top of the scan's own centre.
PLACE = (-35.0, 30.0, 35.0)


class Frontal(nn.Module):
    """Class 1 is the brighter, the brighter the left frontal lobe is."""

    def __init__(self, corner: tuple[int, ...], size: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 1, 1)
        nn.init.ones_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)
        self.inside = tuple(slice(start, start + size) for start in corner)

    def forward(self, x: Tensor) -> Tensor:
        coarse = functional.relu(self.conv(functional.avg_pool3d(x, 4) / 50))
        score = coarse[(slice(None), slice(None), *self.inside)].mean((1, 2, 3, 4))
        return functional.pad(score[:, None], (1, 0))


@cache
def scan() -> Any:
    return nibabel.load(SCAN)


def place() -> tuple[int, ...]:
    """The voxel of PLACE, by nibabel alone."""
    centre = nibabel.affines.apply_affine(scan().affine, (np.array(scan().shape) - 1) / 2)
    voxel = nibabel.affines.apply_affine(np.linalg.inv(scan().affine), centre + PLACE)
    return tuple(int(index) for index in np.round(voxel))


@pytest.fixture
def w() -> Iterator[Recorded]:
    corner = tuple(index // 4 - 4 for index in place())
    settings = {"method": "saliency", "labels": ["control", "patient"]}
    yield Recorded(
        Frontal(corner),
        str(SCAN),
        target=1,
        auto_run=False,
        view={"crosshair": list(place()), "threshold": 0.5},
        **settings,
    )
    ipywidgets.Widget.close_all()


def test_the_panes_show_what_nibabel_shows_in_canonical_order() -> None:
    canonical = nibabel.as_closest_canonical(scan()).get_fdata(dtype=np.float32)
    stored = scan().get_fdata(dtype=np.float32)
    voxel = place()
    x, y, z = (
        int(i) for i in np.round(to_voxel(nibabel.as_closest_canonical(scan()).affine, to_mm(scan().affine, voxel)))
    )
    expected = (canonical[:, :, z].T[::-1], canonical[:, y, :].T[::-1], canonical[x].T[::-1])
    for plane, section in zip(planes_of(stored.shape, scan().affine), expected, strict=True):
        np.testing.assert_array_equal(cut(stored, plane, voxel[plane.axis]), section)


def test_a_map_of_the_left_frontal_lobe_is_seen_there(w: Recorded) -> None:
    found = w.explain()
    np.testing.assert_array_equal(found.affine, scan().affine)
    peak = np.unravel_index(int(found.resized().argmax()), found.input_size)
    assert np.abs(np.array(to_mm(scan().affine, peak)) - to_mm(scan().affine, place())).max() < 48
    shown = np.asarray(w.snapshot(), np.int64)
    bare = found.heat_map({**w.view, "mode": "image"}).astype(np.int64)
    changed = np.abs(shown - bare).sum(axis=2)
    plan = compose(found.input_size, found.affine, check_view(w.view))
    centres = {}
    for tile in plan.tiles:
        pane = changed[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
        rows, columns = np.nonzero(pane > pane.max() / 2)
        centres[tile.plane.name] = rows.mean() / tile.height, columns.mean() / tile.width
    # Upper left in the axial pane (front, left), upper left in the coronal one, upper right in the sagittal one.
    assert all(row < 0.5 for row, _ in centres.values())
    assert centres["axial"][1] < 0.5
    assert centres["coronal"][1] < 0.5
    assert centres["sagittal"][1] > 0.5


def test_the_scan_crosses_the_wire_as_one_byte_a_voxel(w: Recorded) -> None:
    w.hear({"kind": "hello", "request_id": "h"})
    sent = [memoryview(each).nbytes for _, buffers in w.sent for each in buffers or ()]
    assert sorted(sent)[-2:] == [8, 256**3]
    (session,) = (content["session"] for content in w.customs("session"))
    assert session["picture"]["shape"] == session["picture"]["full"] == [256, 256, 256]
    assert (session["picture"]["low"], session["picture"]["high"]) == (
        voxels_of(scan().get_fdata(dtype=np.float32)).low,
        voxels_of(scan().get_fdata(dtype=np.float32)).high,
    )
    assert {pane_size((256, 256, 256), plane) for plane in planes_of((256,) * 3, scan().affine)} == {(256, 256)}
