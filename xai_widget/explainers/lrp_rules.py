"""The rules of layer-wise relevance propagation, and which one is used where.

A rule divides the relevance R_j of an output z_j = Σ_i x_i w_ij + b_j among the inputs in proportion to what they
contributed. `op.flow(x, w)` is Σ_i x_i w_ij with the way back x_i Σ_j w_ij s_j; the rules differ in x, w and s. Each
returns the relevance of the inputs and, for every output, what no input received: R_j − s_j Σ_i (contributions).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, get_args

import torch
from torch import Tensor

from xai_widget.engine import Flow, LinearOp, Rule

CompositeName = Literal[
    "epsilon_plus",
    "epsilon_plus_flat",
    "epsilon_alpha2_beta1",
    "epsilon_alpha2_beta1_flat",
    "epsilon_gamma_box",
    "epsilon",
    "gamma",
    "alpha_beta",
    "z_plus",
    "z_box",
    "w_square",
    "flat",
]
Weight = Callable[[], Tensor]
COMPOSITES: Final[tuple[CompositeName, ...]] = get_args(CompositeName)


def stabilised(z: Tensor, epsilon: float) -> Tensor:
    """Return z + ε·sign(z), with sign(0) = +1."""
    signs = z.sign().add_(0.5).sign_()  # five times as fast as a choice between z + ε and z - ε
    return signs.mul_(epsilon).add_(z)


def stabilises(epsilon: float, z: Tensor) -> bool:
    """Return whether ε keeps divisors from 0: one below the smallest number of the dtype is none."""
    return epsilon >= torch.finfo(z.dtype).tiny


def share(relevance: Tensor, z: Tensor, epsilon: float) -> Tensor:
    """Return R / (z + ε·sign(z)): what a contribution of 1 is worth; 0 where the divisor is 0."""
    divisor = stabilised(z, epsilon)
    if stabilises(epsilon, z):
        return relevance / divisor
    return torch.where(divisor == 0, 0, relevance / torch.where(divisor == 0, 1, divisor))


def epsilon_rule(op: LinearOp, x: Tensor, relevance: Tensor, *, epsilon: float) -> tuple[Tensor, Tensor]:
    """ε: R_i = Σ_j x_i w_ij / (z_j + ε·sign z_j) R_j. The bias is part of z and absorbs its share."""
    return _simple(op.own_flow(x), relevance, op.bias, epsilon)


def alpha_beta_rule(
    op: LinearOp, x: Tensor, relevance: Tensor, *, alpha: float, epsilon: float
) -> tuple[Tensor, Tensor]:
    """αβ: R_i = Σ_j (α c⁺_ij / z⁺_j − β c⁻_ij / z⁻_j) R_j with c = x w, β = α − 1, and z± = Σ_i c±_ij + b±_j.

    An output whose contributions all have one sign passes everything to that side, so that nothing is made up or
    lost (the formula has 0/0 there).
    """
    positive, negative = _signed(op, x, 1), _signed(op, x, -1)
    z_plus = positive.z if op.bias is None else positive.z + op.bias.clamp(min=0)
    z_minus = negative.z if op.bias is None else negative.z + op.bias.clamp(max=0)
    rounding = torch.finfo(z_plus.dtype).eps
    no_plus, no_minus = z_plus <= -rounding * z_minus, -z_minus <= rounding * z_plus
    to_plus = relevance * torch.where(no_minus, 1.0, torch.where(no_plus, 0.0, alpha))
    to_minus = relevance - to_plus
    plus, minus = share(to_plus, z_plus, epsilon), share(to_minus, z_minus, epsilon)
    passed, delivered = positive.back(plus), plus * positive.z
    if bool(to_minus.any()):
        passed, delivered = passed + negative.back(minus), delivered + minus * negative.z
    return passed, relevance - delivered


def z_plus_rule(op: LinearOp, x: Tensor, relevance: Tensor, *, epsilon: float) -> tuple[Tensor, Tensor]:
    """z⁺: R_i = Σ_j c⁺_ij / z⁺_j R_j; αβ with α = 1, β = 0.

    Contributions below zero only matter where relevance came to an output that has no others: they are looked at if
    some z⁺_j is as small as the rounding of the largest that Σ_i |c_ij| can be.
    """
    positive = _signed(op, x, 1)
    bias = None if op.bias is None else op.bias.clamp(min=0)
    z = positive.z if bias is None else positive.z.add_(bias)
    most = torch.maximum(x.amax(), -x.amin()) * op.altered("reach", _reach) + (
        0 if op.bias is None else op.bias.abs().max()
    )
    least = torch.finfo(z.dtype).eps * most
    if bool(z.amin() <= least) and (not stabilises(epsilon, z) or bool(((z <= least) & (relevance != 0)).any())):
        return alpha_beta_rule(op, x, relevance, alpha=1.0, epsilon=epsilon)
    worth = torch.div(relevance, z.add_(epsilon), out=z)
    if bias is None:
        return positive.back(worth), worth * epsilon
    positions = tuple(range(1 - bias.ndim, 0))
    return positive.back(worth), (worth.sum(positions, keepdim=True) if positions else worth) * (bias + epsilon)


def gamma_rule(op: LinearOp, x: Tensor, relevance: Tensor, *, gamma: float, epsilon: float) -> tuple[Tensor, Tensor]:
    """γ: R_i = Σ_j (c_ij + γ c^s_ij) / Σ_i (c_ij + γ c^s_ij) R_j, where c^s are the contributions with the sign of z_j.

    For x ≥ 0 and z ≥ 0 this is x_i (w_ij + γ w⁺_ij); the bias counts as a contribution.
    """
    plus = partial(op.altered, ("γ⁺", gamma), lambda weight: weight + weight.clamp(min=0) * gamma)
    minus = partial(op.altered, ("γ⁻", gamma), lambda weight: weight + weight.clamp(max=0) * gamma)
    z = op.own_flow(x).z if op.output is None else op.output
    is_negative = z < 0 if op.bias is None or op.output is not None else z + op.bias < 0
    passed, delivered = torch.zeros_like(x), torch.zeros_like(z)
    for weight, below, bound, chosen in ((plus, minus, "min", ~is_negative), (minus, plus, "max", is_negative)):
        here = relevance * chosen
        if not here.count_nonzero():
            continue
        flow = _split(op, x, weight, below)
        whole = flow.z if op.bias is None else flow.z + op.bias + gamma * op.bias.clamp(**{bound: 0})
        worth = share(here, whole, epsilon)
        passed, delivered = passed + flow.back(worth), delivered + worth * flow.z
    return passed, relevance - delivered


def z_box_rule(
    op: LinearOp, x: Tensor, relevance: Tensor, *, low: float | None, high: float | None, epsilon: float
) -> tuple[Tensor, Tensor]:
    """z-box: R_i = Σ_j (x_i w_ij − l_i w⁺_ij − h_i w⁻_ij) / z_j R_j for inputs in [l, h]; z_j is the sum above it.

    l and h are the extremes of each input's own channels where they are not given. The bias takes no part.
    """
    axes = tuple(range(2 if op.kind == "convolution" and x.ndim > 2 else 1, x.ndim))
    bottom = (x.amin(axes, keepdim=True) if low is None else torch.full_like(x, low)).expand_as(x)
    top = (x.amax(axes, keepdim=True) if high is None else torch.full_like(x, high)).expand_as(x)
    whole = op.flow(x, op.weight)
    lower, upper = op.flow(bottom, op.weight.clamp(min=0)), op.flow(top, op.weight.clamp(max=0))
    box = Flow(whole.z - lower.z - upper.z, lambda worth: whole.back(worth) - lower.back(worth) - upper.back(worth))
    return _simple(box, relevance, None, epsilon)


def w_square_rule(op: LinearOp, x: Tensor, relevance: Tensor, *, epsilon: float) -> tuple[Tensor, Tensor]:
    """w²: R_i = Σ_j w²_ij / Σ_i w²_ij R_j, whatever the input; the bias takes no part."""
    return _simple(op.flow(torch.ones_like(x), op.altered("w²", torch.square)), relevance, None, epsilon)


def flat_rule(op: LinearOp, x: Tensor, relevance: Tensor, *, epsilon: float) -> tuple[Tensor, Tensor]:
    """Flat: the relevance of an output goes in equal parts to all inputs it is connected to.

    Channels of a group are all alike: one stands for them.
    """
    if op.groups is None:
        return _simple(op.flow(torch.ones_like(x), torch.ones_like(op.source)), relevance, None, epsilon)
    axis = x.ndim - 1 if op.kind == "linear" else x.ndim - (op.source.ndim - 1)
    inputs, outputs = x.shape[axis] // op.groups, relevance.shape[axis] // op.groups
    one = x.new_ones(*x.shape[:axis], op.groups, *x.shape[axis + 1 :])
    flow = op.flow(one, op.source.new_ones(op.groups, 1, *op.source.shape[2:]))
    shape = relevance.shape
    together = relevance.reshape(*shape[:axis], op.groups, outputs, *shape[axis + 1 :]).sum(axis + 1)
    worth = share(together, flow.z * inputs, epsilon)
    return flow.back(worth).repeat_interleave(inputs, axis), together - worth * flow.z * inputs


def pass_rule(_op: LinearOp, _x: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Pass: R_i = R_j for a factor and a shift on each value; nothing is absorbed."""
    return relevance, torch.zeros_like(relevance)


@dataclass(frozen=True)
class RuleSet:
    """Which rule for which operation: the composites of the literature, or one rule everywhere.

    Attributes
    ----------
    name : str
        Of the composite or of the rule.
    epsilon : float
        Stabiliser of every division; absolute, in the units of the output that divides.
    gamma, alpha : float
        Of the γ and αβ rules.
    low, high : float or None
        Smallest and largest possible input of z-box; None: the extremes of the input's own channels.
    """

    name: CompositeName
    epsilon: float = 1e-6
    gamma: float = 0.25
    alpha: float = 2.0
    low: float | None = None
    high: float | None = None

    def rule(self, op: LinearOp) -> Rule:
        """Return the rule for `op`.

        Average pooling, means and sums always take ε. A batch norm that stands alone passes relevance on; under
        "epsilon" it takes ε too: divided by small outputs alone, relevance passed around its shift would explode.
        """
        if op.kind == "sum" or (op.kind == "scale" and self.name == "epsilon"):
            return partial(epsilon_rule, epsilon=self.epsilon)
        if op.kind == "scale":
            return pass_rule
        return self._named(self._choice(op))

    def reads_output(self, op: LinearOp) -> bool:
        """Return whether the rule for `op` divides by what the operation gave, or asks for its sign."""
        return op.kind not in {"sum", "scale"} and self._choice(op) in {"epsilon", "gamma"}

    def share(self, relevance: Tensor, z: Tensor) -> Tensor:
        """Return R / (z + ε·sign(z))."""
        return share(relevance, z, self.epsilon)

    def _choice(self, op: LinearOp) -> str:
        is_convolution = op.kind == "convolution"
        match self.name:
            case "epsilon_plus_flat" | "epsilon_alpha2_beta1_flat" if op.first:
                return "flat"
            case "epsilon_gamma_box" if op.first and is_convolution:
                return "z_box"
            case "epsilon_plus" | "epsilon_plus_flat":
                return "z_plus" if is_convolution else "epsilon"
            case "epsilon_alpha2_beta1" | "epsilon_alpha2_beta1_flat":
                return "alpha2_beta1" if is_convolution else "epsilon"
            case "epsilon_gamma_box":
                return "gamma" if is_convolution else "epsilon"
        return self.name

    def _named(self, name: str) -> Rule:
        epsilon = self.epsilon
        rules: dict[str, Rule] = {
            "epsilon": partial(epsilon_rule, epsilon=epsilon),
            "gamma": partial(gamma_rule, gamma=self.gamma, epsilon=epsilon),
            "alpha_beta": partial(alpha_beta_rule, alpha=self.alpha, epsilon=epsilon),
            "alpha2_beta1": partial(alpha_beta_rule, alpha=2.0, epsilon=epsilon),
            "z_plus": partial(z_plus_rule, epsilon=epsilon),
            "z_box": partial(z_box_rule, low=self.low, high=self.high, epsilon=epsilon),
            "w_square": partial(w_square_rule, epsilon=epsilon),
            "flat": partial(flat_rule, epsilon=epsilon),
        }
        return rules[name]


def _simple(flow: Flow, relevance: Tensor, bias: Tensor | None, epsilon: float) -> tuple[Tensor, Tensor]:
    worth = share(relevance, flow.z if bias is None else flow.z + bias, epsilon)
    return flow.back(worth), relevance - worth * flow.z


def _signed(op: LinearOp, x: Tensor, sign: int) -> Flow:
    """Return the contributions x w of one sign."""

    def part(positive: bool) -> Tensor:
        if positive:
            return op.altered("w⁺", lambda weight: weight.clamp(min=0))
        return op.altered("w⁻", lambda weight: weight.clamp(max=0))

    return _split(op, x, partial(part, sign > 0), partial(part, sign < 0))


def _split(op: LinearOp, x: Tensor, weight: Weight, weight_below: Weight) -> Flow:
    """Return the flow of x⁺ through `weight` and of x⁻ through `weight_below`; one pass where x has no negatives."""
    if not bool(x.amin() < 0):
        return op.flow(x, weight())
    above, below = op.flow(x.clamp(min=0), weight()), op.flow(x.clamp(max=0), weight_below())
    return Flow(above.z + below.z, lambda worth: above.back(worth) + below.back(worth))


def _reach(weight: Tensor) -> Tensor:
    """Return a bound on Σ_i |w_ij| of every output, whichever of the first two axes is that of the outputs."""
    size = weight.abs()
    if size.ndim < 2:
        return size.sum()
    return torch.maximum(size.transpose(0, 1).flatten(1).sum(1).max(), size.flatten(1).sum(1).max())
