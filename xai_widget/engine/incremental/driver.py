"""Exact incremental occlusion: only what a window can change is computed again, beside the clean activations.

A window of the input changes a box of every activation: it grows with the kernels and shrinks with the strides, until
it is most of the map, or meets an operation that mixes all places. From there on the network runs as always.
"""

from collections.abc import Sequence
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
from xai_widget.models import logits_from

# Rows whose regions are computed together: all of them are as wide as the widest, and caches are small.
ROWS: Final = 32
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
    """

    def __init__(self, plan: Plan, inputs: Tensor, edits: Boxes) -> None:
        self._plan = plan
        self._inputs = inputs
        self._edits = edits
        self._together = max(1, (ROWS if inputs.ndim == 4 else ROWS // 2) // len(inputs))
        self._rows = np.zeros(0, np.int64)
        self._bases: dict[tuple[Node, float], Base] = {}
        changing = plan.extents(edits)
        self.clean_scores = inputs.new_empty(0)
        for node, value in plan.clean(inputs):
            if node.op == "output":
                self.clean_scores = logits_from(value, len(inputs))
            if node in changing:
                for read in plan.reads.get(node, ()):
                    self._bases[node, read.fill] = based(value, read.before, read.after, read.fill)

    def logits(self, start: int, count: int, fill: Tensor, mask: Tensor | None) -> Tensor:
        """Return the raw scores `[n, N, K]` of the edits from `start` on."""
        nodes, inputs = self._plan.traced.nodes, len(self._inputs)
        cut = len(nodes) - 1 if self._plan.waist is None else self._plan.waist + 1
        parts = []
        for first in range(start, start + count, self._together):
            region = self._covered(first, min(self._together, start + count - first), fill, mask)
            values = {**self._plan.constants, nodes[0]: region}
            self._advance(values, nodes[1:cut])
            parts.append(values[nodes[cut - 1]] if cut < len(nodes) - 1 else self._scores(values))
        if cut < len(nodes) - 1:  # weights of linear layers are read once for all rows
            values = {**self._plan.constants, nodes[cut - 1]: torch.cat(parts)}
            self._advance(values, nodes[cut:-1])
            parts = [self._scores(values, count * inputs)]
        return torch.cat(parts).reshape(count, inputs, -1)

    def _covered(self, start: int, count: int, fill: Tensor, mask: Tensor | None) -> Region:
        """Return the regions of edited inputs, all inputs of the first edit first."""
        inputs = len(self._inputs)
        patches = self._edits.patches(self._inputs, fill, start, count, mask)
        self._rows = np.tile(np.arange(inputs), count)
        origin = np.repeat(self._edits.origin[start : start + count], inputs, 0)
        return Region(patches.flatten(0, 1), origin, Extent(origin, origin + np.array(self._edits.size)))

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

    def _scores(self, values: dict[Node, Any], rows: int | None = None) -> Tensor:
        """Return the scores `[B, K]` among what the network returns."""
        output = self._plan.traced.nodes[-1]
        self._widen(output, values)
        return logits_from(filled(output, values)[0][0], len(self._rows) if rows is None else rows)

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
