"""Integrated gradients of ResNet-18, as complete as captum's in 50 steps."""

from collections.abc import Callable
from functools import cache, partial

from captum.attr import IntegratedGradients
from torch import Tensor, nn

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Target, Trial, Work
from bench.jobs.integrated_gradients import BATCHES, by_captum
from bench.networks import CLASS, image, network, of_side
from xai_widget import explain

STEPS = 50
TRIED = (4, 6, 8, 11, 16, 22, 32, 42, 50)


def gap_of(model: nn.Module, x: Tensor, target: int) -> float:
    """Return how much captum's shares miss of the difference of the scores."""
    _, gap = IntegratedGradients(model).attribute(
        x[None], target=target, n_steps=STEPS, internal_batch_size=BATCHES[-1], return_convergence_delta=True
    )
    return abs(float(gap))


def fewest(model: nn.Module, x: Tensor, target: int) -> int:
    """Return the fewest steps with which ours miss no more."""
    most = gap_of(model, x, target)
    for steps in TRIED:
        found = explain(model, x, "integrated_gradients", target=target, steps=steps)
        if abs(found.meta["completeness_gap"]) <= most:
            return steps
    return STEPS


def trial(model: nn.Module, picture: Callable[[int], Tensor], target: int = CLASS) -> Trial:
    """Return the job for a network."""
    steps = cache(lambda turn: fewest(model, picture(turn), target))

    def ours(turn: int) -> Work:
        return partial(explain, model, picture(turn), "integrated_gradients", target=target, steps=steps(turn))

    def captum(batch: int, turn: int) -> Work:
        return partial(by_captum, model, picture(turn), target, STEPS, batch)

    def agree() -> str:
        said = near("captum", ours(0)().channels, captum(BATCHES[0], 0)(), 0.2)
        return f"{said} {steps(0)} steps miss no more of the difference of the scores than captum's {STEPS} do."

    return Trial(
        {
            OURS: [Contender(ours, "the fewest steps that miss no more than captum's")],
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
