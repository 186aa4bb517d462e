"""What relevance is passed through: linear operations, steps of the graph, and the ledger of what is absorbed."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from xai_widget.engine.relevance_weights import Weights

Kind = Literal["convolution", "linear", "sum", "scale"]
Map = Callable[[Tensor, Tensor], Tensor]
Back = Callable[..., Sequence[Tensor | None]]


@dataclass(frozen=True, eq=False)
class Flow:
    """What `input` contributes through a linear map, and the way back.

    Attributes
    ----------
    z : Tensor
        The outputs, without a bias.
    back : callable
        `share [like z] -> input ⊙ Wᵀ share`: what each input contributed, where output j is worth `share_j` a unit.
    """

    z: Tensor
    back: Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class LinearOp:
    """A linear operation z = W x + b as it was executed.

    Attributes
    ----------
    map : callable
        `(x, weight) -> z`, linear in both, without bias.
    source : Tensor
        The weight of a convolution or linear layer; 1 for a mean or a sum.
    bias : Tensor or None
        Broadcasts against z.
    kind : {"convolution", "linear", "sum", "scale"}
        Sums are average pooling, means, sums and interpolation: linear, but without weights. A scale is a batch norm
        with no linear operation right in front of it.
    name : str
        Where it stands: the module's name.
    first : bool
        No other convolution or linear operation lies between the input and this one.
    rescale : callable or None
        `factor a channel -> factor` in the shape of the weight; None where a batch norm cannot be merged.
    transpose : callable or None
        `(share [like z], x, weight) -> Wᵀ share [like x]`, where that takes no forward.
    groups : int or None
        Into how many groups of channels a convolution or linear layer falls; None for other operations.
    scale : Tensor or None
        What the batch norm behind multiplies, in the shape of the weight.
    made_of : tuple
        All tensors that the weight depends on.
    weights : Weights or None
        Where altered weights are kept.
    output : Tensor or None
        z + b as it was executed, where the composite asked for it.
    """

    map: Map
    source: Tensor
    bias: Tensor | None
    kind: Kind
    name: str
    first: bool = False
    rescale: Callable[[Tensor], Tensor] | None = None
    transpose: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    groups: int | None = None
    scale: Tensor | None = None
    made_of: tuple[Tensor, ...] = ()
    weights: Weights | None = None
    output: Tensor | None = None

    @property
    def weight(self) -> Tensor:
        """W, merged with the batch norm behind it."""
        return self.source if self.scale is None else self.source * self.scale

    def altered(self, what: Hashable, alter: Callable[[Tensor], Tensor]) -> Tensor:
        """Return `alter(weight)`; kept under `what` as long as the model does not change."""
        if self.weights is None or self.kind in {"sum", "scale"}:
            return alter(self.weight)
        return self.weights.made((what, self.source.dtype), self.made_of, lambda: alter(self.weight))

    def flow(self, x: Tensor, weight: Tensor) -> Flow:
        """Return what `x` contributes through `weight`; both may be other than what was executed."""
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            z = self.map(leaf, weight)

        def back(share: Tensor) -> Tensor:
            (transposed,) = torch.autograd.grad(z, leaf, share)
            return transposed * x

        return Flow(z.detach(), back)

    def own_flow(self, x: Tensor) -> Flow:
        """Return what `x`, which was given, contributes through the weight that was executed."""
        output, transpose = self.output, self.transpose
        if output is None or transpose is None:
            return self.flow(x, self.weight)
        z = output if self.bias is None else output - self.bias
        return Flow(z, lambda share: transpose(share, x, self.weight) * x)

    def merged(self, scale: Tensor, shift: Tensor, name: str, made_of: tuple[Tensor, ...]) -> "LinearOp | None":
        """Return this operation followed by a batch norm z·scale + shift (both `[C]`); None where that is not one."""
        if self.rescale is None:
            return None
        shape = (-1,) if self.kind == "linear" else (-1,) + (1,) * (self.source.ndim - 2)
        bias = shift.reshape(shape) if self.bias is None else self.bias * scale.reshape(shape) + shift.reshape(shape)
        return replace(
            self,
            bias=bias,
            name=f"{self.name} + {name}",
            scale=self.rescale(scale),
            made_of=(*self.made_of, *made_of),
            output=None,
        )

    def to(self, dtype: torch.dtype) -> "LinearOp":
        """Return the same operation in another precision."""
        if self.source.dtype == dtype:
            return self
        bias = None if self.bias is None else self.bias.to(dtype)
        output = None if self.output is None else self.output.to(dtype)
        return replace(self, source=self.source.to(dtype), bias=bias, output=output)


class Rule(Protocol):
    """How one linear operation passes relevance on: `(op, x, relevance of z) -> (relevance of x, absorbed)`.

    `absorbed` is how much of the outputs' relevance reaches no input: in the shape of z, or summed over anything but
    the rows.
    """

    def __call__(self, op: LinearOp, x: Tensor, relevance: Tensor, /) -> tuple[Tensor, Tensor]:
        """Return the relevance of x, and what each output's relevance lost to bias and stabiliser."""


class Composite(Protocol):
    """Which rule for which operation."""

    def rule(self, op: LinearOp, /) -> Rule:
        """Return the rule of a linear operation, from its kind, name and place."""

    def reads_output(self, op: LinearOp, /) -> bool:
        """Return whether that rule looks at what the operation gave."""

    def share(self, relevance: Tensor, z: Tensor, /) -> Tensor:
        """Return relevance / z, stabilised: what a contribution of 1 to z is worth."""


class Ledger:
    """What did not reach the input, by operation and row."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.absorbed: dict[str, Tensor] = {}

    def enter(self, name: str, absorbed: Tensor) -> None:
        """Add `absorbed` `[N, ...]`, relevance that ends in the operation called `name`.

        Raises
        ------
        ValueError
            The rows of the batch cannot be told apart.
        """
        if self._rows > 1 and (absorbed.ndim == 0 or len(absorbed) % self._rows):
            message = (
                f"At {name!r} the {self._rows} inputs of the batch are no longer one after another (shape"
                f" {list(absorbed.shape)}), so their relevance cannot be told apart. Explain them one at a time."
            )
            raise ValueError(message)
        total = absorbed.reshape(self._rows, -1).sum(1)
        self.absorbed[name] = self.absorbed[name] + total if name in self.absorbed else total


class _Step(torch.autograd.Function):
    """A true forward whose backward takes relevance where autograd takes gradients."""

    @staticmethod
    def forward(ctx: Any, run: Callable[..., Tensor], back: Back, keep: Sequence[Tensor], *inputs: Tensor) -> Tensor:
        ctx.set_materialize_grads(False)
        ctx.back = back
        ctx.save_for_backward(*keep)
        out = run(*inputs)
        # A view made in here could not be written to in place by what follows.
        return out.clone() if out._is_view() or any(out is given for given in inputs) else out

    @staticmethod
    def backward(ctx: Any, *relevances: Tensor | None) -> Any:
        (relevance,) = relevances
        if relevance is None:
            return (None,) * len(ctx.needs_input_grad)
        with torch.autocast(relevance.device.type, enabled=False):
            return None, None, None, *ctx.back(relevance, *ctx.saved_tensors)


def step(run: Callable[..., Tensor], back: Back, *inputs: Tensor, keep: Sequence[Tensor] = ()) -> Tensor:
    """Return `run(*inputs)`; in the backward, `back(relevance, *keep)` gives one relevance for each input.

    What stands in `keep` must not be changed in place before the backward (autograd raises); keep a copy where a model
    that can be trained may do so.
    """
    out: Tensor = _Step.apply(run, back, keep, *inputs)
    return out


def wide(tensor: Tensor) -> torch.dtype:
    """Return the precision in which relevance of `tensor` is computed: float32 for half precision."""
    return torch.float32 if tensor.dtype in {torch.float16, torch.bfloat16} else tensor.dtype
