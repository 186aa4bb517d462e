"""In which order members are looked through."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.cohort.findings.statistics import Running
from xai_widget.cohort.store.splits import Rows
from xai_widget.cohort.store.store import Store

# What a person reads, by the name in code.
ORDERS: Final = {
    "table": "As in the table",
    "probability": "Most confident first",
    "nearest": "Most like the group's mean",
    "farthest": "Least like the group's mean",
}


def arranged(store: Store, rows: Rows, order: str, table: Any) -> Rows:
    """Return rows in an order.

    Parameters
    ----------
    store : Store
    rows : int array
    order : {"table", "probability", "nearest", "farthest"}
        Nearest and farthest: by the cosine between a member's map and the mean of the rows' maps, so that strong and
        weak maps count the same. They read every map twice, one at a time.
    table : DataFrame
        The cohort's.
    """
    if order == "table":
        return rows
    if order == "probability":
        frame = table.set_index("row").loc[rows]
        return rows[np.argsort(-frame["probability"].to_numpy(np.float64, na_value=-1.0), kind="stable")]
    alike = likeness(store, rows)
    return rows[np.argsort(-alike if order == "nearest" else alike, kind="stable")]


def likeness(store: Store, rows: Rows) -> NDArray[np.float64]:
    """Return the cosine between each row's map and the mean of all of them, -1 ... 1; 0 where one is empty."""
    mean = Running()
    for row in rows:
        mean.update(store.map(int(row)))
    return np.array([_cosine(store.map(int(row)), mean.mean) for row in rows])


def _cosine(one: NDArray[Any], other: NDArray[Any]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.vdot(one.astype(np.float64), other)) / lengths if lengths > 0 else 0.0
