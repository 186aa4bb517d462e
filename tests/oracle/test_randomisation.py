"""Maps follow the weights: when these are drawn anew, what is left of a map belongs to the picture alone.

Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, arXiv:1810.03292. Figures are mean rank correlations of
magnitudes; `docs/methods.md` has them for every method.
"""

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from tools.measure_methods import (
    FAILS,
    PASSES,
    UPPER_HALF,
    left_after_randomisation,
    network,
    rank_correlation,
    redrawn,
    verdict,
)
from xai_widget import examples, explain, methods
from xai_widget.explainers import build_method

pytestmark = pytest.mark.slow

METHODS = [row.id for row in methods()]
# All weights anew: nothing of the map is left.
FOLLOW = {
    "cam", "grad_cam", "grad_cam_pp", "layer_cam", "score_cam", "integrated_grad_cam", "guided_grad_cam",
    "saliency", "input_x_gradient", "integrated_gradients", "interior_gradients", "noise_tunnel",
    "guided_backprop", "occlusion", "rise", "attention_rollout", "transformer_attribution",
}  # fmt: skip
# Something is left that the picture and the architecture bring: large superpixels matter more to any network, edges
# are edges to any filter.
IN_PART = {"smooth_grad", "deconvolution", "lime", "kernel_shap", "lrp"}


@cache
def left(method: str, share: float) -> float:
    return left_after_randomisation(method, share)


def test_every_method_is_told() -> None:
    assert set(METHODS) == FOLLOW | IN_PART
    assert not FOLLOW & IN_PART


@pytest.mark.parametrize("method", sorted(FOLLOW))
def test_nothing_is_left_of_the_map_when_all_weights_are_drawn_anew(method: str) -> None:
    assert left(method, 1.0) < PASSES


@pytest.mark.parametrize("method", sorted(IN_PART))
def test_of_some_maps_a_part_is_left(method: str) -> None:
    assert left(method, 1.0) < 0.55


@pytest.mark.parametrize("method", ["guided_backprop", "deconvolution", "lrp", "attention_rollout"])
def test_some_maps_hardly_look_at_what_upper_layers_learned(method: str) -> None:
    """The classes are told apart in the upper half of the layers: these maps stay as they were when it is random.

    That is the paper's finding for guided backpropagation: no change in a cascade from the top until the lowest layers.
    """
    assert left(method, UPPER_HALF) > FAILS


@pytest.mark.parametrize("method", ["cam", "grad_cam", "integrated_grad_cam", "guided_grad_cam", "occlusion"])
def test_these_maps_do_not_survive_random_upper_layers(method: str) -> None:
    assert left(method, UPPER_HALF) < PASSES


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_verdict_that_a_method_shows_is_the_one_that_is_measured(method: str) -> None:
    assert type(build_method(method, {})).randomisation == verdict(left(method, 1.0), left(method, UPPER_HALF))


# -- the measurement itself ---------------------------------------------------------------------------------------------


def test_only_the_upper_layers_are_drawn_anew_and_signals_keep_their_size() -> None:
    trained = network("saliency")
    other = redrawn(trained, UPPER_HALF, seed=0)
    before, after = trained.state_dict(), other.state_dict()
    changed = {name.split(".")[0] for name in before if name.endswith("weight") and (before[name] != after[name]).any()}
    assert changed == {"layer3", "layer4", "head"}
    picture = torch.stack([trained.transform(examples.photo(name)) for name in ("cat", "rocket")])
    with torch.no_grad():
        assert 0.1 < float(other(picture).std() / trained(picture).std()) < 10
    assert not other.training


def test_all_layers_are_drawn_anew_and_the_trained_network_stays_as_it_was() -> None:
    trained = network("saliency")
    before = {name: values.clone() for name, values in trained.state_dict().items()}
    other = redrawn(trained, 1.0, seed=0).state_dict()
    for name, values in trained.state_dict().items():
        assert torch.equal(values, before[name]), name
        if name.endswith("conv.weight"):
            assert abs(np.corrcoef(values.flatten(), other[name].flatten())[0, 1]) < 0.2, name
    assert not torch.equal(redrawn(trained, 1.0, seed=1).head.fc.weight, other["head.fc.weight"])


def test_the_same_network_has_all_of_its_map_left() -> None:
    net: nn.Module = network("saliency")
    a = explain(net, examples.photo("cat"), "saliency", target="cat")
    assert rank_correlation(a, a) == pytest.approx(1.0)
