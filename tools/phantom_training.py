"""What `phantom_net` is taught: to tell patients from controls, by the one place where they differ.

Every batch holds both groups of the same seeds, whole and partly covered. The difference of the two scores is taught to
be 5 for a patient and -5 for a control, and to fall to nothing as a box covers the hippocampus; a box elsewhere changes
nothing. What the box is filled with is drawn anew each time: no filling is evidence.

Seeds from 1,000,000 on are for training: those that tutorials and tests use are held out.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xai_widget.examples import phantom, phantoms
from xai_widget.examples.volume_net import PhantomNet

if TYPE_CHECKING:
    from tools.example_scenes import Rng

log = logging.getLogger("train_examples")

FIRST_SEED: Final = 1_000_000
HEADS: Final = 4  # in a batch, each four times
SURE: Final = 5.0
SHIFT: Final = 2

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Pairs:
    """Heads, each as a control and as a patient, with the region where the two differ.

    Parameters
    ----------
    count : int
        Number of heads.
    """

    def __init__(self, count: int) -> None:
        drawn = [[phantom(FIRST_SEED + index, group) for group in (0, 1)] for index in range(count)]
        self.volumes = np.stack([np.stack([one.volume for one in pair]) for pair in drawn])
        self.truths = np.stack([pair[0].truth for pair in drawn])

    def batch(self, rng: Rng) -> tuple[Tensor, Tensor, Tensor]:
        """Draw volumes ``[N, 1, *S]``, the wanted difference of their scores ``[N]``, and the regions ``[N, 1, *S]``.

        The second half of the batch is the first, covered.
        """
        plain, covered, wanted, left, truths = [], [], [], [], []
        for index in rng.choice(len(self.truths), HEADS, replace=False):
            shift = tuple(int(n) for n in rng.integers(-SHIFT, SHIFT + 1, 3))
            truth = np.roll(self.truths[index], shift, (0, 1, 2))
            box, filling = self._box(truth, rng), rng.uniform(0, 1)
            for group in (0, 1):
                volume = varied(np.roll(self.volumes[index, group], shift, (0, 1, 2)), rng)
                plain.append(volume)
                covered.append(np.where(box, fillings(volume, filling, rng), volume))
                wanted.append((2 * group - 1) * SURE)
                left.append((2 * group - 1) * SURE * (1 - (box & truth).sum() / truth.sum()))
                truths.append(truth)
        inputs = torch.from_numpy(np.stack(plain + covered).astype(np.float32))[:, None]
        regions = torch.from_numpy(np.stack(truths + truths).astype(np.float32))[:, None]
        return inputs, torch.tensor(wanted + left, dtype=torch.float32), regions

    @staticmethod
    def _box(truth: Mask, rng: Rng) -> Mask:
        sides = rng.integers(4, 17, 3)
        places = np.argwhere(truth) if rng.uniform() < 0.5 else None
        middle = rng.integers(0, truth.shape) if places is None else rng.choice(places) + rng.integers(-3, 4, 3)
        box = np.zeros(truth.shape, np.bool_)
        box[tuple(slice(max(0, m - s // 2), max(0, m - s // 2 + s)) for m, s in zip(middle, sides, strict=True))] = True
        return box


def varied(volume: Volume, rng: Rng) -> Volume:
    """Change the brightness and the noise a little."""
    noisy = volume + rng.uniform(0, 0.015) * rng.standard_normal(volume.shape, dtype=np.float32)
    changed: Volume = np.abs(rng.uniform(0.9, 1.1) * noisy)
    return changed


def fillings(volume: Volume, value: float, rng: Rng) -> Volume | float:
    """Draw what a box is filled with: black, the mean, any grey, or noise around it."""
    kind = rng.integers(4)
    if kind == 0:
        return 0.0
    if kind == 1:
        return float(volume.mean())
    if kind == 2:
        return value
    grey: Volume = value + np.float32(0.2) * rng.standard_normal(volume.shape, dtype=np.float32)
    return grey


class Lesson(nn.Module):
    """What is asked of the network on a batch; the two extra questions are for training alone.

    A score is the average over two thousand cells, and ten of them see the hippocampus. So every cell is told what it
    should add, and is asked in passing whether it sees a left hippocampus, and if so, of which group.
    """

    def __init__(self, net: PhantomNet) -> None:
        super().__init__()
        self.net = net
        self.asked = nn.Conv3d(net.get_parameter("head.fc.weight").shape[1], 2, 1)

    def forward(self, inputs: Tensor, wanted: Tensor, regions: Tensor) -> dict[str, Tensor]:
        """Compute the terms of the loss from volumes, wanted differences of the scores and regions: see `Pairs.batch`."""
        features = self.net.features(inputs)
        logits, weight = self.net.head(features), self.net.get_parameter("head.fc.weight")
        cells = features[0, 0].numel()
        added = torch.einsum("kc,ncdhw->nkdhw", weight, features) / cells
        covers = nn.functional.interpolate(regions, size=features.shape[2:], mode="area")[:, 0]
        shares = covers / covers.sum(dim=(1, 2, 3), keepdim=True)
        half = len(wanted) // 2
        aims = torch.stack([-wanted, wanted], dim=1)[..., None, None, None] / 2 * shares[:, None]
        away = nn.functional.max_pool3d(covers[:, None], 3, 1, padding=1) == 0
        seen, group = self.asked(features).unbind(dim=1)
        difference = logits[:, 1] - logits[:, 0]
        ill = (wanted > 0).float()[:, None, None, None].expand_as(group)
        which = nn.functional.binary_cross_entropy_with_logits(group, ill, reduction="none")
        return {
            "height": nn.functional.smooth_l1_loss(difference, wanted),
            "fall": nn.functional.smooth_l1_loss(difference[:half] - difference[half:], wanted[:half] - wanted[half:]),
            "place": 2 * (added - aims).square().sum(dim=(1, 2, 3, 4)).mean(),
            "away": 0.1 * (added * away).abs().sum(dim=(1, 2, 3, 4)).mean(),
            "seen": 20
            * nn.functional.binary_cross_entropy_with_logits(
                seen, (2 * covers).clamp(max=1), pos_weight=torch.tensor(20.0)
            ),
            "which": 3 * (which * shares)[:half].sum(dim=(1, 2, 3)).mean(),
        }


def taught_phantoms(steps: int, heads: int, rng: Rng, rate: float = 6e-3) -> PhantomNet:
    """Train a fresh network on `heads` heads for `steps` batches; returns it in eval mode."""
    pairs, net = Pairs(heads), PhantomNet().train()
    lesson = Lesson(net)
    nn.init.normal_(net.get_parameter("head.fc.weight"))  # an average over so many cells needs long weights
    last = list(net.head.parameters())
    others = [p for name, p in lesson.named_parameters() if not name.startswith("net.head.")]
    optimiser = torch.optim.AdamW([{"params": others}, {"params": last}], lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [rate, 10 * rate], total_steps=steps, pct_start=0.15)
    start = time.perf_counter()
    for step in range(steps):
        terms = lesson(*pairs.batch(rng))
        optimiser.zero_grad()
        torch.autograd.backward(sum(terms.values()))
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step % 25 == 24:
            told = "  ".join(f"{name} {term.item():.2f}" for name, term in terms.items())
            log.info("step %d  %s  %.0f s", step + 1, told, time.perf_counter() - start)
    return net.eval()


def right(net: PhantomNet, seeds: range) -> float:
    """Measure the share of the phantoms of `seeds`, one group each, that the network names."""
    with torch.inference_mode():
        hits = [int(net(volume[None]).argmax()) == group for volume, group in phantoms(len(seeds), seeds.start)]
    return float(np.mean(hits))


def report_phantoms(net: PhantomNet) -> None:
    """Log the share of held-out phantoms that are named."""
    log.info("held-out phantoms: top-1 %.3f", right(net, range(200)))
