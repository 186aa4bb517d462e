"""Real architectures in small: torchvision's own classes with few blocks and narrow layers, random but seeded weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.models import (
    ConvNeXt,
    DenseNet,
    EfficientNet,
    Inception3,
    MobileNetV3,
    ResNet,
    SqueezeNet,
)
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import MBConvConfig
from torchvision.models.inception import (
    BasicConv2d,
    InceptionA,
    InceptionAux,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.resnet import BasicBlock
from torchvision.models.segmentation.fcn import FCN, FCNHead
from torchvision.models.vgg import VGG, make_layers

from tests.transformer_zoo import torchvision_swin, torchvision_vit
from tests.zoo import seeded

CLASSES = 5
NARROWER = 8


class NarrowResNet(ResNet):
    """A ResNet with one block a stage and an eighth of the channels."""

    def __init__(self) -> None:
        super().__init__(BasicBlock, [1, 1, 1, 1])
        self.fc = nn.Linear(512 // NARROWER, CLASSES)

    def _make_layer(self, block: Any, planes: int, *rest: Any, **more: Any) -> nn.Sequential:
        return super()._make_layer(block, planes // NARROWER, *rest, **more)


def vgg() -> nn.Module:
    with torch.device("meta"):  # its own classifier has a hundred million weights
        model = VGG(nn.Identity(), init_weights=False)
    model.features = make_layers([8, "M", 12, "M", 16, 16, "M", 16, "M"], batch_norm=True)
    model.classifier = nn.Sequential(
        nn.Linear(16 * 7 * 7, 32), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(32, 32), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(32, CLASSES),
    )  # fmt: skip
    return model


def densenet() -> nn.Module:
    return DenseNet(growth_rate=4, block_config=(2, 2, 2), num_init_features=8, bn_size=2, num_classes=CLASSES)


def mobilenet() -> nn.Module:
    block = partial(InvertedResidualConfig, dilation=1, width_mult=1.0)
    setting = [
        block(16, 3, 16, 16, use_se=True, activation="RE", stride=2),
        block(16, 3, 24, 16, use_se=False, activation="RE", stride=2),
        block(16, 5, 32, 24, use_se=True, activation="HS", stride=1),
        block(24, 5, 32, 24, use_se=True, activation="HS", stride=1),
    ]
    return MobileNetV3(setting, last_channel=32, num_classes=CLASSES)


def efficientnet() -> nn.Module:
    block = partial(MBConvConfig, width_mult=1.0, depth_mult=1.0, num_layers=1)
    setting = [
        block(1, 3, 1, 16, 8),
        block(4, 3, 2, 8, 12),
        block(4, 5, 2, 12, 16),
        block(4, 3, 1, 16, 16),
    ]
    return EfficientNet(setting, dropout=0.2, last_channel=32, num_classes=CLASSES)


def inception() -> nn.Module:
    def narrow(inputs: int, outputs: int, **more: Any) -> nn.Module:
        return BasicConv2d(inputs if inputs == 3 else inputs // NARROWER, outputs // NARROWER, **more)

    stages = (InceptionA, InceptionB, InceptionC, InceptionD, InceptionE)
    blocks: list[Any] = [narrow, *(partial(stage, conv_block=narrow) for stage in stages), InceptionAux]
    model = Inception3(CLASSES, aux_logits=False, transform_input=True, inception_blocks=blocks, init_weights=False)
    model.fc = nn.Linear(2048 // NARROWER, CLASSES)
    return model


def convnext() -> nn.Module:
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 2)], layer_scale=0.5, num_classes=CLASSES)


def squeezenet() -> nn.Module:
    return SqueezeNet("1_1", num_classes=CLASSES)


class VolumeNet(nn.Module):
    """A 3-D classifier with what 3-D classifiers have: batch norm, pooling, a transposed convolution on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv3d(1, 6, 3, padding=1), nn.BatchNorm3d(6), nn.ReLU(inplace=True), nn.MaxPool3d(2),
            nn.Conv3d(6, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3, 4)))


def segmenter() -> nn.Module:
    """torchvision's FCN on a narrow ResNet: {"out": [N, K, H, W]}."""
    backbone = IntermediateLayerGetter(NarrowResNet(), {"layer4": "out"})
    return FCN(backbone, FCNHead(512 // NARROWER, CLASSES))


def pooled_scores(model: nn.Module, x: Tensor) -> Tensor:
    """The mean logit of each class over the picture, `[N, K]`."""
    return model(x)["out"].mean((2, 3))


def every_place(model: nn.Module, x: Tensor) -> Tensor:
    """The logits of all classes at all places, `[N, K * H * W]`."""
    return model(x)["out"].flatten(1)


def class_two_in_the_corner(logits: Tensor) -> Tensor:
    """The mean logit of class 2 in the upper left quarter, from the logits of all places."""
    side = 64
    return logits.reshape(-1, CLASSES, side, side)[:, 2, : side // 2, : side // 2].mean((1, 2))


@dataclass(frozen=True)
class Network:
    """A network of the zoo, the input it takes, and what is asked about."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = (3, 64, 64)
    forward: Callable[[Any, Tensor], Any] | None = None
    target: Any = 1

    @property
    def named(self) -> str:
        """What messages call it."""
        model = seeded(self.build)
        return type(model.module if isinstance(model, nn.DataParallel) else model).__name__

    def model(self) -> nn.Module:
        """The network with weights and statistics that depend on nothing else, in eval mode."""
        return statistics(seeded(self.build), *(self.picture(seed) for seed in range(4)))

    def picture(self, seed: int = 0) -> Tensor:
        """An input `[1, *shape]`: smooth, as pictures are, and a little noise."""
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.randn(1, self.shape[0], *[4] * (len(self.shape) - 1), generator=generator)
        mode = "bilinear" if len(self.shape) == 3 else "trilinear"
        smooth = nn.functional.interpolate(coarse, size=self.shape[1:], mode=mode)
        return smooth + 0.1 * torch.randn(1, *self.shape, generator=generator)


def statistics(model: nn.Module, *pictures: Tensor) -> nn.Module:
    """Make a new network a little like a trained one: no bias is 0, batch norms know the pictures and rescale them."""
    generator = torch.Generator().manual_seed(1)
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)  # dropout and stochastic depth draw from it
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1, generator=generator)
        model.train()
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
            norm.weight.uniform_(0.5, 1.5, generator=generator)
        model(torch.cat(pictures).to(next(model.parameters()).dtype))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.zero_()
            shift = torch.randn(norm.num_features, generator=generator).to(norm.running_mean)
            norm.running_mean.addcmul_(shift, norm.running_var.sqrt(), value=0.1)
    return model.eval()


NETWORKS: dict[str, Network] = {
    "resnet": Network(NarrowResNet),
    "vgg": Network(vgg),
    "densenet": Network(densenet),
    "mobilenet_v3": Network(mobilenet),
    "efficientnet": Network(efficientnet),
    "inception": Network(inception, shape=(3, 112, 112)),
    "convnext": Network(convnext),
    "squeezenet": Network(squeezenet),
    "vit": Network(torchvision_vit, shape=(3, 32, 32)),
    "swin": Network(torchvision_swin, shape=(3, 32, 32)),
    "volume": Network(VolumeNet, shape=(1, 12, 12, 12)),
    "segmentation, pooled": Network(segmenter, forward=pooled_scores),
    "segmentation, a region": Network(segmenter, forward=every_place, target=class_two_in_the_corner),
    "data parallel": Network(lambda: nn.DataParallel(NarrowResNet())),
    "bfloat16": Network(lambda: NarrowResNet().bfloat16()),
}

# Parameters that make each method cheap and keep what it does: several windows, steps and samples.
CHEAP: dict[str, dict[str, Any]] = {
    "integrated_grad_cam": {"steps": 3},
    "score_cam": {"channels": 3},
    "integrated_gradients": {"steps": 3},
    "interior_gradients": {"steps": 3},
    "smooth_grad": {"samples": 3},
    "noise_tunnel": {"of": "saliency", "samples": 3},
    "rise": {"samples": 4, "cells": 3},
    "lime": {"segments": "slic", "n_segments": 4, "samples": 8},
    "kernel_shap": {"segments": "slic", "n_segments": 4, "samples": 6},
}


def cheap(method: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """Parameters of a method that make it cheap on inputs `[C, *S]`."""
    if method == "occlusion":
        window = min(shape[1:]) // 3
        return {"window": window, "stride": window}
    return CHEAP.get(method, {})


# Which methods refuse which network: nothing else is refused.
RECTIFIED = {"guided_backprop", "deconvolution", "guided_grad_cam"}
ATTENTIVE = {"attention_rollout", "transformer_attribution"}
REFUSED: dict[str, set[str]] = {
    "resnet": ATTENTIVE,
    "vgg": {"cam"} | ATTENTIVE,
    "densenet": {"cam"} | ATTENTIVE,  # a ReLU that is no module stands between its last layer and the pooling
    "mobilenet_v3": {"cam"} | ATTENTIVE,
    "efficientnet": RECTIFIED | ATTENTIVE,
    "inception": ATTENTIVE,
    "convnext": {"cam", "lrp"} | RECTIFIED | ATTENTIVE,
    "squeezenet": ATTENTIVE,
    "vit": {"cam", "lrp"} | RECTIFIED,
    "swin": {"lrp"} | RECTIFIED | ATTENTIVE,
    "volume": ATTENTIVE,
    "segmentation, pooled": ATTENTIVE,
    "segmentation, a region": {"cam"} | ATTENTIVE,
    "data parallel": ATTENTIVE,
    "bfloat16": ATTENTIVE,
}
