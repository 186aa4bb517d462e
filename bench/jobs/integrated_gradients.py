"""Integrated gradients of ResNet-18 in 50 steps."""

from collections.abc import Callable
from functools import partial

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn
from zennit.attribution import IntegratedGradients as ZennitGradients

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import CLASS, exact, image, network, of_side
from xai_widget import explain

BATCHES = (5, 10, 25, 50)


def by_captum(model: nn.Module, x: Tensor, target: int, steps: int, batch: int) -> Tensor:
    """Return captum's shares `[C, *S]` by Gauss-Legendre, so many steps at a time."""
    peer = IntegratedGradients(model)
    found: Tensor = peer.attribute(x[None], target=target, n_steps=steps, internal_batch_size=batch)[0]
    return found


def trial(model: nn.Module, picture: Callable[[int], Tensor], steps: int, target: int = CLASS) -> Trial:
    """Return the job for a network and so many steps."""
    batches = [batch for batch in BATCHES if batch <= steps] or [steps]

    def ours(turn: int) -> Work:
        return partial(explain, model, picture(turn), "integrated_gradients", target=target, steps=steps)

    def captum(batch: int, turn: int) -> Work:
        return partial(by_captum, model, picture(turn), target, steps, batch)

    def zennit(turn: int) -> Work:
        x = picture(turn)[None]
        chosen = torch.zeros_like(model(x))
        chosen[:, target] = 1
        return lambda: ZennitGradients(model, n_iter=steps)(x, chosen)

    def agree() -> str:
        same, x = exact(model), picture(0).double()
        found = explain(same, x, "integrated_gradients", target=target, steps=steps)
        theirs = by_captum(same, x, target, steps, batches[0])
        return near("captum, in double precision", found.channels, theirs, 1e-5) + (
            " zennit takes each step's right end instead of Gauss-Legendre's points."
        )

    return Trial(
        {
            OURS: [Contender(ours)],
            "captum": [Contender(partial(captum, batch), f"internal_batch_size={batch}") for batch in batches],
            "zennit": [Contender(zennit, "one step at a time")],
            FLOOR: floors.gradients(model, picture, steps, batches),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "integrated_gradients",
        "Integrated gradients, 50 steps, ResNet-18",
        lambda quick: trial(network("resnet18"), of_side(64) if quick else image, 50),
        [Target(0.7, "captum")],
        sweep=Sweep(
            "Integrated gradients, ResNet-18",
            "steps",
            (5, 10, 20, 50, 100),
            lambda steps: trial(network("resnet18"), image, steps),
        ),
    ),
)
