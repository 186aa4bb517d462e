"""A cohort's table: the columns that are always there, and the table of what a journal records."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

# With their kinds.
COLUMNS: Final = {
    "row": "int64",
    "id": "str",
    "label": "Int64",
    "prediction": "Int64",
    "probability": "float64",
    "target": "object",
    "seconds": "float64",
    "status": "str",
    "error": "object",
}
# What else a record has, for whoever reads the row: no columns of the table.
FURTHER: Final = ("probabilities", "low", "high", "affine")


def blank() -> dict[str, Any]:
    """Return a record that says nothing yet."""
    return {**dict.fromkeys((*COLUMNS, *FURTHER)), "columns": {}}


def table_of(records: Iterable[Mapping[str, Any]]) -> "pd.DataFrame":
    """Return one row a record, in their order: `COLUMNS`, then the dataset's own columns.

    Examples
    --------
    >>> records = [{**blank(), "row": 0, "id": "a"}, {**blank(), "row": 1, "id": "b", "columns": {"age": 8}}]
    >>> table_of(records)[["id", "label", "age"]].isna().values.tolist()
    [[False, True, True], [False, True, False]]
    """
    import pandas as pd  # noqa: PLC0415 - slow to import, and no worker needs it

    known = list(records)
    fixed = pd.DataFrame(
        {name: pd.Series([record[name] for record in known], dtype=kind) for name, kind in COLUMNS.items()}
    )
    names = dict.fromkeys(name for record in known for name in record["columns"])
    # A value that a row lacks is missing, whatever kind the column is of.
    further = {name: [record["columns"].get(name) for record in known] for name in names}
    return pd.concat([fixed, pd.DataFrame(further, index=fixed.index)], axis=1)
