"""zennit 0.5: layer-wise relevance propagation, modified gradients."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from zennit.attribution import Gradient, IntegratedGradients
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import (
    DeconvNet,
    EpsilonAlpha2Beta1,
    EpsilonAlpha2Beta1Flat,
    EpsilonGammaBox,
    EpsilonPlus,
    EpsilonPlusFlat,
    GuidedBackprop,
)
from zennit.core import Composite

from tests.parity.truths import assert_near, defect, input_gradient, plain, unbiased, volume
from tests.zoo import CLASSES, picture, seeded
from xai_widget import explain

TARGET = 2


LOW, HIGH = -4.0, 4.0
COMPOSITES: dict[str, Callable[..., Composite]] = {
    "epsilon_plus": EpsilonPlus,
    "epsilon_plus_flat": EpsilonPlusFlat,
    "epsilon_alpha2_beta1": EpsilonAlpha2Beta1,
    "epsilon_alpha2_beta1_flat": EpsilonAlpha2Beta1Flat,
    "epsilon_gamma_box": lambda **keywords: EpsilonGammaBox(LOW, HIGH, **keywords),
}


def their_relevance(model: nn.Module, x: Tensor, composite: Composite, target: int = TARGET) -> Tensor:
    """Return the relevance of the class' logit, `[C, *S]`."""

    def chosen(output: Tensor) -> Tensor:
        return output * torch.eye(output.shape[1], dtype=output.dtype)[target]

    with Gradient(model, composite) as peer:
        return peer(x[None].clone(), chosen)[1][0]


def normalised() -> nn.Module:
    """Return the small network as a sequence: conv, batch norm, ReLU, conv, ReLU, pooling, linear.

    Their merged batch norm still divides by sqrt(1 + eps).
    """
    model = plain(inplace=False)
    model.norm.eps = 1e-14
    body = (model.conv1, model.norm, model.relu1, model.conv2, model.relu2)
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.fc).eval()


@pytest.mark.parametrize("name", COMPOSITES)
def test_relevance_of_a_network_with_batch_norm(name: str) -> None:
    """Convention: ε = 1e-6, starts from the logit, batch norm merged, z-box from -4 to 4. Tolerance: float32."""
    model, x = normalised(), picture().double()
    theirs = their_relevance(model, x, COMPOSITES[name](canonizers=[SequentialMergeBatchNorm()]))
    ours = explain(model, x, "lrp", target=TARGET, composite=name, low=LOW, high=HIGH)
    assert_near(ours.channels, theirs)
    assert_near(ours.values, theirs.sum(0))


class Pooled(nn.Sequential):
    """A 3-D classifier with max pooling, all of modules."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2), nn.Conv3d(4, 6, 3, padding=1), nn.ReLU()),
            *(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(6, 2)),
        )


@pytest.mark.parametrize("name", COMPOSITES)
def test_relevance_of_a_volume(name: str) -> None:
    """Convention: as above; max pooling gives all to the winner. Tolerance: float32."""
    model, x = seeded(Pooled).eval().double(), volume()
    theirs = their_relevance(model, x, COMPOSITES[name](), 1)
    ours = explain(model, x, "lrp", target=1, composite=name, low=LOW, high=HIGH)
    assert_near(ours.channels, theirs)


@pytest.mark.parametrize(("method", "composite"), [("guided_backprop", GuidedBackprop), ("deconvolution", DeconvNet)])
def test_modified_gradients(method: str, composite: type[Composite]) -> None:
    """Convention: signed, at the input, beginning with 1 at the class. Tolerance: float32."""
    model, x = normalised(), picture().double()
    with Gradient(model, composite()) as peer:
        _, theirs = peer(x[None].clone(), torch.eye(CLASSES, dtype=torch.float64)[[TARGET]])
    assert_near(explain(model, x, method, target=TARGET).channels, theirs[0])


def test_integrated_gradients() -> None:
    """Convention: 20 steps, each at its right end, baseline 0. Tolerance: float32."""
    model, x = normalised(), picture().double()
    with IntegratedGradients(model, n_iter=20) as peer:
        _, theirs = peer(x[None].clone(), torch.eye(CLASSES, dtype=torch.float64)[[TARGET]])
    ours = explain(model, x, "integrated_gradients", target=TARGET, steps=20, rule="riemann_right")
    assert_near(ours.channels, theirs[0])


class Residual(nn.Module):
    """A sum that is no module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.relu, self.last = nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.relu(self.first(x) + x))


def test_the_weights_are_kept() -> None:
    """Convention: a model that was explained is as it was; D19, of their development version. Tolerance: none."""
    sequential = normalised()
    before = {name: value.clone() for name, value in sequential.state_dict().items()}
    with Gradient(sequential, EpsilonPlus(canonizers=[SequentialMergeBatchNorm()])) as peer:
        peer(picture()[None].double(), lambda output: output)
    after = sequential.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())


@defect("D20", "a sum that is no module doubles the relevance")
def test_a_functional_sum_conserves_relevance() -> None:
    """Convention: ε rule without biases: input times gradient, which sums to the score. Tolerance: 1e-6, for ε."""
    model = unbiased(seeded(Residual)).double()
    x = torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64)
    assert_near(their_relevance(model, x, EpsilonPlus(epsilon=1e-9)), x * input_gradient(model, x, TARGET), 1e-6)


def test_epsilon_rule_alone_is_input_times_gradient() -> None:
    """Convention: as above, no sum. Tolerance: 1e-6, for ε."""
    model = unbiased(seeded(lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, CLASSES)))).double()
    x = torch.tensor([0.5, 1.0, -1.5, 2.0], dtype=torch.float64)
    assert_near(their_relevance(model, x, EpsilonPlus(epsilon=1e-9)), x * input_gradient(model, x, TARGET), 1e-6)
