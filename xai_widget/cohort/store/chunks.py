"""The arrays of a store: as many rows as there are inputs, one compressed chunk a row, all rows of one shape."""

from typing import Any, Final, cast

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

# Of zstd: as small as the higher levels within a few percent, in a third of their time on maps that are noise.
LEVEL: Final = 3


class Chunks:
    """The arrays in a group, by name; each is there from its first use on.

    Parameters
    ----------
    group : zarr.Group
        Of the store.
    count : int
        Rows of every array.
    """

    def __init__(self, group: zarr.Group, count: int) -> None:
        self._group = group
        self._count = count
        # Opening one takes longer than writing a row.
        self._open: dict[str, zarr.Array[Any]] = {}

    def __contains__(self, name: str) -> bool:
        return self._array(name) is not None

    def row(self, name: str, row: int) -> NDArray[Any] | None:
        """Return a row, None as long as there is no such array."""
        array = self._array(name)
        return None if array is None else np.asarray(array[row])

    def make(self, name: str, shape: tuple[int, ...], kind: str, nothing: float) -> None:
        """Make an array whose rows have this shape, and hold `nothing` where none was written."""
        self._open[name] = self._group.create_array(
            name,
            shape=(self._count, *shape),
            chunks=(1, *shape),
            dtype=kind,
            fill_value=nothing,
            compressors=BloscCodec(cname="zstd", clevel=LEVEL),
            # One that a killed writer began before it named the shape.
            overwrite=True,
        )

    def write(self, row: int, parts: dict[str, NDArray[Any] | None]) -> None:
        """Write a row of each array that has a part, or of none.

        Raises
        ------
        ValueError
            Another shape than that of the rows before.
        """
        given = {name: part for name, part in parts.items() if part is not None}
        for name, part in given.items():
            array = self._array(name)
            expected = () if array is None else array.shape[1:]
            if part.shape != expected:
                message = (
                    f"One of the {name} has shape {list(part.shape)}, and those of the rows before {list(expected)}: a"
                    " cohort shares one grid. Bring all inputs to one size."
                )
                raise ValueError(message)
        for name, part in given.items():
            self._open[name][row] = part

    def _array(self, name: str) -> zarr.Array[Any] | None:
        if name not in self._open and name in self._group:
            self._open[name] = cast("zarr.Array[Any]", self._group[name])
        return self._open.get(name)
