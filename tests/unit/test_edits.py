"""Edits are written exactly where they say, and nowhere else."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.zoo import picture
from xai_widget.engine import Boxes, Edits, Masks, Segments
from xai_widget.engine.edits import fill_for


def written(edits: Edits, inputs: Tensor, mask: Tensor | None = None, start: int = 0) -> Tensor:
    buffer = torch.full((len(edits) - start, *inputs.shape), torch.nan)
    edits.write(buffer, inputs, fill_for(inputs, edits.fill), start, mask)
    return buffer


@pytest.fixture
def inputs() -> Tensor:
    return torch.stack([picture(0, 6), picture(1, 6)])


def test_a_box_is_filled_and_the_rest_is_the_input(inputs: Tensor) -> None:
    edits = Boxes(np.array([[0, 1], [4, 3]]), (2, 3), fill=7.0)
    first, second = written(edits, inputs)
    expected = inputs.clone()
    expected[:, :, 0:2, 1:4] = 7
    assert torch.equal(first, expected)
    expected = inputs.clone()
    expected[:, :, 4:6, 3:6] = 7
    assert torch.equal(second, expected)
    assert torch.equal(written(edits, inputs, start=1)[0], expected)


def test_a_box_leaves_the_background_alone(inputs: Tensor) -> None:
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[1, 2] = True
    (edited,) = written(Boxes(np.array([[0, 0]]), (6, 6)), inputs, mask)
    assert not edited[:, :, 1, 2].any()
    edited[:, :, 1, 2] = inputs[:, :, 1, 2]
    assert torch.equal(edited, inputs)


def test_segments_that_are_off_take_the_fill(inputs: Tensor) -> None:
    labels = np.arange(36).reshape(6, 6) % 3
    edits = Segments(np.array([[True, True, True], [True, False, True], [False, False, False]]), labels, fill="mean")
    kept, one_off, none = written(edits, inputs)
    mean = inputs.mean((2, 3), keepdim=True).expand_as(inputs)
    assert torch.equal(kept, inputs)
    assert torch.allclose(none, mean)
    assert torch.equal(one_off, torch.where(torch.from_numpy(labels == 1), mean, inputs))


def test_masks_fade_the_input_into_the_fill_bilinearly(inputs: Tensor) -> None:
    coarse = np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]], np.float32)
    kept, faded = written(Masks(coarse, fill=2.0), inputs)
    assert torch.allclose(kept, inputs)
    # Half-pixel centres: columns 0, 1 lie left of the first cell's centre, the middle ones a sixth and half between.
    share = torch.tensor([0, 0, 1 / 3, 2 / 3, 1, 1])
    assert torch.allclose(faded, inputs * share + 2 * (1 - share), atol=1e-6)


def test_masks_of_volumes_are_trilinear() -> None:
    volume = torch.ones(1, 1, 4, 4, 4)
    (edited,) = written(Masks(np.array([[[[0.0]], [[1.0]]]], np.float32)), volume)
    assert torch.allclose(edited[0, 0, :, 0, 0], torch.tensor([0, 0.25, 0.75, 1]))


@pytest.mark.parametrize(("fill", "value"), [("zero", 0.0), (0.25, 0.25), (3, 3.0)])
def test_plain_fills(inputs: Tensor, fill: str | float, value: float) -> None:
    assert torch.equal(fill_for(inputs, fill), torch.full_like(inputs, value))


def test_noise_has_the_moments_of_each_channel_and_depends_on_the_seed() -> None:
    inputs = 3 + 2 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    noise = fill_for(inputs, "noise", seed=1)
    assert noise.mean((2, 3)) == pytest.approx(inputs.mean((2, 3)), abs=0.15)
    assert noise.std((2, 3)) == pytest.approx(inputs.std((2, 3)), rel=0.05)
    assert torch.equal(noise, fill_for(inputs, "noise", seed=1))
    assert not torch.equal(noise, fill_for(inputs, "noise", seed=2))


def test_an_unknown_fill_is_told(inputs: Tensor) -> None:
    with pytest.raises(ValueError, match=r"'grey'.*'blur'"):
        fill_for(inputs, "grey")  # type: ignore[arg-type] - what a person might write


def test_keys_tell_edits_apart() -> None:
    origin = np.array([[0, 1], [4, 3]])
    same = {Boxes(origin, (2, 2)).key, Boxes(origin.copy(), (2, 2)).key}
    others = {Boxes(origin[:1], (2, 2)).key, Boxes(origin, (2, 3)).key, Boxes(origin, (2, 2), "mean").key}
    assert len(same) == 1
    assert len(same | others) == 4
