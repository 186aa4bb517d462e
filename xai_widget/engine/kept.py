"""Logits that are kept, so that another question about the same edits costs no forward."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

KEPT_BYTES: Final = 64 * 2**20
KEPT_CLASSES: Final = 100


@dataclass(eq=False)
class KeptLogits:
    """Logits `[N, n, K]` of n edits, in chunks as they come.

    Where all K classes would exceed `KEPT_BYTES`, the columns of the likeliest classes are kept, and the mass of the
    others as one number an edit, so that probabilities of the kept classes stay exact.

    Attributes
    ----------
    columns : Tensor or None
        Indices of the kept classes; None = all.
    """

    n_classes: int
    columns: Tensor | None
    chunks: list[Tensor] = field(default_factory=list)

    @classmethod
    def planned(cls, logits: Tensor, edits: int, extra: Sequence[int]) -> "KeptLogits":
        """Plan for `edits` edits of inputs whose own logits are `logits` `[N, K]`; `extra` classes are kept anyway."""
        rows, n_classes = logits.shape
        if rows * edits * n_classes * logits.element_size() <= KEPT_BYTES:
            return cls(n_classes, None)
        likeliest = logits.mean(0).topk(min(KEPT_CLASSES, n_classes)).indices.tolist()
        return cls(n_classes, torch.tensor(sorted({*likeliest, *extra}), device=logits.device))

    @property
    def nbytes(self) -> int:
        """Memory of what is kept."""
        return sum(chunk.nbytes for chunk in self.chunks)

    def together(self) -> list[Tensor]:
        """Return what is kept in as few chunks as memory allows: one, where no class was left out."""
        return [torch.cat(self.chunks, 1)] if self.columns is None and self.chunks else self.chunks

    def answers(self, columns: Sequence[int] | None) -> bool:
        """Whether a question that needs these columns (None: all) can be answered."""
        if self.columns is None:
            return True
        return columns is not None and set(columns) <= set(self.columns.tolist())

    def append(self, logits: Tensor) -> None:
        """Keep a chunk `[N, n, K]`."""
        if self.columns is None:
            self.chunks.append(logits)
            return
        others = torch.ones(self.n_classes, dtype=torch.bool, device=logits.device)
        others[self.columns] = False
        rest = logits[..., others].logsumexp(-1, keepdim=True)
        self.chunks.append(torch.cat([logits[..., self.columns], rest], -1))

    def full(self, chunk: Tensor) -> Tensor:
        """Return a kept chunk as `[N, n, K]`: classes that were not kept share their mass in one of their columns."""
        if self.columns is None:
            return chunk
        full = chunk.new_full((*chunk.shape[:-1], self.n_classes), -torch.inf)
        full[..., self.columns] = chunk[..., :-1]
        kept = set(self.columns.tolist())
        full[..., next(index for index in range(self.n_classes) if index not in kept)] = chunk[..., -1]
        return full
