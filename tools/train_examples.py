"""Train the example networks on the bundled photographs and on phantoms, and measure them.

    python -m tools.train_examples --seed 0

writes ``xai_widget/examples/{mosaic_net,flatten_net,tiny_deit,phantom_net,watermarked_net}.safetensors`` (float16). On
an idle core: five minutes for the convolutional networks, eight for the transformer, which learns from `mosaic_net` as
it was written, five for the network of volumes, half a minute for the one that is misled by a mark; the same seed, number
of threads and package versions give the same weights.

What the networks of photographs are taught is in ``example_training.py`` and ``example_distillation.py``; what they see
while they learn, and which sizes and places they never see, is in ``example_scenes.py``. The other two have their
lessons in ``phantom_training.py`` and ``watermark_training.py``.
"""

from __future__ import annotations

import argparse
import itertools
import logging
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save as serialised
from torch import Tensor, nn

from tools.example_distillation import distilled
from tools.example_scenes import GREY, HELD_OUT_CENTRES, HELD_OUT_SIDES, Rng
from tools.example_training import inputs_of, loss, train
from tools.phantom_training import report_phantoms, taught_phantoms
from tools.watermark_training import report_marks, taught_marks
from xai_widget.examples import (
    TinyDeit,
    classes,
    flatten_net,
    mosaic,
    mosaic_net,
    phantom_net,
    photo,
    tiny_deit,
    watermarked_net,
)
from xai_widget.examples.nets import WEIGHTS, WIDTHS, ExampleNet, flatten_head, gap_head
from xai_widget.examples.photos import PHOTOS
from xai_widget.examples.scenes import SIDE, random_crop

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("train_examples")

KINDS: Final = ("convolutional", "transformer", "phantoms", "watermarks")
HEADS: Final = 100
PICTURES: Final = 500

Classifier = ExampleNet | TinyDeit
Case = tuple[Image.Image, str]  # a picture of one class, and its name


def taught(model: ExampleNet, steps: int, rate: float, rng: Rng) -> ExampleNet:
    """Train a convolutional network in place for `steps` batches; returns it in eval mode."""
    model.to(memory_format=torch.channels_last)
    train(model, lambda scenes: loss(model(inputs_of(scenes)), scenes), steps, rng, rate=rate)
    return model.to(memory_format=torch.contiguous_format)


def save(model: nn.Module, path: Path) -> None:
    """Write the floating-point state as float16."""
    state = {key: value.half().contiguous() for key, value in model.state_dict().items() if value.is_floating_point()}
    path.write_bytes(serialised(state))
    log.info("%s: %.0f kB", path.name, path.stat().st_size / 1000)


def held_out_alone(count: int, seed: int = 1) -> list[Case]:
    """Show lone crops on neutral grey, each with a held-out side *and* a held-out centre."""
    rng = np.random.default_rng([seed, 2])
    cases = []
    for label in itertools.islice(itertools.cycle(classes()), count):
        side, (x, y) = int(rng.choice(HELD_OUT_SIDES)), rng.choice(HELD_OUT_CENTRES, 2)
        crop = random_crop(photo(label), PHOTOS[label].focus, (side, side), rng)
        canvas = Image.new("RGB", (SIDE, SIDE), (GREY,) * 3)
        canvas.paste(crop, (int(x) - side // 2, int(y) - side // 2))
        cases.append((canvas, label))
    return cases


def quadrants_alone(seeds: range) -> list[Case]:
    """Show every quadrant of the mosaics of `seeds` alone, the others covered with neutral grey: four cases a seed."""
    grey = Image.new("RGB", (SIDE, SIDE), (GREY,) * 3)
    scenes = [mosaic(seed=seed) for seed in seeds]
    return [
        (Image.composite(scene.image, grey, Image.fromarray(scene.mask(label))), label)
        for scene in scenes
        for label in scene.labels
    ]


def top1(model: Classifier, cases: list[Case]) -> float:
    """Measure the share of the pictures whose best class is the label."""
    with torch.inference_mode():
        best = model(torch.stack([model.transform(image) for image, _ in cases])).argmax(dim=1).tolist()
    return float(np.mean([model.labels[index] == label for index, (_, label) in zip(best, cases, strict=True)]))


def all_in_top5(model: Classifier, seeds: range) -> float:
    """Measure the share of the mosaics whose four labels are all among the five best classes."""
    hits = []
    with torch.inference_mode():
        for scene in (mosaic(seed=seed) for seed in seeds):
            best = model(model.transform(scene.image)[None])[0].topk(5).indices.tolist()
            hits.append(set(scene.labels) <= {model.labels[index] for index in best})
    return float(np.mean(hits))


def cam_in_quadrant(model: ExampleNet, seeds: range) -> float:
    """Measure the share of (mosaic, label) whose class activation map, upsampled, peaks in the quadrant of the label."""
    weights = model.get_parameter("head.fc.weight").detach()
    kept: list[Tensor] = []
    handle = model.layer4.register_forward_hook(lambda _module, _args, output: kept.append(output))
    hits = []
    with torch.inference_mode():
        for scene in (mosaic(seed=seed) for seed in seeds):
            model(model.transform(scene.image)[None])
            maps = torch.einsum("kc,chw->khw", weights, kept.pop()[0]).relu()
            full = nn.functional.interpolate(maps[None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0]
            for label in scene.labels:
                heat = full[model.labels.index(label)]
                hits.append(bool(heat.max() > 0 and scene.mask(label).flat[int(heat.argmax())]))
    handle.remove()
    return float(np.mean(hits))


def report(model: Classifier) -> None:
    """Log the acceptance figures."""
    with torch.inference_mode():
        whole = model(torch.stack([model.transform(photo(name)) for name in classes()])).softmax(dim=1).diagonal()
    log.info(
        "whole photos: probability of the label %s",
        {name: f"{sure:.3f}" for name, sure in zip(classes(), whole.tolist(), strict=True)},
    )
    log.info("alone, held-out size and place: top-1 %.3f", top1(model, held_out_alone(1200)))
    log.info("one quadrant alone: top-1 %.3f", top1(model, quadrants_alone(range(100))))
    log.info("every label of a mosaic in the top 5: %.3f", all_in_top5(model, range(100)))
    if isinstance(model, ExampleNet) and model.get_parameter("head.fc.weight").shape[1] == WIDTHS[-1]:
        log.info("maximum of the map in its quadrant: %.3f", cam_in_quadrant(model, range(100)))


def convolutional(steps: int, seed: int) -> None:
    """Train, write and measure `mosaic_net`, and `flatten_net`, which starts from its features."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    pooled = taught(ExampleNet(gap_head()), steps, 4e-3, rng)
    save(pooled, WEIGHTS / "mosaic_net.safetensors")
    report(mosaic_net())

    flat = ExampleNet(flatten_head())
    flat.load_state_dict({key: value for key, value in pooled.state_dict().items() if "head" not in key}, strict=False)
    save(taught(flat, steps // 3, 1.5e-3, rng), WEIGHTS / "flatten_net.safetensors")
    report(flatten_net())


def transformer(steps: int, seed: int) -> None:
    """Train, write and measure `tiny_deit`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 3])
    save(distilled(mosaic_net(), steps, rng), WEIGHTS / "tiny_deit.safetensors")
    report(tiny_deit())


def phantoms(steps: int, seed: int) -> None:
    """Train, write and measure `phantom_net`."""
    torch.manual_seed(seed)
    save(taught_phantoms(steps, HEADS, np.random.default_rng([seed, 4])), WEIGHTS / "phantom_net.safetensors")
    report_phantoms(phantom_net())


def watermarks(steps: int, seed: int) -> None:
    """Train, write and measure `watermarked_net`."""
    torch.manual_seed(seed)
    save(taught_marks(steps, PICTURES, np.random.default_rng([seed, 5])), WEIGHTS / "watermarked_net.safetensors")
    report_marks(watermarked_net())


def main() -> None:
    """Train the networks, write their weights, and measure what was written."""
    parser = argparse.ArgumentParser(description="Train the example networks and measure them.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1000, help="for mosaic_net; the others have their share of it")
    parser.add_argument("--threads", type=int, default=1, help="nets this small gain little from more")
    parser.add_argument("--only", choices=KINDS, help="train these and leave the others as they are")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    lessons = zip(KINDS, (convolutional, transformer, phantoms, watermarks), (1.0, 1.5, 0.35, 0.3), strict=True)
    for kind, lesson, share in lessons:
        if options.only in {None, kind}:
            lesson(int(options.steps * share), options.seed)


if __name__ == "__main__":
    main()
