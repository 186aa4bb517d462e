"""A small vision transformer with a class token and a distillation token, and its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from .nets import example_transform, load_weights
from .photos import classes
from .scenes import SIDE

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

PATCH: Final = 16
GRID: Final = SIDE // PATCH
WIDTH: Final = 96
DEPTH: Final = 5
HEADS: Final = 3
HIDDEN: Final = 2 * WIDTH
PREFIX: Final = 2


class PatchEmbed(nn.Module):
    """Cut the picture into patches of 16x16 pixels, and map each linearly to a token."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, 3, 128, 128]`` to ``[N, 64, 96]``, row by row."""
        tokens: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return tokens


class Attention(nn.Module):
    """Self-attention: ``softmax(q kᵀ / √d) v`` in each of three heads, then one linear map of them all."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``[N, L, 96]`` to ``[N, L, 96]``."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(q, k, v)  # [N, heads, L, d]
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return out


class Mlp(nn.Module):
    """Two linear layers with a GELU between them, for each token by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``[N, L, 96]`` to ``[N, L, 96]``."""
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class Block(nn.Module):
    """Attention, then an MLP; each sees normalised tokens and is added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = Mlp()

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens ``[N, L, 96]`` to ``[N, L, 96]``."""
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class TinyDeit(nn.Module):
    """A data-efficient image transformer for 128x128 pictures, its parts named as in timm.

    The 64 patches are preceded by two learned tokens: the class token, whose head learned from labels, and the
    distillation token, whose head learned from the scores of a convolutional network. Touvron et al., "Training
    data-efficient image transformers & distillation through attention", ICML 2021, arXiv:2012.12877.

    Attributes
    ----------
    labels : list of str
        Names of the K classes.
    transform : callable
        From a PIL picture to the input ``[3, 128, 128]``, as for `ExampleNet`.
    """

    labels: list[str]
    transform: Callable[[Image.Image], Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, PREFIX + GRID**2, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, len(classes()))
        self.head_dist = nn.Linear(WIDTH, len(classes()))
        self.labels = list(classes())
        self.transform = example_transform()

    def tokens(self, x: Tensor) -> Tensor:
        """Map pictures ``[N, 3, 128, 128]`` to normalised tokens ``[N, 66, 96]``: class, distillation, patches."""
        patches = self.patch_embed(x)
        prefix = torch.cat((self.cls_token, self.dist_token), dim=1).expand(patches.shape[0], -1, -1)
        out: Tensor = self.norm(self.blocks(torch.cat((prefix, patches), dim=1) + self.pos_embed))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures ``[N, 3, 128, 128]`` to logits ``[N, K]``, the mean of the two heads' logits."""
        tokens = self.tokens(x)
        logits: Tensor = (self.head(tokens[:, 0]) + self.head_dist(tokens[:, 1])) / 2
        return logits


def tiny_deit() -> TinyDeit:
    """Load the trained vision transformer that names the bundled photographs, with a class and a distillation token.

    Returns
    -------
    TinyDeit
        A fresh instance in eval mode, float32, on the CPU; ``[N, 3, 128, 128]`` to logits ``[N, 12]``. It carries
        ``labels`` and ``transform``. Blocks `blocks.0` ... `blocks.4` give tokens ``[N, 66, 96]``: the class token, the
        distillation token, and 8x8 patches.

    Notes
    -----
    Trained by ``tools/train_examples.py`` on the scenes of `mosaic_net`, which was its teacher. Of 1200 lone crops of a
    size and at a place that training left out it names 99.8 %, and in each of 100 mosaics the four classes shown are
    among its five best. Weights are stored as float16.

    Examples
    --------
    >>> from xai_widget.examples import photo, tiny_deit
    >>> net = tiny_deit()
    >>> logits = net(net.transform(photo("cat"))[None])
    >>> net.labels[int(logits.argmax())]
    'cat'
    """
    return load_weights(TinyDeit(), "tiny_deit")
