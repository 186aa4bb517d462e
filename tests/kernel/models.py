"""A small classifier for kernels: as slow as wished, counting what it is shown, failing when told to."""

import threading
from typing import ClassVar

import torch
from torch import Tensor, nn

SIDE = 32


# Pictures that a network is shown to make the copy of it that many windows run on, once for a version of the model.
PREPARING = 2


class Slow(nn.Module):
    """conv -> ReLU -> GAP -> linear, with fixed weights; what tests turn are attributes of the class.

    Attributes
    ----------
    seconds
        How long each picture of a batch takes.
    shown
        Pictures that all instances have been shown so far.
    fails
        Whether a forward raises.
    """

    seconds: ClassVar[float] = 0.0
    shown: ClassVar[int] = 0
    fails: ClassVar[bool] = False
    labels: ClassVar[list[str]] = ["square", "stripe", "noise"]
    # Nobody sets it: waiting on it takes time without a processor, and an interrupt ends it.
    _never: ClassVar[threading.Event] = threading.Event()

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 4, 3, padding=1)
            self.fc = nn.Linear(4, len(self.labels))

    def forward(self, x: Tensor) -> Tensor:
        Slow.shown += len(x)
        if Slow.fails:
            message = "the model is out of order"
            raise ArithmeticError(message)
        Slow._never.wait(Slow.seconds * len(x))
        logits: Tensor = self.fc(torch.relu(self.conv(x)).mean((2, 3)))
        return logits


def picture() -> Tensor:
    """Model input `[3, 32, 32]`, uniform in [0, 1)."""
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
