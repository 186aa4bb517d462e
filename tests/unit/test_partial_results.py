"""Results on the way: whoever wants the last one holds one of the others at most, however many there are."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from tests.zoo import ZOO, picture
from xai_widget import explain, explain_batch
from xai_widget.attribution import Attribution, Estimate, last_of
from xai_widget.explainers import Cost, Explainer

STEPS = 12


class Patient(Explainer):
    """Gives many estimates, and sees how many of them, or of what was made of them, are still there."""

    id: ClassVar[str] = "patient"
    label: ClassVar[str] = "Patient"
    access: ClassVar[str] = "black_box"
    held: ClassVar[list[int]] = []

    def cost(self, case: Any) -> Cost:
        return Cost(len(case.inputs))

    def estimates(self, case: Any) -> Iterator[Estimate]:
        maps: list[weakref.ref[Any]] = []
        for step in range(1, STEPS + 1):
            numbers = np.full((len(case.inputs), 16, 16), step, np.float32)
            maps.append(weakref.ref(numbers))
            estimate = Estimate(torch.from_numpy(numbers), step / STEPS)
            del numbers
            yield estimate
            del estimate
            made = sum(type(one) is Attribution for one in gc.get_objects())
            Patient.held.append(max(made, sum(one() is not None for one in maps)))


def alone() -> Attribution:
    return explain(ZOO["plain"](), picture(), Patient(), target=1)


def answered() -> Attribution:
    first = alone()
    Patient.held.clear()
    return first.for_target(2)


def together() -> Attribution:
    return explain_batch(ZOO["plain"](), [picture(), picture(1)], Patient(), targets=1)[1]


@pytest.mark.parametrize("ask", [alone, together, answered])
def test_of_all_the_maps_on_the_way_one_is_held(ask: Callable[[], Attribution]) -> None:
    Patient.held.clear()
    gc.collect()
    found = ask()
    assert (found.values == STEPS).all()
    assert len(Patient.held) == STEPS
    assert max(Patient.held[1:]) <= Patient.held[0] + 2  # one more of every input


def test_the_last_of_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no estimate"):
        last_of(iter(()))
