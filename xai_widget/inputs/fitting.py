"""What fits a model: dimensions, channels, dtype."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xai_widget.inputs.pictures import channel_axis
from xai_widget.models import Expects, expects, unwrap

_WRITTEN: Final = {2: ("[C, H, W]", "[N, C, H, W]"), 3: ("[C, D, H, W]", "[N, C, D, H, W]")}


def wanted_by(model: Callable[..., Any], dims: int | None) -> Expects:
    """Return what the model expects; `dims` outweighs its first layer."""
    if dims not in (None, 2, 3):
        raise ValueError(f"dims= is 2 for pictures or 3 for volumes; got {dims!r}.")
    wanted = expects(model)
    if dims is None or dims == wanted.dims:
        return wanted
    return Expects(dims) if wanted.dims else replace(wanted, dims=dims)


def dtype_for(model: Callable[..., Any], given: torch.dtype) -> torch.dtype:
    """Return the dtype of the model's parameters; where there are none, float64 stays what it is."""
    network = unwrap(model)
    parameters = network.parameters() if isinstance(network, nn.Module) else iter(())
    plain = torch.float64 if given == torch.float64 else torch.float32
    return next((p.dtype for p in parameters if p.is_floating_point()), plain)


def dims_of_tensor(tensor: Tensor) -> int:
    """Tell pictures from volumes by the shape alone, where only one reading makes sense."""
    shape = list(tensor.shape)
    if len(shape) == 5:
        return 3
    if len(shape) == 4 and shape[1] not in (1, 3):
        raise ValueError(
            f"A tensor {shape} can be read as {shape[0]} picture(s) [N, C, H, W] of {shape[1]} channels, "
            f"or as a volume [C, D, H, W] of {shape[0]} channel(s). Say which: dims=2 or dims=3."
        )
    if len(shape) == 3 and shape[0] not in (1, 3):
        raise ValueError(
            f"A tensor {shape} can be read as a picture [C, H, W] of {shape[0]} channels, or as a volume [D, H, W]. "
            "Say which: dims=2 or dims=3."
        )
    return 2


def dims_of_array(array: NDArray[Any]) -> int:
    """Return how many spatial dimensions an array must have, by its shape alone."""
    shape = list(array.shape)
    if len(shape) == 4:
        raise ValueError(
            f"An array {shape} can be read as a volume [C, D, H, W] (say dims=3), or as {shape[0]} pictures (dims=2): "
            "pass those as a list."
        )
    if len(shape) == 3 and channel_axis(array) is None:
        raise ValueError(
            f"An array {shape} can be read as a volume [D, H, W] (say dims=3), or as a picture with a channel axis "
            "(dims=2): [H, W, C] or [C, H, W] with C of 1, 3 or 4."
        )
    return 2


def as_batch(tensor: Tensor, wanted: Expects, what: str) -> Tensor:
    """Return `tensor` as ``[N, C, *S]``, checked against the model."""
    dims, channels = wanted.dims or 2, wanted.channels
    shape = list(tensor.shape)
    # A missing channel axis is clear where there is one channel; of a volume, also where nothing is known of it.
    if tensor.ndim == dims and (channels == 1 or (channels is None and dims == 3)):
        tensor = tensor[None, None]
    elif tensor.ndim == dims + 1:
        tensor = tensor[None]
    elif tensor.ndim != dims + 2:
        one, many = _WRITTEN[dims]
        raise ValueError(f"{what} has shape {shape}; expected {one} or {many}.")
    if tensor.numel() == 0:
        raise ValueError(f"{what} is empty: its shape is {shape}.")
    if channels is not None and tensor.shape[1] != channels:
        last = " Its channels seem to be last: use permute." if tensor.shape[-1] == channels else ""
        raise ValueError(
            f"{what} has {tensor.shape[1]} channel(s), in shape {shape}; the model takes {channels}.{last}"
        )
    return tensor


def check_finite(broken: int, total: int) -> None:
    """Raise a ValueError if any of `total` values are NaN or infinite (`broken`)."""
    if broken:
        raise ValueError(f"{broken} of {total} values are NaN or infinite. Replace them, e.g. with np.nan_to_num.")
