"""MONAI 1.6: class activation maps, gradients, occlusion sensitivity."""

import pytest
import torch
from monai.visualize import (
    CAM,
    GradCAM,
    GradCAMpp,
    GuidedBackpropGrad,
    OcclusionSensitivity,
    SmoothGrad,
    VanillaGrad,
)
from torch import Tensor, nn

from tests.parity.truths import (
    Guided,
    assert_near,
    at_layer,
    defect,
    grad_cam,
    grad_cam_pp,
    input_gradient,
    plain,
    volume,
)
from tests.zoo import Flat, Scan, Volumetric, picture, seeded
from tests.zoo import volume as scan
from xai_widget import explain

TARGET = 2
pytestmark = pytest.mark.filterwarnings("ignore:::monai")


def test_grad_cam() -> None:
    """Convention: one input, logits, after the ReLU, at the layer's size, not flipped. Tolerance: float32."""
    model, x = plain(inplace=False), picture().double()
    ours = explain(model, x, "grad_cam", target=TARGET, layer="conv2").values
    assert_near(ours, GradCAM(model, "conv2").compute_map(x[None], class_idx=TARGET)[0, 0])


def test_grad_cam_of_a_volume() -> None:
    """Convention: as in two dimensions. Tolerance: float32."""
    model, x = seeded(Volumetric).eval().double(), volume()
    ours = explain(model, x, "grad_cam", target=1, layer="conv2").values
    assert_near(ours, GradCAM(model, "conv2").compute_map(x[None], class_idx=1)[0, 0])


SIZE = (10, 12, 14)


def test_grad_cam_of_a_volume_of_unequal_sides() -> None:
    """Convention: as in two dimensions, also where their map is enlarged (trilinear). Tolerance: float32."""
    model, x = seeded(Volumetric).eval().double(), scan(SIZE)
    ours = explain(model, x, "grad_cam", target=1, layer="conv2")
    assert ours.values.shape == (5, 6, 7)
    assert_near(ours.values, GradCAM(model, "conv2").compute_map(x[None], class_idx=1)[0, 0])


def test_cam_of_a_volume() -> None:
    """Convention: theirs carries the class' bias at every position, ours has none. Tolerance: float32."""
    model, x = seeded(Scan).eval().double(), scan(SIZE)
    theirs = CAM(model, "relu2", "fc").compute_map(x[None], class_idx=[1])[0, 0]
    assert_near(explain(model, x, "cam", target=1).values, theirs - model.fc.bias[1])


def test_grad_cam_pp_of_a_volume() -> None:
    """Convention: theirs / max, large gradients, y = 0, pooled linear head. Tolerance: their 1e-7 beside 2g²."""
    model, x = seeded(Scan).eval().double(), scan(SIZE)
    model.relu1.inplace = model.relu2.inplace = False
    with torch.no_grad():
        model.fc.weight.mul_(1e4)
        model.fc.bias.sub_(model(x[None])[0])
    theirs = GradCAMpp(model, "relu2").compute_map(x[None], class_idx=1)[0, 0]
    ours = explain(model, x, "grad_cam_pp", target=1, layer="relu2").values
    assert_near(ours / ours.max(), theirs / theirs.max(), 4e-6)


def test_cam() -> None:
    """Convention: theirs carries the class' bias at every position, ours has none. Tolerance: float32."""
    model, x = plain(), picture().double()
    theirs = CAM(model, "relu2", "fc").compute_map(x[None], class_idx=[TARGET])[0, 0]
    assert_near(explain(model, x, "cam", target=TARGET).values, theirs - model.fc.bias[TARGET])


def grad_cam_pp_up_to_scale(scale: float) -> tuple[Tensor, Tensor]:
    """Return theirs and equation 19, where their index-mixed sum and factor exp(y) make no difference, each / max.

    Behind pooling and a linear layer the gradient is one number a channel, so that Σ A·g³ = g³·Σ A; and the bias is
    set so that y is 0.
    """
    model, x = plain(inplace=False, scale=scale), picture().double()
    with torch.no_grad():
        model.fc.bias.sub_(model(x[None])[0])
    theirs = GradCAMpp(model, "relu2").compute_map(x[None], class_idx=TARGET)[0, 0]
    truth = grad_cam_pp(*at_layer(model, x, TARGET, "relu2"))
    return theirs / theirs.max(), truth / truth.max()


def test_grad_cam_pp() -> None:
    """Convention: theirs / max, large gradients, y = 0, pooled linear head. Tolerance: their 1e-7 beside 2g²."""
    theirs, truth = grad_cam_pp_up_to_scale(1e4)
    assert_near(theirs, truth, 1e-6)
    model, x = plain(scale=1e4), picture().double()
    ours = explain(model, x, "grad_cam_pp", target=TARGET, layer="relu2").values
    assert_near(ours / ours.max(), theirs, 4e-6)


@defect("D28", "Grad-CAM++'s epsilon dominates for the small gradients of a pooled layer")
def test_grad_cam_pp_of_small_gradients() -> None:
    """Convention: theirs / max, y = 0, pooled linear head. Tolerance: one percent."""
    theirs, truth = grad_cam_pp_up_to_scale(1e-3)
    assert_near(theirs, truth, 0.01)


@defect("D2", "in a batch, every input gets the gradient of the sum of all classes asked about")
def test_grad_cam_of_a_batch_with_several_classes() -> None:
    """Convention: as for one input. Tolerance: 1e-9 of float64."""
    model, x = plain(inplace=False), torch.stack([picture(0), picture(1)]).double()
    theirs = GradCAM(model, "conv2").compute_map(x, class_idx=torch.tensor([0, 3]))
    truth = torch.stack([grad_cam(*at_layer(model, row, c, "conv2")) for row, c in zip(x, (0, 3), strict=True)])
    assert_near(theirs[:, 0], truth.clamp(min=0), 1e-9)


@defect("D2", "Grad-CAM++ of a batch multiplies gradients by a matrix of scores", RuntimeError)
def test_grad_cam_pp_of_a_batch() -> None:
    """Convention: as for one input. Tolerance: shape only."""
    model, x = plain(inplace=False), torch.stack([picture(0), picture(1)]).double()
    assert GradCAMpp(model, "conv2").compute_map(x, class_idx=torch.tensor([0, 3])).shape == (2, 1, 8, 8)


@defect("D3", "hooks are never removed from the model")
def test_no_hook_is_left() -> None:
    """Convention: a model that was explained is as it was. Tolerance: none."""
    model = plain(inplace=False)
    GradCAM(model, "conv2").compute_map(picture()[None].double(), class_idx=TARGET)
    assert not model.conv2._forward_hooks
    assert not model.conv2._backward_hooks


@defect("D3", "a convolution followed by an in-place ReLU raises", RuntimeError)
def test_grad_cam_in_front_of_an_in_place_relu() -> None:
    """Convention: the convolution's own output. Tolerance: 1e-9 of float64."""
    model, x = plain(inplace=True), picture().double()
    theirs = GradCAM(model, "conv2").compute_map(x[None], class_idx=TARGET)[0, 0]
    assert_near(theirs, grad_cam(*at_layer(model, x, TARGET, "conv2")).clamp(min=0), 1e-9)


@defect("D3", "the in-place flag of the layer is switched off for good")
def test_the_in_place_flag_is_kept() -> None:
    """Convention: a model that was explained is as it was. Tolerance: none."""
    model = plain(inplace=True)
    GradCAM(model, "relu2").compute_map(picture()[None].double(), class_idx=TARGET)
    assert model.relu2.inplace


@pytest.mark.parametrize(("window", "overlap", "stride"), [(4, 0.5, 2), (5, 0.4, 3), (4, 0.0, 4)])
@pytest.mark.parametrize("fill", [0.0, 0.7])
def test_occlusion_of_logits(window: int, overlap: float, stride: int, fill: float) -> None:
    """Convention: constant cover; last window moved inside; theirs are mean covered logits, ours drops.

    Tolerance: float32, which they blend in.
    """
    model, x = plain(), picture().double()
    peer = OcclusionSensitivity(model, window, mode=fill, overlap=overlap, activate=False, verbose=False)
    theirs = model(x[None])[0, TARGET] - peer(x[None])[0][0, TARGET]
    ours = explain(model, x, "occlusion", target=TARGET, window=window, stride=stride, fill=fill)
    assert_near(ours.values, theirs, 3e-5)


def test_occlusion_of_probabilities_in_a_volume() -> None:
    """Convention: softmax as the activation, passed by hand; theirs covered, ours drops. Tolerance: float32."""
    model, x = seeded(Volumetric).eval().double(), volume()
    peer = OcclusionSensitivity(
        model, 4, mode=0.0, overlap=0.5, activate=lambda logits: logits.softmax(1), verbose=False
    )
    theirs = model(x[None]).softmax(1)[0, 1] - peer(x[None])[0][0, 1]
    ours = explain(model, x, "occlusion", target=1, window=4, stride=2, score="probability")
    assert_near(ours.values, theirs, 3e-5)


@pytest.mark.parametrize(("window", "overlap", "stride"), [(4, 0.5, 2), (7, 0.28, 5)])
def test_occlusion_of_a_volume_of_unequal_sides(window: int, overlap: float, stride: int) -> None:
    """Convention: constant cover; last window moved inside; theirs are mean covered logits, ours drops.

    Tolerance: float32, which they blend in.
    """
    model, x = seeded(Volumetric).eval().double(), scan(SIZE)
    peer = OcclusionSensitivity(model, window, mode=0.3, overlap=overlap, activate=False, verbose=False)
    theirs = model(x[None])[0, 1] - peer(x[None])[0][0, 1]
    ours = explain(model, x, "occlusion", target=1, window=window, stride=stride, fill=0.3)
    assert_near(ours.values, theirs, 3e-5)


@defect("D4", "sigmoid instead of softmax wherever the input has one channel")
def test_occluded_probabilities_of_a_grey_input_sum_to_one() -> None:
    """Convention: probabilities of all classes of a multi-class model. Tolerance: 1e-6."""
    peer = OcclusionSensitivity(seeded(Volumetric).eval().double(), 4, mode=0.0, overlap=0.0, verbose=False)
    assert float(peer(volume()[None])[0].sum(1).sub(1).abs().max()) < 1e-6


def test_vanilla_gradient() -> None:
    """Convention: signed, a fresh tensor each call. Tolerance: float32."""
    model, x = plain(), picture().double()
    theirs = VanillaGrad(model)(x[None].clone(), index=TARGET)[0]
    assert_near(explain(model, x, "saliency", target=TARGET).channels, theirs)


def test_guided_backprop() -> None:
    """Convention: ReLUs called relu; signed, at the input. Tolerance: float32."""
    model, x = plain(inplace=False, build=Flat), picture().double()
    model.fc[2] = nn.Identity()  # a ReLU that is called "2"
    ours = explain(model, x, "guided_backprop", target=TARGET).channels
    assert_near(ours, GuidedBackpropGrad(model)(x[None].clone(), index=TARGET)[0])


def test_smooth_grad_with_the_same_noise() -> None:
    """Convention: magnitude=False, spread 0.15 of the range, their draws given to ours. Tolerance: float32."""
    model, x = plain(build=Flat), picture().double()
    torch.manual_seed(0)
    spread = 0.15 * float(x.max() - x.min())
    noise = torch.stack([torch.normal(0, spread, size=(3, 16, 16)) for _ in range(8)])
    ours = explain(model, x, "smooth_grad", target=TARGET, noise=noise)
    torch.manual_seed(0)
    peer = SmoothGrad(model, n_samples=8, magnitude=False, verbose=False)
    assert_near(ours.channels, peer(x[None].clone(), index=TARGET)[0])


@defect("D5", "asked twice of one tensor, the gradient doubles")
def test_vanilla_gradient_twice() -> None:
    """Convention: signed. Tolerance: 1e-9 of float64."""
    model, x = plain(), picture().double()
    peer, given = VanillaGrad(model), x[None].clone()
    peer(given, index=TARGET)
    assert_near(peer(given, index=TARGET)[0], input_gradient(model, x, TARGET), 1e-9)


@defect("D5", "the input is left asking for gradients")
def test_vanilla_gradient_leaves_the_input() -> None:
    """Convention: what is passed is as it was. Tolerance: none."""
    given = picture()[None].double()
    VanillaGrad(plain())(given, index=TARGET)
    assert not given.requires_grad


class Act(nn.Module):
    """A network one of whose ReLUs is not called relu."""

    def __init__(self, relu: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(3, 6, 3), relu
        self.conv2, self.act = nn.Conv2d(6, 6, 3), act
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.act(self.conv2(self.relu1(self.conv1(x)))).mean((2, 3)))


@defect("D5", "guided backpropagation leaves every ReLU plain whose name does not contain 'relu'")
def test_guided_backprop_of_a_relu_by_another_name() -> None:
    """Convention: signed, at the input. Tolerance: 1e-9 of float64."""
    model = seeded(lambda: Act(nn.ReLU(), nn.ReLU())).double()
    guided = seeded(lambda: Act(Guided(), Guided())).double()
    x = picture().double()
    truth = input_gradient(guided, x, TARGET)
    assert_near(GuidedBackpropGrad(model)(x[None].clone(), index=TARGET)[0], truth, 1e-9)


@defect("D6", "the magnitude is sqrt(Σg²)/n, which shrinks with √n, not sqrt(Σg²/n)")
def test_smooth_grad_of_a_linear_model_is_its_gradient() -> None:
    """Convention: root mean square over the noisy inputs. Tolerance: 1e-5, float32."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    x = picture(0, 2)
    theirs = SmoothGrad(model, n_samples=16, verbose=False)(x[None].clone(), index=TARGET)[0]
    assert_near(theirs, input_gradient(model, x, TARGET).abs(), 1e-5)
