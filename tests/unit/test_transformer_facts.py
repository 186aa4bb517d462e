"""What one measured pass tells about transformers: where tokens stand, what is attended to, which layer says most."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.transformer_zoo import (
    ClassAttention,
    EncoderViT,
    HubSwin,
    HubViT,
    TimmViT,
    torchvision_swin,
    torchvision_vit,
)
from tests.zoo import CLASSES, seeded
from xai_widget.binding import Binding
from xai_widget.engine import AttentionFact, Facts
from xai_widget.inputs import read_input
from xai_widget.session import Session


def facts_at(build: Callable[[], nn.Module], size: tuple[int, ...]) -> Facts:
    """Facts of a seeded network for an input of this size."""
    model = seeded(build).eval()
    inputs = torch.randn(1 if len(size) == 3 else 3, *size, generator=torch.Generator().manual_seed(0))
    return Session(model, [read_input(inputs, model, dims=len(size))], Binding()).facts


CLASS_TOKENS = {
    "torchvision": (torchvision_vit, "encoder.layers.encoder_layer_1.ln_1", (32, 32), (4, 4), 1),
    "timm": (TimmViT, "blocks.1.norm1", (16, 16), (4, 4), 1),
    "timm, eager, normed queries": (lambda: TimmViT(fused=False, normed=True), "blocks.1.norm1", (16, 16), (4, 4), 1),
    "timm, DeiT, not square": (lambda: TimmViT((16, 24), prefix=2), "blocks.1.norm1", (16, 24), (4, 6), 2),
    "timm, registers": (lambda: TimmViT(prefix=5), "blocks.1.norm1", (16, 16), (4, 4), 5),
    "timm, a volume": (lambda: TimmViT((8, 12, 16)), "blocks.1.norm1", (8, 12, 16), (2, 3, 4), 1),
    "no patch convolution": (lambda: TimmViT((16, 24), cut=True), "blocks.1.norm1", (16, 24), (4, 6), 1),
    "transformers": (HubViT, "layers.1.layernorm_before", (16, 16), (4, 4), 1),
    "transformers, DeiT": (lambda: HubViT("eager", prefix=2), "layers.1.layernorm_before", (16, 16), (4, 4), 2),
    "torch.nn": (EncoderViT, "encoder.layers.1.norm1", (16, 16), (4, 4), 1),
}


@pytest.mark.parametrize(("build", "name", "size", "grid", "prefix"), CLASS_TOKENS.values(), ids=CLASS_TOKENS)
def test_a_transformer_is_read_where_its_last_attention_is_computed_from(
    build: Callable[[], nn.Module], name: str, size: tuple[int, ...], grid: tuple[int, ...], prefix: int
) -> None:
    """Behind the last attention only the class token counts, so that nothing there would say anything."""
    facts = facts_at(build, size)
    layer = facts.layer(name)
    assert facts.default_layer == name
    assert (layer.layout, layer.grid, layer.prefix, layer.channels) == ("tokens", grid, prefix, 12)
    assert layer.shape == (prefix + math.prod(grid), 12)
    attention = AttentionFact(2, 3, prefix + math.prod(grid), prefix, grid, windowed=False)
    assert facts.attention == attention
    assert facts.head is None


POOLED = {
    "torchvision's Swin": (torchvision_swin, ("norm", "permute"), (32, 32), (4, 4)),
    "transformers' Swin": (HubSwin, ("layernorm",), (32, 32), (4, 4)),
    "transformers' Swin, not square": (lambda: HubSwin((32, 48)), ("layernorm",), (32, 48), (4, 6)),
    "timm's ViT with a mean": (lambda: TimmViT(prefix=1, read=0), ("norm",), (16, 16), (4, 4)),
}


@pytest.mark.parametrize(("build", "names", "size", "grid"), POOLED.values(), ids=POOLED)
def test_a_mean_over_tokens_is_recognised_by_its_numbers(
    build: Callable[[], nn.Module], names: tuple[str, ...], size: tuple[int, ...], grid: tuple[int, ...]
) -> None:
    facts = facts_at(build, size)
    assert facts.head is not None
    assert (facts.head.layers, facts.head.linear) == (names, True)
    assert facts.default_layer == names[-1]
    assert facts.layer(names[-1]).grid == grid


def test_attention_in_windows_is_told_from_attention_to_all() -> None:
    for build in (torchvision_swin, HubSwin):
        attention = facts_at(build, (32, 32)).attention
        assert attention.windowed
        assert attention.grid is None
    assert facts_at(torchvision_swin, (32, 32)).attention.layers == 3


def test_grids_shrink_where_tokens_are_merged() -> None:
    facts = facts_at(lambda: HubSwin((32, 48)), (32, 48))
    assert {layer.grid for layer in facts.layers if layer.layout == "tokens"} == {(8, 12), (4, 6)}
    swin = facts_at(torchvision_swin, (32, 32))
    assert (swin.layer("features.1.0").layout, swin.layer("features.1.0").grid) == ("channels_last", (8, 8))
    assert (swin.layer("permute").layout, swin.layer("permute").grid) == ("channels_first", (4, 4))


class Windowed(nn.Module):
    """Folds windows of 4x4 positions, channels last, into the batch and out again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 2, stride=2)
        self.mix = nn.Linear(12, 12)
        self.norm = nn.LayerNorm(12)
        self.fc = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        windows = (
            self.stem(x).movedim(1, -1).unflatten(2, (2, 4)).unflatten(1, (2, 4)).transpose(2, 3).reshape(-1, 4, 4, 12)
        )
        mixed = self.mix(windows).reshape(-1, 2, 2, 4, 4, 12).transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return self.fc(self.norm(mixed).mean((1, 2)))


def test_windows_folded_into_the_batch_are_no_grid_of_the_input() -> None:
    facts = facts_at(Windowed, (16, 16))
    assert facts.layer("mix").grid is None
    assert (facts.layer("norm").grid, facts.default_layer) == ((8, 8), "norm")
    tokens = facts_at(HubSwin, (32, 32))
    assert tokens.layer("fine.qkv").grid is None
    assert tokens.layer("fine.norm1").grid == (8, 8)


class Adapted(nn.Module):
    """A linear layer with a small one beside it, as adapters for fine-tuning have it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.beside = nn.Linear(base.in_features, base.out_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.beside(x)


def test_projections_of_the_last_attention_are_passed_over_whatever_their_type() -> None:
    def build() -> nn.Module:
        model = HubViT()
        for layer in model.layers:
            layer.attention.q_proj = Adapted(layer.attention.q_proj)
        return model

    assert facts_at(build, (16, 16)).default_layer == "layers.1.layernorm_before"


def test_attention_that_does_not_chain_is_noticed() -> None:
    facts = facts_at(lambda: ClassAttention(channels=False), (16, 16))
    assert (facts.attention.layers, facts.attention.crossed) == (1, True)
    assert facts.default_layer == "norm"
    assert facts_at(lambda: ClassAttention(channels=True), (16, 16)).attention is None


def test_the_maps_of_a_softmax_module_are_no_positions() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(3, 12, 4, stride=4)
            self.softmax = nn.Softmax(dim=-1)
            self.fc = nn.Linear(12, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            x = self.embed(x).flatten(2).transpose(1, 2)[:, None]
            return self.fc((self.softmax(x @ x.transpose(2, 3)) @ x)[:, 0, 0])

    facts = facts_at(Attending, (16, 16))
    assert facts.layer("softmax").shape == (1, 16, 16)
    assert facts.layer("softmax").grid is None
