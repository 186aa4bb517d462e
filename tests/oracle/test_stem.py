"""The backward through a strided first convolution, and through single taps, against autograd's own; where it is used."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.zoo import seeded
from xai_widget import explain
from xai_widget.engine import gradients, stem
from xai_widget.engine.onednn import mixed, serves
from xai_widget.engine.stem import StemBackward, strided_gradient

BY_DIMS: dict[int, Callable[..., Tensor]] = {
    1: nn.functional.conv1d,
    2: nn.functional.conv2d,
    3: nn.functional.conv3d,
}


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        ((17,), (5,), (3,), (2,)),
        ((32, 30), (7, 7), (2, 2), (3, 3)),
        ((23, 31), (7, 5), (2, 3), (3, 0)),  # axes that differ
        ((18, 19), (4, 4), (4, 4), (0, 0)),  # patches, and places that no patch reaches
        ((20, 20), (2, 2), (5, 5), (1, 1)),  # gaps between the patches
        ((16, 16), (11, 11), (4, 4), (2, 2)),
        ((9, 9), (3, 3), (2, 2), (2, 2)),
        ((9, 10), (1, 1), (2, 2), (0, 0)),
        ((6, 14, 13), (3, 7, 7), (1, 2, 2), (1, 3, 3)),
    ],
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, "channels last"])
def test_it_is_the_gradient_of_the_convolution(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...], layout: Any
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64).requires_grad_()
    weight = torch.randn(5, 3, *kernel, generator=generator, dtype=torch.float64)
    out = BY_DIMS[len(size)](x, weight, None, stride, padding)
    above = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    (expected,) = torch.autograd.grad(out, x, above)
    if layout == "channels last" and len(size) > 1:
        above = above.contiguous(memory_format=torch.channels_last if len(size) == 2 else torch.channels_last_3d)
    torch.testing.assert_close(strided_gradient(above, weight, size, stride, padding), expected, rtol=1e-10, atol=1e-10)


class Stem(nn.Module):
    """A network with a strided first convolution, called in several ways."""

    def __init__(self, way: str = "module") -> None:
        super().__init__()
        self.way = way
        self.first = nn.Conv2d(3, 8, 5, stride=2, padding=0 if way == "reflect" else 2)
        self.norm, self.second, self.head = nn.BatchNorm2d(8), nn.Conv2d(8, 6, 3, stride=2), nn.Linear(6, 4)

    def begin(self, x: Tensor) -> Tensor:
        first = self.first
        if self.way == "names":
            return nn.functional.conv2d(x, weight=first.weight, bias=first.bias, stride=2, padding=(2, 2))
        if self.way == "reflect":
            return first(nn.functional.pad(x, (2, 2, 2, 2), mode="reflect"))
        if self.way == "changed in place":
            return first(x.mul_(2)).mul_(3)
        return first(x)

    def forward(self, x: Tensor) -> Tensor:
        out = checkpoint(self.begin, x, use_reentrant=False) if self.way == "checkpointed" else self.begin(x)
        return self.head(self.second(self.norm(out).relu()).relu().mean((2, 3)))


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of gradients that went the new way."""
    shapes: list[tuple[int, ...]] = []

    def noted(gradient: Tensor, *rest: Any) -> Tensor:
        shapes.append(tuple(gradient.shape))
        return strided_gradient(gradient, *rest)

    monkeypatch.setattr(stem, "strided_gradient", noted)
    return shapes


@pytest.mark.parametrize("kind", ["saliency", "guided_backprop"])
@pytest.mark.parametrize("way", ["module", "names", "reflect", "changed in place", "checkpointed"])
def test_maps_are_the_same(way: str, kind: str, used: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeded(lambda: Stem(way)).eval()
    x = torch.randn(3, 20, 22, generator=torch.Generator().manual_seed(1))
    found = explain(model, x, kind, target=1).channels
    assert used == [(1, 8, 10, 11)]
    monkeypatch.setattr(stem, "FEW", 0)
    expected = explain(model, x, kind, target=1).channels
    assert len(used) == 1
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 4, 3),
        nn.Conv2d(6, 4, 3, stride=2),
        nn.Conv2d(3, 4, 3, stride=2, dilation=2),
        nn.Conv2d(4, 4, 3, stride=2, groups=2),
        nn.Conv2d(3, 4, 3, padding="same"),
    ],
)
def test_other_convolutions_go_back_as_ever(layer: nn.Conv2d, used: list[tuple[int, ...]]) -> None:
    layer.requires_grad_(False)
    x = torch.randn(1, layer.in_channels, 12, 12).requires_grad_()
    (expected,) = torch.autograd.grad(layer(x).square().sum(), x)
    with StemBackward():
        out = layer(x)
    (found,) = torch.autograd.grad(out.square().sum(), x)
    assert used == []
    assert torch.equal(found, expected)


def test_a_weight_that_is_trained_keeps_its_gradient(used: list[tuple[int, ...]]) -> None:
    layer, x = nn.Conv2d(3, 4, 3, stride=2), torch.randn(1, 3, 12, 12).requires_grad_()
    with StemBackward():
        out = layer(x)
    out.sum().backward()
    assert layer.weight.grad is not None
    assert used == []


def test_chunks_hold_no_more_than_their_graphs_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one input holds is seen in the first chunk; the next ones are as large as memory allows."""
    sizes: list[int] = []

    class Noting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.note = Stem(), sizes.append

        def forward(self, x: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                self.note(len(x))
            return self.inner(x)

    x = torch.randn(3, 20, 20)
    ample = explain(seeded(Noting).eval(), x, "interior_gradients", target=0, steps=12)
    assert sizes == [12]
    sizes.clear()
    monkeypatch.setattr(gradients, "FIRST_ELEMENTS", 2 * x.numel())
    # Of one input: x itself is not held; 8 x 10 x 10 before and after the norm, which ReLU's is; 6 x 4 x 4 twice.
    monkeypatch.setattr(gradients, "GRAPH_BYTES", 5 * 4 * (3 * 800 + 200))
    tight = explain(seeded(Noting).eval(), x, "interior_gradients", target=0, steps=12)
    assert sizes[0] == 2
    assert set(sizes[1:-1]) <= {4, 5, 6, 7}
    assert sum(sizes) == 12
    assert tight.values == pytest.approx(ample.values, rel=1e-4, abs=1e-8)


# -- single taps --------------------------------------------------------------------------------------------------------


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Set the number of threads for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def mixtures(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of what was mixed as a product of matrices, there and back."""
    shapes: list[tuple[int, ...]] = []

    def noted(x: Tensor, *rest: Any) -> Tensor:
        shapes.append(tuple(x.shape))
        return mixed(x, *rest)

    monkeypatch.setattr(stem, "mixed", noted)
    return shapes


def tap(dims: int = 2, channels: int = 6, **given: Any) -> nn.Module:
    kind = {2: nn.Conv2d, 3: nn.Conv3d}[dims]
    return seeded(lambda: kind(channels, 8, 1, **given)).requires_grad_(False)


@pytest.mark.skipif(not serves(torch.zeros(1)), reason="This PyTorch has no oneDNN.")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dims", [2, 3])
def test_with_one_thread_single_taps_are_products_and_give_the_same_gradients(
    dims: int, bias: bool, mixtures: list[tuple[int, ...]], threads: Callable[[int], None]
) -> None:
    threads(1)
    layer = tap(dims, bias=bias)
    last = torch.channels_last if dims == 2 else torch.channels_last_3d
    x = torch.randn(3, 6, *(5, 7, 4)[:dims], generator=torch.Generator().manual_seed(0)).contiguous(memory_format=last)
    x.requires_grad_()

    def scored() -> Tensor:
        return nn.functional.relu_(layer(x)).square().sum()

    expected_score = scored()
    (expected,) = torch.autograd.grad(expected_score, x)
    assert mixtures == []
    with StemBackward():
        score = scored()
    (found,) = torch.autograd.grad(score, x)
    assert mixtures == [tuple(x.shape), (3, 8, *x.shape[2:])]
    torch.testing.assert_close(score, expected_score, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "change"),
    [
        (tap(stride=2), "none"),
        (tap(padding=1), "none"),
        (tap(groups=2), "none"),
        (tap().double(), "double"),
        (tap(), "channels first"),
        (tap(), "two threads"),
        (tap().requires_grad_(), "none"),
    ],
)
def test_other_taps_go_as_ever(
    layer: nn.Module, change: str, mixtures: list[tuple[int, ...]], threads: Callable[[int], None]
) -> None:
    threads(2 if change == "two threads" else 1)
    x = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(0))
    x = x.double() if change == "double" else x
    x = (x if change == "channels first" else x.contiguous(memory_format=torch.channels_last)).requires_grad_()
    (expected,) = torch.autograd.grad(layer(x).square().sum(), x)
    with StemBackward():
        out = layer(x)
    (found,) = torch.autograd.grad(out.square().sum(), x)
    assert mixtures == []
    assert torch.equal(found, expected)
