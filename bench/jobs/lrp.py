"""LRP with the composite EpsilonPlusFlat, of VGG-16 and ResNet-50."""

import copy
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from zennit.attribution import Gradient
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from bench.agreement import near
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import CLASS, image, network, of_side
from xai_widget import explain


def trial(
    model: nn.Module, canonizer: Callable[[], Any], picture: Callable[[int], Tensor], target: int = CLASS
) -> Trial:
    """Return the job for a network; `canonizer` is zennit's for its architecture."""
    normed = any(isinstance(module, nn.BatchNorm2d) for module in model.modules())

    @cache
    def peer() -> Any:
        """Theirs with its hooks set, on a copy."""
        found = Gradient(copy.deepcopy(model), EpsilonPlusFlat(canonizers=[canonizer()]))
        found.__enter__()
        return found

    def logit(output: Tensor) -> Tensor:
        """Relevance begins as the class's logit."""
        chosen = torch.zeros_like(output)
        chosen[:, target] = output[:, target]
        return chosen

    def zennit(turn: int) -> Work:
        return partial(peer(), picture(turn)[None].clone(), logit)

    def ours(turn: int) -> Work:
        return partial(explain, model, picture(turn), "lrp", target=target, composite="epsilon_plus_flat")

    def floor(turn: int) -> Work:
        x = picture(turn)[None].requires_grad_()

        def run() -> None:
            with torch.inference_mode():
                model(x)
            torch.autograd.grad(model(x)[0, target], x)

        return run

    def agree() -> str:
        # With an ε of 1e-14 in the batch norms, both are equal to 4e-8 of the largest value in float64 (ResNet-50).
        said = near("zennit", ours(0)().channels, zennit(0)()[1][0], 0.02 if normed else 1e-3)
        return f"{said} Its merged batch norms still divide by √(1 + ε)." if normed else said

    return Trial(
        {
            OURS: [Contender(ours)],
            "zennit": [Contender(zennit, "hooks set beforehand")],
            # The rule z+ needs the layer's output by its positive weights, beside the output itself.
            FLOOR: [Contender(floor, "two forwards, one backward")],
        },
        agree,
        type(model),
    )


JOBS = tuple(
    Job(
        f"lrp_{name}",
        f"LRP, EpsilonPlusFlat, {title}",
        lambda quick, name=name, canonizer=canonizer: trial(  # type: ignore[misc]
            network(name), canonizer, of_side(64) if quick else image
        ),
        [Target(0.6)],
        sweep=Sweep(
            f"LRP, EpsilonPlusFlat, {title}",
            "side of the picture",
            (64, 128, 224, 320),
            lambda side, name=name, canonizer=canonizer: trial(network(name), canonizer, of_side(side)),  # type: ignore[misc]
        ),
    )
    for name, title, canonizer in (("vgg16", "VGG-16", VGGCanonizer), ("resnet50", "ResNet-50", ResNetCanonizer))
)
