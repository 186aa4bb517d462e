"""Exact incremental occlusion: only what a window can change is computed again, beside the clean activations.

A window of the input changes a box of every activation: it grows with the kernels and shrinks with the strides, until
it is most of the map, or meets an operation that mixes all places. From there on the network runs as always.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.fx.node import Node, map_aggregate

from xai_widget.engine.edits import Boxes
from xai_widget.engine.incremental.operations import Moving, Pointwise
from xai_widget.engine.incremental.plan import DENSE_FROM, Plan, filled
from xai_widget.engine.incremental.regions import Base, Extent, Ints, Region, based, paste, share
from xai_widget.engine.incremental.tracing import call, called
from xai_widget.engine.streams import side_by_side
from xai_widget.models import logits_from

# Rows whose regions are computed together: all of them are as wide as the widest, and caches are small.
ROWS: Final = 16
# Of one activation of such a batch: larger ones leave the caches, and the whole takes more memory than the model does. Of
# fewer rows than four, layers of few positions lose more than that wins.
LARGEST_BYTES: Final = 6 * 2**20
FEWEST_ROWS: Final = 4
# Calls and attributes that ask for a shape, and not for numbers.
SHAPES: Final = frozenset({"size", "dim", "ndimension"})
ATTRIBUTES: Final = frozenset({"shape", "ndim", "dtype", "device"})


class Incremental:
    """One run: clean activations of some inputs, and the scores of edited inputs beside them.

    Parameters
    ----------
    plan : Plan
    inputs : Tensor
        `[N, C, *S]`.
    edits : Boxes
        All that will be asked for: they tell which activations have to be held.

    Attributes
    ----------
    clean_scores : Tensor
        Raw scores of the inputs, `[N, K]`.
    row_bytes : int
        What is held of an edited input until all of them have come to where the network is narrowest.
    """

    def __init__(self, plan: Plan, inputs: Tensor, edits: Boxes) -> None:
        self._plan = plan
        self._inputs = inputs
        self._edits = edits
        self._bases: dict[tuple[Node, float], Base] = {}
        changing, self._widths = plan.extents(edits), plan.widths(edits)
        largest = plan.largest(changing) * inputs.element_size()
        rows = min(ROWS, max(FEWEST_ROWS, LARGEST_BYTES // largest))
        self._together = max(1, rows // len(inputs))
        self.clean_scores, self.row_bytes = inputs.new_empty(0), 1
        for place, (node, value) in enumerate(plan.clean(inputs)):
            if node.op == "output":
                self.clean_scores = logits_from(value, len(inputs))
            if place == plan.waist:
                self.row_bytes = value[0].nbytes
            if node in changing:
                for read in plan.reads.get(node, ()):
                    self._bases[node, read.fill] = based(value, read.before, read.after, read.fill)

    def logits(self, start: int, count: int, fill: Tensor, mask: Tensor | None) -> Tensor:
        """Return the raw scores `[n, N, K]` of the edits from `start` on."""
        # Those whose regions are alike run together.
        order = np.lexsort(self._widths[start : start + count].T)
        edits = replace(self._edits, origin=self._edits.origin[start + order])

        def run(first: int) -> Tensor:
            together = min(self._together, count - first)
            patches = edits.patches(self._inputs, fill, first, together, mask)
            origin = np.repeat(edits.origin[first : first + together], len(self._inputs), 0)
            region = Region(patches.flatten(0, 1), origin, Extent(origin, origin + np.array(edits.size)))
            return _Batch(self._plan, self._bases, np.tile(np.arange(len(self._inputs)), together)).until_waist(region)

        parts = side_by_side(run, range(0, count, self._together))
        whole = torch.cat(parts)  # weights of linear layers are read once for all rows
        scores = _Batch(self._plan, {}, np.zeros(len(whole), np.int64)).from_waist(whole)
        return scores.reshape(count, len(self._inputs), -1)[torch.from_numpy(np.argsort(order))]


class _Batch:
    """Some edited inputs on their way through the network: region by region, and whole where regions end."""

    def __init__(self, plan: Plan, bases: Mapping[tuple[Node, float], Base], rows: Ints) -> None:
        self._plan, self._bases, self._rows = plan, bases, rows
        self._cut = len(plan.traced.nodes) - 1 if plan.waist is None else plan.waist + 1

    def until_waist(self, region: Region) -> Tensor:
        """Return what is left of the regions where the network is narrowest, `[B, ...]`: scores, if it is nowhere."""
        nodes = self._plan.traced.nodes
        values: dict[Node, Any] = {**self._plan.constants, nodes[0]: region}
        self._advance(values, nodes[1 : self._cut])
        found: Tensor = values[nodes[self._cut - 1]] if self._has_waist else self._scores(values)
        return found

    def from_waist(self, found: Tensor) -> Tensor:
        """Return the scores `[B, K]`."""
        nodes = self._plan.traced.nodes
        if not self._has_waist:
            return found
        values = {**self._plan.constants, nodes[self._cut - 1]: found}
        self._advance(values, nodes[self._cut : -1])
        return self._scores(values)

    @property
    def _has_waist(self) -> bool:
        return self._cut < len(self._plan.traced.nodes) - 1

    def gather(self, node: Node, fill: float, offset: Ints, width: Ints) -> Tensor:
        """Copy windows of a node's clean activation, one a row of the batch."""
        return self._bases[node, fill].gather(self._rows, offset, width)

    def _advance(self, values: dict[Node, Any], nodes: Sequence[Node]) -> None:
        """Run calls, forgetting what nobody needs any more."""
        plan = self._plan
        for node in nodes:
            if node not in plan.constants:
                values[node] = self._step(node, values)
                for used in plan.traced.last_uses[node]:
                    del values[used]

    def _scores(self, values: dict[Node, Any]) -> Tensor:
        """Return the scores `[B, K]` among what the network returns."""
        output = self._plan.traced.nodes[-1]
        self._widen(output, values)
        return logits_from(filled(output, values)[0][0], len(self._rows))

    def _step(self, node: Node, values: dict[Node, Any]) -> Any:
        plan = self._plan
        found = [values[source] for source in node.all_input_nodes if source not in plan.constants]
        if all(_is_region(value) for value in found):
            operation = plan.operations[node]
            if isinstance(operation, Pointwise):
                args, kwargs = filled(node, values)
                return _regions(operation.run(*_values(args), **_values(kwargs)), found[0])
            if operation is not None:
                result = self._moved(operation, [values[source] for source in operation.sources])
                if result is not None:
                    return result
            if called(node) in SHAPES or (called(node) == "getattr" and node.args[1] in ATTRIBUTES):
                shape = plan.shapes[node.all_input_nodes[0]]
                whole = found[0].values.new_empty(()).expand(len(self._rows), *shape[1:])  # without memory
                return call(plan.traced, node, (whole, *filled(node, values)[0][1:]), dict(node.kwargs))
        self._widen(node, values)
        return call(plan.traced, node, *filled(node, values))

    def _moved(self, operation: Moving, regions: Sequence[Region]) -> Region | None:
        extent = operation.extent([region.extent for region in regions])
        offset, width = extent.placed(operation.size)
        if share(width, operation.size) >= DENSE_FROM:
            return None
        return Region(operation.values(self, regions, offset, width), offset, extent)

    def _widen(self, node: Node, values: dict[Node, Any]) -> None:
        """Turn the regions that a node reads into whole activations."""
        for source in node.all_input_nodes:
            region = values[source]
            if isinstance(region, Region):
                corner = np.zeros_like(region.offset)
                whole = self.gather(source, 0.0, corner, np.array(self._plan.shapes[source][2:]))
                values[source] = paste(whole, corner, region)


def _is_region(value: Any) -> bool:
    return isinstance(value, Region) or (isinstance(value, tuple) and bool(value) and _is_region(value[0]))


def _values(arguments: Any) -> Any:
    """Return arguments with a region's values in its place."""
    return map_aggregate(arguments, lambda value: value.values if isinstance(value, Region) else value)


def _regions(result: Any, like: Any) -> Any:
    """Return results at the place of a region."""
    while isinstance(like, tuple):
        like = like[0]
    if isinstance(result, Tensor):
        return Region(result, like.offset, like.extent)
    return tuple(_regions(part, like) for part in result)
