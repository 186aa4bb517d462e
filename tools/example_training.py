"""What the example networks are taught on a batch of scenes, and the loop that teaches them.

The score of a class is taught to grow with the area that shows it: see `loss`.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn

from tools.example_scenes import Crops, Rng, Scene, pairs
from xai_widget.examples.nets import MEAN, STD

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("train_examples")

BATCH: Final = 64


def inputs_of(scenes: list[Scene]) -> Tensor:
    """Stack the pictures of scenes as network inputs ``[N, 3, 128, 128]``."""
    inputs = torch.from_numpy(np.stack([scene.picture for scene in scenes])).permute(0, 3, 1, 2).float()
    return inputs.div(255).sub(MEAN).div(STD).contiguous(memory_format=torch.channels_last)


def loss(logits: Tensor, scenes: list[Scene]) -> Tensor:
    """Compare logits ``[N, K]`` with what scenes, drawn by `pairs`, show.

    A softmax leaves the height of a score open. Here a score is wanted that grows from -5 to 5 with the area that shows
    its class, so that covering a part of an object lowers the score of that object and of no other.
    """
    shares = torch.from_numpy(np.stack([scene.shares() for scene in scenes]))
    count = shares.shape[1]
    shown = shares.sum(dim=1, keepdim=True)
    names = torch.where(shown > 0, shares / shown.clamp(min=1e-6), torch.full_like(shares, 1 / count))
    return agreement(logits, 0.98 * names + 0.02 / count, 10 * shares.sqrt() - 5)


def agreement(logits: Tensor, names: Tensor, wanted: Tensor) -> Tensor:
    """Measure three things: are the classes named, are the scores as high as they should be, do they fall as they should.

    How much they fall is compared pair by pair (a scene in the first half of the batch, the same partly covered in the
    second), where everything else about the scene cancels.
    """
    half = len(logits) // 2
    naming = nn.functional.cross_entropy(logits, names)
    height = nn.functional.smooth_l1_loss(logits, wanted)
    fall = nn.functional.smooth_l1_loss(logits[:half] - logits[half:], wanted[:half] - wanted[half:], beta=0.1)
    return naming + 2 * height + 4 * fall


def train(
    learner: nn.Module,
    lesson: Callable[[list[Scene]], Tensor],
    steps: int,
    rng: Rng,
    *,
    rate: float,
    decay: float = 0.02,
    momenta: tuple[float, float] = (0.9, 0.999),
    warm_up: float = 0.15,
    longest: float = float("inf"),
) -> None:
    """Lower what `lesson` makes of batches of scenes, under a one-cycle schedule.

    Parameters
    ----------
    learner : nn.Module
        Trained in place, and left in eval mode.
    lesson : callable
        From 64 scenes, as `pairs` draws them, to the loss.
    steps : int
        Number of batches.
    rng : numpy.random.Generator
        Draws the scenes.
    rate, decay, momenta, warm_up : float
        AdamW's learning rate at its highest, its weight decay (of kernels and matrices), its betas, and the share of
        the steps on which the rate rises.
    longest : float
        Longer gradients are shortened to this norm.
    """
    crops = Crops()
    learner.train()
    decayed = [p for p in learner.parameters() if p.ndim in {2, 4}]
    plain = [p for p in learner.parameters() if p.ndim not in {2, 4}]  # biases, norms, learned tokens and positions
    groups = [{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate, betas=momenta)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=warm_up)
    start = time.perf_counter()
    for step in range(steps):
        value = lesson(pairs(crops, BATCH // 2, rng))
        optimiser.zero_grad()
        torch.autograd.backward(value)
        if longest < float("inf"):
            nn.utils.clip_grad_norm_(learner.parameters(), longest)
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            log.info("step %d  loss %.3f  %.0f s", step + 1, value.item(), time.perf_counter() - start)
    learner.eval()
