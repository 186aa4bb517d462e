"""Grad-CAM of every class for one picture."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from captum.attr import LayerGradCam
from torch import Tensor, nn

from bench.agreement import near
from bench.cam_peers import PEERS, torchcam_of
from bench.job import OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.jobs.another_class import KEPT
from bench.jobs.grad_cam import ours
from bench.networks import image, network, of_side
from xai_widget import Attribution

# A peer is called so often, and its time scaled.
CALLS = 20
TOGETHER = 16


def times(one: Callable[[int], Any], calls: int) -> None:
    """Ask for the first classes, one after the other."""
    for target in range(calls):
        one(target)


def trial(model: nn.Module, picture: Callable[[int], Tensor], layer: str, classes: int, calls: int = CALLS) -> Trial:
    """Return the job for a network, its layer and so many classes."""
    calls = min(calls, classes)
    peers = {name: cache(partial(build, model, layer)) for name, build in PEERS.items()}

    keeping = cache(partial(torchcam_of, model, layer))

    def all_ours(turn: int) -> Callable[[], Attribution]:
        def run() -> Attribution:
            found = ours(model, layer, picture(turn), 0)
            found.maps(range(classes))
            return found

        return run

    def called(name: str, turn: int) -> Work:
        return partial(times, partial(peers[name](), picture(turn)), calls)

    def together(turn: int) -> Work:
        """One picture many times in a batch, a class each."""
        count = min(TOGETHER, classes)
        x = picture(turn).expand(count, *picture(turn).shape).contiguous()
        peer = LayerGradCam(model, model.get_submodule(layer))
        return lambda: peer.attribute(x, target=list(range(count)), relu_attributions=True)

    def kept(turn: int) -> Work:
        return partial(times, keeping()(picture(turn)), calls)

    def agree() -> str:
        maps = ours(model, layer, picture(0), 0).maps(range(calls))
        theirs = np.stack([peers["captum"]()(picture(0), target).detach().cpu() for target in range(calls)])
        return near(f"captum, {calls} classes", maps, theirs)

    captum = [
        Contender(partial(called, "captum"), "called once a class", calls / classes),
        Contender(together, f"{min(TOGETHER, classes)} classes in a batch", min(TOGETHER, classes) / classes),
    ]
    return Trial(
        {
            OURS: [Contender(all_ours, "explain, then Attribution.maps")],
            "captum": captum,
            **{
                name: [Contender(partial(called, name), "called once a class", calls / classes)]
                for name in peers
                if name != "captum"
            },
            KEPT: [Contender(kept, "a backward a class; the forward is not even timed", calls / classes)],
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "all_classes",
        "Grad-CAM of 1000 classes, one picture, ResNet-50",
        lambda quick: trial(
            network("resnet50"), of_side(64) if quick else image, "layer4", 1000, 2 if quick else CALLS
        ),
        [Target(0.02), Target(0.02, "torchcam")],
        sweep=Sweep(
            "Grad-CAM of several classes, ResNet-50",
            "classes",
            (1, 10, 100, 1000),
            lambda classes: trial(network("resnet50"), image, "layer4", classes, 4),
        ),
    ),
)
