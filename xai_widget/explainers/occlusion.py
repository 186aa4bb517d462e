"""Occlusion sensitivity: cover a patch, see how far the score falls."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Boxes, Case, Facts, ScoreName
from xai_widget.explainers.method import SCORE_WORDS, Cost, Explainer, Randomisation
from xai_widget.explainers.parameters import Param

# A window of a seventh of the shorter side: 32 of 224, the usual choice for photos; and half a window apart.
WINDOWS_A_SIDE = 7
# Standard deviation of a Gaussian window, in windows.
GAUSSIAN_SIGMA = 1 / 4
# Stands for the sum of no shares, where nothing has been measured yet.
SMALLEST = 1e-300


@dataclass(frozen=True)
class Occlusion(Explainer):
    r"""Occlusion sensitivity: the drop of the score when a window is covered, averaged over the windows at a place.

    .. math:: M_p = \frac{1}{|W_p|} \sum_{w \in W_p} \big( y(x) - y(x \text{ with } w \text{ covered}) \big)

    where :math:`W_p` are the windows that cover p. With ``edge="gaussian"`` a window covers its places in part, by a
    Gaussian G that is 1 in its middle and has a standard deviation of a quarter of the window: x·(1 - G) + fill·G; and
    the mean is weighted by the same G. There is no edge then that the network could take for a feature. Windows lie on
    a grid of `stride`; the last one of each axis is moved inside, so that the borders are fully covered. Positive: the
    place speaks for the target. All classes come from the same forwards. A coarse grid that already covers the picture
    is measured first, then the windows between. With a mask, windows that do not touch the foreground are not run, and
    the others cover their part of it alone.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901.

    Parameters
    ----------
    window : int or None
        Side of the window in pixels; None: a seventh of the shorter side.
    stride : int or None
        Distance of neighbouring windows in pixels, at most the window; None: half a window.
    fill : {"zero", "mean", "blur", "noise"}, float or array
        What covers the window; "zero" and numbers are in model-input units; an array is an input of one's own.
    score : {"logit", "probability", "log_odds"}
        What falls.
    reduce : {"mean", "sum"}
        Over the windows that cover a pixel.
    edge : {"hard", "gaussian"}
        Whether a window covers all its pixels fully, or fades towards its border.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "occlusion", window=32, stride=32)
    >>> a.arrays["scores"].shape
    (4, 4)
    """

    id: ClassVar[str] = "occlusion"
    label: ClassVar[str] = "Occlusion sensitivity"
    access: ClassVar[Access] = "black_box"
    summary: ClassVar[str] = "Covers one patch after another and measures how far the score falls."
    formula: ClassVar[str] = "M(p) = mean over windows w that cover p of  y(x) − y(x with w covered)"
    cites: ClassVar[str] = "Zeiler and Fergus, ECCV 2014, arXiv:1311.2901"
    when: ClassVar[str] = (
        "The first thing to try with any model: it says what happens, in units of the score. Sees no evidence that is"
        " larger than the window or stands twice in the picture."
    )
    evaluations: ClassVar[str] = "1 + windows forwards"
    randomisation: ClassVar[Randomisation] = "passes"

    window: Annotated[
        int | None,
        Param("Window", "Side of the covered square, in pixels of the model's input.", 1, 256, 1, cost=True),
    ] = None
    stride: Annotated[
        int | None,
        Param("Stride", "Distance of neighbouring windows, in pixels; at most the window.", 1, 256, 1, cost=True),
    ] = None
    fill: Annotated[
        Literal["zero", "mean", "blur", "noise"] | float | Array,
        Param("Cover with", "What stands in the window: zero or a number in model-input units, mean, blur, noise."),
    ] = "zero"
    score: Annotated[ScoreName, Param("Measure", "What falls: the logit, the probability, or the log-odds.")] = "logit"
    reduce: Annotated[
        Literal["mean", "sum"], Param("Combine", "Over the windows that cover a pixel: their mean, or their sum.")
    ] = "mean"
    edge: Annotated[
        Literal["hard", "gaussian"],
        Param("Edge", "A window with a hard edge, or one that fades towards its border (Gaussian)."),
    ] = "hard"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        fall = f"fall of the {SCORE_WORDS[self.score]}"
        return fall if self.reduce == "mean" else f"sum of each {fall}"

    def __post_init__(self) -> None:
        """Check the fields, and that no pixel falls between two windows."""
        super().__post_init__()
        if self.window is not None and self.stride is not None and self.stride > self.window:
            message = (
                f"{self.label}: stride {self.stride} is larger than window {self.window}, so that pixels between the"
                f" windows would never be covered. Use a stride of at most {self.window}."
            )
            raise ValueError(message)

    def automatic(self, facts: Facts) -> dict[str, Any]:
        """Return window and stride for inputs of this size."""
        window, stride = self._sizes(facts.input_shape[1:])
        return {"window": window, "stride": stride}

    def cost(self, case: Case) -> Cost:
        """One forward for the input and one for every window."""
        return Cost(len(case.inputs) * (1 + len(self._windows(case)[0])))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of windows, coarse grid first."""
        window, _ = self._sizes(case.facts.input_shape[1:])
        positions, axes = self._windows(case)
        size = case.facts.input_shape[1:]
        origin = np.stack([starts[positions[:, axis]] for axis, starts in enumerate(axes)], axis=1)
        profile = self._profile(window)
        covers = [_coverage(starts, profile, length) for starts, length in zip(axes, size, strict=True)]
        share = np.asarray(math.prod(np.ix_(*[profile] * len(size))))
        clean = case.score(case.logits, self.score)  # [N]
        drops = torch.zeros((len(case.inputs), *(len(starts) for starts in axes)), dtype=torch.float64)
        measured = torch.zeros(drops.shape[1:], dtype=torch.float64)
        total, weight = torch.zeros((len(drops), *size), dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
        done = 0
        boxes = Boxes(origin, share.shape, self.fill, None if self.edge == "hard" else share)
        for logits in case.scores(boxes):
            chunk = positions[done : done + logits.shape[1]]
            index = [torch.from_numpy(chunk[:, axis]) for axis in range(len(axes))]
            fallen = (clean[:, None] - case.score(logits, self.score)).detach().double().cpu()  # [N, n]
            for row, drop in zip(drops, fallen, strict=True):
                row[tuple(index)] = drop
            measured[tuple(index)] = 1
            if len(chunk) * share.size > weight.numel():
                total, weight = _spread(drops, covers), _spread(measured[None], covers)[0]
            else:  # the windows are a small part of the input: of a volume, nearly always
                _add(total, weight, fallen, origin[done : done + len(chunk)], torch.from_numpy(share))
            done += len(chunk)
            values = total / weight.clamp(min=SMALLEST) if self.reduce == "mean" else total
            if case.mask is not None:  # outside, nothing was ever covered
                values = values * case.mask.to(values.device)
            yield Estimate(
                values.float(),
                done / len(positions),
                signed=True,
                arrays={"scores": drops.float()},
                meta={"window": window, "windows": done, "score": self.score},
            )

    def _profile(self, window: int) -> NDArray[np.float64]:
        """Return how far a window covers its places along an axis, `[window]`, 1 in the middle."""
        if self.edge == "hard":
            return np.ones(window)
        offsets = np.arange(window) - (window - 1) / 2
        gaussian = np.exp(-0.5 * (offsets / (GAUSSIAN_SIGMA * window)) ** 2)
        return np.asarray(gaussian / gaussian.max())

    def _sizes(self, size: tuple[int, ...]) -> tuple[int, int]:
        """Return window and stride for an input of spatial `size`."""
        shortest = min(size)
        window = self.window if self.window is not None else max(1, round(shortest / WINDOWS_A_SIDE))
        if window > shortest:
            message = f"{self.label}: window {window} is larger than the input ({'x'.join(map(str, size))})."
            raise ValueError(message)
        stride = self.stride if self.stride is not None else max(1, window // 2)
        return window, min(stride, window)

    def _windows(self, case: Case) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
        """Return the grid positions `[n, D]` to measure, coarse ones first, and each axis' window starts."""
        size = case.facts.input_shape[1:]
        window, stride = self._sizes(size)
        axes = [_starts(length, window, stride) for length in size]
        grid = np.stack(np.meshgrid(*(np.arange(len(starts)) for starts in axes), indexing="ij"), -1).reshape(
            -1, len(size)
        )
        if case.mask is not None:
            grid = grid[_touching(case.mask.cpu().numpy(), axes, window).reshape(-1)]
            if len(grid) == 0:
                message = f"{self.label}: no window touches the mask. Pass a mask that is True on the foreground."
                raise ValueError(message)
        return grid[np.argsort(_level(grid, axes, window // stride), kind="stable")], axes


def _starts(length: int, window: int, stride: int) -> NDArray[np.int64]:
    """Return where windows begin along an axis; the last one is moved inside."""
    return np.unique(np.append(np.arange(0, length - window + 1, stride), length - window))


def _level(grid: NDArray[np.int64], axes: list[NDArray[np.int64]], reach: int) -> NDArray[np.int64]:
    """Return 0 for the coarse grid that just covers the picture, 1, 2, ... for the windows between, ever finer."""
    steps = [1]
    while steps[-1] * 2 <= reach:
        steps.append(steps[-1] * 2)
    steps.reverse()
    level = np.full(len(grid), len(steps) - 1)
    for index in range(len(steps) - 1, -1, -1):
        on_grid = [
            (grid[:, axis] % steps[index] == 0) | (grid[:, axis] == len(starts) - 1) for axis, starts in enumerate(axes)
        ]
        level[np.logical_and.reduce(on_grid)] = index
    return level


def _touching(mask: NDArray[np.bool_], axes: list[NDArray[np.int64]], window: int) -> NDArray[np.bool_]:
    """Return which windows of the grid hold a place of the mask, `[*windows]`, one axis at a time."""
    touched = mask
    for axis, starts in enumerate(axes):
        touched = np.stack([touched.take(range(start, start + window), axis).any(axis) for start in starts], axis)
    return touched


def _coverage(starts: NDArray[np.int64], profile: NDArray[np.float64], length: int) -> Tensor:
    """Return how far each window covers the positions of an axis, `[length, windows]`."""
    inside = np.arange(length)[:, None] - starts
    covered = (inside >= 0) & (inside < len(profile))
    return torch.from_numpy(np.where(covered, profile[inside.clip(0, len(profile) - 1)], 0.0))


def _add(total: Tensor, weight: Tensor, drops: Tensor, origin: NDArray[np.int64], share: Tensor) -> None:
    """Add the drops `[N, n]` of windows to the sums `[N, *S]` at the places they cover, and their shares `[*S]`."""
    for drop, corner in zip(drops.T.reshape(-1, len(total), *[1] * share.ndim), origin.tolist(), strict=True):
        box = tuple(slice(start, start + length) for start, length in zip(corner, share.shape, strict=True))
        total[(slice(None), *box)] += drop * share
        weight[box] += share


def _spread(grid: Tensor, covers: list[Tensor]) -> Tensor:
    """Sum the windows' numbers over the positions they cover: `[N, *windows]` -> `[N, *S]`, one axis at a time."""
    for axis, cover in enumerate(covers, start=1):
        grid = torch.tensordot(grid, cover, dims=([axis], [1])).movedim(-1, axis)
    return grid
