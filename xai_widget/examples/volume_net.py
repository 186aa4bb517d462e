"""A small densely connected network for volumes, that tells the two groups of phantoms apart."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn

from .nets import load_weights
from .scans import GROUPS, Phantom

if TYPE_CHECKING:
    from collections.abc import Callable

STEM: Final = 8
GROWTHS: Final = ((8, 8), (12, 12, 12, 12))
SQUEEZED: Final = 16


class DenseLayer(nn.Module):
    """``[x, conv(relu(bn(x)))]``: what a layer finds is put beside what came in, and nothing is lost.

    Parameters
    ----------
    inputs, growth : int
        Channels that come in, and that are added.

    References
    ----------
    G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger, "Densely Connected Convolutional Networks", CVPR 2017.
    """

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm3d(inputs)
        self.relu = nn.ReLU()
        self.conv = nn.Conv3d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, inputs, D, H, W]`` to ``[N, inputs + growth, D, H, W]``."""
        return torch.cat([x, self.conv(self.relu(self.norm(x)))], dim=1)


class PhantomNet(nn.Module):
    """A dense network for volumes of one channel, laid out like DenseNet-121, with six layers instead of 120.

    Attributes
    ----------
    labels : list of str
        ``["control", "patient"]``.
    transform : callable
        From a `Phantom`, a nibabel image or an array ``[D, H, W]`` to the input ``[1, D, H, W]``, float32: nothing but
        the channel axis is added, the network takes the brightness as it is.
    """

    labels: list[str]
    transform: Callable[[object], Tensor]

    def __init__(self) -> None:
        super().__init__()
        first, second = GROWTHS
        wide, last = STEM + sum(first), SQUEEZED + sum(second)
        self.stem = nn.Conv3d(1, STEM, 3, 2, padding=1, bias=False)
        self.block1 = dense_block(STEM, first)
        self.transition = nn.Sequential(
            OrderedDict(
                norm=nn.BatchNorm3d(wide),
                relu=nn.ReLU(),
                conv=nn.Conv3d(wide, SQUEEZED, 1, bias=False),
                pool=nn.AvgPool3d(2),
            )
        )
        self.block2 = dense_block(SQUEEZED, second)
        self.norm = nn.BatchNorm3d(last)
        self.relu = nn.ReLU()
        self.head = nn.Sequential(
            OrderedDict(pool=nn.AdaptiveAvgPool3d(1), flatten=nn.Flatten(), fc=nn.Linear(last, len(GROUPS)))
        )
        self.labels = list(GROUPS)
        self.transform = as_input

    def features(self, x: Tensor) -> Tensor:
        """Map volumes ``[N, 1, D, H, W]`` to what the head averages, ``[N, 64, D / 4, H / 4, W / 4]``."""
        found: Tensor = self.relu(self.norm(self.block2(self.transition(self.block1(self.stem(x))))))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Map volumes ``[N, 1, D, H, W]`` to logits ``[N, 2]``."""
        logits: Tensor = self.head(self.features(x))
        return logits


def dense_block(inputs: int, growths: tuple[int, ...]) -> nn.Sequential:
    """Chain dense layers, each of which sees all that came before it."""
    before = [inputs + sum(growths[:index]) for index in range(len(growths))]
    layers = [DenseLayer(channels, growth) for channels, growth in zip(before, growths, strict=True)]
    return nn.Sequential(OrderedDict((f"layer{index}", layer) for index, layer in enumerate(layers, 1)))


def as_input(scan: object) -> Tensor:
    """Turn a phantom, a nibabel image or an array ``[D, H, W]`` into the network's input ``[1, D, H, W]``.

    Raises
    ------
    ValueError
        If there are not three axes.
    """
    stored = scan.volume if isinstance(scan, Phantom) else scan
    array = np.array(getattr(stored, "dataobj", stored), dtype=np.float32)
    if array.ndim != 3:
        raise ValueError(f"A volume has three axes [D, H, W], got an array of shape {array.shape}.")
    return torch.from_numpy(array)[None]


def phantom_net() -> PhantomNet:
    """Load the trained network that tells patients from controls among the phantoms.

    Returns
    -------
    PhantomNet
        A fresh instance in eval mode, float32, on the CPU; ``[N, 1, 48, 60, 50]`` to logits ``[N, 2]``. It carries
        ``labels`` and ``transform``. Stages `stem`, `block1` (24x30x25), `transition`, `block2` (12x15x12), and a `head`
        of global average pooling and one linear layer.

    Notes
    -----
    Trained by ``tools/train_examples.py`` on phantoms with seeds from 1,000,000 on; it knows nothing of real heads.
    Weights are stored as float16.

    Examples
    --------
    >>> from xai_widget.examples import phantom, phantom_net
    >>> net = phantom_net()
    >>> logits = net(net.transform(phantom(3, "patient"))[None])
    >>> net.labels[int(logits.argmax())]
    'patient'
    """
    return load_weights(PhantomNet(), "phantom_net")
