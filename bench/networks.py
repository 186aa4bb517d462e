"""The networks and inputs of all jobs: torchvision's architectures with weights that depend on a seed alone."""

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

CLASS: Final = 282
SIDE: Final = 224
FOLDER: Final = "XAI_WIDGET_TEST_DATA"
MEAN: Final = (0.485, 0.456, 0.406)
DEVIATION: Final = (0.229, 0.224, 0.225)


def network(name: str) -> nn.Module:
    """Return one of torchvision's architectures in eval mode; batch norms have the statistics of a few pictures.

    A new one each time: what we keep of a model must not serve the next job.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: nn.Module = getattr(torchvision.models, name)(weights=None)
        for module in model.modules():
            if isinstance(module, nn.Linear):  # some heads begin at 0
                nn.init.normal_(module.weight, std=0.02)
    return settled(model, torch.stack([image(seed) for seed in range(-4, 0)])).to(torch.get_default_device())


def exact(model: nn.Module) -> nn.Module:
    """Return a copy in double precision: in float32, rounding turns a few ReLU gates, and with them single gradients."""
    return copy.deepcopy(model).double()


@torch.no_grad()
def settled(model: nn.Module, inputs: Tensor) -> nn.Module:
    """Give batch norms the statistics of `inputs` `[N, C, *S]`, so that signals keep their size; return it, in eval mode."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]
    if norms:
        for norm in norms:
            norm.momentum = 1.0
        model.train()
        model(inputs.to(next(model.parameters()).device))
    return model.eval()


def image(turn: int, side: int = SIDE, channels: int = 3) -> Tensor:
    """Return a turn's picture `[C, side, side]`: smooth blobs under noise, as model input."""
    generator = torch.Generator("cpu").manual_seed(1000 + turn)
    coarse, fine = (torch.randn(1, channels, size, size, generator=generator, device="cpu") for size in (7, side))
    smooth = nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")
    return (smooth + 0.3 * fine)[0].to(torch.get_default_device())


@torch.no_grad()
def likely(model: nn.Module, x: Tensor, place: int = 0) -> int:
    """Return the class of the highest score for one picture `[C, *S]`, or of a later place."""
    return int(model(x[None])[0].argsort(descending=True)[place])


def of_side(side: int) -> Callable[[int], Tensor]:
    """Return `image` for pictures of another side."""
    return lambda turn: image(turn, side)


def trained(name: str) -> tuple[nn.Module, list[Tensor]] | None:
    """Return trained weights and photos `[3, 224, 224]`, from the folder that XAI_WIDGET_TEST_DATA names; None without."""
    if not os.environ.get(FOLDER):
        return None
    folder = Path(os.environ[FOLDER])
    manifest = json.loads((folder / "manifest.json").read_text())
    entry = next(model for model in manifest["models"] if model["name"] == name)
    weights = load_file(folder / entry["file"])
    model: nn.Module = getattr(torchvision.models, name)(weights=None)
    model.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    return model.eval(), [_photo(folder / photo["file"]) for photo in manifest["photos"]]


def _photo(path: Path) -> Tensor:
    picture = np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE)), np.float32) / 255
    return torch.from_numpy(((picture - MEAN) / DEVIATION).astype(np.float32)).permute(2, 0, 1).contiguous()
