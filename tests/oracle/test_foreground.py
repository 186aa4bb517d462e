"""`mask=` on volumes: whatever a method changes of its input, it changes in the foreground, and nothing outside."""

from itertools import product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.zoo import Scan, seeded, volume
from xai_widget import explain

SIZE = (10, 12, 14)
TARGET = 1
PLACES = np.stack(np.meshgrid(*map(np.arange, SIZE), indexing="ij"), -1)
# A ball off the middle: no box, and no axis like another.
FOREGROUND = (((PLACES - (4, 6, 8)) / (3, 4, 5)) ** 2).sum(-1) < 1


class Log(list[Tensor]):
    """What a network was given; copies of the network write into the same log."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "Log":
        return self


class Logged(Scan):
    def __init__(self) -> None:
        super().__init__()
        self.log = Log()

    def forward(self, x: Tensor) -> Tensor:
        self.log.extend(x.detach().clone())
        return super().forward(x)


def head() -> Tensor:
    """A scan whose background is empty and whose foreground is not."""
    return torch.where(torch.from_numpy(FOREGROUND), volume(SIZE).abs() + 0.5, 0.0)


PERTURBING: dict[str, dict[str, Any]] = {
    "smooth_grad": {"samples": 4},
    "noise_tunnel": {"samples": 4, "of": "grad_cam"},
    "integrated_gradients": {"steps": 4, "baseline": 0.3},
    "interior_gradients": {"steps": 4, "baseline": "noise"},
    "integrated_grad_cam": {"steps": 4, "baseline": "blur"},
    "score_cam": {"fill": 0.3},
    "occlusion": {"window": 4, "stride": 3, "fill": "noise"},
    "rise": {"samples": 20, "fill": 0.3},
    "lime": {"samples": 20, "n_segments": 8, "fill": "mean"},
    "kernel_shap": {"samples": 20, "n_segments": 8, "fill": 0.3},
}


@pytest.mark.parametrize("method", PERTURBING)
def test_the_empty_background_stays_exactly_empty_in_every_forward(method: str) -> None:
    model = seeded(Logged).eval().double()
    explain(model, head(), method, target=TARGET, mask=FOREGROUND, **PERTURBING[method])
    seen = torch.stack(list(model.log))
    assert not seen[:, :, ~torch.from_numpy(FOREGROUND)].any()
    changed = (seen[:, 0] != head()[0]).any(0).numpy()
    assert changed[FOREGROUND].mean() > 0.9


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion", "rise", "lime", "kernel_shap"])
def test_nothing_is_said_of_places_that_were_never_changed(method: str) -> None:
    model = seeded(Scan).eval().double()
    found = explain(model, volume(SIZE), method, target=TARGET, mask=FOREGROUND, **PERTURBING[method])
    assert not found.values[~FOREGROUND].any()
    assert found.values[FOREGROUND].any()


@pytest.mark.parametrize("fill", [0.4, "mean", "noise"])
def test_windows_that_do_not_touch_the_foreground_are_not_run(fill: Any) -> None:
    """And what stands for the foreground, its mean and its spread, is that of the foreground."""
    model, x, inside = seeded(Logged).eval().double(), volume(SIZE) + 1, torch.from_numpy(FOREGROUND)
    mean, spread = x[0, inside].mean(), x[0, inside].std(correction=0)
    noise = torch.randn(1, *SIZE, generator=torch.Generator().manual_seed(0)).double()
    cover = {"mean": mean.expand_as(x), "noise": mean + spread * noise}.get(fill, torch.full_like(x, 0.4))
    total, count, windows = np.zeros(SIZE), np.zeros(SIZE), 0
    with torch.no_grad():
        clean = model(x[None])[0, TARGET]
        for corner in product(*({*range(0, n - 3, 3), n - 4} for n in SIZE)):
            box = np.zeros(SIZE, bool)
            box[tuple(slice(start, start + 4) for start in corner)] = True
            if (box & FOREGROUND).any():
                windows += 1
                covered = torch.where(torch.from_numpy(box & FOREGROUND), cover, x)
                total[box] += float(clean - model(covered[None])[0, TARGET])
                count[box] += 1
    model.log.clear()
    found = explain(model, x, "occlusion", target=TARGET, window=4, stride=3, fill=fill, mask=FOREGROUND)
    # One more tells what the model says, and two make its prepared copy.
    assert found.meta["windows"] == found.meta["forwards"] == windows == len(model.log) - 3
    assert found.values[FOREGROUND] == pytest.approx(total[FOREGROUND] / count[FOREGROUND], rel=1e-5, abs=1e-9)


def test_integrated_gradients_add_up_to_what_the_foreground_adds() -> None:
    model, x = seeded(Scan).eval().double(), volume(SIZE)
    ask = {"steps": 200, "baseline": "mean", "mask": FOREGROUND}
    found = explain(model, x, "integrated_gradients", target=TARGET, **ask)
    inside = torch.from_numpy(FOREGROUND)
    without = torch.where(inside, x[0, inside].mean(), x)
    with torch.no_grad():
        difference = float(model(x[None])[0, TARGET] - model(without[None])[0, TARGET])
    assert found.values.sum(dtype=float) == pytest.approx(difference, rel=1e-3)


def test_a_mask_comes_as_array_tensor_image_or_file(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(FOREGROUND.astype(np.uint8), np.eye(4))
    nibabel.save(image, tmp_path / "brain.nii.gz")
    masks = [
        FOREGROUND,
        FOREGROUND.astype(np.float32),
        torch.from_numpy(FOREGROUND),
        image,
        tmp_path / "brain.nii.gz",
        str(tmp_path / "brain.nii.gz"),
    ]
    model = seeded(Scan).eval()
    ask = {"target": TARGET, "window": 5, "stride": 5}
    maps = [explain(model, volume(SIZE).float(), "occlusion", mask=mask, **ask).values for mask in masks]
    assert maps[0].any()
    assert all(np.array_equal(values, maps[0]) for values in maps)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("brain.nii.gz", r"There is no file 'brain\.nii\.gz'"),
        (np.ones((12, 10, 14), bool), r"spatial shape \(10, 12, 14\), got \(12, 10, 14\)"),
        (nibabel.Nifti1Image(np.zeros((10, 12, 14, 1), np.uint8), np.eye(4)), r"got \(10, 12, 14, 1\)"),
        (nibabel.Nifti1Image(np.full(SIZE, 0.5, np.float32), np.eye(4)), r"True and False \(or 1 and 0\)"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused_in_words(mask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain(seeded(Scan).eval(), volume(SIZE).float(), "occlusion", mask=mask)
