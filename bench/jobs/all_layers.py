"""Grad-CAM at all blocks of ResNet-50."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from captum.attr import LayerGradCam
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from bench import floors
from bench.agreement import near, scaled
from bench.job import FLOOR, OURS, Contender, Job, Sweep, Target, Trial
from bench.networks import CLASS, image, network, of_side
from xai_widget import Attribution, explain_layers

BLOCKS = tuple(f"layer{stage}.{block}" for stage, blocks in enumerate((3, 4, 6, 3), 1) for block in range(blocks))
PGC = "pytorch-grad-cam"


def trial(model: nn.Module, picture: Callable[[int], Tensor], layers: Sequence[str], target: int = CLASS) -> Trial:
    """Return the job for a network and its layers, the deepest last."""
    copied = cache(partial(copy.deepcopy, model))

    def ours(turn: int) -> Callable[[], dict[str, Attribution]]:
        return partial(explain_layers, model, picture(turn), layers, target=target)

    def by_pytorch_grad_cam(x: Tensor) -> Mapping[str, Any]:
        own, found = copied(), {}
        for layer in layers:
            with GradCAM(own, [own.get_submodule(layer)]) as peer:
                found[layer] = peer(x[None], [ClassifierOutputTarget(target)])[0]
        return found

    def by_captum(x: Tensor) -> Mapping[str, Any]:
        peers = {layer: LayerGradCam(model, model.get_submodule(layer)) for layer in layers}
        return {
            layer: peer.attribute(x[None], target=target, relu_attributions=True)[0, 0] for layer, peer in peers.items()
        }

    def agree() -> str:
        own = ours(0)()
        theirs, graded = by_captum(picture(0)), by_pytorch_grad_cam(picture(0))
        said = [near(f"captum at {layer}", own[layer].values, theirs[layer]) for layer in (layers[0], layers[-1])]
        scale = scaled(own[layers[-1]].resized())
        return " ".join([*said, near(f"{PGC} at {layers[-1]}", scale, graded[layers[-1]])])

    return Trial(
        {
            OURS: [Contender(ours, "explain_layers")],
            PGC: [Contender(lambda turn: partial(by_pytorch_grad_cam, picture(turn)), "called once a layer")],
            "captum": [Contender(lambda turn: partial(by_captum, picture(turn)), "called once a layer")],
            FLOOR: floors.to_layers(model, picture, layers, target),
        },
        agree,
        type(model),
    )


JOBS = (
    Job(
        "all_layers",
        "Grad-CAM at all 16 blocks of ResNet-50",
        lambda quick: trial(network("resnet50"), of_side(64) if quick else image, BLOCKS),
        [Target(0.15, PGC), Target(1.2, FLOOR)],
        sweep=Sweep(
            "Grad-CAM at the last blocks of ResNet-50",
            "blocks",
            (1, 2, 4, 8, 16),
            lambda count: trial(network("resnet50"), image, BLOCKS[-count:]),
        ),
    ),
)
