"""Examples that are drawn from seeds, in the form of a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    import torch


class Drawn(ABC):
    """A row of examples in the form of a data set; each is drawn when it is asked for.

    Attributes
    ----------
    seeds : range
        Of the examples.
    labels : tuple of str
        Names of the classes.
    ids : list of str
        ``"<kind>-<seed>"`` for each.
    """

    kind: ClassVar[str]
    labels: ClassVar[tuple[str, ...]]

    def __init__(self, seeds: range) -> None:
        self.seeds = seeds
        self.ids = [self.id_of(seed) for seed in seeds]

    @classmethod
    def row(cls, n: int, seed: int) -> Self:
        """Return `n` of them, the first from `seed` and the next from the next seeds.

        Raises
        ------
        ValueError
            If `n` or `seed` is negative.
        """
        if n < 0 or seed < 0:
            raise ValueError(
                f"The number of {cls.kind}s and the first seed are 0 or greater, got n={n} and seed={seed}."
            )
        return cls(range(seed, seed + n))

    @classmethod
    def id_of(cls, seed: int) -> str:
        """Return the id of the example that a seed draws."""
        return f"{cls.kind}-{seed}"

    def __len__(self) -> int:
        return len(self.seeds)

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return the input of a network and its class."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        return (self[index] for index in range(len(self)))
