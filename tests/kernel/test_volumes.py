"""What of a volume crosses the wire between a page and a kernel: the voxels once, a map once a result."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.kernel.conftest import put_away
from tests.kernel.driver import Gate, Kernel, Message, Page

SHAPE = (12, 16, 10)
SETUP = f"""
import numpy as np, torch
from xai_widget import XaiWidget
torch.manual_seed(0)
volume = np.random.default_rng(0).normal(size={SHAPE}).astype(np.float32)
net = torch.nn.Sequential(
    torch.nn.Conv3d(1, 4, 3, stride=2, padding=1), torch.nn.ReLU(),
    torch.nn.Conv3d(4, 4, 3, padding=1), torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2),
).eval()
w = XaiWidget(net, volume, method="grad_cam", labels=["one", "other"])
print(w.model_id)
"""


@pytest.fixture
def page(kernel: Kernel) -> Iterator[Page]:
    yield Page(kernel, kernel.run(SETUP).strip())
    put_away(kernel)


def with_voxels(messages: list[Message]) -> list[Message]:
    """The messages that are as large as the volume."""
    return [m for m in messages if sum(map(len, m.buffers)) >= np.prod(SHAPE)]


def test_hello_brings_the_voxels_once_and_no_question_brings_them_again(page: Page) -> None:
    start = page.kernel.now
    hello = page.ask("hello")
    session = page.answer(hello, "session")
    picture = session.custom["session"]["picture"]
    assert (picture["shape"], picture["full"], picture["dtype"]) == ([*SHAPE], [*SHAPE], "uint8")
    volume = np.array(json.loads(page.kernel.run("print(volume.tolist())")))
    low, high = np.percentile(volume, [0.5, 99.5])
    assert (picture["low"], picture["high"]) == pytest.approx((low, high), rel=1e-5)
    levels = np.frombuffer(session.buffers[picture["buffer"]], np.uint8).reshape(SHAPE)
    expected = (np.clip(volume, low, high) - low) / (high - low) * 255
    assert np.abs(levels - expected).max() <= 0.5 + 1e-3
    assert [plane["name"] for plane in session.custom["session"]["volume"]["planes"]] == ["first", "second", "third"]
    page.until("done", start)
    for settings in ({"target": 1}, {"layer": "0"}, {"method": "saliency", "layer": None}):
        now = page.kernel.now
        page.set(**settings)
        page.until("done", now)
    page.wait(lambda m: bool(m.result.get("final")) and m.result["method"] == "saliency", start)
    told = page.since(start)
    assert [m.kind for m in told].count("session") == 1
    # The fine map of the last question is as large as the volume; nothing else is.
    assert [m.kind for m in with_voxels(told) if m.result.get("method") != "saliency"] == ["session"]


def test_a_map_of_a_volume_is_that_of_explain(page: Page) -> None:
    page.kernel.run("from xai_widget import explain")
    expected = json.loads(page.kernel.run("print(explain(net, volume, 'grad_cam', target=1).values.tolist())"))
    page.ask("hello")
    page.set(target=1)
    request = page.ask("run")
    page.until("done", request_id=request)
    final = page.wait(lambda m: m.request_id == request and m.result.get("final", False))
    assert len(final.result["shape"]) == 3
    assert final.values() == pytest.approx(np.array(expected), abs=1e-6)


def test_moving_the_crosshair_brings_nothing_even_while_a_cell_is_busy(page: Page, tmp_path: Path) -> None:
    start = page.kernel.now
    page.ask("hello")
    page.until("done", start)
    view = json.loads(page.kernel.run("import json; print(json.dumps(dict(w.view)))"))
    now = page.kernel.now
    with page.kernel.busy(Gate.made(tmp_path)):
        page.set(view={**view, "crosshair": [1, 2, 3]})
    assert page.kernel.run("print(w.view['crosshair'])") == "[1, 2, 3]\n"
    assert [m.kind for m in page.since(now) if m.kind] == []
    assert with_voxels(page.since(now)) == []
