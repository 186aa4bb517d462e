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


def to_layers(model: nn.Module, image: Callable[[int], Tensor], layers: Sequence[str], target: int) -> list[Contender]:
    """Return one forward, and one backward that ends at the first of these layers."""

    def prepare(turn: int) -> Work:
        x = image(turn)[None]
        return lambda: _layer_gradients(model, x, layers, target)

    return [Contender(prepare, f"one forward, one backward to {layers[0]}")]


def _layer_gradients(model: nn.Module, x: Tensor, layers: Sequence[str], target: int) -> None:
    kept: list[Tensor] = []
    hooks = [model.get_submodule(layer).register_forward_hook(lambda *seen: kept.append(seen[2])) for layer in layers]
    try:
        torch.autograd.grad(model(x)[0, target], kept)
    finally:
        for hook in hooks:
            hook.remove()


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
