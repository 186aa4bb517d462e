"""Networks of volumes and clips as libraries ship them: what each method says of them, or why it refuses."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.nets import DenseNet121
from torch import Tensor, nn
from torchvision.models import video

from tests.cams import activations_and_gradients
from tests.networks import ATTENTIVE, RECTIFIED, cheap
from tests.traces import Record
from tests.zoo import seeded
from xai_widget import explain, methods
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.session import Session

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:::monai")]


@dataclass(frozen=True)
class Shipped:
    """A network, the smallest input on which its last layer still is a grid, that layer, and who refuses it."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    layer: str
    grid: tuple[int, ...]
    refused: set[str]


SHIPPED = {
    "densenet121": Shipped(
        lambda: DenseNet121(spatial_dims=3, in_channels=1, out_channels=2),
        (1, 64, 40, 72), "class_layers.relu", (2, 1, 2), ATTENTIVE,
    ),
    "r3d_18": Shipped(lambda: video.r3d_18(num_classes=5), (3, 8, 32, 40), "layer4", (1, 2, 3), ATTENTIVE),
    "mc3_18": Shipped(lambda: video.mc3_18(num_classes=5), (3, 4, 32, 40), "layer4", (4, 2, 3), ATTENTIVE),
    "r2plus1d_18": Shipped(lambda: video.r2plus1d_18(num_classes=5), (3, 8, 32, 40), "layer4", (1, 2, 3), ATTENTIVE),
    "swin3d_t": Shipped(
        lambda: video.swin3d_t(num_classes=5), (3, 8, 32, 64), "norm", (4, 1, 2), {"lrp"} | RECTIFIED | ATTENTIVE
    ),
}  # fmt: skip
METHODS = [row.id for row in methods()]
# Several methods cost a hundred forwards: all of them on these, a few on the others.
WHOLE = ("densenet121", "r3d_18", "swin3d_t")
SIGNED = {"cam", "grad_cam", "grad_cam_pp", "layer_cam", "score_cam", "integrated_grad_cam"}
FEW = ("grad_cam", "cam", "saliency")


@cache
def network(name: str) -> nn.Module:
    """A network that is only looked at."""
    return seeded(SHIPPED[name].build).eval()


def clip(name: str, seed: int = 0) -> Tensor:
    return torch.randn(SHIPPED[name].shape, generator=torch.Generator().manual_seed(seed))


def quick(method: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """Few forwards; and signed, where the evidence for a class of a network without training may all be negative."""
    whole = min(shape[1:])
    own = {"window": whole, "stride": whole} if method == "occlusion" else cheap(method, shape)
    return own | ({"relu": False} if method in SIGNED else {})


@pytest.mark.parametrize("name", SHIPPED)
def test_the_layer_that_feeds_the_head_is_the_default(name: str) -> None:
    found = explain(network(name), clip(name), "grad_cam", target=1)
    assert (found.layer, found.values.shape) == (SHIPPED[name].layer, SHIPPED[name].grid)


@pytest.mark.parametrize(
    ("name", "method"),
    [(name, method) for name in SHIPPED for method in (METHODS if name in WHOLE else FEW)],
)
def test_a_method_explains_or_refuses_in_words_and_leaves_no_trace(name: str, method: str) -> None:
    net, model, x = SHIPPED[name], network(name), clip(name, seed=1)
    before, given = Record(model), x.clone()
    session = Session.open(model, x, Binding())
    chosen = build_method(method, quick(method, net.shape))
    assert (chosen.refuses(session.facts) is not None) == (method in net.refused)
    if method in net.refused:
        with pytest.raises(ValueError, match=rf"{type(model).__name__}.*Use '\w+'"):
            list(session.run(chosen, [1]))
    else:
        *_, (found,) = session.run(chosen, [1])
        assert np.isfinite(found.values).all()
        assert found.values.any()
        assert found.resized().shape == net.shape[1:]
    before.assert_same(model)
    assert torch.equal(x, given)


@pytest.mark.parametrize("name", SHIPPED)
def test_cam_is_the_weighted_layer_and_grad_cam_its_share_of_a_place(name: str) -> None:
    """Behind the layer: a mean over D·H·W places, and a linear layer."""
    net, model, x = SHIPPED[name], network(name), clip(name)
    head = {"densenet121": "class_layers.out", "swin3d_t": "head"}.get(name, "fc")
    a, _ = activations_and_gradients(model, x, 1, net.layer)
    last = name == "swin3d_t"  # its channels stand behind its places
    expected = torch.tensordot(model.get_submodule(head).weight[1], a, ([0], [a.ndim - 1 if last else 0])).detach()
    scale = float(expected.abs().max())
    cam, grad_cam = (explain(model, x, method, target=1, relu=False).values for method in ("cam", "grad_cam"))
    assert cam == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-5 * scale)
    assert grad_cam * np.prod(net.grid) == pytest.approx(cam, rel=1e-4, abs=1e-5 * scale)


def test_attention_to_merged_keys_is_refused_in_words_and_grad_cam_reads_its_tokens() -> None:
    model = seeded(lambda: video.mvit_v1_b(num_classes=5)).eval()
    session = Session.open(model, torch.randn(3, 16, 224, 224, generator=torch.Generator().manual_seed(0)), Binding())
    for method in sorted(ATTENTIVE):
        assert "keys are merged" in str(build_method(method, {}).refuses(session.facts))
    layer = build_method("grad_cam", {}).default_layer(session.facts)
    assert layer is not None
    fact = session.facts.layer(layer)
    assert fact is not None
    assert (fact.grid, fact.prefix, fact.channels) == ((8, 7, 7), 1, 768)
