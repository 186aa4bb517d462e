"""A transformer computed by hand, one head at a time, and what the papers make of its attention as full matrices."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.transformer_zoo import HEADS, WIDTH, TimmViT
from tests.zoo import seeded

Floats = NDArray[np.float64]


def picture(*size: int, seed: int = 0) -> Tensor:
    """Model input, standard normal, in double precision."""
    return torch.randn(1 if len(size) == 3 else 3, *size, generator=torch.Generator().manual_seed(seed)).double()


def built(build: Callable[[], nn.Module]) -> nn.Module:
    """A seeded network in double precision whose attention is far from even."""
    model = seeded(build).eval().double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("qkv.weight", "q_proj.weight", "k_proj.weight", "in_proj_weight")):
                parameter.mul_(4)
    return model


def normed_inputs(model: nn.Module, x: Tensor, names: Sequence[str]) -> list[Tensor]:
    """What the layers called `names` give for `x`."""
    kept: list[Tensor] = []
    handles = [model.get_submodule(name).register_forward_hook(lambda _m, _a, out: kept.append(out)) for name in names]
    with torch.no_grad():
        model(x[None])
    for handle in handles:
        handle.remove()
    return kept


def by_hand(model: TimmViT, x: Tensor, shifts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Logits `[K]` and maps `[heads, L, L]` of one input; `shifts` are added to the maps before they are used."""
    patches = model.patch_embed.proj(x[None]).flatten(2)[0].T
    t = torch.cat([model.front[0], patches]) + model.pos_embed[0]
    maps = []
    size = WIDTH // HEADS
    for block, shift in zip(model.blocks, shifts, strict=True):
        qkv = block.attn.qkv(block.norm1(t))
        mixed, found = [], []
        for head in range(HEADS):
            q, k, v = (qkv[:, part * WIDTH + head * size :][:, :size] for part in range(3))
            products = q @ k.T / np.sqrt(size)
            a = products.exp() / products.exp().sum(1, keepdim=True)
            found.append(a)
            mixed.append((a + shift[head]) @ v)
        maps.append(torch.stack(found))
        t = t + block.attn.proj(torch.cat(mixed, 1))
        t = t + block.mlp(block.norm2(t))
    t = model.norm(t)
    if model.read == 0:
        return model.heads[0](model.fc_norm(t[model.prefix :].mean(0))), maps
    return sum(head(t[i]) for i, head in enumerate(model.heads)) / model.read, maps


def maps_and_gradients(
    model: TimmViT, x: Tensor, score: Callable[[Tensor], Tensor]
) -> tuple[list[Floats], list[Floats]]:
    """The maps, and how the score changes where something is added to them."""
    tokens = model.pos_embed.shape[1]
    shifts = [torch.zeros(HEADS, tokens, tokens, dtype=x.dtype, requires_grad=True) for _ in model.blocks]
    logits, maps = by_hand(model, x, shifts)
    gradients = torch.autograd.grad(score(logits), shifts)
    return [a.detach().numpy() for a in maps], [g.numpy() for g in gradients]


def full_rollout(maps: list[Floats]) -> Floats:
    """The product over all layers `[L, L]`."""
    product = np.eye(maps[0].shape[-1])
    for a in maps:
        product = (0.5 * a.mean(0) + 0.5 * np.eye(a.shape[-1])) @ product
    return product


def full_attribution(maps: list[Floats], gradients: list[Floats]) -> Floats:
    """R after all layers `[L, L]`."""
    r = np.eye(maps[0].shape[-1])
    for a, g in zip(maps, gradients, strict=True):
        r = r + np.maximum(g * a, 0).mean(0) @ r
    return r
