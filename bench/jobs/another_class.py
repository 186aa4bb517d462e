"""Grad-CAM of another class of the picture that was just explained."""

from collections.abc import Callable
from functools import cache, partial

from torch import Tensor, nn

from bench.agreement import near
from bench.cam_peers import PEERS, torchcam_of
from bench.job import OURS, Contender, Job, Target, Trial, Work
from bench.jobs.grad_cam import ours
from bench.networks import image, likely, network, of_side

KEPT = "torchcam, graph kept"


def trial(model: nn.Module, picture: Callable[[int], Tensor], layer: str) -> Trial:
    """Return the job for a network and its layer; the map of the likeliest class is there already."""
    target, other = (likely(model, picture(0), place) for place in (0, 1))
    peers = {name: cache(partial(build, model, layer)) for name, build in PEERS.items()}

    keeping = cache(partial(torchcam_of, model, layer))

    def again(turn: int) -> Work:
        return partial(ours(model, layer, picture(turn), target).for_target, other)

    def kept(turn: int) -> Work:
        return partial(keeping()(picture(turn)), other)

    def called(name: str, turn: int) -> Work:
        return partial(peers[name](), picture(turn), other)

    def agree() -> str:
        found = again(0)().values
        return " ".join([near("captum", found, called("captum", 0)()), near(KEPT, found, kept(0)())])

    return Trial(
        {
            OURS: [Contender(again, "Attribution.for_target")],
            **{name: [Contender(partial(called, name), "called again")] for name in peers},
            KEPT: [Contender(kept, "a backward through the kept graph of the forward")],
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "another_class",
        "Grad-CAM of another class on the same picture, ResNet-50",
        lambda quick: trial(network("resnet50"), of_side(64) if quick else image, "layer4"),
        [Target(0.05), Target(0.05, "torchcam")],
        repeats=15,
    ),
)
