"""What is known of a pass while it runs: which tensors hang on the input, where an operation stands, what was refused."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.utils.weak import WeakTensorKeyDictionary

from xai_widget.engine.relevance_steps import Composite, Ledger, LinearOp, step
from xai_widget.engine.relevance_weights import Weights
from xai_widget.engine.runner import Runner

# Views of a tensor that was changed in place: autograd writes their history anew, and they move relevance untouched.
REWRITTEN = ("CopySlices", "AsStrided", "View", "Slice", "Select", "Squeeze", "Unsqueeze", "Permute", "Transpose", "T")
ALTERNATIVES = "'integrated_gradients', 'input_x_gradient' and 'occlusion' work on any differentiable model"


@dataclass(frozen=True)
class Mark:
    """What is behind a node of the graph: a weighted linear operation; nothing but a gate (sigmoid, softmax)."""

    linear: bool = False
    gate: bool = False


@dataclass(frozen=True, eq=False)
class Produced:
    """A linear operation, what it was given, and the versions of both: a batch norm merges if neither has changed."""

    op: LinearOp
    x: Tensor
    versions: tuple[int, int]


class Trace:
    """One pass under relevance: bookkeeping for the operations in `relevance_ops`."""

    def __init__(self, runner: Runner, model: str, composite: Composite, ledger: Ledger, weights: Weights) -> None:
        self.model = model
        self.weights = weights
        self.composite = composite
        self.ledger = ledger
        self._names = {} if runner.module is None else {id(m): name for name, m in runner.module.named_modules()}
        self._marks: dict[Node, Mark] = {}
        self._produced: Any = WeakTensorKeyDictionary()

    def close(self) -> None:
        """Forget the graph: its steps hold this trace, and a cycle through autograd's nodes would never be freed."""
        self._marks.clear()
        self._produced.clear()

    # -- tensors that hang on the input -----------------------------------------------------------------------------

    def begin(self, root: Tensor) -> None:
        """Follow what hangs on `root`."""
        self._learn([root], Mark())

    def is_attached(self, value: object) -> bool:
        """Whether `value` depends on the input: parameters are leaves, and what is made of them holds no graph."""
        return isinstance(value, Tensor) and value.requires_grad and value.grad_fn is not None

    def mark(self, tensor: Tensor) -> Mark:
        """Return what is behind an attached tensor.

        Raises
        ------
        ValueError
            It comes from an operation that was not seen.
        """
        node = tensor.grad_fn
        assert node is not None  # noqa: S101 - attached
        return self._mark(node)

    def _mark(self, node: Node) -> Mark:
        if node not in self._marks:
            name = node.name().rstrip("0123456789").removesuffix("Backward")
            if name not in REWRITTEN:
                message = (
                    f"Relevance cannot pass {name!r}, met in {self.place()} or right before: the operation is hidden"
                    f" from PyTorch's function modes (a scripted module or a custom autograd function). {ALTERNATIVES}."
                )
                raise ValueError(message)
            behind = [self._mark(above) for above, _ in node.next_functions if above is not None]
            self._marks[node] = combined(behind)
        return self._marks[node]

    def learn(self, tensors: Iterable[Tensor], mark: Mark) -> None:
        """Note that `tensors` were made, natively or by steps, of tensors known before."""
        self._learn([tensor for tensor in tensors if self.is_attached(tensor)], mark)

    def _learn(self, tensors: Iterable[Tensor], mark: Mark) -> None:
        nodes = [tensor.grad_fn for tensor in tensors]
        while nodes:
            node = nodes.pop()
            if node is not None and node not in self._marks:
                self._marks[node] = mark
                nodes.extend(above for above, _ in node.next_functions)

    def is_known(self, tensor: Tensor) -> bool:
        """Whether an attached tensor's history is all understood."""
        return tensor.grad_fn in self._marks

    # -- linear operations a batch norm may follow ------------------------------------------------------------------

    def produced(self, out: Tensor, op: LinearOp, x: Tensor) -> None:
        """Remember that `out` came from `op` on `x`, as long as somebody holds `out`."""
        self._produced[out] = Produced(op, x, (out._version, x._version))

    def producer(self, out: Tensor) -> Produced | None:
        """Return what `out` came from, unless it or the input was changed in place since."""
        found: Produced | None = self._produced.get(out)
        return found if found is not None and found.versions == (out._version, found.x._version) else None

    # -- places -----------------------------------------------------------------------------------------------------

    def module(self) -> tuple[str | None, str, bool]:
        """Return name, class and childlessness of the module whose forward is running (innermost).

        Read from the Python frames: it leaves nothing behind in the model, and is right for modules used many times.
        """
        # From the caller on: a frame whose locals hold itself is a cycle, and keeps every tensor above it alive.
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not Runner.raw.__code__:
            owner = frame.f_locals.get("self")
            if isinstance(owner, nn.Module):
                is_leaf = next(owner.children(), None) is None
                return self._names.get(id(owner)), type(owner).__name__, is_leaf
            frame = frame.f_back
        return None, self.model, False

    def name(self, operation: str) -> str:
        """Return what to call `operation` here: "layer1.0.conv1" for a layer's own, "layer1.0 (add)" for others."""
        path, kind, is_leaf = self.module()
        owner = path or kind
        return owner if is_leaf else f"{owner} ({operation})"

    def place(self) -> str:
        """Return where the pass is, in words."""
        path, kind, _ = self.module()
        return f"{path!r} ({kind}) of {self.model}" if path else f"the forward of {self.model}"

    # -- steps ------------------------------------------------------------------------------------------------------

    def sink(self, constant: Tensor, anchor: Tensor, name: str) -> Tensor:
        """Return `constant` hung on `anchor`, so that the relevance that reaches it is counted as absorbed."""
        value = constant.detach().clone()

        def back(relevance: Tensor) -> tuple[None]:
            self.ledger.enter(name, relevance)
            return (None,)

        return step(lambda _anchor: value, back, anchor)

    def refusal(self, value: Tensor, attached: list[Tensor], operation: str, why: str) -> Tensor:
        """Return `value` hung on its sources by a step that raises if relevance ever comes that way."""
        message = f"LRP has no rule for {operation!r}, met in {self.place()}{': ' if why else ''}{why}. {ALTERNATIVES}."

        def back(_relevance: Tensor) -> tuple[None, ...]:
            raise ValueError(message)

        held = value.detach().clone()
        return step(lambda *_sources: held, back, *attached)


def combined(marks: Iterable[Mark]) -> Mark:
    """Return the mark of what is made of tensors with `marks`."""
    found = list(marks)
    return Mark(any(mark.linear for mark in found), bool(found) and all(mark.gate for mark in found))


def tensors_in(value: object) -> Iterator[Tensor]:
    """Yield the tensors in nested lists, tuples, dicts and slices."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()))
