"""Methods whose perturbations differ from input to input, one input after the other."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Case, Edits


def row_by_row(case: Case, estimates: Callable[[Case], Iterator[Estimate]]) -> Iterator[Estimate]:
    """Yield estimates of all rows of a case, from a method that looks at one input at a time.

    Parameters
    ----------
    case : Case
        N inputs.
    estimates : callable
        The method for a case of one input; its `meta` holds facts of that input.

    Yields
    ------
    Estimate
        `[N, ...]` whenever a row has become better; rows that have not begun are 0.
    """
    rows = case.rows()
    if len(rows) == 1:
        yield from estimates(rows[0])
        return
    found: list[Estimate] = []
    for index, (row, logits) in enumerate(zip(rows, case.logits[:, None], strict=True)):
        row.adopt_logits(logits)
        for estimate in estimates(row):
            found = found or [Estimate(torch.zeros_like(estimate.values), 0.0)] * len(rows)
            found[index] = estimate
            yield _stacked(found)


def scored_so_far(case: Case, edits: Edits) -> Iterator[Tensor]:
    """Yield the logits of a case's only input and of its edits so far, `[1 + n, K]`, after every chunk."""
    own, filled = case.logits, 1
    known = own.new_empty((1 + len(edits), own.shape[1]))  # joined chunk by chunk they would be in memory twice
    known[:1] = own
    for chunk in case.scores(edits):
        known[filled : filled + chunk.shape[1]] = chunk[0]
        filled += chunk.shape[1]
        yield known[:filled]


def _stacked(parts: list[Estimate]) -> Estimate:
    begun = [part for part in parts if part.fraction > 0]
    errors = [part.error for part in parts if part.error is not None]
    shared = begun[0].arrays if len(begun) == len(parts) else {}
    facts: tuple[dict[str, Any], ...] = tuple(dict(part.meta) for part in parts)
    return Estimate(
        torch.cat([part.values for part in parts]),
        sum(part.fraction for part in parts) / len(parts),
        signed=begun[0].signed,
        error=torch.cat(errors) if len(errors) == len(parts) else None,
        arrays={name: tuple(part.arrays[name][0] for part in parts) for name in shared},
        row_meta=facts,
    )
