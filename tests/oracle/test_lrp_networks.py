"""LRP on real architectures: relevance and what was measured to be absorbed add up to the score; LRP-0 is x · ∂f/∂x."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from tests.oracle.test_lrp import input_times_gradient, relevance
from tests.zoo import seeded
from xai_widget import Contrast, explain
from xai_widget.explainers.lrp_rules import RuleSet

pytestmark = pytest.mark.slow

SIDE = 64
COMPOSITES = ("epsilon", "epsilon_plus", "epsilon_plus_flat", "epsilon_alpha2_beta1_flat", "epsilon_gamma_box")
# Name: whether every activation is a ReLU.
ARCHITECTURES = {
    "resnet18": True,
    "vgg11_bn": True,
    "densenet121": True,
    "squeezenet1_1": True,
    "googlenet": True,
    "shufflenet_v2_x0_5": True,
    "mobilenet_v2": False,  # ReLU6
    "mobilenet_v3_small": False,  # hardswish, gates
    "inception_v3": True,
    "efficientnet_b0": False,  # SiLU, gates
    "regnet_y_400mf": False,  # gates
    "mnasnet0_5": True,
}


class Residual3d(nn.Module):
    """A volumetric network with everything the planar ones have: strides, residual sums, pooling, a decoder step."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(1, 6, 3, stride=2, padding=1), nn.BatchNorm3d(6), nn.ReLU(inplace=True))
        self.body = nn.Sequential(nn.Conv3d(6, 6, 3, padding=1, bias=False), nn.BatchNorm3d(6))
        self.up = nn.ConvTranspose3d(6, 4, 2, stride=2, groups=2)
        self.up_norm = nn.BatchNorm3d(4)
        self.head = nn.Linear(10 * 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        low = self.stem(x)
        low = functional.relu(self.body(low) + low)
        high = functional.relu(self.up_norm(self.up(functional.max_pool3d(low, 2))))
        both = torch.cat([low, high], 1)
        return self.head(functional.adaptive_avg_pool3d(both, 2).flatten(1))


def alive(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> nn.Module:
    """A network through which signals pass as in a trained one: norms fit their inputs, biases and shifts are not 0."""
    model = seeded(build).double().train()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = None  # the mean over what follows
                module.weight.uniform_(0.6, 1.4)
                module.bias.normal_(0, 0.2)
            elif isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d):
                nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    module.bias.normal_(0, 0.05)
            elif isinstance(module, nn.Dropout):
                module.p = 0.0
        model(torch.randn(6, *shape, dtype=torch.float64))
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.add_(0.1 * torch.randn_like(module.running_mean))
    return model.eval()


def planar(name: str) -> nn.Module:
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    side = 96 if name == "inception_v3" else SIDE
    aux = {"aux_logits": False} if name in {"googlenet", "inception_v3"} else {}

    def build() -> nn.Module:
        model = torchvision.models.get_model(name, weights=None, num_classes=5, **options, **aux)
        if name.startswith("vgg"):  # 100 million weights say nothing more
            model.classifier = nn.Sequential(nn.Linear(25088, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, 5))
        return model

    return alive(build, (3, side, side))


def picture(name: str, rows: int = 1) -> Tensor:
    side = 96 if name == "inception_v3" else SIDE
    return torch.randn(rows, 3, side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_relevance_and_the_absorbed_share_add_up_to_the_score(name: str) -> None:
    model, x = planar(name), picture(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with torch.no_grad():
        logits = model(x)[0]
    target = int(logits.argmax())
    for rules in COMPOSITES:
        found = relevance(model, x, rules, target)
        absorbed = {key: float(amount) for key, amount in found.absorbed.items()}
        scale = float(found.values.abs().sum()) + sum(map(abs, absorbed.values()))
        total = float(found.values.sum()) + sum(absorbed.values())
        assert float(found.start) == pytest.approx(float(logits[target]), rel=1e-6)
        assert total == pytest.approx(float(logits[target]), abs=1e-9 * scale), rules
        assert max(map(abs, absorbed.values())) > 1e-3 * float(logits[target])  # there is something to account for
        assert float(found.values.abs().max()) > 1e-6
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", [name for name, is_relu in ARCHITECTURES.items() if is_relu])
def test_epsilon_zero_is_input_times_gradient_whatever_the_architecture(name: str) -> None:
    model, x = planar(name), picture(name)
    with torch.no_grad():
        target = int(model(x)[0].argmax())
    expected = input_times_gradient(model, x, [target]).numpy()
    found = relevance(model, x, RuleSet("epsilon", epsilon=0), target).values.numpy()
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_volume_network_adds_up_and_is_input_times_gradient_at_epsilon_zero() -> None:
    model = alive(Residual3d, (1, 8, 12, 12))
    x = torch.randn(2, 1, 8, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for rules in COMPOSITES:
        found = relevance(model, x, rules, Contrast(0, 2), 1)
        total = found.values.flatten(1).sum(1) + sum(found.absorbed.values())
        assert total.numpy() == pytest.approx(found.start.numpy(), rel=1e-7), rules
    expected = input_times_gradient(model, x, [0, 1])
    found = relevance(model, x, RuleSet("epsilon", epsilon=0), 0, 1)
    assert found.values.numpy() == pytest.approx(expected.numpy(), rel=1e-6, abs=1e-9)
    assert explain(model, x[0], "lrp", target=1).values.shape == (8, 12, 12)


def without_shifts(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if getattr(module, "bias", None) is not None:
            module.bias.data.zero_()
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.zero_()
    return model


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn", "densenet121", "squeezenet1_1", "mobilenet_v3_small"])
def test_without_biases_the_whole_score_reaches_the_input(name: str) -> None:
    model, x = without_shifts(planar(name)), picture(name)
    with torch.no_grad():
        logits = model(x)[0]
    score, target = float(logits.max()), int(logits.argmax())
    for rules in COMPOSITES:
        found = relevance(model, x, RuleSet(rules, epsilon=1e-14), target)
        slack = 1e-6 * float(found.values.abs().sum())
        assert float(found.values.sum()) == pytest.approx(score, rel=1e-5, abs=slack), rules


def test_layer_norm_and_attention_are_refused_with_a_reason() -> None:
    x = torch.randn(3, 224, 224, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"LayerNorm2d.*'features\.0\.1' of ConvNeXt"):
        explain(seeded(lambda: torchvision.models.convnext_tiny(num_classes=3)).eval(), x[:, :64, :64], "lrp")
    tiny = torchvision.models.VisionTransformer(32, 16, 1, 2, 8, 16, num_classes=3).eval()
    with pytest.raises(ValueError, match=r"attention.*VisionTransformer.*transformer_attribution"):
        explain(tiny, x[:, :32, :32], "lrp")
