"""Ways to run a method from a test: in chunks of one, and on inputs that nothing is known of."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.zoo import Plain, seeded, trained_statistics
from xai_widget import Attribution
from xai_widget.binding import Binding
from xai_widget.engine import Case
from xai_widget.explainers import Cost, Method, build_method
from xai_widget.session import Session


def session_on(model: Callable[..., Any], x: Tensor, chunk_seconds: float | None = None, **binding: Any) -> Session:
    return Session.open(model, x, Binding(chunk_seconds=chunk_seconds, **binding))


def steps_of(session: Session, method: str | Method, target: Any, **params: Any) -> list[Attribution]:
    """Every estimate of a run, as attributions of the first row."""
    return [step[0] for step in session.run(build_method(method, params), [target])]


def fresh_case(model: Callable[..., Any], method: Method, inputs: Tensor, target: int = 0) -> Case:
    """A case of inputs `[N, C, *S]` for which nothing has been computed."""
    session = session_on(model, inputs[0])
    return session.case(method, [target]).with_inputs(inputs)


def cost_and_tally(model: Callable[..., Any], method: Method, inputs: Tensor) -> tuple[Cost, Cost]:
    """What a method says it costs, and what it took."""
    case = fresh_case(model, method, inputs)
    tally = case.runner.tally
    before = Cost(tally.forwards, tally.backwards)
    said = method.cost(case)
    for _ in method.estimates(case):
        pass
    return said, Cost(tally.forwards - before.forwards, tally.backwards - before.backwards)


def logits_of(score: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A two-class model whose first logit is `score(batch)` and whose second is its negative."""

    def model(batch: Tensor) -> Tensor:
        found = score(batch)
        return torch.stack([found, -found], 1)

    return model


def draws(*shape: int, seed: int = 5) -> Tensor:
    """Noise of one's own, float64."""
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Counting:
    """A black box that counts the inputs it was given."""

    def __init__(self) -> None:
        self.net = trained_statistics(seeded(Plain)).eval()
        self.seen = 0

    def __call__(self, batch: Tensor) -> Tensor:
        self.seen += len(batch)
        with torch.no_grad():
            return self.net(batch)
