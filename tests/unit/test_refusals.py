"""Which method refuses which network: written down, so that a change is noticed, and each with a reason and a way on."""

import itertools
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.networks import ATTENTIVE, NETWORKS, RECTIFIED, REFUSED
from tests.zoo import ZOO, picture
from xai_widget import explain, methods
from xai_widget.catalogue import MethodRow

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
LABELS = {row.id: row.label for row in methods()}
LAYERED = {"cam", "grad_cam", "grad_cam_pp", "integrated_grad_cam", "layer_cam", "score_cam"}
DIFFERENTIATED = {"input_x_gradient", "integrated_gradients", "interior_gradients", "lrp", "saliency", "smooth_grad"}


def differentiable(x: Tensor) -> Tensor:
    return ZOO["plain"]()(x)


@torch.no_grad()
def black_box(x: Tensor) -> Tensor:
    return ZOO["plain"]()(x)


def scripted() -> Any:
    return torch.jit.trace(ZOO["plain"](), picture()[None])


# Others than torch.nn.Modules: what they are, the name that a message gives them, and what refuses them.
CALLABLES: dict[str, tuple[Callable[[], Any], str, set[str]]] = {
    "a differentiable function": (lambda: differentiable, "differentiable", LAYERED | ATTENTIVE | {"guided_grad_cam"}),
    "a black box": (
        lambda: black_box,
        "black_box",
        LAYERED | ATTENTIVE | RECTIFIED | DIFFERENTIATED | {"noise_tunnel"},
    ),
    "a traced module": (scripted, "Plain", LAYERED | ATTENTIVE | RECTIFIED),
}
EVERYTHING = [*NETWORKS, *CALLABLES]


@cache
def looked_at(name: str) -> dict[str, MethodRow]:
    if name in CALLABLES:
        return {row.id: row for row in methods(CALLABLES[name][0](), picture())}
    net = NETWORKS[name]
    return {row.id: row for row in methods(net.model(), net.picture(), forward=net.forward)}


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_methods_that_refuse_a_network_are_these(name: str) -> None:
    expected = REFUSED[name] if name in REFUSED else CALLABLES[name][2]
    assert {method for method, row in looked_at(name).items() if not row.works} == expected


@pytest.mark.parametrize(("name", "method"), list(itertools.product(EVERYTHING, LABELS)))
def test_a_refusal_is_a_sentence_that_names_method_and_model_and_a_method_that_works(name: str, method: str) -> None:
    rows = looked_at(name)
    reason = rows[method].why_not
    if rows[method].works:
        assert reason is None
        return
    assert reason is not None
    assert reason.startswith(LABELS[method])
    model = CALLABLES[name][1] if name in CALLABLES else NETWORKS[name].named
    assert model in reason
    named = [word for word in re.findall(r"'(\w+)'", reason) if word in rows]
    assert named, reason
    assert rows[named[0]].works, reason
    assert reason.endswith(".")


@pytest.mark.parametrize(
    ("name", "method"), [("vgg", "cam"), ("swin", "attention_rollout"), ("convnext", "lrp"), ("vit", "guided_backprop")]
)
def test_explain_refuses_with_the_same_words(name: str, method: str) -> None:
    net = NETWORKS[name]
    with pytest.raises(ValueError, match="^" + re.escape(looked_at(name)[method].why_not)):
        explain(net.model(), net.picture(), method)


def test_relevance_says_where_it_met_a_part_that_it_cannot_look_into() -> None:
    """Only the pass itself shows that a part of a model is scripted."""
    with pytest.raises(
        ValueError, match=r"Relevance cannot pass 'Addmm', met in the forward of Plain.*'occlusion' work"
    ):
        explain(scripted(), picture(), "lrp")
