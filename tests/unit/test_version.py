"""A model's version tells when it would answer differently: whatever way it was changed, and only then."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from xai_widget.engine.version import SAMPLED_ELEMENTS, model_version


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.activation = nn.ReLU()
        self.head = nn.Linear(4, 2)
        self.temperature = 1.0
        self.squash = torch.tanh
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("nothing", None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(
            self.activation(self.norm(self.conv(x - self.mean[:, None, None]))).mean((2, 3))
        )
        return self.squash(found) / self.temperature


def data(net: Net) -> None:
    net.head.weight.data[1, 2] += 1


def in_place(net: Net) -> None:
    with torch.no_grad():
        net.conv.bias.add_(0)  # the numbers stay: that it was written to is all that may be seen of a large tensor


def trained(net: Net) -> None:
    net.train()(torch.randn(2, 3, 8, 8))


def loaded(net: Net) -> None:
    net.load_state_dict({name: value + 1 for name, value in net.state_dict().items()})


def optimised(net: Net) -> None:
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    net(torch.randn(2, 3, 8, 8)).sum().backward()
    optimiser.step()


def replaced(net: Net) -> None:
    net.activation = nn.ReLU()


def removed(net: Net) -> None:
    net.norm = nn.Identity()


CHANGES: list[Callable[[Net], object]] = [
    data,
    in_place,
    trained,
    loaded,
    optimised,
    replaced,
    removed,
    lambda net: setattr(net, "temperature", 2.0),
    lambda net: setattr(net, "squash", torch.sigmoid),
    lambda net: setattr(net.activation, "inplace", True),
    lambda net: setattr(net.conv, "padding_mode", "reflect"),
    lambda net: net.register_buffer("mean", torch.zeros(3)),
    lambda net: net.get_buffer("mean").data.fill_(0.5),
    lambda net: setattr(net.head, "weight", nn.Parameter(net.head.weight.detach().clone())),
    lambda net: setattr(net.head.weight, "data", net.head.weight.detach().clone()),
    lambda net: net.double(),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_seen(change: Callable[[Net], object]) -> None:
    net = Net().eval()
    before = model_version(net)
    change(net)
    assert model_version(net) != before


def test_what_does_not_change_an_answer_is_no_change() -> None:
    net = Net().eval()
    before = model_version(net)
    net.train()
    net.eval()
    net(torch.randn(2, 3, 8, 8)).sum().backward()
    net.zero_grad()
    hook = net.conv.register_forward_hook(lambda *_: None)
    hook.remove()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    assert model_version(net) == before
    assert model_version(Net().eval()) != before


def test_of_a_large_model_a_filter_is_not_overlooked() -> None:
    net = nn.Sequential(nn.Conv2d(256, 512, 3), nn.Conv2d(512, 512, 3), nn.Linear(512, 1000))
    assert sum(parameter.numel() for parameter in net.parameters()) > 10 * SAMPLED_ELEMENTS
    changes = (
        (net[0].weight, (7,)),
        (net[1].weight, (500,)),
        (net[2].weight, (999,)),
        (net[2].weight, (slice(None), 3)),
        (net[2].bias, (slice(0, 16),)),
    )
    for weight, place in changes:
        before = model_version(net)
        weight.data[place] += 1
        assert model_version(net) != before


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_every_kind_of_tensor_has_a_version() -> None:
    net = nn.Module()
    net.register_parameter("lazy", nn.UninitializedParameter())
    net.register_buffer("meta", torch.empty(3, device="meta"))
    net.register_buffer("empty", torch.empty(0))
    net.register_buffer("lower", torch.ones(70_000, dtype=torch.bfloat16))
    net.register_buffer("sparse", torch.eye(3).to_sparse())
    net.register_buffer("integers", torch.arange(5))
    net.register_buffer("quantised", torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.quint8))
    with torch.inference_mode():
        net.register_buffer("inference", torch.ones(2))
    before = model_version(net)
    assert model_version(net) == before
    net.get_buffer("lower").data.zero_()
    assert model_version(net) != before


def test_shared_weights_and_modules_are_looked_at_once() -> None:
    layer = nn.Linear(2, 2)
    net = nn.ModuleDict({"first": layer, "second": layer, "third": nn.Linear(2, 2)})
    net["third"].weight = layer.weight
    before = model_version(net)
    layer.weight.data.add_(1)
    after = model_version(net)
    assert after != before
    assert len(after[1]) == 3  # type: ignore[index]  # a weight and two biases


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_a_scripted_model_has_a_version() -> None:
    net = torch.jit.trace(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.BatchNorm1d(3)).eval(), torch.zeros(1, 2))
    before = model_version(net)
    assert model_version(net) == before
    next(net.parameters()).data.add_(1)
    changed = model_version(net)
    assert changed != before
    next(net.buffers()).data.add_(1)
    assert model_version(net) != changed
