"""torchcam 0.5: class activation maps."""

import pytest
from torch import Tensor
from torchcam.methods import CAM, GradCAM, GradCAMpp, LayerCAM, ScoreCAM

from tests.parity.truths import assert_near, at_layer, defect, grad_cam, grad_cam_pp, plain
from tests.zoo import picture
from xai_widget import Contrast, explain

TARGET = 2


def their_map(kind: type, layer: str, **keywords: object) -> Tensor:
    """Return the peer's map `[*grid]` of the small network, not normalised."""
    model = plain(inplace=False)
    with kind(model, layer, **keywords) as peer:
        scores = model(picture()[None].double())
        return peer(TARGET, scores, normalized=False)[0][0]


def test_cam() -> None:
    """Convention: no bias, no ReLU, not normalised. Tolerance: float32."""
    ours = explain(plain(), picture().double(), "cam", target=TARGET)
    assert_near(ours.values, their_map(CAM, "relu2", fc_layer="fc"))


def test_grad_cam() -> None:
    """Convention: after the ReLU, not normalised, no in-place ReLU behind the layer. Tolerance: float32."""
    ours = explain(plain(), picture().double(), "grad_cam", target=TARGET, layer="conv2")
    assert_near(ours.values, their_map(GradCAM, "conv2"))


def test_grad_cam_normalised() -> None:
    """Convention: least to most scaled to 0 ... 1. Tolerance: their 1e-8 beside the largest value (1e-3 here)."""
    model, x = plain(inplace=False), picture().double()
    with GradCAM(model, "conv2") as peer:
        theirs = peer(TARGET, model(x[None]))[0][0]
    ours = explain(model, x, "grad_cam", target=TARGET, layer="conv2").values
    assert_near((ours - ours.min()) / (ours.max() - ours.min()), theirs, 2e-5)


def test_grad_cam_behind_an_in_place_relu() -> None:
    """Convention: where an in-place ReLU follows, their layer is the rectified one. Tolerance: float32."""
    model, x = plain(inplace=True), picture().double()
    with GradCAM(model, "conv2") as peer:
        theirs = peer(TARGET, model(x[None]), normalized=False)[0][0]
    assert_near(explain(model, x, "grad_cam", target=TARGET, layer="relu2").values, theirs)
    before = explain(model, x, "grad_cam", target=TARGET, layer="conv2").values
    assert abs(before - theirs.numpy()).max() > 0.01 * abs(before).max()


def test_grad_cam_of_a_contrast() -> None:
    """Convention: logit 2 minus logit 4, and the ReLU, which ours then leaves out by itself. Tolerance: float32."""
    model, x = plain(inplace=False), picture().double()
    with GradCAM(model, "conv2") as peer:
        theirs = peer(scores=model(x[None]), targets=lambda logits: logits[2] - logits[4], normalized=False)[0][0]
    ours = explain(model, x, "grad_cam", target=Contrast(2, 4), layer="conv2", relu=True)
    assert_near(ours.values, theirs)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_layer_cam(layer: str) -> None:
    """Convention: after the ReLU, not normalised. Tolerance: float32."""
    ours = explain(plain(), picture().double(), "layer_cam", target=TARGET, layer=layer)
    assert_near(ours.values, their_map(LayerCAM, layer))


@pytest.mark.parametrize(("layer", "tolerance"), [("conv1", 1e-5), ("conv2", 1e-3)])
def test_score_cam(layer: str, tolerance: float) -> None:
    """Convention: softmax over channels of logits. Tolerance: float32 where the layer is as large as the input.

    Elsewhere 1e-3: they scale masks to 0 ... 1 before enlarging them, we (and the paper) scale the enlarged ones.
    """
    ours = explain(plain(), picture().double(), "score_cam", target=TARGET, layer=layer)
    assert_near(ours.values, their_map(ScoreCAM, layer), tolerance)


@defect("D1", "Grad-CAM++ never divides: its weights are sums of relu(g)³")
def test_grad_cam_pp() -> None:
    """Convention: pooled linear head, where their index-mixed sum makes no difference. Tolerance: 1e-5, their 1e-8."""
    model, x = plain(inplace=False, scale=100.0), picture().double()
    with GradCAMpp(model, "relu2") as peer:
        theirs = peer(TARGET, model(x[None]), normalized=False)[0][0]
    assert_near(theirs, grad_cam_pp(*at_layer(model, x, TARGET, "relu2")), 1e-5)


def test_their_grad_cam_is_the_truth_too() -> None:
    """Convention: as above, against plain autograd. Tolerance: 1e-9 of float64."""
    truth = grad_cam(*at_layer(plain(), picture().double(), TARGET, "conv2")).clamp(min=0)
    assert_near(their_map(GradCAM, "conv2"), truth, 1e-9)
