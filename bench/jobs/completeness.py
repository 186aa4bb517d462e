"""Integrated gradients of ResNet-18, as complete as captum's in 50 steps.

About the class that the network gives: what is missed of a difference of scores is asked for, and for most other classes
there is next to none.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from bench import floors
from bench.agreement import rank_correlation
from bench.job import FLOOR, OURS, Contender, Disagreement, Job, Target, Trial, Work
from bench.jobs.integrated_gradients import BATCHES, by_captum
from bench.networks import image, likely, network, of_side
from xai_widget import explain

STEPS = 50
# What our tolerance can be.
LEAST, MOST = 0.001, 0.2


def missed(model: nn.Module, x: Tensor, target: int) -> float:
    """Return what captum's shares miss of the difference of the scores, relative to it, as far as we can be asked."""
    _, gap = IntegratedGradients(model).attribute(
        x[None], target=target, n_steps=STEPS, internal_batch_size=BATCHES[-1], return_convergence_delta=True
    )
    with torch.no_grad():
        full, empty = model(torch.stack([x, torch.zeros_like(x)]))[:, target].tolist()
    return float(np.clip(abs(float(gap) / (full - empty)), LEAST, MOST))


def trial(model: nn.Module, picture: Callable[[int], Tensor]) -> Trial:
    """Return the job for a network."""
    answer = cache(lambda turn: likely(model, picture(turn)))
    allowed = cache(lambda turn: missed(model, picture(turn), answer(turn)))

    def ours(turn: int) -> Work:
        asked: dict[str, Any] = {"steps": None, "tolerance": allowed(turn)}
        return partial(explain, model, picture(turn), "integrated_gradients", target=answer(turn), **asked)

    def captum(batch: int, turn: int) -> Work:
        return partial(by_captum, model, picture(turn), answer(turn), STEPS, batch)

    def agree() -> str:
        found, most = ours(0)(), allowed(0)
        gap = abs(found.meta["completeness_gap"] / (found.meta["score"] - found.meta["baseline_score"]))
        if not gap <= most * 1.001:
            raise Disagreement(f"Ours miss {gap:.2%} of the difference of the scores, captum's {most:.2%}.")
        same = rank_correlation(found.channels, captum(BATCHES[0], 0)())
        return (
            f"Captum's {STEPS} steps miss {most:.2%} of the difference of the scores (at least {LEAST:.1%} is asked"
            f" for), our {found.meta['steps']} miss {gap:.2%}; rank correlation of the maps {same:.3f}."
        )

    return Trial(
        {
            OURS: [Contender(ours, "steps until no more is missed than by captum")],
            "captum": [Contender(partial(captum, batch), f"internal_batch_size={batch}") for batch in BATCHES],
            FLOOR: floors.gradients(model, picture, STEPS, BATCHES),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "completeness",
        "Integrated gradients as complete as captum's 50 steps, ResNet-18",
        lambda quick: trial(network("resnet18"), of_side(64) if quick else image),
        [Target(0.5, "captum")],
    ),
)
