"""LIME of ResNet-18: 1000 samples, the same superpixels, every class."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances
from torch import Tensor, nn

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import CLASS, image, network, of_side
from xai_widget import Attribution, explain
from xai_widget.explainers.lime import draws

LOWERED = f"{OURS}, bfloat16"
BATCHES = (10, 32, 64)
PROBE = 96


def blocks(side: int, rows: int, columns: int) -> NDArray[np.int64]:
    """Return a label map `[side, side]` of rows x columns blocks, numbered from 0."""
    down, across = (np.arange(side) * count // side for count in (rows, columns))
    return np.asarray(down[:, None] * columns + across, np.int64)


def ours(
    model: nn.Module, x: Tensor, labels: NDArray[np.int64], samples: int, target: int, precision: str
) -> Attribution:
    """Return our map, with the coefficients of all classes."""
    return explain(model, x, "lime", target=target, segments=labels, samples=samples, precision=precision)


def by_lime(
    model: nn.Module, x: Tensor, labels: NDArray[np.int64], samples: int, classes: range, batch: int
) -> dict[int, Any]:
    """Return lime's (superpixel, coefficient) pairs of every class."""

    def probabilities(images: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.inference_mode():
            batch = torch.from_numpy(images).permute(0, 3, 1, 2).to(x.device, torch.float32).contiguous()
            return np.asarray(model(batch).softmax(1).double().cpu())

    told = LimeImageExplainer(feature_selection="none", random_state=0).explain_instance(
        x.permute(1, 2, 0).cpu().double().numpy(),
        probabilities,
        labels=classes,
        top_labels=None,
        num_samples=samples,
        batch_size=batch,
        segmentation_fn=lambda _image: labels,
    )
    found: dict[int, Any] = told.local_exp
    return found


def refitted(model: nn.Module, x: Tensor, labels: NDArray[np.int64], samples: int, target: int) -> NDArray[np.float64]:
    """Return what lime's regression makes of our draws, scored by the bare network: a coefficient a superpixel."""
    count = int(labels.max()) + 1
    z = draws(samples, count, 0)
    place = torch.from_numpy(labels).to(x.device)
    means = torch.stack([x[:, place == feature].mean(1) for feature in range(count)], 1)[:, place]
    with torch.inference_mode():
        kept = torch.split(torch.from_numpy(z).to(x.device), BATCHES[-1])
        scores = torch.cat([model(torch.where(part[:, None, place], x, means)).softmax(1) for part in kept])
    distances = pairwise_distances(z.astype(float), z[:1].astype(float), metric="cosine").ravel()
    base = LimeBase(lambda distance: np.sqrt(np.exp(-(distance**2) / 0.25**2)))
    asked = (z.astype(float), scores.double().cpu().numpy(), distances, target, count)
    pairs = dict(base.explain_instance_with_data(*asked, feature_selection="none")[1])
    return np.array([pairs[feature] for feature in range(count)])


def trial(
    model: nn.Module,
    picture: Callable[[int], Tensor],
    labels: NDArray[np.int64],
    samples: int,
    target: int = CLASS,
) -> Trial:
    """Return the job for a network, a label map and so many samples."""
    with torch.inference_mode():
        classes = range(model(picture(0)[None]).shape[1])

    def own(precision: str, turn: int) -> Work:
        return partial(ours, model, picture(turn), labels, samples, target, precision)

    def lime(batch: int, count: int, asked: range, turn: int) -> Work:
        return partial(by_lime, model, picture(turn), labels, count, asked, batch)

    def agree() -> str:
        found = ours(model, picture(0), labels, samples, target, "float32").arrays["coefficients"]
        return near(
            "lime's regression on the samples that we draw", found, refitted(model, picture(0), labels, samples, target)
        )

    return Trial(
        {
            OURS: [Contender(partial(own, "float32"))],
            LOWERED: [Contender(partial(own, "bfloat16"))],
            "lime": [
                Contender(
                    partial(lime, batch, samples, classes),
                    f"batch_size={batch}, feature_selection='none'",
                    probe=partial(lime, batch, min(PROBE, samples), range(target, target + 1)),
                )
                for batch in BATCHES
            ],
            FLOOR: floors.forwards(model, picture, samples),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "lime",
        "LIME, 1000 samples, 50 superpixels, all classes, ResNet-18",
        lambda quick: trial(
            *(network("resnet18"), of_side(64) if quick else image),
            *((blocks(64, 4, 3), 200) if quick else (blocks(224, 10, 5), 1000)),
        ),
        [Target(0.65), Target(0.22, of=LOWERED)],
        repeats=3,
        sweep=Sweep(
            "LIME, 50 superpixels, ResNet-18",
            "samples",
            (100, 300, 1000),
            lambda samples: trial(network("resnet18"), image, blocks(224, 10, 5), samples),
        ),
    ),
)
