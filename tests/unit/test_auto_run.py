"""What starts by itself: a cheap question does, an expensive one waits for Run, and what somebody has said counts."""

from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest
from torch import Tensor

from tests.recorded import Recorded, a_widget
from tests.zoo import ZOO
from xai_widget.page import AUTO_SECONDS, is_quick
from xai_widget.session import Session
from xai_widget.widget.protocol import in_words


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every method that needs more than ten evaluations is said to take two seconds for each."""
    real = Session.cost

    def cost(self: Session, *args: Any, **more: Any) -> Any:
        found, _ = real(self, *args, **more)
        return found, 2.0 * found.forwards if found.forwards > 10 else 0.01

    monkeypatch.setattr(Session, "cost", cost)


class Counting:
    """A black box that counts what it is shown."""

    def __init__(self) -> None:
        self.network = ZOO["plain"]()
        self.seen = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.seen += len(x)
        found: Tensor = self.network(x).detach()
        return found


OCCLUSION = {"method": "occlusion", "params": {"window": 4, "stride": 4}}
WAITS = "About 34 s: press Run"


def shown(**settings: Any) -> tuple[Recorded, Counting, int]:
    """A widget on a page, its model, and what the model had been shown before."""
    model = Counting()
    w = a_widget(model, **{**OCCLUSION, **settings})
    before = model.seen
    w.hear({"kind": "hello", "request_id": "h"})
    w.settle()
    return w, model, before


def test_ten_seconds_are_the_bound_and_an_unknown_time_is_cheap() -> None:
    assert is_quick(AUTO_SECONDS)
    assert not is_quick(AUTO_SECONDS + 0.1)
    assert is_quick(float("nan"))
    assert is_quick(float("inf"))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0001, "1 ms"), (0.5, "0.5 s"), (9.96, "10 s"), (99.4, "99 s"), (150, "2 min")]
)
def test_a_time_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.usefixtures("slow")
def test_an_expensive_first_question_waits_for_run() -> None:
    w, model, before = shown()
    assert model.seen == before
    assert (w.status["state"], w.status["message"]) == ("idle", WAITS)
    w.hear({"kind": "run", "request_id": "r"})
    w.settle()
    assert w.status["state"] == "done"
    assert model.seen > before


@pytest.mark.usefixtures("slow")
def test_a_display_without_a_page_waits_too() -> None:
    model = Counting()
    w = a_widget(model, **OCCLUSION)
    before = model.seen
    w._repr_mimebundle_()
    assert model.seen == before
    assert w.status["message"] == WAITS


@pytest.mark.usefixtures("slow")
def test_a_change_of_an_expensive_question_waits_and_stops_what_was_asked_before() -> None:
    w, model, _ = shown()
    w.hear({"kind": "run", "request_id": "r"})
    w.settle()
    before = model.seen
    w.params = {"window": 8, "stride": 8}  # cheap: four windows
    w.settle()
    assert w.status["state"] == "done"
    assert model.seen == before + 4
    w.params = {"window": 8, "stride": 2}
    w.settle()
    assert w.status["state"] == "idle"
    assert model.seen == before + 4


@pytest.mark.usefixtures("slow")
def test_what_is_known_already_is_shown_at_once() -> None:
    w, model, _ = shown()
    w.explain()
    before = model.seen
    w.params = {"window": 8, "stride": 8}
    w.params = OCCLUSION["params"]
    w.settle()
    assert w.status["state"] == "done"
    assert w.customs("result")[-1]["result"]["params"]["window"] == 4
    assert model.seen - before <= 4


@pytest.mark.usefixtures("slow")
def test_python_always_runs() -> None:
    w = a_widget(Counting(), **OCCLUSION)
    assert w.explain().method == "occlusion"


@pytest.mark.usefixtures("slow")
def test_an_expensive_method_runs_by_itself_where_somebody_has_said_so() -> None:
    w, model, before = shown()
    w.auto_runs = {"occlusion": True}
    w.settle()
    assert w.status["state"] == "done"
    assert model.seen > before
    seen = model.seen
    w.target = 2 if w.predictions[0][0] != 2 else 3
    w.settle()
    assert w.customs("result")[-1]["result"]["target"] == w.target
    assert model.seen >= seen


def test_a_cheap_method_waits_where_somebody_has_said_so() -> None:
    model = Counting()
    w = a_widget(model, **OCCLUSION)
    w.auto_runs = {"occlusion": False}
    before = model.seen
    w.hear({"kind": "hello", "request_id": "h"})
    w.target = 1
    w.settle()
    assert model.seen == before
    assert w.status["state"] == "idle"
    assert w.status["message"].endswith(": press Run")


@pytest.mark.usefixtures("slow")
def test_nothing_runs_by_itself_where_auto_run_is_off() -> None:
    w, model, before = shown(auto_run=False)
    w.auto_runs = {"occlusion": True}
    w.target = 1
    w.settle()
    assert model.seen == before
    assert w.status["message"] == ""


@pytest.mark.usefixtures("slow")
def test_the_page_is_told_which_methods_wait() -> None:
    w, _, _ = shown()
    methods = {each["id"]: each["auto"] for each in w.customs("session")[0]["session"]["methods"]}
    assert methods["occlusion"] is False
    w.params = {"window": 8, "stride": 8}
    assert w.customs("method")[-1]["method"]["auto"] is True
