"""Memory that was freed and still counts as this process's."""

import ctypes
import sys
from functools import cache
from typing import Final

import torch

# glibc learns from no larger block, 32 MiB with what it adds to one.
LARGEST_LEARNT_FROM: Final = 2**25 - 2**16


@cache
def keep_freed() -> None:
    """Have freed memory kept for what is asked for next: once a process, which costs nothing.

    glibc hands blocks back to the system, which fills every page of them with zeros when they are asked for again: up
    to a quarter of the time of a pass with gradients. How much it keeps it learns from the largest block that was freed
    (mallopt(3), M_MMAP_THRESHOLD). Here that is one which nobody has written to.
    """
    torch.empty(LARGEST_LEARNT_FROM, dtype=torch.uint8, device="cpu")  # whatever the default is


def give_back() -> None:
    """Hand freed memory back to the system.

    glibc keeps it for what is asked for next, in pieces that a network's activations do not fit into: after a copy of a
    network has been made, as much as the copy itself. It takes some ten milliseconds. Other systems have their own ways.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
