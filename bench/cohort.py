"""A cohort: throughput beside the bare passes that its maps need, one and two workers, and memory over many inputs.

Run as ``python -m bench.cohort``. Not a test: the figures depend on the machine, most of all on what else runs there.

* 1 and 2 workers: seconds an input once the run is going (a longer run less a shorter one); the start beside it
* bare passes: the share of it that is spent in the network itself, in the same run
* memory: the peak of a process that explains 50, and 500, inputs
"""

# ruff: noqa: T201 - a script, and it talks to the person who runs it

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widget.cohort import explain_dataset

SIDE: Final = 24
FEW, MANY = 4, 24
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
        _measured(net, method, params, 1, 1)
        for workers in (1, 2):
            few, many = (_measured(net, method, params, count, workers) for count in (FEW, MANY))
            each, bare = ((one - other) / (MANY - FEW) for one, other in zip(many, few, strict=True))
            said = f"{method}, {workers} worker(s): {each:.3f} s an input, start {few[0] - FEW * each:.1f} s"
            print(said + (f", bare passes {bare:.3f} s ({bare / each:.0%})" if workers == 1 else ""), flush=True)
    for count in COUNTS:
        code = [sys.executable, "-m", "bench.cohort", str(count)]
        done = subprocess.run(code, check=True, capture_output=True, text=True)
        print(f"{count} inputs, saliency: peak {int(done.stdout) / 1024:.0f} MB")


class Timed:
    """Runs the network and sums up how long that took."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, network: Any, x: Tensor) -> Any:
        """Run the network on `x`."""
        began = time.perf_counter()
        found = network(x)
        self.seconds += time.perf_counter() - began
        return found


def _measured(net: nn.Module, method: str, params: dict[str, Any], count: int, workers: int) -> tuple[float, float]:
    """Return the seconds of a run, and those of them that were spent in the network (here, not in workers)."""
    timed = Timed()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        explain_dataset(
            *(net, Volumes(count), method, Path(folder) / "maps.zarr"),
            workers=workers,
            forward=timed,
            progress=False,
            **params,
        )
        return time.perf_counter() - began, timed.seconds


def _peak(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        explain_dataset(Net().eval(), Volumes(count), "saliency", Path(folder) / "maps.zarr", progress=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _peak(int(sys.argv[1]))
    else:
        main()
