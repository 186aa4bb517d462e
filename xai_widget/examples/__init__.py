"""Photographs, scenes, head scans with a known truth, and small trained networks: all offline, to learn and to test.

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
from .scans import Phantom, Phantoms, phantom, phantom_template, phantoms
from .scenes import Mosaic, mosaic
from .watermarks import Watermarked, Watermarks, watermarked, watermarks

if TYPE_CHECKING:
    from .nets import ExampleNet, flatten_net, mosaic_net
    from .transformer import TinyDeit, tiny_deit
    from .volume_net import PhantomNet, phantom_net
    from .watermark_net import WatermarkNet, watermarked_net

__all__ = [
    "PHOTOS",
    "ExampleNet",
    "Mosaic",
    "Phantom",
    "PhantomNet",
    "Phantoms",
    "Photo",
    "TinyDeit",
    "WatermarkNet",
    "Watermarked",
    "Watermarks",
    "classes",
    "flatten_net",
    "mosaic",
    "mosaic_net",
    "phantom",
    "phantom_net",
    "phantom_template",
    "phantoms",
    "photo",
    "tiny_deit",
    "watermarked",
    "watermarked_net",
    "watermarks",
]


_NETWORKS = {
    "ExampleNet": ".nets",
    "PhantomNet": ".volume_net",
    "TinyDeit": ".transformer",
    "WatermarkNet": ".watermark_net",
    "flatten_net": ".nets",
    "mosaic_net": ".nets",
    "phantom_net": ".volume_net",
    "tiny_deit": ".transformer",
    "watermarked_net": ".watermark_net",
}


def __getattr__(name: str) -> object:
    # The networks bring torch and torchvision with them; photographs, scenes and phantoms need neither.
    if name in _NETWORKS:
        return getattr(import_module(_NETWORKS[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
