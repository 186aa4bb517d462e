"""How `tiny_deit` is taught: its class token by labels, its distillation token by `mosaic_net`, its patches by the truth.

Touvron et al., "Training data-efficient image transformers & distillation through attention", ICML 2021,
arXiv:2012.12877 (the two tokens; soft distillation). Jiang et al., "All Tokens Matter: Token Labeling for Training
Better Vision Transformers", NeurIPS 2021, arXiv:2104.10858 (labels of patches, by a head that is thrown away).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn

from tools.example_training import agreement, inputs_of, loss, train
from xai_widget.examples import classes
from xai_widget.examples.transformer import GRID, PATCH, PREFIX, WIDTH, TinyDeit

if TYPE_CHECKING:
    from tools.example_scenes import Rng, Scene
    from xai_widget.examples import ExampleNet

SPREAD: Final = 0.02  # standard deviation of the weights before training


def distilled(teacher: ExampleNet, steps: int, rng: Rng) -> TinyDeit:
    """Train a `TinyDeit` for `steps` batches; returns it in eval mode."""
    student = TinyDeit()
    patches = nn.Linear(WIDTH, len(classes()) + 1)  # the last output: shows none
    learner = nn.ModuleList([student, patches])
    start(learner)

    def lesson(scenes: list[Scene]) -> Tensor:
        inputs = inputs_of(scenes)
        with torch.no_grad():
            taught = teacher(inputs)
        tokens = student.tokens(inputs)
        labelled = loss(student.head(tokens[:, 0]), scenes)
        imitated = agreement(student.head_dist(tokens[:, 1]), taught.softmax(dim=1), taught)
        placed = nn.functional.cross_entropy(
            patches(tokens[:, PREFIX:]).flatten(0, 1), patch_shares(scenes).flatten(0, 1)
        )
        return labelled + imitated + placed

    train(learner, lesson, steps, rng, rate=1.5e-3, decay=0.05, momenta=(0.9, 0.95), warm_up=0.1, longest=1.0)
    return student


def start(module: nn.Module) -> None:
    """Draw the weights of linear layers, tokens and positions; biases are 0."""
    for name, parameter in module.named_parameters():
        if parameter.ndim in {2, 3}:
            nn.init.trunc_normal_(parameter, std=SPREAD)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)


def patch_shares(scenes: list[Scene]) -> Tensor:
    """Measure the share of every patch that shows each class, and, last, none: ``[N, 64, K + 1]``."""
    truth = np.stack([scene.truth for scene in scenes]).reshape(-1, GRID, PATCH, GRID, PATCH)
    shown = [(truth == index).mean(axis=(2, 4), dtype=np.float32) for index in range(-1, len(classes()))]
    return torch.from_numpy(np.stack([*shown[1:], shown[0]], axis=-1)).flatten(1, 2)
