"""Freed memory is handed back where the C library can do it, and nowhere else is anything asked of it."""

import ctypes
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


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: pytest.fail("asked for the C library"))
    give_back()
