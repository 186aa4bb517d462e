"""What both sides of a comparison answer to: definitions written out over plain autograd, and closed forms.

Every row names the convention under which the numbers can be equal, and the tolerance. Rows that the peer fails are
strict expected failures: they hold the peer against a truth of this file, so that they turn green, and are noticed,
when the peer is mended. D1, D2, ... number the peers' known defects; numbers that do not occur belong to libraries
that are not compared with here.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.zoo import Plain, seeded, trained_statistics

# Our maps are float32; what both libraries compute in float64 agrees to this, relative to the largest magnitude.
FLOAT32 = 2e-6


def defect(number: str, clause: str, raises: type[BaseException] = AssertionError) -> pytest.MarkDecorator:
    """Mark a row that the peer fails: the defect's number and what is wrong, in a clause."""
    return pytest.mark.xfail(strict=True, raises=raises, reason=f"{number}: {clause}")


def assert_near(found: Any, expected: Any, tolerance: float = FLOAT32) -> None:
    """Compare arrays; `tolerance` is relative to the largest magnitude expected, which must not be 0."""
    found = found.detach().cpu().numpy() if isinstance(found, Tensor) else np.asarray(found)
    expected = expected.detach().cpu().numpy() if isinstance(expected, Tensor) else np.asarray(expected)
    if found.shape != expected.shape or not np.abs(expected).max() > 0:
        # No AssertionError: a row that is expected to fail must fail by its numbers.
        message = f"Arrays {found.shape} and {expected.shape} of which the second is not 0 can be compared."
        raise ValueError(message)
    apart = float(np.abs(found - expected).max() / np.abs(expected).max())
    assert apart <= tolerance, f"{apart:.2e} apart, and at most {tolerance:.0e} is allowed"


def plain(*, inplace: bool = True, scale: float = 1.0, build: Callable[[], nn.Module] = Plain) -> nn.Module:
    """Return the small network in float64 and eval mode; `scale` multiplies its last layer, and so all gradients."""
    model = trained_statistics(seeded(build)).eval().double()
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = inplace
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(scale)
        last.bias.mul_(scale)
    return model


def volume() -> Tensor:
    """Return a volume `[1, 8, 8, 8]` of float64."""
    return torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(3)).double()


def at_layer(model: nn.Module, x: Tensor, target: int, layer: str) -> tuple[Tensor, Tensor]:
    """Return a layer's output and the gradient there, `[C, *grid]` each, for one input `[C, *S]`."""
    kept: list[Tensor] = []

    def hook(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()  # what follows may work in place

    handle = model.get_submodule(layer).register_forward_hook(hook)
    score = model(x[None])[0, target]
    handle.remove()
    return kept[-1].detach()[0], torch.autograd.grad(score, kept[-1])[0][0]


def input_gradient(model: Callable[[Tensor], Tensor], x: Tensor, target: int) -> Tensor:
    """Return the gradient of a score at the input `[C, *S]`."""
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(model(leaf[None])[0, target], leaf)[0]


def grad_cam(a: Tensor, g: Tensor) -> Tensor:
    """Return the sum of the activations, weighted by their mean gradients, before any ReLU."""
    return torch.einsum("k,k...->...", g.flatten(1).mean(1), a)


def grad_cam_pp(a: Tensor, g: Tensor) -> Tensor:
    """Return equation 19 of the Grad-CAM++ paper, as it is written there, after its ReLU."""
    total = a.flatten(1).sum(1).reshape(-1, *[1] * (a.ndim - 1))
    divisor = 2 * g**2 + total * g**3
    alpha = torch.where(g != 0, g**2 / torch.where(g != 0, divisor, torch.ones_like(g)), torch.zeros_like(g))
    return torch.einsum("k,k...->...", (alpha * g.clamp(min=0)).flatten(1).sum(1), a).clamp(min=0)


class GuidedRelu(torch.autograd.Function):
    """A ReLU whose backward lets positive gradients pass where the input was positive."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (x,) = context.saved_tensors
        return gradient.clamp(min=0) * (x > 0)


class Guided(nn.Module):
    """The guided ReLU as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return GuidedRelu.apply(x)


def shapley(worth: Callable[[NDArray[np.bool_]], float], players: int) -> NDArray[np.float64]:
    """Return Shapley values by their definition: every coalition, every player."""
    found = np.zeros(players)
    for player in range(players):
        others = [other for other in range(players) if other != player]
        for size in range(players):
            weight = math.factorial(size) * math.factorial(players - size - 1) / math.factorial(players)
            for chosen in itertools.combinations(others, size):
                without = np.zeros(players, dtype=bool)
                without[list(chosen)] = True
                joined = without.copy()
                joined[player] = True
                found[player] += weight * (worth(joined) - worth(without))
    return found


def unbiased(model: nn.Module) -> nn.Module:
    """Set every bias to 0. A ReLU network then is homogeneous: relevance under the ε rule is input times gradient."""
    with torch.no_grad():
        for module in model.modules():
            if getattr(module, "bias", None) is not None:
                module.bias.zero_()
    return model
