"""Anything a person has becomes model input and a picture, or an error that says what to do."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.models import resnet18

from xai_widget.inputs import ModelInput, read_batch, read_input

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
GREY = RGB[..., 0]
TO_TENSOR = v1.ToTensor()
COLOUR = nn.Conv2d(3, 2, 3)
ONE = nn.Conv2d(1, 2, 3)
FIVE = nn.Conv2d(5, 2, 3)
VOLUME = nn.Conv3d(1, 2, 3)
VOLUME2 = nn.Conv3d(2, 2, 3)


def black_box(batch: Tensor) -> Tensor:
    return batch.flatten(1)


def seen(item: ModelInput) -> NDArray[Any]:
    """Return what a model without normalisation was given, as 8-bit pixels."""
    levels: NDArray[Any] = (item.tensor[0] * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return levels


def read(img: Any, model: Any = COLOUR, **options: Any) -> ModelInput:
    """Read through a transform that does nothing but scale to [0, 1]."""
    return read_input(img, model, transform=TO_TENSOR, **options)


# Pictures of every kind


@pytest.mark.parametrize(
    "img",
    [
        RGB,
        RGB.astype(np.int64),
        RGB.transpose(2, 0, 1),
        RGB / 255,
        (RGB / 255).astype(np.float32),
        RGB.transpose(2, 0, 1) / 255,
        RGB[:, ::-1][:, ::-1],
        torch.from_numpy(RGB),
        torch.from_numpy(RGB).permute(2, 0, 1),
        torch.from_numpy(RGB).permute(2, 0, 1)[None],
        torch.from_numpy(RGB).long(),
        Image.fromarray(RGB),
        np.dstack([RGB, np.full((6, 8), 255, np.uint8)]),
    ],
)
def test_one_picture_in_many_forms_is_one_input(img: Any) -> None:
    item = read(img)
    assert item.tensor.shape == (1, 3, 6, 8)
    assert item.tensor.dtype == torch.float32
    np.testing.assert_array_equal(seen(item), RGB)
    np.testing.assert_array_equal(item.picture, RGB)
    assert item.picture.dtype == np.uint8
    assert (item.name, item.notes, item.affine) == ("image", ("Preprocessing: as given.",), None)


@pytest.mark.parametrize("img", [GREY, GREY[..., None], GREY[None], GREY / 255, torch.from_numpy(GREY)])
@pytest.mark.parametrize("model", [COLOUR, ONE])
def test_grey_pictures_fit_models_of_one_and_of_three_channels(img: Any, model: nn.Module) -> None:
    item = read(img, model)
    assert item.tensor.shape[1] == (3 if model is COLOUR else 1)
    np.testing.assert_array_equal(item.tensor[0, 0] * 255, GREY)
    np.testing.assert_array_equal(item.picture, np.repeat(GREY[..., None], 3, axis=2))


def test_colour_pictures_become_grey_for_a_model_of_one_channel() -> None:
    item = read_input(RGB, ONE)
    np.testing.assert_array_equal(item.picture[..., 0], np.array(Image.fromarray(RGB).convert("L")))
    assert item.tensor.shape == (1, 1, 6, 8)


def test_transparent_parts_are_shown_on_white() -> None:
    alpha = np.zeros((6, 8), np.uint8)
    alpha[:, 4:] = 255
    rgba = np.dstack([RGB, alpha])
    for img in (rgba, Image.fromarray(rgba), rgba.transpose(2, 0, 1), rgba / 255):
        item = read(img)
        np.testing.assert_array_equal(item.picture[:, 4:], RGB[:, 4:])
        assert (item.picture[:, :4] == 255).all()
        assert "Transparent parts shown on white." in item.notes


def test_a_transparent_palette_entry_is_shown_on_white(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putpixel((1, 0), 1)
    picture.save(tmp_path / "p.png", transparency=0)
    assert read(tmp_path / "p.png").picture.tolist() == [[[255, 255, 255], [40, 50, 60]]]


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "HSV", "YCbCr"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    picture = Image.fromarray(RGB).convert(mode)
    np.testing.assert_array_equal(read(picture).picture, np.array(picture.convert("RGB")))


def test_sixteen_bits_are_scaled_to_eight() -> None:
    values = np.array([[0, 257, 65535, 300]], dtype=np.uint16)
    item = read(Image.fromarray(values))
    assert item.picture[0, :, 0].tolist() == [0, 1, 255, 1]
    assert "16-bit values scaled to 8 bits." in item.notes


def test_wide_integers_and_floats_of_pillow_follow_the_rules_of_arrays() -> None:
    assert read(Image.fromarray(np.array([[0, 255]], np.int32))).picture[0, :, 0].tolist() == [0, 255]
    assert read(Image.fromarray(np.array([[0.0, 0.5]], np.float32))).picture[0, :, 0].tolist() == [0, 128]
    with pytest.raises(ValueError, match=r"holds 0 \.\. 70000; expected 8 or 16 bits"):
        read(Image.fromarray(np.array([[0, 70000]], np.int32)))
    with pytest.raises(ValueError, match=r"Float pictures must lie in \[0, 1\]"):
        read(Image.fromarray(np.array([[0.0, 3.0]], np.float32)))


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera held sideways
    Image.fromarray(RGB).save(tmp_path / "side.png", exif=exif)
    item = read(tmp_path / "side.png")
    np.testing.assert_array_equal(item.picture, np.rot90(RGB, -1))
    assert item.notes == ("EXIF orientation applied.", "Preprocessing: as given.")
    exif[0x0112] = 1
    Image.fromarray(RGB).save(tmp_path / "upright.png", exif=exif)
    assert read(tmp_path / "upright.png").notes == ("Preprocessing: as given.",)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_path_gives_the_name(tmp_path: Path, as_text: bool) -> None:
    path = tmp_path / "tabby.png"
    Image.fromarray(RGB).save(path)
    item = read(str(path) if as_text else path)
    assert item.name == "tabby.png"
    np.testing.assert_array_equal(item.picture, RGB)
    with Image.open(path) as picture:
        assert read(picture).name == "tabby.png"


def test_the_home_folder_may_be_abbreviated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Image.fromarray(RGB).save(tmp_path / "a.png")
    assert read("~/a.png").name == "a.png"


def test_of_a_moving_picture_one_frame_is_shown(tmp_path: Path) -> None:
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "Frame 1 of 2 shown." in read(tmp_path / "a.gif").notes


# Preprocessing and the picture


def test_the_picture_is_what_the_model_saw() -> None:
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8))
    item = read_input(photo, resnet18(weights=None))
    crop = v1.Compose([v1.Resize(256), v1.CenterCrop(224)])(photo)
    np.testing.assert_array_equal(item.picture, np.array(crop))
    assert torch.equal(item.tensor[0], v1.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(TO_TENSOR(crop)))
    assert item.notes[0].startswith("Preprocessing: ImageNet default")


def test_known_statistics_are_inverted() -> None:
    transform = v1.Compose([TO_TENSOR, v1.Normalize((0.2, 0.5, 0.9), (0.1, 0.2, 0.3))])
    item = read_input(RGB, COLOUR, transform=transform)
    np.testing.assert_array_equal(item.picture, RGB)
    # Also for a tensor that went through the same transform elsewhere.
    again = read_input(item.tensor, COLOUR, transform=transform)
    assert torch.equal(again.tensor, item.tensor)
    np.testing.assert_array_equal(again.picture, RGB)
    assert again.notes == ("Preprocessing: none; the tensor is model input as it is.",)


def test_what_a_transform_gives_without_known_statistics_is_shown_by_its_range() -> None:
    item = read_input(RGB, COLOUR, transform=lambda picture: TO_TENSOR(picture) * 4 - 2)
    assert item.picture.min() == 0
    assert item.picture.max() == 255
    assert re.fullmatch(r"Picture: values -2 \.\. (2|1\.9\d) shown from black to white\.", item.notes[-1])


def test_the_result_of_a_transform_is_checked() -> None:
    with pytest.raises(ValueError, match=r"preprocessed input has 1 channel\(s\), in shape \[1, 2, 2\]; .* takes 3"):
        read_input(RGB, COLOUR, transform=lambda _: torch.zeros(1, 2, 2))
    with pytest.raises(ValueError, match=r"preprocessed input has shape \[7\]; expected \[C, H, W\]"):
        read_input(RGB, COLOUR, transform=lambda _: torch.zeros(7))
    with pytest.raises(ValueError, match="12 of 12 values are NaN"):
        read_input(RGB, COLOUR, transform=lambda _: torch.full((3, 2, 2), torch.nan))


# Float tensors are model input


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (COLOUR, (3, 4, 5), (1, 3, 4, 5)),
        (COLOUR, (1, 3, 4, 5), (1, 3, 4, 5)),
        (COLOUR, (2, 3, 4, 5), (2, 3, 4, 5)),
        (ONE, (4, 5), (1, 1, 4, 5)),
        (ONE, (1, 4, 5), (1, 1, 4, 5)),
        (FIVE, (5, 4, 6), (1, 5, 4, 6)),
        (VOLUME, (4, 5, 6), (1, 1, 4, 5, 6)),
        (VOLUME, (1, 4, 5, 6), (1, 1, 4, 5, 6)),
        (VOLUME, (2, 1, 4, 5, 6), (2, 1, 4, 5, 6)),
        (VOLUME2, (2, 4, 5, 6), (1, 2, 4, 5, 6)),
        (black_box, (3, 4, 5), (1, 3, 4, 5)),
        (black_box, (2, 1, 4, 5), (2, 1, 4, 5)),
        (black_box, (1, 2, 3, 4, 5), (1, 2, 3, 4, 5)),
    ],
)
def test_float_tensors_are_taken_as_they_are(model: Any, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 50
    item = read_input(values, model)
    assert item.tensor.shape == expected
    assert torch.equal(item.tensor.flatten(), values.flatten())
    assert item.notes[0] == "Preprocessing: none; the tensor is model input as it is."


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_tensors_take_the_dtype_of_the_model(dtype: torch.dtype) -> None:
    values = torch.rand(3, 4, 5).to(dtype)
    assert read_input(values, COLOUR).tensor.dtype == torch.float32
    assert read_input(values, nn.Conv2d(3, 1, 1, dtype=dtype)).tensor.dtype == dtype
    assert read_input(RGB, nn.Conv2d(3, 1, 1).double()).tensor.dtype == torch.float64
    # Without parameters to ask, double precision stays.
    assert read_input(values, black_box).tensor.dtype == (dtype if dtype == torch.float64 else torch.float32)


def test_the_input_is_a_private_copy_that_can_be_differentiated() -> None:
    values = torch.rand(1, 3, 4, 5, requires_grad=True)
    with torch.inference_mode():
        frozen = torch.rand(1, 3, 4, 5)
        inside = read_input(values, COLOUR).tensor
        from_array = read_input(RGB, COLOUR).tensor
    for tensor in (read_input(values, COLOUR).tensor, read_input(frozen, COLOUR).tensor, inside, from_array):
        assert not tensor.is_inference()
        assert not tensor.requires_grad
        tensor.requires_grad_()
        (gradient,) = torch.autograd.grad((tensor * tensor).sum(), tensor)
        assert torch.equal(gradient, 2 * tensor)
    before = values.detach().clone()
    read_input(values, COLOUR).tensor.zero_()
    assert torch.equal(values.detach(), before)


def test_a_transform_that_gives_the_same_tensor_again_is_not_written_to() -> None:
    kept = torch.rand(3, 2, 2)
    item = read_input(RGB, COLOUR, transform=lambda _: kept)
    assert item.tensor.data_ptr() != kept.data_ptr()


def test_tensor_subclasses_become_plain_tensors() -> None:
    item = read_input(tv_tensors.Image(torch.rand(3, 4, 5)), COLOUR)
    assert type(item.tensor) is Tensor


def test_tensors_in_0_to_1_are_shown_as_they_are() -> None:
    values = torch.from_numpy(RGB).permute(2, 0, 1) / 255
    np.testing.assert_array_equal(read_input(values, COLOUR).picture, RGB)


def test_tensors_that_seem_normalised_as_usual_are_shown_so_and_this_is_said() -> None:
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    normalised = torch.from_numpy((RGB / 255 - mean) / std).permute(2, 0, 1)
    item = read_input(normalised, COLOUR)
    np.testing.assert_array_equal(item.picture, RGB)
    assert item.notes[-1] == "Picture: un-normalised with ImageNet's mean and std (assumed)."


def test_other_tensors_are_shown_by_their_range_and_this_is_said() -> None:
    values = torch.tensor([[-10.0, 10.0], [0.0, 30.0]]).expand(3, 2, 2)
    item = read_input(values, COLOUR)
    assert item.picture[..., 0].tolist() == [[0, 128], [64, 255]]
    assert item.notes[-1] == "Picture: values -10 .. 30 shown from black to white."
    assert not read_input(torch.full((3, 2, 2), 7.0), COLOUR).picture.any()


@pytest.mark.parametrize(
    ("channels", "shown", "note"),
    [
        (1, [0, 0, 0], None),
        (2, [0, 0, 0], "Picture: the first of 2 channels."),
        (3, [0, 1, 2], None),
        (5, [0, 1, 2], "Picture: the first three of 5 channels."),
    ],
)
def test_which_channels_a_picture_shows(channels: int, shown: list[int], note: str | None) -> None:
    values = torch.rand(channels, 4, 4, generator=torch.Generator().manual_seed(0))
    item = read_input(values, nn.Conv2d(channels, 1, 1))
    expected = np.floor(values[shown].permute(1, 2, 0).numpy() * 255 + np.float32(0.5))
    np.testing.assert_array_equal(item.picture, expected)
    assert item.notes[1:] == (() if note is None else (note,))


# Volumes


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (VOLUME, (3, 4, 5), (1, 1, 3, 4, 5)),
        (VOLUME, (1, 3, 4, 5), (1, 1, 3, 4, 5)),
        (VOLUME2, (2, 3, 4, 5), (1, 2, 3, 4, 5)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.uint8])
def test_volumes_are_taken_as_stored(
    model: nn.Module, shape: tuple[int, ...], expected: tuple[int, ...], dtype: type[np.generic]
) -> None:
    values = (np.random.default_rng(0).random(shape) * 200 + 7).astype(dtype)
    item = read_input(values, model)
    assert item.tensor.shape == expected
    np.testing.assert_array_equal(item.tensor.numpy().reshape(shape), values.astype(np.float32))
    np.testing.assert_array_equal(item.picture, item.tensor[0, 0])
    assert item.picture.dtype == np.float32
    assert item.notes[0] == "Preprocessing: none; volumes are taken as stored."
    assert item.notes[1:] == (() if len(expected) and expected[1] == 1 else ("Picture: the first of 2 channels.",))


def test_whole_number_tensors_are_volumes_for_a_model_of_volumes() -> None:
    values = torch.arange(60, dtype=torch.int16).reshape(3, 4, 5)
    assert torch.equal(read_input(values, VOLUME).tensor[0, 0], values.float())


def test_a_nifti_image_or_path_brings_its_affine(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    image = nibabel.Nifti1Image(values, affine)
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "brain.nii.gz")
    for img, name in ((image, "image"), (tmp_path / "brain.nii.gz", "brain.nii.gz")):
        item = read_input(img, VOLUME)
        np.testing.assert_array_equal(item.tensor[0, 0], values)
        np.testing.assert_array_equal(item.picture, values)
        assert item.affine is not None
        np.testing.assert_array_equal(item.affine, affine)
        assert item.name == name


def test_scaling_stored_in_a_nifti_file_is_applied_and_channels_come_first(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    stored = np.random.default_rng(0).integers(0, 99, (3, 4, 5, 2)).astype(np.int16)
    image = nibabel.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    nibabel.save(image, tmp_path / "a.nii")
    read_back = nibabel.load(tmp_path / "a.nii")
    expected = np.moveaxis(np.asarray(read_back.dataobj), -1, 0).astype(np.float32)
    np.testing.assert_array_equal(read_input(tmp_path / "a.nii", VOLUME2).tensor[0], expected)


def test_a_transform_is_handed_the_volume_as_it_came() -> None:
    nibabel = pytest.importorskip("nibabel")
    handed: list[object] = []

    def transform(volume: Any) -> Tensor:
        handed.append(volume)
        return torch.full((2, 2, 2), 3.0)

    image, array = nibabel.Nifti1Image(np.zeros((3, 3, 3), np.float32), np.eye(4)), np.zeros((3, 3, 3))
    for img in (image, array):
        item = read_input(img, VOLUME, transform=transform)
        assert item.tensor.shape == (1, 1, 2, 2, 2)
        assert item.tensor.flatten().tolist() == [3.0] * 8
    assert handed[0] is image
    assert handed[1] is array


def test_without_nibabel_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("nibabel"):
            raise ImportError(name)
        return importing(name, *arguments, **options)

    (tmp_path / "a.nii").write_bytes(b"")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'pip install "xai-widget\[volumes\]"'):
        read_input(tmp_path / "a.nii", VOLUME)


def test_a_broken_nifti_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    (tmp_path / "a.nii").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"'a\.nii' is no NIfTI image"):
        read_input(tmp_path / "a.nii", VOLUME)


def test_the_affine_of_a_tensor_with_one_is_kept() -> None:
    class Meta(Tensor):
        affine: Tensor

    values = torch.rand(1, 3, 4, 5).as_subclass(Meta)
    values.affine = torch.eye(4) * 2
    item = read_input(values, VOLUME)
    assert type(item.tensor) is Tensor
    assert item.affine is not None
    assert item.affine.tolist() == (np.eye(4) * 2).tolist()


# Two or three dimensions


@pytest.mark.parametrize(
    ("img", "message"),
    [
        (torch.rand(16, 8, 8), r"a picture \[C, H, W\] of 16 channels, or as a volume \[D, H, W\]"),
        (
            torch.rand(2, 16, 8, 8),
            r"2 picture\(s\) \[N, C, H, W\] of 16 channels, or as a volume \[C, D, H, W\] of 2 channel",
        ),
        (np.zeros((16, 8, 8)), r"a volume \[D, H, W\] \(say dims=3\), or as a picture"),
        (np.zeros((2, 8, 8, 3)), r"a volume \[C, D, H, W\] \(say dims=3\), or as 2 pictures \(dims=2\)"),
    ],
)
def test_where_two_readings_make_sense_both_are_shown(img: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_input(img, black_box)
    with pytest.raises(ValueError, match="dims=2"):
        read_input(img, nn.Linear(2, 2))


def test_dims_decides_between_two_readings() -> None:
    values = torch.rand(2, 5, 6, 7)
    assert read_input(values, black_box, dims=2).tensor.shape == (2, 5, 6, 7)
    assert read_input(values, black_box, dims=3).tensor.shape == (1, 2, 5, 6, 7)
    assert read_input(values[0], black_box, dims=2).tensor.shape == (1, 5, 6, 7)
    assert read_input(values[0], black_box, dims=3).tensor.shape == (1, 1, 5, 6, 7)
    assert read_input(values[0].numpy(), black_box, dims=3).tensor.shape == (1, 1, 5, 6, 7)


def test_dims_outweighs_the_first_layer() -> None:
    assert read_input(torch.rand(1, 8, 9, 9), COLOUR, dims=3).tensor.shape == (1, 1, 8, 9, 9)


@pytest.mark.parametrize("dims", [1, 4, "3"])
def test_other_dims_are_refused(dims: Any) -> None:
    with pytest.raises(ValueError, match=f"dims= is 2 for pictures or 3 for volumes; got {dims!r}"):
        read_input(RGB, COLOUR, dims=dims)


def test_pictures_do_not_fit_models_of_volumes_nor_volumes_those_of_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="The model takes volumes, and 'image' is a picture"):
        read_input(Image.fromarray(RGB), VOLUME)
    nibabel = pytest.importorskip("nibabel")
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.float32), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"The model takes pictures, and 'a\.nii' is a volume"):
        read_input(tmp_path / "a.nii", COLOUR)


# What is refused


@pytest.mark.parametrize(
    ("img", "model", "message"),
    [
        (torch.rand(4, 5), COLOUR, r"The tensor has shape \[4, 5\]; expected \[C, H, W\] or \[N, C, H, W\]"),
        (torch.rand(1, 1, 3, 4, 5), COLOUR, r"The tensor has shape \[1, 1, 3, 4, 5\]; expected \[C, H, W\]"),
        (torch.rand(4, 5), VOLUME, r"has shape \[4, 5\]; expected \[C, D, H, W\] or \[N, C, D, H, W\]"),
        (torch.rand(3, 4, 5), VOLUME2, r"has shape \[3, 4, 5\]; expected \[C, D, H, W\]"),
        (torch.rand(2, 4, 5), COLOUR, r"The tensor has 2 channel\(s\), in shape \[2, 4, 5\]; the model takes 3"),
        (torch.rand(1, 5, 4, 5), COLOUR, r"has 5 channel\(s\), in shape \[1, 5, 4, 5\]; the model takes 3"),
        (torch.rand(4, 5, 3), COLOUR, r"has 4 channel\(s\).* takes 3\. Its channels seem to be last: use permute"),
        (torch.rand(0, 3, 4, 5), COLOUR, r"The tensor is empty: its shape is \[0, 3, 4, 5\]"),
        (torch.tensor([[[torch.nan]]] * 3), COLOUR, "3 of 3 values are NaN or infinite"),
        (np.zeros((8, 9, 2)), COLOUR, r"array has shape \[8, 9, 2\]; .* C of 1, 3 or 4\. The model takes 3 channel"),
        (np.zeros((5, 8, 9), np.uint8), COLOUR, r"array has shape \[5, 8, 9\]; .* The model takes 3 channel\(s\)"),
        (torch.zeros(5, 8, 9, dtype=torch.uint8), COLOUR, r"tensor has shape \[5, 8, 9\]; .* The model takes 3"),
        (np.zeros((8, 9, 5)), FIVE, r"The model takes 5 channel\(s\)\. For other channels pass a float torch tensor"),
        (RGB, FIVE, r"The model takes 5 channels, and a picture has 1 or 3"),
        (np.zeros(5), COLOUR, r"array has shape \[5\]; expected a picture"),
        (np.array(0.5), COLOUR, r"array has shape \[\]; expected a picture"),
        (np.zeros((2, 4, 5, 3)), COLOUR, r"array has shape \[2, 4, 5, 3\]; expected a picture"),
        (np.full((4, 5), np.nan), COLOUR, "20 of 20 values are NaN or infinite"),
        (np.array([[0.0, np.inf]]), COLOUR, "1 of 2 values are NaN or infinite"),
        (np.full((3, 3, 3), np.inf), VOLUME, "27 of 27 values are NaN or infinite"),
        (np.array([[-3.0, 255.0]]), COLOUR, r"must lie in \[0, 1\]; got -3 \.\. 255\. For values up to 255 pass uint8"),
        (np.array([[0.0, 1.01]]), COLOUR, r"got 0 \.\. 1\.01.*already model input, pass a float torch tensor"),
        (np.array([[-1, 3]]), COLOUR, r"Whole-number pictures must lie in 0 \.\. 255; got -1 \.\. 3"),
        (np.array([[0, 256]], np.uint16), COLOUR, r"got 0 \.\. 256"),
        (np.zeros((0, 4, 3)), COLOUR, r"The array is empty: its shape is \[0, 4, 3\]"),
        (Image.new("RGB", (0, 4)), COLOUR, "is empty"),
    ],
)
def test_values_that_do_not_fit_are_refused(img: Any, model: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_input(img, model)


@pytest.mark.parametrize(
    ("img", "message"),
    [
        (np.zeros((4, 5), bool), r"The array holds bool; .*array\.astype\(np\.uint8\) \* 255"),
        (np.array([[None]]), "The array holds object"),
        (np.array([["a"]]), "The array holds <U1"),
        (np.zeros((4, 5), complex), "The array holds complex128"),
        (torch.zeros(4, 5, dtype=torch.bool), "The tensor holds bool"),
        (torch.zeros(4, 5, dtype=torch.complex64), "The tensor holds complex64"),
        (torch.rand(4, 5).to_sparse(), "Expected a dense tensor with values; got torch.sparse_coo"),
        (torch.rand(3, 4, 5, device="meta"), "Expected a dense tensor"),
        (None, r"An input cannot be NoneType\. Expected a path, a PIL picture"),
        (7, "An input cannot be int"),
        (b"PNG", "An input cannot be bytes"),
        ([RGB], r"An input cannot be list\..*use explain_batch, or a list in XaiWidget"),
        (SimpleNamespace(shape=(3, 4)), "An input cannot be SimpleNamespace"),
    ],
)
def test_types_that_are_no_input_are_refused(img: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        read_input(img, COLOUR)


# Files that are no pictures


def test_a_missing_file_names_those_that_are_near(tmp_path: Path) -> None:
    (tmp_path / "tabby_cat.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"There is no file '.*tabby-cat\.png'\. Did you mean 'tabby_cat\.png'\?"):
        read_input(tmp_path / "tabby-cat.png", COLOUR)
    with pytest.raises(ValueError, match=r"There is no file .*: the folder '.*nowhere' does not exist"):
        read_input(str(tmp_path / "nowhere" / "a.png"), COLOUR)


def test_a_folder_an_address_and_a_text_are_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder; pass one file, or a list of files"):
        read_input(tmp_path, COLOUR)
    with pytest.raises(ValueError, match="is an address; download it"):
        read_input("https://example.org/cat.png", COLOUR)
    with pytest.raises(ValueError, match=r"No file can be called 'aaaa"):
        read_input("a" * 5000, COLOUR)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("hello")
    with pytest.raises(ValueError, match=r"'notes\.png' is no picture that Pillow can read\. Load it yourself"):
        read_input(tmp_path / "notes.png", COLOUR)


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"The picture 'a\.jpg' cannot be read: .*truncated"):
        read_input(tmp_path / "a.jpg", COLOUR)


@pytest.mark.parametrize("limit", [30, 20])  # Pillow warns of 48 pixels beyond 30, and refuses them beyond twice 20
def test_a_decompression_bomb_is_refused_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    Image.fromarray(RGB).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(ValueError, match=r"'bomb\.png' is too large to be opened safely: .*48 pixels.* (30|40) pixels"):
        read_input(tmp_path / "bomb.png", COLOUR)


# Several inputs


def test_a_list_may_mix_everything(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png")
    tensor = TO_TENSOR(Image.fromarray(RGB))
    items = read_batch([RGB, tmp_path / "a.png", Image.fromarray(RGB), tensor], COLOUR, transform=TO_TENSOR)
    assert [item.name for item in items] == ["image", "a.png", "image", "image"]
    assert all(torch.equal(item.tensor, tensor[None]) for item in items)


@pytest.mark.parametrize(
    ("model", "shape", "one"),
    [
        (COLOUR, (4, 3, 5, 6), (1, 3, 5, 6)),
        (VOLUME, (4, 1, 3, 5, 6), (1, 1, 3, 5, 6)),
        (FIVE, (4, 5, 5, 6), (1, 5, 5, 6)),
    ],
)
def test_one_tensor_is_a_row_for_each_input(model: nn.Module, shape: tuple[int, ...], one: tuple[int, ...]) -> None:
    batch = torch.rand(shape)
    items = read_batch(batch, model)
    assert [tuple(item.tensor.shape) for item in items] == [one] * 4
    assert torch.equal(torch.cat([item.tensor for item in items]), batch)


def test_bytes_in_one_tensor_go_through_the_transform_row_by_row() -> None:
    batch = torch.from_numpy(np.stack([RGB, 255 - RGB])).permute(0, 3, 1, 2)
    items = read_batch(batch, COLOUR, transform=TO_TENSOR)
    np.testing.assert_array_equal(items[0].picture, RGB)
    np.testing.assert_array_equal(items[1].picture, 255 - RGB)


@pytest.mark.parametrize("one", [RGB, Image.fromarray(RGB), torch.rand(3, 6, 8), torch.from_numpy(RGB)])
def test_a_single_input_is_a_batch_of_one(one: Any) -> None:
    assert len(read_batch(one, COLOUR)) == 1


@pytest.mark.parametrize("empty", [[], (), torch.zeros(0, 3, 4, 5)])
def test_no_input_at_all_is_refused(empty: Any) -> None:
    with pytest.raises(ValueError, match="There is no input: the list is empty"):
        read_batch(empty, COLOUR)


@pytest.mark.parametrize(("bad", "error"), [(np.full((2, 2), 7.5), ValueError), (None, TypeError)])
def test_an_error_in_a_list_says_which_input_it_was(bad: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        read_batch([RGB, bad, RGB], COLOUR)
    assert caught.value.__notes__ == ["This was input 1 of 3, counted from 0."]
    with pytest.raises(error) as caught:
        read_batch([bad], COLOUR)
    assert not hasattr(caught.value, "__notes__")


def test_each_input_of_a_list_is_one() -> None:
    with pytest.raises(ValueError, match=r"One input is expected here, and the tensor holds 2: pass one row"):
        read_batch([torch.rand(2, 3, 4, 5)], COLOUR)


def test_nothing_is_computed_by_reading() -> None:
    calls: list[int] = []

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            calls.append(1)
            return x

    model: Callable[..., Any] = Counting()
    read_batch([RGB, torch.rand(3, 4, 4)], model)
    assert not calls
