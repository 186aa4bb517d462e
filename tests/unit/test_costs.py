"""Model evaluations: what a method says it costs is what is counted, and what is known already costs nothing."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from tests.networks import ATTENTIVE, NETWORKS, cheap
from tests.transformer_zoo import HubViT
from tests.zoo import ZOO, seeded
from xai_widget import Contrast, methods
from xai_widget.binding import Binding
from xai_widget.explainers import Cost, Method, build_method
from xai_widget.inputs import read_input
from xai_widget.session import Session

METHODS = [row.id for row in methods()]
# A head that is linear in the layer's mean (gradients in closed form), one that is not; two transformers.
MODELS: dict[str, Callable[[], Any]] = {"linear head": ZOO["plain"], "deep head": ZOO["flat head"]}
TRANSFORMERS: dict[str, Callable[[], Any]] = {
    "linear head": NETWORKS["vit"].model,
    "deep head": lambda: seeded(lambda: HubViT("eager", prefix=2, teacher=True)).eval(),
}
PAIRS = [(method, head) for method in METHODS for head in MODELS if (method, head) != ("cam", "deep head")]
# Known only when the inputs have been cut into superpixels.
FOUND_OUT = {"kernel_shap"}


class Counted(NamedTuple):
    forwards: int
    backwards: int


def inputs(method: str, head: str, seed: int) -> Tensor:
    """An input with structure: superpixels find something."""
    side = 32 if method in ATTENTIVE and head == "linear head" else 16
    coarse = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")


def given(method: str, head: str, rows: int) -> tuple[Session, Method]:
    model = (TRANSFORMERS if method in ATTENTIVE else MODELS)[head]()
    session = Session(model, [read_input(inputs(method, head, seed), model) for seed in range(rows)], Binding())
    return session, build_method(method, cheap(method, (3, 16, 16)))


def counted(session: Session, method: Method, target: Any) -> Counted:
    *_, last = session.run(method, [target] * len(session.inputs))
    return Counted(last[0].meta["forwards"], last[0].meta["backwards"])


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(("method", "head"), PAIRS)
def test_the_cost_is_what_is_counted_where_nothing_is_known(method: str, head: str, rows: int) -> None:
    session, chosen = given(method, head, rows)
    others = torch.cat(
        [inputs(method, head, 10 + row) for row in range(rows)]
    )  # the session knows its own inputs' logits
    case = session.case(chosen, [1] * rows).with_inputs(others)
    cost = chosen.cost(case)
    assert cost.exact == (method not in FOUND_OUT)
    assert case.runner.tally.forwards == 0
    *_, last = chosen.estimates(case)
    found = Cost(case.runner.tally.forwards, case.runner.tally.backwards)
    assert last.fraction == 1
    assert found.forwards >= rows
    assert (cost if cost.exact else chosen.cost(case)) == found


# What the same question costs a second time, and another question about the same inputs, of two inputs.
NOTHING = Counted(0, 0)
EACH_TIME = {  # a gradient at the input belongs to one target, and is not kept
    "saliency": Counted(2, 2), "input_x_gradient": Counted(2, 2), "integrated_gradients": Counted(6, 6),
    "interior_gradients": Counted(6, 6), "smooth_grad": Counted(6, 6), "noise_tunnel": Counted(6, 6),
    "guided_backprop": Counted(2, 2), "deconvolution": Counted(2, 2), "guided_grad_cam": Counted(2, 2),
    "lrp": Counted(2, 2),
}  # fmt: skip
# Behind the layer, where the head is not linear: a backward for the new target, and no forward.
BACKWARD = {
    "grad_cam": Counted(0, 2), "grad_cam_pp": Counted(0, 2), "layer_cam": Counted(0, 2),
    "integrated_grad_cam": Counted(0, 6), "guided_grad_cam": Counted(2, 4),
}  # fmt: skip
OTHER_TARGET = {
    "linear head": {**EACH_TIME, "transformer_attribution": Counted(0, 2)},
    "deep head": {**EACH_TIME, **BACKWARD, "transformer_attribution": Counted(0, 2)},
}


@pytest.mark.parametrize(("method", "head"), PAIRS)
def test_the_same_question_again_costs_what_was_not_kept(method: str, head: str) -> None:
    session, chosen = given(method, head, 2)
    assert counted(session, chosen, 1).forwards > 0
    assert counted(session, chosen, 1) == EACH_TIME.get(method, NOTHING)


@pytest.mark.parametrize("target", [3, Contrast(1, 3), lambda logits: logits[:, :2].logsumexp(1)])
@pytest.mark.parametrize(("method", "head"), PAIRS)
def test_another_question_costs_no_forward_where_scores_or_activations_are_kept(
    method: str, head: str, target: Any
) -> None:
    session, chosen = given(method, head, 2)
    counted(session, chosen, 1)
    assert counted(session, chosen, target) == OTHER_TARGET[head].get(method, NOTHING)


@pytest.mark.parametrize("method", ["grad_cam_pp", "layer_cam", "cam", "guided_grad_cam", "score_cam"])
def test_methods_that_read_one_layer_share_its_forward(method: str) -> None:
    session, chosen = given(method, "linear head", 1)
    alone = counted(session, chosen, 1)
    session, chosen = given(method, "linear head", 1)
    counted(session, build_method("grad_cam", {}), 1)
    assert counted(session, chosen, 1).forwards == alone.forwards - 1
