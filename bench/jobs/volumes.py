"""Occlusion of a volume: 3-D DenseNet121, 80 voxels a side, windows of 7 every 5, a box in the middle of it.

We are asked for the box by a mask, MONAI by a bounding box. MONAI's box begins half a window inside its windows.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.networks.nets.densenet import DenseNet121
from monai.visualize.occlusion_sensitivity import OcclusionSensitivity
from torch import Tensor, nn

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import image, settled
from xai_widget import Attribution, explain

WINDOW = 7
STRIDE = 5
# 1 - overlap times the window is cut to whole voxels.
OVERLAP = 0.28
BATCHES = (1, 2, 4, 8)


def densenet() -> nn.Module:
    """Return MONAI's DenseNet121 in 3-D with two classes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DenseNet121(spatial_dims=3, in_channels=1, out_channels=2)
    return settled(model, torch.stack([volume(seed, 64) for seed in (-3, -2, -1)])).to(torch.get_default_device())


def volume(turn: int, side: int) -> Tensor:
    """Return a turn's volume `[1, side, side, side]` of noise."""
    return torch.stack([image(turn * side + z, side, 1)[0] for z in range(side)])[None]


def trial(model: nn.Module, side: int, first: int, along: int, target: int = 0) -> Trial:
    """Return the job: `along` windows along each axis, the first of which begins at voxel `first`."""
    windows = along**3
    low, high = first, first + STRIDE * (along - 1) + WINDOW

    def ours(x: Tensor) -> Attribution:
        mask = np.zeros((side,) * 3, bool)
        # The window before the first ends in front of the mask, the one after the last begins where it ends.
        mask[(slice(first + WINDOW - STRIDE, first + STRIDE * along),) * 3] = True
        found = explain(model, x, "occlusion", target=target, window=WINDOW, stride=STRIDE, mask=mask)
        if found.meta["windows"] != windows:
            raise RuntimeError(f"{found.meta['windows']} windows were run instead of {windows}.")
        return found

    def monai(x: Tensor, batch: int) -> Tensor:
        asked: dict[str, Any] = {"n_batch": batch, "overlap": OVERLAP, "mode": 0.0, "activate": False, "verbose": False}
        edge = (WINDOW - 1) // 2
        found: Tensor = OcclusionSensitivity(model, WINDOW, **asked)(x[None], [low + edge, high - edge] * 3)[0][
            0, target
        ]
        return found

    def work(run: Callable[..., Any], turn: int) -> Work:
        return partial(run, volume(turn, side))

    def agree() -> str:
        """Compare voxels that only windows of the box cover."""
        x = volume(0, side)
        with torch.no_grad():
            clean = float(model(x[None])[0, target])
        inner = slice(low + WINDOW, high - WINDOW)
        offset = low + (WINDOW - 1) // 2
        theirs = clean - monai(x, 2)[(slice(inner.start - offset, inner.stop - offset),) * 3]
        return near(
            "MONAI, as drops, where windows of the box alone decide", ours(x).values[(inner,) * 3], theirs, 0.01
        )

    return Trial(
        {
            OURS: [Contender(partial(work, ours))],
            "MONAI": [Contender(partial(work, partial(monai, batch=batch)), f"n_batch={batch}") for batch in BATCHES],
            FLOOR: floors.forwards(model, lambda turn: volume(turn, side), 1 + windows, (1, 2, 4)),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "volumes",
        "Occlusion of a volume, DenseNet121 in 3-D, 80 x 80 x 80, window 7, stride 5: 125 of the 4096 windows",
        lambda quick: trial(densenet(), 48 if quick else 80, 10 if quick else 25, 3 if quick else 5),
        [Target(0.35)],
        repeats=3,
        sweep=Sweep(
            "Occlusion of 80 x 80 x 80, window 7, DenseNet121",
            "windows along an axis",
            (3, 4, 5),
            lambda along: trial(densenet(), 80, 25, along),
        ),
    ),
)
