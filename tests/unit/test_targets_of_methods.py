"""Every method and every kind of target: a class, its label, A rather than B, a function of the logits."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from tests.networks import ATTENTIVE, NETWORKS, cheap
from tests.zoo import ZOO, picture
from xai_widget import Attribution, Contrast, explain, explain_batch, methods

LABELS = ("ant", "bee", "cat", "dog", "eel")
SPECIFIC = [row.id for row in methods() if row.class_specific]
UNSPECIFIC = [row.id for row in methods() if not row.class_specific]
# For these the map of a sum of targets is the sum of the maps (the CAM family without its ReLU).
LINEAR = (
    "cam", "grad_cam", "integrated_grad_cam", "input_x_gradient", "integrated_gradients", "noise_tunnel",
    "occlusion", "rise", "lime", "kernel_shap", "lrp",
)  # fmt: skip
# A magnitude is taken at the end, of channels that are linear.
LINEAR_IN_CHANNELS = ("saliency", "smooth_grad")
RECTIFYING = ("cam", "grad_cam", "grad_cam_pp", "layer_cam", "score_cam", "integrated_grad_cam")
# Heads that are linear behind the layer, and not.
HEADS = ("plain", "flat head")


def bee(logits: Tensor) -> Tensor:
    return logits[:, 1]


def bee_rather_than_dog(logits: Tensor) -> Tensor:
    return logits[:, 1] - logits[:, 3]


def evidence_of_animals_with_legs(logits: Tensor) -> Tensor:
    return logits[:, :4].logsumexp(1)


def given(method: str, head: str) -> tuple[Any, Any, dict[str, Any]]:
    """A model that the method takes, an input, and cheap parameters: no ReLU at the end."""
    if method in ATTENTIVE:
        net = NETWORKS["vit"]
        return net.model(), net.picture(), {}
    params = dict(cheap(method, (3, 16, 16)))
    if method == "noise_tunnel":
        params["of"] = "input_x_gradient"
    if method in RECTIFYING:
        params["relu"] = False
    return ZOO[head](), picture(), params


@cache
def found(method: str, head: str, target: Any) -> Attribution:
    model, x, params = given(method, head)
    return explain(model, x, method, target=target, labels=LABELS, **params)


def assert_close(a: NDArray[Any], b: NDArray[Any]) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * float(np.abs(b).max()))


def pairs(chosen: Any) -> list[Any]:
    return [
        pytest.param(method, head, id=f"{method}-{head}")
        for method in chosen
        for head in HEADS
        if (method, head) != ("cam", "flat head") and (method not in ATTENTIVE or head == "plain")
    ]


@pytest.mark.parametrize(("method", "head"), pairs(SPECIFIC))
def test_index_label_and_a_function_of_the_same_logit_give_one_map(method: str, head: str) -> None:
    by_index, by_label, by_function = (found(method, head, target) for target in (1, "bee", bee))
    assert np.abs(by_index.values).max() > 0
    assert (by_index.label, by_label.label, by_function.label) == ("bee", "bee", "bee")
    assert (by_index.target, by_label.target, by_function.target) == (1, 1, bee)
    assert_close(by_label.values, by_index.values)
    assert_close(by_function.values, by_index.values)


@pytest.mark.parametrize(("method", "head"), pairs(SPECIFIC))
def test_the_map_is_of_the_class_that_was_asked(method: str, head: str) -> None:
    bees, dogs = (found(method, head, target).values for target in (1, 3))
    assert np.abs(bees - dogs).max() > 1e-3 * np.abs(bees).max()


@pytest.mark.parametrize(("method", "head"), pairs(SPECIFIC))
def test_a_contrast_is_a_function_of_two_logits(method: str, head: str) -> None:
    contrast = found(method, head, Contrast("bee", 3))
    assert contrast.label == "bee rather than dog"
    assert contrast.target == Contrast(1, 3)
    assert_close(contrast.values, found(method, head, bee_rather_than_dog).values)


@pytest.mark.parametrize(("method", "head"), pairs(LINEAR))
def test_the_map_of_a_contrast_is_the_difference_of_the_maps(method: str, head: str) -> None:
    bees, dogs = (found(method, head, target).values for target in (1, 3))
    assert_close(found(method, head, Contrast(1, 3)).values, bees - dogs)


@pytest.mark.parametrize(("method", "head"), pairs(LINEAR_IN_CHANNELS))
def test_the_channels_of_a_contrast_are_the_difference_of_the_channels(method: str, head: str) -> None:
    bees, dogs = (found(method, head, target).channels for target in (1, 3))
    assert_close(found(method, head, Contrast(1, 3)).channels, bees - dogs)


@pytest.mark.parametrize("method", [method for method in SPECIFIC if method not in LINEAR])
def test_of_the_other_methods_the_difference_is_another_map(method: str) -> None:
    bees, dogs = (found(method, "flat head", target).values for target in (1, 3))
    contrast = found(method, "flat head", Contrast(1, 3)).values
    assert np.abs(contrast - (bees - dogs)).max() > 1e-2 * np.abs(contrast).max()


@pytest.mark.parametrize(("method", "head"), pairs(SPECIFIC))
def test_a_function_of_several_logits_is_explained(method: str, head: str) -> None:
    values = found(method, head, evidence_of_animals_with_legs).values
    assert np.isfinite(values).all()
    assert np.abs(values).max() > 0


@pytest.mark.parametrize("method", [method for method in RECTIFYING if method != "cam"])  # which has no ReLU
def test_a_contrast_turns_the_relu_off_and_a_class_does_not(method: str) -> None:
    model, x, params = given(method, "flat head")
    params.pop("relu", None)
    of_class, of_contrast = (explain(model, x, method, target=t, **params) for t in (1, Contrast(1, 3)))
    assert (of_class.signed, of_contrast.signed) == (False, True)
    assert of_class.values.min() >= 0


@pytest.mark.parametrize("method", UNSPECIFIC)
def test_methods_that_are_not_of_a_class_give_the_same_map_for_every_target(method: str) -> None:
    first, *others = (found(method, "plain", target).values for target in (0, 1, "dog", Contrast(1, 3), bee))
    assert np.abs(first).max() > 0
    for values in others:
        np.testing.assert_array_equal(values, first)


@pytest.mark.parametrize(("method", "head"), pairs(SPECIFIC))
def test_in_a_batch_every_input_has_a_target_of_its_own(method: str, head: str) -> None:
    model, x, params = given(method, head)
    params.pop("relu", None)  # as it comes: on for a class, off for a contrast
    targets = [1, "dog", Contrast(1, 3), evidence_of_animals_with_legs]
    together = explain_batch(model, [x] * 4, method, targets=targets, labels=LABELS, **params)
    for target, one in zip(targets, together, strict=True):
        alone = explain(model, x, method, target=target, labels=LABELS, **params)
        assert (one.label, one.signed) == (alone.label, alone.signed)
        assert_close(one.values, alone.values)
