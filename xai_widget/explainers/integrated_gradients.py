"""Gradients along the straight path from a baseline to the input: their integral, and themselves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
import torch
from torch import Tensor

from xai_widget.arrays import Array
from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case
from xai_widget.explainers.gradients import reduced
from xai_widget.explainers.method import Cost, Explainer, Randomisation
from xai_widget.explainers.moments import wide
from xai_widget.explainers.parameters import Param
from xai_widget.explainers.paths import CEILING, FIRST_POINTS, Panels, Point, Rule, path_start, quadrature, spread_order

# Points that a path usually takes where they are added until the gap is small.
USUAL_POINTS: Final = 2 * FIRST_POINTS
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

    With ``steps=None`` points are added, by the trapezoid rule, where the path still misses most, until the sum misses
    no more than `tolerance` of the difference of the scores, or would take more than 200 points; `meta["steps"]` says how
    many it took. A small gap is necessary for an exact map, and not sufficient: errors of places may cancel in the sum.

    Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, arXiv:1703.01365.

    Parameters
    ----------
    steps : int or None
        Points of the path where the gradient is taken; None: as many as `tolerance` asks for.
    baseline : {"zero", "mean", "blur", "noise"}, float or array
        x', the input without information; "zero" and numbers are in model-input units, an array is `[C, *S]`.
    rule : {"gauss_legendre", "riemann_left", "riemann_right", "riemann_middle", "trapezoid"}
        Points and weights of a number of steps. "trapezoid" includes both ends and needs at least two steps.
    tolerance : float
        With ``steps=None``: the completeness gap to reach, as a share of y(x) - y(x').

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
    evaluations: ClassVar[str] = "steps + 2 forwards (52), steps backwards (50); steps=None: 17 to 200 of each"
    randomisation: ClassVar[Randomisation] = "partly"

    steps: Annotated[
        int | None,
        Param(
            "Steps",
            "Points of the path where the gradient is taken. Auto: until the gap is small.",
            1,
            1000,
            1,
            cost=True,
        ),
    ] = 50
    baseline: Baseline = "zero"
    rule: Annotated[Rule, Param("Rule", "Points and weights of the numerical integration.")] = "gauss_legendre"
    tolerance: Annotated[
        float,
        Param(
            "Tolerance",
            "Where steps are auto: the gap to reach, relative to the difference of the scores.",
            *(0.001, 0.2, 0.001),
            cost=True,
        ),
    ] = 0.02

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "share of the logit"

    def __post_init__(self) -> None:
        """Check the fields, and that the rule has its points."""
        super().__post_init__()
        if self.rule == "trapezoid" and self.steps == 1:
            message = (
                f"{self.label}: the trapezoid rule joins two points at least, got steps={self.steps}. Use steps=2 or"
                " more, or rule='riemann_middle'."
            )
            raise ValueError(message)

    def cost(self, case: Case) -> Cost:
        """One forward and one backward a step, and one forward for the scores at either end unless they are steps."""
        rows = len(case.inputs)
        if self.steps is None:
            return Cost(rows * USUAL_POINTS, rows * USUAL_POINTS, exact=False)
        return Cost(rows * (self.steps + 2), rows * self.steps)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the map after every chunk of steps, which spread over the whole path from the beginning."""
        start = path_start(case, self.baseline)
        yield from self._until_complete(case, start) if self.steps is None else self._in(self.steps, case, start)

    def _in(self, steps: int, case: Case, start: Tensor) -> Iterator[Estimate]:
        alphas, weights = quadrature(self.rule, steps)
        order = spread_order(steps)
        x = case.inputs
        score, baseline_score = (wide(end.score(end.logits).detach()) for end in (case, case.with_inputs(start)))
        integral = torch.zeros_like(wide(x))
        done = 0
        for _, gradients in case.gradients_at(lambda i: torch.lerp(start, x, float(alphas[order[i]])), steps):
            for gradient in gradients.unbind(1):
                integral.add_(gradient.to(integral.device), alpha=float(weights[order[done]]))
                done += 1
            complete = done == steps
            shares = (wide(x) - wide(start)) * (integral if complete else integral / weights[order[:done]].sum())
            yield Estimate(
                reduced(shares, self.reduction).float(),
                done / steps,
                signed=True,
                channels=shares.float(),
                meta={"steps": done},
                row_meta=_completeness(score, baseline_score, shares) if complete else (),
            )

    def _until_complete(self, case: Case, start: Tensor) -> Iterator[Estimate]:
        """Yield the map of all rows after every chunk of points; each row has points of its own."""
        paths = [Panels(change) for change in case.inputs - start]
        rounds = [path.first() for path in paths]
        while any(rounds):
            for row, begin, path, points in zip(case.rows(), torch.split(start, 1), paths, rounds, strict=True):
                left = points
                for scores, gradients in row.gradients_at(_along(begin, row.inputs, points), len(points)):
                    path.take(left, scores[0], gradients[0])
                    left = left[scores.shape[1] :]
                    count = max(path.count for path in paths)
                    yield self._joined(case, start, paths, count / (count + USUAL_POINTS))
            rounds = [self._next(path) for path in paths]
        yield self._joined(case, start, paths, 1.0)

    def _next(self, path: Panels) -> list[Point]:
        """Return the points that come next, none where the gap is small or too many would have been taken."""
        if not abs(path.gap) > self.tolerance * abs(path.difference):
            return []
        points = path.further()
        return points if path.count + len(points) <= CEILING else []

    def _joined(self, case: Case, start: Tensor, paths: Sequence[Panels], fraction: float) -> Estimate:
        shares = (wide(case.inputs) - wide(start)) * torch.stack([path.integral() for path in paths])
        complete = fraction == 1
        score, baseline_score = torch.tensor([path.scores for path in paths], dtype=torch.float64).unbind(1)
        rows = _completeness(score, baseline_score, shares) if complete else ()
        return Estimate(
            reduced(shares, self.reduction).float(),
            fraction,
            signed=True,
            channels=shares.float(),
            meta={"steps": max(path.count for path in paths)},
            row_meta=tuple({**row, "steps": path.count} for row, path in zip(rows, paths, strict=complete)),
        )


def _along(start: Tensor, x: Tensor, points: Sequence[Point]) -> Callable[[int], Tensor]:
    return lambda i: torch.lerp(start, x, points[i].alpha)


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


def _completeness(score: Tensor, baseline_score: Tensor, shares: Tensor) -> tuple[dict[str, float], ...]:
    """Return what each row's shares add up to less than the difference of the scores `[N]`, and the scores."""
    gap = score - baseline_score - shares.flatten(1).sum(1).to(score.device)
    rows = zip(gap.tolist(), score.tolist(), baseline_score.tolist(), strict=True)
    return tuple({"completeness_gap": g, "score": y, "baseline_score": y0} for g, y, y0 in rows)
