"""Maps of volumes as NIfTI files, read back with nibabel: numbers, place in space, and the names of that space."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from nibabel.processing import resample_from_to
from scipy import ndimage

from tests.zoo import Scan, seeded
from xai_widget import Attribution, explain
from xai_widget.attribution.files import native_affine

SIZE = (10, 12, 14)
# Turned, mirrored, of unequal voxels, somewhere in space.
TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
AFFINE = np.eye(4)
AFFINE[:3, :3] = TURN * (3.0, 0.8, 1.5)
AFFINE[:3, 3] = (-90.5, 126.0, -72.25)


def scan(affine: Any = AFFINE, code: int | None = 1) -> Any:
    values = np.random.default_rng(0).normal(size=SIZE).astype(np.float32)
    image = nibabel.Nifti1Image(values, affine)
    if code is not None:
        image.set_sform(affine, code)
        image.set_qform(affine, code)
    return image


def mapped(image: Any, method: str = "grad_cam", **params: Any) -> Attribution:
    return explain(seeded(Scan).eval(), image, method, target=1, **params)


@pytest.mark.parametrize("name", ["map.nii", "map.nii.gz"])
def test_the_map_lies_on_the_input_voxel_by_voxel(name: str, tmp_path: Path) -> None:
    found = mapped(scan(), relu=False)
    read = nibabel.load(found.save(tmp_path / name))
    assert read.get_data_dtype() == np.float32
    assert read.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_array_equal(read.get_fdata(dtype=np.float32), found.resized())
    for affine in (read.affine, read.get_sform(), read.get_qform()):
        np.testing.assert_allclose(affine, AFFINE, atol=1e-4)
    np.testing.assert_allclose(read.header.get_zooms(), (3.0, 0.8, 1.5), rtol=1e-5)


@pytest.mark.parametrize("code", [1, 2, 4])
def test_the_space_keeps_its_name(code: int, tmp_path: Path) -> None:
    read = nibabel.load(mapped(scan(code=code)).save(tmp_path / "map.nii"))
    assert (int(read.header["sform_code"]), int(read.header["qform_code"])) == (code, code)


def test_where_only_the_quaternion_has_a_name_it_is_that_one(tmp_path: Path) -> None:
    image = scan(code=None)
    image.set_sform(None, 0)
    image.set_qform(AFFINE, 1)
    read = nibabel.load(mapped(image).save(tmp_path / "map.nii"))
    assert int(read.header["sform_code"]) == 1
    np.testing.assert_allclose(read.affine, AFFINE, atol=1e-4)


def test_a_sheared_affine_is_not_squeezed_into_a_quaternion(tmp_path: Path) -> None:
    sheared = AFFINE @ np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    read = nibabel.load(mapped(scan(sheared, code=None)).save(tmp_path / "map.nii"))
    assert (int(read.header["sform_code"]), int(read.header["qform_code"])) == (2, 0)
    np.testing.assert_allclose(read.affine, sheared, atol=1e-4)


def test_without_an_affine_it_is_the_identity(tmp_path: Path) -> None:
    found = mapped(torch.randn(1, *SIZE, generator=torch.Generator().manual_seed(0)))
    assert found.affine is None
    read = nibabel.load(found.save(tmp_path / "map.nii"))
    np.testing.assert_array_equal(read.affine, np.eye(4))
    native = nibabel.load(found.save(tmp_path / "native.nii", native=True))
    np.testing.assert_allclose(native.affine, [[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 2, 0.5], [0, 0, 0, 1]])


def test_native_samples_lie_where_they_belong_in_the_input(tmp_path: Path) -> None:
    """Resampling the native file to the input's grid by their affines alone gives the resized map."""
    found = mapped(scan(), relu=False)
    assert found.values.shape == (5, 6, 7)
    read = nibabel.load(found.save(tmp_path / "native.nii.gz", native=True))
    np.testing.assert_array_equal(read.get_fdata(dtype=np.float32), found.values)
    np.testing.assert_allclose(read.header.get_zooms(), (6.0, 1.6, 3.0), rtol=1e-5)
    again = resample_from_to(read, scan(), order=1, mode="nearest").get_fdata()
    scale = np.abs(found.values).max()
    np.testing.assert_allclose(again, found.resized(), atol=1e-4 * scale)


def test_native_grids_that_do_not_divide_the_input(tmp_path: Path) -> None:
    """7 samples over 10 voxels and the like: every voxel's centre, taken to the samples, by hand."""
    values = np.random.default_rng(0).normal(size=(7, 5, 9)).astype(np.float32)
    found = Attribution(values, "grad_cam", {}, 0, "a", None, SIZE, affine=AFFINE)
    read = nibabel.load(found.save(tmp_path / "native.nii", native=True))
    voxels = np.stack(np.meshgrid(*map(np.arange, SIZE), indexing="ij")).reshape(3, -1)
    world = AFFINE[:3, :3] @ voxels + AFFINE[:3, 3:]
    inverse = np.linalg.inv(read.affine)
    samples = inverse[:3, :3] @ world + inverse[:3, 3:]
    again = ndimage.map_coordinates(values.astype(float), samples, order=1, mode="nearest").reshape(SIZE)
    np.testing.assert_allclose(again, found.resized(), atol=1e-4)


def test_both_files_fill_the_same_box_in_space() -> None:
    corners = np.array([[-0.5, -0.5, -0.5, 1], [9.5, 11.5, 13.5, 1]]).T
    native = np.array([[-0.5, -0.5, -0.5, 1], [2.5, 4.5, 13.5, 1]]).T
    np.testing.assert_allclose(native_affine(AFFINE, (3, 5, 14), SIZE) @ native, AFFINE @ corners, atol=1e-10)


@pytest.mark.parametrize("name", ["map.png", "map.npz"])
def test_native_is_for_nifti_alone(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"native=True is for NIfTI files; 'map\.\w+' is none"):
        mapped(scan()).save(tmp_path / name, native=True)
    assert not (tmp_path / name).exists()


def test_space_and_affine_survive_the_way_through_an_npz(tmp_path: Path) -> None:
    loaded = Attribution.load(mapped(scan(code=4)).save(tmp_path / "map.npz"))
    read = nibabel.load(loaded.save(tmp_path / "map.nii"))
    assert int(read.header["sform_code"]) == 4
    np.testing.assert_allclose(read.affine, AFFINE, atol=1e-4)


def test_without_nibabel_it_is_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = mapped(scan())
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    with pytest.raises(ImportError, match=r'pip install "xai-widget\[volumes\]"'):
        found.save(tmp_path / "map.nii")
