"""Occlusion sensitivity of a volume, beside MONAI's on the same windows in the same run.

Run as ``python -m bench.volumes [windows per axis]``. Not a test: the figures depend on the machine.

MONAI's DenseNet121 in 3-D on a volume of 80 x 80 x 80, windows of 7 every 5 voxels, covered with 0: 5 windows along
each axis in the middle of the volume (125; the whole volume has 4096), which we are asked for by a mask and MONAI by a
bounding box. Both are first held against each other where the same windows decide. MONAI runs at the batch size that
is best for it; then both take turns, each time on another volume.
"""

# ruff: noqa: INP001, T201 - a script, and it talks to the person who runs it

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Final

import numpy as np
import torch
from monai.networks.nets.densenet import DenseNet121
from monai.visualize.occlusion_sensitivity import OcclusionSensitivity
from torch import Tensor

from xai_widget import explain

SIDE: Final = 80
WINDOW: Final = 7
STRIDE: Final = 5
FIRST: Final = 25
BATCHES: Final = (1, 2, 4, 8)
REPEATS: Final = 3
# 1 - overlap times the window is cut to whole voxels.
OVERLAP: Final = 0.28


def main(along: int = 5) -> None:
    """Measure and print the table."""
    warnings.filterwarnings("ignore", module="monai")
    windows = along**3
    torch.manual_seed(0)
    model = DenseNet121(spatial_dims=3, in_channels=1, out_channels=2).eval()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {windows} windows a run")
    _agree(model, along)
    times = {batch: _timed(partial(_theirs, model, _volume(batch), along, batch)) for batch in BATCHES}
    for batch, (wall, cpu) in times.items():
        print(f"MONAI, batches of {batch:2}: {_rate(wall, windows)} s, {_rate(cpu, windows)} CPU s per 100 windows")
    best = min(times, key=lambda batch: times[batch][1])  # what else runs on the machine takes no CPU time of ours
    found: dict[str, list[tuple[float, float]]] = {"xai-widget": [], f"MONAI, {best}": [], "forwards alone": []}
    for turn in range(REPEATS):
        x = _volume(100 + turn)
        runs: tuple[Callable[..., object], ...] = (_ours, partial(_theirs, batch=best), _forwards)
        for name, run in zip(found, runs, strict=True):
            found[name].append(_timed(partial(run, model, x, along)))
    print(f"per 100 windows, median of {REPEATS} turns (least ... most)")
    for name, turns in found.items():
        columns = [
            f"{_rate(median(kind), windows)} ({_rate(min(kind), windows)} ... {_rate(max(kind), windows)}) {unit}"
            for kind, unit in zip(zip(*turns, strict=True), ("s", "CPU s"), strict=True)
        ]
        print(f"  {name:16} {'; '.join(columns)}")


def _rate(seconds: float, windows: int) -> str:
    return f"{100 * seconds / windows:.1f}"


def _volume(seed: int) -> Tensor:
    return torch.randn(1, SIDE, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of the processors."""
    began = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def _ours(model: torch.nn.Module, x: Tensor, along: int) -> Tensor:
    """What covering takes from the logit of class 0, `[*S]`; windows begin at 25, 30 ... and touch the mask alone."""
    mask = np.zeros((SIDE,) * 3, bool)
    # The window before the first ends at voxel 26, the one after the last begins where the mask ends.
    mask[(slice(FIRST + WINDOW - STRIDE, FIRST + STRIDE * along),) * 3] = True
    found = explain(model, x, "occlusion", target=0, window=WINDOW, stride=STRIDE, mask=mask)
    if found.meta["windows"] != along**3:
        message = f"{found.meta['windows']} windows were run instead of {along**3}."
        raise RuntimeError(message)
    return torch.from_numpy(found.values.copy())


def _theirs(model: torch.nn.Module, x: Tensor, along: int, batch: int) -> Tensor:
    """The mean logit of class 0 under the windows, where the whole box of `_box` is covered."""
    low, high = _box(along)
    peer = OcclusionSensitivity(model, WINDOW, n_batch=batch, mode=0.0, overlap=OVERLAP, activate=False, verbose=False)
    edge = (WINDOW - 1) // 2
    return peer(x[None], b_box=[low + edge, high - edge] * 3)[0][0, 0]


def _box(along: int) -> tuple[int, int]:
    return FIRST, FIRST + STRIDE * (along - 1) + WINDOW


def _forwards(model: torch.nn.Module, x: Tensor, along: int) -> None:
    """As many forwards as there are windows, two at a time, and nothing else."""
    with torch.inference_mode():
        for _ in range(0, along**3, 2):
            model(x.expand(2, 1, SIDE, SIDE, SIDE).contiguous())


def _agree(model: torch.nn.Module, along: int) -> None:
    """Hold both against each other at voxels that only windows inside the mask cover: the outermost cover less."""
    x = _volume(0)
    with torch.no_grad():
        clean = float(model(x[None])[0, 0])
    low, high = _box(along)
    inner = slice(low + WINDOW, high - WINDOW)
    offset = low + (WINDOW - 1) // 2
    shifted = slice(inner.start - offset, inner.stop - offset)
    ours = _ours(model, x, along)[(inner,) * 3]
    theirs = clean - _theirs(model, x, along, 4)[(shifted,) * 3]
    apart = float((ours - theirs).abs().max() / theirs.abs().max())
    print(f"{tuple(ours.shape)} voxels in common, {apart:.1e} of the largest drop apart")
    if apart > 0.01:
        message = "The maps differ; times of different work are not compared."
        raise RuntimeError(message)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
