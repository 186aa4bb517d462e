"""Train `mosaic_net` and `flatten_net` on the bundled photographs, and measure them.

    python -m tools.train_examples --seed 0

writes ``xai_widget/examples/{mosaic_net,flatten_net}.safetensors`` (float16). Five minutes on an idle core; the same seed,
number of threads and package versions give the same weights.

The score of a class is taught to grow with the area that shows it: see `loss`. What the networks see while they learn,
and which sizes and places they never see, is in ``example_scenes.py``.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save as serialised
from torch import Tensor, nn

from tools.example_scenes import GREY, HELD_OUT_CENTRES, HELD_OUT_SIDES, Crops, Rng, pairs
from xai_widget.examples import classes, flatten_net, mosaic, mosaic_net, photo
from xai_widget.examples.nets import MEAN, STD, WEIGHTS, ExampleNet, flatten_head, gap_head
from xai_widget.examples.photos import PHOTOS
from xai_widget.examples.scenes import SIDE, random_crop

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("train_examples")

BATCH: Final = 64

Case = tuple[Image.Image, str]  # a picture of one class, and its name


def batch(crops: Crops, rng: Rng) -> tuple[Tensor, Tensor]:
    """Draw inputs ``[64, 3, 128, 128]`` and the share of each that shows each class ``[64, K]``, as in `pairs`."""
    scenes = pairs(crops, BATCH // 2, rng)
    inputs = torch.from_numpy(np.stack([scene.picture for scene in scenes])).permute(0, 3, 1, 2).float()
    inputs = inputs.div(255).sub(MEAN).div(STD).contiguous(memory_format=torch.channels_last)
    return inputs, torch.from_numpy(np.stack([scene.shares() for scene in scenes]))


def loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Measure three things: are the classes named, are the scores as high as they should be, do they fall as they should.

    A softmax leaves the height of a score open. Here a score is wanted that grows from -5 to 5 with the area that shows
    its class, so that covering a part of an object lowers the score of that object and of no other. How much it falls
    is compared pair by pair, where everything else about the scene cancels.
    """
    count = shares.shape[1]
    shown = shares.sum(dim=1, keepdim=True)
    names = torch.where(shown > 0, shares / shown.clamp(min=1e-6), torch.full_like(shares, 1 / count))
    wanted = 10 * shares.sqrt() - 5
    naming = nn.functional.cross_entropy(logits, 0.98 * names + 0.02 / count)
    height = nn.functional.smooth_l1_loss(logits, wanted)
    half = len(shares) // 2
    fall = nn.functional.smooth_l1_loss(logits[:half] - logits[half:], wanted[:half] - wanted[half:], beta=0.1)
    return naming + 2 * height + 4 * fall


def train(model: ExampleNet, steps: int, rate: float, rng: Rng) -> ExampleNet:
    """Train in place for `steps` batches under a one-cycle schedule; returns the model in eval mode."""
    crops = Crops()
    model.train().to(memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    start = time.perf_counter()
    for step in range(steps):
        inputs, shares = batch(crops, rng)
        value = loss(model(inputs), shares)
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            log.info("step %d  loss %.3f  %.0f s", step + 1, value.item(), time.perf_counter() - start)
    return model.eval().to(memory_format=torch.contiguous_format)


def save(model: ExampleNet, path: Path) -> None:
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


def top1(model: ExampleNet, cases: list[Case]) -> float:
    """Measure the share of the pictures whose best class is the label."""
    with torch.inference_mode():
        best = model(torch.stack([model.transform(image) for image, _ in cases])).argmax(dim=1).tolist()
    return float(np.mean([model.labels[index] == label for index, (_, label) in zip(best, cases, strict=True)]))


def all_in_top5(model: ExampleNet, seeds: range) -> float:
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


def report(model: ExampleNet) -> None:
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
    if model.get_parameter("head.fc.weight").shape[1] == model.layer4.conv2.out_channels:
        log.info("maximum of the map in its quadrant: %.3f", cam_in_quadrant(model, range(100)))


def main() -> None:
    """Train both networks, write their weights, and measure what was written."""
    parser = argparse.ArgumentParser(description="Train the example networks and measure them.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1000, help="batches for mosaic_net; flatten_net gets a third")
    parser.add_argument("--threads", type=int, default=1, help="a net this small gains little from more")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng([options.seed, 1])

    pooled = train(ExampleNet(gap_head()), options.steps, 4e-3, rng)
    save(pooled, WEIGHTS / "mosaic_net.safetensors")
    report(mosaic_net())

    flat = ExampleNet(flatten_head())
    flat.load_state_dict({key: value for key, value in pooled.state_dict().items() if "head" not in key}, strict=False)
    save(train(flat, options.steps // 3, 1.5e-3, rng), WEIGHTS / "flatten_net.safetensors")
    report(flatten_net())


if __name__ == "__main__":
    main()
