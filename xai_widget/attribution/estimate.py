"""Estimate: an attribution that may still improve."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")


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
        Further results, each `[N, ...]`; a tuple of N tensors where the rows differ in size.
    meta : mapping
        Further facts, JSON-able.
    row_meta : tuple of mappings
        Further facts of each row, JSON-able; empty where there are none.
    """

    values: Tensor
    fraction: float = 1.0
    signed: bool = True
    channels: Tensor | None = None
    error: Tensor | None = None
    arrays: Mapping[str, Tensor | tuple[Tensor, ...]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    row_meta: tuple[Mapping[str, Any], ...] = ()


def last_of(results: Iterable[T]) -> T:
    """Return the last result, holding no more than one of those before it: of a volume each can take much memory.

    Raises
    ------
    RuntimeError
        There is none.

    Examples
    --------
    >>> last_of(iter([1, 2, 3]))
    3
    """
    last = deque(results, maxlen=1)
    if not last:
        message = "The method gave no estimate."
        raise RuntimeError(message)
    return last[0]
