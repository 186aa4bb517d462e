"""Arrays as parameters: read-only, equal by content, hashable."""

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Array:
    """An array that a person gives as a parameter (a baseline, a label map, noise): a read-only copy.

    Parameters
    ----------
    values : array-like, Tensor or nibabel image
        Numbers; a tensor may live on any device. Of an image its voxels as they are stored.

    Examples
    --------
    >>> Array([[1, 2], [3, 4]]) == Array(np.array([[1, 2], [3, 4]]))
    True
    >>> Array([1.5, 2.5])
    array of shape 2, float64
    """

    def __init__(self, values: Any) -> None:
        plain = values
        if hasattr(values, "detach"):
            tensor = values.detach().cpu()
            plain = (tensor if tensor.dtype.itemsize > 2 or not tensor.is_floating_point() else tensor.float()).numpy()
        elif hasattr(values, "dataobj"):
            plain = np.asanyarray(values.dataobj)
        copy = np.array(plain)
        if copy.dtype.kind not in "biuf":
            message = f"Expected an array of numbers, got {type(values).__name__} of {copy.dtype}."
            raise TypeError(message)
        copy.flags.writeable = False
        self.values: NDArray[Any] = copy

    @cached_property
    def _digest(self) -> bytes:
        content = np.ascontiguousarray(self.values).tobytes() + str((self.values.shape, self.values.dtype)).encode()
        return hashlib.blake2b(content, digest_size=16).digest()

    def __eq__(self, other: object) -> bool:
        return self._digest == other._digest if isinstance(other, Array) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"array of shape {'x'.join(map(str, self.values.shape)) or '()'}, {self.values.dtype}"
