"""Measure what `docs/methods.md` says of every method, on the embedded networks, and write `docs/methods.json`.

For each method: whether its map is signed, its model evaluations at default parameters, and how much of the map is
left when the network's weights are drawn anew (the sanity check of Adebayo et al., NeurIPS 2018, arXiv:1810.03292).
Run after a change of a method or of the embedded networks (some minutes on one core):

    python -m tools.measure_methods
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from xai_widget import examples, explain, methods
from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.session import Session

TARGET: Final = Path(__file__).parent.parent / "docs" / "methods.json"
PHOTOS: Final = ("cat", "coffee", "rocket", "temple")
SEEDS: Final = (0, 1)
# A rank correlation below this says that the map follows the weights; above the other, that it hardly does.
PASSES: Final = 0.3
FAILS: Final = 0.7
# Enough samples for a rank correlation, and no more.
FEW: Final[dict[str, dict[str, Any]]] = {
    "integrated_gradients": {"steps": 16},
    "integrated_grad_cam": {"steps": 8},
    "interior_gradients": {"steps": 16},
    "smooth_grad": {"samples": 16},
    "noise_tunnel": {"samples": 4},
    "occlusion": {"window": 32, "stride": 16},
    "rise": {"samples": 600},
    "lime": {"samples": 300},
    "kernel_shap": {"samples": 400},
}


def main() -> None:
    """Measure every method and write the file."""
    found = {row.id: facts_of(row.id) for row in methods()}
    TARGET.write_text(json.dumps(found, indent=1) + "\n")


def facts_of(method: str) -> dict[str, Any]:
    """Return what is measured of one method."""
    net = network(method)
    cost, _ = Session.open(net, examples.photo("cat"), Binding()).cost(build_method(method, {}))
    return {
        "network": type_of(method),
        "forwards": cost.forwards,
        "backwards": cost.backwards,
        "signed": map_of(method, net, "cat").signed,
        "randomised": round(left_after_randomisation(method), 2),
    }


def type_of(method: str) -> str:
    """Return the name of the embedded network that `method` is measured on."""
    return "mosaic_net" if _works(method, "mosaic_net") else "tiny_deit"


@cache
def _works(method: str, name: str) -> bool:
    return next(row for row in methods(_trained(name)) if row.id == method).works is True


def network(method: str) -> nn.Module:
    """Return the trained network that `method` is measured on."""
    return _trained(type_of(method))


@cache
def _trained(name: str) -> nn.Module:
    net: nn.Module = getattr(examples, name)()
    return net


def left_after_randomisation(method: str) -> float:
    """Return the mean rank correlation of |map| of the trained network and of networks with weights drawn anew."""
    trained = network(method)
    found = []
    for seed in SEEDS:
        other = reinitialised(method, seed)
        for name in PHOTOS:
            before, after = map_of(method, trained, name), map_of(method, other, name)
            found.append(rank_correlation(before, after))
    return float(np.mean(found))


def reinitialised(method: str, seed: int) -> nn.Module:
    """Return the network of `method` with every weight drawn anew, as PyTorch initialises it."""
    net: nn.Module = getattr(examples, type_of(method))()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for module in net.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    return net


def map_of(method: str, net: nn.Module, photo: str) -> Attribution:
    """Return the map of the photo's own class."""
    return explain(net, examples.photo(photo), method, target=photo, **FEW.get(method, {}))


def rank_correlation(a: Attribution, b: Attribution) -> float:
    """Return Spearman's correlation of the magnitudes of two maps; 0 where one of them is constant."""
    first, second = np.abs(a.values).ravel(), np.abs(b.values).ravel()
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second).statistic)


if __name__ == "__main__":
    main()
