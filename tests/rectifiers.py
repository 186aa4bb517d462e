"""Every way to write a ReLU, and what guided backpropagation and deconvolution pass back through one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

KINDS = ("guided_backprop", "deconvolution")
Rectifier = Callable[[Tensor], Tensor]


def through(gradient: Tensor, h: Tensor, kind: str, ceiling: float = float("inf")) -> Tensor:
    """What a rectifier with input h passes back, by the papers' formulas."""
    back = gradient.clamp(min=0)
    return back * ((h > 0) & (h < ceiling)) if kind == "guided_backprop" else back


def discarded(change: Callable[[Tensor], Any]) -> Rectifier:
    """A call in place whose result is not used."""

    def act(h: Tensor) -> Tensor:
        change(h)
        return h

    return act


RELUS: dict[str, Rectifier] = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "F.relu": functional.relu,
    "F.relu in place": lambda h: functional.relu(h, inplace=True),
    "F.relu in place by position": lambda h: functional.relu(h, True),
    "F.relu in place, discarded": discarded(lambda h: functional.relu(h, inplace=True)),
    "F.relu_ discarded": discarded(functional.relu_),
    "torch.relu": torch.relu,
    "torch.relu_ discarded": discarded(torch.relu_),
    "method": lambda h: h.relu(),
    "method in place": lambda h: h.relu_(),
    "method in place, discarded": discarded(lambda h: h.relu_()),
    "clamp(min=0)": lambda h: h.clamp(min=0),
    "clamp(0.0)": lambda h: h.clamp(0.0),
    "clamp_(min=0) discarded": discarded(lambda h: h.clamp_(min=0)),
    "clip(min=0)": lambda h: h.clip(min=0),
    "torch.clamp": lambda h: torch.clamp(h, min=0),
    "torch.clamp by keyword": lambda h: torch.clamp(input=h, min=0),
    "clamp_min": lambda h: h.clamp_min(0),
    "clamp_min_ discarded": discarded(lambda h: h.clamp_min_(0)),
    "torch.clamp_min": lambda h: torch.clamp_min(h, 0),
    "threshold": lambda h: functional.threshold(h, 0, 0),
    "torch.threshold_ discarded": discarded(lambda h: torch.threshold_(h, 0.0, 0.0)),
    "threshold module": nn.Threshold(0, 0),
    "threshold in place": nn.Threshold(0, 0, inplace=True),
}
SIXES: dict[str, Rectifier] = {
    "ReLU6": nn.ReLU6(),
    "ReLU6 in place": nn.ReLU6(inplace=True),
    "F.relu6": functional.relu6,
    "F.relu6 in place": lambda h: functional.relu6(h, inplace=True),
    "hardtanh(0, 6)": lambda h: functional.hardtanh(h, 0.0, 6.0),
    "hardtanh_ discarded": discarded(lambda h: functional.hardtanh_(h, 0.0, 6.0)),
    "hardtanh module": nn.Hardtanh(0.0, 6.0, inplace=True),
    "clamp(0, 6)": lambda h: h.clamp(0, 6),
    "clip_ discarded": discarded(lambda h: h.clip_(min=0, max=6)),
}
