"""What is known about a model without running it, and what is read from its output."""

from __future__ import annotations

from collections import OrderedDict, UserDict
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models as zoo
from torchvision import transforms as v1
from torchvision.transforms import v2

from xai_widget.models import (
    Expects,
    ScoreKind,
    class_scores,
    expects,
    labels_for,
    logits_from,
    preprocess_for,
    unwrap,
)

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def net(channels: int = 3, **attributes: Any) -> nn.Module:
    """Build a small network that carries some attributes."""
    module = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for name, value in attributes.items():
        setattr(module, name, value)
    return module


def photo(width: int = 90, height: int = 60) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


class FakeProcessor:
    """An image processor as transformers has them: keyword in, a mapping that is no dict out."""

    model_input_names = ("pixel_values",)
    image_mean = (0.5, 0.5, 0.5)
    image_std = (0.25, 0.25, 0.25)

    def __init__(self, do_normalize: bool = True) -> None:
        self.do_normalize = do_normalize

    def __call__(self, images: Image.Image, return_tensors: str) -> UserDict[str, Tensor]:
        assert return_tensors == "pt"
        pixels = torch.from_numpy(np.array(images.resize((8, 8)))).permute(2, 0, 1)[None] / 255
        return UserDict(pixel_values=(pixels - 0.5) / 0.25 if self.do_normalize else pixels)


# Wrappers


def test_unwrap_finds_the_model_in_wrappers_of_wrappers() -> None:
    module = net()
    assert unwrap(module) is module
    assert unwrap(nn.DataParallel(module)) is module
    assert unwrap(torch.compile(nn.DataParallel(module))) is module


def test_unwrap_leaves_other_callables_alone() -> None:
    assert unwrap(photo) is photo

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(2, 2)

    own = Own()
    assert unwrap(own) is own


# What a model expects


class Fancy(nn.Module):
    """A network whose configuration says what its layers do not."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)
        for name, value in attributes.items():
            setattr(self, name, value)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (zoo.resnet18(weights=None), Expects(2, 3, None)),
        (
            zoo.VisionTransformer(image_size=32, patch_size=16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=8),
            Expects(2, 3, (32, 32)),
        ),
        (nn.Sequential(nn.BatchNorm3d(2), nn.Conv3d(2, 4, 3), nn.Conv2d(1, 1, 1)), Expects(3, 2, None)),
        (nn.LazyConv2d(4, 3), Expects(2, None, None)),
        (nn.Linear(3, 2), Expects()),
        (photo, Expects()),
        (net(3, pretrained_cfg={"input_size": (3, 240, 260)}), Expects(2, 3, (240, 260))),
        (net(5, default_cfg=SimpleNamespace(input_size=(3, 64, 64))), Expects(2, 5, (64, 64))),
        (Fancy(pretrained_cfg={"input_size": (1, 28, 28)}), Expects(2, 1, (28, 28))),
        (net(3, config=SimpleNamespace(image_size=384)), Expects(2, 3, (384, 384))),
        (net(3, config=SimpleNamespace(image_size=[96, 64])), Expects(2, 3, (96, 64))),
        (net(3, config=SimpleNamespace(image_size={"height": 3})), Expects(2, 3, None)),
        (nn.DataParallel(net(1)), Expects(2, 1, None)),
    ],
)
def test_expects(model: Any, expected: Expects) -> None:
    assert expects(model) == expected


def test_the_side_of_a_video_models_frames_is_not_a_volume() -> None:
    video = nn.Sequential(nn.Conv3d(3, 4, 3))
    video.config = SimpleNamespace(image_size=224)  # type: ignore[assignment]  # any object may be set on a module
    assert expects(video) == Expects(3, 3, None)


# Labels


@pytest.mark.parametrize(
    "given", [["a", "b"], ("a", "b"), {0: "a", 1: "b"}, {1: "b", 0: "a"}, {"0": "a", "1": "b"}, np.array(["a", "b"])]
)
def test_given_labels_win(given: Any) -> None:
    given = given.tolist() if isinstance(given, np.ndarray) else given
    assert labels_for(net(labels=["x", "y"]), 2, given) == (("a", "b"), "Labels: as given.")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a"], r"Got 1 labels; the model scores 2 classes\. Name each of them\."),
        ({0: "a", 2: "b"}, r"Got 2 labels; the model scores 2 classes\. Name each of them, by index from 0\."),
        ([], "Got 0 labels"),
    ],
)
def test_too_few_labels_are_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        labels_for(net(), 2, given)


@pytest.mark.parametrize("given", ["ab", 2, {"a", "b"}])
def test_labels_must_be_names_in_order_or_by_index(given: Any) -> None:
    with pytest.raises(TypeError, match=rf"labels= is a list of names or a dict .*; got {type(given).__name__}"):
        labels_for(net(), 2, given)


@pytest.mark.parametrize(
    ("attributes", "source"),
    [
        ({"labels": ["a", "b"]}, "model.labels"),
        ({"weights": SimpleNamespace(meta={"categories": ["a", "b"]})}, "model.weights"),
        ({"config": SimpleNamespace(id2label={0: "a", 1: "b"})}, "the model's configuration"),
        ({"pretrained_cfg": {"label_names": ("a", "b")}}, "the model's configuration"),
    ],
)
def test_labels_are_found_on_the_model(attributes: dict[str, Any], source: str) -> None:
    assert labels_for(net(**attributes), 2) == (("a", "b"), f"Labels: from {source}.")
    # With another number of classes (a new head, say) the names do not fit.
    assert labels_for(net(**attributes), 3)[0] == ("class 0", "class 1", "class 2")


def test_a_thousand_classes_are_assumed_to_be_imagenets() -> None:
    names, note = labels_for(zoo.resnet18(weights=None), 1000)
    assert (names[0], names[281], names[999]) == ("tench", "tabby", "toilet tissue")
    assert note == "Labels: ImageNet-1k names (assumed from 1000 outputs)."


def test_unknown_classes_are_numbered() -> None:
    names, note = labels_for(photo, 3)
    assert names == ("class 0", "class 1", "class 2")
    assert note == "Labels: not known; pass labels= to name the classes."


def test_real_torchvision_weights_name_their_classes() -> None:
    names, note = labels_for(net(weights=zoo.ResNet18_Weights.DEFAULT), 1000)
    assert names[281] == "tabby"
    assert note == "Labels: from model.weights."


# Preprocessing


@pytest.mark.parametrize(("width", "height"), [(300, 200), (200, 300), (224, 224), (37, 91), (257, 256)])
def test_the_default_is_what_torchvision_does_for_imagenet(width: int, height: int) -> None:
    found = preprocess_for(zoo.resnet18(weights=None))
    expected = zoo.ResNet18_Weights.IMAGENET1K_V1.transforms()(photo(width, height))
    assert torch.equal(found.apply(photo(width, height)), expected)
    assert (found.mean, found.std, found.assumed) == (*IMAGENET, True)
    assert found.note == (
        "Preprocessing: ImageNet default (resize 256, centre crop 224, mean/std); pass transform= to change it."
    )


def test_the_default_follows_the_size_a_model_is_made_for() -> None:
    model = net(pretrained_cfg={"input_size": (3, 112, 56)})
    found = preprocess_for(model)
    assert found.apply(photo()).shape == (3, 112, 56)
    assert "resize 128x64, centre crop 112x56" in found.note
    reference = v1.Compose([v1.Resize(128), v1.CenterCrop((112, 56)), v1.ToTensor(), v1.Normalize(*IMAGENET)])
    assert torch.equal(found.apply(photo(90, 60)), reference(photo(90, 60)))


def test_one_channel_is_grey_in_0_to_1() -> None:
    found = preprocess_for(net(1))
    assert torch.equal(found.apply(photo())[0] * 255, torch.from_numpy(np.array(photo().convert("L"))).float())
    assert (found.mean, found.std, found.assumed) == (None, None, True)
    sized = preprocess_for(net(1, config=SimpleNamespace(image_size=(28, 32))))
    assert sized.apply(photo()).shape == (1, 28, 32)
    assert sized.note.startswith("Preprocessing: resize 28x32, grey values in [0, 1]")


def test_no_picture_fits_a_model_with_five_channels() -> None:
    with pytest.raises(ValueError, match=r"The model takes 5 channels.* float torch tensor \[5, H, W\]"):
        preprocess_for(net(5)).apply(photo())


NORMALISE = v1.Normalize((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.mark.parametrize(
    ("transform", "mean", "std"),
    [
        (v1.Compose([v1.ToTensor(), NORMALISE]), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        (v1.Compose([v1.Compose([v1.ToTensor(), NORMALISE])]), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        (
            v1.Compose([v1.ToTensor(), v1.Normalize(torch.tensor([0.5]), torch.tensor([0.25]))]),
            (0.5,),
            (0.25,),
        ),
        (
            v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)]),
            (0.5,) * 3,
            (0.25,) * 3,
        ),
        (nn.Sequential(v2.PILToTensor(), v2.ConvertImageDtype(), NORMALISE), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        (v1.ToTensor(), None, None),
        (v1.Compose([v1.ToTensor()]), None, None),
        (zoo.ResNet18_Weights.IMAGENET1K_V1, *IMAGENET),
        (zoo.ResNet18_Weights.IMAGENET1K_V1.transforms(), *IMAGENET),
        (FakeProcessor(), (0.5,) * 3, (0.25,) * 3),
        (FakeProcessor(do_normalize=False), None, None),
        (lambda _: torch.zeros(3, 4, 4), None, None),
    ],
)
def test_mean_and_deviation_are_found_in_transforms(transform: Any, mean: Any, std: Any) -> None:
    found = preprocess_for(net(), transform)
    assert found.mean == (None if mean is None else pytest.approx(mean))
    assert found.std == (None if std is None else pytest.approx(std))
    assert found.note == "Preprocessing: as given."
    assert not found.assumed
    assert found.apply(photo()).shape[0] == 3


def test_a_processor_is_called_as_transformers_does() -> None:
    pixels = torch.from_numpy(np.array(photo().resize((8, 8)))).permute(2, 0, 1) / 255
    expected = (pixels - 0.5) / 0.25
    assert torch.equal(preprocess_for(net(), FakeProcessor()).apply(photo()), expected)
    for name in ("processor", "image_processor"):
        model = net()
        setattr(model, name, FakeProcessor())
        found = preprocess_for(model)
        assert torch.equal(found.apply(photo()), expected)
        assert found.note == f"Preprocessing: model.{name}."


def test_the_statistics_of_a_processor_of_texts_and_pictures_are_those_of_its_image_processor() -> None:
    class Both(FakeProcessor):
        image_mean = (0.0, 0.0, 0.0)
        image_processor = FakeProcessor()

    assert preprocess_for(net(), Both()).mean == (0.5,) * 3


@pytest.mark.parametrize("transform", [v1.ToTensor(), v2.Compose([v2.PILToTensor(), v2.ConvertImageDtype()])])
def test_the_models_own_transform_is_used(transform: Any) -> None:
    found = preprocess_for(net(transform=transform))
    assert found.note == "Preprocessing: model.transform."
    assert found.apply(photo(4, 2)).shape == (3, 2, 4)


def test_a_part_or_method_called_transform_is_no_preprocessing() -> None:
    class Spatial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def transform(self, x: Tensor) -> Tensor:
            return x

    for model in (Spatial(), net(transform=nn.Linear(2, 2))):
        assert preprocess_for(model).note.startswith("Preprocessing: ImageNet default")


def test_the_models_own_weights_are_used() -> None:
    weights = zoo.ResNet18_Weights.IMAGENET1K_V1
    found = preprocess_for(net(weights=weights))
    assert found.note == "Preprocessing: model.weights."
    assert torch.equal(found.apply(photo()), weights.transforms()(photo()))


@pytest.mark.parametrize("as_object", [False, True])
def test_timms_configuration_is_followed(as_object: bool) -> None:
    fields = {
        "input_size": (3, 64, 64),
        "interpolation": "bicubic",
        "crop_pct": 0.8,
        "mean": (0.5, 0.4, 0.3),
        "std": (0.5, 0.6, 0.7),
    }
    found = preprocess_for(net(pretrained_cfg=SimpleNamespace(**fields) if as_object else fields))
    reference = v1.Compose(
        [
            v1.Resize(80, v1.InterpolationMode.BICUBIC),
            v1.CenterCrop(64),
            v1.ToTensor(),
            v1.Normalize((0.5, 0.4, 0.3), (0.5, 0.6, 0.7)),
        ]
    )
    assert torch.equal(found.apply(photo()), reference(photo()))
    assert (found.mean, found.std) == ((0.5, 0.4, 0.3), (0.5, 0.6, 0.7))
    assert found.note == "Preprocessing: from the model's configuration (resize 80, centre crop 64)."


def test_timm_may_squash_instead_of_cropping() -> None:
    config = {"input_size": (3, 32, 32), "crop_pct": 1.0, "crop_mode": "squash", "mean": (0.0,) * 3, "std": (1.0,) * 3}
    found = preprocess_for(net(pretrained_cfg=config)).apply(photo())
    squashed = np.array(photo().resize((32, 32), Image.Resampling.BICUBIC))
    assert torch.equal((found * 255).round(), torch.from_numpy(squashed).permute(2, 0, 1).float())


def test_statistics_of_another_number_of_channels_are_not_used() -> None:
    found = preprocess_for(net(1, pretrained_cfg={"input_size": (3, 16, 16), "mean": (0.5,) * 3, "std": (0.5,) * 3}))
    assert found.apply(photo()).shape == (1, 16, 16)
    assert found.mean is None


def test_volumes_are_taken_as_stored() -> None:
    volume = np.arange(24.0).reshape(2, 3, 4) * 100
    for model, dims in ((nn.Conv3d(1, 2, 3), None), (photo, 3)):
        found = preprocess_for(model, dims=dims)
        assert torch.equal(found.apply(volume), torch.from_numpy(volume).float())
        assert found.note == "Preprocessing: none; volumes are taken as stored."


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("DEFAULT", "transform= cannot be str"),
        (3, "transform= cannot be int"),
        (zoo.ResNet18_Weights, "transform= cannot be ResNet18_Weights.*such as ResNet50_Weights.DEFAULT"),
    ],
)
def test_other_transforms_are_refused(transform: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        preprocess_for(net(), transform)


def test_what_a_transform_returns_is_checked() -> None:
    with pytest.raises(TypeError, match=r"The transform \(transform=\) returned Image; .* End it with ToTensor"):
        preprocess_for(net(), lambda picture: picture).apply(photo())
    with pytest.raises(ValueError, match=r"returned torch\.uint8; expected a float tensor"):
        preprocess_for(net(), v2.PILToTensor()).apply(photo())


def test_a_transform_may_return_arrays_mappings_and_a_batch_of_one() -> None:
    values = np.random.default_rng(0).random((3, 2, 2), dtype=np.float32)
    results = (values, values[None], {"pixel_values": values[None]}, torch.from_numpy(values)[None], values[:, ::-1])
    for result, expected in zip(results, (*(values,) * 4, values[:, ::-1]), strict=True):
        found = preprocess_for(net(), lambda _, result=result: result).apply(photo())
        np.testing.assert_array_equal(found.numpy(), expected)


# Outputs


class Aux(NamedTuple):
    """An output as torchvision's GoogLeNet gives in training."""

    logits: Tensor
    aux: Tensor


SCORES = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    "output",
    [
        SCORES,
        SCORES.numpy(),
        SCORES.tolist(),
        SCORES.long(),
        SCORES.half(),
        SCORES.bfloat16(),
        SCORES.numpy().astype(np.float16),
        SCORES[:, :, None, None],
        SCORES[:, :, None],
        (SCORES, SCORES + 1),
        [torch.tensor(0.5), SCORES],
        ("text", SCORES),
        Aux(SCORES, SCORES + 1),
        {"logits": SCORES, "scores": SCORES + 1},
        OrderedDict(loss=torch.zeros(2), scores=SCORES),
        {"out": SCORES},
        UserDict(output=SCORES.numpy()),
        {"prediction": SCORES, "names": ["a", "b"], "count": torch.tensor([3, 4])},
        SimpleNamespace(logits=SCORES),
    ],
)
def test_scores_are_found_in_whatever_a_model_returns(output: Any) -> None:
    found = logits_from(output, 2)
    assert found.dtype == torch.float32
    assert torch.equal(found, SCORES)


def test_one_output_and_one_input() -> None:
    assert logits_from(torch.tensor([1.0, 2.0, 3.0]), 3).tolist() == [[1.0], [2.0], [3.0]]
    assert logits_from(torch.tensor([1.0, 2.0, 3.0]), 1).tolist() == [[1.0, 2.0, 3.0]]
    assert logits_from(torch.tensor([2.0]), 1).tolist() == [[2.0]]
    assert logits_from(torch.tensor(2.0), 1).tolist() == [[2.0]]
    assert logits_from([0.25, 0.75], 1).tolist() == [[0.25, 0.75]]


def test_double_precision_and_gradients_are_kept() -> None:
    assert logits_from(SCORES.double(), 2).dtype == torch.float64
    weight = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)
    (gradient,) = torch.autograd.grad(logits_from({"logits": weight * 2}, 2).sum(), weight)
    assert gradient.tolist() == [[2.0] * 3] * 2


def test_arrays_are_copied() -> None:
    buffer = np.zeros((2, 3), dtype=np.float32)
    buffer.flags.writeable = False
    found = logits_from(buffer, 2)
    found += 1
    assert buffer.sum() == 0


@pytest.mark.parametrize(
    ("output", "batch", "message"),
    [
        (torch.zeros(2, 3, 8, 8), 2, r"shape \[2, 3, 8, 8\] \(one map a class, as for segmentation\?\)"),
        ({"out": torch.zeros(1, 21, 8, 8)}, 1, r"shape \[1, 21, 8, 8\]"),
        (torch.zeros(3, 5), 2, r"shape \[3, 5\] for 2 input\(s\); expected class scores \[2, K\]"),
        (torch.zeros(2, 7, 5), 2, r"shape \[2, 7, 5\]"),
        (torch.zeros(2, 0), 2, r"shape \[2, 0\]"),
        ({"boxes": torch.zeros(2, 4), "masks": torch.zeros(2, 4)}, 2, r"a dict with keys \['boxes', 'masks'\]"),
        ({}, 2, r"a dict with keys \[\]"),
        ([{"boxes": torch.zeros(2, 4)}], 1, "a list of dict"),
        ((torch.zeros(3, 2),), 2, "a tuple of Tensor"),
        ([], 2, "a list of nothing"),
        ("cat", 1, "returned str"),
        (None, 1, "returned NoneType"),
        (torch.zeros(1, 2, dtype=torch.complex64), 1, r"Tensor of shape \[1, 2\] and type torch\.complex64"),
        (np.array([["a"]]), 1, "ndarray of shape"),
    ],
)
def test_other_outputs_say_what_came_and_that_forward_is_the_way(output: Any, batch: int, message: str) -> None:
    with pytest.raises(ValueError, match=rf"{message}.*Pass forward=lambda module, x: \.\.\."):
        logits_from(output, batch)


def test_scores_that_are_not_a_number_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not a number \(NaN\)"):
        logits_from(torch.tensor([[1.0, torch.nan]]), 1)
    assert logits_from(torch.tensor([[1.0, -torch.inf]]), 1).tolist() == [[1.0, -torch.inf]]


# The kind of scores


@pytest.mark.parametrize(
    ("raw", "activation", "kind"),
    [
        ([[1.0, -2.0]], None, ScoreKind("softmax", False, "Scores: softmax over 2 classes.")),
        ([[0.25, 0.75], [1.0, 0.0005]], None, ScoreKind("none", False, "Scores: already probabilities.")),
        ([[0.25, 0.75], [0.5, 0.6]], None, ScoreKind("softmax", False, "Scores: softmax over 2 classes.")),
        ([[1.25, -0.25]], None, ScoreKind("softmax", False, "Scores: softmax over 2 classes.")),
        ([[0.25, 0.75]], "softmax", ScoreKind("softmax", False, "Scores: softmax over 2 classes.")),
        ([[1.0, 2.0]], "sigmoid", ScoreKind("sigmoid", False, "Scores: sigmoid of each of 2 classes.")),
        ([[1.0, 2.0]], "none", ScoreKind("none", False, "Scores: taken as they are.")),
        ([[1.0]], "none", ScoreKind("none", False, "Scores: taken as they are.")),
        (
            [[1.0]],
            "sigmoid",
            ScoreKind("sigmoid", True, "Scores: one output, read as the logit of the second of two classes (sigmoid)."),
        ),
    ],
)
def test_the_kind_of_scores(raw: list[list[float]], activation: str | None, kind: ScoreKind) -> None:
    assert class_scores(torch.tensor(raw), activation) == kind


def test_one_output_decides_between_two_classes() -> None:
    kind = class_scores(torch.tensor([[1.0]]))  # sums to 1, and is a logit nevertheless
    assert kind.binary
    assert kind.note.endswith('Pass activation="none" if it is no logit.')
    logits = kind.logits(torch.tensor([[0.0], [2.0]]))
    assert logits.tolist() == [[0.0, 0.0], [-2.0, 2.0]]
    likely = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(kind.probabilities(logits), [[0.5, 0.5], [1 - likely, likely]], rtol=1e-6)


def test_probabilities_of_each_kind() -> None:
    logits = torch.tensor([[0.0, float(np.log(3.0))]])
    expected = {"softmax": [[0.25, 0.75]], "sigmoid": [[0.5, 0.75]], "none": logits.tolist()}
    for activation, values in expected.items():
        kind = class_scores(logits, activation)
        assert torch.equal(kind.logits(logits), logits)
        np.testing.assert_allclose(kind.probabilities(logits), values, rtol=1e-6)


@pytest.mark.parametrize(
    ("raw", "activation", "message"),
    [
        ([[1.0, 2.0]], "relu", r"Unknown activation 'relu'; choose one of softmax, sigmoid, none, or None\."),
        ([[1.0]], "softmax", "Softmax over a single output is always 1"),
    ],
)
def test_activations_without_meaning_are_refused(raw: list[list[float]], activation: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_scores(torch.tensor(raw), activation)
