"""Max pools of a prepared copy go before ReLUs, where that changes neither scores nor gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.zoo import picture, seeded
from xai_widget.engine import Runner, runner_for, store_for


class Pooled(nn.Module):
    """conv -> ReLU -> max pool, whose places overlap, and one score a channel."""

    def __init__(self, *, inplace: bool = True, **pool: Any) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(inplace=inplace)
        self.pool = nn.MaxPool2d(3, 2, 1, **pool)

    def middle(self, x: Tensor) -> Tensor:
        return self.pool(self.relu(self.conv(x)))

    def forward(self, x: Tensor) -> Tensor:
        return (self.middle(x) - 0.3).square().mean((2, 3))


class Fresh(Pooled):
    def __init__(self) -> None:
        super().__init__(inplace=False)


class Twice(Pooled):
    """Both are called twice, each time one behind the other."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) - super().forward(x.flip(-1) - 0.5)


class ReadBesides(Pooled):
    def middle(self, x: Tensor) -> Tensor:
        out = self.relu(self.conv(x))
        return self.pool(out) + out[..., ::2, ::2]


class ReadBefore(Pooled):
    """What the ReLU overwrites is kept under another name."""

    def middle(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        self.relu(out)
        return self.pool(out) + out[..., ::2, ::2]


class UsedElsewhere(Pooled):
    """The ReLU has other readers at another call."""

    def middle(self, x: Tensor) -> Tensor:
        return self.relu(-super().middle(x) + 0.1)


class WithIndices(Pooled):
    def __init__(self) -> None:
        super().__init__(return_indices=True)

    def middle(self, x: Tensor) -> Tensor:
        values, places = super().middle(x)
        return values + places / 1e4


class Hooked(Pooled):
    def __init__(self) -> None:
        super().__init__()
        self.relu.register_forward_hook(lambda _module, _args, output: output + 0.1)


MOVED = (Pooled, Fresh, Twice)
KEPT = (ReadBesides, ReadBefore, UsedElsewhere, WithIndices, Hooked)


def runner_of(model: nn.Module) -> Runner:
    store = store_for(model)
    store.refresh()
    return runner_for(model, store)


def is_moved(runner: Runner) -> bool:
    assert runner.module is not None
    kinds = (type(runner.module.get_submodule("relu")), type(runner.module.get_submodule("pool")))
    assert kinds in {(nn.Identity, nn.Sequential), (nn.ReLU, nn.MaxPool2d)}
    return kinds[0] is nn.Identity


def graded(runner: Runner, x: Tensor) -> tuple[Tensor, Tensor]:
    leaf = x.clone().requires_grad_()
    with runner.session(grad=True):
        found = runner.raw(leaf)
        return found.detach(), torch.autograd.grad(found[:, 1].sum(), leaf)[0]


def scored(runner: Runner, x: Tensor) -> tuple[Tensor]:
    with runner.session(grad=False):
        return (runner.raw(x),)


@pytest.mark.parametrize("kind", [*MOVED, *KEPT])
def test_a_pool_goes_first_where_it_alone_reads_the_rectified(kind: type[Pooled]) -> None:
    plain = runner_of(seeded(kind).eval())
    x = torch.stack([picture(seed) for seed in range(3)])
    for gradients in (None, "plain"):
        prepared = plain.prepared(x, gradients=gradients)
        assert prepared is not plain
        assert is_moved(prepared) == (kind in MOVED)
        of = scored if gradients is None else graded
        for found, expected in zip(of(prepared, x), of(plain, x), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert not is_moved(plain)


@pytest.mark.parametrize("kind", ["guided", "deconv"])
def test_modified_gradients_are_cut_before_places_of_pools_are_added_up(kind: Any) -> None:
    plain = runner_of(seeded(Pooled).eval())
    assert not is_moved(plain.prepared(picture(0)[None], gradients=kind))
