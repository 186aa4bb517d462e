"""CAM against the head's own weights, and what it refuses."""

import pytest
import torch
from torch import Tensor, nn

from tests.cams import activations_and_gradients
from tests.zoo import CLASSES, Flat, Plain, picture, seeded, trained_statistics
from xai_widget import explain


def test_cam_is_the_head_read_at_every_position_without_bias() -> None:
    model = trained_statistics(seeded(Plain)).eval()
    x = picture()
    with torch.no_grad():
        a = model.features(x[None])[0]
        expected = torch.einsum("k,kij->ij", model.fc.weight[3], a)
    found = explain(model, x, "cam", target=3)
    assert found.layer == "relu2"
    assert found.signed
    assert found.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-6)
    with torch.no_grad():
        logit = model(x[None])[0, 3]
    assert found.values.mean() + float(model.fc.bias[3].detach()) == pytest.approx(float(logit), abs=1e-5)


def test_cam_equals_grad_cam_times_the_positions_on_a_linear_head() -> None:
    model = trained_statistics(seeded(Plain)).eval()
    cam = explain(model, picture(), "cam", target=0).values
    grad_cam = explain(model, picture(), "grad_cam", target=0, relu=False).values
    assert cam == pytest.approx(grad_cam * grad_cam.size, rel=1e-4, abs=1e-6)


def test_cam_refuses_a_flat_head_and_names_what_works() -> None:
    with pytest.raises(ValueError, match=r"global average pooling.*'grad_cam'.*'layer_cam'.*models\.with_gap_head"):
        explain(seeded(Flat).eval(), picture(), "cam")


class Rectified(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU())
        self.classifier = nn.Conv2d(6, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.body(x)).relu().mean((2, 3))


def test_cam_reads_a_pointwise_head_and_differs_from_grad_cam_behind_its_relu() -> None:
    model = seeded(Rectified).eval()
    with torch.no_grad():
        a = model.body(picture()[None])[0]
        expected = torch.einsum("k,kij->ij", model.classifier.weight[1, :, 0, 0], a)
    cam = explain(model, picture(), "cam", target=1)
    assert cam.values == pytest.approx(expected.numpy(), rel=1e-5, abs=1e-6)
    a, g = activations_and_gradients(model, picture(), 1, "body")
    grad_cam = explain(model, picture(), "grad_cam", target=1, layer="body", relu=False).values
    assert grad_cam == pytest.approx(torch.einsum("k,kij->ij", g.mean((1, 2)), a).numpy(), rel=1e-5, abs=1e-7)
    assert cam.values != pytest.approx(grad_cam * grad_cam.size, rel=1e-2)


def test_cam_refuses_an_early_layer() -> None:
    with pytest.raises(ValueError, match="feeds the head: 'relu2'"):
        explain(seeded(Plain).eval(), picture(), "cam", layer="conv1")


@pytest.mark.parametrize("method", ["cam", "grad_cam", "layer_cam", "score_cam", "integrated_grad_cam"])
def test_a_network_without_a_grid_is_refused_by_what_it_lacks(method: str) -> None:
    model = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 8), nn.ReLU(), nn.Linear(8, CLASSES))).eval()
    with pytest.raises(ValueError, match=r"output lies on a grid.*none was recognised in Sequential.*occlusion"):
        explain(model, picture(), method, dims=2)
