"""Trained ImageNet networks on real photos: do the maps point at the object?

The networks and photos lie in the folder that XAI_WIDGET_TEST_DATA names (with a ``manifest.json``); they are read
there and never copied.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torchvision.models.vision_transformer import VisionTransformer

from xai_widget import explain
from xai_widget.binding import Binding
from xai_widget.inputs import read_input
from xai_widget.session import Session

FOLDER = os.environ.get("XAI_WIDGET_TEST_DATA")
pytestmark = [
    pytest.mark.real_weights,
    pytest.mark.skipif(FOLDER is None, reason="XAI_WIDGET_TEST_DATA is not set: no trained networks and photos here"),
    pytest.mark.timeout(600),
]
BUILD: dict[str, Callable[[], nn.Module]] = {
    "squeezenet1_1": lambda: torchvision.models.squeezenet1_1(weights=None),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "deit_tiny": lambda: VisionTransformer(
        image_size=224, patch_size=16, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768, num_classes=1000
    ),
}
CONVOLUTIONAL = ("squeezenet1_1", "mobilenet_v2")


@dataclass(frozen=True)
class Scene:
    """A photo, the ImageNet classes of what is on it, and where (bool, at the photo's own size)."""

    file: Path
    where: dict[int, NDArray[np.bool_]]


@cache
def manifest() -> dict[str, Any]:
    return json.loads((Path(str(FOLDER)) / "manifest.json").read_text())


@cache
def network(name: str) -> nn.Module:
    entry = next(model for model in manifest()["models"] if model["name"] == name)
    weights = load_file(Path(str(FOLDER)) / entry["file"])
    model = BUILD[name]()
    model.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in weights.items()})
    return model.eval()


@cache
def scenes() -> tuple[Scene, ...]:
    root = Path(str(FOLDER))
    return tuple(Scene(root / photo["file"], _where(root, photo)) for photo in manifest()["photos"] if _labelled(photo))


def _labelled(photo: dict[str, Any]) -> bool:
    return "mask" in photo or "boxes" in photo


def _where(root: Path, photo: dict[str, Any]) -> dict[int, NDArray[np.bool_]]:
    where: dict[int, NDArray[np.bool_]] = {}
    nowhere = np.zeros((photo["height"], photo["width"]), bool)
    if "mask" in photo:
        values = np.asarray(Image.open(root / photo["mask"]))
        for thing in photo["objects"]:
            for label in thing["imagenet_labels"]:
                where[label] = where.get(label, nowhere) | (values == thing["mask_value"])
        return where
    for box in photo["boxes"]:
        left, top, right, bottom = (round(edge) for edge in box["xyxy"])
        inside = nowhere.copy()
        inside[top:bottom, left:right] = True
        where[box["label"]] = where.get(box["label"], nowhere) | inside
    return where


def seen_by_model(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask under the preprocessing: shorter side 256, centre crop 224."""
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    scale = 256 / min(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
    return np.asarray(picture.resize(size, Image.Resampling.NEAREST).crop((left, top, left + 224, top + 224))) > 0


def top_five(name: str, file: Path) -> list[int]:
    model = network(name)
    return [index for index, _, _ in Session(model, [read_input(file, model)], Binding()).predictions()[:5]]


@cache
def recognised(name: str) -> list[tuple[Scene, int]]:
    """Scenes with the likeliest class of the model's top five that is really there."""
    answers = ((scene, [index for index in top_five(name, scene.file) if index in scene.where]) for scene in scenes())
    return [(scene, there[0]) for scene, there in answers if there]


def test_the_networks_know_the_photos(capsys: pytest.CaptureFixture[str]) -> None:
    shares = {name: len(recognised(name)) / len(scenes()) for name in BUILD}
    with capsys.disabled():
        for name, share in shares.items():
            print(f"\n{name}: a label is in the top 5 of {share:.0%} of {len(scenes())} photos", end="")
    assert np.mean(list(shares.values())) >= 0.8


@pytest.mark.parametrize("name", BUILD)
def test_pictures_are_preprocessed_as_in_training(name: str) -> None:
    """The likeliest class agrees with the one that was recorded with torchvision's own preprocessing."""
    photos = manifest()["photos"]
    same = [top_five(name, Path(str(FOLDER)) / photo["file"])[0] == photo["top5"][name][0][0] for photo in photos]
    assert np.mean(same) >= 0.9


CASES = [(name, method) for method in ("grad_cam", "grad_cam_pp", "occlusion") for name in BUILD]
CASES += [(name, method) for method in ("layer_cam", "guided_grad_cam", "lrp") for name in CONVOLUTIONAL]
# Attention rollout is not here: it is the same for every class, and its maximum lies in the object no more often than
# the picture's centre does (12 of 30 photos against 14).
CASES += [("deit_tiny", "transformer_attribution")]


@pytest.mark.parametrize(("name", "method"), CASES)
def test_maxima_lie_in_the_object_more_often_than_the_centre(
    name: str, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    params = {"window": 56, "stride": 28} if method == "occlusion" else {}
    hits = centre = total = 0
    for scene, label in recognised(name):
        inside = seen_by_model(scene.where[label])
        if not inside.any():
            continue
        found = explain(network(name), scene.file, method, target=label, **params)
        assert torch.isfinite(torch.from_numpy(found.values.copy())).all()
        hits += inside[np.unravel_index(found.resized().argmax(), inside.shape)]
        centre += inside[112, 112]
        total += 1
    with capsys.disabled():
        print(f"\n{name}, {method}: maximum in the object {hits}/{total}, picture centre {centre}/{total}")
    assert hits >= centre
    assert total > 10
