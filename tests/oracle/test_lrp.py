"""Each rule of LRP against its textbook formula on the matrix of the operation; small networks against hand-made sums."""

import functools
import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from tests.zoo import CLASSES, ZOO, Plain, Shared, picture, seeded, trained_statistics
from xai_widget import Contrast, TargetNotScored, explain, explain_batch
from xai_widget.engine import Case, Memory, Relevance, measure, runner_for, store_for
from xai_widget.engine.relevance import relevance as relevance_of
from xai_widget.engine.relevance_weights import KEY, WEIGHT_BYTES, Weights
from xai_widget.explainers.lrp import Lrp
from xai_widget.explainers.lrp_rules import COMPOSITES, RuleSet
from xai_widget.targets import resolve

EPSILON = 1e-6


def relevance(model: nn.Module, x: Tensor, rules: str | RuleSet, *targets: object) -> Relevance:
    """Relevance of a batch `[N, C, *S]`, one target a row, in the model's precision."""
    runner = runner_for(model, store_for(model))
    placed = runner.place(x)
    facts, runner, logits = measure(runner, placed[:1], None)
    labels = [f"class {index}" for index in range(logits.shape[1])]
    questions = tuple(resolve(target, labels, 0) for target in targets)
    case = Case(runner, Memory(runner, placed), facts, placed, questions)
    return case.relevance(RuleSet(rules) if isinstance(rules, str) else rules)


# -- rules, from the matrix of the operation --------------------------------------------------------------------------

OPERATIONS: dict[str, tuple[Callable[[bool], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda bias: nn.Linear(7, 5, bias=bias), (7,)),
    "conv1d": (lambda bias: nn.Conv1d(2, 4, 3, padding=1, bias=bias), (2, 7)),
    "conv2d": (lambda bias: nn.Conv2d(3, 4, 3, bias=bias), (3, 6, 5)),
    "conv2d strided": (lambda bias: nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=bias), (2, 7, 6)),
    "conv2d grouped": (lambda bias: nn.Conv2d(4, 6, 3, groups=2, padding=1, bias=bias), (4, 5, 5)),
    "conv2d dilated": (lambda bias: nn.Conv2d(2, 3, 2, dilation=2, bias=bias), (2, 6, 6)),
    "conv2d same": (lambda bias: nn.Conv2d(2, 3, (3, 5), padding="same", bias=bias), (2, 5, 6)),
    "conv3d": (lambda bias: nn.Conv3d(2, 3, 2, stride=(1, 2, 1), padding=1, bias=bias), (2, 3, 4, 3)),
    "conv_transpose1d": (lambda bias: nn.ConvTranspose1d(3, 2, 3, stride=2, bias=bias), (3, 5)),
    "conv_transpose2d": (
        lambda bias: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, bias=bias),
        (4, 4, 3),
    ),
    "conv_transpose3d": (lambda bias: nn.ConvTranspose3d(2, 3, 2, dilation=2, bias=bias), (2, 3, 2, 3)),
}


class Alone(nn.Module):
    """One operation whose outputs are the classes."""

    def __init__(self, operation: nn.Module) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x).flatten(1)


def matrix(operation: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """W `[out, in]`, b `[out]` and which inputs are connected to which outputs."""
    shape = (1, *x.shape)
    zero = operation(torch.zeros(shape, dtype=x.dtype)).detach()
    jacobian = torch.autograd.functional.jacobian(lambda values: operation(values).flatten(), x[None])
    connected = torch.autograd.functional.jacobian(lambda values: ones_like(operation)(values).flatten(), x[None])
    return jacobian.reshape(zero.numel(), -1), zero.flatten(), connected.reshape(zero.numel(), -1)


def ones_like(operation: nn.Module) -> nn.Module:
    twin = seeded(lambda: type(operation)(**arguments(operation))).to(operation.weight.dtype)
    with torch.no_grad():
        twin.weight.fill_(1)
    return twin


def arguments(operation: nn.Module) -> dict[str, object]:
    if isinstance(operation, nn.Linear):
        return {"in_features": operation.in_features, "out_features": operation.out_features, "bias": False}
    names = ["in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"]
    if "Transpose" in type(operation).__name__:
        names.append("output_padding")
    return {**{name: getattr(operation, name) for name in names}, "bias": False}


def textbook(
    rule: str, x: Tensor, w: Tensor, b: Tensor, connected: Tensor, r: Tensor, spread: tuple[Tensor, Tensor]
) -> Tensor:
    """R_i = Σ_j (contribution_ij / Σ) R_j, written as in the papers, one matrix of contributions at a time."""
    c = w * x  # [out, in]
    stabilise = lambda z: z + EPSILON * torch.where(z < 0, -1.0, 1.0)  # noqa: E731
    if rule == "epsilon":
        return (c / stabilise(c.sum(1) + b)[:, None] * r[:, None]).sum(0)
    if rule in {"z_plus", "alpha_beta"}:
        alpha = 1.0 if rule == "z_plus" else 2.0
        plus, minus = c.clamp(min=0), c.clamp(max=0)
        up = plus / stabilise(plus.sum(1) + b.clamp(min=0))[:, None]
        down = minus / stabilise(minus.sum(1) + b.clamp(max=0))[:, None]
        return ((alpha * up - (alpha - 1) * down) * r[:, None]).sum(0)
    if rule == "gamma":
        positive = (c.sum(1) + b >= 0)[:, None]
        favoured = torch.where(positive, c.clamp(min=0), c.clamp(max=0))
        bias = torch.where(positive[:, 0], b.clamp(min=0), b.clamp(max=0))
        whole = c + 0.25 * favoured
        return (whole / stabilise(whole.sum(1) + b + 0.25 * bias)[:, None] * r[:, None]).sum(0)
    if rule == "z_box":
        low, high = spread
        c = c - low * w.clamp(min=0) - high * w.clamp(max=0)
    elif rule == "w_square":
        c = w**2
    elif rule == "flat":
        c = connected
    return (c / stabilise(c.sum(1))[:, None] * r[:, None]).sum(0)


@pytest.mark.parametrize("positive", [True, False], ids=["x >= 0", "signed x"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_rule_is_its_formula_on_the_matrix_of_the_operation(name: str, bias: bool, positive: bool) -> None:
    build, shape = OPERATIONS[name]
    operation = seeded(lambda: build(bias)).double()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = x.abs() if positive else x
    w, b, connected = matrix(operation, x)
    axes = tuple(range(1, x.ndim)) or (0,)
    spread = tuple(extreme(axes, keepdim=True).expand_as(x).flatten() for extreme in (x.amin, x.amax))
    logits = w @ x.flatten() + b
    c = w * x.flatten()
    two_sided = (c > 0).any(1) & (c < 0).any(1)  # where one side is empty, αβ has 0/0: a test of its own
    assert two_sided.sum() >= 4
    weights = torch.linspace(-1, 2, len(logits), dtype=torch.float64) * two_sided
    for rule in ("epsilon", "gamma", "alpha_beta", "z_plus", "z_box", "w_square", "flat"):
        found = relevance(Alone(operation), x[None], rule, lambda scores: scores @ weights.to(scores))
        expected = textbook(rule, x.flatten(), w, b, connected, weights * logits, spread)
        assert found.values.flatten().numpy() == pytest.approx(expected.numpy(), rel=1e-9, abs=1e-12), rule
        assert float(found.start) == pytest.approx(float(weights @ logits), rel=1e-12)
        absorbed = sum(found.absorbed.values())
        assert float(found.values.sum() + absorbed) == pytest.approx(float(found.start), rel=1e-9), rule


def test_an_output_with_contributions_of_one_sign_passes_everything_to_them() -> None:
    operation = nn.Linear(3, 2, bias=False).double()
    operation.weight.data = torch.tensor([[1.0, 2.0, 0.0], [-1.0, 1.0, -3.0]], dtype=torch.float64)
    x = torch.tensor([[1.0, 2.0, 1.0]], dtype=torch.float64)
    expected = torch.tensor([[1.0, 4.0, 0.0]], dtype=torch.float64)  # not doubled by α = 2: there is no other side
    for rule in ("z_plus", "alpha_beta"):
        found = relevance(Alone(operation), x, RuleSet(rule, epsilon=0), 0)
        assert torch.equal(found.values, expected)
    # z = -1 + 2 - 3: α = 2 of the relevance -2 to the one positive contribution, -1 to the negative ones as 1 : 3
    found = relevance(Alone(operation), x, RuleSet("alpha_beta", epsilon=0), 1)
    assert found.values.numpy() == pytest.approx(np.array([[0.5, -4.0, 1.5]]))


def test_relevance_at_an_output_without_positive_contributions_goes_to_its_negative_ones() -> None:
    model = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), nn.Conv2d(1, 2, 1, bias=False), nn.Flatten()).double()
    model[0].weight.data = torch.tensor([-2.0, -1.0]).double()[None, :, None, None]
    model[1].weight.data = torch.tensor([-1.0, 0.5]).double()[:, None, None, None]
    x = torch.tensor([3.0, 2.0]).double()[None, :, None, None]
    # (3, 2) -> -6 - 2 = -8 -> 8: all of it passes the -8, and goes to the inputs as 6 : 2.
    for epsilon in (0, 1e-9):
        found = relevance(model, x, RuleSet("z_plus", epsilon=epsilon), 0)
        assert found.values.flatten().tolist() == pytest.approx([6.0, 2.0])


def test_z_box_takes_the_bounds_that_are_given_and_conserves_whatever_the_bias() -> None:
    operation = seeded(lambda: nn.Conv2d(2, 3, 3)).double()
    x = torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    w, b, _ = matrix(operation, x)
    flat = x.flatten()
    c = w * flat - (-1.0) * w.clamp(min=0) - 2.0 * w.clamp(max=0)
    expected = c[4] / c[4].sum() * (w @ flat + b)[4]
    found = relevance(Alone(operation), x[None], RuleSet("z_box", epsilon=0, low=-1.0, high=2.0), 4)
    assert found.values.flatten().numpy() == pytest.approx(expected.numpy(), rel=1e-9)
    assert float(found.values.sum()) == pytest.approx(float(found.start), rel=1e-12)


# -- networks ---------------------------------------------------------------------------------------------------------


class Busy(nn.Module):
    """What trips explainers up, in one ReLU network: every way of sharing, adding, pooling and writing in place."""

    def __init__(self, bias: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect", bias=bias)
        self.norm = nn.BatchNorm2d(6)
        self.alone = nn.BatchNorm2d(12)
        self.relu = nn.ReLU(inplace=True)
        self.twice = nn.Conv2d(6, 6, 3, padding=1, groups=2, bias=bias)
        self.down = nn.Conv2d(12, 8, 3, stride=2, bias=bias)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2, bias=bias)
        self.up_norm = nn.BatchNorm2d(4)
        self.side = nn.Conv2d(2, 2, 1, bias=bias)
        self.side_norm = nn.BatchNorm2d(2)
        self.hidden = nn.Linear(64, 10, bias=bias)
        self.hidden_norm = nn.BatchNorm1d(10)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(10, CLASSES, bias=bias)
        if not bias:
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.stem(x)))
        x = functional.max_pool2d(x, 2)
        y = self.relu(self.twice(self.relu(self.twice(x))))
        x = torch.cat([x, y - 0.5 * x], 1)
        x = functional.relu(self.alone(x))
        x = functional.relu_(self.down(functional.pad(x, (1, 1, 1, 1))))
        x = functional.adaptive_avg_pool2d(x, 4)
        x = self.up_norm(self.up(x)).relu_()
        a, b = x.chunk(2, 1)
        a = a + b * 2
        a += b
        means = a.mean((2, 3))
        side = self.side(a * 1)
        side *= 1.5  # what stands between a convolution and its norm keeps them apart
        side.add_(b)
        a.sub_(0.1 * b)  # changes what the mean was taken of
        functional.relu(side, inplace=True)
        a = a + self.side_norm(side)
        pooled = functional.avg_pool2d(a, 2).flatten(1) / 3
        rows = (
            torch.stack([x.mean((2, 3)) + means.repeat(1, 2), x.amax((2, 3))], 2).permute(0, 2, 1).reshape(len(x), -1)
        )
        wide = functional.interpolate(a, scale_factor=0.5, mode="bilinear").transpose(1, 2).flatten(1)
        together = torch.cat([pooled, rows[:, :8], -wide.mul(0.5), pooled[:, :-8]], 1)
        x = self.relu(self.hidden_norm(self.hidden(functional.pad(together, (0, 64 - together.shape[1])))))
        return sum([self.out(self.dropout(x)), self.out(x) * 0.25])


def busy(*, bias: bool) -> nn.Module:
    """The network with statistics that make it no identity; without bias also without means."""
    model = seeded(lambda: Busy(bias))
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_var.uniform_(0.3, 1.5, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            if bias:
                module.running_mean.normal_(0, 0.2, generator=generator)
                module.bias.data.normal_(0, 0.2, generator=generator)
    return model.eval().double()


def batch(rows: int = 3) -> Tensor:
    return torch.stack([picture(seed) for seed in range(rows)]).double()


def input_times_gradient(model: nn.Module, x: Tensor, targets: list[int]) -> Tensor:
    leaf = x.clone().requires_grad_()
    scores = model(leaf)
    score = sum(scores[row, target] for row, target in enumerate(targets))
    return (leaf * torch.autograd.grad(score, leaf)[0]).detach()


@pytest.mark.parametrize("bias", [False, True], ids=["no bias", "bias"])
def test_epsilon_zero_on_a_relu_network_is_input_times_gradient(bias: bool) -> None:
    model, x = busy(bias=bias), batch()
    found = relevance(model, x, RuleSet("epsilon", epsilon=0), 0, 3, 2)
    expected = input_times_gradient(model, x, [0, 3, 2])
    assert expected.abs().max() > 1e-3
    assert found.values.numpy() == pytest.approx(expected.numpy(), rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("rules", COMPOSITES)
def test_relevance_is_conserved_where_there_is_no_bias(rules: str) -> None:
    model, x = busy(bias=False), batch()
    found = relevance(model, x, RuleSet(rules, epsilon=1e-12), 0, 3, 2)
    with torch.no_grad():
        scores = model(x)[range(3), [0, 3, 2]]
    assert found.start.numpy() == pytest.approx(scores.numpy(), rel=1e-9)
    total = found.values.flatten(1).sum(1)
    if rules in {
        "flat",
        "w_square",
        "z_box",
    }:  # these send relevance to zeros, which are padded or have nothing to pass
        sources = {name for name, amount in found.absorbed.items() if amount.abs().max() > 1e-9}
        assert not sources & {"twice", "down", "up + up_norm", "hidden + hidden_norm", "out", "stem + norm"}
        total = total + sum(found.absorbed.values())
    assert total.numpy() == pytest.approx(scores.numpy(), rel=1e-6)


@pytest.mark.parametrize("rules", COMPOSITES)
def test_with_biases_relevance_and_what_was_absorbed_add_up_to_the_score(rules: str) -> None:
    model, x = busy(bias=True), batch()
    found = relevance(model, x, rules, 0, 3, 2)
    with torch.no_grad():
        scores = model(x)[range(3), [0, 3, 2]]
    total = found.values.flatten(1).sum(1) + sum(found.absorbed.values())
    assert total.numpy() == pytest.approx(scores.numpy(), rel=1e-8)
    assert max(float(amount.abs().max()) for amount in found.absorbed.values()) > 1e-3


def test_a_residual_sum_divides_relevance_as_its_parts_by_hand() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(2, 2)
            self.head = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.body(x) + x)

    model = Residual().double()
    model.body.weight.data = torch.tensor([[1.0, 2.0], [0.0, 3.0]]).double()
    model.body.bias.data = torch.tensor([1.0, -1.0]).double()
    model.head.weight.data = torch.tensor([[2.0, 1.0], [0.0, 0.0]]).double()
    model.head.bias.data = torch.tensor([3.0, 0.0]).double()
    # x = (1, 2): body (6, 5), sum (7, 7), score 2*7 + 7 + 3 = 24; 3 stay in the head's bias, relevance of the sum is
    # (14, 7): 6/7 and 5/7 of it to the body, the rest to x. Body: 12 as 1 : 4 : 1 (bias), 5 as 0 : 6 : -1 (bias).
    found = relevance(model, torch.tensor([[1.0, 2.0]]).double(), RuleSet("epsilon", epsilon=0), 0)
    assert found.values.numpy() == pytest.approx(np.array([[2.0 + 2.0, 8.0 + 6.0 + 2.0]]))
    assert {name: float(amount) for name, amount in found.absorbed.items()} == pytest.approx(
        {"head": 3.0, "Residual (add)": 0.0, "body": 1.0}
    )


def test_a_gate_scales_and_the_signal_takes_all() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.squeeze = nn.Linear(4, 4)
            self.head = nn.Linear(4, CLASSES, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            gate = self.squeeze(x).pow(2).sigmoid()  # what happens on the way to a gate is nobody's concern
            return self.head(x * gate[:, :, None].flatten(1))

    model = seeded(Gated).double()
    x = torch.tensor([[1.0, -2.0, 0.5, 3.0]]).double()
    with torch.no_grad():
        gate = model.squeeze(x).pow(2).sigmoid()
        expected = x * gate * model.head.weight[1]
    found = relevance(model, x, RuleSet("epsilon", epsilon=0), 1)
    assert found.values.numpy() == pytest.approx(expected.numpy())
    assert set(found.absorbed) == {"head"}


def test_the_first_layer_is_the_first_that_runs_whatever_the_order_of_definition() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.second = nn.Conv2d(2, CLASSES, 3)
            self.first = nn.Conv2d(3, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x).relu()).amax((2, 3))

    model, x = seeded(Backwards).double(), batch(1)
    flat = relevance(model, x, "epsilon_plus_flat", 1).values
    # Flat gives every pixel under a window the same: the channels agree.
    assert flat[:, 0].numpy() == pytest.approx(flat[:, 2].numpy())
    plus = relevance(model, x, "epsilon_plus", 1).values
    assert plus[:, 0].numpy() != pytest.approx(plus[:, 2].numpy())


@pytest.mark.parametrize("rules", ["epsilon", "epsilon_alpha2_beta1_flat", "epsilon_gamma_box"])
def test_a_batch_is_its_rows_one_by_one(rules: str) -> None:
    model, x = busy(bias=True), batch()
    together = relevance(model, x, rules, 0, Contrast(3, 1), 2)
    for row, target in enumerate((0, Contrast(3, 1), 2)):
        single = relevance(model, x[row : row + 1], rules, target)
        assert together.values[row].numpy() == pytest.approx(single.values[0].numpy(), rel=1e-8, abs=1e-10)
        for name, amount in single.absorbed.items():
            assert float(together.absorbed[name][row]) == pytest.approx(float(amount), rel=1e-6, abs=1e-9)


def test_a_contrast_is_the_difference_of_its_classes() -> None:
    model, x = busy(bias=True), batch(1)
    a, b = (relevance(model, x, "epsilon_plus", target) for target in (3, 1))
    contrast = relevance(model, x, "epsilon_plus", Contrast(3, 1))
    assert contrast.values.numpy() == pytest.approx((a.values - b.values).numpy(), rel=1e-8, abs=1e-10)
    assert float(contrast.start) == pytest.approx(float(a.start - b.start))
    weighted = relevance(model, x, "epsilon_plus", lambda logits: 2 * logits[:, 3] - logits[:, 1])
    assert weighted.values.numpy() == pytest.approx((2 * a.values - b.values).numpy(), rel=1e-8, abs=1e-10)


def test_spellings_of_one_network_agree() -> None:
    """Modules or functions, in place or not, parameters frozen or not: the arithmetic is the same."""
    model, x = trained_statistics(seeded(Shared)).eval().double(), batch(1)
    rules = RuleSet("epsilon_plus", epsilon=1e-14)  # a sum and a mean are not equally far from an absolute ε
    reference = relevance(model, x, rules, 1).values

    def spelled(values: Tensor) -> Tensor:  # a plain function, and convolutions under another name
        norm = model.norm
        y = torch.conv2d(values, model.conv1.weight, bias=model.conv1.bias, padding=1)
        y = functional.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        y = model.conv2(torch.relu(y)).clamp_min_(0)
        y = functional.threshold(model.twice(y), 0, 0)
        y = torch.clamp(torch.nn.functional.conv2d(y, model.twice.weight, model.twice.bias, padding=1), min=0)
        y = y.sum(dim=(-1, -2)) / (y.shape[-1] * y.shape[-2])
        return y @ model.fc.weight.T + model.fc.bias

    found = relevance(spelled, x, rules, 1).values
    assert found.numpy() == pytest.approx(reference.numpy(), rel=1e-8)


@pytest.mark.parametrize("name", ["plain", "flat head", "shared modules", "tuple output", "uncopyable", "bfloat16"])
def test_the_model_stays_as_it_was_bit_by_bit(name: str) -> None:
    model = ZOO[name]()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    children = [id(module) for module in model.modules()]
    found = explain(model, picture(), "lrp", target=1)
    assert np.isfinite(found.values).all()
    assert list(before) == list(model.state_dict())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert children == [id(module) for module in model.modules()]
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_pass_leaves_no_tensor_behind_even_before_the_garbage_collector_runs() -> None:
    """A cycle through the graph would hold the activations of every pass until then."""
    model, x = ZOO["shared modules"](), picture()
    explain(model, x, "lrp", target=1)
    gc.collect()
    gc.disable()
    try:
        before = sum(issubclass(type(item), Tensor) for item in gc.get_objects())
        explain(model, x, "lrp", target=2)
        assert sum(issubclass(type(item), Tensor) for item in gc.get_objects()) <= before
    finally:
        gc.enable()


def test_lrp_costs_one_forward_and_one_backward_and_reports_what_was_absorbed() -> None:
    model = ZOO["plain"]()
    maps = explain_batch(model, [picture(0), picture(1)], "lrp", targets=[1, 2])
    for found, seed, target in zip(maps, (0, 1), (1, 2), strict=True):
        with torch.no_grad():
            score = float(model(picture(seed)[None])[0, target])
        assert found.signed
        assert found.values == pytest.approx(found.channels.sum(0), abs=1e-5)
        assert found.values.sum() == pytest.approx(score * (1 - found.meta["absorbed"]), rel=1e-3, abs=1e-5)
        assert found.meta["absorbed_by"]["fc"] * score == pytest.approx(float(model.fc.bias[target].detach()), rel=1e-4)
        assert set(found.meta["absorbed_by"]) <= {"conv1 + norm", "conv2", "fc", "Plain (mean)"}
    assert (maps[0].meta["backwards"], maps[0].meta["forwards"]) == (2, 2)
    with pytest.raises(TargetNotScored):
        maps[0].for_target(0)


class Convolutions(TorchDispatchMode):
    """Counts convolutions, and passes back through them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("rules", "forwards", "backwards"), [("epsilon", 3, 3), ("epsilon_plus", 6, 3), ("epsilon_alpha2_beta1", 9, 6)]
)
def test_behind_a_relu_a_layer_is_computed_no_more_often_than_its_rule_asks_for(
    rules: str, forwards: int, backwards: int
) -> None:
    def build() -> nn.Module:
        layers = [nn.Sequential(nn.Conv2d(n, 8, 3), nn.ReLU(inplace=True)) for n in (3, 8, 8)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))

    model, x, counted = seeded(build), batch(1).float().abs(), Convolutions()
    relevance(model, x, rules, 1)
    runner = runner_for(model, store_for(model))
    facts, runner, _ = measure(runner, x, None)
    with counted:
        relevance_of(runner, facts, x, lambda logits: logits[:, 1], RuleSet(rules))
    assert (counted.calls["convolution"], counted.calls["convolution_backward"]) == (forwards, backwards)


def test_weights_of_the_rules_are_kept_until_the_model_changes() -> None:
    model, x = trained_statistics(seeded(Shared)).eval(), batch(1).float()
    first = relevance(model, x, "epsilon_plus", 1)
    again = relevance(model, x, "epsilon_plus", 1)
    assert torch.equal(first.values, again.values)
    store = store_for(model)
    (key,) = [key for key in store.held() if isinstance(key, tuple) and key[0] == KEY]
    kept = store.get(key)
    assert 0 < kept.nbytes <= WEIGHT_BYTES
    with torch.no_grad():
        model.conv2.weight.mul_(-1)
        model.norm.weight.mul_(0.5)
    store.refresh()
    fresh = trained_statistics(seeded(Shared)).eval()
    fresh.load_state_dict(model.state_dict())
    changed = relevance(model, x, "epsilon_plus", 1)
    assert torch.equal(changed.values, relevance(fresh, x, "epsilon_plus", 1).values)
    assert not torch.allclose(changed.values, first.values)


def test_what_does_not_fit_is_made_anew_and_what_belongs_to_no_module_too() -> None:
    small, large, strange = torch.ones(2), torch.ones(100), torch.ones(2)
    weights = Weights({id(small): small, id(large): large}, limit=16)
    for tensor, is_kept in ((small, True), (large, False), (strange, False)):
        first = weights.made("double", (tensor,), lambda tensor=tensor: tensor * 2)
        again = weights.made("double", (tensor,), lambda tensor=tensor: tensor * 2)
        assert (first is again) == is_kept
    assert weights.nbytes == small.nbytes
    small.add_(1)
    assert weights.made("double", (small,), lambda: small * 2).tolist() == [4.0, 4.0]


def test_a_log_softmax_head_starts_from_its_logits() -> None:
    model, x = trained_statistics(seeded(Plain)).eval().double(), batch(1)
    wrapped = nn.Sequential(model, nn.LogSoftmax(1))
    found, expected = (relevance(net, x, "epsilon_plus", 2) for net in (wrapped, model))
    assert found.values.numpy() == pytest.approx(expected.values.numpy(), rel=1e-5)
    with torch.no_grad():
        normaliser = float(model(x).logsumexp(1))
    assert float(found.absorbed["1"]) == pytest.approx(-normaliser, rel=1e-5)


def test_constants_among_the_values_absorb_what_reaches_them() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, CLASSES, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.cat([x - 0.5, torch.ones_like(x)], 1)
            x[:, 3] = 2.0
            x = torch.where(torch.arange(8) == 0, 7.0, x).masked_fill(torch.arange(8) == 1, 3.0)
            return self.fc(x)

    model = seeded(Shifted).double()
    x = torch.tensor([[1.0, -2.0, 0.75, 3.0]]).double()
    found = relevance(model, x, RuleSet("epsilon", epsilon=0), 1)
    w = model.fc.weight.detach()[1]
    assert found.values.numpy() == pytest.approx(np.array([[0, 0, 0.75 * float(w[2]), 0]]))
    absorbed = {name: float(amount) for name, amount in found.absorbed.items()}
    assert absorbed.pop("fc") == pytest.approx(0, abs=1e-12)
    assert absorbed == pytest.approx(
        {
            "Shifted (sub)": -0.5 * float(w[2]),
            "Shifted (cat)": float(w[4:].sum()),
            "Shifted (write)": 2 * float(w[3]),
            "Shifted (where)": 7 * float(w[0]),
            "Shifted (masked_fill)": 3 * float(w[1]),
        }
    )


# -- what has no rule -------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A network that does `operation` in its block."""

    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), Inner(operation))
        self.fc = nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))


class Inner(nn.Module):
    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        return self.operation(x)


class Cubed(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: object, x: Tensor) -> Tensor:
        return x**3

    @staticmethod
    def backward(_ctx: object, gradient: Tensor) -> Tensor:
        return gradient


@torch.jit.script
def scripted(x: Tensor) -> Tensor:
    return x * x


WITHOUT_RULE: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "product": (lambda x: x * x.flip(1), r"'mul'.*'features\.2' \(Inner\) of Block: a product of two signals"),
    "power": (lambda x: x**2, r"'pow'.*'features\.2' \(Inner\)"),
    "in place": (lambda x: x.pow_(2), r"'pow_'.*'features\.2' \(Inner\)"),
    "division": (lambda x: x / (1 + x.sum(1, keepdim=True)), r"'div'.*'features\.2'.*divides by a signal"),
    "layer norm": (lambda x: functional.layer_norm(x, x.shape[1:]), r"'layer_norm'.*'features\.2'"),
    "batch statistics": (lambda x: functional.batch_norm(x, None, None, training=True), r"'batch_norm'.*statistics"),
    "attention": (lambda x: x.softmax(-1) @ x.transpose(-1, -2) @ x, r"'matmul'.*product of two signals"),
    "custom function": (lambda x: Cubed.apply(x), r"'Cubed'.*custom autograd function"),  # noqa: PLW0108
    "scripted": (lambda x: scripted(x), r"'Mul'.*scripted"),  # noqa: PLW0108
}


@pytest.mark.parametrize("name", WITHOUT_RULE)
def test_an_operation_without_a_rule_is_named_with_its_place(name: str) -> None:
    operation, message = WITHOUT_RULE[name]
    with pytest.raises(ValueError, match=message):
        relevance(seeded(lambda: Block(operation)), batch(1).float(), "epsilon_plus", 0)


def test_an_operation_without_a_rule_may_stand_where_no_relevance_comes() -> None:
    def aside(x: Tensor) -> Tensor:
        x.pow(2).sum().item()
        return x * torch.sigmoid(functional.layer_norm(x, x.shape[1:]))

    found = relevance(seeded(lambda: Block(aside)).double(), batch(2), "epsilon_plus", 0, 1)
    total = found.values.flatten(1).sum(1) + sum(found.absorbed.values())
    assert total.numpy() == pytest.approx(found.start.numpy(), rel=1e-5)


def test_layer_norm_and_attention_are_refused_before_anything_runs() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    with pytest.raises(ValueError, match=r"no rule for GroupNorm.*layer '1'"):
        explain(model.eval(), picture(), "lrp")


def test_rows_that_were_mixed_are_not_told_apart() -> None:
    mixing = seeded(lambda: Block(lambda x: x + x.sum() * 0.01))
    with pytest.raises(ValueError, match=r"'features\.2'.*one at a time"):
        relevance(mixing, batch(2).float(), "epsilon_plus", 0, 1)


def test_a_forward_without_gradients_is_refused_in_words() -> None:
    model = seeded(Plain).eval()
    with pytest.raises(ValueError, match=r"depend on the input differentiably"):
        relevance(functools.partial(torch.no_grad()(model.forward)), batch(1).float(), "epsilon_plus", 0)


def test_a_box_must_be_one() -> None:
    with pytest.raises(ValueError, match=r"low must be below high, got low=2.0 and high=1.0"):
        Lrp(low=2, high=1)
