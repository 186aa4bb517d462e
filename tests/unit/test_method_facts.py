"""What methods say of themselves is true: a map that can be negative is called signed, and every value has a unit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import numpy as np
import pytest

from tests.networks import ATTENTIVE, cheap
from tests.transformer_zoo import torchvision_vit
from tests.zoo import ZOO, picture
from xai_widget import Contrast, explain, methods
from xai_widget.binding import Binding
from xai_widget.explainers import Cost, Method, Saliency, build_method
from xai_widget.explainers.method import Randomisation
from xai_widget.explainers.parameters import parameters_of
from xai_widget.inputs import read_input
from xai_widget.page import method_payload
from xai_widget.session import Session

METHODS = [row.id for row in methods()]
MODELS = ["plain", "flat head", "shared modules", "train mode"]
# Parameters that change what a map means.
TELLING = ("relu", "pooling", "gradient", "statistic", "score", "reduce", "of", "regression", "path", "composite")


def session_for(method: str, model: str) -> Session:
    network = torchvision_vit().eval() if method in ATTENTIVE else ZOO[model]()
    side = 32 if method in ATTENTIVE else 16
    return Session(network, [read_input(picture(side=side), network)], Binding())


def variants(method: str) -> Iterator[dict[str, Any]]:
    """The cheap parameters, and every choice of a parameter that changes what a map means."""
    usual = dict(cheap(method, (3, 16, 16)))
    yield usual
    for parameter in parameters_of(type(build_method(method, {}))):
        if parameter.name in TELLING:
            choices = (True, False) if parameter.kind == "bool" else parameter.choices
            for choice in choices:
                yield {**usual, parameter.name: choice}


def assert_true(method: Method, session: Session) -> None:
    if method.refuses(session.facts) is not None:
        return
    for target in (0, 3):
        *_, last = session.run(method, [target])
        found = last[0]
        assert found.signed == method.signed, (method, target)
        assert method.signed or found.values.min() >= 0, (method, target)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_says_whether_its_maps_can_be_negative(method: str, model: str) -> None:
    assert_true(build_method(method, cheap(method, (3, 16, 16))), session_for(method, model))


@pytest.mark.parametrize("method", METHODS)
def test_it_says_so_for_every_choice_of_its_parameters(method: str) -> None:
    session = session_for(method, "plain")
    for params in variants(method):
        assert_true(build_method(method, params), session)


@pytest.mark.parametrize("method", METHODS)
def test_every_value_has_a_unit_of_a_few_words(method: str) -> None:
    for params in variants(method):
        unit = build_method(method, params).unit
        assert 3 < len(unit) <= 60, unit
        assert unit == unit.strip()


@pytest.mark.parametrize(
    ("method", "params", "unit"),
    [
        ("occlusion", {}, "fall of the logit"),
        ("occlusion", {"score": "probability", "reduce": "sum"}, "sum of each fall of the probability"),
        ("saliency", {}, "|∂ logit / ∂ input|"),
        ("grad_cam", {}, "activation × mean gradient"),
        ("grad_cam", {"pooling": "none", "gradient": "guided"}, "activation × guided gradient"),
        ("rise", {}, "mean probability where visible"),
        ("kernel_shap", {"score": "log_odds"}, "share of the log-odds"),
        ("noise_tunnel", {"of": "saliency", "statistic": "variance"}, "variance of |∂ logit / ∂ input|"),
        ("cam", {}, "logit at each position"),
    ],
)
def test_units(method: str, params: Mapping[str, Any], unit: str) -> None:
    assert build_method(method, params).unit == unit


@pytest.mark.parametrize(
    ("target", "unit"),
    [
        (1, "fall of the logit"),
        (Contrast(1, 2), "fall of the logit difference"),
        (lambda logits: logits.logsumexp(1), "fall of the score"),
    ],
)
def test_an_attribution_says_what_its_values_are_of_the_question_that_was_asked(target: Any, unit: str) -> None:
    found = explain(ZOO["plain"](), picture(), "occlusion", target=target, window=8)
    assert found.meta["unit"] == unit


def test_layers_that_were_fused_have_lost_their_unit() -> None:
    found = explain(ZOO["plain"](), picture(), "grad_cam", layer=["conv1", "conv2"])
    assert found.meta["unit"] == "share of each layer's maximum"


@pytest.mark.parametrize("method", METHODS)
def test_every_method_says_how_it_fares_when_weights_are_drawn_anew(method: str) -> None:
    verdict = type(build_method(method, {})).randomisation
    assert verdict in set(get_args(Randomisation)) - {"unknown"}


# -- a class from elsewhere -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Elsewhere:
    """A method that was written before there were units."""

    id: ClassVar[str] = "elsewhere"
    label: ClassVar[str] = "From elsewhere"
    access: ClassVar[str] = "gradient"
    class_specific: ClassVar[bool] = True
    summary: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    cites: ClassVar[str] = ""
    when: ClassVar[str] = ""
    evaluations: ClassVar[str] = ""
    uses_layer: ClassVar[bool] = False

    def refuses(self, facts: Any) -> None:
        del facts

    def refuses_layer(self, layer: Any, facts: Any) -> str:
        del layer, facts
        return "It reads none."

    def default_layer(self, facts: Any) -> None:
        del facts

    def automatic(self, facts: Any) -> dict[str, Any]:
        del facts
        return {}

    def cost(self, case: Any) -> Cost:
        return Saliency().cost(case)

    def estimates(self, case: Any) -> Any:
        return Saliency().estimates(case)


def test_a_class_that_does_not_say_all_this_works_and_is_not_given_a_verdict() -> None:
    other: Any = Elsewhere()
    assert isinstance(other, Method)
    session = session_for("saliency", "plain")
    payload = method_payload(session, other)
    assert (payload["signed"], payload["unit"], payload["randomisation"]) == (True, "", "unknown")
    found = explain(ZOO["plain"](), picture(), other, target=1)
    assert found.meta["unit"] == ""
    assert np.array_equal(found.values, explain(ZOO["plain"](), picture(), "saliency", target=1).values)
