"""Floors: bare forwards and backwards in plain contiguous float32, as the peers run them, and nothing else."""

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from bench.job import Contender, Work

BATCHES: Final = (1, 4, 16, 32)
# More passes than these tell nothing new: a pass costs what the one before it did.
ENOUGH: Final = 128


def forwards(
    model: nn.Module, image: Callable[[int], Tensor], count: int, batches: Sequence[int] = BATCHES
) -> list[Contender]:
    """Return `count` forwards of an image `[C, *S]`, so many at a time; at most ENOUGH are run."""
    return [_passes(model, image, count, batch, _forward) for batch in batches if batch <= max(1, count)]


def gradients(
    model: nn.Module, image: Callable[[int], Tensor], count: int, batches: Sequence[int] = BATCHES
) -> list[Contender]:
    """Return `count` forwards and backwards to the input, so many at a time; at most ENOUGH are run."""
    return [_passes(model, image, count, batch, _gradient) for batch in batches if batch <= max(1, count)]


def _passes(
    model: nn.Module,
    image: Callable[[int], Tensor],
    count: int,
    batch: int,
    one: Callable[[nn.Module, Tensor], None],
) -> Contender:
    rounds = -(-min(count, ENOUGH) // batch)

    def prepare(turn: int) -> Work:
        x = image(turn).expand(batch, *image(turn).shape).contiguous()

        def run() -> None:
            for _ in range(rounds):
                one(model, x)

        return run

    return Contender(prepare, f"{rounds * batch} passes, {batch} at a time", share=rounds * batch / count)


def _forward(model: nn.Module, x: Tensor) -> None:
    with torch.inference_mode():
        model(x)


def _gradient(model: nn.Module, x: Tensor) -> None:
    leaf = x.requires_grad_()
    torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)
