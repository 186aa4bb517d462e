"""Gradient methods against closed forms and plain autograd."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.asking import cost_and_tally, logits_of
from tests.zoo import CLASSES, Flat, Plain, Shared, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, TargetNotScored, explain, explain_batch
from xai_widget.explainers import build_method

SIMPLE = ("saliency", "input_x_gradient")


@pytest.mark.parametrize("build", [Plain, Flat, Shared])
def test_saliency_is_the_largest_gradient_magnitude_over_channels(build: type[torch.nn.Module]) -> None:
    model = trained_statistics(seeded(build)).eval()
    x = picture().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x[None])[0, 1], x)
    found = explain(model, x.detach(), "saliency", target=1)
    assert not found.signed
    assert found.channels == pytest.approx(gradient.numpy(), rel=1e-4, abs=1e-8)
    assert found.values == pytest.approx(gradient.abs().amax(0).numpy(), rel=1e-4, abs=1e-8)


def test_saliency_of_a_linear_model_is_its_weights() -> None:
    weight = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = explain(lambda batch: batch.flatten(1) @ weight.flatten(1).T, picture(side=8), "saliency", target=1, dims=2)
    assert found.values == pytest.approx(weight[1].abs().amax(0).numpy())


def test_a_contrast_is_the_gradient_of_the_difference() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    a, b = (explain(model, picture(), "saliency", target=t).channels for t in (0, 2))
    found = explain(model, picture(), "saliency", target=Contrast(0, 2))
    assert found.channels == pytest.approx(a - b, rel=1e-4, abs=1e-7)


def test_a_batch_gives_what_its_inputs_give_alone() -> None:
    model = trained_statistics(seeded(Flat)).eval()
    inputs = torch.stack([picture(seed) for seed in range(3)])
    for x, target, found in zip(
        inputs, (0, 3, 1), explain_batch(model, inputs, "saliency", targets=[0, 3, 1]), strict=True
    ):
        assert found.values == pytest.approx(explain(model, x, "saliency", target=target).values, rel=1e-4, abs=1e-8)


def test_volumes() -> None:
    model = seeded(Volumetric).eval()
    x = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x[None])[0, 0], x)
    found = explain(model, x.detach(), "saliency", target=0)
    assert found.values == pytest.approx(gradient.abs()[0].numpy(), rel=1e-4, abs=1e-8)


def test_a_model_that_leaves_pytorch_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="occlusion"):
        explain(lambda batch: batch.numpy().reshape(len(batch), -1)[:, :4], picture(), "saliency", dims=2)


@pytest.mark.parametrize("build", [Plain, Flat, Shared])
def test_input_x_gradient_is_the_product_summed_over_channels(build: Callable[[], nn.Module]) -> None:
    model = trained_statistics(seeded(build)).eval()
    x = picture().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x[None])[0, 1], x)
    found = explain(model, x.detach(), "input_x_gradient", target=1)
    assert found.signed
    assert found.channels == pytest.approx((x * gradient).detach().numpy(), rel=1e-4, abs=1e-8)
    assert found.values == pytest.approx((x * gradient).sum(0).detach().numpy(), rel=1e-4, abs=1e-7)


def test_input_x_gradient_of_a_relu_network_without_biases_adds_up_to_the_score() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 49, CLASSES, bias=False)
    )
    model = seeded(lambda: model).eval().double()
    x = picture().double()
    with torch.no_grad():
        logit = float(model(x[None])[0, 2])
    found = explain(model, x, "input_x_gradient", target=2)
    assert float(found.values.sum(dtype=float)) == pytest.approx(logit, rel=1e-5)


@pytest.mark.parametrize("method", SIMPLE)
def test_a_callable_target_is_differentiated(method: str) -> None:
    model = trained_statistics(seeded(Flat)).eval()
    a, b = (explain(model, picture(), method, target=t).channels for t in (1, 3))
    found = explain(model, picture(), method, target=lambda logits: 2 * logits[:, 1] + logits[:, 3])
    assert found.channels == pytest.approx(2 * a + b, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("method", SIMPLE)
def test_the_cost_is_what_is_counted(method: str) -> None:
    model = trained_statistics(seeded(Flat)).eval()
    said, counted = cost_and_tally(model, build_method(method, {}), torch.stack([picture(1), picture(2)]))
    assert said == counted
    assert (counted.forwards, counted.backwards) == (2, 2)


@pytest.mark.parametrize("method", SIMPLE)
def test_another_target_needs_another_run(method: str) -> None:
    found = explain(trained_statistics(seeded(Flat)).eval(), picture(), method, target=1)
    with pytest.raises(TargetNotScored, match="Run the method again"):
        found.for_target(2)


class Greedy(nn.Module):
    """Has memory to differentiate a few inputs at a time."""

    def __init__(self, inputs: int, sizes: list[int]) -> None:
        super().__init__()
        self.inner = trained_statistics(seeded(Flat))
        self.inputs = inputs
        self.note = sizes.append  # also of the copy that runs

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            if len(x) > self.inputs:
                message = "DefaultCPUAllocator: not enough memory: you tried to allocate 400 GB."
                raise RuntimeError(message)
            self.note(len(x))
        return self.inner(x)


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients"])
def test_out_of_memory_makes_smaller_chunks_of_the_same_map(method: str) -> None:
    inputs = torch.stack([picture(seed) for seed in range(5)])
    sizes: list[int] = []
    ample, tight = (
        explain_batch(Greedy(limit, sizes).eval(), inputs, method, targets=[0, 1, 2, 3, 4]) for limit in (1000, 2)
    )
    assert max(sizes) > 2
    assert sizes[-1] <= 2
    for expected, found in zip(ample, tight, strict=True):
        assert found.values == pytest.approx(expected.values, rel=1e-4, abs=1e-7)


def test_one_input_that_does_not_fit_is_told() -> None:
    with pytest.raises(RuntimeError, match="not enough memory"):
        explain(Greedy(0, []).eval(), picture(), "saliency")


class Deep(nn.Module):
    """`Flat` on volumes of one slice."""

    def __init__(self, flat: nn.Module) -> None:
        super().__init__()
        self.conv1, self.norm, self.conv2 = nn.Conv3d(3, 6, (1, 3, 3)), nn.BatchNorm3d(6), nn.Conv3d(6, 8, (1, 3, 3))
        self.conv1.padding = self.conv2.padding = (0, 1, 1)
        self.conv2.stride = (1, 2, 2)
        self.head = flat.fc
        self.norm.load_state_dict(flat.norm.state_dict())
        for mine, theirs in ((self.conv1, flat.conv1), (self.conv2, flat.conv2)):
            mine.weight.data = theirs.weight.data[:, :, None]
            mine.bias.data = theirs.bias.data

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv2(self.norm(self.conv1(x)).relu()).relu())


@pytest.mark.parametrize(
    "method",
    [
        *SIMPLE,
        "integrated_gradients",
        "interior_gradients",
        "smooth_grad",
        "noise_tunnel",
        "guided_backprop",
        "deconvolution",
        "guided_grad_cam",
    ],
)
def test_a_volume_of_one_slice_is_a_picture(method: str) -> None:
    flat = trained_statistics(seeded(Flat)).eval()
    params = {"of": "saliency"} if method == "noise_tunnel" else {}
    place = {"layer": "conv2"} if method == "guided_grad_cam" else {}
    picture_map = explain(flat, picture(), method, target=1, **place, **params)
    volume_map = explain(Deep(flat).eval(), picture()[:, None], method, target=1, **place, **params)
    assert volume_map.values.shape == (1, 16, 16)
    assert picture_map.values.any()
    assert volume_map.values[0] == pytest.approx(
        picture_map.values, rel=1e-3, abs=1e-6 * float(picture_map.values.max())
    )


@pytest.mark.parametrize("method", SIMPLE)
def test_a_linear_score_has_its_weights_everywhere(method: str) -> None:
    weight = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    x = picture(side=8)
    found = explain(logits_of(lambda batch: (batch * weight).sum((1, 2, 3))), x, method, target=0, dims=2)
    assert found.channels == pytest.approx((weight if method == "saliency" else weight * x).numpy(), rel=1e-5)


class Aloof(Plain):
    """Its output depends on parameters alone, as far as autograd sees."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


def test_a_score_that_does_not_depend_on_the_input_is_told() -> None:
    with pytest.raises(ValueError, match=r"do not depend on the input differentiably.*occlusion"):
        explain(seeded(Aloof).eval(), picture(), "saliency")
