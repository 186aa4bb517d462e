"""Peers' Grad-CAM of one layer. Each works on its own copy of the network: most leave hooks and gradients behind."""

import copy
from collections.abc import Callable
from typing import Any

from captum.attr import LayerGradCam
from monai.visualize.class_activation_maps import GradCAM as MonaiGradCam
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchcam.methods import GradCAM as TorchCam

Peer = Callable[[Tensor, int], Any]


def captum(model: nn.Module, layer: str) -> Peer:
    """Return captum's map, `[*grid]`."""
    own = copy.deepcopy(model)
    peer = LayerGradCam(own, own.get_submodule(layer))
    return lambda x, target: peer.attribute(x[None], target=target, relu_attributions=True)[0, 0]


def monai(model: nn.Module, layer: str) -> Peer:
    """Return MONAI's map, `[*grid]`."""
    peer = MonaiGradCam(copy.deepcopy(model), layer)
    return lambda x, target: peer.compute_map(x[None], class_idx=target)[0, 0]


def pytorch_grad_cam(model: nn.Module, layer: str) -> Peer:
    """Return pytorch-grad-cam's map, `[*S]`, from 0 to 1."""
    own = copy.deepcopy(model)
    peer = GradCAM(own, [own.get_submodule(layer)])
    return lambda x, target: peer(x[None], [ClassifierOutputTarget(target)])[0]


def torchcam(model: nn.Module, layer: str) -> Peer:
    """Return torchcam's map, `[*grid]`."""
    own = copy.deepcopy(model)
    peer = TorchCam(own, layer)
    return lambda x, target: peer(target, own(x[None]), normalized=False)[0][0]


def torchcam_of(model: nn.Module, layer: str) -> Callable[[Tensor], Callable[[int], Any]]:
    """Return torchcam's forward of a picture, which returns what gives a class's map from the kept graph, `[*grid]`."""
    own = copy.deepcopy(model)
    peer = TorchCam(own, layer)

    def forward(x: Tensor) -> Callable[[int], Any]:
        scores = own(x[None])
        return lambda target: peer(target, scores, normalized=False, retain_graph=True)[0][0]

    return forward


PEERS: dict[str, Callable[[nn.Module, str], Peer]] = {
    "captum": captum,
    "MONAI": monai,
    "pytorch-grad-cam": pytorch_grad_cam,
    "torchcam": torchcam,
}
