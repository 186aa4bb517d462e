"""Attribution: the raw numbers a method gives, at its own resolution, and ways to see and keep them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_widget.attribution import figures, files
from xai_widget.render import resize
from xai_widget.targets import Contrast, Target, TargetNotScored
from xai_widget.view import check_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each place of an input speaks for a target, as numbers.

    Attributes
    ----------
    values : float32 array [*native], read-only
        The raw attribution at the method's own resolution, never rescaled.
    method : str
        The method's id.
    params : mapping
        The method's parameters, all of them.
    target : int, Contrast or callable
        What was asked about.
    label : str
        The target in words.
    layer : str, tuple of str or None
        Where activations were read.
    input_size : tuple of int
        Spatial size of the input.
    signed : bool
        Whether negative values mean something (evidence against).
    channels : float32 array [C, *S] or None
        The attribution before channels were reduced.
    error : float32 array [*native] or None
        Standard error of `values`.
    arrays : mapping of str to array
        Further results of the method, e.g. occlusion's grid of score drops.
    image : array or None
        What the model saw, un-normalised: uint8 `[H, W, 3]`, or float32 `[D, H, W]`.
    affine : float array [4, 4] or None
        Of a NIfTI input.
    meta : mapping
        Seconds, model evaluations, fraction done, precision, score, and what the method adds.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "grad_cam")
    >>> a.label, a.resized().shape
    ('cat', (128, 128))
    """

    values: Array
    method: str
    params: Mapping[str, Any]
    target: int | Contrast | Callable[..., Any] | str
    label: str
    layer: str | tuple[str, ...] | None
    input_size: tuple[int, ...]
    signed: bool = True
    channels: Array | None = None
    error: Array | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    image: NDArray[Any] | None = None
    affine: NDArray[np.float64] | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    _ask: Callable[[Target], "Attribution"] | None = None

    def __post_init__(self) -> None:
        for name in ("values", "channels", "error"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, _read_only(np.asarray(array, dtype=np.float32)))
        arrays = {name: _read_only(np.asarray(array)) for name, array in self.arrays.items()}
        object.__setattr__(self, "arrays", MappingProxyType(arrays))
        for name in ("params", "meta"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __repr__(self) -> str:
        grid = "x".join(map(str, self.values.shape))
        where = f", layer={self.layer!r}" if self.layer is not None else ""
        low, high = float(self.values.min(initial=0)), float(self.values.max(initial=0))
        return f"Attribution({self.method!r}, {self.label!r}{where}, {grid}, {low:.3g} ... {high:.3g})"

    # -- the same numbers, otherwise --------------------------------------------------------------------------------

    def resized(self) -> Array:
        """Return the attribution at the input's spatial size, float32 `[*S]`, (bi-, tri-)linearly interpolated."""
        return resize(self.values, self.input_size)

    def for_target(self, target: Target) -> "Attribution":
        """Return the attribution for another target, from what was kept: no forward of the model on an input.

        Parameters
        ----------
        target : int, str, Contrast, callable or None
            As in `explain`.

        Raises
        ------
        TargetNotScored
            It cannot be answered from what was kept (for instance after loading from a file).
        ValueError
            An unknown class.
        """
        if self._ask is None:
            message = f"This {self.method} attribution was kept without its model. Run explain(...) for other targets."
            raise TargetNotScored(message)
        return self._ask(target)

    def maps(self, targets: Sequence[Target]) -> Array:
        """Return the values for several targets, float32 `[T, *native]`; see `for_target`."""
        if not targets:
            return np.empty((0, *self.values.shape), np.float32)
        return np.stack([self.for_target(target).values for target in targets])

    def segment(self, threshold: float = 0.2) -> NDArray[np.bool_]:
        """Return where `resized()` lies above `threshold` times its maximum, bool `[*S]`.

        Parameters
        ----------
        threshold : float
            In [0, 1); 0.2 is the rule of Zhou et al., "Learning Deep Features for Discriminative Localization" (2016).

        Raises
        ------
        ValueError
            `threshold` outside [0, 1).
        """
        if not 0 <= threshold < 1:
            message = f"threshold must lie in [0, 1), got {threshold!r}."
            raise ValueError(message)
        values = self.resized()
        highest = float(values.max(initial=0))
        inside: NDArray[np.bool_] = values > threshold * highest
        return inside if highest > 0 else np.zeros_like(inside)

    def box(self, threshold: float = 0.2) -> tuple[int, ...] | None:
        """Return the box of the largest connected region of `segment(threshold)`.

        Returns
        -------
        tuple of int or None
            Half-open and in axis order, (top, left, bottom, right) in 2-D, (z0, y0, x0, z1, y1, x1) in 3-D: the
            region lies in rows top ... bottom - 1. Diagonal neighbours are connected. None if nothing is positive.
        """
        from skimage.measure import label, regionprops  # noqa: PLC0415 - slow to import, needed here only

        regions = regionprops(label(self.segment(threshold), connectivity=len(self.input_size)))
        if not regions:
            return None
        return tuple(int(edge) for edge in max(regions, key=lambda region: region.area).bbox)

    # -- to see and to keep -----------------------------------------------------------------------------------------

    def heat_map(
        self,
        view: Mapping[str, Any] | None = None,
        *,
        labels: NDArray[np.uint8] | None = None,
        top: float | None = None,
        scale: int = 1,
    ) -> NDArray[np.uint8]:
        """Return the picture under the heat map, uint8 `[H * scale, W * scale, 3]` (wider in the mode "side").

        Of a volume: its three planes side by side, or a montage, as the view's `crosshair`, `layout`, `plane`, `tiles` and
        `radiological` say; a pixel is a square of the smallest voxel spacing.

        Parameters
        ----------
        view : mapping, optional
            opacity, threshold, gamma, colormap, cells, mode, clip ...; see `xai_widget.view`.
        labels : uint8 array [H, W], optional
            For the mode "regions": 0 outside, 1 ... 9 in the regions. Without, it shows the picture.
        top : float, optional
            The value of the strongest colour, where several maps share one; by default the view's `clip` decides.
        scale : int
            Output pixels per picture pixel along each side; lines and outlines stay sharp.

        Raises
        ------
        ValueError
            An unknown or out-of-range view, scale or shape of labels; labels for a volume.

        Examples
        --------
        >>> from xai_widget import examples, explain
        >>> a = explain(examples.mosaic_net(), examples.photo("cat"))
        >>> a.heat_map({"mode": "contours"}, scale=2).shape
        (256, 256, 3)
        """
        return figures.painted(self, check_view(view or {}), labels, top, scale)

    def sheet(
        self,
        view: Mapping[str, Any] | None = None,
        *,
        labels: NDArray[np.uint8] | None = None,
        top: float | None = None,
        scale: int = 1,
    ) -> Image.Image:
        """Return `heat_map` on white paper, with its colour bar and numbers where colours stand for numbers.

        Parameters
        ----------
        view, labels, top, scale
            As in `heat_map`.
        """
        return figures.sheet_of(self, check_view(view or {}), labels, top, scale)

    def plot(
        self,
        ax: "Axes | None" = None,
        view: Mapping[str, Any] | None = None,
        *,
        labels: NDArray[np.uint8] | None = None,
        top: float | None = None,
    ) -> "Axes":
        """Draw the heat map with its colour bar into a matplotlib axes and return it.

        Parameters
        ----------
        ax : Axes, optional
            By default those of a new figure. One unit is one pixel of the picture (of a volume: of the smallest spacing).
        view, labels, top
            As in `heat_map`.

        Examples
        --------
        >>> from xai_widget import examples, explain
        >>> ax = explain(examples.mosaic_net(), examples.photo("cat")).plot()
        >>> ax.get_title()
        'grad_cam · cat'
        """
        return figures.plot(self, ax, check_view(view or {}), labels, top)

    def save(self, path: str | Path) -> Path:
        """Write the attribution to `path` and return it.

        Parameters
        ----------
        path : str or Path
            `.png` (the picture under the heat map, of a volume large enough to be read), `.npz` (all numbers; `Attribution.load` reads it), `.nii` or
            `.nii.gz` (volumes: `resized()` with the input's affine; needs nibabel).

        Raises
        ------
        ValueError
            Another suffix.
        """
        path = Path(path)
        files.write(self, path)
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Attribution":
        """Read what `save("x.npz")` wrote; no pickle is involved.

        Raises
        ------
        ValueError
            Not such a file.
        """
        return cls(**files.read(Path(path)))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array
