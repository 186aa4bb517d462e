"""The columns of a cohort's table that are always there, with their kinds."""

from typing import Final

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
