"""Maps point at what the network reads: a known patch or block for each class, and the object of a trained network."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.networks import ATTENTIVE
from tests.readers import AttentiveReaders, Readers
from xai_widget import Attribution, Contrast, examples, explain, methods
from xai_widget.explainers import IntegratedGradients

SPECIFIC = [row.id for row in methods() if row.class_specific]


# -- networks that read one known place for each class ----------------------------------------------------------------


BLOCK = 8
SIZES = {2: (32, 32), 3: (12, 12, 12)}
PLACES: dict[int, list[tuple[slice, ...]]] = {
    2: [(slice(8, 16), slice(16, 24)), (slice(16, 24), slice(0, 8))],
    3: [(slice(3, 6), slice(6, 9), slice(3, 6)), (slice(6, 9), slice(0, 3), slice(9, 12))],
}
PATCHES = (6, 8)  # those places among 4x4 patches


def blocks(dims: int) -> NDArray[np.int64]:
    """A label map: 4 blocks a side, so that each place is one of them."""
    axes = np.meshgrid(*(np.arange(length) // (length // 4) for length in SIZES[dims]), indexing="ij")
    return sum(axis * 4**i for i, axis in enumerate(axes))


def params(method: str, dims: int) -> dict[str, Any]:
    few: dict[str, dict[str, Any]] = {
        "integrated_grad_cam": {"steps": 4},
        "integrated_gradients": {"steps": 4},
        "interior_gradients": {"steps": 4},
        "smooth_grad": {"samples": 4},
        "noise_tunnel": {"of": IntegratedGradients(steps=2), "samples": 4},
        "occlusion": {"window": 3, "stride": 1},
        "rise": {"samples": 600, "cells": 4, "score": "logit"},
        "lime": {"segments": blocks(dims), "samples": 300, "fill": "zero", "score": "logit"},
        "kernel_shap": {"segments": blocks(dims), "samples": 300, "fill": "zero"},
    }
    return few.get(method, {})


def bright(dims: int) -> Tensor:
    """An input that is bright everywhere, and a little uneven: nothing but the network makes a place special."""
    generator = torch.Generator().manual_seed(0)
    return 0.9 + 0.2 * torch.rand(1, 1, *SIZES[dims], generator=generator)


def reader(method: str, dims: int) -> nn.Module:
    if method in ATTENTIVE:
        return AttentiveReaders(PATCHES, 4, BLOCK).eval()
    return Readers(PLACES[dims], SIZES[dims]).eval()


@cache
def found(method: str, dims: int, target: Any) -> Attribution:
    return explain(reader(method, dims), bright(dims), method, target=target, dims=dims, **params(method, dims))


def inside(place: tuple[slice, ...], size: tuple[int, ...]) -> NDArray[np.bool_]:
    where = np.zeros(size, dtype=bool)
    where[place] = True
    return where


def share(values: NDArray[Any], where: NDArray[np.bool_]) -> float:
    """The part of what speaks for the target that lies inside."""
    positive = values.clip(min=0)
    return float(positive[where].sum() / max(1e-12, positive.sum()))


def is_at(values: NDArray[Any], where: NDArray[np.bool_]) -> bool:
    """Whether the maximum lies inside."""
    return bool(where[np.unravel_index(values.argmax(), values.shape)])


# All of the map lies in the place, apart from what is said here: windows reach beyond it, maps of patches fade out when
# they are enlarged, a ridge shrinks what is there, and every place of RISE's map carries the mean score, so that it says something by its differences alone.
LEAST_SHARE = {"occlusion": 0.3, "score_cam": 0.95, "lime": 0.9, "transformer_attribution": 0.5, "rise": 0.0}
# They keep what speaks for the target alone: nothing in the map stands for the other class.
ONE_SIDED = {"grad_cam_pp", "layer_cam", "score_cam"}

# Without signs, for a contrast too.
MAGNITUDES = frozenset(
    {
        "saliency", "interior_gradients", "smooth_grad", "guided_backprop", "deconvolution", "guided_grad_cam",
        "transformer_attribution",
    }
)  # fmt: skip


def planted(without: frozenset[str] = frozenset()) -> list[Any]:
    chosen = [method for method in SPECIFIC if method not in without]
    pairs = [(method, dims) for method in chosen for dims in SIZES if method not in ATTENTIVE or dims == 2]
    return [pytest.param(method, dims, id=f"{method}-{dims}d") for method, dims in pairs]


@pytest.mark.parametrize("target", [1, 2])
@pytest.mark.parametrize(("method", "dims"), planted())
def test_the_map_of_a_class_lies_where_the_network_reads_for_it(method: str, dims: int, target: int) -> None:
    values = found(method, dims, target).resized()
    where = inside(PLACES[dims][target - 1], SIZES[dims])
    assert is_at(values, where)
    assert share(values, where) >= LEAST_SHARE.get(method, 0.98)


@pytest.mark.parametrize("dims", SIZES)
def test_rise_is_brightest_on_the_place_as_a_whole(dims: int) -> None:
    values, where = found("rise", dims, 1).resized(), inside(PLACES[dims][0], SIZES[dims])
    assert values[where].mean() > values[~where].mean() + 4 * found("rise", dims, 1).error.mean()


@pytest.mark.parametrize(("method", "dims"), planted(without=MAGNITUDES))
def test_a_contrast_finds_both_places_each_with_its_sign(method: str, dims: int) -> None:
    contrast = found(method, dims, Contrast(1, 2))
    assert contrast.signed
    values, (first, second) = contrast.resized(), (inside(place, SIZES[dims]) for place in PLACES[dims])
    assert is_at(values, first)
    if method not in ONE_SIDED:
        assert is_at(-values, second)


# -- a trained network, and scenes of four objects ----------------------------------------------------------------------

FEW: dict[str, dict[str, Any]] = {
    "integrated_grad_cam": {"steps": 6},
    "integrated_gradients": {"steps": 12},
    "interior_gradients": {"steps": 12},
    "smooth_grad": {"samples": 12},
    "noise_tunnel": {"of": IntegratedGradients(steps=8), "samples": 4},
    "occlusion": {"window": 32, "stride": 16},
    "rise": {"samples": 500},
    "lime": {"samples": 300, "fill": "mean", "score": "logit"},
    "kernel_shap": {"samples": 300},
}
QUICK = "mosaic_net"
LONG = {"noise_tunnel", "rise", "lime", "kernel_shap"}
SCENES = range(3)
# The object takes a quarter of the scene, and chance would give 0.25 for both: the mean share of the map on the object,
# and how often the maximum is on it. What was measured, less a margin.
OBJECT: dict[str, dict[str, tuple[float, float]]] = {
    "mosaic_net": {
        "cam": (0.95, 1.0),
        "grad_cam": (0.93, 1.0),
        "grad_cam_pp": (0.55, 0.9),
        "layer_cam": (0.55, 0.9),
        "score_cam": (0.5, 0.9),
        "integrated_grad_cam": (0.8, 0.9),
        "saliency": (0.5, 0.6),
        "input_x_gradient": (0.5, 0.6),
        "integrated_gradients": (0.6, 0.7),
        "interior_gradients": (0.5, 0.7),
        "smooth_grad": (0.55, 0.8),
        "noise_tunnel": (0.55, 0.7),
        "guided_backprop": (0.5, 0.8),
        "guided_grad_cam": (0.95, 1.0),
        "occlusion": (0.85, 1.0),
        "rise": (0.4, 0.9),
        "lime": (0.8, 0.9),
        "kernel_shap": (0.8, 0.8),
        "lrp": (0.9, 0.8),
    },
    "tiny_deit": {
        "grad_cam": (0.6, 0.9),
        "grad_cam_pp": (0.6, 0.8),
        "layer_cam": (0.6, 0.6),
        "score_cam": (0.6, 0.9),
        "integrated_grad_cam": (0.45, 0.8),
        "saliency": (0.33, 0.4),
        "input_x_gradient": (0.3, 0.4),
        "integrated_gradients": (0.45, 0.6),
        "interior_gradients": (0.33, 0.35),
        "smooth_grad": (0.35, 0.5),
        "noise_tunnel": (0.45, 0.7),
        "occlusion": (0.7, 0.9),
        "rise": (0.38, 0.9),
        "lime": (0.7, 0.8),
        "kernel_shap": (0.7, 0.7),
        "transformer_attribution": (0.6, 0.9),
    },
}
# Its map of a deep network does not know the class: there, the object has the share that chance would give it.
ELSEWHERE = "deconvolution"


@cache
def network(name: str) -> nn.Module:
    return getattr(examples, name)()


@cache
def on_object(name: str, method: str) -> tuple[float, float]:
    """Mean share of the map on the object that was asked about, and how often its maximum is there."""
    shares, hits = [], []
    for seed in SCENES:
        scene = examples.mosaic(seed=seed)
        for label in dict.fromkeys(scene.labels):
            values = explain(network(name), scene.image, method, target=label, **FEW.get(method, {})).resized()
            values = values - values.min() if method == "rise" else values
            shares.append(share(values, scene.mask(label)))
            hits.append(is_at(values, scene.mask(label)))
    return float(np.mean(shares)), float(np.mean(hits))


def test_every_method_that_is_of_a_class_is_in_the_table() -> None:
    for name, expected in OBJECT.items():
        works = {row.id for row in methods(network(name)) if row.works and row.class_specific}
        assert works - {ELSEWHERE} == set(expected), name


@pytest.mark.parametrize(
    ("name", "method"),
    [
        pytest.param(
            name,
            method,
            id=f"{name}-{method}",
            marks=[] if name == QUICK and method not in LONG else [pytest.mark.slow],
        )
        for name, expected in OBJECT.items()
        for method in expected
    ],
)
def test_the_map_of_a_trained_network_lies_on_the_object_that_was_asked_about(name: str, method: str) -> None:
    least_share, least_hits = OBJECT[name][method]
    shares, hits = on_object(name, method)
    assert shares >= least_share
    assert hits >= least_hits


def test_deconvolution_does_not_tell_where_the_object_is() -> None:
    shares, hits = on_object("mosaic_net", ELSEWHERE)
    assert shares == pytest.approx(0.25, abs=0.05)
    assert hits < 0.6


@pytest.mark.slow
def test_superpixels_covered_with_their_own_mean_still_tell_the_network_what_was_there() -> None:
    """A surrogate may imitate well what the network makes of the colours left: r2 and stability do not prove a map."""
    scene, net = examples.mosaic(seed=0), network("tiny_deit")
    where = scene.mask("rocket")
    given = {"target": "rocket", "samples": 600, "segments": "slic", "score": "logit"}
    own, grey = (explain(net, scene.image, "lime", fill=fill, **given) for fill in ("segment_mean", "mean"))
    assert own.meta["r2"] > 0.9
    assert own.meta["stability"] > 0.9
    assert share(own.resized(), where) < 0.25  # chance
    assert share(grey.resized(), where) > 0.7
