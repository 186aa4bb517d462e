"""Grids of tokens: which positions of the input the tokens `[N, L, C]` of a layer stand for."""

import math
from collections.abc import Iterable, Iterator
from typing import Final

# Tokens in front of the grid: class, distillation, registers, prompts. More of them are taken for something else.
LARGEST_PREFIX: Final = 32
# A grid that is stretched against the input by more than this is none: [h, w, C] read as [C, h, w], say.
STRETCH: Final = 1.2


def token_grid(
    tokens: int, size: tuple[int, ...], grids: Iterable[tuple[int, ...]]
) -> tuple[tuple[int, ...], int] | None:
    """Return the grid of `tokens` tokens and how many stand in front of it; None where they make no grid.

    Parameters
    ----------
    tokens : int
        Their number L.
    size : tuple of int
        Spatial size `S` of the input.
    grids : iterable of tuple of int
        Grids of the convolutions in front: one of them is the patch embedding. Where none fits (patches cut without a
        convolution, tokens merged on the way), the patches are taken to be squares that tile the input.

    Examples
    --------
    >>> token_grid(198, (224, 224), [(14, 14)])
    ((14, 14), 2)
    >>> token_grid(196, (224, 224), [(56, 56)])
    ((14, 14), 0)
    """
    embedded = [(tokens - math.prod(grid), grid) for grid in grids if 0 <= tokens - math.prod(grid) <= LARGEST_PREFIX]
    if embedded:
        prefix, grid = min(embedded)
        return grid, prefix
    for prefix in range(min(LARGEST_PREFIX + 1, tokens)):
        for grid in _tilings(size):
            if math.prod(grid) == tokens - prefix:
                return grid, prefix
    padded = next((grid for grid in _padded(tokens, size) if math.prod(grid) == tokens), None)
    return None if padded is None else (padded, 0)


def is_stretched(grid: tuple[int, ...], size: tuple[int, ...]) -> bool:
    """Whether `grid` has clearly other proportions than the input of `size`, rounding aside."""
    coarse = max((n - 1) / s for n, s in zip(grid, size, strict=True))
    return coarse > STRETCH * min((n + 1) / s for n, s in zip(grid, size, strict=True))


def _tilings(size: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the grids of square patches that tile the input exactly, the finest first; one position is no grid."""
    common = math.gcd(*size)
    for patch in range(1, common + 1):
        if common % patch == 0 and patch < max(size):
            yield tuple(length // patch for length in size)


def _padded(tokens: int, size: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the grids of square patches over an input that was padded until they fit."""
    for first in range(2, tokens + 1):
        yield tuple(math.ceil(length * first / size[0]) for length in size)
