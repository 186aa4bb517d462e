"""Coalitions of players, and their Shapley values by least squares (see `kernel_shap`)."""

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.explainers.regression import inverse

# Draws are given up after so many a wanted pair, where most of them have been drawn already.
PATIENCE: Final = 4


@dataclass(frozen=True, eq=False)
class Coalitions:
    """Coalitions of F players: those that stand for themselves, then drawn pairs of a coalition and its complement.

    Attributes
    ----------
    keep : bool array [n, F]
        Who takes part.
    listed : float array [m]
        Weights of those that were enumerated, their share of the kernel.
    draws : int array [(n - m) / 2]
        How often each pair was drawn; pairs share what the enumerated ones leave of the kernel.
    """

    keep: NDArray[np.bool_]
    listed: NDArray[np.float64]
    draws: NDArray[np.int64]

    def weights(self, count: int) -> Tensor:
        """Return weights of the first `count` coalitions, those drawn so far standing for all that may be drawn."""
        drawn = np.repeat(self.draws, 2)[: max(0, count - len(self.listed))]
        left = (1 - self.listed.sum()) / max(1, drawn.sum())
        return torch.from_numpy(np.append(self.listed[:count], drawn * left))

    @property
    def exact(self) -> bool:
        """Whether every coalition is there."""
        count, players = self.keep.shape
        return bool(count == 2**players - 2)

    def shapley(self, y: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the values `[F, K]`, and the standard errors `[F]` of the last column where they are known.

        Parameters
        ----------
        y : Tensor
            float64 `[2 + m, K]`: scores of everybody, of nobody, and of the first m coalitions.
        """
        total, gains = y[0] - y[1], y[2:] - y[1]
        players = self.keep.shape[1]
        z = torch.from_numpy(self.keep[: len(gains)]).double()
        # With φ = total/F + v the constraint says that v sums to 0. Then only the part of z that sums to 0 meets v,
        # and the solution of least norm is made of such parts: no player is singled out to take the rest.
        centred = z - z.mean(1, keepdim=True)
        weighted = centred * self.weights(len(gains))[:, None]
        gram = weighted.T @ centred
        lift = torch.ones_like(gram) * (gram.trace() / players**2)  # makes it invertible, and does not meet v
        solved = inverse(gram + lift)
        fitted = weighted.T @ gains - (weighted.T @ z.mean(1))[:, None] * total
        values = total / players + solved @ fitted
        values = values + (total - values.sum(0)) / players  # rounding
        if len(gains) == len(self.keep) and self.exact:
            return values, torch.zeros(players, dtype=values.dtype)
        if len(gains) < len(self.listed) + 4:
            return values, None
        return values, self._error(weighted, gains[:, -1] - z @ values[:, -1], solved)

    def _error(self, weighted: Tensor, residual: Tensor, solved: Tensor) -> Tensor:
        """Return the standard error from the scatter of drawn pairs: what is enumerated has none."""
        listed = len(self.listed)
        count = (len(residual) - listed) // 2
        first, second = slice(listed, listed + 2 * count, 2), slice(listed + 1, listed + 2 * count, 2)
        draws = torch.from_numpy(self.draws[:count])[:, None]
        # A pair is one draw: its two members, whose centred rows are opposite, move the values together.
        influence = weighted[first] * (residual[first] - residual[second])[:, None] / draws @ solved
        middle = (draws * influence).sum(0) / draws.sum()
        scatter = (draws * (influence - middle).square()).sum(0)
        rows, fitted = listed // 2 + count, solved.shape[0] - 1
        return (scatter * (rows / max(1, rows - fitted))).sqrt()


def coalitions(players: int, budget: int, seed: int) -> Coalitions:
    """Return coalitions for at most `budget` evaluations, neither empty nor of everybody.

    Sizes are enumerated from the outside in, each with its mirror, as long as the budget would give a size at least as
    many draws as it has members; of the sizes left, pairs of a coalition and its complement are drawn. What is drawn
    again counts for more.
    """
    sizes = list(range(1, players // 2 + 1))
    mirrored = {size: 1 if 2 * size == players else 2 for size in sizes}
    mass = {size: mirrored[size] * (players - 1) / (size * (players - size)) for size in sizes}
    whole = math.fsum(mass.values())
    keep: list[NDArray[np.bool_]] = []
    listed: list[float] = []
    for size in list(sizes):
        members = mirrored[size] * math.comb(players, size)
        draws = (budget - len(keep)) * mass[size] / math.fsum(mass[left] for left in sizes)
        if budget < 2**players - 2 and draws < members:
            break
        sizes.remove(size)
        for chosen in itertools.combinations(range(players), size):
            one = np.zeros(players, dtype=bool)
            one[list(chosen)] = True
            keep += [one, ~one][: mirrored[size]]
        listed += [mass[size] / whole / members] * members
    pairs = _drawn(players, {size: mass[size] for size in sizes}, (budget - len(keep)) // 2, seed)
    for content in pairs:
        one = np.frombuffer(content, dtype=bool)
        keep += [one, ~one]
    return Coalitions(
        np.array(keep, dtype=bool).reshape(len(keep), players),
        np.array(listed, dtype=np.float64),
        np.array(list(pairs.values()), dtype=np.int64),
    )


def _drawn(players: int, mass: dict[int, float], wanted: int, seed: int) -> dict[bytes, int]:
    """Return how often each of `wanted` different pairs was drawn; a pair is named by its member with player 0."""
    generator = np.random.default_rng(seed)
    found: dict[bytes, int] = {}
    if not mass:
        return found
    shares = np.array(list(mass.values())) / math.fsum(mass.values())
    for size in generator.choice(list(mass), size=PATIENCE * max(0, wanted), p=shares):
        if len(found) >= wanted:
            break
        one = np.zeros(players, dtype=bool)
        one[generator.permutation(players)[:size]] = True
        name = (one if one[0] else ~one).tobytes()
        found[name] = found.get(name, 0) + 1
    return found
