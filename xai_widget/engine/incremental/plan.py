"""Plan: how a network is run on regions, found once for a network and a shape of inputs."""

import copy
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx.node import Node, map_arg

from xai_widget.engine.edits import Boxes
from xai_widget.engine.incremental.operations import Operation, Pointwise, Read
from xai_widget.engine.incremental.recognise import operation_of
from xai_widget.engine.incremental.regions import Extent, Ints, share
from xai_widget.engine.incremental.tracing import Traced, attribute, call, trace

# Above this share of the map the whole map is computed: a window saves less than its copies cost.
DENSE_FROM: Final = 0.9
# Run in a lower precision under autocast.
LOWERED: Final = (nn.Conv2d, nn.Conv3d, nn.Linear)


class Plan:
    """How a network is run on regions: its calls, which of them regions pass, and which activations those read.

    Parameters
    ----------
    traced : Traced
    network : torch.nn.Module
    inputs : Tensor
        `[1, C, *S]`: one clean input; the shapes are those of every later one.

    Attributes
    ----------
    nbytes : int
        What it holds beside the network.
    waist : int or None
        Place of a call behind which only its result, a vector a row, is used.
    """

    def __init__(self, traced: Traced, network: nn.Module, inputs: Tensor, nbytes: int = 0) -> None:
        self.traced = traced
        self.nbytes = nbytes
        self.constants: dict[Node, Any] = {}
        self.operations: dict[Node, Operation | None] = {}
        self.shapes: dict[Node, tuple[int, ...]] = {}
        self._network = network
        hanging = {traced.nodes[0]}
        values: dict[Node, Any] = {}
        for node, value in self.clean(inputs):
            if node.op == "output":
                break
            values[node] = value
            if node is not traced.nodes[0] and any(source in hanging for source in node.all_input_nodes):
                hanging.add(node)
                self.operations[node] = operation_of(traced, node, values, hanging)
            elif node is not traced.nodes[0]:
                self.constants[node] = value
            if isinstance(value, Tensor):
                self.shapes[node] = tuple(value.shape)
            for used in traced.last_uses[node]:
                if used in hanging and used is not traced.nodes[0]:
                    del values[used]
        self.waist = self._waist()
        self._weights = {node: self._weight(node) for node in self.operations if node in self.shapes}
        self.reads = self._reads()

    def clean(self, inputs: Tensor) -> Iterator[tuple[Node, Any]]:
        """Run the network on clean inputs and yield what every call gives."""
        values: dict[Node, Any] = {}
        for node in self.traced.nodes:
            if node.op == "placeholder":
                value: Any = inputs.clone() if node is self.traced.nodes[0] else _default(node)
            elif node.op == "get_attr":
                value = attribute(self._network, str(node.target))
            elif node.op == "output":
                value = filled(node, values)[0][0]
            elif node in self.constants:
                value = self.constants[node]
            else:
                value = call(self.traced, node, *filled(node, values))
            values[node] = value
            yield node, value
            for used in self.traced.last_uses[node]:
                del values[used]

    def _waist(self) -> int | None:
        """Return the first call behind which only its own result, a vector a row, is used."""
        places = {node: place for place, node in enumerate(self.traced.nodes)}
        latest = 0
        for place, node in enumerate(self.traced.nodes):
            last = max((places[user] for user in node.users), default=0)
            is_vector = node in self.operations and len(self.shapes.get(node, ())) == 2
            if is_vector and latest <= place < last:
                return place
            if node not in self.constants:
                latest = max(latest, last)
        return None

    def _weight(self, node: Node) -> int:
        """Return how many weights a call multiplies with."""
        module = self.traced.module(node)
        own = 0 if module is None else sum(weight.numel() for weight in module.parameters())
        given = (self.constants.get(source) for source in node.all_input_nodes)
        return own + sum(value.numel() for value in given if isinstance(value, Tensor))

    def extents(self, edits: Boxes) -> dict[Node, Extent]:
        """Return what every activation can change in under any of the edits, where that is a part of it.

        A row is no edit here: along each axis, the rows are all places where edits begin.
        """
        starts = [np.unique(axis) for axis in edits.origin.T]
        low = np.stack([np.resize(axis, max(map(len, starts))) for axis in starts], 1)
        return self._extents(Extent(low, low + np.array(edits.size)))

    def largest(self, extents: dict[Node, Extent]) -> int:
        """Return the elements of a row's largest activation: of its region, or of the whole where there is none."""
        regions = {node: math.prod((extent.high - extent.low).max(0).tolist()) for node, extent in extents.items()}
        return max(
            shape[1] * regions[node] if node in regions else math.prod(shape[1:])
            for node, shape in self.shapes.items()
            if node not in self.constants
        )

    def widths(self, edits: Boxes) -> Ints:
        """Return how wide every edit's region is, `[n, D]`, for the call that loses most where they are not alike."""
        extents = self._extents(Extent(edits.origin, edits.origin + np.array(edits.size)))
        widths = {node: extents[node].high - extents[node].low for node in extents}
        lost = {
            node: self._weights.get(node, 0) * (width.max(0).prod() - width.prod(1).mean())
            for node, width in widths.items()
        }
        return widths[max(lost, key=lambda node: lost[node])]

    def _extents(self, boxes: Extent) -> dict[Node, Extent]:
        """Return what every activation can change in under boxes of the input, where that is a part of it for some."""
        extents = {self.traced.nodes[0]: boxes}
        for node, operation in self.operations.items():
            found = [extents.get(source) for source in node.all_input_nodes if source not in self.constants]
            known = [extent for extent in found if extent is not None]
            if operation is None or len(known) < len(found):
                continue
            if isinstance(operation, Pointwise):
                extents[node] = known[0]
                continue
            extent = operation.extent(known)
            if share((extent.high - extent.low).min(0), operation.size) < DENSE_FROM:
                extents[node] = extent
        return extents

    def share(self, edits: Boxes) -> float:
        """Return which part of the network's work the edits leave to do, counted as weights times places."""
        extents, done, whole = self.extents(edits), 0.0, 0.0
        for node, weights in self._weights.items():
            shape = self.shapes[node]
            places = math.prod(shape[2:]) if node in extents or len(shape) > 3 else math.prod(shape[1:-1])
            whole += weights * places
            if node in extents:
                extent = extents[node]
                places = math.prod((extent.high - extent.low).mean(0).tolist())
            done += weights * places
        return done / max(whole, 1.0)

    @property
    def activation_bytes(self) -> int:
        """Return what the clean activations of one input take at most."""
        return sum(math.prod(self.shapes[read.node]) * 4 for reads in self.reads.values() for read in reads)

    def _reads(self) -> dict[Node, list[Read]]:
        """Return what is read of every activation: around regions, and where a region becomes a whole map."""
        reads: dict[Node, dict[float, Read]] = {}
        for node in self.traced.nodes:
            operation = self.operations.get(node)
            found = [] if operation is None or isinstance(operation, Pointwise) else list(operation.reads())
            if not isinstance(operation, Pointwise):
                for source in node.all_input_nodes:
                    if source in self.shapes and source not in self.constants:
                        none = np.zeros(max(0, len(self.shapes[source]) - 2), np.int64)
                        found.append(Read(source, 0.0, none, none))
            for read in found:
                known = reads.setdefault(read.node, {}).get(read.fill, read)
                reads[read.node][read.fill] = Read(
                    read.node, read.fill, np.maximum(known.before, read.before), np.maximum(known.after, read.after)
                )
        return {node: list(by_fill.values()) for node, by_fill in reads.items()}


def plan_for(network: nn.Module, inputs: Tensor, lowered: torch.dtype | None = None) -> Plan | None:
    """Return how a network is run on regions, or None where its calls cannot be seen.

    Parameters
    ----------
    network : torch.nn.Module
        In eval mode; nothing of it is changed.
    inputs : Tensor
        `[N, C, *S]`.
    lowered : torch.dtype or None
        What autocast runs convolutions and linear layers in: their weights are brought there once, not at every call.
    """
    traced = trace(network)
    if traced is None:
        return None
    nbytes = 0 if lowered is None else _lower(traced.modules, lowered)
    return Plan(traced, network, inputs[:1], nbytes)


def _lower(modules: dict[str, nn.Module], dtype: torch.dtype) -> int:
    """Replace convolutions and linear layers by copies with weights in `dtype`; returns their size in bytes."""
    twins: dict[int, nn.Module] = {}
    nbytes = 0
    for name, module in modules.items():
        if type(module) not in LOWERED or module._forward_hooks or module._forward_pre_hooks:
            continue
        if id(module) not in twins:
            twin = copy.copy(module)
            cast = {
                key: None if value is None else value.detach().to(dtype) for key, value in module._parameters.items()
            }
            twin._parameters = {
                key: None if value is None else nn.Parameter(value, requires_grad=False) for key, value in cast.items()
            }
            nbytes += sum(parameter.nbytes for parameter in twin.parameters())
            twins[id(module)] = twin
        modules[name] = twins[id(module)]
    return nbytes


def filled(node: Node, values: dict[Node, Any]) -> tuple[Any, Any]:
    """Return a node's arguments with values for nodes."""
    args = map_arg(node.args, lambda source: values[source])
    return args, map_arg(node.kwargs, lambda source: values[source])


def _default(node: Node) -> Any:
    return node.args[0] if node.args else None
