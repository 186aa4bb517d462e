"""Covering places, and the regions that matter most, against brute force; and how a widget answers for both."""

import threading
from collections.abc import Iterator
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.asking import Counting, session_on
from tests.recorded import SOON, Gated, Recorded, a_widget
from tests.unit.test_protocol import assert_fits
from tests.zoo import SIDE, ZOO, picture
from xai_widget import Attribution, Contrast, examples, explain
from xai_widget.attribution import Attribution as Map
from xai_widget.binding import Binding
from xai_widget.covering import COVER_FILLS, CoverFill, covered, picture_mask, strongest_places, top_regions
from xai_widget.engine.edits import fill_for
from xai_widget.inputs import mid_grey
from xai_widget.session import Session

Mask = NDArray[np.bool_]


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def box(top: int, left: int, bottom: int, right: int, side: int = SIDE) -> Mask:
    mask = np.zeros((side, side), bool)
    mask[top:bottom, left:right] = True
    return mask


def by_hand(model: Any, x: Tensor, fill: Tensor, mask: Mask) -> NDArray[np.float32]:
    """The probabilities with the fill where the mask is, in the model's own dtype."""
    parameter = next(model.parameters())
    place = torch.from_numpy(np.array(mask))
    edited = torch.where(place, fill, x).to(parameter.dtype)[None]
    model = model.eval()
    with torch.no_grad():
        out = model(edited)
    logits = out["logits"] if isinstance(out, dict) else out[0] if isinstance(out, tuple) else out
    return np.asarray(logits.float().softmax(1)[0].numpy())


# -- covering -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("fill", ["blur", "mean", "noise"])
@pytest.mark.parametrize("name", ["plain", "train mode", "flat head", "dict output", "named output"])
def test_a_covered_place_is_what_the_fill_puts_there(name: str, fill: CoverFill, keep: bool) -> None:
    model, x = ZOO[name](), picture()
    session = session_on(model, x)
    mask = box(2, 3, 9, 14)
    expected = by_hand(model, x, fill_for(x[None], fill)[0], ~mask if keep else mask)
    assert covered(session, mask, fill, keep=keep) == pytest.approx(expected, abs=1e-5)


def test_grey_is_the_model_input_of_a_mid_grey_picture() -> None:
    net, photo = examples.mosaic_net(), examples.photo("cat")
    session = Session.open(net, photo, Binding())
    mask = box(20, 20, 90, 70, 128)
    x = session.inputs[0].tensor[0]
    # The example networks' preprocessing maps mid-grey to zero.
    assert covered(session, mask, "grey") == pytest.approx(by_hand(net, x, torch.zeros_like(x), mask), abs=1e-4)


def test_grey_is_found_for_tensors_of_any_scale_and_number_of_channels() -> None:
    shown = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    seen = (shown.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
    scale, shift = torch.tensor([2.0, 0.5, 10.0])[:, None, None], torch.tensor([-1.0, 3.0, 0.0])[:, None, None]
    grey = mid_grey(shown * scale + shift, seen)
    assert grey[:, 0, 0].tolist() == pytest.approx([0.0, 3.25, 5.0], abs=0.02)
    assert (grey == grey[:, :1, :1]).all()
    two = torch.stack([shown[0], shown[1]])
    assert mid_grey(two, seen[..., :1].repeat(3, -1))[:, 0, 0].tolist() == pytest.approx(
        [0.5, float(two[1].mean())], abs=0.01
    )
    assert mid_grey(torch.full((3, 8, 8), 4.0), np.full((8, 8, 3), 9, np.uint8))[:, 0, 0].tolist() == [4.0] * 3


@pytest.mark.parametrize("keep", [False, True])
def test_nothing_marked_is_the_picture_itself_and_costs_nothing(keep: bool) -> None:
    model = Counting()
    session = session_on(model, picture())
    before = model.seen
    found = covered(session, np.zeros((SIDE, SIDE), bool), keep=keep)
    assert (found == session.probabilities[0]).all()
    assert model.seen == before


def test_everything_covered_is_the_fill_alone_and_everything_kept_the_picture() -> None:
    model, x = ZOO["plain"](), picture()
    session, everything = session_on(model, x), np.ones((SIDE, SIDE), bool)
    expected = by_hand(model, x, fill_for(x[None], "blur")[0], everything)
    assert covered(session, everything) == pytest.approx(expected, abs=1e-5)
    assert covered(session, everything, keep=True) == pytest.approx(session.probabilities[0], abs=1e-5)


def test_a_probe_costs_one_forward() -> None:
    model = Counting()
    session = session_on(model, picture())
    for fill in COVER_FILLS:
        before = model.seen
        covered(session, box(0, 0, 5, 5), fill)
        assert model.seen == before + 1


def test_the_foreground_of_a_session_does_not_hold_the_hand_back() -> None:
    model, x = ZOO["plain"](), picture()
    free, bound = session_on(model, x), session_on(model, x, mask=box(0, 0, 4, 4))
    mask = box(6, 6, 14, 14)
    assert covered(bound, mask) == pytest.approx(covered(free, mask), abs=1e-6)


def test_a_mask_of_a_picture_that_is_larger_than_the_input_takes_the_nearest_place() -> None:
    model, x = ZOO["plain"](), picture()
    session = session_on(model, x)
    small = box(2, 4, 10, 12)
    expected = covered(session, small)
    item = session.inputs[0]
    object.__setattr__(item, "picture", item.picture.repeat(3, 0).repeat(2, 1))
    assert covered(session, small.repeat(3, 0).repeat(2, 1)) == pytest.approx(expected, abs=1e-6)


def test_masks_and_fills_that_do_not_fit_are_refused_in_words() -> None:
    session = session_on(ZOO["plain"](), picture())
    with pytest.raises(ValueError, match=r"shape \(16, 16\), got \(3, 3\)"):
        covered(session, np.ones((3, 3), bool))
    with pytest.raises(ValueError, match="True and False"):
        picture_mask(np.full((2, 2), 0.5), (2, 2))
    with pytest.raises(ValueError, match="Unknown fill 'black'; choose one of 'blur'"):
        covered(session, box(0, 0, 2, 2), "black")  # type: ignore[arg-type]


# -- regions --------------------------------------------------------------------------------------------------------


def a_map(values: NDArray[Any], target: Any = 0, **change: Any) -> Attribution:
    size = change.pop("input_size", values.shape)
    return Map(np.asarray(values, np.float32), "occlusion", {}, target, "it", None, size, **change)


def test_regions_are_strong_connected_and_ranked_by_their_sum() -> None:
    values = np.full((120, 120), -0.5)
    values[10:30, 10:30] = 1.0
    values[60:100, 60:100] = 0.9
    values[10:30, 80:110] = 0.3  # too weak
    labels = strongest_places(values.astype(np.float32), 3)
    assert labels.max() == 2
    assert labels[80, 80] == 1
    assert labels[20, 20] == 2
    assert labels[20, 95] == 0
    assert labels[0, 0] == 0
    assert strongest_places(values.astype(np.float32), 1).max() == 1


def test_specks_do_not_count_unless_there_is_nothing_else() -> None:
    values = np.zeros((200, 200), np.float32)
    values[20:80, 20:80] = 1
    values[150:154, 150:154] = 6
    labels = strongest_places(values, 3)
    assert labels[50, 50] == 1
    assert labels[152, 152] == 0
    alone = np.zeros((200, 200), np.float32)
    alone[100, 100] = 1
    assert strongest_places(alone, 3)[100, 100] == 1


def test_grains_flow_together_and_values_that_are_no_numbers_count_as_nothing() -> None:
    values = np.zeros((128, 128), np.float32)
    values[32:64:2, 32:64:2] = 1
    values[100, 100], values[101, 100] = np.nan, np.inf
    labels = strongest_places(values, 3)
    assert labels.max() == 1
    assert labels[40:56, 40:56].all()
    assert labels[100, 100] == 0


@pytest.mark.parametrize("values", [np.zeros((16, 16)), np.full((16, 16), -1.0)])
def test_a_map_without_anything_positive_has_no_regions(values: NDArray[Any]) -> None:
    model = Counting()
    session = session_on(model, picture())
    before = model.seen
    found = top_regions(session, a_map(values))
    assert found.regions == ()
    assert not found.labels.any()
    assert model.seen == before


def two_blobs() -> NDArray[np.float32]:
    values = np.zeros((SIDE, SIDE), np.float32)
    values[1:6, 1:6], values[9:14, 8:15] = 1, 1
    return values


@pytest.mark.parametrize("fill", ["blur", "mean"])
def test_each_region_is_hidden_alone_by_one_forward(fill: CoverFill) -> None:
    model = Counting()
    session = session_on(model, picture())
    before = model.seen
    found = top_regions(session, a_map(two_blobs(), target=2), fill)
    assert model.seen == before + 2
    assert (found.quantity, found.fill) == ("probability", fill)
    assert found.labels.dtype == np.uint8
    for number, region in enumerate(found.regions, 1):
        inside = found.labels == number
        rows, columns = np.nonzero(inside)
        assert region.box == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        assert region.area == pytest.approx(inside.mean())
        assert region.before == pytest.approx(float(session.probabilities[0, 2]), abs=1e-6)
        assert region.after == pytest.approx(float(covered(session, inside, fill)[2]), abs=1e-6)
    assert len(found.regions) == 2
    again = top_regions(session, a_map(two_blobs(), target=2), fill)
    assert (again.labels == found.labels).all()
    assert again.regions == found.regions


@pytest.mark.parametrize("target", [Contrast(1, 3), lambda logits: 2 * logits[:, 1] - logits[:, 0]])
def test_a_target_without_a_probability_is_measured_by_its_score(target: Any) -> None:
    model, x = ZOO["plain"](), picture()
    session = session_on(model, x)
    found = top_regions(session, a_map(two_blobs(), target=target))
    assert found.quantity == "score"
    inside = torch.from_numpy(found.labels == 1)
    with torch.no_grad():
        logits = model(torch.stack([x, torch.where(inside, fill_for(x[None], "blur")[0], x)]))
    scores = logits[:, 1] - logits[:, 3] if isinstance(target, Contrast) else target(logits)
    assert [found.regions[0].before, found.regions[0].after] == pytest.approx(scores.tolist(), abs=1e-5)


def test_raw_scores_are_no_probabilities() -> None:
    session = session_on(ZOO["plain"](), picture(), activation="none")
    assert top_regions(session, a_map(two_blobs())).quantity == "score"


def test_a_map_whose_function_is_lost_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="'margin' is not known any more"):
        top_regions(session_on(ZOO["plain"](), picture()), a_map(two_blobs(), target="margin"))


def test_hiding_the_strongest_place_of_a_scene_takes_the_class_away() -> None:
    net, scene = examples.mosaic_net(), examples.mosaic(["cat", "rocket", "temple", "coffee"])
    session = Session.open(net, scene.image, Binding())
    region = top_regions(session, explain(net, scene.image, target="cat")).regions[0]
    assert region.after < region.before / 2
    assert max(region.box) <= 70  # the cat is in the upper left quarter of 128 pixels


# -- the widget's answers -------------------------------------------------------------------------------------------


def probe(w: Recorded, name: str, mask: Mask, fill: str = "blur", *, keep: bool = False, session: int = 0) -> None:
    content = {"kind": "probe", "request_id": name, "session": session, "fill": fill, "keep": keep}
    w.hear({**content, "shape": list(mask.shape)}, np.packbits(mask, bitorder="little").data)


def settle(w: Recorded) -> None:
    """Wait until no lane has anything to do."""
    thread = w.asker._worker._thread
    if thread is not None:
        thread.join(SOON)


def told(w: Recorded, kind: str) -> list[tuple[dict[str, Any], Any]]:
    custom = [(msg["content"], buffers) for msg, buffers in w.sent if msg["method"] == "custom"]
    return [(content, buffers) for content, buffers in custom if content["kind"] == kind]


def test_a_probe_is_answered_with_all_probabilities_and_the_widget_knows_the_mask() -> None:
    w = a_widget(auto_run=False)
    seen: list[Any] = []
    w.observe(lambda change: seen.append(change.new), "brush_mask")
    mask = box(2, 3, 9, 14)
    probe(w, "p1", mask, "mean")
    settle(w)
    ((content, buffers),) = told(w, "probed")
    assert_fits(content, "KernelMessage")
    assert content == {"kind": "probed", "request_id": "p1", "session": 0, "shape": [5]}
    assert np.frombuffer(buffers[0], np.float32) == pytest.approx(covered(w.session, mask, "mean"), abs=1e-6)
    assert (w.brush_mask == mask).all()
    probe(w, "p2", mask, "grey", keep=True)
    assert len(seen) == 1
    probe(w, "p3", np.zeros_like(mask))
    settle(w)
    assert w.brush_mask is None
    assert seen[-1] is None
    assert told(w, "brush") == []
    assert w.status["state"] == "idle"
    assert w.asker.latest is None


def test_a_probe_is_answered_while_a_long_run_goes_on() -> None:
    model = Gated()
    w = a_widget(model, method="occlusion", params={"window": 4, "stride": 2}, auto_run=False)
    model.gate.clear()
    w.hear({"kind": "run", "request_id": "r"})
    assert model.asked.wait(SOON)
    probe(w, "p", box(0, 0, 4, 4))
    assert w.customs("probed") == []
    job = w.asker.job
    assert job is not None
    answered = threading.Event()
    still_running = []
    tell = w.tell

    def listen(content: Any, buffers: Any = ()) -> None:
        still_running.append(not job.ended.is_set())
        tell(content, buffers)
        answered.set()

    w.tell = listen  # type: ignore[method-assign]
    model.gate.set()
    assert answered.wait(SOON)
    w.settle()
    assert still_running == [True]
    assert w.status == {**w.status, "state": "done", "request_id": "r"}
    assert w.asker.latest is not None
    assert w.asker.latest[2] == "r"


def test_a_probe_of_a_picture_that_is_not_shown_any_more_is_answered_for_it() -> None:
    w = a_widget(img=[picture(), picture(1)], auto_run=False)
    w.active = 1
    mask = box(0, 0, 8, 8)
    probe(w, "p", mask, session=0)
    settle(w)
    ((content, buffers),) = told(w, "probed")
    assert content["session"] == 0
    assert np.frombuffer(buffers[0], np.float32) == pytest.approx(covered(w.sessions[0], mask), abs=1e-6)
    assert w.brush_mask is None


def test_a_changed_model_is_noticed_by_a_probe() -> None:
    model = ZOO["plain"]()
    w = a_widget(model)
    w.explain()
    with torch.no_grad():
        model.fc.bias.add_(torch.arange(5.0))
    mask = box(0, 0, 8, 8)
    probe(w, "p", mask)
    settle(w)
    assert w.attributions == []
    ((_, buffers),) = told(w, "probed")
    expected = by_hand(model, picture(), fill_for(picture()[None], "blur")[0], mask)
    assert np.frombuffer(buffers[0], np.float32) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"session": 3}, "no picture 3"),
        ({"fill": "black"}, "Unknown fill 'black'"),
        ({"shape": [2, 2]}, "has the shape"),
    ],
)
def test_a_probe_that_makes_no_sense_is_refused(change: dict[str, Any], words: str) -> None:
    w = a_widget(auto_run=False)
    content = {"kind": "probe", "request_id": "p", "session": 0, "fill": "blur", "keep": False, "shape": [16, 16]}
    w.hear({**content, **change}, bytes(32))
    (error,) = w.customs("error")
    assert error["request_id"] == "p"
    assert words in error["error"]["title"]


def test_what_python_covers_is_told_to_the_page_and_to_every_new_view() -> None:
    w = a_widget(auto_run=False)
    mask = box(1, 2, 5, 9)
    w.brush_mask = mask.astype(int)
    ((content, buffers),) = told(w, "brush")
    assert_fits(content, "KernelMessage")
    assert content == {"kind": "brush", "request_id": None, "session": 0, "shape": [16, 16]}
    assert bytes(buffers[0]) == np.packbits(mask, bitorder="little").tobytes()
    assert w.brush_mask.dtype == bool
    assert not w.brush_mask.flags.writeable
    w.hear({"kind": "hello", "request_id": "h", "language": "en"})
    assert len(told(w, "brush")) == 2
    w.brush_mask = np.zeros((16, 16))
    assert w.brush_mask is None
    assert not any(bytes(told(w, "brush")[-1][1][0]))
    assert "brush_mask" not in w.get_state()
    with pytest.raises(ValueError, match="shape"):
        w.brush_mask = np.ones((2, 2))


def test_another_picture_is_whole_and_another_model_sees_the_same_covered() -> None:
    w = a_widget(img=[picture(), picture(1)], auto_run=False)
    w.brush_mask = box(0, 0, 3, 3)
    w.active = 1
    assert w.brush_mask is None
    two = a_widget([ZOO["plain"](), ZOO["flat head"]()], auto_run=False)
    two.brush_mask = box(0, 0, 3, 3)
    two.active = 1
    assert two.brush_mask is not None


def test_regions_are_answered_for_the_map_that_is_shown_and_remembered() -> None:
    model = Counting()
    w = a_widget(model, method="occlusion", params={"window": 4}, auto_run=False)
    w.hear({"kind": "run", "request_id": "r"})
    w.settle()
    settle(w)
    w.hear({"kind": "regions", "request_id": "a"})
    settle(w)
    ((content, buffers),) = told(w, "regions")
    assert_fits(content, "KernelMessage")
    payload = content["regions"]
    assert_fits(payload, "RegionsPayload")
    assert (content["request_id"], payload["of"], payload["session"]) == ("a", "r", 0)
    assert w.attribution is not None
    expected = top_regions(w.session, w.attribution)
    assert [each["after"] for each in payload["regions"]] == [region.after for region in expected.regions]
    assert (np.frombuffer(buffers[0], np.uint8).reshape(16, 16) == expected.labels).all()

    before = model.seen
    w.hear({"kind": "regions", "request_id": "b"})
    settle(w)
    assert model.seen == before
    assert told(w, "regions")[-1][0] == {**content, "request_id": "b"}
    assert w.status["state"] == "done"


def test_regions_travel_into_a_page_without_a_kernel_and_are_forgotten_with_the_model() -> None:
    model = ZOO["plain"]()
    w = a_widget(model)
    w.explain()
    w.hear({"kind": "regions", "request_id": "a"})
    settle(w)
    (doing,) = [service for service in w.services if "probe" in service.hears]
    key = next(iter(w.asker.finished))
    ((content, buffers),) = doing.keepsakes({key: 4})
    assert content["regions"] == {**told(w, "regions")[0][0]["regions"], "of": 4}
    assert_fits(content, "KernelMessage")
    assert memoryview(buffers[0]).nbytes == 256
    assert doing.keepsakes({}) == []
    with torch.no_grad():
        model.fc.bias.add_(1)
    w.hear({"kind": "regions", "request_id": "b"})
    settle(w)
    assert "changed" in w.customs("error")[-1]["error"]["title"]
    assert doing.keepsakes({key: 4}) == []


def test_regions_without_a_finished_map_are_refused() -> None:
    w = a_widget(auto_run=False)
    w.hear({"kind": "regions", "request_id": "a"})
    (error,) = w.customs("error")
    assert "no finished heat map" in error["error"]["title"]


def test_a_refreshed_widget_measures_its_regions_again() -> None:
    calls = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = ZOO["plain"]()

        def forward(self, x: Tensor) -> Any:
            calls.append(len(x))
            return self.net(x)

    w = a_widget(Watched())
    w.explain()
    w.hear({"kind": "regions", "request_id": "a"})
    settle(w)
    w.refresh()
    w.settle()
    w.explain()
    settle(w)
    before = len(calls)
    w.hear({"kind": "regions", "request_id": "b"})
    settle(w)
    assert len(calls) > before


def test_a_region_is_what_lies_above_half_of_the_maximum() -> None:
    values = np.zeros((80, 80), np.float32)
    values[10:30, 10:30] = 1
    values[50:70, 50:70] = 0.54
    values[10:30, 50:70] = 0.46
    labels = strongest_places(values, 3)
    assert [labels[20, 20], labels[60, 60], labels[20, 60]] == [1, 2, 0]
    assert labels.max() == 2
