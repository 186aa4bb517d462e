"""Volumes become model input as they are stored, and bring their affine where it holds."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.volumes import LIA, a_scan, a_volume
from xai_widget import explain
from xai_widget.inputs import read_input

ONE = nn.Conv3d(1, 2, 3)
TWO = nn.Conv3d(2, 2, 3)
TURNS = [LIA, np.diag([1.0, 1, 1, 1]), np.diag([-1.0, 2, 3, 1])]


class MetaTensor(Tensor):
    """A tensor with an affine, as MONAI has them."""

    affine: Tensor


def with_affine(values: Any, affine: Any) -> Tensor:
    made = torch.as_tensor(values).as_subclass(MetaTensor)
    made.affine = torch.as_tensor(affine)
    return made


@pytest.mark.parametrize("affine", TURNS)
def test_what_the_model_gets_is_the_stored_array_whatever_the_affine_says(affine: Any) -> None:
    item = read_input(a_scan(affine=affine), ONE)
    assert item.tensor.dtype == torch.float32
    np.testing.assert_array_equal(item.tensor[0, 0], a_volume())
    np.testing.assert_array_equal(item.picture, a_volume())
    np.testing.assert_array_equal(item.affine, affine)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
def test_slope_and_intercept_of_the_file_are_applied_as_nibabel_applies_them(tmp_path: Path, dtype: Any) -> None:
    image = nibabel.Nifti1Image((a_volume() % 100).astype(dtype), LIA)
    image.header.set_slope_inter(0.3, -7)
    nibabel.save(image, tmp_path / "scaled.nii.gz")
    expected = nibabel.load(tmp_path / "scaled.nii.gz").get_fdata(dtype=np.float32)
    assert expected.min() < 0
    np.testing.assert_array_equal(read_input(tmp_path / "scaled.nii.gz", ONE).tensor[0, 0], expected)


def test_reading_leaves_no_second_copy_in_the_persons_image(tmp_path: Path) -> None:
    nibabel.save(a_scan(), tmp_path / "a.nii")
    image = nibabel.load(tmp_path / "a.nii")
    read_input(image, ONE)
    assert not image.in_memory


@pytest.mark.parametrize("trailing", [(1,), (1, 1)])
def test_trailing_axes_of_length_one_are_left_out(trailing: tuple[int, ...]) -> None:
    values = a_volume().reshape(*a_volume().shape, *trailing)
    np.testing.assert_array_equal(read_input(nibabel.Nifti1Image(values, LIA), ONE).tensor[0, 0], a_volume())


@pytest.mark.parametrize("between", [(), (1,)])
def test_as_many_trailing_volumes_as_the_model_has_channels_are_its_channels(between: tuple[int, ...]) -> None:
    values = np.stack([a_volume(0), a_volume(1)], axis=-1)
    image = nibabel.Nifti1Image(values.reshape(*values.shape[:3], *between, 2), LIA)
    np.testing.assert_array_equal(read_input(image, TWO).tensor[0], np.moveaxis(values, -1, 0))


@pytest.mark.parametrize("model", [ONE, lambda batch: batch])
def test_a_time_series_is_refused_with_advice(model: Any) -> None:
    series = nibabel.Nifti1Image(np.zeros((4, 5, 6, 20), np.float32), LIA)
    with pytest.raises(ValueError, match=r"\[4, 5, 6, 20\].*image\.slicer\[\.\.\., 0\].*transform="):
        read_input(series, model)


def test_a_slice_in_a_nifti_file_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match=r"shape \[4, 5\].*\[D, H, W\]"):
        read_input(nibabel.Nifti1Image(np.zeros((4, 5), np.float32), LIA), ONE)


def test_a_transform_that_keeps_the_shape_keeps_the_affine() -> None:
    item = read_input(a_scan(), ONE, transform=lambda image: image.get_fdata(dtype=np.float32)[None] / 100)
    np.testing.assert_array_equal(item.affine, LIA)
    assert not any("Orientation" in note for note in item.notes)


def test_a_transform_that_changes_the_shape_loses_the_affine_and_says_so() -> None:
    item = read_input(a_scan(), ONE, transform=lambda image: image.get_fdata(dtype=np.float32)[::2])
    assert item.affine is None
    assert any("does not hold" in note for note in item.notes)


def test_a_transform_that_says_how_its_result_lies_is_believed() -> None:
    moved = np.diag([3.0, 3, 3, 1])
    item = read_input(a_scan(), ONE, transform=lambda _: with_affine(torch.zeros(1, 4, 4, 4), moved))
    np.testing.assert_array_equal(item.affine, moved)


def test_the_identity_in_a_tensor_says_nothing() -> None:
    assert read_input(with_affine(a_volume()[None], np.eye(4)), ONE).affine is None
    item = read_input(a_scan(), ONE, transform=lambda _: with_affine(a_volume()[None], np.eye(4)))
    np.testing.assert_array_equal(item.affine, LIA)


def test_a_file_without_orientation_is_read_with_a_note(tmp_path: Path) -> None:
    image = a_scan()
    image.header.set_sform(LIA, code=0)
    image.header.set_qform(LIA, code=0)
    nibabel.save(image, tmp_path / "a.nii")
    # What nibabel writes sets the codes anew.
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[252:256] = bytes(4)
    (tmp_path / "a.nii").write_bytes(raw)
    assert any("does not say where left and right are" in note for note in read_input(tmp_path / "a.nii", ONE).notes)
    assert not any("left and right" in note for note in read_input(a_scan(), ONE).notes)


def test_an_attribution_of_a_scan_travels_with_its_affine(tmp_path: Path) -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3, 4)) @ torch.tensor([[1.0, -1.0]])

    found = explain(Net(), a_scan(), "occlusion", window=4, stride=4)
    np.testing.assert_array_equal(found.affine, LIA)
    np.testing.assert_array_equal(found.image, a_volume())
    assert found.image is not None
    assert found.image.dtype == np.float32
    written = nibabel.load(found.save(tmp_path / "map.nii.gz"))
    np.testing.assert_array_equal(written.affine, LIA)
    np.testing.assert_allclose(written.get_fdata(dtype=np.float32), found.resized(), rtol=1e-6)
