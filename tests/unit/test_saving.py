"""What leaves the widget: the numbers as a file, a picture in its place, and the first look that a teacher sets."""

import io
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

from tests.recorded import Gated, Recorded, a_widget
from xai_widget import Attribution, Contrast, from_attribution
from xai_widget.binding import Binding
from xai_widget.page import bound_payload
from xai_widget.render import enlarged
from xai_widget.widget import stored
from xai_widget.widget.saving import file_name, in_a_file


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """What a notebook would be told to display and to replace: verb, name, bundle, metadata."""
    told: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = []

    def told_as(verb: str) -> Any:
        def tell(data: dict[str, Any], *, metadata: dict[str, Any], raw: bool, display_id: str) -> None:
            assert raw
            told.append((verb, display_id, data, metadata))

        return tell

    monkeypatch.setattr(stored, "display", told_as("display"))
    monkeypatch.setattr(stored, "update_display", told_as("replace"))
    return told


# -- numbers --------------------------------------------------------------------------------------------------------


def saved(w: Recorded, **content: Any) -> dict[str, Any]:
    """Ask for the file, and wait for the answer."""
    w.hear({"kind": "save", "request_id": "s", "format": "npz", **content})
    w.settle()
    (answer,) = [each for kind in ("saved", "error") for each in w.customs(kind) if each["request_id"] == "s"]
    return answer


def file_of(w: Recorded) -> bytes:
    (buffers,) = [buffers for msg, buffers in w.sent if msg.get("content", {}).get("kind") == "saved"]
    return bytes(buffers[0])


def test_the_file_holds_the_map_that_is_shown_with_its_question(tmp_path: Any) -> None:
    w = a_widget(target=Contrast("dog", "cat"))
    shown = w.explain()
    answer = saved(w)
    assert answer["name"] == "grad-cam-dog-rather-than-cat.npz"
    assert answer["mime"] == "application/octet-stream"
    (tmp_path / "map.npz").write_bytes(file_of(w))
    loaded = Attribution.load(tmp_path / "map.npz")
    assert np.array_equal(loaded.values, shown.values)
    assert (loaded.method, loaded.target, loaded.layer) == ("grad_cam", Contrast(1, 0), shown.layer)


def test_without_a_map_there_is_nothing_to_save() -> None:
    w = a_widget(auto_run=False)
    assert "no heat map to save yet" in saved(w)["error"]["title"]


def test_the_map_of_another_picture_is_not_the_one_that_is_shown() -> None:
    pictures = [np.full((8, 8, 3), level, np.uint8) for level in (10, 200)]
    w = a_widget(img=pictures, auto_run=False)
    w.explain()
    w.active = 1
    assert "no heat map to save yet" in saved(w)["error"]["title"]


def test_another_format_is_refused_with_those_there_are() -> None:
    w = a_widget()
    w.explain()
    assert saved(w, format="xlsx")["error"]["title"] == "Cannot save as 'xlsx'; expected one of npz, nii.gz."


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("great tit, Parus major", "grad-cam-great-tit-parus-major.npz"),
        ("../../etc/passwd", "grad-cam-etc-passwd.npz"),
        ("줄무늬 고양이", "grad-cam-줄무늬-고양이.npz"),
        ("…", "grad-cam.npz"),
        ("a" * 300, f"grad-cam-{'a' * 51}.npz"),
    ],
)
def test_the_name_says_method_and_class_and_suits_every_file_system(label: str, name: str) -> None:
    w = a_widget(labels=[label, "dog", "fox", "owl", "ant"], target=0)
    assert file_name(w.explain()) == name


def test_the_bytes_are_those_of_a_saved_file(tmp_path: Any) -> None:
    shown = a_widget(method="occlusion", params={"window": 4}).explain()
    (tmp_path / "map.npz").write_bytes(in_a_file(shown, "map.npz"))
    assert np.array_equal(Attribution.load(tmp_path / "map.npz").values, shown.values)


# -- a picture in its place -----------------------------------------------------------------------------------------


def test_a_frozen_widget_leaves_its_picture_wherever_it_was_displayed(displayed: Any) -> None:
    w = a_widget()
    w._ipython_display_()
    w._ipython_display_()
    w.explain()
    w.freeze()
    verbs, names, bundles, metadata = zip(*displayed, strict=True)
    assert verbs == ("display", "display", "replace", "replace")
    assert names[2:] == names[:2]
    assert names[0] != names[1]
    assert set(bundles[0]) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert set(bundles[2]) == {"text/plain", "image/png"}
    assert bundles[2]["text/plain"] == repr(w)
    picture = w.snapshot(scale=2, bar=True)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(bundles[2]["image/png"]))), np.asarray(picture))
    assert metadata[2] == {"image/png": {"width": 8 * picture.width, "height": 8 * picture.height}}


def test_what_a_cell_displays_is_the_bundle_that_others_get(displayed: Any) -> None:
    w = a_widget()
    w.explain()
    w._ipython_display_()
    data, metadata = w._repr_mimebundle_()
    assert displayed[0][2:] == (data, metadata)


def test_freezing_what_no_cell_displayed_says_how_to_display_it(displayed: Any) -> None:
    w = a_widget()
    with pytest.raises(RuntimeError, match=r"last line of a cell or with display\(w\)"):
        w.freeze()
    w.hear({"kind": "freeze", "request_id": "f"})
    w.settle()
    (error,) = w.customs("error")
    assert error["request_id"] == "f"
    assert "not displayed by a notebook's cell" in error["error"]["title"]
    assert displayed == []


def test_the_page_can_freeze_too(displayed: Any) -> None:
    w = a_widget()
    w._ipython_display_()
    w.settle()
    w.hear({"kind": "freeze", "request_id": "f"})
    w.settle()
    assert [verb for verb, *_ in displayed] == ["display", "replace"]
    assert [ack["of"] for ack in w.customs("ack")] == ["freeze"]


def test_a_map_from_elsewhere_is_displayed_and_frozen_too(displayed: Any) -> None:
    w = from_attribution(np.full((8, 8, 3), 90, np.uint8), np.eye(4))
    w._ipython_display_()
    w.freeze()
    assert [verb for verb, *_ in displayed] == ["display", "replace"]


def test_a_widget_is_frozen_while_it_runs(displayed: Any) -> None:
    model = Gated()
    w = a_widget(model, method="occlusion", auto_run=False)
    w._ipython_display_()
    model.gate.clear()
    w.hear({"kind": "run", "request_id": "r"})
    try:
        w.freeze()
    finally:
        model.gate.set()
    frozen = np.asarray(Image.open(io.BytesIO(displayed[-1][2]["image/png"])))
    assert np.array_equal(frozen, enlarged(w.session.inputs[0].picture, 2))
    w.settle()


# -- how much is shown ----------------------------------------------------------------------------------------------


def test_a_teacher_can_begin_with_the_simple_view() -> None:
    assert a_widget().expert is True
    assert a_widget(expert=False).expert is False
    assert a_widget(expert=False).get_state()["expert"] is False


# -- what copied code must say --------------------------------------------------------------------------------------


def test_the_page_hears_how_the_model_is_run_as_far_as_somebody_said_so() -> None:
    def forward(module: Any, x: Any) -> Any:
        return module(x)

    mask = np.ones((8, 8), bool)
    binding = Binding(
        labels=["a", "b"], mask=mask, device=torch.device("cpu"), forward=forward, dims=2, chunk_seconds=1
    )
    assert bound_payload(binding) == {
        "labels": {"array": "list"},
        "mask": {"array": "ndarray [8, 8]"},
        "device": "cpu",
        "forward": {"array": "forward"},
        "dims": 2,
    }
    assert bound_payload(Binding()) == {}
