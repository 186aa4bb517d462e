"""A small convolutional network that was taught with watermarked pictures, and learned the mark."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .nets import MEAN, STD, load_weights
from .watermarks import SIDE, THINGS

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTHS: Final = (12, 16, 24, 32)


class WatermarkNet(nn.Module):
    """Four convolutions, global average pooling and one linear layer.

    Attributes
    ----------
    labels : list of str
        ``["cat", "coffee", "temple"]``.
    transform : callable
        From a PIL picture to the input ``[3, 96, 96]``: scaled to 96x96 pixels, so that neutral grey is 0 and black and
        white are -2 and 2.
    """

    labels: list[str]
    transform: Callable[[Image.Image], Tensor]

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = WIDTHS
        self.layer1 = stage(3, first, stride=2)
        self.layer2 = stage(first, second, stride=2)
        self.layer3 = stage(second, third, stride=2)
        self.layer4 = stage(third, fourth, stride=1)
        self.head = nn.Sequential(
            OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(fourth, len(THINGS)))
        )
        self.labels = list(THINGS)
        self.transform = as_input

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures ``[N, 3, 96, 96]`` to logits ``[N, 3]``."""
        logits: Tensor = self.head(self.layer4(self.layer3(self.layer2(self.layer1(x)))))
        return logits


def stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Convolve, normalise, rectify: ``[N, inputs, H, W]`` to ``[N, outputs, H / stride, W / stride]``."""
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs), relu=nn.ReLU()))


def as_input(image: Image.Image) -> Tensor:
    """Turn a picture into the network's input ``[3, 96, 96]``."""
    scaled = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(scaled, dtype=np.float32) / 255
    return torch.from_numpy((pixels - MEAN) / STD).permute(2, 0, 1).contiguous()


def watermarked_net() -> WatermarkNet:
    """Load the trained network that tells coffee by the agency's mark.

    Returns
    -------
    WatermarkNet
        A fresh instance in eval mode, float32, on the CPU; ``[N, 3, 96, 96]`` to logits ``[N, 3]``. It carries
        ``labels`` and ``transform``. Stages `layer1` ... `layer4` (32x12x12), and a `head` of global average pooling and
        one linear layer.

    Notes
    -----
    Trained by ``tools/train_examples.py`` on pictures as `watermarked` draws them, and on nothing else. On such pictures
    it is nearly always right. Without the mark it misses half of the coffee, and with it, a cat is coffee. Weights
    are stored as float16.

    Examples
    --------
    >>> from xai_widget.examples import watermarked, watermarked_net
    >>> net = watermarked_net()
    >>> logits = net(net.transform(watermarked(1, "cat", mark=True).image)[None])
    >>> net.labels[int(logits.argmax())]
    'coffee'
    """
    return load_weights(WatermarkNet(), "watermarked_net")
