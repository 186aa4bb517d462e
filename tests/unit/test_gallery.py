"""Many pictures, and those that somebody brings through the page."""

import io
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from tests.recorded import SOON, Recorded, a_widget
from tests.unit.test_protocol import assert_fits
from tests.zoo import ZOO, picture, seeded
from xai_widget import from_attribution
from xai_widget.widget import photos
from xai_widget.widget.gallery import Gallery


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


TRANSFORM = v2.Compose([v2.Resize((24, 24)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


def a_photo(size: tuple[int, int] = (40, 30), seed: int = 0, kind: str = "PNG", **extra: object) -> bytes:
    """The bytes of a picture file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **extra)
    return file.getvalue()


def bring(w: Recorded, photo: bytes, name: str = "mine.png", request: str = "ph") -> None:
    """Send a photo as the page does, and wait for the answer."""
    w.hear({"kind": "photo", "request_id": request, "name": name}, memoryview(photo))
    while (thread := w.asker._worker._thread) is not None:
        thread.join(SOON)


def items(w: Recorded) -> list[dict[str, object]]:
    return w.customs("gallery")[-1]["items"]


# -- the gallery ----------------------------------------------------------------------------------------------------


def test_a_new_view_is_told_what_the_pictures_are() -> None:
    w = a_widget(img=[picture(0), picture(1), picture(2)], expected=["dog", None, 3])
    w.hear({"kind": "hello", "request_id": "h", "language": "en"})
    (message,) = w.customs("gallery")
    assert_fits(message, "KernelMessage")
    assert [item["expected"] for item in message["items"]] == [1, None, 3]
    for item, session in zip(message["items"], w.sessions, strict=True):
        index, label, probability = session.predictions()[0]
        assert (item["predicted"], item["label"]) == (index, label)
        assert item["probability"] == pytest.approx(probability)
    buffers = next(buffers for msg, buffers in w.sent if msg.get("content", {}).get("kind") == "gallery")
    sizes = [Image.open(io.BytesIO(buffer)).size for buffer in buffers]
    assert [item["name"] for item in message["items"]] == ["image 1", "image 2", "image 3"]
    height, width = w.session.inputs[0].picture.shape[:2]
    assert sizes == [(width, height)] * 3
    w.settle()


def test_thumbnails_have_at_most_96_pixels_a_side() -> None:
    w = a_widget(seeded(Wide), img=[Image.new("RGB", (400, 200)), Image.new("RGB", (300, 500))], labels=None)
    w.hear({"kind": "hello", "request_id": "h", "language": "en"})
    buffers = next(buffers for msg, buffers in w.sent if msg.get("content", {}).get("kind") == "gallery")
    assert [max(Image.open(io.BytesIO(buffer)).size) for buffer in buffers] == [96, 96]
    w.settle()


class Wide(nn.Module):
    """Takes pictures of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).relu().mean((2, 3)))


def test_a_page_without_a_kernel_is_given_every_thumbnail() -> None:
    w = a_widget(img=[picture(0), picture(1)])
    ((content, buffers),) = w.service(Gallery).keepsakes({})
    assert_fits(content, "KernelMessage")
    assert [item["buffer"] for item in content["items"]] == [0, 1]
    assert len(buffers) == 2


def test_a_single_picture_has_no_gallery() -> None:
    w = a_widget()
    assert w.service(Gallery).keepsakes({}) == []
    w.hear({"kind": "hello", "request_id": "h", "language": "en"})
    assert w.customs("gallery") == []
    w.settle()


def test_a_changed_model_changes_what_is_told_and_sends_no_thumbnail_again() -> None:
    model = ZOO["plain"]()
    w = a_widget(model, img=[picture(0), picture(1)])
    w.explain()
    w.sent.clear()
    model.fc.bias.data[3] += 90
    w.explain()
    assert items(w)[0]["predicted"] == 3
    assert [item["buffer"] for item in items(w)] == [None, None]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (["cat"], r"one class for each of the 2 pictures.*got 1"),
        (["cat", "zebra"], r"expected\[1\].*no class 'zebra'"),
        ([0, 99], r"expected\[1\].*99 is out of range"),
        ([0, len], r"expected\[1\] must be one class"),
    ],
)
def test_right_classes_are_checked(expected: list[object], said: str) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        a_widget(img=[picture(0), picture(1)], expected=expected)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(a_photo((24, 24)))
    bad.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"Picture 1 of 3, counted from 0 \('bad.png'\)"):
        a_widget(img=[good, bad, good], transform=TRANSFORM)
    with pytest.raises(TypeError, match=r"Picture 1 of 2, counted from 0 \(dict\)"):
        a_widget(img=[picture(), {}])


# -- own photos -----------------------------------------------------------------------------------------------------


def test_a_photo_becomes_a_picture_and_is_turned_to() -> None:
    w = a_widget(transform=TRANSFORM)
    w.explain()
    w.sent.clear()
    bring(w, a_photo(), "holiday.png")
    assert len(w.sessions) == 2
    assert w.active == 1
    assert w.names == ["image", "holiday.png"]
    assert w.customs("session")[-1]["session"]["names"] == w.names
    assert w.customs("ack")[-1] == {"kind": "ack", "request_id": "ph", "of": "photo", "message": "holiday.png"}
    assert [item["buffer"] for item in items(w)] == [0, 1]
    assert w.customs("result")[-1]["result"]["session"] == 1
    w.sent.clear()
    bring(w, a_photo(seed=1), "holiday.png")
    assert w.names[2] == "holiday.png (2)"
    assert [item["buffer"] for item in items(w)] == [None, None, 0]


def test_a_photo_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    w = a_widget(seeded(Wide), img=Image.new("RGB", (24, 24)), labels=None)
    bring(w, a_photo((30, 20), kind="JPEG", exif=exif), "upright.jpg")
    assert "EXIF orientation applied." in w.sessions[1].notes


def test_every_model_gets_the_photo() -> None:
    w = a_widget([ZOO["plain"](), ZOO["plain"]()], transform=TRANSFORM)
    bring(w, a_photo(), "mine.png")
    assert [(spot.picture, spot.model) for spot in w.spots] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert w.names[2:] == ["Plain 1 · mine.png", "Plain 2 · mine.png"]
    assert w.active == 2


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (b"no picture at all", r"'mine.png' is no picture that can be read"),
        (a_photo()[:300], r"'mine.png' is damaged"),
        (bytes(photos.LARGEST_BYTES + 1), r"has 2\.1 MB; a photo may have"),
    ],
)
def test_a_wrong_file_is_refused_and_changes_nothing(photo: bytes, said: str) -> None:
    w = a_widget(transform=TRANSFORM)
    shown = w.explain()
    w.sent.clear()
    bring(w, photo)
    (error,) = w.customs("error")
    assert error["request_id"] == "ph"
    with pytest.raises(ValueError, match=said):
        raise ValueError(error["error"]["title"])
    assert (len(w.sessions), w.active, w.status["state"]) == (1, 0, "done")
    assert w.attribution is shown


def test_only_some_photos_are_kept_and_the_oldest_that_nobody_needs_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "MOST", 3)
    w = a_widget(transform=TRANSFORM)
    for number in range(3):
        bring(w, a_photo(seed=number), f"{number}.png")
    w.active = 1
    w.pin()
    w.active = 2
    bring(w, a_photo(seed=3), "3.png", "fourth")
    # A map of 0.png is pinned, 1.png is shown: 2.png makes room.
    assert w.names == ["image", "0.png", "1.png", "3.png"]
    assert w.active == 3
    assert w.attribution is not None
    assert w.attribution.image is w.sessions[3].inputs[0].picture
    w.active = 1
    bring(w, a_photo(seed=4), "4.png", "fifth")
    assert w.names == ["image", "0.png", "4.png", "3.png"]
    w.compare(targets=[0])
    w.active = 3
    w.pin()
    w.active = 1
    bring(w, a_photo(seed=5), "5.png", "sixth")
    assert "let some pins go" in w.customs("error")[-1]["error"]["title"]
    assert w.names == ["image", "0.png", "4.png", "3.png"]


def test_a_viewer_of_a_given_map_takes_no_photo() -> None:
    w = from_attribution(Image.new("RGB", (8, 8)), np.eye(4))
    w._handle_msg(
        {
            "content": {"data": {"method": "custom", "content": {"kind": "photo", "request_id": "p", "name": "a"}}},
            "buffers": [a_photo()],
        }
    )
    assert len(w.sessions) == 1
