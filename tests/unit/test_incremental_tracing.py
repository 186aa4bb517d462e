"""A trace sees the network that is traced, and nothing that another thread does meanwhile."""

import threading

import torch
from torch import Tensor, nn

from xai_widget.engine.incremental.tracing import trace

SOON = 30.0


class Paused(nn.Module):
    """conv -> ReLU, and in between another thread has its turn."""

    def __init__(self, turn: threading.Event, done: threading.Event) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.turn, self.done = turn, done

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        self.turn.set()
        self.done.wait(SOON)
        return x.relu()


def test_a_training_step_of_another_thread_goes_through_unseen() -> None:
    turn, done, called = threading.Event(), threading.Event(), nn.Module.__call__
    other, seen = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)), []

    def step() -> None:
        turn.wait(SOON)
        try:
            other(torch.ones(2, 3)).sum().backward()
            seen.append(other[0].weight.grad)
        finally:
            done.set()

    beside = threading.Thread(target=step)
    beside.start()
    traced = trace(Paused(turn, done))
    beside.join()
    assert len(seen) == 1
    assert isinstance(seen[0], Tensor)
    assert traced is not None
    assert [node.name for node in traced.nodes] == ["x", "conv", "relu", "output"]
    assert nn.Module.__call__ is called
