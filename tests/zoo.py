"""Small networks with the habits that trip explainers up: in-place ReLUs, reuse, odd outputs, uncopyable attributes."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 5
SIDE = 16


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Build a network with weights that depend on `seed` alone, leaving the global generator as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build()


class Plain(nn.Module):
    """conv -> BN -> in-place ReLU -> conv -> in-place ReLU -> GAP -> linear, in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        return self.relu2(self.conv2(self.relu1(self.norm(self.conv1(x)))))

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.features(x).mean((2, 3)))


class Flat(Plain):
    """A head that is not linear in the pooled activations."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Flatten(), nn.Linear(8 * 8 * 8, 12), nn.ReLU(), nn.Linear(12, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))


class Shared(Plain):
    """One ReLU module used everywhere, one convolution used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def features(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.conv1(x)))
        x = self.relu(self.conv2(x))
        return self.relu(self.twice(self.relu(self.twice(x))))


class Tupled(Plain):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x.mean()


class Keyed(Plain):
    def forward(self, x: Tensor) -> Any:
        return {"logits": super().forward(x), "loss": torch.zeros(())}


class Output(NamedTuple):
    """Stands in for a transformers ModelOutput."""

    logits: Tensor
    hidden_states: None = None


class Named(Plain):
    def forward(self, x: Tensor) -> Any:
        return Output(super().forward(x))


class Uncopyable(Plain):
    """Refuses copy.deepcopy, as models holding locks or files do."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Uncopyable":
        message = "cannot be copied"
        raise TypeError(message)


class Exploding(Plain):
    """Raises inside forward once told to."""

    def __init__(self) -> None:
        super().__init__()
        self.explode = False

    def features(self, x: Tensor) -> Tensor:
        out = super().features(x)
        if self.explode:
            message = "boom"
            raise ArithmeticError(message)
        return out


class Noting(Plain):
    """Writes into a buffer of its own on every forward, in eval mode too."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Any:
        self.calls.add_(1)
        return super().forward(x)


class Volumetric(nn.Module):
    """A small 3-D classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(1, 4, 3, padding=1)
        self.conv2 = nn.Conv3d(4, 6, 3, stride=2, padding=1)
        self.fc = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv2(functional.relu(self.conv1(x))))
        return self.fc(x.mean((2, 3, 4)))


class Scan(nn.Module):
    """A 3-D classifier all of whose ReLUs are modules: GAP + linear behind the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(1, 4, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv3d(4, 6, 3, stride=2, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.fc = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.relu2(self.conv2(self.relu1(self.conv1(x)))).mean((2, 3, 4)))


def trained_statistics(model: nn.Module) -> nn.Module:
    """Give batch norms statistics that are not the identity, as trained networks have."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
    return model


def frozen(model: nn.Module) -> nn.Module:
    return model.requires_grad_(requires_grad=False)


def made_under_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return trained_statistics(seeded(Plain)).eval()


ZOO: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: trained_statistics(seeded(Plain)).eval(),
    "train mode": lambda: trained_statistics(seeded(Plain)).train(),
    "frozen": lambda: frozen(trained_statistics(seeded(Plain)).eval()),
    "inference parameters": made_under_inference_mode,
    "flat head": lambda: trained_statistics(seeded(Flat)).eval(),
    "shared modules": lambda: trained_statistics(seeded(Shared)).eval(),
    "tuple output": lambda: trained_statistics(seeded(Tupled)).eval(),
    "dict output": lambda: trained_statistics(seeded(Keyed)).eval(),
    "named output": lambda: trained_statistics(seeded(Named)).eval(),
    "float64": lambda: trained_statistics(seeded(Plain)).eval().double(),
    "bfloat16": lambda: trained_statistics(seeded(Plain)).eval().bfloat16(),
    "uncopyable": lambda: trained_statistics(seeded(Uncopyable)).train(),
    "writes a buffer": lambda: trained_statistics(seeded(Noting)).eval(),
}


def picture(seed: int = 0, side: int = SIDE) -> Tensor:
    """Model input `[3, side, side]`, standard normal."""
    return torch.randn(3, side, side, generator=torch.Generator().manual_seed(seed))


def volume(size: tuple[int, ...], seed: int = 0) -> Tensor:
    """Model input `[1, *size]`, standard normal, float64."""
    return torch.randn(1, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
