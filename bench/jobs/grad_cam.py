"""Grad-CAM at the last stage of ResNet-50, a new picture each time."""

from collections.abc import Callable
from functools import cache, partial

from torch import Tensor, nn

from bench import floors
from bench.agreement import near, scaled
from bench.cam_peers import PEERS
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial, Work
from bench.networks import CLASS, image, network, of_side
from xai_widget import Attribution, explain


def ours(model: nn.Module, layer: str, x: Tensor, target: int) -> Attribution:
    """Return our map."""
    return explain(model, x, "grad_cam", target=target, layer=layer)


def trial(model: nn.Module, picture: Callable[[int], Tensor], layer: str, target: int = CLASS) -> Trial:
    """Return the job for a network and its layer."""
    peers = {name: cache(partial(build, model, layer)) for name, build in PEERS.items()}

    def asked(name: str, turn: int) -> Work:
        return partial(peers[name](), picture(turn), target)

    def agree() -> str:
        own = ours(model, layer, picture(0), target)
        theirs = {name: asked(name, 0)() for name in peers}
        said = [near(name, own.values, theirs[name]) for name in peers if name != "pytorch-grad-cam"]
        # Theirs is scaled to 0 ... 1 at the input's size.
        return " ".join([*said, near("pytorch-grad-cam", scaled(own.resized()), theirs["pytorch-grad-cam"])])

    return Trial(
        {
            OURS: [Contender(lambda turn: partial(ours, model, layer, picture(turn), target))],
            **{name: [Contender(partial(asked, name))] for name in peers},
            FLOOR: floors.to_layers(model, picture, [layer], target),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "grad_cam",
        "Grad-CAM, ResNet-50, last stage, a new picture each turn",
        lambda quick: trial(network("resnet50"), of_side(64) if quick else image, "layer4"),
        [Target(0.75)],
        repeats=15,
        sweep=Sweep(
            "Grad-CAM, ResNet-50, last stage",
            "side of the picture",
            (64, 128, 224, 320),
            lambda side: trial(network("resnet50"), of_side(side), "layer4"),
        ),
    ),
)
