"""captum 0.9: layer-wise relevance propagation."""

from collections.abc import Callable

import pytest
import torch
from captum.attr import LRP
from torch import Tensor, nn

from tests.parity.truths import assert_near, defect, input_gradient, unbiased, volume
from tests.zoo import picture, seeded
from xai_widget import explain

pytestmark = pytest.mark.filterwarnings("ignore:::captum")


class Dense(nn.Module):
    """Three linear layers with one ReLU module in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.relu(self.middle(self.relu(self.first(x)))))


class Twice(Dense):
    """One linear module in two places."""

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.relu(self.first(self.relu(self.first(x)))))


class Residual(Dense):
    """A sum that is no module."""

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.relu(self.first(x) + self.middle(x)))


def convolutional(*middle: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), *middle)


def volumetric() -> nn.Module:
    return nn.Sequential(nn.Conv3d(1, 2, 3), nn.ReLU(), nn.Conv3d(2, 2, 3), View())


class View(nn.Module):
    """Flattens without a module that would need a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.none = nn.Dropout(0)

    def forward(self, x: Tensor) -> Tensor:
        return self.none(x.reshape(len(x), -1))


def relevance(build: Callable[[], nn.Module], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return theirs and the truth of a network without biases, where the ε rule is input times gradient."""
    model = unbiased(seeded(build)).eval().double()
    truth = x * input_gradient(model, x, 1)
    return LRP(model).attribute(x[None].clone(), target=1)[0], truth


VECTOR = torch.tensor([0.5, 1.0, -1.5, 2.0], dtype=torch.float64)


def test_epsilon_rule() -> None:
    """Convention: ε = 1e-9 everywhere, scaled by the score. Tolerance: 1e-6, for ε."""
    assert_near(*relevance(lambda: convolutional(View(), nn.Linear(4, 3)), picture(0, 8).double()), 1e-6)


def test_epsilon_rule_with_biases() -> None:
    """Convention: ε = 1e-9 everywhere; biases absorb their share. Tolerance: float32."""
    model = seeded(lambda: convolutional(View(), nn.Linear(4, 3))).eval().double()
    x = picture(0, 8).double()
    ours = explain(model, x, "lrp", target=1, composite="epsilon", epsilon=1e-9)
    assert_near(ours.channels, LRP(model).attribute(x[None].clone(), target=1)[0])


@defect("D16", "no rule for three-dimensional convolutions", TypeError)
def test_a_volume() -> None:
    """Convention: as in two dimensions. Tolerance: 1e-6, for ε."""
    assert_near(*relevance(volumetric, volume()[:, :5, :5, :5]), 1e-6)


@defect("D16", "no rule for nn.Flatten", TypeError)
def test_flatten() -> None:
    """Convention: relevance keeps its place. Tolerance: 1e-6, for ε."""
    assert_near(*relevance(lambda: convolutional(nn.Flatten(), nn.Linear(4, 3)), picture(0, 8).double()), 1e-6)


@defect("D16", "a layer that is used twice raises", RuntimeError)
def test_a_module_used_twice() -> None:
    """Convention: each use on its own. Tolerance: 1e-6, for ε."""
    assert_near(*relevance(Twice, VECTOR), 1e-6)


def test_a_relu_used_twice() -> None:
    """Convention: relevance passes through. Tolerance: 1e-6, for ε."""
    assert_near(*relevance(Dense, VECTOR), 1e-6)


@defect("D16", "a sum that is no module is propagated wrongly")
def test_a_functional_sum() -> None:
    """Convention: shared out in proportion to the terms. Tolerance: 1e-6, for ε."""
    assert_near(*relevance(Residual, VECTOR), 1e-6)


@defect("D16", "what it stored stays on the modules")
def test_nothing_is_left_on_the_modules() -> None:
    """Convention: a model that was explained is as it was. Tolerance: none."""
    model = Dense().eval()
    before = set(vars(model.first))
    LRP(model).attribute(VECTOR.float()[None], target=1)
    assert set(vars(model.first)) == before
