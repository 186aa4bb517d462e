"""Photographs, scenes with a known truth, and three small trained networks: all offline, for learning and testing.

Examples
--------
>>> from xai_widget.examples import mosaic, mosaic_net
>>> scene, net = mosaic(["cat", "rocket", "temple", "coffee"]), mosaic_net()
>>> probabilities = net(net.transform(scene.image)[None]).softmax(dim=1)[0]
>>> sorted(net.labels[i] for i in probabilities.topk(4).indices)
['cat', 'coffee', 'rocket', 'temple']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .photos import PHOTOS, Photo, classes, photo
from .scenes import Mosaic, mosaic

if TYPE_CHECKING:
    from .nets import ExampleNet, flatten_net, mosaic_net
    from .transformer import TinyDeit, tiny_deit

__all__ = [
    "PHOTOS",
    "ExampleNet",
    "Mosaic",
    "Photo",
    "TinyDeit",
    "classes",
    "flatten_net",
    "mosaic",
    "mosaic_net",
    "photo",
    "tiny_deit",
]


def __getattr__(name: str) -> object:
    # The networks bring torch and torchvision with them; photographs and scenes need neither.
    if name in {"ExampleNet", "flatten_net", "mosaic_net"}:
        return getattr(import_module(".nets", __name__), name)
    if name in {"TinyDeit", "tiny_deit"}:
        return getattr(import_module(".transformer", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
