"""The bundled photographs, scenes and networks: what tutorials and tests rely on, measured on held-out scenes.

Training left out crops of 45 to 59 pixels and lone crops centred in rows or columns 67 to 78; the figures here use
exactly those, through the functions with which ``tools/train_examples.py`` reports on what it has trained.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from tools import example_scenes as training
from tools import train_examples as trainer
from xai_widget import examples
from xai_widget.examples import PHOTOS, classes, flatten_net, mosaic, mosaic_net, photo, tiny_deit
from xai_widget.examples.scenes import random_crop

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from xai_widget.examples import ExampleNet

ROOT = Path(__file__).parents[2]
NETS = pytest.mark.parametrize("build", [mosaic_net, flatten_net, tiny_deit], ids=lambda build: build.__name__)


@pytest.fixture(scope="module")
def net() -> ExampleNet:
    return mosaic_net()


def logits(model: trainer.Classifier, name: str) -> torch.Tensor:
    with torch.inference_mode():
        scores: torch.Tensor = model(model.transform(photo(name))[None])[0]
    return scores


def maps_of(model: ExampleNet, x: torch.Tensor) -> torch.Tensor:
    """Class activation maps of one input, [K, 128, 128]."""
    with torch.inference_mode():
        features = model.layer4(model.layer3(model.layer2(model.layer1(model.stem(x[None])))))
        maps = torch.einsum("kc,nchw->nkhw", model.get_parameter("head.fc.weight"), features).relu()
        return nn.functional.interpolate(maps, size=(128, 128), mode="bilinear", align_corners=False)[0]


# photographs


def test_every_photo_opens_in_colour_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(classes()) >= 10
    for name in classes():
        picture = photo(name)
        assert picture.mode == "RGB"
        assert min(picture.size) >= 300
        assert np.asarray(picture).std() > 20  # a photograph, not an empty frame


def test_the_photos_are_different_pictures() -> None:
    thumbnails = {photo(name).resize((16, 16)).tobytes() for name in classes()}
    assert len(thumbnails) == len(classes())


def test_every_photo_has_a_credit_and_a_focus_inside_its_subject() -> None:
    for entry in PHOTOS.values():
        for left, top, right, bottom in (entry.focus, entry.subject):
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1
        assert entry.subject[0] <= entry.focus[0]
        assert entry.subject[1] <= entry.focus[1]
        assert entry.subject[2] >= entry.focus[2]
        assert entry.subject[3] >= entry.focus[3]
        assert entry.credit


def test_photos_and_scenes_need_neither_torch_nor_the_packages_that_carry_them() -> None:
    code = (
        "import sys; from xai_widget.examples import mosaic; mosaic(seed=1);"
        "print(sorted({'torch', 'torchvision', 'skimage', 'sklearn', 'pooch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "near"), [("cats", "'cat'"), ("Rocket", "'rocket'"), ("galaxy", "'galaxies'"), ("tempel", "'temple'")]
)
def test_an_unknown_class_names_the_nearest_ones(given: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"No bundled photo is called '{given}'. Did you mean .*{near}"):
        photo(given)
    with pytest.raises(ValueError, match=f"Did you mean .*{near}"):
        mosaic(["cat", "cat", given, "cat"])


def test_an_unknown_class_without_neighbours_lists_all() -> None:
    with pytest.raises(ValueError, match="There are: astronaut, cat, coffee"):
        photo("zzzzz")


def test_a_missing_carrier_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xai_widget.examples.photos.find_spec", lambda _name: None)
    with pytest.raises(FileNotFoundError, match="pip install scikit-learn"):
        photo("flower")


def test_a_carrier_without_its_photos_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Spec:
        origin = str(tmp_path / "__init__.py")

    monkeypatch.setattr("xai_widget.examples.photos.find_spec", lambda _name: Spec())
    with pytest.raises(FileNotFoundError, match="has no sample photos"):
        photo("cat")


# mosaics


def test_a_mosaic_is_decided_by_its_seed() -> None:
    first, again, other = mosaic(seed=7), mosaic(seed=7), mosaic(seed=8)
    assert first.labels == again.labels
    assert first.image.tobytes() == again.image.tobytes()
    assert first.image.tobytes() != other.image.tobytes()


def test_naming_the_classes_a_seed_draws_gives_the_same_pixels() -> None:
    drawn = mosaic(seed=5)
    assert mosaic(list(drawn.labels), seed=5).image.tobytes() == drawn.image.tobytes()


def test_a_drawn_mosaic_shows_four_different_classes_and_seeds_reach_all_of_them() -> None:
    drawn = [mosaic(seed=seed).labels for seed in range(40)]
    assert all(len(set(labels)) == 4 for labels in drawn)
    assert {label for labels in drawn for label in labels} == set(classes())


def test_the_seed_moves_the_crops_and_each_copy_of_a_class_is_cut_anew() -> None:
    scene = np.asarray(mosaic(["cat"] * 4, seed=0).image)
    quadrants = [scene[:64, :64], scene[:64, 64:], scene[64:, :64], scene[64:, 64:]]
    assert len({quadrant.tobytes() for quadrant in quadrants}) == 4


def test_a_quadrant_is_a_piece_of_its_photo() -> None:
    scene = mosaic(["rocket", "flower", "cat", "retina"], seed=2)
    assert (scene.image.mode, scene.image.size) == ("RGB", (128, 128))
    red, green, blue = np.asarray(scene.image)[:64, :64].mean(axis=(0, 1))
    assert blue > green > red  # the night sky behind the rocket
    red, green, blue = np.asarray(scene.image)[64:, 64:].mean(axis=(0, 1))
    assert red > 1.5 * green  # the retina


def test_masks_are_the_quadrants_of_a_class() -> None:
    scene = mosaic(["cat", "rocket", "temple", "cat"])
    expected = np.zeros((128, 128), bool)
    expected[:64, :64] = expected[64:, 64:] = True
    np.testing.assert_array_equal(scene.mask("cat"), expected)
    expected[:] = False
    expected[:64, 64:] = True
    np.testing.assert_array_equal(scene.mask("rocket"), expected)
    expected[:] = False
    expected[64:, :64] = True
    np.testing.assert_array_equal(scene.mask("temple"), expected)


def test_a_mask_of_what_is_not_shown_says_what_is() -> None:
    with pytest.raises(ValueError, match=r"does not show 'coins'. It shows: cat, rocket, temple\."):
        mosaic(["cat", "rocket", "temple", "cat"]).mask("coins")


def test_a_mosaic_takes_four_names() -> None:
    with pytest.raises(ValueError, match="shows 4 classes, got 3"):
        mosaic(["cat", "cat", "cat"])
    with pytest.raises(TypeError, match=r"got the string 'cat'. Try mosaic\(\['cat'"):
        mosaic("cat")


def test_crops_lie_inside_the_photo_and_contain_its_focus() -> None:
    marked = np.zeros((200, 300, 3), np.uint8)
    marked[90:110, 140:160] = 255
    rng = np.random.default_rng(0)
    picture = Image.fromarray(marked)
    for _ in range(50):
        crop = np.asarray(random_crop(picture, (0.48, 0.48, 0.52, 0.52), (40, 60), rng))
        assert crop.shape == (60, 40, 3)
        assert crop[20:40, 10:30].max() == 255


# networks


@NETS
def test_a_network_carries_its_labels_and_preprocessing(build: Callable[[], trainer.Classifier]) -> None:
    model = build()
    assert model.labels == list(classes())
    assert not any(module.training for module in model.modules())
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    for name in classes():
        assert model.transform(photo(name)).shape == (3, 128, 128)
    grey = Image.new("RGB", (300, 200), (0, 255, 255))
    assert model.transform(grey)[:, 0, 0].tolist() == [-2.0, 2.0, 2.0]
    assert model(torch.zeros(2, 3, 128, 128)).shape == (2, len(classes()))


@NETS
def test_every_call_gives_a_network_of_its_own(build: Callable[[], trainer.Classifier]) -> None:
    first, second = build(), build()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
        first.labels.clear()
    assert second.labels == list(classes())
    assert logits(second, "cat").argmax() == classes().index("cat")
    assert logits(build(), "cat").argmax() == classes().index("cat")


@pytest.mark.parametrize("name", ["mosaic_net", "flatten_net", "tiny_deit"])
def test_the_weights_are_float16_and_at_most_one_megabyte(name: str) -> None:
    path = Path(examples.__file__).parent / f"{name}.safetensors"
    assert path.stat().st_size <= 1_000_000
    stored = load_file(path)
    assert {value.dtype for value in stored.values()} == {torch.float16}
    assert all(bool(value.isfinite().all()) for value in stored.values())


def test_the_stages_are_named_like_a_resnet_and_the_last_grid_is_16_by_16(net: ExampleNet) -> None:
    assert [name for name, _ in net.named_children()] == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    x = torch.zeros(1, 3, 128, 128)
    shapes = []
    for stage in (net.stem, net.layer1, net.layer2, net.layer3, net.layer4):
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(16, 64, 64), (24, 32, 32), (48, 16, 16), (64, 16, 16), (96, 16, 16)]


def test_a_cell_of_the_last_stage_sees_71_pixels(net: ExampleNet) -> None:
    x = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)).requires_grad_()
    features = net.layer4(net.layer3(net.layer2(net.layer1(net.stem(x)))))
    (gradient,) = torch.autograd.grad(features[0, :, 8, 8].sum(), x)
    columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero()
    assert int(columns.max() - columns.min()) + 1 <= 71


def test_only_the_pooled_head_weighs_channels(net: ExampleNet) -> None:
    assert isinstance(net.head, nn.Sequential)
    assert net.get_parameter("head.fc.weight").shape == (len(classes()), 96)
    assert flatten_net().get_parameter("head.fc.weight").shape == (len(classes()), 96 * 16 * 16)


# what the networks know, on scenes they were not trained on


@NETS
def test_every_whole_photo_is_named(build: Callable[[], trainer.Classifier]) -> None:
    model = build()
    sure = {name: float(logits(model, name).softmax(dim=0)[classes().index(name)]) for name in classes()}
    assert min(sure.values()) > 0.9, sure


@NETS
def test_a_quadrant_alone_is_named(build: Callable[[], trainer.Classifier]) -> None:
    assert trainer.top1(build(), trainer.quadrants_alone(range(50))) >= 0.95


@NETS
def test_a_crop_of_unseen_size_at_an_unseen_place_is_named(build: Callable[[], trainer.Classifier]) -> None:
    assert trainer.top1(build(), trainer.held_out_alone(300)) >= 0.95


def test_held_out_sides_and_centres_never_occur_in_training() -> None:
    crops, rng = training.Crops(), np.random.default_rng(3)
    for _ in range(200):
        rows, columns = np.nonzero(training.lone(crops, rng).truth != training.NOTHING)
        for axis in (rows, columns):
            side = int(axis.max() - axis.min()) + 1
            assert side not in training.HELD_OUT_SIDES
            assert int(axis.min()) + side // 2 not in training.HELD_OUT_CENTRES
    for _ in range(100):
        truth = training.tiled(crops, rng).truth
        changes = np.flatnonzero((truth[1:] != truth[:-1]).any(axis=1)) + 1
        assert set(changes.tolist()) <= {32, 43, 64, 85, 96}  # tiles of 32, 42, 43, 64 and 128 pixels


def test_what_is_covered_no_longer_counts_and_a_whole_crop_counts_its_area() -> None:
    crops, rng = training.Crops(), np.random.default_rng(4)
    assert training.filled(crops, rng).shares().max() == pytest.approx(1, abs=1e-4)
    for scene in training.pairs(crops, 20, rng)[:20]:
        shares, hidden = scene.shares(), training.covered(scene, rng)
        assert np.all(hidden.shares() <= shares + 1e-6)
        for index in np.flatnonzero(shares):
            area = (scene.truth == index).mean()
            assert shares[index] == pytest.approx(area, abs=1e-3)
        changed = (hidden.picture != scene.picture).any(axis=2)
        assert np.all(hidden.truth[changed] == training.NOTHING)


@NETS
def test_every_label_of_a_mosaic_is_in_the_top_five(build: Callable[[], trainer.Classifier]) -> None:
    assert trainer.all_in_top5(build(), range(100)) >= 0.9


def test_the_map_of_a_shown_class_peaks_in_its_quadrant(net: ExampleNet) -> None:
    assert trainer.cam_in_quadrant(net, range(100)) >= 0.9


def test_covering_an_object_lowers_its_score_and_hardly_that_of_others(net: ExampleNet) -> None:
    own, other = [], []
    with torch.inference_mode():
        for seed in range(25):
            scene = mosaic(seed=seed)
            x = net.transform(scene.image)
            shown = [net.labels.index(label) for label in scene.labels]
            without = torch.stack([x * ~torch.from_numpy(scene.mask(label)) for label in scene.labels])
            falls = net(x[None])[0, shown] - net(without)[:, shown]  # [covered, score]
            own += falls.diagonal().tolist()
            other += falls[~torch.eye(4, dtype=torch.bool)].abs().tolist()
    assert min(own) > 1
    assert np.mean(own) > 8 * np.mean(other)


def test_a_sliding_window_finds_the_object(net: ExampleNet) -> None:
    hits = []
    places = [(top, left) for top in range(0, 97, 16) for left in range(0, 97, 16)]
    for seed in range(20):
        scene = mosaic(seed=seed)
        x = net.transform(scene.image)
        covered = x.repeat(len(places), 1, 1, 1)
        for picture, (top, left) in zip(covered, places, strict=True):
            picture[:, top : top + 32, left : left + 32] = 0
        with torch.inference_mode():
            scores = net(covered)
        for label in scene.labels:
            top, left = places[int(scores[:, net.labels.index(label)].argmin())]
            hits.append(bool(scene.mask(label)[top + 15, left + 15]))
    assert np.mean(hits) >= 0.9


def test_every_copy_of_a_class_is_a_hot_spot(net: ExampleNet) -> None:
    found = []
    for seed, name in enumerate(classes()):
        other = classes()[(seed + 5) % len(classes())]
        scene = mosaic([name, other, other, name], seed=seed)
        heat = maps_of(net, net.transform(scene.image))[net.labels.index(name)]
        copies = min(heat[:64, :64].max(), heat[64:, 64:].max())
        elsewhere = max(heat[:64, 64:].quantile(0.9), heat[64:, :64].quantile(0.9))
        found.append(bool(copies > 2 * elsewhere))
    assert np.mean(found) >= 0.9
