"""What one measured pass tells about real architectures (with random weights: structure is what counts here)."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from tests.zoo import CLASSES, Plain, Shared, Volumetric, picture, seeded
from xai_widget import explain, layers, methods
from xai_widget.binding import Binding
from xai_widget.engine import Facts
from xai_widget.inputs import read_input
from xai_widget.session import Session


def facts_of(model: Callable[..., object], side: int = 64, **binding: object) -> Facts:
    session = Session(model, [read_input(picture(side=side), model, dims=2)], Binding(**binding))
    return session.facts


ARCHITECTURES = {
    "resnet18": ("layer4", True),
    "densenet121": ("features", False),  # a ReLU stands between the layer and the pooling
    "mobilenet_v2": ("features", True),
    "mobilenet_v3_small": ("features", False),  # two linear layers
    "efficientnet_b0": ("features", True),
    "squeezenet1_1": ("features", False),  # a ReLU behind the 1x1 convolution
    "shufflenet_v2_x0_5": ("conv5", True),
    "convnext_tiny": ("features", False),  # a LayerNorm behind the pooling
    "swin_t": ("permute", True),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_default_layer_and_a_linear_head_are_found(name: str) -> None:
    model = seeded(lambda: torchvision.models.get_model(name, weights=None)).eval()
    layer, linear = ARCHITECTURES[name]
    facts = facts_of(model, 128 if name == "swin_t" else 64)
    assert facts.default_layer == layer
    assert (facts.head is not None and facts.head.linear) == linear
    assert facts.n_classes == 1000
    assert facts.access == "white_box"


def test_vgg_is_read_before_its_last_pooling() -> None:
    body = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["A"])
    model = seeded(lambda: nn.Sequential(body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(2048, CLASSES))).eval()
    facts = facts_of(model, 128)
    assert facts.default_layer == "0.19"  # the ReLU behind the last convolution, 8x8; the pooling gives 4x4
    assert facts.head is None


RECTIFYING = {
    "modules, in place": (lambda: Calling(nn.ReLU(inplace=True), nn.ReLU6()), 2),
    "one module twice": (lambda: seeded(Shared), 4),
    "functions": (lambda: Calling(functional.relu, torch.relu, Tensor.relu, functional.relu6, torch.relu_), 5),
    "bounds": (lambda: Calling(nn.Hardtanh(0, 4), lambda x: x.clamp(min=0), lambda x: x.clamp_min(0)), 3),
    "a threshold": (lambda: Calling(nn.Threshold(0, 0)), 1),
    "others": (lambda: Calling(functional.gelu, nn.Hardtanh(-1, 1), lambda x: x.clamp(max=0), nn.LeakyReLU()), 0),
}


class Calling(nn.Module):
    """Calls functions one after the other."""

    def __init__(self, *functions: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, CLASSES, 4)
        self.functions = functions

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for function in self.functions:
            x = function(x)
        return x.mean((2, 3))


@pytest.mark.parametrize(("build", "calls"), RECTIFYING.values(), ids=RECTIFYING)
def test_rectifiers_are_counted_as_they_are_called(build: Callable[[], nn.Module], calls: int) -> None:
    assert facts_of(build().eval(), 16).rectifiers == calls


class ChannelsLast(nn.Module):
    """Works on [N, h, w, C] inside, as ConvNeXt's blocks do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 4, stride=4)
        self.mix = nn.Linear(12, 24)
        self.bend = nn.GELU()
        self.back = nn.Linear(24, 12)
        self.fc = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).permute(0, 2, 3, 1)
        return self.fc(self.back(self.bend(self.mix(x))).mean((1, 2)))


def test_channels_last_activations_are_read_as_such() -> None:
    facts = facts_of(seeded(ChannelsLast).eval())
    for name, channels in (("mix", 24), ("bend", 24), ("back", 12)):
        layer = facts.layer(name)
        assert (layer.layout, layer.grid, layer.channels) == ("channels_last", (16, 16), channels)
    assert facts.layer("stem").layout == "channels_first"
    assert facts.default_layer == "back"
    assert (facts.head.name, facts.head.layers) == ("fc", ("back",))


def test_a_layer_norm_over_the_second_axis_keeps_channels_first() -> None:
    model = seeded(lambda: torchvision.models.convnext_tiny(weights=None)).eval()
    facts = facts_of(model, 64)
    assert (facts.layer("features.0").layout, facts.layer("features.0.1").grid) == ("channels_first", (16, 16))
    assert (facts.layer("features.1.0.block.2").layout, facts.layer("features.1.0.block.2").grid) == (
        "channels_last",
        (16, 16),
    )


def test_layers_are_listed_as_they_finish_with_shapes_and_calls() -> None:
    rows = {row.name: row for row in layers(seeded(Shared).eval(), picture())}
    assert rows["twice"].calls == 2
    assert rows["relu"].calls == 4
    assert rows["conv2"].shape == (8, 8, 8)
    assert list(rows)[-1] == "fc"


def test_dropout_is_no_layer_of_its_own() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    assert [layer.name for layer in facts_of(model).layers] == ["0", "2", "3", "4"]


def test_one_logit_is_two_classes_whose_maps_are_opposite() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)))
    facts = facts_of(model.eval())
    assert facts.n_classes == 2
    assert facts.head is not None
    assert facts.head.weight.shape == (2, 4)
    no, yes = (explain(model, picture(), target=index, relu=False).values for index in (0, 1))
    assert no == pytest.approx(-yes)


@pytest.mark.parametrize(
    ("model", "access"),
    [
        (lambda batch: batch.flatten(1)[:, :3], "gradient"),
        (lambda batch: batch.detach().flatten(1)[:, :3], "black_box"),
        (lambda batch: batch.numpy().reshape(len(batch), -1)[:, :3], "black_box"),
    ],
)
def test_access_is_found_by_looking(model: Callable[[Tensor], object], access: str) -> None:
    assert facts_of(model).access == access


def test_the_forward_seam_runs_what_needs_more_than_one_tensor() -> None:
    class Two(Plain):
        def forward(self, x: Tensor, age: Tensor) -> dict[str, Tensor]:
            return {"risk": super().forward(x) + age}

    model = seeded(Two).eval()
    plain = seeded(Plain).eval()
    found = explain(model, picture(), target=1, forward=lambda net, x: net(x, torch.tensor(3.0))["risk"])
    assert found.values == pytest.approx(explain(plain, picture(), target=1).values, rel=1e-3)


def test_a_compiled_or_wrapped_model_is_looked_into() -> None:
    plain = seeded(Plain).eval()
    expected = explain(plain, picture(), target=1)
    for wrapped in (nn.DataParallel(plain), torch.compile(plain)):
        found = explain(wrapped, picture(), target=1)
        assert found.layer == expected.layer
        assert found.values == pytest.approx(expected.values)


def test_volumes_have_three_spatial_axes() -> None:
    model = seeded(Volumetric).eval()
    session = Session(model, [read_input(torch.zeros(1, 8, 10, 6), model)], Binding())
    assert session.facts.dims == 3
    assert session.facts.layer("conv2").grid == (4, 5, 3)


def test_a_traced_model_has_gradients_but_no_layers() -> None:
    plain = seeded(Plain).eval()
    traced = torch.jit.trace(plain, picture()[None])
    rows = {row.id: row for row in methods(traced, picture(), dims=2)}
    assert all(rows[name].works for name in ("saliency", "occlusion"))
    assert not any(row.works for row in rows.values() if row.access == "white_box")
    expected = explain(plain, picture(), "saliency", target=1).values
    assert explain(traced, picture(), "saliency", target=1, dims=2).values == pytest.approx(expected, rel=1e-4)
