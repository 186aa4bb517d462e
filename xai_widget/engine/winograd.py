"""Convolutions of 3 x 3 taps with half of the multiplications: Winograd's minimal filtering F(4, 3) along the rows.

Of four rows of a result every one is three products with rows of taps, twelve in all. Combined by small numbers, six
rows of the input become six others, whose products with six rows of combined taps, one each, combine to the same four.
The taps are combined once. What is left are convolutions with one row of taps, which processors do at their best, and
sums. Rounding is a few times that of the plain convolution, 5e-6 of the largest value.

Sources: S. Winograd, Arithmetic Complexity of Computations, SIAM 1980; A. Lavin and S. Gray, Fast algorithms for
convolutional neural networks, CVPR 2016.
"""

from functools import lru_cache
from typing import Any, Final, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn

from xai_widget.engine.onednn import convolved, is_plain, packed_weight, without_numbers

# The polynomials' values at 0, 1, -1, 2, -2 and infinity: of six rows, of three taps, and back from them to four rows.
ROWS: Final = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
TAPS: Final = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
BACK: Final = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
POINTS: Final = len(ROWS)
TILE: Final = len(BACK)
# What is added to this point's product is added to every row of the result.
EVEN: Final = 1
# Of fewer channels the sums take as long as the products that they save.
FEWEST_CHANNELS: Final = 256
# Inputs that run together, and rows of their result: their six maps stay in the caches.
TOGETHER: Final = 16
MOST_ROWS: Final = 32


class WinogradConv2d(nn.Conv2d):
    """A convolution with a kernel of combined taps for every point; without gradients."""

    kernels: tuple[Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the kernels."""
        return kernel_bytes(self)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the convolution of `[N, C, H, W]` or `[C, H, W]`."""
        batch = input if input.ndim == 4 else input[None]
        found = self.convolved(batch, (int(self.padding[0]), int(self.padding[1])))
        return found if batch is input else found[0]

    def convolved(self, x: Tensor, padding: tuple[int, int] = (0, 0)) -> Tensor:
        """Return the convolution of `[N, C, H, W]` with another padding than its own."""
        x = x.contiguous(memory_format=torch.channels_last)
        count, _, height, width = x.shape
        size = (height + 2 * padding[0] - 2, width + 2 * padding[1] - 2)
        out = torch.empty((count, self.out_channels, *size), dtype=x.dtype, memory_format=torch.channels_last)
        given, found = x.permute(0, 2, 3, 1), out.permute(0, 2, 3, 1)
        parts = -(-size[0] // MOST_ROWS)
        rows = -(-size[0] // (parts * TILE)) * TILE
        for first in range(0, size[0], rows):
            stop, above = min(first + rows, size[0]), max(0, padding[0] - first)
            seen = slice(first - padding[0] + above, min(height, stop + 2 - padding[0]))
            into, back = combinations(seen.stop - seen.start, above, stop - first)
            for start in range(0, count, TOGETHER):
                these = slice(start, start + TOGETHER)
                self._rows(given[these, seen], found[these, first:stop], into, back, padding[1])
        return out

    def _rows(self, given: Tensor, out: Tensor, into: Tensor, back: Tensor, padding: int) -> None:
        """Write rows of the result `[n, rows, W, K]`, from the rows `[n, H, W, C]` that they see."""
        (count, _, width, channels), (rows, columns) = given.shape, out.shape[1:3]
        flat, found = given.flatten(2), out.flatten(2)
        for point, kernel in enumerate(self.kernels):
            map_ = torch.matmul(into[point], flat).view(count, -1, width, channels).permute(0, 3, 1, 2)
            bias = self.bias if point == EVEN else None
            product = convolved(map_, kernel, bias, [0, padding], [1, 1], [1, 1], 1)
            tiles = product.permute(0, 2, 3, 1).reshape(count, -1, columns * self.out_channels)
            found.baddbmm_(back[point].expand(count, rows, -1), tiles, beta=float(point > 0))


def multiplies_less(layer: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a convolution can be made one with fewer multiplications, and that pays."""
    return (
        type(layer) is nn.Conv2d
        and is_plain(layer)
        and layer.kernel_size == (3, 3)
        and layer.stride == layer.dilation == (1, 1)
        and layer.groups == 1
        and min(layer.in_channels, layer.out_channels) >= FEWEST_CHANNELS
    )


def combine(layer: nn.Conv2d) -> None:
    """Make a convolution one with fewer multiplications, without gradients."""
    changed: Any = layer
    changed.kernels = kernels_of(layer.weight)
    without_numbers(layer)
    changed.__class__ = WinogradConv2d


def kernel_bytes(layer: nn.Conv2d) -> int:
    """Return what the kernels of a convolution take: a row of three for every point, instead of three of them."""
    return layer.weight.nbytes * POINTS // 3


def kernels_of(weight: Tensor) -> tuple[Tensor, ...]:
    """Return packed kernels `[K, C, 1, 3]`, one a point, for taps `[K, C, 3, 3]`."""
    shape = [TOGETHER, weight.shape[1], TILE, 4 * TILE]
    with torch.inference_mode(False), torch.no_grad():
        taps = torch.einsum("pr,kcrs->pkcs", torch.tensor(TAPS, dtype=torch.float64), weight.double())
        rows = [one.float()[:, :, None].contiguous(memory_format=torch.channels_last) for one in taps]
        return tuple(packed_weight(row, [0, 1], [1, 1], [1, 1], 1, shape) for row in rows)


@lru_cache(maxsize=256)
def combinations(rows: int, above: int, out: int) -> tuple[Tensor, Tensor]:
    """Return how rows of the input combine to maps, `[points, tiles, rows]`, and products to rows, `[points, out, tiles]`.

    Parameters
    ----------
    rows : int
        Rows of the input.
    above : int
        Rows of padding before them; behind them there are as many as it takes.
    out : int
        Rows of the result.
    """
    tiles = -(-out // TILE)
    into = np.zeros((POINTS, tiles, above + tiles * TILE + POINTS + rows), np.float32)
    back = np.zeros((POINTS, tiles * TILE, tiles), np.float32)
    for tile in range(tiles):
        these = slice(tile * TILE, (tile + 1) * TILE)
        into[:, tile, these.start : these.start + POINTS] = ROWS
        back[:, these, tile] = np.transpose(BACK)
    with torch.inference_mode(False):
        return torch.tensor(into[:, :, above : above + rows]), torch.tensor(back[:, :out])
