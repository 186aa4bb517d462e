"""A cohort: throughput beside the bare passes that its maps need, one and two workers, and memory over many inputs.

Run as ``python -m bench.cohort``. Not a test: the figures depend on the machine, most of all on what else runs there.

* bare: as many forwards (and backwards) of the plain network as the maps need, in batches, without anything else
* 1 and 2 workers: seconds an input once the run is going (a longer run less a shorter one); the start beside it
* memory: the peak of a process that explains 50, and 500, inputs
"""

# ruff: noqa: INP001, T201 - a script, and it talks to the person who runs it

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widget.binding import Binding
from xai_widget.cohort import explain_dataset
from xai_widget.explainers import build_method
from xai_widget.session import Session

SIDE: Final = 24
FEW, MANY = 4, 24
BATCH: Final = 8
METHODS: Final[dict[str, dict[str, Any]]] = {"occlusion": {"window": 7, "stride": 5}, "grad_cam": {}}
COUNTS: Final = (50, 500)


class Net(nn.Module):
    """A small 3-D network: three convolutions and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv3d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2)),
            *(nn.Conv3d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2)),
            *(nn.Conv3d(16, 32, 3, padding=1), nn.ReLU()),
        )
        self.head = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map volumes `[N, 1, D, H, W]` to logits `[N, 2]`."""
        logits: Tensor = self.head(self.features(x).mean((2, 3, 4)))
        return logits


@dataclass
class Volumes:
    """Volumes of noise, made when they are asked for."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return torch.randn(1, SIDE, SIDE, SIDE, generator=torch.Generator().manual_seed(row)), row % 2


def main() -> None:
    """Measure and print the table."""
    print(f"{torch.get_num_threads()} thread(s); volumes of {SIDE}x{SIDE}x{SIDE}")
    net = Net().eval()
    for method, params in METHODS.items():
        forwards, backwards = _needed(net, method, params)
        bare = _bare(net, forwards, backwards)
        print(f"{method}: {forwards} forwards, {backwards} backwards an input: bare {bare:.3f} s")
        for workers in (1, 2):
            few, many = (_seconds(net, method, params, count, workers) for count in (FEW, MANY))
            each = (many - few) / (MANY - FEW)
            print(
                f"  {workers} worker(s): {each:.3f} s an input, {bare / each:.2f} x bare; start {few - FEW * each:.1f} s"
            )
    for count in COUNTS:
        code = [sys.executable, "-m", "bench.cohort", str(count)]
        done = subprocess.run(code, check=True, capture_output=True, text=True)  # noqa: S603 - this script
        print(f"{count} inputs, saliency: peak {int(done.stdout) / 1024:.0f} MB")


def _needed(net: nn.Module, method: str, params: dict[str, Any]) -> tuple[int, int]:
    """Return what a map needs, the forward that predicts included."""
    chosen = build_method(method, params)
    cost, _ = Session.open(net, Volumes(1)[0][0], Binding()).cost(chosen)
    return cost.forwards, cost.backwards


def _bare(net: nn.Module, forwards: int, backwards: int) -> float:
    batch = torch.stack([Volumes(BATCH)[row][0] for row in range(BATCH)])

    def forward() -> None:
        with torch.inference_mode():
            net(batch)

    def backward() -> None:
        net(batch.requires_grad_()).sum().backward()
        net.zero_grad()

    # A pass backward is what it adds to a pass forward.
    one = _best(forward) / BATCH
    return forwards * one + backwards * max(0.0, _best(backward) / BATCH - one)


def _best(action: Callable[[], None], times: int = 3) -> float:
    action()
    return min(_timed(action) for _ in range(times))


def _timed(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _seconds(net: nn.Module, method: str, params: dict[str, Any], count: int, workers: int) -> float:
    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "maps.zarr"
            explain_dataset(net, Volumes(count), method, out, workers=workers, progress=False, **params)

    return min(_timed(run) for _ in range(2))


def _peak(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        explain_dataset(Net().eval(), Volumes(count), "saliency", Path(folder) / "maps.zarr", progress=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _peak(int(sys.argv[1]))
    else:
        main()
