"""XaiWidget without a kernel: the stored picture, stopping, and letting go."""

import gc
import io
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.recorded import SOON, Gated, Recorded, a_widget
from tests.zoo import SIDE, ZOO, Flat, picture, seeded
from xai_widget import explain
from xai_widget.render import overlay
from xai_widget.widget import taking as module

VIEW_TYPE = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


# -- the stored picture ---------------------------------------------------------------------------------------------


def as_array(png: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_snapshot_is_what_render_paints() -> None:
    w = a_widget(method="occlusion", view={"opacity": 0.7, "cells": True})
    found = w.explain()
    expected = overlay(w.sessions[0].inputs[0].picture, found.values, signed=True, view=w.view)
    assert np.array_equal(np.asarray(w.snapshot()), expected)
    assert w.snapshot().size == (SIDE, SIDE)


def test_a_snapshot_may_be_larger_and_have_a_colour_bar() -> None:
    w = a_widget(method="occlusion", view={"mode": "contours", "clip": 90.0})
    found = w.explain()
    assert np.array_equal(np.asarray(w.snapshot(scale=3)), found.heat_map(w.view, scale=3))
    sheet = w.snapshot(scale=2, bar=True)
    assert sheet.width > 2 * SIDE < sheet.height
    assert sheet.tobytes() == found.sheet(w.view, scale=2).tobytes()


def test_before_any_map_the_snapshot_is_the_picture() -> None:
    w = a_widget()
    assert np.array_equal(np.asarray(w.snapshot()), w.sessions[0].inputs[0].picture)
    assert w.snapshot(scale=2, bar=True).size == (2 * SIDE, 2 * SIDE)


def test_the_output_of_a_cell_holds_text_a_picture_with_a_heat_map_and_the_widget() -> None:
    w = a_widget()
    data, metadata = w._repr_mimebundle_()
    w.settle()
    assert set(data) == {"text/plain", "image/png", VIEW_TYPE}
    assert data["text/plain"] == repr(w)
    assert data[VIEW_TYPE]["model_id"] == w.model_id
    assert np.array_equal(as_array(data["image/png"]), np.asarray(w.snapshot()))
    assert not np.array_equal(as_array(data["image/png"]), w.sessions[0].inputs[0].picture)
    assert metadata["image/png"] == {"width": 384, "height": 384}


def test_the_stored_picture_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.FIRST_ESTIMATE_SECONDS == 2.0
    monkeypatch.setattr(module, "FIRST_ESTIMATE_SECONDS", 0.05)
    model = Gated()
    w = a_widget(model)
    model.gate.clear()
    try:
        data, _ = w._repr_mimebundle_()
    finally:
        model.gate.set()
    assert np.array_equal(as_array(data["image/png"]), w.sessions[0].inputs[0].picture)
    w.settle()


def test_a_failed_run_leaves_the_bare_picture() -> None:
    model = Gated()
    w = a_widget(model)
    model.fails = True
    data, _ = w._repr_mimebundle_()
    assert np.array_equal(as_array(data["image/png"]), w.sessions[0].inputs[0].picture)
    w.settle()
    assert w.status["state"] == "error"


def test_without_auto_run_nothing_runs_for_the_stored_picture() -> None:
    w = a_widget(auto_run=False)
    w._repr_mimebundle_()
    assert w.asker.job is None
    assert w.status["state"] == "idle"


def test_the_text_is_the_same_for_the_same_call() -> None:
    assert repr(a_widget()) == repr(a_widget())
    assert repr(a_widget()).startswith("XaiWidget(Plain, ")
    assert "0x" not in repr(a_widget())


# -- letting go -----------------------------------------------------------------------------------------------------


def used_widget(model: Any) -> Recorded:
    w = a_widget(model, method="occlusion", params={"window": 4})
    w._repr_mimebundle_()
    w.hear({"kind": "hello", "request_id": "h"})
    w.settle()
    w.method = "grad_cam"
    w.settle()
    w.explain().for_target(1)
    return w


def test_closing_lets_go_of_model_sessions_and_widget() -> None:
    model = ZOO["plain"]()
    w = used_widget(model)
    held = [weakref.ref(thing) for thing in (model, w.sessions[0], w.asker, w)]
    w.close()
    del w, model
    gc.collect()
    assert [ref() for ref in held] == [None] * 4


def test_a_closed_widget_that_is_still_named_holds_no_model() -> None:
    model = ZOO["plain"]()
    w = used_widget(model)
    held = [weakref.ref(model), weakref.ref(w.sessions[0])]
    w.close()
    del model
    gc.collect()
    assert [ref() for ref in held] == [None] * 2
    assert repr(w) == "XaiWidget(closed)"
    for use in (w.explain, w.snapshot, lambda: w.predictions, w.refresh):
        with pytest.raises(RuntimeError, match="closed"):
            use()


def test_closing_stops_the_run() -> None:
    model = Gated()
    w = a_widget(model, method="occlusion", params={"window": 2, "stride": 1})
    model.gate.clear()
    w.hear({"kind": "run", "request_id": "r"})
    assert model.asked.wait(SOON)
    job = w.asker.job
    assert job is not None
    w.close()
    model.gate.set()
    assert job.ended.wait(SOON)
    assert job.outcome == "cancelled"


def test_closing_twice_is_closing_once() -> None:
    w = a_widget()
    w.close()
    w.close()
    assert w.comm is None


def test_cancel_from_python_stops_the_run() -> None:
    model = Gated()
    w = a_widget(model, method="occlusion", params={"window": 2, "stride": 1})
    model.gate.clear()
    w.hear({"kind": "run", "request_id": "r"})
    assert model.asked.wait(SOON)
    w.cancel()
    model.gate.set()
    w.settle()
    assert w.status["state"] == "cancelled"
    assert w.customs("cancelled") == [{"kind": "cancelled", "request_id": "r"}]


# -- the first look -------------------------------------------------------------------------------------------------


class Counted(Flat):
    """Counts the inputs that all instances have seen."""

    seen: ClassVar[int] = 0

    def forward(self, x: Tensor) -> Tensor:
        Counted.seen += len(x)
        return super().forward(x)


def test_a_new_picture_of_a_known_model_costs_one_forward() -> None:
    model = seeded(Counted).eval()
    a_widget(model).explain()
    before = Counted.seen
    w = a_widget(model, picture(seed=1))
    assert Counted.seen - before == 1
    found = w.explain()
    assert Counted.seen - before == 1
    alone = explain(seeded(Counted).eval(), picture(seed=1))
    assert found.values == pytest.approx(alone.values, abs=1e-6)
    assert w.predictions[0][0] == alone.target


def test_a_model_that_cannot_be_differentiated_opens_and_says_so_when_it_is_asked() -> None:
    class NoGradient(Flat):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                return super().forward(x)

    model = seeded(NoGradient).eval()
    a_widget(model, method="occlusion", params={"window": 8}).explain()
    w = a_widget(model, picture(seed=1), method="grad_cam")
    with pytest.raises(ValueError, match="differentiably"):
        w.explain()


def hello(w: Recorded, page: str, *, view: bool) -> list[int]:
    """How often a session, a result and an answer were sent since the beginning."""
    w.hear({"kind": "hello", "request_id": f"{page}-1", "page": page, "view": view})
    w.settle()
    return [len(w.customs(kind)) for kind in ("session", "result", "ack")]


def test_a_page_hears_everything_once_and_its_view_starts_the_run() -> None:
    w = a_widget(method="grad_cam", target=1)
    assert hello(w, "p", view=False) == [0, 0, 1]  # nobody knows whether there will be a view
    assert hello(w, "p", view=True) == [1, 1, 2]
    assert w.status["state"] == "done"
    assert hello(w, "p", view=True) == [1, 1, 3]
    assert hello(w, "q", view=True) == [2, 2, 4]


def test_what_a_cell_is_about_to_show_is_told_before_there_is_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    w = a_widget(method="grad_cam", target=1)
    told: list[list[int]] = []
    monkeypatch.setattr(module, "wait_for_map", lambda *_: told.append(hello(w, "p", view=False)))
    w._repr_mimebundle_()
    assert told == [[1, 1, 1]]
    assert hello(w, "p", view=True) == [1, 1, 2]
