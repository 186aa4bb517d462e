"""XaiWidget on volumes, without a kernel: what it sends, keeps, paints and refuses."""

import base64
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from tests.recorded import SOON, Recorded, a_widget
from tests.unit.test_protocol import assert_fits
from tests.volumes import LABELS, LIA, SHAPE, a_scan, a_volume, a_volume_widget
from tests.zoo import Volumetric, seeded
from xai_widget import explain, from_attribution
from xai_widget.attribution import Attribution
from xai_widget.page import result_payload, session_payload
from xai_widget.planes import planes_of
from xai_widget.render import fitting_scale, pane_picture, voxels_of
from xai_widget.view import check_view
from xai_widget.widget.protocol import CONTROLS, FOR_PICTURES


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def buffers_of(w: Recorded, kind: str) -> list[Any]:
    return [buffers for msg, buffers in w.sent if msg["method"] == "custom" and msg["content"]["kind"] == kind]


def hello(w: Recorded) -> dict[str, Any]:
    w.sent.clear()
    w.hear({"kind": "hello", "request_id": "h"})
    return w.customs("session")[-1]["session"]


def finish(w: Recorded) -> None:
    """Wait until no lane has anything to do."""
    thread = w.asker._worker._thread
    if thread is not None:
        thread.join(SOON)


def error_of(w: Recorded, content: dict[str, Any], *buffers: Any) -> str:
    w.sent.clear()
    w.hear({"request_id": "q", **content}, *buffers)
    w.settle()
    return str(w.customs("error")[-1]["error"]["title"])


# -- what travels ---------------------------------------------------------------------------------------------------


def test_a_session_brings_its_voxels_once_with_the_planes_to_show_them_in() -> None:
    w = a_volume_widget(auto_run=False)
    session = hello(w)
    assert_fits(session, "SessionPayload")
    ((pixels, _),) = buffers_of(w, "session")
    expected = voxels_of(a_volume())
    assert session["picture"] == {
        "shape": list(SHAPE),
        "dtype": "uint8",
        "buffer": 0,
        "low": expected.low,
        "high": expected.high,
        "full": list(SHAPE),
    }
    np.testing.assert_array_equal(np.frombuffer(pixels, np.uint8).reshape(SHAPE), expected.levels)
    assert session["volume"]["affine"] == LIA.tolist()
    shown = [(plane["name"], plane["axis"], plane["marks"]) for plane in session["volume"]["planes"]]
    assert shown == [
        ("axial", 1, ["L", "R", "A", "P"]),
        ("coronal", 2, ["L", "R", "S", "I"]),
        ("sagittal", 0, ["P", "A", "S", "I"]),
    ]
    # 960 voxels, once.
    sizes = [memoryview(each).nbytes for _, buffers in w.sent for each in buffers or ()]
    assert sum(size >= np.prod(SHAPE) for size in sizes) == 1


def test_pictures_have_no_volume() -> None:
    session = hello(a_widget(auto_run=False))
    assert session["volume"] is None
    assert "full" not in session["picture"]


def test_a_result_travels_at_its_own_resolution() -> None:
    w = a_volume_widget()
    found = w.explain()
    payload = w.customs("result")[-1]["result"]
    assert payload["shape"] == list(found.values.shape)
    assert len(payload["shape"]) == 3
    (values,) = buffers_of(w, "result")[-1]
    np.testing.assert_array_equal(np.frombuffer(values, np.float32).reshape(payload["shape"]), found.values)


def test_moving_the_crosshair_and_every_other_setting_of_the_view_sends_nothing_but_the_view() -> None:
    w = a_volume_widget()
    w.explain()
    w.sent.clear()
    for change in ({"crosshair": [1, 2, 3]}, {"layout": "montage"}, {"plane": 2}, {"tiles": 6}, {"radiological": True}):
        w.view = {**w.view, **change}
    w.settle()
    assert [list(msg["state"]) for msg, _ in w.sent] == [["view"]] * 5


def test_a_volume_too_large_is_averaged_for_display_alone_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xai_widget.render.voxels.MOST", 300)
    w = a_volume_widget(auto_run=False)
    payload, (pixels, _) = session_payload(w.session, 0, ["scan"], [])
    small = payload["picture"]["shape"]
    assert payload["picture"]["full"] == list(SHAPE)
    assert np.prod(small) == memoryview(pixels).nbytes <= 300
    assert any("10x12x8 voxels is shown by block means" in note for note in payload["notes"])
    assert payload["volume"]["planes"][0]["spacing"] == [1.0, 1.5, 2.0]
    assert w.session.inputs[0].tensor.shape == (1, 1, *SHAPE)


# -- beside the run -------------------------------------------------------------------------------------------------


def test_a_gallery_of_volumes_shows_the_middle_axial_slice_of_each() -> None:
    w = a_volume_widget([a_scan(0), a_scan(1)], auto_run=False)
    hello(w)
    items = w.customs("gallery")[-1]["items"]
    (buffers,) = buffers_of(w, "gallery")
    axial = planes_of(SHAPE, LIA)[0]
    for seed, item in enumerate(items):
        with Image.open(io.BytesIO(buffers[item["buffer"]])) as small:
            expected = pane_picture(voxels_of(a_volume(seed)), axial, SHAPE[axial.axis] // 2)
            np.testing.assert_array_equal(np.asarray(small), expected)


def test_a_pin_of_another_volume_brings_a_copy_for_a_tile() -> None:
    w = a_volume_widget([a_scan(0), a_scan(1)], auto_run=False)
    w.pin()
    w.sent.clear()
    w.active = 1
    w.pin()
    hello(w)
    first, second = (message["pinned"] for message in w.customs("pinned"))
    assert_fits(first, "PinnedPayload")
    assert first["picture"]["full"] == list(SHAPE)
    assert first["volume"]["affine"] == LIA.tolist()
    assert (second["picture"], second["volume"]) == (None, None)


def test_a_copy_for_a_tile_has_at_most_96_voxels_a_side() -> None:
    from xai_widget.shown import TILE, shown_payload

    shown = shown_payload(np.zeros((200, 96, 97), np.float32), None, 3, longest=TILE)
    assert (shown.picture["shape"], shown.picture["buffer"]) == ([67, 96, 49], 3)


def test_small_maps_of_the_layers_of_a_volume_travel_whole() -> None:
    w = a_volume_widget(method="grad_cam", params={})
    w.explain()
    w.sent.clear()
    w.hear({"kind": "film", "request_id": "f"})
    finish(w)
    film = w.customs("film")[-1]["film"]
    assert [frame["layer"] for frame in film["frames"]][:2] == ["conv1", "conv2"]
    (buffers,) = buffers_of(w, "film")
    for frame in film["frames"]:
        assert_fits(frame, "FramePayload")
        assert len(frame["shape"]) == 3
        assert max(frame["shape"]) <= 20
        assert memoryview(buffers[frame["buffer"]]).nbytes == 4 * np.prod(frame["shape"]) <= 32_000


def test_several_models_are_asked_about_one_volume() -> None:
    models = [seeded(Volumetric, 0), seeded(Volumetric, 1)]
    w = a_volume_widget(model=models)
    w.explain()
    finish(w)
    other = w.customs("other")[-1]["other"]
    assert_fits(other, "OtherPayload")
    assert other["session"] == 1
    # The same volume: the page has it.
    assert (other["picture"], other["volume"]) == (None, None)


def test_maps_are_compared_and_cover_all_layers() -> None:
    w = a_volume_widget(method="grad_cam", params={})
    found = w.compare(layers=["conv1", "conv2"])
    assert [a.layer for a in found] == ["conv1", "conv2"]
    assert all(a.values.ndim == 3 for a in found)
    assert len(w.pinned) == 2


@pytest.mark.parametrize("kind", ["npz", "nii.gz"])
def test_the_numbers_are_saved_from_the_page(kind: str, tmp_path: Path) -> None:
    w = a_volume_widget()
    found = w.explain()
    w.sent.clear()
    w.hear({"kind": "save", "request_id": "s", "format": kind})
    finish(w)
    (answer,) = w.customs("saved")
    path = tmp_path / answer["name"]
    path.write_bytes(buffers_of(w, "saved")[0][0])
    if kind == "npz":
        np.testing.assert_array_equal(Attribution.load(path).values, found.values)
    else:
        np.testing.assert_array_equal(nibabel.load(path).affine, LIA)


# -- what is for pictures alone -------------------------------------------------------------------------------------


def test_covering_regions_and_photos_are_refused_in_words() -> None:
    w = a_volume_widget()
    w.explain()
    probe = {"kind": "probe", "session": 0, "fill": "blur", "keep": False, "shape": [10, 12]}
    assert "Places are covered in pictures; this input is a volume" in error_of(w, probe, bytes(15))
    assert "this input is a volume" in error_of(w, {"kind": "regions"})
    assert "asked about volumes" in error_of(w, {"kind": "photo", "name": "cat.png"}, b"")
    with pytest.raises(ValueError, match="Places are covered in pictures"):
        w.brush_mask = np.ones(SHAPE[:2], bool)
    # Nothing of it stays behind: the widget goes on.
    assert w.explain().values.ndim == 3
    assert w.status["state"] == "done"


@pytest.mark.parametrize("name", FOR_PICTURES)
def test_controls_for_pictures_cannot_be_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match=f"Controls {name} are for pictures"):
        a_volume_widget(controls=["method", name])
    assert set(FOR_PICTURES) < set(CONTROLS)
    assert a_volume_widget(controls=["method", "display"]).controls == ["method", "display"]


# -- still pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{}, {"layout": "montage", "plane": 1}, {"mode": "regions"}, {"crosshair": [0, 99, 3]}]
)
def test_a_snapshot_is_what_the_attribution_paints(settings: dict[str, Any]) -> None:
    w = a_volume_widget(view=settings)
    found = w.explain()
    np.testing.assert_array_equal(np.asarray(w.snapshot(scale=2)), found.heat_map(settings, scale=2))
    assert w.snapshot(scale=8, bar=True).height > w.snapshot(scale=8).height


def test_before_there_is_a_map_a_snapshot_shows_the_volume() -> None:
    w = a_volume_widget(auto_run=False)
    bare = np.asarray(w.snapshot())
    found = w.explain()
    np.testing.assert_array_equal(bare, found.heat_map({"mode": "image"}))


def test_the_picture_in_the_notebooks_file_shows_the_panes_large_enough() -> None:
    w = a_volume_widget()
    w.explain()
    data, size = w._repr_mimebundle_()
    with Image.open(io.BytesIO(data["image/png"])) as still:
        scale = fitting_scale(SHAPE, LIA, check_view({}))
        np.testing.assert_array_equal(np.asarray(still.convert("RGB")), w.attribution.heat_map(scale=scale))
        assert size["image/png"]["width"] == still.width


# -- a page of its own ----------------------------------------------------------------------------------------------


def unpacked(stored: dict[str, Any]) -> Any:
    raw = zlib.decompress(base64.b64decode(stored["data"]))
    return np.frombuffer(raw, stored["dtype"])


def test_a_page_of_its_own_has_the_volume_deflated_and_every_map(tmp_path: Path) -> None:
    w = a_volume_widget()
    found = w.explain()
    w.pin()
    page = w.to_html(tmp_path / "scan.html").read_text("utf-8")
    data = re.search(r'id="xai-data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    state = json.loads(data[1])
    (session,) = state["sessions"]
    assert session["content"]["volume"]["affine"] == LIA.tolist()
    np.testing.assert_array_equal(unpacked(session["buffers"][0]), voxels_of(a_volume()).levels.ravel())
    np.testing.assert_array_equal(unpacked(state["maps"][0]["buffers"][0]), found.values.ravel())
    # The pinned map, and the volume below it, are kept once.
    (pinned,) = (each for each in state["news"] if each["content"]["kind"] == "pinned")
    assert [set(each) for each in pinned["buffers"]] == [{"within", "at", "buffer"}] * 2


# -- maps from elsewhere --------------------------------------------------------------------------------------------


def shown(w: Any) -> dict[str, Any]:
    return session_payload(w.session, 0, w.names, [])[0]


@pytest.mark.parametrize("grid", [(5, 6, 4), SHAPE])
def test_a_map_from_elsewhere_is_shown_on_a_scan_with_its_affine(grid: tuple[int, ...], tmp_path: Path) -> None:
    nibabel.save(a_scan(), tmp_path / "t1.nii.gz")
    values = np.random.default_rng(0).normal(size=grid).astype(np.float32)
    for image in (a_scan(), tmp_path / "t1.nii.gz", str(tmp_path / "t1.nii.gz")):
        w = from_attribution(image, values, label="patient")
        found = w.explain()
        np.testing.assert_array_equal(found.values, values)
        np.testing.assert_array_equal(found.affine, LIA)
        np.testing.assert_array_equal(found.image, a_volume())
        assert found.input_size == SHAPE
        assert shown(w)["volume"]["affine"] == LIA.tolist()
        assert w.controls == ["display"]


def test_arrays_and_attributions_of_volumes_are_shown_too() -> None:
    values = np.ones((5, 6, 4), np.float32)
    assert shown(from_attribution(a_volume(), values))["volume"]["affine"] is None
    assert shown(from_attribution(torch.from_numpy(a_volume()), values[None, ..., None]))["volume"] is not None
    known = explain(seeded(Volumetric), a_scan(), "occlusion", window=4, stride=4, labels=LABELS)
    for image in (None, a_volume(), a_scan()):
        w = from_attribution(image, {"one": known, "other": known})
        assert shown(w)["volume"]["affine"] == LIA.tolist()
        np.testing.assert_array_equal(w.explain().values, known.values)


def test_channels_of_a_volumes_map_are_reduced_when_it_is_said_how() -> None:
    values = np.random.default_rng(0).normal(size=(2, 5, 6, 4)).astype(np.float32)
    w = from_attribution(a_scan(), values, reduce="sum")
    np.testing.assert_allclose(w.explain().values, values.sum(0))
    with pytest.raises(ValueError, match=r"has channels \(shape \[2, 5, 6, 4\]\).*reduce='sum'"):
        from_attribution(a_scan(), values)
    with pytest.raises(ValueError, match=r"\[d, h, w\] of numbers, for a volume, got shape \[5, 6\]"):
        from_attribution(a_scan(), np.ones((5, 6)))


def test_a_result_of_a_volume_with_values_that_are_no_numbers_still_travels() -> None:
    values = np.full((2, 2, 2), np.nan, np.float32)
    values[0, 0, 0] = 2
    payload, _ = result_payload(Attribution(values, "occlusion", {}, 0, "a", None, SHAPE), 0, "Occlusion")
    assert_fits(payload, "ResultPayload")
    assert payload["maximum"] == 2.0
