"""Integrated and interior gradients against integrals done by hand, and an explicit loop over the path."""

from collections.abc import Callable
from math import factorial
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.asking import cost_and_tally, logits_of, session_on, steps_of
from tests.zoo import Flat, Plain, Volumetric, picture, seeded, trained_statistics
from xai_widget import Attribution, Contrast, explain, explain_batch
from xai_widget.explainers import IntegratedGradients, InteriorGradients, build_method
from xai_widget.explainers.paths import FIRST_POINTS, Rule, quadrature, spread_order

RULES: tuple[Rule, ...] = get_args(Rule)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return trained_statistics(seeded(Flat)).eval().double()


def numbers(*values: float) -> Tensor:
    """An input `[1, 1, n]` of n numbers, float64."""
    return torch.tensor([[list(values)]], dtype=torch.float64)


def integrate(score: Callable[..., Tensor], *values: float, **params: Any) -> Attribution:
    """Integrated gradients of a function of n numbers."""

    def of_batch(batch: Tensor) -> Tensor:
        return score(*batch.flatten(1).unbind(1))

    return explain(logits_of(of_batch), numbers(*values), "integrated_gradients", target=0, dims=2, **params)


# -- integrals by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "score",
    [lambda a, b: (a.relu() - 1 - b.relu()).relu(), lambda a, b: ((a - 1).relu() - b.relu()).relu()],
    ids=["first", "second"],
)
@pytest.mark.parametrize(("point", "start"), [((3.0, 1.0), 1 / 2), ((4.0, 1.0), 1 / 3), ((6.0, 2.0), 1 / 4)])
def test_the_two_networks_of_the_paper_that_are_one_function_have_one_map(
    score: Callable[..., Tensor], point: tuple[float, float], start: float
) -> None:
    """On the way from 0 to (a, b) both are relu(α(a - b) - 1): the gradient is (1, -1) from α = 1/(a - b) on, else 0."""
    found = integrate(score, *point, steps=1000)
    share = 1 - start
    assert found.values.ravel() == pytest.approx(np.array([point[0], -point[1]]) * share, abs=6e-3)
    assert found.values.sum() == pytest.approx(point[0] - point[1] - 1, abs=6e-3)


def test_a_separable_function_gives_each_variable_its_own_difference() -> None:
    x, start = (0.7, -1.2, 2.5), (-0.3, 0.4, 0.1)
    found = integrate(lambda a, b, c: 5 * a + b**2 + c.sin(), *x, steps=20, baseline=numbers(*start)[0][None])
    by_hand = [5 * (x[0] - start[0]), x[1] ** 2 - start[1] ** 2, np.sin(x[2]) - np.sin(start[2])]
    assert found.values.ravel() == pytest.approx(by_hand, rel=1e-6)
    assert found.meta["completeness_gap"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_gauss_legendre_is_exact_to_its_degree_and_off_by_its_error_beyond(n: int) -> None:
    """x^m has the gradient m x^(m-1); n nodes are exact to degree 2n-1, and miss (n!)^4/(2n)!^2 of (2n+1) x^2n."""
    assert integrate(lambda x: x ** (2 * n), 1.0, steps=n).values.item() == pytest.approx(1, rel=1e-6)
    beyond = integrate(lambda x: x ** (2 * n + 1), 1.0, steps=n)
    error = factorial(n) ** 4 / factorial(2 * n) ** 2
    assert beyond.meta["completeness_gap"] == pytest.approx(error, rel=1e-9)
    assert beyond.values.item() == pytest.approx(1 - error, rel=1e-6)


@pytest.mark.parametrize(
    ("rule", "n", "square", "cube"),
    [
        # Of 2α and 3α² on [0, 1], by hand.
        ("riemann_left", 4, 1 - 1 / 4, 3 * (0 + 1 + 4 + 9) / 64),
        ("riemann_right", 4, 1 + 1 / 4, 3 * (1 + 4 + 9 + 16) / 64),
        ("riemann_middle", 4, 1, 1 - 1 / 64),
        ("trapezoid", 4, 1, 1 + 1 / 18),
        ("trapezoid", 2, 1, 1.5),
        ("gauss_legendre", 2, 1, 1),
        ("riemann_left", 1, 0, 0),
        ("riemann_right", 1, 2, 3),
        ("riemann_middle", 1, 1, 3 / 4),
    ],
)
def test_every_rule_has_its_nodes_and_weights(rule: Rule, n: int, square: float, cube: float) -> None:
    for power, expected in ((2, square), (3, cube)):
        found = integrate(lambda x, power=power: x**power, 1.0, steps=n, rule=rule)
        assert found.values.item() == pytest.approx(expected, rel=1e-6, abs=1e-12)
        assert found.meta["completeness_gap"] == pytest.approx(1 - expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 50])
def test_a_linear_score_is_exact_for_every_rule_and_number_of_steps(rule: Rule, n: int) -> None:
    if (rule, n) == ("trapezoid", 1):
        with pytest.raises(ValueError, match=r"two points.*steps=1.*riemann_middle"):
            IntegratedGradients(rule=rule, steps=n)
        return
    found = integrate(lambda a, b: 3 * a - 2 * b + 7, 1.5, -4.0, steps=n, rule=rule, baseline=0.5)
    assert found.values.ravel() == pytest.approx([3 * 1.0, -2 * -4.5], rel=1e-6)
    assert found.meta["completeness_gap"] == pytest.approx(0, abs=1e-9)
    assert quadrature(rule, n)[1].sum() == pytest.approx(1, rel=1e-14)


# -- networks -------------------------------------------------------------------------------------------------------


def along(model: Callable[[Tensor], Tensor], x: Tensor, start: Tensor, alpha: float, k: int) -> tuple[Tensor, Tensor]:
    """Score and gradient at one point of the path, by plain autograd."""
    point = (start + alpha * (x - start)).requires_grad_()
    score = model(point[None])[0, k]
    return score.detach(), torch.autograd.grad(score, point)[0]


@pytest.mark.parametrize("baseline", ["zero", 0.7, "mean", "array"])
def test_it_is_the_weighted_sum_over_the_path(model: torch.nn.Module, baseline: Any) -> None:
    x, other = picture().double(), picture(9).double()
    start = {
        "zero": torch.zeros_like(x),
        0.7: torch.full_like(x, 0.7),
        "mean": x.mean((1, 2), keepdim=True).expand_as(x),
        "array": other,
    }[baseline]
    points, weights = np.polynomial.legendre.leggauss(7)
    total = sum(w / 2 * along(model, x, start, (1 + t) / 2, 3)[1] for t, w in zip(points, weights, strict=True))
    expected = (x - start) * total
    given = other if baseline == "array" else baseline
    found = explain(model, x, "integrated_gradients", target=3, steps=7, baseline=given)
    assert found.signed
    assert found.channels == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-8)
    assert found.values == pytest.approx(expected.sum(0).numpy(), rel=1e-5, abs=1e-8)


def test_each_row_of_a_batch_has_its_own_gap(model: torch.nn.Module) -> None:
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    found = explain_batch(model, inputs, "integrated_gradients", targets=[0, 3, 1], steps=3)
    for x, target, one in zip(inputs, (0, 3, 1), found, strict=True):
        with torch.no_grad():
            difference = float(model(x[None])[0, target] - model(torch.zeros_like(x[None]))[0, target])
        assert one.meta["score"] - one.meta["baseline_score"] == pytest.approx(difference)
        missed = difference - float(one.channels.sum(dtype=float))
        assert one.meta["completeness_gap"] == pytest.approx(missed, abs=1e-6)
        assert abs(missed) > 1e-4  # three steps are few
    assert len({one.meta["completeness_gap"] for one in found}) == 3


def test_more_steps_close_the_gap(model: torch.nn.Module) -> None:
    few, many = (
        abs(explain(model, picture(), "integrated_gradients", target=1, steps=n).meta["completeness_gap"])
        for n in (4, 400)
    )
    assert many < few / 20


METHODS = ("integrated_gradients", "interior_gradients")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("baseline", ["zero", "noise", "blur"])
def test_a_batch_gives_what_its_inputs_give_alone(model: torch.nn.Module, method: str, baseline: str) -> None:
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    found = explain_batch(model, inputs, method, targets=[0, 3, 1], steps=4, baseline=baseline)
    for x, target, one in zip(inputs, (0, 3, 1), found, strict=True):
        alone = explain(model, x, method, target=target, steps=4, baseline=baseline)
        assert one.values == pytest.approx(alone.values, rel=1e-5, abs=1e-8)
        for name, array in alone.arrays.items():
            assert one.arrays[name] == pytest.approx(array, rel=1e-5, abs=1e-8)


def test_contrasts_and_callables_are_linear_in_the_target(model: torch.nn.Module) -> None:
    a, b = (explain(model, picture(), "integrated_gradients", target=t, steps=5).values for t in (0, 2))
    contrast = explain(model, picture(), "integrated_gradients", target=Contrast(0, 2), steps=5)
    assert contrast.values == pytest.approx(a - b, rel=1e-4, abs=1e-6)
    weighted = explain(
        model, picture(), "integrated_gradients", target=lambda logits: 2 * logits[:, 0] + logits[:, 2], steps=5
    )
    assert weighted.values == pytest.approx(2 * a + b, rel=1e-4, abs=1e-6)


def test_the_baseline_stands_inside_the_mask_alone(model: torch.nn.Module) -> None:
    mask = np.zeros((16, 16), bool)
    mask[3:9, 4:12] = True
    x = picture().double()
    found = explain(model, x, "integrated_gradients", target=1, steps=200, mask=mask)
    assert not found.values[~mask].any()
    with torch.no_grad():
        covered = torch.where(torch.from_numpy(mask), torch.zeros_like(x), x)
        difference = float(model(x[None])[0, 1] - model(covered[None])[0, 1])
    assert found.values.sum(dtype=float) == pytest.approx(difference, abs=2e-3)
    stack = explain(model, x, "interior_gradients", target=1, steps=3, mask=mask).arrays["stack"]
    assert stack[0] == pytest.approx(along(model, x, covered, 0, 1)[1].abs().amax(0).numpy(), rel=1e-5, abs=1e-9)


def test_volumes() -> None:
    model = seeded(Volumetric).eval().double()
    x = torch.randn(1, 4, 6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = explain(model, x, "integrated_gradients", target=0, steps=100)
    with torch.no_grad():
        difference = float(model(x[None])[0, 0] - model(torch.zeros_like(x[None]))[0, 0])
    assert found.values.shape == (4, 6, 5)
    assert found.values.sum(dtype=float) == pytest.approx(difference, rel=1e-2)


# -- as many steps as the gap asks for ------------------------------------------------------------------------------


@pytest.mark.parametrize("tolerance", [0.05, 0.01])
def test_points_are_added_until_the_gap_is_small(model: torch.nn.Module, tolerance: float) -> None:
    inputs = torch.stack([picture(seed) for seed in range(3)]).double()
    found = explain_batch(
        model, inputs, "integrated_gradients", targets=[0, 3, 1], steps=None, tolerance=tolerance, baseline=0.4
    )
    for x, target, one in zip(inputs, (0, 3, 1), found, strict=True):
        with torch.no_grad():
            difference = float(model(x[None])[0, target] - model(torch.full_like(x[None], 0.4))[0, target])
        assert one.meta["score"] - one.meta["baseline_score"] == pytest.approx(difference, rel=1e-6)
        missed = difference - float(one.channels.sum(dtype=float))
        assert one.meta["completeness_gap"] == pytest.approx(missed, abs=1e-6)
        assert abs(one.meta["completeness_gap"]) <= tolerance * abs(difference)
        alone = explain(model, x, "integrated_gradients", target=target, steps=None, tolerance=tolerance, baseline=0.4)
        assert one.values == pytest.approx(alone.values, rel=1e-5, abs=1e-8)
        assert one.meta["steps"] == alone.meta["steps"] >= FIRST_POINTS


def test_a_smaller_gap_takes_more_points_and_comes_closer_to_the_integral(model: torch.nn.Module) -> None:
    def of_classes(**params: Any) -> list[Attribution]:
        return [explain(model, picture(), "integrated_gradients", target=target, **params) for target in range(4)]

    exact, loose, close = (
        of_classes(steps=1000),
        of_classes(steps=None, tolerance=0.2),
        of_classes(steps=None, tolerance=0.001),
    )
    assert sum(one.meta["steps"] for one in loose) < sum(one.meta["steps"] for one in close)
    wrong = [
        sum(np.abs(one.values - whole.values).sum() for one, whole in zip(found, exact, strict=True))
        for found in (loose, close)
    ]
    assert wrong[1] < wrong[0] < 0.1 * sum(np.abs(whole.values).sum() for whole in exact)


def test_a_network_without_biases_is_complete_with_the_first_points() -> None:
    """Its gradient is the same all along the way from 0, but at 0 itself, where every gate stands on its edge."""
    found = integrate(
        lambda a, b: (2 * a.relu() - b).relu() - (a + b).relu() / 3, 1.5, 0.5, steps=None, tolerance=0.001
    )
    assert found.values.ravel() == pytest.approx([1.5 * (2 - 1 / 3), 0.5 * (-1 - 1 / 3)], rel=1e-6)
    assert found.meta["steps"] == FIRST_POINTS


def test_a_gradient_that_is_no_number_at_the_baseline_does_no_harm() -> None:
    """The length of a vector has no gradient at 0, and the same one everywhere else on the way."""
    found = integrate(lambda a, b: (a**2 + b**2).sqrt(), 3.0, 4.0, steps=None, tolerance=0.001)
    assert found.values.ravel() == pytest.approx([9 / 5, 16 / 5], rel=1e-6)


def test_a_linear_score_is_exact_with_the_first_points_whatever_the_tolerance() -> None:
    found = integrate(lambda a, b: 3 * a - 2 * b + 7, 1.5, -4.0, steps=None, tolerance=0.001, baseline=0.5)
    assert found.values.ravel() == pytest.approx([3 * 1.0, -2 * -4.5], rel=1e-6)
    assert found.meta["steps"] == found.meta["forwards"] == found.meta["backwards"] == FIRST_POINTS


def test_points_go_where_the_score_bends() -> None:
    """relu(α - 0.9) · 10 on the way from 0 to 1: only the end of the path is looked at closely."""
    seen: list[float] = []

    def score(value: Tensor) -> Tensor:
        seen.extend(value.tolist())
        return 10 * (value - 0.9).relu()

    found = integrate(score, 1.0, steps=None, tolerance=0.01)
    assert found.values.item() == pytest.approx(1, rel=1e-2)
    assert found.meta["steps"] < 100
    assert sum(0.83 < alpha < 0.99 for alpha in seen) > len(seen) / 2


def test_a_gap_that_does_not_close_ends_the_search() -> None:
    """The score has a step, and its slope is 0 at both sides of it: no number of points finds it."""
    found = integrate(lambda a: (a > 0.5).to(a) + 0 * a, 1.0, steps=None)
    assert found.meta["completeness_gap"] == pytest.approx(1)
    assert 100 < found.meta["steps"] <= 200


def test_the_input_itself_as_baseline_takes_no_more_than_the_first_points() -> None:
    found = integrate(lambda a: a**2, 0.5, steps=None, baseline=0.5)
    assert (found.values.item(), found.meta["steps"]) == (0, FIRST_POINTS)


def test_a_search_shows_what_it_has_in_chunks_and_costs_about_what_it_says(model: torch.nn.Module) -> None:
    pieces = steps_of(session_on(model, picture(), 1e-9), "integrated_gradients", 2, steps=None, tolerance=0.01)
    (whole,) = steps_of(session_on(model, picture()), "integrated_gradients", 2, steps=None, tolerance=0.01)[-1:]
    fractions = [piece.meta["fraction"] for piece in pieces]
    assert fractions == sorted(fractions)
    assert fractions[-2] < fractions[-1] == 1
    assert len(pieces) == whole.meta["steps"] + 1
    assert pieces[-1].values == pytest.approx(whole.values, rel=1e-5, abs=1e-8)
    early, final = pieces[7].values, pieces[-1].values
    assert np.corrcoef(final.ravel(), early.ravel())[0, 1] > 0.9
    said, counted = cost_and_tally(model, IntegratedGradients(steps=None), picture()[None].double())
    assert not said.exact
    assert counted.forwards == counted.backwards >= FIRST_POINTS


# -- interior gradients ---------------------------------------------------------------------------------------------


def trapezoid(values: np.ndarray) -> np.ndarray:
    """The integral over [0, 1] of what is given at evenly spaced points, both ends included."""
    return (values[1:] + values[:-1]).sum(0) / 2 / (len(values) - 1)


@pytest.mark.parametrize("steps", [2, 6])
def test_interior_gradients_are_an_explicit_loop_over_the_path(model: torch.nn.Module, steps: int) -> None:
    x = picture().double()
    start = torch.full_like(x, -0.4)
    alphas = np.linspace(0, 1, steps)
    scores, gradients = zip(*(along(model, x, start, float(alpha), 2) for alpha in alphas), strict=True)
    stack = torch.stack([g.abs().amax(0) for g in gradients]).numpy()
    found = explain(model, x, "interior_gradients", target=2, steps=steps, baseline=-0.4)
    assert not found.signed
    assert found.arrays["alphas"] == pytest.approx(alphas)
    assert found.arrays["scores"] == pytest.approx(torch.stack(scores).numpy(), rel=1e-5)
    assert found.arrays["gradient_sums"] == pytest.approx([float(g.abs().sum()) for g in gradients], rel=1e-5)
    assert found.arrays["stack"] == pytest.approx(stack, rel=1e-5, abs=1e-9)
    assert found.values == pytest.approx(trapezoid(stack), rel=1e-5, abs=1e-9)


def test_the_curve_shows_where_a_score_has_saturated() -> None:
    """tanh(4x) is steep at the baseline and flat at x = 1, where saliency sees nothing."""
    score = logits_of(lambda batch: torch.tanh(4 * batch.flatten(1)[:, 0]))
    found = explain(score, numbers(1.0, 1.0), "interior_gradients", target=0, dims=2, steps=11)
    slope = 4 / np.cosh(4 * np.linspace(0, 1, 11)) ** 2
    assert found.arrays["gradient_sums"] == pytest.approx(slope, rel=1e-6)
    assert found.arrays["scores"] == pytest.approx(np.tanh(4 * np.linspace(0, 1, 11)), rel=1e-6)
    assert found.values[0, 0] == pytest.approx(trapezoid(slope), rel=1e-6)
    assert found.values[0, 1] == 0


# -- chunks, counts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("steps", [2, 7, 16])
def test_chunks_of_any_size_give_the_same_map(model: torch.nn.Module, method: str, steps: int) -> None:
    (whole,) = steps_of(session_on(model, picture()), method, 2, steps=steps)
    pieces = steps_of(session_on(model, picture(), 1e-9), method, 2, steps=steps)
    fractions = [piece.meta["fraction"] for piece in pieces]
    assert fractions == pytest.approx([(i + 1) / steps for i in range(steps)])
    assert fractions[-1] == 1
    assert pieces[-1].values == pytest.approx(whole.values, rel=1e-6, abs=1e-9)
    for name, array in whole.arrays.items():
        assert pieces[-1].arrays[name] == pytest.approx(array, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_first_steps_already_stand_for_the_whole_path(model: torch.nn.Module, method: str) -> None:
    """An early estimate is a mean over points of the whole path, on the scale of the final one."""
    pieces = steps_of(session_on(model, picture(), 1e-9), method, 2, steps=32)
    final, early = pieces[-1].values, pieces[7].values
    assert np.corrcoef(final.ravel(), early.ravel())[0, 1] > 0.95
    assert np.abs(early).sum() == pytest.approx(np.abs(final).sum(), rel=0.1)
    assert pieces[0].values is not pieces[1].values
    assert not np.array_equal(pieces[0].values, pieces[1].values)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13, 50])
def test_the_order_of_steps_visits_each_once(count: int) -> None:
    assert sorted(spread_order(count).tolist()) == list(range(count))


@pytest.mark.parametrize(
    ("method", "forwards", "backwards"),
    [("integrated_gradients", 2 * (6 + 2), 2 * 6), ("interior_gradients", 2 * 6, 2 * 6)],
)
def test_the_cost_is_what_is_counted(method: str, forwards: int, backwards: int) -> None:
    model = trained_statistics(seeded(Plain)).eval()
    said, counted = cost_and_tally(model, build_method(method, {"steps": 6}), torch.stack([picture(1), picture(2)]))
    assert said == counted
    assert (counted.forwards, counted.backwards) == (forwards, backwards)


def test_wrong_parameters_are_told() -> None:
    with pytest.raises(ValueError, match=r"steps.*1 \.\.\. 1000.*got 0"):
        IntegratedGradients(steps=0)
    with pytest.raises(ValueError, match=r"steps.*2 \.\.\. 1000.*got 1"):
        InteriorGradients(steps=1)
    with pytest.raises(ValueError, match=r"baseline.*'blur'.*number.*array"):
        IntegratedGradients(baseline="white")
    with pytest.raises(ValueError, match=r"shape \[3, 16, 16\], got \[3, 8, 8\]"):
        explain(seeded(Flat).eval(), picture(), "integrated_gradients", baseline=picture(side=8))
    with pytest.raises(ValueError, match="occlusion"):
        explain(lambda batch: batch.numpy().reshape(len(batch), -1)[:, :4], picture(), "integrated_gradients", dims=2)
