"""Where a classifier is cut in front of its head, and what is not cut."""

import re
import threading

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.zoo import ZOO, Flat, Plain, Shared, Volumetric, picture, seeded
from xai_widget.models.trunk import own_copy, trunk_of

X = torch.stack([picture(0), picture(1)])


class InPlace(Flat):
    """Writes into its features by a function whose result nobody uses."""

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv2(self.relu1(self.norm(self.conv1(x))))
        functional.relu_(features)
        return self.fc(features)


class ChannelsLast(Flat):
    """Turns its features `[N, 8, 8, 8]` into `[N, 8, 4, 16]`, which is no grid of the input."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).reshape(-1, 8, 4, 16).permute(0, 2, 3, 1))


class Functional(Plain):
    """Rectifies behind its last module, as DenseNets do."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(functional.relu(self.features(x) - 0.1).mean((2, 3)))


class Tokens(nn.Module):
    """A patch embedding and many layers on tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.blocks = nn.Sequential(*(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU()) for _ in range(10)))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.embed(x).flatten(2).transpose(1, 2)).mean(1))


class Branching(Plain):
    """Decides by its input what it does, which cannot be traced."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if x.sum() > 0 else -x)


class Locked(Plain):
    """Holds what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    ("build", "name"),
    [(Plain, "relu2"), (Flat, "relu2"), (Shared, "relu_3"), (Functional, "relu"), (ChannelsLast, "relu2")],
)
def test_the_cut_is_behind_the_last_features_on_a_grid(build: type[Plain], name: str) -> None:
    model = seeded(build).eval()
    trunk = trunk_of(model, X)
    assert trunk.name == name
    expected = model.features(X)
    torch.testing.assert_close(trunk.features, functional.relu(expected - 0.1) if build is Functional else expected)
    torch.testing.assert_close(trunk.module(X[:1]), trunk.features[:1])


@pytest.mark.parametrize("name", ["plain", "frozen", "flat head", "shared modules", "tuple output", "dict output"])
def test_the_trunk_holds_nothing_of_the_head(name: str) -> None:
    trunk = trunk_of(ZOO[name](), X)
    assert not any(isinstance(module, nn.Linear) for module in trunk.module.modules())
    assert trunk.features.shape == (2, 8, 8, 8)


def test_volumes_are_cut_too() -> None:
    x = torch.randn(1, 1, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    assert trunk_of(seeded(Volumetric), x).features.shape == (1, 6, 2, 3, 4)


def test_a_cut_keeps_what_is_written_in_place() -> None:
    model = seeded(InPlace).eval()
    before = trunk_of(model, X, layer="conv2").features
    assert before.min() < 0
    torch.testing.assert_close(trunk_of(model, X).module(X), before.relu())


def test_tokens_are_no_grid_unless_a_layer_is_named() -> None:
    message = r"No features on a grid were recognised late in Tokens .* layer=\.\.\."
    with pytest.raises(ValueError, match=message):
        trunk_of(seeded(Tokens), X)
    assert trunk_of(seeded(Tokens), X, layer="embed").features.shape == (2, 8, 4, 4)


def test_what_cannot_be_traced_or_copied_is_refused_with_what_to_do() -> None:
    by_hand = re.escape("Build it by hand from the part that gives features")
    with pytest.raises(ValueError, match=f"torch.fx cannot trace Branching .*{by_hand}"):
        trunk_of(seeded(Branching), X)
    with pytest.raises(ValueError, match=rf"Locked cannot be copied \(.*lock.*or: {by_hand}"):
        own_copy(seeded(Locked))
