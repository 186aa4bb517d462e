"""Superpixels: the regions of a picture or volume that LIME and Kernel SHAP switch on and off."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.engine import Case, Facts, Fill, Segments
from xai_widget.explainers.parameters import Param
from xai_widget.render import resize

Algorithm = Literal["quickshift", "slic"]
SegmentsField = Annotated[
    Algorithm | Array | None,
    Param(
        "Superpixels",
        "How the picture is cut. Auto: quickshift for colour pictures, SLIC for all else. Or a label map of your own.",
        cost=True,
    ),
]
CountField = Annotated[
    int,
    Param("How many", "About how many SLIC makes; quickshift finds its own number.", 2, 500, 1, cost=True),
]
FillField = Annotated[
    Literal["segment_mean", "mean", "zero", "blur", "noise"] | float | Array,
    Param(
        "Cover with",
        "What stands in a superpixel that is off: its own mean, the picture's mean, blur, noise, zero or a number in"
        " model-input units.",
    ),
]
# LIME's setting of quickshift is made for pictures of this side; smaller ones get a finer kernel, in proportion.
QUICKSHIFT_SIDE: Final = 224
QUICKSHIFT_KERNEL: Final = 4.0
SLIC_LEAST: Final = 0.25
# Voxels count as cubes where no side is longer than the shortest by more than this factor.
EQUAL: Final = 1.05
# A surrogate with more features than this would need more samples than anybody waits for.
MOST: Final = 2048


@dataclass(frozen=True, eq=False)
class Superpixels:
    """A picture cut into F features.

    Attributes
    ----------
    labels : int array [*S]
        Feature of every position, 0 ... F - 1; -1 where nothing may be perturbed.
    numbers : int array [F]
        What each feature is called in the label map that it comes from, in rising order.
    """

    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @property
    def count(self) -> int:
        """F."""
        return len(self.numbers)

    @property
    def arrays(self) -> dict[str, Tensor]:
        """Labels and numbers as an estimate carries them, each with an axis for the row in front."""
        return {"labels": torch.from_numpy(self.labels)[None], "numbers": torch.from_numpy(self.numbers)[None]}

    def edits(self, keep: NDArray[np.bool_], fill: Fill) -> Segments:
        """Return the edits that keep the features of each row of `keep` `[n, F]`."""
        always = np.ones((len(keep), 1), dtype=bool)
        return Segments(np.hstack([keep, always]), np.where(self.labels < 0, self.count, self.labels), fill)

    def paint(self, numbers: Tensor) -> Tensor:
        """Return one number a feature `[F]` on the positions, `[*S]`; 0 where there is no feature."""
        return torch.cat([numbers, numbers.new_zeros(1)])[torch.from_numpy(self.labels)]  # label -1: the last one

    def means(self, inputs: Tensor) -> Array:
        """Return each feature's mean, a channel at a time, on its positions: `[1, C, *S]` as the inputs."""
        feature = torch.from_numpy(self.labels.reshape(-1) % (self.count + 1))  # -1 becomes F
        values = inputs.detach().double().cpu().reshape(inputs.shape[1], -1)
        sums = values.new_zeros((len(values), self.count + 1)).index_add_(1, feature, values)
        sizes = torch.bincount(feature, minlength=self.count + 1).clamp(min=1)
        return Array((sums / sizes)[:, feature].reshape(inputs.shape))


def algorithm(segments: Algorithm | Array | None, facts: Facts) -> Algorithm | Array:
    """Return how inputs of this shape are cut where `segments` is None (auto): quickshift in colour, else SLIC."""
    if segments is not None:
        return segments
    return "quickshift" if facts.dims == 2 and facts.input_shape[0] == 3 else "slic"


def unfit(segments: Algorithm | Array | None, facts: Facts) -> str | None:
    """Return why inputs of this shape cannot be cut so, in words, or None."""
    size = facts.input_shape[1:]
    if isinstance(segments, Array):
        return _unfit_labels(segments.values, size)
    if segments == "quickshift" and (facts.dims != 2 or facts.input_shape[0] not in {1, 3}):
        shape = "x".join(map(str, facts.input_shape))
        return f"segments='quickshift' cuts pictures of 1 or 3 channels, and the input is {shape}. Use segments='slic'."
    return None


def superpixels(case: Case, segments: Algorithm | Array | None, wanted: int) -> Superpixels:
    """Return the superpixels of a case of one input; with a mask, those that touch the foreground, cut to it.

    Parameters
    ----------
    case : Case
        One input `[1, C, *S]`.
    segments : {"quickshift", "slic"}, Array or None
        Algorithm, run on the input scaled to [0, 1]; a label map `[*S]` of any whole numbers, each a region, 0 too;
        None = auto. Where the size of a voxel is known, SLIC's superpixels are as long in mm along every axis.
    wanted : int
        About how many SLIC makes.

    Raises
    ------
    ValueError
        A label map that does not fit, or too many superpixels.
    """
    if (reason := unfit(segments, case.facts)) is not None:
        raise ValueError(reason)
    way = algorithm(segments, case.facts)
    labels = way.values if isinstance(way, Array) else _kept_cut(case, way, wanted)
    outside = np.zeros(labels.shape, dtype=bool) if case.mask is None else ~case.mask.cpu().numpy()
    features, inverse = np.unique(labels[~outside], return_inverse=True)
    if len(features) > MOST:
        message = f"{len(features)} superpixels are more than {MOST}; give a coarser label map or fewer superpixels."
        raise ValueError(message)
    numbered = np.full(labels.shape, -1, dtype=np.int64)
    numbered[~outside] = inverse.reshape(-1)
    return Superpixels(numbered, features.astype(np.int64))


def is_cut(case: Case, segments: Algorithm | Array | None, wanted: int) -> bool:
    """Whether the superpixels of a case of one input are known without cutting it."""
    way = algorithm(segments, case.facts)
    return isinstance(way, Array) or case.memory.recall(_key(case, way, wanted), np.ndarray) is not None


def _unfit_labels(labels: NDArray[np.generic], size: tuple[int, ...]) -> str | None:
    if labels.shape != size:
        return f"segments must be a label map of the input's spatial shape {size}, got {labels.shape}."
    if not np.array_equal(labels, np.round(labels)):
        return (
            f"segments must hold whole numbers, one a superpixel, got {labels.dtype} values such as {labels.flat[0]}."
        )
    return None


def _spacing(case: Case) -> tuple[float, ...] | None:
    """Return the size of a voxel where the axes' differ, else None."""
    spacing = case.spacings[0] if case.spacings else None
    return None if spacing is None or max(spacing) <= EQUAL * min(spacing) else spacing


def _key(case: Case, way: Algorithm, wanted: int) -> tuple[Hashable, ...]:
    return "superpixels", way, wanted, _spacing(case)


def _kept_cut(case: Case, way: Algorithm, wanted: int) -> NDArray[np.int64]:
    key = _key(case, way, wanted)
    found = case.memory.recall(key, np.ndarray)
    if found is None:
        found = _cut(case.inputs[0], way, wanted, _spacing(case))
        case.memory.keep(key, found, found.nbytes)
    return found


def _cut(picture: Tensor, way: Algorithm, wanted: int, spacing: tuple[float, ...] | None) -> NDArray[np.int64]:
    """Cut `[C, *S]`, whose voxels have this size."""
    from skimage import segmentation  # noqa: PLC0415 - slow to import, needed here only

    values = picture.detach().double().cpu().numpy()
    spread = np.ptp(values)
    values = (values - values.min()) / (spread if spread > 0 else 1)
    if way == "quickshift":
        colours = np.broadcast_to(values, (3, *values.shape[1:])).transpose(1, 2, 0)
        kernel = np.clip(QUICKSHIFT_KERNEL * min(colours.shape[:2]) / QUICKSHIFT_SIDE, 1, QUICKSHIFT_KERNEL)
        labels = segmentation.quickshift(colours, kernel_size=kernel, max_dist=200, ratio=0.2, rng=0)
    else:
        size = values.shape[1:]
        if spacing is not None:  # SLIC starts from as many samples along every axis: they must be equally far apart
            cubic = _cubic(size, spacing)
            values = np.stack([resize(channel.astype(np.float32), cubic) for channel in values])
        # SLIC weighs distance against colour: colours are compared in Lab (up to 100), other channels in [0, 1].
        compactness = 10 if len(values) == 3 else 0.1
        # Small pictures would lose most of their superpixels to the usual least size, half of the mean one.
        labels = segmentation.slic(
            values, wanted, compactness, channel_axis=0, start_label=0, min_size_factor=SLIC_LEAST
        )
        if spacing is not None:
            labels = resize(labels, size, cells=True)
    return np.asarray(labels, dtype=np.int64)


def _cubic(size: tuple[int, ...], spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return how many samples along each axis cover the same space with about as many cubes as there are voxels."""
    side = math.prod(spacing) ** (1 / len(spacing))
    return tuple(max(1, round(n * length / side)) for n, length in zip(size, spacing, strict=True))
