"""lime 0.2: superpixel surrogates."""

from typing import Any

import numpy as np
import pytest
import torch
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer
from lime.submodular_pick import SubmodularPick
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances
from torch import Tensor

from tests.parity.truths import assert_near, defect
from xai_widget import Attribution, explain
from xai_widget.explainers.lime import draws

IMAGE = np.random.default_rng(0).random((8, 8, 3))
HALVES = np.repeat(np.repeat([[0, 1]], 8, axis=0), 4, axis=1)


def right_half(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two classes: how bright the right half is, and how dark."""
    bright = images[:, :, 4:].mean((1, 2, 3))
    return np.stack([bright, 1 - bright], axis=1)


def weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return their weight of each superpixel, in the order of the labels."""
    found = LimeImageExplainer(random_state=0).explain_instance(
        IMAGE,
        right_half,
        labels=(0,),
        top_labels=None,
        hide_color=0,
        num_samples=1000,
        segmentation_fn=lambda _image: labels,
    )
    of = dict(found.local_exp[0])
    return np.array([of.get(label, 0.0) for label in np.unique(labels)])


def test_the_half_that_matters_has_all_the_weight() -> None:
    """Convention: labels 0 and 1, black cover. Tolerance: 2 % for the ridge penalty's shrinkage."""
    bright = IMAGE[:, 4:].mean()
    assert_near(weights(HALVES), np.array([0.0, bright]), 0.02)


@defect("D21", "labels that do not begin at 0 give the wrong weights, silently")
def test_labels_may_begin_at_one() -> None:
    """Convention: names of superpixels do not matter; black cover. Tolerance: 2 % for the ridge penalty."""
    bright = IMAGE[:, 4:].mean()
    assert_near(weights(HALVES + 1), np.array([0.0, bright]), 0.02)


@defect("D22", "the submodular pick does not run on explanations of images", AttributeError)
def test_submodular_pick_of_images() -> None:
    """Convention: picks as many explanations as asked for. Tolerance: none."""
    picked = SubmodularPick(
        LimeImageExplainer(random_state=0),
        np.stack([IMAGE, IMAGE[::-1]]),
        right_half,
        method="full",
        num_exps_desired=1,
        segmentation_fn=lambda _image: HALVES,
        num_samples=50,
    )
    assert len(picked.sp_explanations) == 1


# Twelve superpixels of a grey picture, and two probabilities that depend on them in no linear way.
PATCHES = np.arange(12).reshape(3, 4).repeat(2, 0).repeat(2, 1)
PICTURE = torch.from_numpy(np.random.default_rng(5).normal(size=(1, 6, 8)))
MIX = torch.from_numpy(np.random.default_rng(6).normal(size=(6, 8)))


def network(x: Tensor) -> Tensor:
    y = (x[:, 0] * MIX).sum((1, 2)) + (x[:, 0, 0] * x[:, 0, 1]).sum(1)
    return torch.stack([y.sigmoid(), (-y).sigmoid()], dim=1)


def their_fit(samples: int, seed: int, **keywords: Any) -> tuple[NDArray[np.float64], float, float, float]:
    """Return what their regression makes of our samples: coefficients, intercept, R², its prediction."""

    def kernel(distance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sqrt(np.exp(-(distance**2) / 0.25**2))

    z = draws(samples, 12, seed).astype(float)
    probabilities = network(PICTURE * torch.from_numpy(z[:, PATCHES])[:, None]).numpy()
    distances = pairwise_distances(z, z[:1], metric="cosine").ravel()
    intercept, pairs, score, predicted = LimeBase(kernel, random_state=0).explain_instance_with_data(
        z, probabilities, distances, 0, **keywords
    )
    coefficients = np.zeros(12)
    for feature, weight in pairs:
        coefficients[feature] = weight
    return coefficients, float(intercept), float(score), float(predicted[0])


def ours(**keywords: Any) -> Attribution:
    return explain(network, PICTURE, "lime", target=0, segments=PATCHES, fill="zero", **keywords)


def test_ridge_on_the_same_samples() -> None:
    """Convention: cosine distance of z, width 0.25, ridge 1, probabilities, sample 0 is whole. Tolerance: float32."""
    coefficients, intercept, score, predicted = their_fit(300, 4, num_features=12, feature_selection="none")
    found = ours(samples=300, seed=4)
    assert_near(found.arrays["coefficients"], coefficients)
    assert found.meta["intercept"] == pytest.approx(intercept, abs=1e-9)
    assert found.meta["r2"] == pytest.approx(score, abs=1e-9)
    assert found.meta["local_prediction"] == pytest.approx(predicted, abs=1e-9)


def test_k_lasso_on_the_same_samples() -> None:
    """Convention: the latest point of the LASSO path with 4 features, then ridge 1. Tolerance: float32."""
    coefficients, *_ = their_fit(300, 4, num_features=4, feature_selection="lasso_path")
    found = ours(samples=300, seed=4, regression="k_lasso", features=4).arrays["coefficients"]
    assert set(np.flatnonzero(found)) == set(np.flatnonzero(coefficients))
    assert_near(found, coefficients)


def test_whole_runs_agree_in_distribution() -> None:
    """Convention: 3000 samples each, own draws, black cover. Tolerance: four standard errors of either."""

    def classify(images: NDArray[np.float64]) -> NDArray[np.float64]:
        return network(torch.from_numpy(images[..., 0])[:, None]).numpy()

    image = np.repeat(PICTURE.numpy().transpose(1, 2, 0), 3, axis=2)
    told = LimeImageExplainer(random_state=0).explain_instance(
        image, classify, labels=(0,), top_labels=None, hide_color=0, num_samples=3000, segmentation_fn=lambda _: PATCHES
    )
    theirs = np.array([dict(told.local_exp[0])[feature] for feature in range(12)])[PATCHES]
    found = ours(samples=3000)
    assert (np.abs(found.values - theirs) < 4 * np.sqrt(2) * found.error).all()
    assert (np.abs(theirs) > 4 * found.error).any()
