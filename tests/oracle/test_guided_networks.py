"""Guided backpropagation, deconvolution and Guided Grad-CAM on convolutional networks that are written out by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.asking import cost_and_tally
from tests.rectifiers import KINDS, Rectifier, through
from tests.zoo import Flat, Plain, Shared, Volumetric, picture, seeded, trained_statistics
from xai_widget import Contrast, explain, methods
from xai_widget.explainers import build_method


class Changed(torch.autograd.Function):
    """A ReLU with the backward of the papers, called by name in networks written out below."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, kind: str) -> Tensor:
        ctx.save_for_backward(h)
        ctx.kind = kind
        return h.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return through(gradient, ctx.saved_tensors[0], ctx.kind), None


def plain(net: nn.Module, x: Tensor, relu: Rectifier) -> Tensor:
    return net.fc(relu(net.conv2(relu(net.norm(net.conv1(x))))).mean((2, 3)))


def flat(net: nn.Module, x: Tensor, relu: Rectifier) -> Tensor:
    h = relu(net.conv2(relu(net.norm(net.conv1(x))))).flatten(1)
    return net.fc[3](relu(net.fc[1](h)))


def shared(net: nn.Module, x: Tensor, relu: Rectifier) -> Tensor:
    h = relu(net.conv2(relu(net.norm(net.conv1(x)))))
    return net.fc(relu(net.twice(relu(net.twice(h)))).mean((2, 3)))


def volumetric(net: nn.Module, x: Tensor, relu: Rectifier) -> Tensor:
    return net.fc(relu(net.conv2(relu(net.conv1(x)))).mean((2, 3, 4)))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[..., Tensor], tuple[int, ...]]] = {
    "plain": (Plain, plain, (3, 16, 16)),
    "flat head": (Flat, flat, (3, 16, 16)),
    "shared modules": (Shared, shared, (3, 16, 16)),
    "volumes": (Volumetric, volumetric, (1, 4, 6, 5)),
}


def network(name: str) -> tuple[nn.Module, Tensor]:
    build, _, shape = NETWORKS[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return trained_statistics(seeded(build)).eval().double(), x


def written_out(name: str, model: nn.Module, x: Tensor, k: int, kind: str) -> Tensor:
    x = x.clone().requires_grad_()
    logits = NETWORKS[name][1](model, x[None], lambda h: Changed.apply(h, kind))
    return torch.autograd.grad(logits[0, k], x)[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_written_out_with_the_changed_relu(kind: str, name: str) -> None:
    model, x = network(name)
    expected = written_out(name, model, x, 1, kind).numpy()
    found = explain(model, x, kind, target=1)
    assert found.channels == pytest.approx(expected, rel=1e-4, abs=1e-6 * float(np.abs(expected).max()))
    plain_gradient = explain(model, x, "saliency", target=1).channels
    assert not np.allclose(found.channels, plain_gradient, rtol=0.01, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_keeps_its_relus_and_its_gradient(kind: str) -> None:
    model, x = network("shared modules")
    modules, before = list(model.modules()), explain(model, x, "saliency", target=1).channels
    explain(model, x, kind, target=1)
    assert all(a is b for a, b in zip(model.modules(), modules, strict=True))
    assert model.relu.inplace
    assert np.array_equal(explain(model, x, "saliency", target=1).channels, before)
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf[None])[0, 1], leaf)
    assert before == pytest.approx(gradient.numpy(), rel=1e-5)


# -- Guided Grad-CAM ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [1, Contrast(1, 2), lambda logits: logits[:, 0] - logits[:, 2]])
@pytest.mark.parametrize("layer", [None, "conv1", ["conv1", "conv2"]])
def test_guided_grad_cam_is_the_product_of_both(target: Any, layer: str | list[str] | None) -> None:
    model, x = network("flat head")
    place = explain(model, x, "grad_cam", target=target, layer=layer, relu=True)
    guided = explain(model, x, "guided_backprop", target=target)
    found = explain(model, x, "guided_grad_cam", target=target, layer=layer)
    assert found.layer == place.layer
    assert not found.signed
    expected = guided.channels * place.resized()
    assert np.abs(expected).max() > 0
    assert found.channels == pytest.approx(expected, rel=1e-4, abs=1e-6 * float(np.abs(expected).max()))
    assert np.array_equal(found.values, np.abs(found.channels).max(0))


def test_guided_grad_cam_of_volumes() -> None:
    model, x = network("volumes")
    place, guided = explain(model, x, "grad_cam", target=1), explain(model, x, "guided_backprop", target=1)
    found = explain(model, x, "guided_grad_cam", target=1)
    expected = guided.channels * place.resized()
    assert np.abs(expected).max() > 0
    assert found.channels == pytest.approx(expected, rel=1e-4, abs=1e-6 * float(np.abs(expected).max()))


# -- refusals, counts -----------------------------------------------------------------------------------------------

MODIFIED = (*KINDS, "guided_grad_cam")


class Smooth(Plain):
    def features(self, x: Tensor) -> Tensor:
        return functional.gelu(self.conv2(functional.silu(self.norm(self.conv1(x)))))


@pytest.mark.parametrize("method", MODIFIED)
def test_a_network_without_relus_is_refused_in_words(method: str) -> None:
    model = seeded(Smooth).eval()
    with pytest.raises(ValueError, match=r"changes what ReLUs pass back, and Smooth calls none.*'saliency'"):
        explain(model, picture(), method)
    (row,) = (row for row in methods(model, picture()) if row.id == method)
    assert row.works is False


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
@pytest.mark.parametrize("method", MODIFIED)
def test_a_scripted_network_hides_its_relus_and_is_refused(method: str) -> None:
    model = trained_statistics(seeded(Plain)).eval()
    scripted = torch.jit.trace(model, picture()[None])
    expected = "can only be called" if method == "guided_grad_cam" else "calls none that can be seen.*it is scripted"
    with pytest.raises(ValueError, match=expected):
        explain(scripted, picture(), method)


@pytest.mark.parametrize(
    ("method", "forwards", "backwards"), [("guided_backprop", 2, 2), ("deconvolution", 2, 2), ("guided_grad_cam", 4, 4)]
)
def test_the_cost_is_what_is_counted(method: str, forwards: int, backwards: int) -> None:
    model = trained_statistics(seeded(Flat)).eval()
    said, counted = cost_and_tally(model, build_method(method, {}), torch.stack([picture(1), picture(2)]))
    assert said == counted
    assert (counted.forwards, counted.backwards) == (forwards, backwards)


def test_guided_grad_cam_costs_no_second_backward_above_a_linear_head() -> None:
    model = trained_statistics(seeded(Plain)).eval()
    said, counted = cost_and_tally(model, build_method("guided_grad_cam", {}), torch.stack([picture(1), picture(2)]))
    assert said == counted
    assert (counted.forwards, counted.backwards) == (4, 2)
