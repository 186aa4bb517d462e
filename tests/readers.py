"""Networks that read one known place for each class, and nothing else."""

import torch
from torch import Tensor, nn

# Score of a class whose place is as bright as it gets.
GAIN = 6.0


class Readers(nn.Module):
    """Class 1 reads the brightness of one window of the features, class 2 that of another, class 0 nothing.

    Parameters
    ----------
    windows : list of tuple of slice
        Where classes 1 and 2 look.
    size : tuple of int
        Of the input.
    """

    def __init__(self, windows: list[tuple[slice, ...]], size: tuple[int, ...]) -> None:
        super().__init__()
        convolution = nn.Conv2d if len(size) == 2 else nn.Conv3d
        self.brightness = convolution(1, 2, 1)
        self.seen = Windows(windows, size)
        self.fc = nn.Linear(2, 3)
        with torch.no_grad():
            self.brightness.weight.fill_(1)
            self.brightness.bias.zero_()
            self.fc.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]) * GAIN)
            self.fc.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.seen(self.brightness(x).relu()).flatten(2).mean(2))


class Windows(nn.Module):
    """Each channel seen through a window of its own; a window of n places weighs total/n, so that sizes do not matter."""

    def __init__(self, windows: list[tuple[slice, ...]], size: tuple[int, ...]) -> None:
        super().__init__()
        seen = torch.zeros(len(windows), *size)
        for channel, window in enumerate(windows):
            seen[channel][window] = seen[0].numel() / seen[channel][window].numel()
        self.register_buffer("window", seen)

    def forward(self, a: Tensor) -> Tensor:
        return a * self.window


class AttentiveReaders(nn.Module):
    """One layer of attention whose first head reads one patch for class 1, and whose second reads another for class 2.

    Where a token looks depends on its position alone; what it finds there is the patch's brightness.
    """

    def __init__(self, patches: tuple[int, int], grid: int, side: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, 1, side, side)
        with torch.no_grad():
            self.embed.weight.fill_(1 / side**2)
            self.embed.bias.zero_()
        keys = torch.zeros(1, 2, grid**2 + 1, grid**2 + 1)
        for head, patch in enumerate(patches):
            keys[0, head, 0, 1 + patch] = 10.0
        self.register_buffer("looks", keys)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.embed(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([torch.zeros_like(patches[:, :1]), patches], 1)
        attention = self.looks.expand(len(x), -1, -1, -1).softmax(-1)
        read = (attention @ tokens[:, None])[:, :, 0, 0]
        return GAIN * torch.stack([torch.zeros_like(read[:, 0]), read[:, 0], read[:, 1]], 1)
