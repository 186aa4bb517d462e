"""Two small convolutional classifiers of the bundled photographs, with their weights."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import transforms

from .photos import classes
from .scenes import SIDE

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

WEIGHTS: Final = Path(__file__).parent
GRID: Final = SIDE // 8
WIDTHS: Final = (16, 24, 48, 64, 96)
MEAN: Final = 0.5
STD: Final = 0.25

Net = TypeVar("Net", bound=nn.Module)


class BasicBlock(nn.Module):
    """Two convolutions and a short cut around them: ``relu(x' + bn(conv(relu(bn(conv(x))))))``.

    Parameters
    ----------
    inputs, outputs : int
        Channels before and after.
    stride : int
        Of the first convolution, and of the short cut.
    kernel : int
        Side of both kernels, odd.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, inputs, H, W]`` to ``[N, outputs, H / stride, W / stride]``."""
        y = self.relu(self.bn1(self.conv1(x)))
        out: Tensor = self.relu(self.bn2(self.conv2(y)) + self.downsample(x))
        return out


class ExampleNet(nn.Module):
    """A residual network for 128x128 pictures, laid out like torchvision's ResNets.

    Parameters
    ----------
    head : nn.Module
        From the features ``[N, 96, 16, 16]`` of `layer4` to logits ``[N, K]``.

    Attributes
    ----------
    labels : list of str
        Names of the K classes.
    transform : callable
        From a PIL picture to the input ``[3, 128, 128]``: shorter side to 128 pixels, the centre, scaled so that
        neutral grey is 0 and black and white are -2 and 2.

    Notes
    -----
    A cell of `layer4` sees 71x71 pixels, not the whole picture: its kernels are 1x1. A heat map of that layer therefore
    says where the evidence is, and cannot smear over the scene.
    """

    labels: list[str]
    transform: Callable[[Image.Image], Tensor]

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        stem, first, second, third, fourth = WIDTHS
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(3, stem, 3, 2, padding=1, bias=False),
                bn=nn.BatchNorm2d(stem),
                relu=nn.ReLU(inplace=True),
            )
        )
        self.layer1 = BasicBlock(stem, first, stride=2)
        self.layer2 = BasicBlock(first, second, stride=2)
        self.layer3 = BasicBlock(second, third)
        self.layer4 = BasicBlock(third, fourth, kernel=1)
        self.head = head
        self.labels = list(classes())
        self.transform = example_transform()

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures ``[N, 3, 128, 128]`` to logits ``[N, K]``."""
        logits: Tensor = self.head(self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x))))))
        return logits


def example_transform() -> Callable[[Image.Image], Tensor]:
    """Return the preprocessing of the example networks: see `ExampleNet`."""
    steps: Callable[[Image.Image], Tensor] = transforms.Compose(
        [
            transforms.Resize(SIDE),
            transforms.CenterCrop(SIDE),
            transforms.ToTensor(),
            transforms.Normalize((MEAN,) * 3, (STD,) * 3),
        ]
    )
    return steps


def gap_head() -> nn.Module:
    """Global average pooling and one linear layer: what class activation maps need."""
    return nn.Sequential(
        OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(WIDTHS[-1], len(classes())))
    )


def flatten_head() -> nn.Module:
    """One linear layer that weighs every cell by itself: a class has no single weight for a channel."""
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), fc=nn.Linear(WIDTHS[-1] * GRID**2, len(classes()))))


def mosaic_net() -> ExampleNet:
    """Load the trained residual network that names the bundled photographs and finds them in mosaics.

    Returns
    -------
    ExampleNet
        A fresh instance in eval mode, float32, on the CPU; ``[N, 3, 128, 128]`` to logits ``[N, 12]``. It carries
        ``labels`` and ``transform``. Stages `stem`, `layer1` ... `layer4` (96x16x16), and a `head` of global average
        pooling and one linear layer.

    Notes
    -----
    Trained by ``tools/train_examples.py`` on crops of the bundled photographs: it knows these twelve pictures and
    nothing else of the world. Weights are stored as float16.

    Examples
    --------
    >>> from xai_widget.examples import mosaic_net, photo
    >>> net = mosaic_net()
    >>> logits = net(net.transform(photo("cat"))[None])
    >>> net.labels[int(logits.argmax())]
    'cat'
    """
    return load_weights(ExampleNet(gap_head()), "mosaic_net")


def flatten_net() -> ExampleNet:
    """Load the network like `mosaic_net` that has a linear layer over all cells instead of global average pooling.

    Returns
    -------
    ExampleNet
        A fresh instance in eval mode, float32, on the CPU, with ``labels`` and ``transform``. Its `head` is linear in
        the features of `layer4`, but CAM does not apply to it: a class has one weight per channel *and cell*.

    Examples
    --------
    >>> from xai_widget.examples import flatten_net, photo
    >>> net = flatten_net()
    >>> logits = net(net.transform(photo("temple"))[None])
    >>> net.labels[int(logits.argmax())]
    'temple'
    """
    return load_weights(ExampleNet(flatten_head()), "flatten_net")


def load_weights(model: Net, name: str) -> Net:
    """Fill a freshly built network in place with the weights stored as `name`; returns it in eval mode."""
    stored = load_file(WEIGHTS / f"{name}.safetensors")
    counted = {key: value for key, value in model.state_dict().items() if not value.is_floating_point()}
    model.load_state_dict({key: value.to(torch.float32) for key, value in stored.items()} | counted)
    return model.eval()
