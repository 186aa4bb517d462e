"""Measure what `docs/methods.md` says of every method, on the embedded networks, and write `docs/methods.json`.

For each method: whether its map is signed, its model evaluations at default parameters, and how much of the map is left
when weights of the network are drawn anew: all of them, and those of the upper half of its layers (the sanity check of
Adebayo et al., NeurIPS 2018, arXiv:1810.03292, and its cascade from the top halfway down). Run after a change of a method
or of the embedded networks (some minutes on one core):

    python -m tools.measure_methods
"""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from xai_widget import examples, explain, methods
from xai_widget.attribution import Attribution
from xai_widget.binding import Binding
from xai_widget.explainers import build_method
from xai_widget.explainers.method import Randomisation
from xai_widget.session import Session

TARGET: Final = Path(__file__).parent.parent / "docs" / "methods.json"
PHOTOS: Final = ("cat", "coffee", "rocket", "temple")
SEEDS: Final = (0, 1)
# Scenes on which batch norms take the statistics of a network whose weights are drawn anew.
SCENES: Final = range(100, 116)
UPPER_HALF: Final = 0.5
# A rank correlation below this says that the map follows the weights drawn anew; above the other, that it hardly does.
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
        "upper_half_randomised": round(left_after_randomisation(method, UPPER_HALF), 2),
    }


def verdict(*correlations: float) -> Randomisation:
    """Return the reading of what is left of a map, by the larger of the rank correlations.

    Examples
    --------
    >>> verdict(0.1), verdict(0.1, 0.5), verdict(0.1, 0.9)
    ('passes', 'partly', 'fails')
    """
    worst = max(correlations)
    if worst < PASSES:
        return "passes"
    return "fails" if worst > FAILS else "partly"


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


def left_after_randomisation(method: str, share: float = 1.0) -> float:
    """Return the mean rank correlation of |map| of the trained network and of networks with weights drawn anew.

    Parameters
    ----------
    method : str
        An id.
    share : float
        Of the layers whose weights are drawn anew, counted from the output down, in (0, 1].
    """
    trained = network(method)
    before = {name: map_of(method, trained, name) for name in PHOTOS}
    found = []
    for seed in SEEDS:
        other = redrawn(trained, share, seed)
        found += [rank_correlation(before[name], map_of(method, other, name)) for name in PHOTOS]
    return float(np.mean(found))


@torch.no_grad()
def redrawn(net: nn.Module, share: float, seed: int) -> nn.Module:
    """Return a copy of an example network with the upper `share` of its layers drawn anew.

    Every tensor of weights is drawn from the normal distribution with its own mean and standard deviation, so that
    signals keep their size; batch norms take the statistics of the new network.
    """
    generator = torch.Generator().manual_seed(seed)
    net = copy.deepcopy(net)
    layers = [layer for layer in net.modules() if list(layer.parameters(recurse=False))]
    upper = layers[round(len(layers) * (1 - share)) :]
    for layer in upper:
        for weights in layer.parameters(recurse=False):
            spread = weights.std(correction=0)
            weights.copy_(weights.mean() + spread * torch.randn(weights.shape, generator=generator))
    norms = [layer for layer in upper if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    transform = cast("Any", net).transform
    net(torch.stack([transform(examples.mosaic(seed=scene).image) for scene in SCENES]))
    return net.eval()


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
