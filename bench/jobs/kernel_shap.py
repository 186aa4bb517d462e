"""Kernel SHAP of ResNet-18: 50 superpixels, 2M + 2048 coalitions, every class."""

from collections.abc import Callable
from functools import partial

import numpy as np
import shap
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.jobs.lime import blocks
from bench.networks import CLASS, image, network, of_side
from xai_widget import Attribution, explain

LOWERED = f"{OURS}, bfloat16"
BATCHES = (10, 32, 64)
PROBE = 96


def ours(
    model: nn.Module, x: Tensor, labels: NDArray[np.int64], samples: int | None, target: int, precision: str
) -> Attribution:
    """Return our map, with the values of all classes; None: 2M + 2048 coalitions."""
    return explain(
        *(model, x, "kernel_shap"), target=target, segments=labels, samples=samples, fill="zero", precision=precision
    )


def by_shap(model: nn.Module, x: Tensor, labels: NDArray[np.int64], samples: int, batch: int) -> NDArray[np.float64]:
    """Return shap's values, `[superpixels, classes]`."""
    count = int(labels.max()) + 1
    place = torch.from_numpy(labels).to(x.device)

    def scores(keep: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(keep).to(x), batch)
            return np.concatenate([np.asarray(model(x * part[:, None, place]).double().cpu()) for part in parts])

    peer = shap.KernelExplainer(scores, np.zeros((1, count)))
    found = peer.shap_values(np.ones((1, count)), nsamples=samples, l1_reg=False, silent=True)
    return np.asarray(found[0], np.float64)


def trial(
    model: nn.Module,
    picture: Callable[[int], Tensor],
    labels: NDArray[np.int64],
    samples: int | None = None,
    target: int = CLASS,
) -> Trial:
    """Return the job for a network, a label map and so many coalitions."""
    count = 2 * (int(labels.max()) + 1) + 2048 if samples is None else samples

    def own(precision: str, turn: int) -> Work:
        return partial(ours, model, picture(turn), labels, samples, target, precision)

    def theirs(batch: int, coalitions: int, turn: int) -> Work:
        return partial(by_shap, model, picture(turn), labels, coalitions, batch)

    def agree() -> str:
        """Compare where both take every coalition: of eight superpixels."""
        few = blocks(len(labels), 2, 4)
        found = ours(model, picture(0), few, None, target, "float32").arrays["coefficients"]
        return near("shap, all coalitions of 8 superpixels", found, by_shap(model, picture(0), few, 254, 32)[:, target])

    return Trial(
        {
            OURS: [Contender(partial(own, "float32"))],
            LOWERED: [Contender(partial(own, "bfloat16"))],
            "shap": [
                Contender(
                    partial(theirs, batch, count),
                    f"l1_reg=False, the model {batch} at a time",
                    probe=partial(theirs, batch, min(PROBE, count)),
                )
                for batch in BATCHES
            ],
            FLOOR: floors.forwards(model, picture, 2 + count),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "kernel_shap",
        "Kernel SHAP, 50 superpixels, 2148 coalitions, all classes, ResNet-18",
        lambda quick: trial(
            *(network("resnet18"), of_side(64) if quick else image),
            *((blocks(64, 4, 3), 200) if quick else (blocks(224, 10, 5), None)),
        ),
        [Target(0.65), Target(0.22, of=LOWERED)],
        repeats=3,
        sweep=Sweep(
            "Kernel SHAP, 50 superpixels, ResNet-18",
            "coalitions",
            (200, 600, 2148),
            lambda samples: trial(network("resnet18"), image, blocks(224, 10, 5), samples),
        ),
    ),
)
