"""shap 0.51: Kernel SHAP."""

import numpy as np
import pytest
import shap
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.parity.truths import assert_near, defect, shapley
from xai_widget import explain

PIXELS = torch.arange(1.0, 25.0, dtype=torch.float64).reshape(1, 4, 6) / 10
WEIGHTS = np.random.default_rng(0).normal(size=30)
pytestmark = pytest.mark.filterwarnings("ignore:::shap")


def additive(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return z @ WEIGHTS


@defect("D23", "by default all but ten features are 0")
def test_kernel_shap_of_an_additive_model() -> None:
    """Convention: defaults; the Shapley values of a weighted sum are its weights. Tolerance: 1e-6."""
    peer = shap.KernelExplainer(additive, np.zeros((1, 30)))
    assert_near(peer.shap_values(np.ones((1, 30)), silent=True)[0], WEIGHTS, 1e-6)


def test_kernel_shap_is_exact_where_all_coalitions_are_measured() -> None:
    """Convention: l1_reg=False, against the definition. Tolerance: 1e-9 of float64."""

    def game(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return z[:, 0] * z[:, 1] + 2 * z[:, 2] * z[:, 3] - 6 * z[:, 4] * z[:, 0] + z[:, 5]

    peer = shap.KernelExplainer(game, np.zeros((1, 6)))
    theirs = peer.shap_values(np.ones((1, 6)), l1_reg=False, silent=True)[0]
    assert_near(theirs, shapley(lambda keep: float(game(keep[None].astype(float))[0]), 6), 1e-9)


def network(x: Tensor) -> Tensor:
    """Two logits of a picture `[N, 1, 4, 6]` whose columns work together."""
    columns = x.sum((1, 2))
    together = (columns[:, 1:] * columns[:, :-1]).tanh().sum(1) + columns[:, 0] * columns[:, 5]
    return torch.stack([together, columns.sum(1)], dim=1)


def of_columns(target: int, columns: int = 6) -> NDArray[np.float64]:
    """Return their values of the picture's columns, which turn to 0 where they are absent."""

    def scores(keep: NDArray[np.float64]) -> NDArray[np.float64]:
        return network(PIXELS * torch.from_numpy(keep)[:, None, None])[:, target].numpy()

    peer = shap.KernelExplainer(scores, np.zeros((1, columns)))
    return peer.shap_values(np.ones((1, columns)), l1_reg=False, silent=True)[0]


@pytest.mark.parametrize("target", [0, 1])
def test_all_coalitions_of_superpixels(target: int) -> None:
    """Convention: l1_reg=False, all 62 coalitions, absent is 0, logits. Tolerance: float32."""
    labels = np.tile(np.arange(6), (4, 1))
    ours = explain(network, PIXELS, "kernel_shap", target=target, segments=labels, fill="zero")
    assert ours.meta["exact"]
    assert_near(ours.values[0], of_columns(target))
    assert_near(ours.values, np.tile(of_columns(target), (4, 1)))


def test_some_coalitions_of_an_additive_model() -> None:
    """Convention: 200 coalitions of 24 features, l1_reg=False; any that determine the answer do. Tolerance: 1e-5."""
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 6)))

    def weighted(x: Tensor) -> Tensor:
        y = (x[:, 0] * weights).sum((1, 2))
        return torch.stack([y, -y], dim=1)

    def scores(keep: NDArray[np.float64]) -> NDArray[np.float64]:
        return weighted(PIXELS * torch.from_numpy(keep).reshape(-1, 1, 4, 6))[:, 0].numpy()

    peer = shap.KernelExplainer(scores, np.zeros((1, 24)))
    theirs = peer.shap_values(np.ones((1, 24)), nsamples=200, l1_reg=False, silent=True)[0]
    ours = explain(
        weighted, PIXELS, "kernel_shap", target=0, segments=np.arange(24).reshape(4, 6), fill="zero", samples=200
    )
    assert_near(ours.values, theirs.reshape(4, 6), 1e-5)
