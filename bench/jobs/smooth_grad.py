"""SmoothGrad of ResNet-18 with 50 noisy copies."""

from collections.abc import Callable
from functools import partial

import torch
from captum.attr import NoiseTunnel, Saliency
from monai.visualize.gradient_based import SmoothGrad
from torch import Tensor, nn

from bench import floors
from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import CLASS, exact, image, network, of_side
from xai_widget import explain

BATCHES = (5, 10, 25, 50)
SPREAD = 0.15


def trial(model: nn.Module, picture: Callable[[int], Tensor], samples: int, target: int = CLASS) -> Trial:
    """Return the job for a network and so many noisy copies."""
    batches = [batch for batch in BATCHES if batch <= samples] or [samples]

    def ours(turn: int) -> Work:
        return partial(explain, model, picture(turn), "smooth_grad", target=target, samples=samples, sigma=SPREAD)

    def captum(batch: int, turn: int) -> Work:
        x = picture(turn)
        return partial(
            NoiseTunnel(Saliency(model)).attribute,
            x[None].clone(),
            nt_samples=samples,
            nt_samples_batch_size=batch,
            stdevs=SPREAD * float(x.max() - x.min()),
            target=target,
            abs=False,
        )

    def monai(turn: int) -> Work:
        peer = SmoothGrad(model, SPREAD, samples, magnitude=False, verbose=False)
        return partial(peer, picture(turn)[None].clone(), index=target)

    def agree() -> str:
        """The same noisy copies for both."""
        same, x = exact(model), picture(0).double()
        spread = SPREAD * float(x.max() - x.min())
        noise = spread * torch.randn(samples, *x.shape, generator=torch.Generator().manual_seed(0)).to(x.device)
        theirs = Saliency(same).attribute(x + noise.double(), target=target, abs=False).mean(0)
        found = explain(same, x, "smooth_grad", target=target, noise=noise)
        return near("captum at the same copies, in double precision", found.channels, theirs, 1e-5) + (
            " MONAI draws its own."
        )

    return Trial(
        {
            OURS: [Contender(ours)],
            "captum": [Contender(partial(captum, batch), f"nt_samples_batch_size={batch}") for batch in batches],
            "MONAI": [Contender(monai, "one copy at a time")],
            FLOOR: floors.gradients(model, picture, samples, batches),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "smooth_grad",
        "SmoothGrad, 50 samples, ResNet-18",
        lambda quick: trial(network("resnet18"), of_side(64) if quick else image, 50),
        [Target(0.7, "captum")],
        sweep=Sweep(
            "SmoothGrad, ResNet-18",
            "samples",
            (5, 10, 20, 50, 100),
            lambda samples: trial(network("resnet18"), image, samples),
        ),
    ),
)
