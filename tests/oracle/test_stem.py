"""The backward through a strided first convolution against autograd's own, and where it is used."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.zoo import seeded
from xai_widget import explain
from xai_widget.engine import gradients, stem
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
