"""Drawn heads and the network that tells their groups apart: what tutorials and cohorts rely on.

Training used seeds from 1,000,000 on; the seeds here are held out.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import ndimage

from tools import phantom_training as training
from xai_widget import examples, explain
from xai_widget.examples import Phantom, phantom, phantom_net, phantom_template, phantoms
from xai_widget.examples.volume_net import PhantomNet

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def number(name: str) -> int:
    return next(key for key, value in phantom_template().regions.items() if value == name)


@pytest.fixture(scope="module")
def net() -> PhantomNet:
    return phantom_net()


@pytest.fixture(scope="module")
def pair() -> tuple[Phantom, Phantom]:
    return phantom(2, "control"), phantom(2, "patient")


@pytest.fixture(scope="module")
def heads() -> list[Phantom]:
    row = phantoms(20)
    return [row.phantom(index) for index in range(20)]


@pytest.fixture(scope="module")
def patients() -> list[Phantom]:
    return [phantom(seed, "patient") for seed in range(400, 406)]


# heads


def test_a_phantom_is_a_head_sized_volume_with_unequal_sides_and_spacing() -> None:
    scan = phantom(1)
    assert scan.volume.dtype == np.float32
    assert len(set(scan.volume.shape)) == 3
    assert min(scan.volume.shape) >= 48
    spacing = np.diag(scan.affine)[:3]
    np.testing.assert_array_equal(scan.affine[:3, :3], np.diag(spacing))  # stored right, front, top
    assert len(set(spacing.tolist())) > 1
    assert scan.truth.shape == scan.foreground.shape == scan.atlas.shape == scan.volume.shape


def test_a_phantom_is_decided_by_its_seed() -> None:
    first, again, other = phantom(7), phantom(7), phantom(8)
    assert first.volume.tobytes() == again.volume.tobytes()
    assert first.group == again.group
    assert (first.volume != other.volume).mean() > 0.5


def test_brightness_comes_in_whole_steps_so_that_a_last_digit_of_a_sine_changes_nothing() -> None:
    scaled = phantom(3).volume.astype(np.float64) * 1024
    np.testing.assert_array_equal(scaled, np.rint(scaled))


def test_the_groups_of_a_seed_differ_in_the_truth_and_nowhere_else(pair: tuple[Phantom, Phantom]) -> None:
    control, patient = pair
    np.testing.assert_array_equal(control.truth, patient.truth)
    changed = control.volume != patient.volume
    assert not changed[~control.truth].any()
    assert changed[control.truth].mean() > 0.5
    assert patient.volume[control.truth].mean() < control.volume[control.truth].mean()  # fluid is darker


def test_the_truth_is_small_and_lies_in_the_left_half_of_the_head(pair: tuple[Phantom, Phantom]) -> None:
    truth = pair[0].truth
    assert 100 < truth.sum() < 0.005 * truth.size
    where = np.argwhere(truth) @ pair[0].affine[:3, :3].T + pair[0].affine[:3, 3]
    assert where[:, 0].max() < 0  # x grows to the right
    left = pair[0].atlas == number("left hippocampus")
    assert not (left & ~truth).any()
    assert not (truth & (pair[0].atlas == number("right hippocampus"))).any()


def test_patients_lose_a_moderate_part_of_the_left_hippocampus_and_it_varies(heads: list[Phantom]) -> None:
    left, right = number("left hippocampus"), number("right hippocampus")
    kept = []
    for seed, head in enumerate(heads[:6]):
        control, patient = sorted((head, phantom(seed, 1 - head.group)), key=lambda scan: scan.group)
        kept.append((patient.atlas == left).sum() / (control.atlas == left).sum())
        assert (patient.atlas == right).sum() == (control.atlas == right).sum()
    assert 0.2 < np.mean(kept) < 0.75
    assert np.std(kept) > 0.04


def test_tissues_are_as_bright_as_in_a_t1_weighted_scan() -> None:
    scan = phantom(4)
    found = {
        name: float(np.median(scan.volume[ndimage.binary_erosion(scan.atlas == key)]))
        for key, name in scan.regions.items()
        if name in {"left white matter", "left thalamus", "cerebrospinal fluid"}
    }
    assert found["cerebrospinal fluid"] < 0.35 < found["left thalamus"] < found["left white matter"] < 1.1
    assert scan.volume[~ndimage.binary_dilation(scan.foreground, iterations=2)].mean() < 0.04  # air
    assert 0.3 < scan.foreground.mean() < 0.7
    assert not scan.atlas[~scan.foreground].any()


def test_every_region_is_there_on_its_own_side() -> None:
    scan = phantom_template()
    assert set(np.unique(scan.atlas).tolist()) == {0, *scan.regions}
    middle = scan.atlas.shape[0] // 2
    for key, name in scan.regions.items():
        columns = np.nonzero(scan.atlas == key)[0]
        if name.startswith("left"):
            assert columns.max() <= middle
        if name.startswith("right"):
            assert columns.min() >= middle - 1


def test_the_template_fits_every_phantom_to_within_two_voxels(heads: list[Phantom]) -> None:
    near = ndimage.binary_dilation(phantom_template().truth, iterations=2)
    assert min(near[head.truth].mean() for head in heads[:6]) > 0.9


def test_no_two_heads_are_alike_and_none_is_cut_at_the_sides(heads: list[Phantom]) -> None:
    scans = heads[:5]
    assert len({int(scan.foreground.sum()) for scan in scans}) == len(scans)
    for scan in scans:
        assert not scan.foreground[[0, -1]].any()
        assert not scan.foreground[:, [0, -1]].any()
        assert not scan.foreground[:, :, -1].any()


def test_noise_in_air_is_that_of_a_magnitude_image() -> None:
    scan = phantom(6)
    air = scan.volume[~ndimage.binary_dilation(scan.foreground, iterations=2)].astype(np.float64)
    assert air.mean() / air.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.02)  # Rayleigh's


def test_of_two_neighbouring_seeds_one_is_a_patient(heads: list[Phantom]) -> None:
    groups = [head.group for head in heads[:12]]
    assert [groups[i] + groups[i + 1] for i in range(0, 12, 2)] == [1] * 6
    assert len({tuple(groups[i : i + 2]) for i in range(0, 12, 2)}) == 2


def test_a_group_goes_by_number_or_name() -> None:
    assert [phantom(0, group).group for group in (0, 1, "control", "patient")] == [0, 1, 0, 1]
    assert phantom(0, 1).label == "patient"
    with pytest.raises(ValueError, match=r"No group is called 'ill'. There are: 0 or 'control', 1 or 'patient'\."):
        phantom(0, "ill")
    with pytest.raises(ValueError, match="A seed is 0 or greater, got -1"):
        phantom(-1)
    with pytest.raises(ValueError, match="got n=-2 and seed=0"):
        phantoms(-2)


def test_the_image_carries_voxels_and_affine() -> None:
    scan = phantom(5)
    image = scan.image
    assert isinstance(image, nibabel.Nifti1Image)
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), scan.volume)
    np.testing.assert_allclose(image.header.get_zooms(), np.diag(scan.affine)[:3])


def test_without_nibabel_the_image_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(ImportError, match=r"pip install 'xai-widget\[volumes\]'"):
        _ = phantom(0).image


def test_phantoms_need_neither_torch_nor_nibabel() -> None:
    code = (
        "import sys; from xai_widget.examples import phantom, phantoms, watermarked;"
        "phantom(1); phantoms(3).ids; watermarked(1);"
        "print(sorted({'torch', 'torchvision', 'nibabel', 'skimage', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_a_row_of_phantoms_is_a_data_set() -> None:
    cohort = phantoms(3, seed=4)
    assert len(cohort) == 3
    assert cohort.ids == ["phantom-4", "phantom-5", "phantom-6"]
    for index, (volume, label) in enumerate(cohort):
        scan = phantom(4 + index)
        assert volume.shape == (1, *scan.volume.shape)
        np.testing.assert_array_equal(volume[0].numpy(), scan.volume)
        np.testing.assert_array_equal(volume.affine, scan.affine)
        assert cohort.labels[label] == scan.label
        assert scan.id == cohort.ids[index]
    with pytest.raises(IndexError):
        cohort[3]


# the network


def test_the_network_takes_phantoms_images_and_arrays_alike(net: PhantomNet) -> None:
    scan = phantom(2)
    for given in (scan, scan.image, scan.volume):
        x = net.transform(given)
        assert x.dtype == torch.float32
        np.testing.assert_array_equal(x.numpy(), scan.volume[None])
    with pytest.raises(ValueError, match=r"three axes \[D, H, W\], got an array of shape \(3, 4\)"):
        net.transform(np.zeros((3, 4)))


def test_the_network_is_dense_and_small(net: PhantomNet) -> None:
    path = Path(examples.__file__).parent / "phantom_net.safetensors"
    assert path.stat().st_size <= 400_000
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}
    assert net.labels == ["control", "patient"]
    assert not any(module.training for module in net.modules())
    x = torch.rand(2, 8, 5, 6, 7, generator=torch.Generator().manual_seed(0))
    grown = net.block1(x)
    torch.testing.assert_close(grown[:, :8], x)  # what came in is still there, beside what was found
    assert grown.shape[1] > 8
    assert net(torch.zeros(2, 1, 48, 60, 50)).shape == (2, 2)


def test_every_call_gives_a_network_of_its_own(net: PhantomNet) -> None:
    other = phantom_net()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert any(bool(parameter.any()) for parameter in net.parameters())
    assert any(bool(parameter.any()) for parameter in phantom_net().parameters())


def test_held_out_phantoms_are_named(net: PhantomNet, heads: list[Phantom]) -> None:
    with torch.inference_mode():
        named = [int(net(net.transform(head)[None]).argmax()) for head in heads]
    assert np.mean([name == head.group for name, head in zip(named, heads, strict=True)]) >= 0.95


def test_of_two_hundred_held_out_phantoms_at_least_95_in_100_are_named(net: PhantomNet) -> None:
    assert training.right(net, range(1000, 1200)) >= 0.95


def test_the_group_of_a_head_is_named_whichever_it_belongs_to(net: PhantomNet, patients: list[Phantom]) -> None:
    """Size, folds, brightness and noise are the same in both: only the region can tell."""
    with torch.inference_mode():
        for seed, patient in enumerate(patients, 400):
            both = torch.stack([net.transform(scan) for scan in (phantom(seed, "control"), patient)])
            assert net(both).argmax(dim=1).tolist() == [0, 1]


@pytest.mark.parametrize(("method", "times"), [("grad_cam", 15), ("grad_cam_pp", 5)])
def test_the_mean_map_of_patients_peaks_in_the_truth(
    net: PhantomNet, patients: list[Phantom], method: str, times: float
) -> None:
    total = np.zeros(patients[0].volume.shape)
    for scan in patients:
        found = np.array(explain(net, net.transform(scan), method=method, layer="relu", target=1).values)
        grown = torch.nn.functional.interpolate(torch.from_numpy(found)[None, None], total.shape, mode="trilinear")
        total += grown[0, 0].clamp(min=0).numpy()
    near = ndimage.binary_dilation(phantom_template().truth, iterations=3)
    assert near[np.unravel_index(total.argmax(), total.shape)]
    assert total[near].sum() / total.sum() > times * near.mean()  # against chance


def test_hiding_the_truth_takes_the_evidence_away_and_hiding_anything_else_does_not(
    net: PhantomNet, patients: list[Phantom]
) -> None:
    margins = []
    with torch.inference_mode():
        for scan in patients:
            x = net.transform(scan)
            window = np.zeros_like(scan.truth)
            window[ndimage.find_objects(scan.truth.astype(int))[0]] = True
            mirrored = window[::-1]
            cases = [np.where(mask, scan.volume.mean(), scan.volume) for mask in (window, mirrored)]
            hidden, other = (torch.from_numpy(case.astype(np.float32))[None] for case in cases)
            logits = net(torch.stack([x, hidden, other]))
            margins.append((logits[:, 1] - logits[:, 0]).tolist())
    plain, without, elsewhere = np.mean(margins, axis=0)
    assert plain > 2
    assert without < 0.6 * plain
    assert elsewhere > 0.7 * plain
