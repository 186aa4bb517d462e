"""Guided backpropagation and deconvolution against backward passes written out by hand, for every kind of ReLU."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tests.rectifiers import KINDS, RELUS, SIXES, Rectifier, through
from tests.zoo import CLASSES, seeded
from xai_widget import Contrast, explain, explain_batch

# -- every way to write a ReLU --------------------------------------------------------------------------------------


class Dense(nn.Module):
    """Two linear layers, each followed by the same rectifier, and a linear head; inputs `[N, 1, 2, 3]`."""

    def __init__(self, act: Rectifier) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 20), nn.Linear(20, 20), nn.Linear(20, CLASSES)
        self.act = act  # one module used twice, or a function

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.second(self.act(self.first(x.flatten(1))))))

    def by_hand(self, x: Tensor, start: Tensor, kind: str, ceiling: float) -> Tensor:
        """The backward of `start`, the weights of the logits in the score."""
        with torch.no_grad():
            h1 = self.first(x.flatten())
            h2 = self.second(h1.clamp(0, ceiling))
            r2 = through(self.head.weight.T @ start, h2, kind, ceiling)
            r1 = through(self.second.weight.T @ r2, h1, kind, ceiling)
            return (self.first.weight.T @ r1).reshape(x.shape)


def dense(act: Rectifier) -> Dense:
    return seeded(lambda: Dense(act)).eval().double()


def numbers(scale: float) -> Tensor:
    return scale * torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def one_hot(k: int) -> Tensor:
    return functional.one_hot(torch.tensor(k), CLASSES).double()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", RELUS)
def test_every_way_to_write_a_relu(kind: str, way: str) -> None:
    model = dense(RELUS[way])
    expected = model.by_hand(numbers(2), one_hot(1), kind, float("inf")).numpy()
    found = explain(model, numbers(2), kind, target=1, dims=2)
    assert np.abs(expected).max() > 0.01
    assert found.channels == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert found.values == pytest.approx(np.abs(expected).max(0), rel=1e-5, abs=1e-9)
    assert not found.signed


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", SIXES)
def test_every_way_to_write_a_relu_with_a_ceiling(kind: str, way: str) -> None:
    model, x = dense(SIXES[way]), numbers(12)
    with torch.no_grad():
        assert (model.first(x.flatten()) > 6).any()  # what is cut off is closed
    expected = model.by_hand(x, one_hot(1), kind, 6).numpy()
    found = explain(model, x, kind, target=1, dims=2)
    assert np.abs(expected).max() > 0.01
    assert found.channels == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_contrast_starts_with_both_signs(kind: str) -> None:
    model = dense(functional.relu)
    expected = model.by_hand(numbers(2), one_hot(1) - one_hot(3), kind, float("inf")).numpy()
    found = explain(model, numbers(2), kind, target=Contrast(1, 3), dims=2)
    assert found.channels == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_callable_target_starts_with_its_gradient_and_keeps_its_own_relu(kind: str) -> None:
    model = dense(functional.relu)
    expected = model.by_hand(numbers(2), -2 * one_hot(1) + one_hot(3), kind, float("inf")).numpy()
    with torch.no_grad():
        up = float(10 - model(numbers(2)[None])[0, 1])
    assert up > 0

    def target(logits: Tensor) -> Tensor:
        return 2 * (10 - logits[:, 1]).relu() + logits[:, 3]

    found = explain(model, numbers(2), kind, target=target, dims=2)
    assert found.channels == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_batch(kind: str) -> None:
    model = dense(nn.ReLU(inplace=True))
    inputs = torch.stack([numbers(scale) for scale in (1, 2, -3)])
    found = explain_batch(model, inputs, kind, targets=[0, 4, 2], dims=2)
    for x, k, one in zip(inputs, (0, 4, 2), found, strict=True):
        expected = model.by_hand(x, one_hot(k), kind, float("inf")).numpy()
        assert one.channels == pytest.approx(expected, rel=1e-5, abs=1e-9)


# -- what is no rectifier, and what else a tensor feeds -------------------------------------------------------------


class Branching(nn.Module):
    """One hidden layer h in some expression, and a linear head."""

    def __init__(self, expression: Rectifier, width: int = 20) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(6, 20), nn.Linear(width, CLASSES)
        self.expression = expression

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.expression(self.first(x.flatten(1))))


def in_place_and_before(h: Tensor) -> Tensor:
    """h/2 from before the ReLU in place, and what it became."""
    half = h * 0.5
    functional.relu_(h)
    return half + h


def only_a_part(h: Tensor) -> Tensor:
    """The first half of h is rectified in place through a view."""
    out = h * 1
    out[:, :10].relu_()
    return out


BRANCHES: dict[str, tuple[Rectifier, int, Callable[[Tensor, Tensor, str], Tensor]]] = {
    "h + relu(h)": (lambda h: h + h.relu(), 20, lambda v, h, kind: v + through(v, h, kind)),
    "h/2, then in place": (in_place_and_before, 20, lambda v, h, kind: 0.5 * v + through(v, h, kind)),
    "concatenated ReLU": (
        lambda h: torch.cat([functional.relu(h), functional.relu(-h)], 1),
        40,
        lambda v, h, kind: through(v[:20], h, kind) - through(v[20:], -h, kind),
    ),
    "relu(h) - 2 relu(h)": (
        lambda h: torch.relu(h) - 2 * torch.relu(h),
        20,
        lambda v, h, kind: through(v, h, kind) + through(-2 * v, h, kind),
    ),
    "relu(h) used twice": (lambda h: (r := h.relu()) - 2 * r, 20, lambda v, h, kind: through(-v, h, kind)),
    "a part in place": (
        only_a_part,
        20,
        lambda v, h, kind: torch.cat([through(v[:10], h[:10], kind), v[10:]]),
    ),
    "leaky slopes": (
        lambda h: functional.leaky_relu(h.relu() - 0.2, 0.1),
        20,
        lambda v, h, kind: through(torch.where(h.relu() > 0.2, v, 0.1 * v), h, kind),
    ),
    "other bounds": (
        lambda h: h.relu() + h.clamp(-0.2, 0.2) + functional.hardtanh(h) + functional.threshold(h, 0.1, 0.0),
        20,
        lambda v, h, kind: through(v, h, kind) + v * (h.abs() < 0.2) + v * (h.abs() < 1) + v * (h > 0.1),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BRANCHES)
def test_only_the_way_through_the_rectifier_is_changed(kind: str, name: str) -> None:
    expression, width, back = BRANCHES[name]
    model = seeded(lambda: Branching(expression, width)).eval().double()
    x = numbers(2)
    with torch.no_grad():
        r = back(model.head.weight[1], model.first(x.flatten()), kind)
        expected = (model.first.weight.T @ r).reshape(x.shape).numpy()
    found = explain(model, x, kind, target=1, dims=2)
    assert found.channels == pytest.approx(expected, rel=1e-5, abs=1e-9)


class Indexing(Branching):
    """Bounds whole numbers (an index) to be at least 0: no activation."""

    def forward(self, x: Tensor) -> Tensor:
        index = (torch.arange(20, device=x.device) - 3).clamp(min=0)
        return self.head(self.first(x.flatten(1))[:, index].relu())


@pytest.mark.parametrize("kind", KINDS)
def test_indices_that_are_bounded_stay_indices(kind: str) -> None:
    model = seeded(lambda: Indexing(functional.relu)).eval().double()
    x = numbers(2)
    index = [0, 0, 0, *range(17)]
    with torch.no_grad():
        h = model.first(x.flatten())
        r = torch.zeros(20, dtype=torch.float64)
        r.index_add_(0, torch.tensor(index), through(model.head.weight[1], h[index], kind))
        expected = (model.first.weight.T @ r).reshape(x.shape).numpy()
    assert explain(model, x, kind, target=1, dims=2).channels == pytest.approx(expected, rel=1e-5, abs=1e-9)


class Checkpointed(Dense):
    """Runs its body once more on the way back instead of keeping what it computed."""

    def forward(self, x: Tensor) -> Tensor:
        body = checkpoint(lambda h: self.act(self.second(self.act(self.first(h)))), x.flatten(1), use_reentrant=False)
        return self.head(body)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_that_are_recomputed_on_the_way_back(kind: str) -> None:
    model = seeded(lambda: Checkpointed(functional.relu)).eval().double()
    expected = model.by_hand(numbers(2), one_hot(1), kind, float("inf")).numpy()
    assert explain(model, numbers(2), kind, target=1, dims=2).channels == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("method", KINDS)
def test_a_differentiable_function_needs_no_module(method: str) -> None:
    model = dense(functional.relu)
    found = explain(model.__call__, numbers(2), method, target=1, dims=2)
    assert found.channels == pytest.approx(explain(model, numbers(2), method, target=1, dims=2).channels, rel=1e-6)
