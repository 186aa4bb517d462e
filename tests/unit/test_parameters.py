"""Parameters of methods: what values they take, what they hold, and arrays among them."""

import copy
import pickle
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
import torch

from tests.zoo import Plain, picture, seeded
from xai_widget import Attribution, XaiWidget, explain
from xai_widget.arrays import Array
from xai_widget.explainers import Explainer, GradCam, IntegratedGradients, NoiseTunnel, Param, SmoothGrad, parameters_of
from xai_widget.page import wire_params


@dataclass(frozen=True)
class Sample(Explainer):
    """A method with a parameter of every kind."""

    id: ClassVar[str] = "sample"
    label: ClassVar[str] = "Sample"

    start: Annotated[Literal["zero", "mean"] | float | Array, Param("Start", "help", -1.0, 1.0)] = "zero"
    noise: Annotated[Array | None, Param("Noise", "help")] = None
    plain: Annotated[Array, Param("Plain", "help")] = Array([1])  # noqa: RUF009 - it never changes
    word: Annotated[Literal["a", "b"], Param("Word", "help")] = "a"
    inner: Annotated[Literal["grad_cam"] | GradCam, Param("Inner", "help")] = "grad_cam"
    count: Annotated[int, Param("Count", "help", 1, 9)] = 3
    share: Annotated[float | None, Param("Share", "help", 0.0, 1.0)] = None
    fast: Annotated[bool, Param("Fast", "help")] = False


KINDS = {parameter.name: parameter for parameter in parameters_of(Sample)}


def test_kinds_are_read_from_annotations() -> None:
    assert {name: parameter.kind for name, parameter in KINDS.items()} == {
        "start": "choice",
        "noise": "array",
        "plain": "array",
        "word": "choice",
        "inner": "choice",
        "count": "int",
        "share": "float",
        "fast": "bool",
    }
    assert [name for name, parameter in KINDS.items() if parameter.arrays] == ["start", "noise", "plain"]
    assert [name for name, parameter in KINDS.items() if parameter.optional] == ["noise", "share"]
    assert [name for name, parameter in KINDS.items() if parameter.numeric] == ["start"]
    assert KINDS["start"].choices == ("zero", "mean")
    assert KINDS["inner"].objects == (GradCam,)
    assert not any(parameter.objects for name, parameter in KINDS.items() if name != "inner")


# -- arrays ---------------------------------------------------------------------------------------------------------

NUMBERS = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("name", ["start", "noise", "plain"])
@pytest.mark.parametrize(
    "given",
    [
        NUMBERS,
        tuple(map(tuple, NUMBERS)),
        np.array(NUMBERS),
        torch.tensor(NUMBERS, dtype=torch.float64),
        torch.tensor(NUMBERS, dtype=torch.float64, requires_grad=True),
        Array(NUMBERS),
    ],
    ids=["list", "tuple", "array", "tensor", "tensor with gradient", "Array"],
)
def test_array_likes_become_arrays(name: str, given: Any) -> None:
    held = getattr(Sample(**{name: given}), name)
    assert held == Array(NUMBERS)
    assert held.values.tolist() == NUMBERS


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_tensors_of_any_type(dtype: torch.dtype) -> None:
    assert Array(torch.tensor([0, 1, 1]).to(dtype)).values.tolist() == [0, 1, 1]


def test_an_array_is_a_copy_that_cannot_be_written() -> None:
    source = np.array(NUMBERS)
    held = Array(source)
    source[0, 0] = 99
    assert held.values[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        held.values[0, 0] = 99


def test_arrays_are_equal_by_content_shape_and_type() -> None:
    same, other = Array(np.array(NUMBERS)), Array([[1.0, 2.0], [3.0, 4.5]])
    assert Array(NUMBERS) == same
    assert hash(Array(NUMBERS)) == hash(same)
    assert Array(NUMBERS) != other
    assert Array([1.0, 2.0]) != Array([[1.0, 2.0]])
    assert Array([1.0, 2.0]) != Array(np.array([1.0, 2.0], np.float32))
    assert Array(NUMBERS) != NUMBERS
    assert Array(np.array(NUMBERS).T) == Array([[1.0, 3.0], [2.0, 4.0]])
    assert len({Array(NUMBERS), same, other}) == 2


def test_arrays_survive_copies_and_pickles() -> None:
    held = Array(NUMBERS)
    assert copy.deepcopy(held) == held
    assert pickle.loads(pickle.dumps(held)) == held  # noqa: S301 - our own bytes


def test_what_is_no_number_is_no_array() -> None:
    for given in (["a", "b"], [1 + 2j], [None, 1]):
        with pytest.raises(TypeError, match="Expected an array of numbers"):
            Array(given)


def test_methods_with_arrays_are_equal_and_hashable() -> None:
    one, two = SmoothGrad(noise=np.ones((2, 3, 4, 4))), SmoothGrad(noise=torch.ones(2, 3, 4, 4, dtype=torch.float64))
    assert one == two
    assert hash(one) == hash(two)
    assert one != SmoothGrad(noise=np.zeros((2, 3, 4, 4)))


@pytest.mark.parametrize(
    ("name", "given", "error", "match"),
    [
        ("start", "zeros", ValueError, r"'start'.*'zero', 'mean' or a number or an array, got 'zeros'.*mean 'zero'"),
        ("start", 2, ValueError, r"-1.0 \.\.\. 1.0, got 2"),
        ("start", float("nan"), ValueError, "got nan"),
        ("start", None, ValueError, "got None"),
        ("noise", "loud", TypeError, r"'noise' must be an array or None \(auto\), got 'loud'"),
        ("noise", 3.0, TypeError, "must be an array"),
        ("plain", None, TypeError, "must be an array, got None"),
        ("word", [1, 2], ValueError, "one of 'a', 'b', got"),
        ("word", np.array([1, 2]), ValueError, "one of 'a', 'b', got"),
        ("count", [1], TypeError, "a whole number"),
        ("count", 2.5, TypeError, "a whole number"),
        ("count", float("inf"), TypeError, "a whole number"),
        ("count", float("nan"), TypeError, "a whole number"),
        ("count", True, TypeError, "a whole number"),
        ("count", 0, ValueError, r"1 \.\.\. 9, got 0"),
        ("share", np.ones(2), TypeError, r"a number or None \(auto\)"),
        ("share", float("inf"), ValueError, r"0.0 \.\.\. 1.0 or None \(auto\), got inf"),
        ("fast", 1, TypeError, "True or False"),
        ("fast", np.ones(2), TypeError, "True or False"),
        ("inner", "gradcam", ValueError, r"one of 'grad_cam' or a GradCam object, got 'gradcam'.*mean 'grad_cam'"),
        ("inner", IntegratedGradients(), ValueError, "a GradCam object, got IntegratedGradients"),
        ("inner", GradCam, ValueError, "a GradCam object, got <class"),
    ],
)
def test_other_values_are_told(name: str, given: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Sample(**{name: given})


@pytest.mark.parametrize(
    ("name", "given", "held"),
    [
        ("start", "mean", "mean"),
        ("start", 1, 1.0),
        ("start", np.float32(0.5), 0.5),
        ("start", torch.tensor(0.5), 0.5),
        ("count", 4.0, 4),
        ("count", np.int64(4), 4),
        ("count", torch.tensor(4), 4),
        ("share", None, None),
        ("share", 1, 1.0),
        ("inner", GradCam(relu=False), GradCam(relu=False)),
    ],
)
def test_values_are_held_in_the_fields_own_type(name: str, given: Any, held: Any) -> None:
    found = getattr(Sample(**{name: given}), name)
    assert found == held
    assert type(found) is type(held)


# -- arrays and methods as parameters, further on -------------------------------------------------------------------


def test_on_the_wire_arrays_and_methods_are_named() -> None:
    wired = wire_params({"noise": Array(NUMBERS), "of": GradCam(relu=True), "samples": 3, "seed": None})
    assert wired["noise"] == {"array": "array of shape 2x2, float64"}
    assert wired["of"]["array"].startswith("GradCam(relu=True")
    assert (wired["samples"], wired["seed"]) == (3, None)


def test_an_attribution_keeps_them_and_its_file_their_names(tmp_path: Any) -> None:
    model, noise = seeded(Plain).eval(), np.zeros((2, 3, 16, 16))
    of = IntegratedGradients(steps=2)
    found = explain(model, picture(), "noise_tunnel", of=of, noise=noise)
    assert found.params["noise"] == Array(noise)
    assert found.params["of"] == of
    loaded = Attribution.load(found.save(tmp_path / "a.npz"))
    assert loaded.params["noise"] == "array of shape 2x3x16x16, float64"
    assert loaded.params["of"].startswith("IntegratedGradients(steps=2")


def test_the_widget_holds_them_while_the_page_knows_their_names() -> None:
    model, noise = seeded(Plain).eval(), np.zeros((2, 3, 16, 16))
    of = IntegratedGradients(steps=2)
    widget = XaiWidget(model, picture(), method="noise_tunnel", params={"of": of, "noise": noise, "sigma": 0})
    try:
        state = widget.get_state("params")["params"]
        assert set(state) == {"of", "noise", "sigma"}
        assert state["noise"] == {"array": "array of shape 2x3x16x16, float64"}
        widget.set_state({"params": {**state, "sigma": 0.5}})  # the page changes another parameter
        assert widget.params["of"] == of
        assert widget.params["noise"] == Array(noise)
        assert widget.params["sigma"] == 0.5
        assert widget.explain().params == vars(NoiseTunnel(of=of, noise=noise, sigma=0.5))
    finally:
        widget.close()
