"""LIME and Kernel SHAP on volumes cut into regions: SLIC in millimetres, atlases, and a table by region."""

from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.zoo import Scan, seeded, volume
from xai_widget import explain, explain_batch
from xai_widget.arrays import Array

SIZE = (10, 12, 14)
SURROGATES = ("lime", "kernel_shap")
# An atlas as they come: 0 is the background, numbers have gaps, and a region may be in two parts.
ATLAS = np.zeros(SIZE, np.int16)
ATLAS[1:4, 1:6, 1:12], ATLAS[4:7, 1:6, 1:12], ATLAS[7:9, 2:5, 3:6], ATLAS[7:9, 8:11, 3:6] = 17, 1001, 2, 2
FOREGROUND = ATLAS > 0


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return seeded(Scan).eval()


def scan(spacing: tuple[float, ...], size: tuple[int, ...], seed: int = 0) -> Any:
    """A smooth volume as a NIfTI image whose voxels have this size, turned in space."""
    coarse = torch.randn(1, 1, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    smooth = functional.interpolate(coarse, size=size, mode="trilinear")[0, 0]
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    return nibabel.Nifti1Image(smooth.numpy(), affine)


def extents(labels: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """How long the segments are along each axis in mm, on average: that of a box with the same spread."""
    places = [np.argwhere(labels == number) for number in np.unique(labels)]
    return np.mean([place.std(0) * spacing * np.sqrt(12) for place in places], axis=0)


@pytest.mark.parametrize("spacing", [(4.0, 1.0, 1.0), (1.0, 1.0, 5.0), (0.5, 2.0, 1.0)])
def test_supervoxels_are_as_long_in_mm_along_every_axis(model: nn.Module, spacing: tuple[float, ...]) -> None:
    size = tuple(round(48 / length) for length in spacing)  # 48 mm a side
    image = scan(spacing, size)
    blind = explain(model, np.asarray(image.dataobj), "lime", n_segments=30, samples=40).arrays["labels"]
    found = explain(model, image, "lime", n_segments=30, samples=40).arrays["labels"]
    assert extents(blind, spacing).max() > 1.8 * extents(blind, spacing).min()
    assert extents(found, spacing).max() < 1.4 * extents(found, spacing).min()
    assert 15 <= len(np.unique(found)) <= 45


def test_voxels_that_are_cubes_are_cut_as_they_are(model: nn.Module) -> None:
    image = scan((2.0, 2.0, 2.0), SIZE)
    cut = [explain(model, x, "lime", samples=20).arrays["labels"] for x in (image, np.asarray(image.dataobj))]
    assert np.array_equal(*cut)


def test_each_volume_of_a_batch_is_cut_by_its_own_spacing(model: nn.Module) -> None:
    scans = [scan(spacing, (12, 24, 24)) for spacing in ((4.0, 1.0, 1.0), (1.0, 1.0, 4.0))]
    together = explain_batch(model, scans, "lime", n_segments=20, samples=30)
    alone = [explain(model, one, "lime", n_segments=20, samples=30) for one in scans]
    for found, expected in zip(together, alone, strict=True):
        assert np.array_equal(found.arrays["labels"], expected.arrays["labels"])
    assert not np.array_equal(alone[0].arrays["labels"], alone[1].arrays["labels"])


@pytest.mark.parametrize("method", SURROGATES)
def test_an_atlas_comes_as_array_tensor_or_image(model: nn.Module, method: str) -> None:
    atlases = [ATLAS, Array(ATLAS), torch.from_numpy(ATLAS), nibabel.Nifti1Image(ATLAS, np.eye(4))]
    ask = {"target": 1, "samples": 16}
    found = [explain(model, volume(SIZE), method, segments=atlas, **ask) for atlas in atlases]
    assert found[0].values.any()
    assert all(np.array_equal(one.values, found[0].values) for one in found)


@pytest.mark.parametrize("method", SURROGATES)
def test_label_0_is_a_region_until_a_mask_leaves_it_out(model: nn.Module, method: str) -> None:
    whole = explain(model, volume(SIZE), method, target=1, segments=ATLAS, samples=16, fill="zero")
    assert whole.arrays["numbers"].tolist() == [0, 2, 17, 1001]
    assert whole.values[~FOREGROUND] == pytest.approx(whole.arrays["coefficients"][0], rel=1e-6)
    found = explain(model, volume(SIZE), method, target=1, segments=ATLAS, samples=16, fill="zero", mask=FOREGROUND)
    assert found.arrays["numbers"].tolist() == [2, 17, 1001]
    assert (found.arrays["labels"][~FOREGROUND] == -1).all()
    assert not found.values[~FOREGROUND].any()


@pytest.mark.parametrize("method", SURROGATES)
def test_weights_and_numbers_make_a_table_by_region(method: str) -> None:
    """On a model that is linear in the region means, a region's weight is what the region adds to the score."""
    worth = {2: 3.0, 17: -1.0, 1001: 0.5}

    def score(batch: Tensor) -> Tensor:
        total = sum(w * batch[:, 0, torch.from_numpy(number == ATLAS)].mean(1) for number, w in worth.items())
        return torch.stack([total, 0 * total], 1)

    ask: dict[str, Any] = {"segments": ATLAS, "mask": FOREGROUND, "fill": "zero", "score": "logit", "dims": 3}
    ask |= {"alpha": 0, "samples": 60} if method == "lime" else {}
    x = torch.ones(1, *SIZE, dtype=torch.float64)
    found = explain(score, x, method, target=0, activation="softmax", **ask)
    table = dict(zip(found.arrays["numbers"].tolist(), found.arrays["coefficients"].tolist(), strict=True))
    assert table == pytest.approx(worth, rel=1e-5)
    names = found.arrays["numbers"][found.arrays["labels"]]
    assert np.array_equal(names[FOREGROUND], ATLAS[FOREGROUND])
    assert found.arrays["class_coefficients"].shape == (2, 3)


def test_an_atlas_of_another_shape_is_refused_in_words(model: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"label map of the input's spatial shape \(10, 12, 14\), got \(14, 12, 10\)"):
        explain(model, volume(SIZE), "lime", segments=nibabel.Nifti1Image(ATLAS.T, np.eye(4)))
