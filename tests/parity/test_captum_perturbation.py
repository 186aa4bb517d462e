"""captum 0.9: occlusion, Shapley values."""

import pytest
import torch
from captum.attr import KernelShap, Occlusion, ShapleyValues
from torch import Tensor

from tests.parity.truths import assert_near, defect, plain, shapley, volume
from tests.zoo import Volumetric, picture, seeded
from xai_widget import explain

TARGET = 2
pytestmark = pytest.mark.filterwarnings("ignore:::captum")


@pytest.mark.parametrize(("window", "stride"), [(4, 4), (4, 2), (6, 5), (1, 1)])
@pytest.mark.parametrize("fill", [0.0, 0.7])
def test_occlusion(window: int, stride: int, fill: float) -> None:
    """Convention: windows over all channels, sizes that divide the picture, mean over windows. Tolerance: float32."""
    model, x = plain(), picture().double()
    theirs = Occlusion(model).attribute(
        x[None],
        sliding_window_shapes=(3, window, window),
        strides=(3, stride, stride),
        baselines=fill,
        target=TARGET,
        perturbations_per_eval=16,
    )[0]
    ours = explain(model, x, "occlusion", target=TARGET, window=window, stride=stride, fill=fill).values
    assert_near(ours, theirs[0], 1e-5)


def test_occlusion_where_sizes_do_not_divide() -> None:
    """Convention: they crop the last window at the border, we move it inside; the others agree. Tolerance: float32."""
    model, x = plain(), picture().double()
    theirs = Occlusion(model).attribute(
        x[None], sliding_window_shapes=(3, 5, 5), strides=(3, 4, 4), baselines=0, target=TARGET
    )[0, 0]
    ours = explain(model, x, "occlusion", target=TARGET, window=5, stride=4).values
    assert_near(ours[:11, :11], theirs[:11, :11], 1e-5)  # what only the windows at 0, 4 and 8 cover
    assert abs(ours[12:, 12:] - theirs[12:, 12:].numpy()).max() > 0.01 * abs(ours).max()


def test_occlusion_of_a_volume() -> None:
    """Convention: as in two dimensions. Tolerance: float32."""
    model, x = seeded(Volumetric).eval().double(), volume()
    theirs = Occlusion(model).attribute(
        x[None], sliding_window_shapes=(1, 4, 4, 4), strides=(1, 2, 2, 2), target=1, perturbations_per_eval=27
    )[0, 0]
    assert_near(explain(model, x, "occlusion", target=1, window=4, stride=2).values, theirs, 1e-5)


def test_exact_shapley_values_of_superpixels() -> None:
    """Convention: black baseline, six superpixels, all permutations; ours all coalitions. Tolerance: their sums are float32."""
    model, x = plain(), picture().double()
    labels = torch.arange(6).repeat_interleave(3)[:16].repeat(16, 1)
    theirs = ShapleyValues(model).attribute(
        x[None], target=TARGET, feature_mask=labels.repeat(1, 3, 1, 1), perturbations_per_eval=36
    )[0, 0]
    ours = explain(model, x, "kernel_shap", target=TARGET, segments=labels.numpy(), fill="zero")
    assert_near(ours.values, theirs, 1e-5)


def game(x: Tensor) -> Tensor:
    """Six features, some of which work together."""
    return x[:, 0] * x[:, 1] + 2 * x[:, 2] * x[:, 3] - x[:, 4] * x[:, 0] + x[:, 5]


@defect("D17", "coalitions are drawn with replacement, so that not even all 62 of them give the exact values")
def test_kernel_shap_of_six_features() -> None:
    """Convention: baseline 0; 62 coalitions determine the values. Tolerance: one percent, with 200 samples."""
    torch.manual_seed(0)
    x = torch.arange(1.0, 7.0)[None]
    theirs = KernelShap(game).attribute(x, n_samples=200)[0]
    truth = shapley(lambda keep: float(game(x * torch.from_numpy(keep))), 6)
    assert_near(theirs, truth, 0.01)
