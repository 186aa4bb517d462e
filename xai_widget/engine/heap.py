"""Memory that was freed and still counts as this process's."""

import ctypes
import sys


def give_back() -> None:
    """Hand freed memory back to the system.

    glibc keeps it for what is asked for next, in pieces that a network's activations do not fit into: after a copy of a
    network has been made, as much as the copy itself. It takes some ten milliseconds. Other systems have their own ways.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
