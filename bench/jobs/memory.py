"""Peak memory of every method at its default settings, ResNet-50."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from bench import floors
from bench.job import EVERY, FLOOR, OURS, Contender, Job, Target, Trial, Work
from bench.networks import CLASS, image, network, of_side
from xai_widget import explain, methods

BATCH = 16
# Enough for every method's first few batches.
FEW: dict[str, dict[str, Any]] = {
    "rise": {"samples": 64},
    "lime": {"samples": 64, "segments": "slic", "n_segments": 20},
    "kernel_shap": {"samples": 64, "segments": "slic", "n_segments": 20},
    "score_cam": {"layer": "conv1"},
    "noise_tunnel": {"samples": 2},
}


def trial(model: nn.Module, picture: Callable[[int], Tensor], target: int = CLASS, *, few: bool = False) -> Trial:
    """Return the job for a network: each method that works with it."""
    works = [row.id for row in methods(model) if row.works is True]

    def explained(method: str, turn: int) -> Work:
        params = FEW.get(method, {}) if few else {}
        return partial(explain, model, picture(turn), method, target=target, **params)

    return Trial(
        {
            **{f"{OURS}, {method}": [Contender(partial(explained, method))] for method in works},
            FLOOR: floors.forwards(model, picture, BATCH, (BATCH,)),
        },
        lambda: "Nothing to compare: one run of each method.",
        type(model),
    )


JOBS = (
    Job(
        "memory",
        "Peak memory of every method at default settings, ResNet-50",
        lambda quick: trial(network("resnet50"), of_side(64) if quick else image, few=quick),
        [Target(1.5, FLOOR, EVERY, "peak")],
        repeats=0,
    ),
)
