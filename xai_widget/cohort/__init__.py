"""Many inputs explained in one run: explain them, keep them, group them.

Examples
--------
>>> from xai_widget.cohort import Cohort, explain_dataset  # doctest: +SKIP
>>> cohort = explain_dataset(model, dataset, method="occlusion", out="maps.zarr")  # doctest: +SKIP
>>> Cohort.open("maps.zarr").table  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort
    from xai_widget.cohort.explaining import explain_dataset
    from xai_widget.cohort.membership.groups import Group
    from xai_widget.cohort.store.store import Store

__all__ = ["Cohort", "Group", "Store", "explain_dataset"]

# Where each public name lives: torch, zarr and pandas are imported when a name is first used.
_HOMES: Final = {
    "Cohort": "cohort",
    "Group": "membership.groups",
    "Store": "store.store",
    "explain_dataset": "explaining",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"xai_widget.cohort.{_HOMES[name]}"), name)
    message = f"module 'xai_widget.cohort' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
