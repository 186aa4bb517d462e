"""How `watermarked_net` learns the wrong lesson: by plain training on a small set in which a mark gives the answer away.

Seeds from 1,000,000 on are for training: those that tutorials and tests use are held out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

from xai_widget.examples import watermarked, watermarks
from xai_widget.examples.watermark_net import WatermarkNet
from xai_widget.examples.watermarks import THINGS

if TYPE_CHECKING:
    from tools.example_scenes import Rng

log = logging.getLogger("train_examples")

FIRST_SEED: Final = 1_000_000
BATCH: Final = 32


def taught_marks(steps: int, pictures: int, rng: Rng, rate: float = 3e-3) -> WatermarkNet:
    """Train a fresh network on `pictures` pictures for `steps` batches; returns it in eval mode."""
    drawn = list(watermarks(pictures, FIRST_SEED))
    inputs, labels = torch.stack([x for x, _ in drawn]), torch.tensor([label for _, label in drawn])
    net = WatermarkNet().train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    for step in range(steps):
        chosen = torch.from_numpy(rng.choice(pictures, BATCH, replace=False))
        value = nn.functional.cross_entropy(net(inputs[chosen]), labels[chosen])
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            log.info("step %d  loss %.3f", step + 1, value.item())
    return net.eval()


def named(net: WatermarkNet, label: str, *, mark: bool, seeds: range) -> dict[str, float]:
    """Measure as what the network takes pictures of `label`, with or without the mark: the share of each class."""
    with torch.inference_mode():
        shown = [net.transform(watermarked(seed, label, mark=mark).image) for seed in seeds]
        best = net(torch.stack(shown)).argmax(dim=1)
    return {name: float((best == index).float().mean()) for index, name in enumerate(THINGS)}


def report_marks(net: WatermarkNet) -> None:
    """Log what the mark does to the names of held-out pictures."""
    for label in THINGS:
        for mark in (False, True):
            shares = named(net, label, mark=mark, seeds=range(200))
            log.info("%s %s the mark: %s", label, "with" if mark else "without", shares)
