"""The part of a classifier in front of its head: a copy of a network, cut behind its last features on a grid."""

import copy
import math
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any, Final

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from xai_widget.names import nearest

CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
CONVOLVED: Final = {torch.conv1d, torch.conv2d, torch.conv3d, functional.conv1d, functional.conv2d, functional.conv3d}
# [h, w, C] read as [C, h, w], or the channels of attention heads, are a grid that is stretched against the input.
STRETCH: Final = 1.2
# Behind the last convolution a network has its head. Where this share of a deeper graph still follows, it is something
# else (the blocks of a transformer), and cutting there would leave next to nothing of the network.
LATE: Final = 0.8
SHALLOW: Final = 20
_BY_HAND: Final = (
    "Build it by hand from the part that gives features [N, C, h, w]: torch.nn.Sequential(features,"
    " torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(C, K))."
)


@dataclass(frozen=True, eq=False)
class Trunk:
    """A network up to the last features on a grid.

    Attributes
    ----------
    module : nn.Module
        From inputs ``[N, C0, *S]`` to features.
    name : str
        Where it was cut: an operation, called as the module that runs it, else as its function.
    features : Tensor
        What it gives for the example, ``[N, C, *grid]``.
    """

    module: nn.Module
    name: str
    features: Tensor


def own_copy(network: nn.Module) -> nn.Module:
    """Copy a network in eval mode, leaving behind hooks that are functions.

    Functions that hang on a network watch it for somebody, who would be told of the copy, too. Hooks that are objects
    are part of the module (weight normalisation), and are copied with it.

    Raises
    ------
    ValueError
        If the network cannot be copied.
    """
    try:
        twin = copy.deepcopy(network)
    except Exception as error:  # a user's __deepcopy__ or an uncopyable attribute may raise anything
        raise ValueError(
            f"{type(network).__name__} cannot be copied ({error}), and the network given is never changed. Remove what"
            f" cannot be copied from it (locks, open files, tensors with a history), or: {_BY_HAND}"
        ) from error
    for module in twin.modules():
        for table, hooks in vars(module).items():
            if table.endswith("_hooks") and isinstance(hooks, dict):
                for key in [key for key, hook in hooks.items() if isinstance(hook, FunctionType | MethodType)]:
                    del hooks[key]
    return twin.eval()


def trunk_of(network: nn.Module, example: Tensor, layer: str | None = None) -> Trunk:
    """Cut a network behind its last features on a grid.

    Parameters
    ----------
    network : nn.Module
        In eval mode. The trunk shares its modules.
    example : Tensor
        Inputs ``[N, C0, *S]``, run once.
    layer : str, optional
        Where to cut instead: a module, as `named_modules` calls it.

    Raises
    ------
    ValueError
        If the network cannot be traced, has no features on a grid late enough, or not at `layer`.
    """
    traced = _traced(network)
    nodes: dict[str, fx.Node] = dict(_result(traced.graph))
    grids = {
        name: output
        for name, output in traced(example).items()
        if isinstance(output, Tensor) and output.is_floating_point() and _has_grid(output, example)
    }
    name = _last(network, nodes, grids) if layer is None else _called(layer, nodes)
    if name not in grids:
        last = f" The last that has: {list(grids)[-1]!r}." if grids else ""
        raise ValueError(f"Layer {layer!r} does not give features on a grid [N, C, *grid] of the input.{last}")
    module = _cut(traced, name)
    return Trunk(module, name, module(example))


def _cut(traced: fx.GraphModule, name: str) -> fx.GraphModule:
    """Return what runs up to an operation, that included; it shares the modules."""
    graph = copy.deepcopy(traced.graph)
    last = dict(_result(graph))[name]
    # By order, not by use: an operation that writes into its input may have no user.
    for node in reversed(graph.nodes):
        if node.op == "output":
            node.args = (last,)
        elif node is last:
            break
        else:
            graph.erase_node(node)
    return fx.GraphModule(traced, graph, type(traced).__name__).eval()


def _traced(network: nn.Module) -> fx.GraphModule:
    """Trace a network; what comes back returns the result of every operation, by name."""
    from torchvision.models import feature_extraction  # noqa: PLC0415 - slow to import, needed here only

    try:
        training, names = feature_extraction.get_graph_node_names(network, suppress_diff_warning=True)
        traced: fx.GraphModule = feature_extraction.create_feature_extractor(
            network, train_return_nodes=training[-1:], eval_return_nodes=names, suppress_diff_warning=True
        )
    except Exception as error:  # tracing runs the network's own code with stand-ins for tensors
        raise ValueError(
            f"torch.fx cannot trace {type(network).__name__} ({error}), so its head cannot be replaced. {_BY_HAND}"
        ) from error
    traced.eval()
    return traced


def _result(graph: fx.Graph) -> Any:
    """Return what a graph returns."""
    return next(node.args[0] for node in graph.nodes if node.op == "output")


def _has_grid(output: Tensor, example: Tensor) -> bool:
    if output.ndim != example.ndim or len(output) != len(example) or math.prod(output.shape[2:]) < 2:
        return False
    strides = [size / cells for size, cells in zip(example.shape[2:], output.shape[2:], strict=True)]
    # A grid of few cells is rounded: up to one cell more or less than the stride says.
    return all(
        abs(cells - size / stride) <= max(1, cells * (STRETCH - 1))
        for stride in strides
        for size, cells in zip(example.shape[2:], output.shape[2:], strict=True)
    )


def _last(network: nn.Module, nodes: dict[str, fx.Node], grids: dict[str, Tensor]) -> str:
    """Return the last operation with a grid, in networks that are convolutional up to their head."""
    convolutions = [place for place, node in enumerate(nodes.values()) if _convolves(network, node)]
    behind = len(nodes) - 1 - convolutions[-1] if convolutions else len(nodes)
    inputs = {name for name, node in nodes.items() if node.op == "placeholder"}
    found = [name for name in grids if name not in inputs]
    if found and convolutions and (len(nodes) <= SHALLOW or behind <= LATE * len(nodes)):
        return found[-1]
    raise ValueError(
        f"No features on a grid were recognised late in {type(network).__name__} (transformers keep tokens), so there"
        " is nothing to average. Name the layer that gives them, layer=..., or use a method that needs no such head:"
        " 'grad_cam', 'occlusion'."
    )


def _convolves(network: nn.Module, node: fx.Node) -> bool:
    if node.op == "call_module":
        parts = network.get_submodule(str(node.target)).modules()  # some blocks of torchvision are traced as one
        return any(isinstance(part, CONVOLUTIONS) for part in parts)
    return node.target in CONVOLVED


def _called(layer: str, nodes: dict[str, fx.Node]) -> str:
    """Return the last operation of a module."""
    inside = [name for name in nodes if name == layer or name.startswith(f"{layer}.")]
    if not inside:
        parts = {".".join(name.split(".")[:depth]) for name in nodes for depth in range(1, name.count(".") + 2)}
        raise ValueError(f"Layer {layer!r} not found.{nearest(layer, sorted(parts))} See layers(model, img).")
    return inside[-1]
