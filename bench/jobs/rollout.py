"""Attention rollout of ViT-B/16. No peer has it."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import image, network, of_side
from xai_widget import explain_batch


def trial(model: nn.Module, picture: Callable[[int], Tensor], batch: int = 1) -> Trial:
    """Return the job for a network and a batch of pictures."""

    def ours(turn: int) -> Work:
        x = torch.stack([picture(turn * batch + row) for row in range(batch)])
        return partial(explain_batch, model, x, "attention_rollout")

    def agree() -> str:
        found = ours(0)()[0].values
        return near("The formula by hand", found.ravel(), by_hand(model, picture(0)))

    return Trial(
        {
            OURS: [Contender(ours)],
            FLOOR: floors.forwards(model, picture, batch, (batch,)),
        },
        agree,
        type(model),
    )


@torch.no_grad()
def by_hand(model: nn.Module, x: Tensor) -> Tensor:
    """Return the class token's row of the product of (A + I) / 2 over all layers, without itself."""
    own, maps = copy.deepcopy(model), []

    def watched(attend: Callable[..., Any]) -> Callable[..., Any]:
        def run(*tokens: Tensor, **asked: Any) -> Any:
            out, weights = attend(*tokens, **asked | {"need_weights": True})  # the mean over heads
            maps.append(weights[0])
            return out, weights

        return run

    for module in own.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.forward = watched(module.forward)  # type: ignore[method-assign]
    own(x[None])
    rolled = torch.eye(len(maps[0])).to(maps[0])
    for attention in maps:
        mixed = attention + torch.eye(len(attention)).to(attention)
        rolled = mixed / mixed.sum(-1, keepdim=True) @ rolled
    return rolled[0, 1:]


def _vit(side: int = 224) -> nn.Module:
    if side == 224:
        return network("vit_b_16")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        small: nn.Module = VisionTransformer(side, 16, num_layers=2, num_heads=3, hidden_dim=96, mlp_dim=192)
        return small.eval()


JOBS = (
    Job(
        "rollout",
        "Attention rollout, ViT-B/16",
        lambda quick: trial(_vit(64 if quick else 224), of_side(64) if quick else image),
        [Target(1.1, FLOOR)],
        repeats=15,
        sweep=Sweep(
            "Attention rollout, ViT-B/16",
            "pictures in a batch",
            (1, 2, 4, 8),
            lambda batch: trial(_vit(), image, batch),
        ),
    ),
)
