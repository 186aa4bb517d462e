"""Freed memory is handed back where the C library can do it, and nowhere else is anything asked of it."""

import ctypes
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from xai_widget.engine.heap import give_back

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


ROUNDS = """
import resource
import sys

import torch
from xai_widget.engine.heap import keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1:]:
    keep_freed()
counts = []
for _ in range(8):
    before = faults()
    blocks = [torch.ones(12 * 2**18) for _ in range(4)]
    del blocks
    counts.append(faults() - before)
print(sum(counts))
"""


def faults(*given: str) -> int:
    """Pages that a new process asks the system for while it fills and frees 48 MB eight times."""
    done = subprocess.run([sys.executable, "-c", ROUNDS, *given], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library has its own ways")
def test_blocks_that_were_freed_serve_again() -> None:
    pages = 4 * 12 * 2**20 // resource.getpagesize()
    assert faults() > 5 * pages
    assert faults("kept") < 4 * pages


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: pytest.fail("asked for the C library"))
    give_back()
