"""Occlusion of pictures: windows of 32 every 8 pixels, exact, and in bfloat16."""

from collections.abc import Callable
from functools import partial
from itertools import starmap
from typing import Any

import torch
from captum.attr import Occlusion
from monai.visualize.occlusion_sensitivity import OcclusionSensitivity
from torch import Tensor, nn

from bench import floors
from bench.agreement import near, rank_correlation
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import CLASS, FOLDER, image, network, of_side, trained
from xai_widget import Attribution, explain

LOWERED = f"{OURS}, bfloat16"
BATCHES = (1, 4, 8, 16, 32)
TRAINED = ("mobilenet_v2", "squeezenet1_1")
PHOTOS = 3
LEAST = 0.99


class Logit(nn.Module):
    """One class of a network: MONAI spreads all of them over the picture, which nobody asked for."""

    def __init__(self, model: nn.Module, target: int) -> None:
        super().__init__()
        self.model, self.target = model, target

    def forward(self, x: Tensor) -> Tensor:
        """Map `[N, C, *S]` to `[N, 1]`."""
        scores: Tensor = self.model(x)
        return scores[:, self.target, None]


def ours(model: nn.Module, x: Tensor, window: int, stride: int, target: int, precision: str) -> Attribution:
    """Return our map."""
    return explain(model, x, "occlusion", target=target, window=window, stride=stride, precision=precision)


def by_captum(model: nn.Module, x: Tensor, window: int, stride: int, target: int, batch: int) -> Tensor:
    """Return captum's map `[*S]`."""
    shape, steps = (len(x), window, window), (len(x), stride, stride)
    with torch.no_grad():
        found: Tensor = Occlusion(model).attribute(x[None], shape, steps, target=target, perturbations_per_eval=batch)[
            0, 0
        ]
    return found


def by_monai(model: nn.Module, x: Tensor, window: int, stride: int, target: int, batch: int) -> Tensor:
    """Return MONAI's map `[*S]`: the mean logit under the windows."""
    overlap = 1 - stride / window
    asked: dict[str, Any] = {"n_batch": batch, "overlap": overlap, "mode": 0.0, "activate": False, "verbose": False}
    found: Tensor = OcclusionSensitivity(Logit(model, target), window, **asked)(x[None])[0][0, 0]
    return found


def trial(
    model: nn.Module,
    picture: Callable[[int], Tensor],
    window: int,
    stride: int,
    *,
    part: int | None = None,
    photos: int = PHOTOS,
    target: int = CLASS,
) -> Trial:
    """Return the job for a network; `part` is a wider stride that peers are run with, whose time is scaled.

    On so many `photos` bfloat16 is held against float32.
    """
    side = picture(0).shape[-1]
    wide = stride if part is None else part
    windows = _windows(side, window, stride)
    share = _windows(side, window, wide) / windows

    def own(precision: str, turn: int) -> Work:
        return partial(ours, model, picture(turn), window, stride, target, precision)

    def theirs(run: Callable[..., Tensor], step: int, batch: int, turn: int) -> Work:
        return partial(run, model, picture(turn), window, step, target, batch)

    def peer(run: Callable[..., Tensor], name: str) -> list[Contender]:
        return [
            Contender(partial(theirs, run, wide, batch), f"{name}={batch}", share, partial(theirs, run, window, batch))
            for batch in BATCHES
        ]

    def agree() -> str:
        x, step = picture(0), window // 2
        found = ours(model, x, window, step, target, "float32").values
        with torch.no_grad():
            clean = float(model(x[None])[0, target])
        captum = by_captum(model, x, window, step, target, 16)
        monai = clean - by_monai(model, x, window, step, target, 16)
        return " ".join([near("captum", found, captum), near("MONAI, as drops", found, monai, 5e-3), lowered(photos)])

    return Trial(
        {
            OURS: [Contender(partial(own, "float32"))],
            LOWERED: [Contender(partial(own, "bfloat16"))],
            "captum": peer(by_captum, "perturbations_per_eval"),
            "MONAI": peer(by_monai, "n_batch"),
            FLOOR: floors.forwards(model, picture, 1 + windows),
        },
        agree,
        type(model),
    )


def lowered(photos: int) -> str:
    """Return what is left of the order in bfloat16, on trained weights and so many photos, in a sentence."""

    def compared(model: nn.Module, x: Tensor) -> float:
        exact = explain(model, x, "occlusion")
        low = explain(model, x, "occlusion", target=exact.target, precision="bfloat16")
        return rank_correlation(low.values, exact.values)

    pairs = [(model, x) for model, seen in filter(None, map(trained, TRAINED)) for x in seen[:photos]]
    if not pairs:
        return f"bfloat16 is not held against float32: {FOLDER} is not set, there are no trained weights."
    worst = min(starmap(compared, pairs))
    said = f"bfloat16 on {' and '.join(TRAINED)}, {photos} photo(s) each: rank correlation with float32 {worst:.4f} or more"
    return f"{said} ({'as' if worst >= LEAST else 'not the'} {LEAST} aimed at)."


def _windows(side: int, window: int, stride: int) -> int:
    return ((side - window) // stride + 1) ** 2


def _sized(name: str, part: int | None, windows: int) -> Trial:
    """Return the trial with so many windows along a side."""
    stride = (224 - 32) // (windows - 1)
    return trial(network(name), image, 32, stride, part=part)


JOBS = (
    Job(
        "occlusion_resnet18",
        "Occlusion, 224 x 224, window 32, stride 8 (625 windows), ResNet-18",
        lambda quick: trial(
            network("resnet18"), of_side(96) if quick else image, 32, 16 if quick else 8, photos=1 if quick else PHOTOS
        ),
        [Target(0.3), Target(0.08, of=LOWERED)],
        repeats=5,
        sweep=Sweep(
            "Occlusion of 224 x 224, window 32, ResNet-18",
            "windows",
            (49, 169, 625),
            lambda windows: _sized("resnet18", None, round(windows**0.5)),
        ),
    ),
    Job(
        "occlusion_vgg16",
        "Occlusion, 224 x 224, window 32, stride 8 (625 windows; peers 169, scaled), VGG-16",
        lambda quick: trial(
            network("vgg16"),
            of_side(96) if quick else image,
            32,
            16 if quick else 8,
            part=16,
            photos=0 if quick else PHOTOS,
        ),
        [Target(0.1), Target(0.04, of=LOWERED)],
        repeats=3,
        sweep=Sweep(
            "Occlusion of 224 x 224, window 32, VGG-16",
            "windows",
            (49, 169, 625),
            lambda windows: _sized("vgg16", 32, round(windows**0.5)),
        ),
    ),
)
