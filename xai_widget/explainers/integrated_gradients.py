"""Gradients along the straight path from a baseline to the input: their integral, and themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case
from xai_widget.explainers.gradients import reduced
from xai_widget.explainers.method import Cost, Explainer, Randomisation
from xai_widget.explainers.moments import wide
from xai_widget.explainers.parameters import Param

Rule = Literal["gauss_legendre", "riemann_left", "riemann_right", "riemann_middle", "trapezoid"]
Baseline = Annotated[
    Literal["zero", "mean", "blur", "noise"] | float | Array,
    Param("Baseline", "Where the path begins: zero or a number in model-input units, mean, blur, noise."),
]


@dataclass(frozen=True)
class IntegratedGradients(Explainer):
    r"""Integrated gradients: each input number's share in the difference of the scores of input and baseline.

    .. math::

        M_p = \sum_c (x_{cp} - x'_{cp}) \int_0^1 \frac{\partial y}{\partial x_{cp}}\big(x' + \alpha (x - x')\big)\,
        d\alpha, \qquad \sum_p M_p = y(x) - y(x')

    The integral is a weighted sum of the gradients at `steps` points of the path. Gauss-Legendre is exact for
    polynomials of degree 2 · steps - 1; every rule is exact for a linear model. `meta["completeness_gap"]` is
    y(x) - y(x') - ΣM: what the sum still misses. `channels` holds the shares before the sum over channels. With a
    mask, the baseline stands in the foreground alone, and everything outside has no share.

    Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, arXiv:1703.01365.

    Parameters
    ----------
    steps : int
        Points of the path where the gradient is taken.
    baseline : {"zero", "mean", "blur", "noise"}, float or array
        x', the input without information; "zero" and numbers are in model-input units, an array is `[C, *S]`.
    rule : {"gauss_legendre", "riemann_left", "riemann_right", "riemann_middle", "trapezoid"}
        Points and weights. "trapezoid" includes both ends and needs at least two steps.

    Raises
    ------
    ValueError
        The trapezoid rule with one step.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "integrated_gradients", steps=20)
    >>> difference = a.meta["score"] - a.meta["baseline_score"]
    >>> bool(abs(a.values.sum() + a.meta["completeness_gap"] - difference) < 1e-3)
    True
    """

    id: ClassVar[str] = "integrated_gradients"
    label: ClassVar[str] = "Integrated gradients"
    access: ClassVar[Access] = "gradient"
    summary: ClassVar[str] = "Each pixel's share in the score, relative to a baseline; the shares add up."
    formula: ClassVar[str] = "M = Σ over channels of (x − x′) · ∫₀¹ ∂y/∂x (x′ + α·(x − x′)) dα"
    cites: ClassVar[str] = "Sundararajan et al., ICML 2017, arXiv:1703.01365"
    when: ClassVar[str] = (
        "For signed shares that add up to the score, also where the gradient at the input has saturated. What the map"
        " shows is relative to the baseline: a black pixel on a black baseline gets nothing."
    )
    evaluations: ClassVar[str] = "steps + 2 forwards (52), steps backwards (50)"
    randomisation: ClassVar[Randomisation] = "partly"

    steps: Annotated[int, Param("Steps", "Points of the path where the gradient is taken.", 1, 1000, 1, cost=True)] = 50
    baseline: Baseline = "zero"
    rule: Annotated[Rule, Param("Rule", "Points and weights of the numerical integration.")] = "gauss_legendre"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "share of the logit"

    def __post_init__(self) -> None:
        """Check the fields, and that the rule has its points."""
        super().__post_init__()
        if self.rule == "trapezoid" and self.steps < 2:
            message = (
                f"{self.label}: the trapezoid rule joins two points at least, got steps={self.steps}. Use steps=2 or"
                " more, or rule='riemann_middle'."
            )
            raise ValueError(message)

    def cost(self, case: Case) -> Cost:
        """One forward and one backward a step, and one forward for the scores at either end."""
        return Cost(len(case.inputs) * (self.steps + 2), len(case.inputs) * self.steps)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of steps, which spread over the whole path from the beginning."""
        alphas, weights = quadrature(self.rule, self.steps)
        order = spread_order(self.steps)
        x, start = case.inputs, path_start(case, self.baseline)
        score, baseline_score = (wide(end.score(end.logits).detach()) for end in (case, case.with_inputs(start)))
        integral = torch.zeros_like(wide(x))
        done = 0
        for _, gradients in case.gradients_at(lambda i: torch.lerp(start, x, float(alphas[order[i]])), self.steps):
            for gradient in gradients.unbind(1):
                integral.add_(gradient.to(integral.device), alpha=float(weights[order[done]]))
                done += 1
            complete = done == self.steps
            shares = (wide(x) - wide(start)) * (integral if complete else integral / weights[order[:done]].sum())
            yield Estimate(
                reduced(shares, self.reduction).float(),
                done / self.steps,
                signed=True,
                channels=shares.float(),
                meta={"steps": done},
                row_meta=_completeness(score, baseline_score, shares) if complete else (),
            )


@dataclass(frozen=True)
class InteriorGradients(Explainer):
    r"""Interior gradients: how strongly the score reacts to each pixel all along the way from a baseline to the input.

    .. math:: M_p = \int_0^1 \max_c |g_{cp}(\alpha)|\, d\alpha, \qquad
              g(\alpha) = \frac{\partial y}{\partial x}\big(x' + \alpha (x - x')\big)

    at `steps` evenly spaced points from α = 0 to α = 1, by the trapezoid rule. Where the score has saturated at the
    input, the gradient there is small and says little; it was large further down the path. `arrays` has what shows
    it: "alphas" α, "scores" y(α), "gradient_sums" Σ|g(α)| (the saturation curve), each `[steps]`, and "stack", the map
    max over channels of |g(α)| of every point, `[steps, *S]`. With a mask, the baseline stands in the foreground alone.

    Sundararajan, Taly, Yan, "Gradients of Counterfactuals", 2016, arXiv:1611.02639.

    Parameters
    ----------
    steps : int
        Points of the path, at least both ends.
    baseline : {"zero", "mean", "blur", "noise"}, float or array
        x', the input without information; "zero" and numbers are in model-input units, an array is `[C, *S]`.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"), "interior_gradients", steps=5)
    >>> a.arrays["alphas"].tolist(), a.arrays["stack"].shape
    ([0.0, 0.25, 0.5, 0.75, 1.0], (5, 128, 128))
    """

    id: ClassVar[str] = "interior_gradients"
    label: ClassVar[str] = "Interior gradients"
    access: ClassVar[Access] = "gradient"
    summary: ClassVar[str] = "Saliency along the way from a baseline to the input, with the curve of its saturation."
    formula: ClassVar[str] = "M = ∫₀¹ max over channels of |g(α)| dα,  g(α) = ∂y/∂x (x′ + α·(x − x′))"
    cites: ClassVar[str] = "Sundararajan et al., 2016, arXiv:1611.02639"
    when: ClassVar[str] = (
        "To see whether saliency misleads because the score has saturated: compare the curves of y(α) and Σ|g(α)|."
        " For shares that add up, take integrated gradients."
    )
    evaluations: ClassVar[str] = "steps forwards (50), steps backwards (50)"
    randomisation: ClassVar[Randomisation] = "partly"

    steps: Annotated[int, Param("Steps", "Points of the path, both ends included.", 2, 1000, 1, cost=True)] = 50
    baseline: Baseline = "zero"

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "mean |∂ logit / ∂ input| along the path"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return False

    def cost(self, case: Case) -> Cost:
        """One forward and one backward a step."""
        return Cost(len(case.inputs) * self.steps, len(case.inputs) * self.steps)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of steps, which spread over the whole path from the beginning."""
        alphas, weights = quadrature("trapezoid", self.steps)
        order = spread_order(self.steps)
        x, start = case.inputs, path_start(case, self.baseline)
        total = torch.zeros_like(wide(x[:, 0]))
        parts: list[tuple[Tensor, ...]] = []
        done = 0
        for scores, gradients in case.gradients_at(lambda i: torch.lerp(start, x, float(alphas[order[i]])), self.steps):
            magnitudes = gradients.abs()
            maps = magnitudes.amax(2)
            for one in maps.unbind(1):
                total.add_(one.to(total.device), alpha=float(weights[order[done]]))
                done += 1
            parts.append((scores, wide(magnitudes).flatten(2).sum(2), maps.cpu()))
            complete = done == self.steps
            arrays: dict[str, Tensor] = {}
            if complete:
                along = torch.from_numpy(np.argsort(order))
                found = [torch.cat(kind, 1).cpu()[:, along] for kind in zip(*parts, strict=True)]
                arrays = dict(zip(("scores", "gradient_sums", "stack"), found, strict=True))
                arrays["alphas"] = torch.from_numpy(alphas).expand(len(x), -1)
            values = total if complete else total / weights[order[:done]].sum()
            yield Estimate(values.float(), done / self.steps, signed=False, arrays=arrays, meta={"steps": done})


def path_start(case: Case, baseline: Any) -> Tensor:
    """Return where the path to the inputs begins, `[N, C, *S]`: the baseline, and the input itself outside a mask."""
    start = case.fill(baseline)
    return start if case.mask is None else torch.where(case.mask, start, case.inputs)


def quadrature(rule: Rule, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points in [0, 1] in rising order, and their weights, which sum to 1, each `[steps]`.

    Examples
    --------
    >>> points, weights = quadrature("trapezoid", 3)
    >>> points.tolist(), weights.tolist()
    ([0.0, 0.5, 1.0], [0.25, 0.5, 0.25])
    """
    equal = np.full(steps, 1 / steps)
    match rule:
        case "gauss_legendre":
            points, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
            return (1 + points) / 2, weights / 2
        case "riemann_left":
            return np.arange(steps) / steps, equal
        case "riemann_right":
            return np.arange(1, steps + 1) / steps, equal
        case "riemann_middle":
            return (np.arange(steps) + 0.5) / steps, equal
        case "trapezoid":
            weights = np.full(steps, 1 / (steps - 1))
            weights[[0, -1]] /= 2
            return np.linspace(0, 1, steps), weights


def spread_order(count: int) -> NDArray[np.int64]:
    """Return an order in which every beginning of 0 ... count - 1 is spread over all of it (bits reversed).

    Examples
    --------
    >>> spread_order(8).tolist()
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    bits = (count - 1).bit_length()
    places = [int(format(index, f"0{bits}b")[::-1], 2) if bits else 0 for index in range(2**bits)]
    return np.array([place for place in places if place < count])


def _completeness(score: Tensor, baseline_score: Tensor, shares: Tensor) -> tuple[dict[str, float], ...]:
    """Return what each row's shares add up to less than the difference of the scores `[N]`, and the scores."""
    gap = score - baseline_score - shares.flatten(1).sum(1).to(score.device)
    rows = zip(gap.tolist(), score.tolist(), baseline_score.tolist(), strict=True)
    return tuple({"completeness_gap": g, "score": y, "baseline_score": y0} for g, y, y0 in rows)
