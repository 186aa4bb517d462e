"""Many inputs explained in one run: a store of maps, and what can be said of all of them, of groups, of kinds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

__all__ = ["Cohort"]


def __getattr__(name: str) -> object:
    if name == "Cohort":
        return import_module("xai_widget.cohort.cohort").Cohort
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
