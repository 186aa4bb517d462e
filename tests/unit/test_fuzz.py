"""Any shape, any parameters: a finite map of the right shape, the same twice, or an error that says what is wrong."""

import re
import tempfile
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import sklearn.linear_model  # noqa: F401 - what others draw when they are imported is not ours
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from torch import Tensor, nn

from tests.networks import ATTENTIVE
from tests.traces import Record
from tests.zoo import seeded
from xai_widget import Attribution, Contrast, explain, methods
from xai_widget.explainers import Parameter, method_classes, parameters_of

set_hypothesis_home_dir(tempfile.mkdtemp())  # nothing is written beside the tests
METHODS = [row.id for row in methods()]
LABELS = {row.id: row.label for row in methods()}
CLASSES = 3
# What a parameter that counts evaluations goes up to here.
FEW = 6
SANE = 1e7
# In pixels of the input.
LENGTHS = ("window", "stride")


class Anysize(nn.Module):
    """A classifier of inputs of any size, with a GAP + linear head."""

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__()
        convolution = nn.Conv2d if dims == 2 else nn.Conv3d
        self.first = convolution(channels, 4, 3, padding=1)
        self.second = convolution(4, 5, 3, padding=1)
        self.fc = nn.Linear(5, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(self.first(x).relu()).relu()
        return self.fc(x.flatten(2).mean(2))


class Attentive(nn.Module):
    """A transformer on patches of 3, whatever the size, with a class token."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, 8, 3, 3)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.attend = nn.ModuleList(nn.MultiheadAttention(8, 2, batch_first=True) for _ in range(2))
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        for attend in self.attend:
            x = x + attend(x, x, x)[0]
        return self.fc(x[:, 0])


@cache
def model_for(channels: int, dims: int, *, attentive: bool) -> nn.Module:
    build = (lambda: Attentive(channels)) if attentive else (lambda: Anysize(channels, dims))
    return seeded(build).eval()


class Drawn(NamedTuple):
    """One example: an input, a question, a mask, and parameters of which `wrong` is invalid (None: none)."""

    x: Tensor
    target: Any
    mask: Any
    params: dict[str, Any]
    wrong: str | None


def spread(logits: Tensor) -> Tensor:
    return logits.amax(1) - logits.amin(1)


@st.composite
def drawn(draw: Any, method: str) -> Drawn:
    x = draw(inputs(method))
    size = tuple(x.shape[1:])
    params, wrong = {}, None
    for parameter in parameters_of(method_classes()[method]):
        if (parameter.about.cost and parameter.kind == "int") or draw(st.booleans()):
            params[parameter.name] = draw(valid(parameter, tuple(x.shape)))
    if draw(st.integers(0, 3)) == 0 and parameters_of(method_classes()[method]):
        parameter = draw(st.sampled_from(parameters_of(method_classes()[method])))
        wrong, params[parameter.name] = parameter.name, draw(invalid(parameter, tuple(x.shape)))
    target = draw(st.sampled_from([0, 2, Contrast(0, 2), spread]))
    share = draw(st.sampled_from([None, None, None, 0.6, 0.6, 0.0]))
    mask = None if share is None else np.random.default_rng(draw(st.integers(0, 9))).random(size) < share
    return Drawn(x, target, mask, params, wrong)


@st.composite
def inputs(draw: Any, method: str) -> Tensor:
    """Odd sizes, axes of one pixel, 1 to 4 channels, pictures and volumes; noise, nothing, and what is out of scale."""
    channels, dims = draw(st.integers(1, 4)), draw(st.sampled_from([2, 2, 3]))
    if method in ATTENTIVE:
        size = [draw(st.integers(3, 14)) for _ in range(2)]
    else:
        longest = draw(st.sampled_from([13 if dims == 2 else 6, 6, 2, 1]))
        size = [draw(st.integers(1, longest)) for _ in range(dims)]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    noise = torch.randn(channels, *size, generator=generator)
    return draw(st.sampled_from([noise, noise, noise * 1e3, noise * 1e-6, noise * 0, noise * 0 + 2]))


def valid(parameter: Parameter, shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Values that the parameter's own description allows."""
    ways: list[st.SearchStrategy[Any]] = []
    if parameter.kind == "bool":
        ways.append(st.booleans())
    elif parameter.name in LENGTHS:
        ways += [st.integers(1, min(shape[1:]) + 1), st.none()]
    elif parameter.kind in {"int", "float"}:
        ways.append(numbers(parameter))
    if parameter.choices:
        ways.append(st.sampled_from(parameter.choices))
    if parameter.numeric:
        ways.append(st.floats(-3, 3))
    if parameter.arrays:
        ways.append(arrays(parameter, shape))
    if parameter.optional and not parameter.about.cost:
        ways.append(st.none())
    return st.one_of(ways)


def numbers(parameter: Parameter) -> st.SearchStrategy[Any]:
    low, high = parameter.about.minimum, parameter.about.maximum
    low, high = -3.0 if low is None else low, 3.0 if high is None else high
    if parameter.kind == "float":
        return st.floats(low, high)
    counts = parameter.about.cost or high > 1000
    return st.integers(int(low), int(low) + FEW if counts else int(min(high, 30)))


def arrays(parameter: Parameter, shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    if parameter.name == "segments":
        return st.integers(0, 9).map(lambda seed: np.random.default_rng(seed).integers(-1, 3, shape[1:]))
    if parameter.name == "noise":
        return st.integers(1, 3).map(lambda count: np.full((count, *shape), 0.1))
    return st.just(np.full(shape, 0.5))


def invalid(parameter: Parameter, shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Values just beyond what the parameter's description allows."""
    low, high = parameter.about.minimum, parameter.about.maximum
    wrong: list[Any] = [{"a": 1}, object()]
    if parameter.kind in {"int", "float"}:
        wrong += ["many", float("nan"), float("inf"), True]
        wrong += [] if low is None else [low - 1]
        wrong += [] if high is None else [high + 1]
        wrong += [1.5] if parameter.kind == "int" else []
    elif parameter.kind == "bool":
        wrong += [1, "yes", 0.0]
    elif parameter.kind == "choice":
        wrong += [
            *(choice.upper() for choice in parameter.choices[:1] if isinstance(choice, str)),
            "none of them",
            True,
        ]
        wrong += [float("nan"), float("inf")] if parameter.numeric else [3.0]
    if parameter.arrays:
        wrong += [np.zeros((2, *shape, 2)), np.full(shape, np.nan), np.zeros(0), [[1.0], [2.0, 3.0]], ["a", "b"]]
    if not parameter.optional:
        wrong.append(None)
    return st.sampled_from(wrong)


def fuzzed(method: str, examples: int) -> Callable[[], None]:
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn(method))
    def check(example: Drawn) -> None:
        x, target, mask, params, wrong = example
        model = model_for(x.shape[0], x.ndim - 1, attentive=method in ATTENTIVE)
        before, pixels = Record(model), x.clone()

        def answer() -> Attribution:
            return explain(model, x, method, target=target, mask=mask, dims=x.ndim - 1, **params)

        try:
            found, again = answer(), answer()
        except (ValueError, TypeError) as error:
            check_message(method, str(error), wrong, params.get(wrong))
        else:
            assert wrong is None, f"{wrong}={params[wrong]!r} was taken"
            check_map(method, found, again, tuple(x.shape))
        before.assert_same(model)
        assert torch.equal(x, pixels)

    return check


def check_message(method: str, message: str, wrong: str | None, given: Any) -> None:
    """A sentence that names the parameter that is wrong; or the mask, or the method that refuses."""
    assert re.fullmatch(r"[\w'].* .*[.?]", message, flags=re.DOTALL), message
    names = [parameter.name for parameter in parameters_of(method_classes()[method])]
    # That an array has another shape is seen when it is used: something else may be in the way before.
    late = wrong is None or isinstance(given, np.ndarray)
    expected = [*names, "mask", *LABELS.values(), "an array that stands for the input"] if late else [wrong]
    assert any(re.search(rf"\b{re.escape(word)}\b", message, flags=re.IGNORECASE) for word in expected), message


def check_map(method: str, found: Attribution, again: Attribution, shape: tuple[int, ...]) -> None:
    assert np.isfinite(found.values).all()
    assert np.abs(found.values).max() < SANE
    np.testing.assert_array_equal(found.values, again.values)
    if method in ATTENTIVE:
        assert found.values.shape == (shape[1] // 3, shape[2] // 3)
    else:
        assert found.values.shape == shape[1:]
    if not found.signed:
        assert found.values.min() >= 0
    assert found.resized().shape == shape[1:]
    for values in (found.error, found.channels, *found.arrays.values()):
        assert values is None or np.isfinite(values).all()


@pytest.mark.parametrize("examples", [12, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", METHODS)
def test_any_input_and_parameters_give_a_finite_map_or_a_clear_error(method: str, examples: int) -> None:
    fuzzed(method, examples)()
