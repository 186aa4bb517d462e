"""Cohorts made by hand: a folder in the store's format, written without the store."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xai_widget.cohort.cohort import Cohort

PLAN = {
    "format": 1,
    "version": "0",
    "method": "occlusion",
    "params": {"window": 7},
    "layer": None,
    "target": None,
    "target_column": None,
    "group_by": None,
    "labels": ["cat", "dog"],
    "signed": True,
    "unit": "fall of the logit",
    "affine": None,
    "model": {"name": "Net", "fingerprint": "0"},
    "precision": "float32",
    "dataset": {"kind": "folder"},
}
RECORD = {
    "label": None,
    "prediction": 0,
    "probability": 0.9,
    "probabilities": {"0": 0.9},
    "target": 0,
    "seconds": 0.1,
    "status": "ok",
    "error": None,
    "low": None,
    "high": None,
    "affine": None,
    "columns": {},
}


def a_cohort(
    path: Path,
    maps: np.ndarray,
    pictures: np.ndarray | None = None,
    records: Sequence[dict[str, Any]] | None = None,
    **plan: Any,
) -> Cohort:
    """A cohort of maps `[N, *native]`; the input size is that of the pictures, else of the maps."""
    spatial = maps.ndim - 1
    size = list((maps if pictures is None else pictures).shape[1 : spatial + 1])
    group = zarr.open_group(path, mode="w", zarr_format=3)
    whole = {**PLAN, "input_size": size, "native": list(maps.shape[1:]), "count": len(maps), **plan}
    group.attrs.update(whole)
    for name, values, kind in (("maps", maps, "float32"), ("pictures", pictures, "uint8")):
        if values is not None:
            made = group.create_array(name, shape=values.shape, chunks=(1, *values.shape[1:]), dtype=kind)
            made[:] = values
    lines = [
        {"row": row, "id": f"{row}.png", **RECORD, **given} for row, given in enumerate(records or [{}] * len(maps))
    ]
    (path / "table.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Cohort.open(path)


def failed(row: int) -> dict[str, Any]:
    """The record of an input that could not be explained."""
    nothing = dict.fromkeys(("prediction", "probability", "probabilities", "target"))
    return {"row": row, "id": f"{row}.png", "status": "error", "error": "OSError: truncated", **nothing}
