"""Noisy copies of the inputs, and statistics over what a method finds for them."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Estimate
from xai_widget.engine import Case
from xai_widget.explainers.gradients import reduced
from xai_widget.explainers.method import Reduction
from xai_widget.explainers.moments import Moments, wide
from xai_widget.explainers.parameters import Param

Statistic = Literal["mean", "squared", "variance"]
Sigma = Annotated[
    float, Param("Noise", "Standard deviation of the noise, relative to the input's range.", 0.0, 1.0, 0.01)
]
Seed = Annotated[int, Param("Seed", "Of the noise.", 0, 2**31 - 1, 1)]
StatisticField = Annotated[
    Statistic, Param("Statistic", "Over the noisy copies: their mean, mean square, or variance.")
]
Noise = Annotated[Array | None, Param("Given noise", "Noise to add instead of drawn noise, in model-input units.")]


class Smoothing:
    """A statistic over noisy copies, before and after channels are reduced."""

    def __init__(self, statistic: Statistic) -> None:
        self._statistic = statistic
        self._reduction: Reduction | None = None
        self._before, self._after = Moments(), Moments()

    @property
    def count(self) -> int:
        """Samples so far."""
        return self._before.count

    def update(self, samples: Tensor, reduction: Reduction | None) -> None:
        """Take up samples `[N, n, *native]` (reduction None), or `[N, n, C, *S]` whose channels will be reduced."""
        samples = wide(samples)
        if self._statistic == "squared":
            samples = samples.square()
        self._reduction = reduction
        self._before.update(samples)
        if reduction == "sum":
            self._after.update(samples.sum(2))

    def estimate(self, fraction: float, *, signed: bool, meta: Mapping[str, Any]) -> Estimate:
        """Return the statistic, and the standard error where it is a mean."""
        channels = self._before.variance if self._statistic == "variance" else self._before.mean
        values, error = channels, self._before.error
        if self._reduction == "sum":
            values, error = reduced(channels, "sum"), self._after.error
        elif self._reduction == "largest":
            values = reduced(channels, "largest")
            # Ten times sooner than `argmax`, which is not vectorised across places.
            error = error.gather(1, channels.abs().max(1, keepdim=True).indices)[:, 0]
        return Estimate(
            values.float(),
            fraction,
            signed=signed and self._statistic == "mean",
            channels=None if self._reduction is None else channels.float(),
            error=None if self._statistic == "variance" or self.count < 2 else error.float(),
            meta={**meta, "statistic": self._statistic},
        )


def sample_count(samples: int, noise: Array | None) -> int:
    """Return the number of noisy copies."""
    return samples if noise is None else len(noise.values)


def noisy_copies(case: Case, sigma: float, seed: int, noise: Array | None) -> Callable[[int], Tensor]:
    """Return the function that makes the i-th noisy copy of the inputs, `[N, C, *S]`; the same copy every time."""
    x = case.inputs
    if noise is None:
        scale = sigma * (x.flatten(1).amax(1) - x.flatten(1).amin(1)).reshape(-1, *[1] * (x.ndim - 1))
    else:
        _check_noise(noise, x)

    def added(index: int) -> Tensor:
        if noise is not None:
            return torch.tensor(noise.values[index]).to(x)
        # Every sample has a generator of its own, on the CPU: the draws depend neither on chunks nor on the device.
        state = np.random.SeedSequence((seed, index)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state[0]))
        return scale * torch.randn(x.shape[1:], generator=generator, dtype=torch.float32).to(x)

    def noisy(index: int) -> Tensor:
        return x + (added(index) if case.mask is None else added(index) * case.mask)

    return noisy


def _check_noise(noise: Array, x: Tensor) -> None:
    shape = noise.values.shape
    if len(shape) > 0 and shape[0] > 0 and shape[1:] in {tuple(x.shape), tuple(x.shape[1:])}:
        return
    axes = ", ".join(map(str, x.shape[1:]))
    message = (
        f"Noise must have the shape [samples, {axes}], or [samples, {len(x)}, {axes}] with a draw for every input, in"
        f" model-input units; got {list(shape)}."
    )
    raise ValueError(message)
