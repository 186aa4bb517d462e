"""Freed memory is handed back where the C library can do it, and nowhere else is anything asked of it."""

import ctypes
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from xai_widget.engine.heap import give_back, keep_freed

STATM = Path("/proc/self/statm")


def resident() -> int:
    return int(STATM.read_text().split()[1]) * 4096


@pytest.mark.skipif(
    not (STATM.exists() and hasattr(ctypes.CDLL(None), "malloc_trim")), reason="the C library cannot hand memory back"
)
def test_pieces_between_what_is_kept_are_handed_back() -> None:
    pieces = [torch.ones(2**14) for _ in range(2000)]  # 64 kB each, below the size that is mapped on its own
    kept = pieces[::2]
    before = resident()
    del pieces
    give_back()
    assert before - resident() > 32 * 2**20
    assert all(float(one[-1]) == 1.0 for one in kept)


class Devices(TorchFunctionMode):
    """Notes where tensors are made."""

    def __init__(self) -> None:
        super().__init__()
        self.devices: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.devices.append(found.device.type)
        return found


ROUNDS = """
import resource

import torch
from xai_widget.engine.heap import keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_freed()
counts = []
for _ in range(10):
    before = faults()
    blocks = [torch.ones(12 * 2**18) for _ in range(4)]
    del blocks
    counts.append(faults() - before)
print(sum(counts[4:]))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library has its own ways")
def test_blocks_that_were_freed_serve_again() -> None:
    """A new process fills and frees 48 MB ten times; in the end it asks the system for no page of them any more."""
    done = subprocess.run([sys.executable, "-c", ROUNDS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 12 * 2**20 / resource.getpagesize()


def test_the_block_is_the_processors_whatever_the_default_device() -> None:
    keep_freed.cache_clear()
    with torch.device("meta"), Devices() as seen:
        keep_freed()
    assert seen.devices == ["cpu"]


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: pytest.fail("asked for the C library"))
    give_back()
