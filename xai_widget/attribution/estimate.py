"""Estimate: an attribution that may still improve."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a method knows so far, for a batch of N inputs.

    Attributes
    ----------
    values : Tensor
        `[N, *native]`; never a buffer that the method writes to later.
    fraction : float
        Share of the work that is done; 1 for the last estimate.
    signed : bool
        Whether negative values mean something.
    channels : Tensor or None
        `[N, C, *S]`, the attribution before channels were reduced.
    error : Tensor or None
        Standard error of `values`, where the method knows it.
    arrays : mapping of str to Tensor
        Further results, each `[N, ...]`.
    meta : mapping
        Further facts, JSON-able.
    """

    values: Tensor
    fraction: float = 1.0
    signed: bool = True
    channels: Tensor | None = None
    error: Tensor | None = None
    arrays: Mapping[str, Tensor] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
