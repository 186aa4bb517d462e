"""A copy of a classifier whose head is global average pooling and one linear layer, trained by a logistic regression."""

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from tools import example_scenes as scenes
from tools import train_examples as trainer
from xai_widget import explain
from xai_widget.examples import classes, flatten_net, mosaic, mosaic_net, photo
from xai_widget.models import with_gap_head

SIDE = 16


class VggLike(nn.Module):
    """Convolutions, pooling to 4x4, and three fully connected layers with dropout."""

    image_size = SIDE

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(8, 10, 3, padding=1), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.classifier = nn.Sequential(
            nn.Linear(160, 12),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(12, 12),
            nn.ReLU(),
            nn.Linear(12, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class Volumes(nn.Module):
    """A 3-D network with a linear layer over all positions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 5, 3, padding=1)
        self.fc = nn.Linear(5 * 4 * 6 * 8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(functional.relu(self.conv(x)).flatten(1))


def seeded(build: type[nn.Module], *args: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(*args)


def coloured(outputs: int = 3, count: int = 60, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Noise in which channel k is brighter where the class is k."""
    generator = torch.Generator().manual_seed(seed)
    index = torch.arange(count) % outputs
    return torch.randn(count, 3, SIDE, SIDE, generator=generator) + torch.eye(3)[index][:, :, None, None], index


def batches(inputs: Tensor, index: Tensor, size: int = 16) -> list[tuple[Tensor, Tensor]]:
    return list(zip(inputs.split(size), index.split(size), strict=True))


def accuracy(model: nn.Module, inputs: Tensor, index: Tensor) -> float:
    with torch.inference_mode():
        return float((model(inputs).argmax(1) == index).float().mean())


@pytest.fixture(scope="module")
def crops() -> list[tuple[Tensor, Tensor]]:
    """720 lone crops, never of a held-out size or at a held-out place."""
    bank, rng = scenes.Crops(), np.random.default_rng(11)
    drawn = [scenes.lone(bank, rng) for _ in range(720)]
    transform = mosaic_net().transform
    inputs = torch.stack([transform(Image.fromarray(scene.picture)) for scene in drawn])
    return batches(inputs, torch.tensor([int(scene.truth.max()) for scene in drawn]), 64)


@pytest.fixture(scope="module")
def repaired(crops: list[tuple[Tensor, Tensor]]) -> nn.Sequential:
    return with_gap_head(flatten_net(), crops)


# the example network with a linear layer over all cells


@pytest.mark.slow
def test_class_activation_maps_apply_to_the_repaired_network_only(repaired: nn.Sequential) -> None:
    scene = mosaic(["cat", "rocket", "temple", "coffee"], seed=2)
    with pytest.raises(ValueError, match="with_gap_head"):
        explain(flatten_net(), scene.image, "cam")
    for label in scene.labels:
        heat = explain(repaired, scene.image, "cam", target=label).resized()
        assert scene.mask(label).flat[int(heat.argmax())], label


@pytest.mark.slow
def test_the_retrained_head_names_crops_of_unseen_size_and_place(repaired: nn.Sequential) -> None:
    assert trainer.top1(repaired, trainer.held_out_alone(240)) >= 0.95


def test_without_a_loader_the_weights_of_a_flat_head_are_summed_over_the_positions() -> None:
    model = flatten_net()
    copied = with_gap_head(model)
    weight = model.get_parameter("head.fc.weight").reshape(12, 96, 256)
    torch.testing.assert_close(copied.fc.weight, weight.sum(2))
    features = torch.rand(2, 96, 1, 1, generator=torch.Generator().manual_seed(0)).expand(-1, -1, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(copied[1:](features), model.head(features), rtol=1e-4, atol=1e-4)


def test_a_network_that_pools_already_keeps_its_logits() -> None:
    model = mosaic_net()
    x = model.transform(photo("cat"))[None]
    with torch.inference_mode():
        torch.testing.assert_close(with_gap_head(model)(x), model(x))


# what is given back


def test_a_vgg_with_three_fully_connected_layers_learns_its_task_again() -> None:
    model = seeded(VggLike).eval()
    repaired = with_gap_head(model, batches(*coloured()))
    assert [name for name, _ in repaired.named_children()] == ["features", "pool", "flatten", "fc"]
    assert repaired.fc.weight.shape == (3, 10)
    assert not any(module.training for module in repaired.modules())
    assert accuracy(repaired, *coloured(seed=2)) >= 0.95 > accuracy(model, *coloured(seed=2))
    torch.testing.assert_close(repaired.features(coloured()[0]), model.avgpool(model.features(coloured()[0])))
    assert repaired(coloured()[0]).requires_grad


def test_the_head_minimises_the_regularised_cross_entropy() -> None:
    inputs, index = coloured()
    repaired = with_gap_head(seeded(VggLike), batches(inputs, index), regularisation=2.0)
    pooled = repaired[:-1](inputs).double().detach()
    scale, mean = pooled.std(0, correction=0), pooled.mean(0)
    weight = (repaired.fc.weight.double() * scale).detach()
    surplus = repaired(inputs).double().softmax(1).detach() - functional.one_hot(index)
    gradient = 2.0 * weight + surplus.T @ ((pooled - mean) / scale)
    assert gradient.abs().max() < 2e-2  # L-BFGS stops there; at zero weights it is about 10
    assert surplus.sum(0).abs().max() < 2e-2
    looser = with_gap_head(seeded(VggLike), batches(inputs, index), regularisation=0.1)
    assert looser.fc.weight.norm() > repaired.fc.weight.norm()


def test_volumes_get_a_head_of_three_dimensions() -> None:
    model = seeded(Volumes)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(40, 1, 4, 6, 8, generator=generator) * (1 + torch.arange(40) % 2).view(-1, 1, 1, 1, 1)
    repaired = with_gap_head(model, batches(inputs, torch.arange(40) % 2))
    assert isinstance(repaired.pool, nn.AdaptiveAvgPool3d)
    assert repaired.fc.weight.shape == (2, 5)
    assert accuracy(repaired, inputs, torch.arange(40) % 2) >= 0.95
    untrained = with_gap_head(model, example=inputs[:1])
    torch.testing.assert_close(untrained.fc.weight, model.fc.weight.reshape(2, 5, -1).sum(2))
    assert explain(repaired, inputs[0], "cam").resized().shape == (4, 6, 8)


def test_one_output_stays_one_output() -> None:
    inputs, index = coloured(outputs=2)
    repaired = with_gap_head(seeded(VggLike, 1), batches(inputs, index))
    scores = repaired(inputs)
    assert scores.shape == (60, 1)
    assert float(((scores[:, 0] > 0) == index.bool()).float().mean()) >= 0.95


def test_two_outputs_have_opposite_weights() -> None:
    repaired = with_gap_head(seeded(VggLike, 2), batches(*coloured(outputs=2)))
    torch.testing.assert_close(repaired.fc.weight[0], -repaired.fc.weight[1])
    assert accuracy(repaired, *coloured(outputs=2, seed=2)) >= 0.95


def test_an_untrained_head_is_the_same_every_time_and_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second = with_gap_head(seeded(VggLike)), with_gap_head(seeded(VggLike))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.fc.weight, second.fc.weight)


def test_labels_and_preprocessing_go_along_as_copies() -> None:
    model = flatten_net()
    repaired = with_gap_head(model)
    assert repaired.labels == list(classes())
    repaired.labels.clear()
    assert model.labels == list(classes())
    assert torch.equal(repaired.transform(photo("cat")), model.transform(photo("cat")))


def test_a_loader_is_read_once_and_takes_lists_and_arrays_of_classes() -> None:
    read = []

    def loader() -> Iterator[tuple[Tensor, object]]:
        for place, (inputs, index) in enumerate(batches(*coloured())):
            read.append(place)
            yield inputs, index.tolist() if place % 2 else index.numpy()

    repaired = with_gap_head(seeded(VggLike), loader())
    assert read == [0, 1, 2, 3]
    torch.testing.assert_close(repaired.fc.weight, with_gap_head(seeded(VggLike), batches(*coloured())).fc.weight)


def test_a_wrapped_or_bfloat16_network_is_repaired_too() -> None:
    inside = with_gap_head(nn.DataParallel(seeded(VggLike)), batches(*coloured()))
    assert accuracy(inside, *coloured(seed=2)) >= 0.95
    low = with_gap_head(seeded(VggLike).bfloat16(), batches(*coloured()))
    assert low.fc.weight.dtype == torch.bfloat16
    assert accuracy(low, coloured(seed=2)[0].bfloat16(), coloured(seed=2)[1]) >= 0.95


# the network given


def test_the_network_given_stays_as_it_was_and_shares_nothing() -> None:
    model, told = seeded(VggLike).train(), []
    model.features[0].register_forward_hook(lambda *_: told.append("forward"))
    model.features.register_forward_pre_hook(lambda *_: told.append("before"))
    before = copy.deepcopy(model.state_dict())
    tables = [(name, type(module), dict(module._forward_hooks)) for name, module in model.named_modules()]
    repaired = with_gap_head(model, batches(*coloured()))
    repaired(coloured()[0]).sum().backward()
    assert told == []
    assert tables == [(name, type(module), dict(module._forward_hooks)) for name, module in model.named_modules()]
    assert all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    own = {value.data_ptr() for value in model.state_dict().values()}
    assert not own & {value.data_ptr() for value in repaired.state_dict().values()}


def test_a_hook_that_is_part_of_a_module_is_copied() -> None:
    model = seeded(VggLike).eval()
    with pytest.warns(FutureWarning, match="weight_norm"):
        nn.utils.weight_norm(model.features[0])
    with torch.no_grad():
        model.features[0].weight_g.mul_(2)
        model(coloured()[0])
    model.features[0].weight = model.features[0].weight.detach()  # with a history it could not be copied
    repaired = with_gap_head(model)
    with torch.no_grad():
        torch.testing.assert_close(repaired.features(coloured()[0]), model.avgpool(model.features(coloured()[0])))


def test_a_named_layer_is_the_cut() -> None:
    model = flatten_net()
    repaired = with_gap_head(model, layer="layer2")
    x = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(repaired.features(x), model.layer2(model.layer1(model.stem(x))))
    assert repaired.fc.weight.shape == (12, 48)
    with pytest.raises(ValueError, match=r"Layer 'layer9' not found. Did you mean .*'layer4'"):
        with_gap_head(model, layer="layer9")
    with pytest.raises(ValueError, match=r"Layer 'head.fc' does not give features on a grid .* has: 'layer4.relu_1'"):
        with_gap_head(model, layer="head.fc")


# what cannot be done


def test_an_input_size_that_cannot_be_told_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"Volumes does not tell the size of its input. Pass example="):
        with_gap_head(seeded(Volumes))
    with pytest.raises(ValueError, match=r"Volumes cannot run on inputs of shape \[1, 1, 4, 4, 4\].*Pass example="):
        with_gap_head(seeded(Volumes), example=torch.zeros(1, 1, 4, 4, 4))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda *_: [], ValueError, "The loader is empty"),
        (lambda x, _: [x], TypeError, r"The loader gave Tensor; expected pairs"),
        (lambda x, y: [(x, torch.eye(3)[y])], TypeError, r"classes as torch.float32 of shape \[60, 3\]"),
        (lambda x, y: [(x, y[:7])], TypeError, r"classes as torch.int64 of shape \[7\] with inputs of shape \[60, 3"),
        (lambda x, _: [(x, ["red"] * 60)], TypeError, "classes as list .*one class index"),
        (lambda x, y: [(x, y + 1)], ValueError, "names class 3; the model has classes 0 to 2"),
        (lambda x, y: [(x, y % 2)], ValueError, r"no example of 1 of 3 classes \(class 2\).*Add examples"),
    ],
)
def test_a_loader_that_cannot_teach_is_refused(change, error, message) -> None:
    with pytest.raises(error, match=message):
        with_gap_head(seeded(VggLike), change(*coloured()))


def test_arguments_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="regularisation must be positive; got 0"):
        with_gap_head(seeded(VggLike), regularisation=0)
    with pytest.raises(TypeError, match="got function"):
        with_gap_head(coloured)
