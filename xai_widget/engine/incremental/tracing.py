"""A network as a list of calls in the order in which they run: torch.fx's graph, read so that a call may be replaced."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from torch import fx, nn
from torch.fx.node import Node

from xai_widget.engine.onednn import Conv2d, Conv3d
from xai_widget.engine.winograd import WinogradConv2d

# What hands on its input's own memory: an in-place change behind it reaches what was handed on.
ALIASING: Final = frozenset(
    {"getitem", "chunk", "split", "view", "reshape", "unsqueeze", "squeeze", "flatten", "permute"}
)
ALIASING_MODULES: Final = (nn.Flatten, nn.Unflatten)


@dataclass(frozen=True, eq=False)
class Traced:
    """What a network does, call by call.

    Attributes
    ----------
    nodes : tuple of Node
        In the order in which they run; the last one returns.
    modules : dict
        By the name under which a node calls them.
    last_uses : dict
        Which values nobody needs after a node.
    """

    nodes: tuple[Node, ...]
    modules: dict[str, nn.Module]
    last_uses: dict[Node, tuple[Node, ...]]

    def module(self, node: Node) -> nn.Module | None:
        """Return the module that a node calls."""
        return self.modules[str(node.target)] if node.op == "call_module" else None


# Those of prepared copies.
CONVOLUTIONS: Final = (Conv2d, Conv3d, WinogradConv2d)

# Two traces at once would undo each other's changes to `nn.Module` in the wrong order.
_TRACING: Final = threading.Lock()


class Tracer(fx.Tracer):
    """Linear layers of every kind are one call: places are mixed in them, or are gone already.

    While a trace lasts, torch.fx stands behind every module call of the process: those of other threads, which may be
    training, go through unseen.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module's inside is left alone."""
        return isinstance(m, (nn.Linear, *CONVOLUTIONS)) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Note a module's call, if it is one of the network that is traced."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Note that a parameter is read, if it is one of the network that is traced."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def trace(network: nn.Module) -> Traced | None:
    """Return the calls of a network that takes one tensor, or None where they cannot be seen or told apart."""
    try:
        with _TRACING:
            graph = Tracer().trace(network)
    except Exception:  # noqa: BLE001 - tracing runs the network's own code with stand-ins for tensors
        return None
    nodes = tuple(graph.nodes)
    inputs = [node for node in nodes if node.op == "placeholder" and node.users]
    if len(inputs) != 1 or not nodes or inputs[0] is not nodes[0]:
        return None
    named = dict(network.named_modules())
    modules = {str(node.target): named[str(node.target)] for node in nodes if node.op == "call_module"}
    traced = Traced(nodes, modules, {})
    if not _without_hidden_changes(traced):
        return None
    seen: set[Node] = set()
    for node in reversed(nodes):
        fresh = [value for value in node.all_input_nodes if value not in seen]
        seen.update(fresh)
        traced.last_uses[node] = tuple(fresh)
    return traced


def attribute(network: nn.Module, path: str) -> Any:
    """Return what a dotted path of a network names."""
    found: Any = network
    for part in path.split("."):
        found = getattr(found, part)
    return found


def call(traced: Traced, node: Node, args: Any, kwargs: Any) -> Any:
    """Run a node."""
    if node.op == "call_module":
        return traced.modules[str(node.target)](*args, **kwargs)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    assert callable(node.target)  # noqa: S101 - a function's node holds the function
    return node.target(*args, **kwargs)


def called(node: Node) -> str:
    """Return the plain name of the function or method of a node; "" for modules."""
    if node.op == "call_function":
        return str(getattr(node.target, "__name__", ""))
    return str(node.target) if node.op == "call_method" else ""


def _writes(traced: Traced, node: Node) -> bool:
    """Whether a node changes its first argument."""
    module = traced.module(node)
    if module is not None:
        return getattr(module, "inplace", False) is True
    name = called(node)
    return (
        (name.endswith("_") and not name.endswith("__"))
        or name in {"iadd", "isub", "imul", "itruediv", "ipow"}
        or node.kwargs.get("inplace") is True
        or (name in {"relu", "relu6", "dropout"} and node.op == "call_function" and True in node.args[1:])
    )


def _without_hidden_changes(traced: Traced) -> bool:
    """Let every use of a value behind an in-place change read what the change returned; False where that is unclear."""
    order = {node: place for place, node in enumerate(traced.nodes)}
    for node in traced.nodes:
        if "out" in node.kwargs:
            return False
        if not _writes(traced, node) or not node.args or not isinstance(node.args[0], Node):
            continue
        changed = node.args[0]
        above = changed
        while called(above) in ALIASING or isinstance(traced.module(above), ALIASING_MODULES):
            above = above.all_input_nodes[0]
            if len(above.users) > 1:
                return False
        for user in list(changed.users):
            if order[user] > order[node]:
                user.replace_input_with(changed, node)
    return True
