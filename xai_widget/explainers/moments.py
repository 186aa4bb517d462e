"""Mean and spread of samples that come in chunks."""

import torch
from torch import Tensor


def wide(values: Tensor) -> Tensor:
    """Return `values` in float64; on the CPU where their device has no float64."""
    return (values.cpu() if values.device.type == "mps" else values).double()


class Moments:
    """Mean and variance of samples that come in chunks.

    Kept in float64 as the mean and the summed squared deviations from it (Chan, Golub, LeVeque 1983), so that a small
    variance of large numbers is not lost in a difference of large squares.

    Attributes
    ----------
    count : int
        Samples so far.
    mean : Tensor
        float64 `[N, ...]`.

    Examples
    --------
    >>> moments = Moments()
    >>> for chunk in (torch.tensor([[1.0, 2.0]]), torch.tensor([[6.0]])):
    ...     moments.update(chunk)
    >>> moments.mean.tolist(), moments.variance.tolist()
    ([3.0], [4.666666666666667])
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros((), dtype=torch.float64)
        self._squares = torch.zeros((), dtype=torch.float64)  # summed squared deviations from the mean

    def update(self, samples: Tensor) -> None:
        """Take up samples `[N, n, ...]`."""
        samples = wide(samples)
        n, mean = samples.shape[1], samples.mean(1)
        squares = (samples - mean[:, None]).square_().sum(1)
        before, self.count = self.count, self.count + n
        if before == 0:
            self.mean, self._squares = mean, squares
            return
        step = mean - self.mean
        self.mean = self.mean + step * (n / self.count)
        self._squares = self._squares + squares + step.square() * (before * n / self.count)

    @property
    def variance(self) -> Tensor:
        """Mean squared deviation from the mean, `[N, ...]`; 0 for one sample."""
        return self._squares / self.count

    @property
    def error(self) -> Tensor:
        """Standard error of the mean, `[N, ...]`; not a number for one sample."""
        return (self._squares / (self.count - 1) / self.count).sqrt() if self.count > 1 else self._squares / 0
