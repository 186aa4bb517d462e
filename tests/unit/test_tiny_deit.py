"""The bundled vision transformer: its parts, its two heads, and how they are taught."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from tools import example_distillation as distillation
from tools import example_scenes as scenes
from tools import train_examples as trainer
from tools.example_training import agreement
from xai_widget.examples import mosaic_net, tiny_deit

if TYPE_CHECKING:
    from xai_widget.examples import TinyDeit

X = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def net() -> TinyDeit:
    return tiny_deit().requires_grad_(requires_grad=False)


class OneHead(nn.Module):
    """What a single head of the transformer says."""

    def __init__(self, net: TinyDeit, place: int) -> None:
        super().__init__()
        self.net, self.place = net, place
        self.labels, self.transform = net.labels, net.transform

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        head = (self.net.head, self.net.head_dist)[self.place]
        return head(self.net.tokens(x)[:, self.place])


def test_its_parts_are_named_as_in_timm(net: TinyDeit) -> None:
    assert [name for name, _ in net.named_children()] == ["patch_embed", "blocks", "norm", "head", "head_dist"]
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    assert shapes["cls_token"] == shapes["dist_token"] == (1, 1, 96)
    assert shapes["pos_embed"] == (1, 66, 96)
    assert shapes["patch_embed.proj.weight"] == (96, 3, 16, 16)
    assert shapes["head.weight"] == shapes["head_dist.weight"] == (12, 96)
    assert len(net.blocks) == 5
    block = {name.removeprefix("blocks.3.") for name in shapes if name.startswith("blocks.3.")}
    parts = ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
    assert block == {f"{part}.{kind}" for part in parts for kind in ("weight", "bias")}


def by_hand(net: TinyDeit, x: torch.Tensor) -> torch.Tensor:
    """Its tokens, from its state and the formulas of the paper."""
    state = net.state_dict()

    def linear(name: str, tokens: torch.Tensor) -> torch.Tensor:
        return tokens @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def normal(name: str, tokens: torch.Tensor) -> torch.Tensor:
        spread = tokens.var(-1, keepdim=True, correction=0) + 1e-5
        return (tokens - tokens.mean(-1, keepdim=True)) / spread.sqrt() * state[f"{name}.weight"] + state[
            f"{name}.bias"
        ]

    patches = x.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5).reshape(len(x), 64, 768)
    patches = patches @ state["patch_embed.proj.weight"].reshape(96, 768).T + state["patch_embed.proj.bias"]
    prefix = [state[name].expand(len(x), 1, 96) for name in ("cls_token", "dist_token")]
    tokens = torch.cat((*prefix, patches), dim=1) + state["pos_embed"]
    for block in (f"blocks.{index}" for index in range(5)):
        normed = normal(f"{block}.norm1", tokens)
        q, k, v = linear(f"{block}.attn.qkv", normed).reshape(len(x), 66, 3, 3, 32).permute(2, 0, 3, 1, 4)
        maps = (q @ k.transpose(-1, -2) / math.sqrt(32)).softmax(-1)
        tokens = tokens + linear(f"{block}.attn.proj", (maps @ v).transpose(1, 2).reshape(len(x), 66, 96))
        hidden = linear(f"{block}.mlp.fc1", normal(f"{block}.norm2", tokens))
        hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
        tokens = tokens + linear(f"{block}.mlp.fc2", hidden)
    return normal("norm", tokens)


def test_its_tokens_are_what_the_formulas_give(net: TinyDeit) -> None:
    torch.testing.assert_close(net.tokens(X), by_hand(net, X), rtol=1e-4, atol=1e-4)


def test_its_logits_are_the_mean_of_two_heads_that_differ(net: TinyDeit) -> None:
    labelled, distilled = OneHead(net, 0)(X), OneHead(net, 1)(X)
    torch.testing.assert_close(net(X), (labelled + distilled) / 2)
    assert (labelled - distilled).abs().max() > 0.05
    for training in (True, False):
        assert torch.equal(tiny_deit().train(training)(X), net(X))  # nothing in it depends on the mode


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1], ids=["class", "distillation"])
def test_each_head_alone_names_crops_and_mosaics(net: TinyDeit, place: int) -> None:
    assert trainer.top1(OneHead(net, place), trainer.held_out_alone(240)) >= 0.95
    assert trainer.all_in_top5(OneHead(net, place), range(40)) >= 0.9


def test_it_can_be_traced(net: TinyDeit) -> None:
    traced = torch.fx.symbolic_trace(net)
    torch.testing.assert_close(traced(X[:1]), net(X[:1]))


# how it is taught


def test_the_truth_of_a_patch_is_the_share_of_its_pixels() -> None:
    scene = scenes.Scene(np.zeros((128, 128, 3), np.uint8))
    scene.truth[:16, 16:24] = 3  # the left half of the second patch
    scene.truth[120:, 112:] = 11  # the lower half of the last one
    scene.truth[112:120, 112:116] = 0
    shares = distillation.patch_shares([scene])
    expected = torch.zeros(1, 64, 13)
    expected[0, :, 12] = 1
    expected[0, 1, [3, 12]] = 0.5
    expected[0, 63, [0, 11, 12]] = torch.tensor([0.125, 0.5, 0.375])
    assert torch.equal(shares, expected)


def test_agreement_is_lowest_where_logits_are_those_taught() -> None:
    taught = torch.randn(8, 12, generator=torch.Generator().manual_seed(1))
    logits = taught.clone().requires_grad_()
    value = agreement(logits, taught.softmax(1), taught)
    value.backward()
    entropy = -(taught.softmax(1) * taught.log_softmax(1)).sum(1).mean()
    assert value.item() == pytest.approx(entropy.item(), abs=1e-5)
    assert logits.grad.abs().max() < 1e-6


@pytest.mark.slow
def test_the_same_seed_gives_the_same_student_and_the_teacher_does_not_learn() -> None:
    def taught() -> dict[str, torch.Tensor]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return distillation.distilled(teacher, 2, np.random.default_rng(0)).state_dict()

    teacher = mosaic_net()
    first, second = taught(), taught()
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    assert all(torch.equal(value, mosaic_net().state_dict()[key]) for key, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert set(first) == set(tiny_deit().state_dict())  # the head on patches is thrown away
