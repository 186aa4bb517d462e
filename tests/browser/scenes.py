"""The cells that the tests run."""

from __future__ import annotations

from typing import Final

LABELS: Final = ("cat", "rocket", "temple", "coffee")
"""What the scene shows: top left, top right, bottom left, bottom right."""

SCENE: Final = f"""\
from xai_widget import XaiWidget, examples
scene = examples.mosaic({list(LABELS)})
net = examples.mosaic_net()
w = XaiWidget(net, scene.image, target="cat")
w"""

COUNTED: Final = f"""\
import torch
from xai_widget import XaiWidget, examples

calls = []

class Counted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = examples.mosaic_net()
        self.labels, self.transform = self.net.labels, self.net.transform

    def forward(self, x):
        calls.append(len(x))
        return self.net(x)

w = XaiWidget(Counted(), examples.mosaic({list(LABELS)}).image, target="cat")
w"""

# As many classes as ImageNet has, with labels longer than their rows.
THOUSAND: Final = """\
import torch
from xai_widget import XaiWidget, examples

torch.manual_seed(0)
net = examples.mosaic_net()
many = torch.nn.Sequential(net, torch.nn.Linear(12, 1000)).eval()
labels = [f"great black-backed gull, also known as Larus marinus, number {index}" for index in range(1000)]
w = XaiWidget(many, examples.photo("cat"), transform=net.transform, labels=labels)
w"""

# A black box whose every answer takes a while, until the gate is opened.
SLOW: Final = """\
import threading
import torch
from xai_widget import XaiWidget, examples

gate = threading.Event()
net = examples.mosaic_net()

def slow(x):
    gate.wait(0.05 * len(x))
    with torch.no_grad():
        return net(x)

gate.set()
w = XaiWidget(slow, examples.photo("cat"), method="occlusion", params={"window": 16, "stride": 4},
              transform=net.transform, labels=net.labels, auto_run=False)
w"""

# A model that fails for as long as it is told to.
FRAGILE: Final = """\
import torch
from xai_widget import XaiWidget, examples

class Fragile(torch.nn.Module):
    broken = False

    def __init__(self):
        super().__init__()
        self.net = examples.mosaic_net()
        self.labels, self.transform = self.net.labels, self.net.transform

    def forward(self, x):
        if Fragile.broken:
            raise OSError("the cable was pulled")
        return self.net(x)

w = XaiWidget(Fragile(), examples.photo("cat"), method="occlusion", params={"window": 64, "stride": 64})
w"""


def quadrant(label: str) -> tuple[int, int]:
    """Return the row (0 top, 1 bottom) and column (0 left, 1 right) in which the scene shows `label`."""
    return divmod(LABELS.index(label), 2)


# A small head with a bright place in it, stored towards the left, with a net that has a layer to look at.
VOLUME: Final = """\
import nibabel
import numpy as np
import torch
from xai_widget import XaiWidget

shape = (24, 32, 20)
x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
head = (x / 0.85) ** 2 + (y / 0.92) ** 2 + (z / 0.9) ** 2 < 1
place = (x - 0.3) ** 2 + (y - 0.4) ** 2 + (z - 0.2) ** 2 < 0.08
noise = np.random.default_rng(0).normal(0, 20, shape)
volume = np.where(head, 500 + 150 * y + 400 * place + noise, 0).astype(np.float32)
image = nibabel.Nifti1Image(volume, np.array([[-3, 0, 0, 34], [0, 3, 0, -48], [0, 0, 4, -80], [0, 0, 0, 1]]))
torch.manual_seed(0)
net = torch.nn.Sequential(
    torch.nn.Conv3d(1, 4, 5, stride=2, padding=2),
    torch.nn.ReLU(),
    torch.nn.Conv3d(4, 8, 3, stride=2, padding=1),
    torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool3d(1),
    torch.nn.Flatten(),
    torch.nn.Linear(8, 3),
).eval()
w = XaiWidget(net, image, labels=["control", "patient", "unclear"], method="grad_cam", target="patient")
w"""
