"""`xai-widget explain` gives what `explain` gives, and says in one message why it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.shell import NET, answers, call, photographs, refused
from xai_widget import Attribution, Contrast, examples, explain
from xai_widget.cli.explain import USUAL, stems
from xai_widget.explainers import Occlusion, method_classes, parameters_of

NPZ = ("--format", "npz")


class Depths(nn.Module):
    """Scores of a volume: the mean of its first and of its last slices."""

    def __init__(self) -> None:
        super().__init__()
        self.keep = nn.Conv3d(1, 1, 1, bias=False)
        nn.init.ones_(self.keep.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = self.keep(x).mean((1, 3, 4))
        return torch.stack([means[:, :2].sum(1), means[:, -2:].sum(1)], 1)


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two photographs."""
    photographs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_numbers_are_those_of_explain() -> None:
    (answer,) = answers("explain", "cat.png", *NET, *NPZ, "-m", "occlusion", "--window", "32", "--stride", "32")
    kept = Attribution.load(answer["files"][0])
    expected = explain(examples.mosaic_net(), "cat.png", "occlusion", window=32, stride=32)
    np.testing.assert_array_equal(kept.values, expected.values)
    assert dict(kept.params) == dict(expected.params)
    assert answer["files"] == ["cat.occlusion.npz"]
    net = examples.mosaic_net()
    shares = net(net.transform(examples.photo("cat"))[None]).softmax(1)[0].detach()
    assert answer["label"] == answer["prediction"]["label"] == "cat"
    assert answer["probability"] == pytest.approx(float(shares[net.labels.index("cat")]), abs=1e-5)


def test_the_picture_is_the_one_that_attributions_save(desk: Path) -> None:
    answers("explain", "cat.png", *NET, "--out", "maps")
    expected = explain(examples.mosaic_net(), "cat.png").heat_map()
    np.testing.assert_array_equal(np.asarray(Image.open(desk / "maps" / "cat.grad_cam.png")), expected)


def test_classes_are_named_by_label_or_index_and_held_against_each_other() -> None:
    net = examples.mosaic_net()
    index = net.labels.index("rocket")
    found = [
        answers("explain", "cat.png", *NET, *NPZ, *target)[0]
        for target in (["-t", "rocket"], ["-t", str(index)], ["-t", "rocket", "--rather-than", "cat"])
    ]
    assert [each["label"] for each in found] == ["rocket", "rocket", "rocket rather than cat"]
    assert [each["target"] for each in found] == [index] * 3
    kept = Attribution.load("cat.grad_cam.npz")
    np.testing.assert_array_equal(kept.values, explain(net, "cat.png", target=Contrast("rocket", "cat")).values)


def test_layers_are_fused_where_several_are_named() -> None:
    answers("explain", "cat.png", *NET, *NPZ, "-l", "layer2", "-l", "layer4")
    expected = explain(examples.mosaic_net(), "cat.png", layer=["layer2", "layer4"])
    kept = Attribution.load("cat.grad_cam.npz")
    assert kept.layer == ("layer2", "layer4")
    np.testing.assert_array_equal(kept.values, expected.values)


def test_an_input_that_fails_does_not_stop_the_others(desk: Path) -> None:
    (desk / "bad.png").write_text("no picture")
    done = call("explain", "bad.png", "cat.png", "absent.png", "rocket.png", *NET)
    assert done.exit_code == 1
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["cat.png", "rocket.png"]
    assert "bad.png: 'bad.png' is no picture" in done.stderr
    assert "absent.png: There is no file 'absent.png'" in done.stderr
    assert "2 of 4 inputs failed." in done.stderr
    assert {path.name for path in desk.glob("*.grad_cam.png")} == {"cat.grad_cam.png", "rocket.grad_cam.png"}


def test_failures_are_lines_of_json_too() -> None:
    done = call("explain", "absent.png", "cat.png", *NET, "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["input"], first["status"]) == ("absent.png", "error")
    assert first["error"].startswith("There is no file 'absent.png'")
    assert (second["input"], second["status"]) == ("cat.png", "ok")


def test_remarks_come_once_and_never_with_quiet() -> None:
    done = call("explain", "cat.png", "rocket.png", *NET)
    assert done.stderr.count("Preprocessing: ") == 1
    assert call("explain", "cat.png", *NET, "-q").stderr == ""
    assert "forwards" in call("explain", "cat.png", *NET, "-v").stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--window", "7"], "The method 'grad_cam' (used where --method names none) has no option '--window'."),
        (["--window", "7"], "Methods that have it: occlusion."),
        (["-m", "rise", "--no-relu"], "Methods that have it: grad_cam, grad_cam_pp"),
        (["-m", "occlusion", "--windwo", "7"], "No such option '--windwo'"),
        (["-m", "oclusion", "--window", "7"], "There is no method 'oclusion'. Did you mean 'occlusion'?"),
        (["-m", "occlusion", "--window", "0"], "'--window': must be a number in 1 ... 256 or auto, got 0."),
        (["-m", "occlusion", "--window", "wide"], "'--window': must be a whole number or auto, got 'wide'."),
        (["-m", "occlusion", "--window", "8", "--stride", "9"], "stride 9 is larger than window 8"),
        (["-m", "occlusion", "--fill", "grey"], "'--fill': must be one of 'zero', 'mean', 'blur', 'noise'"),
        (["-m", "lime", "--segments", "absent.npy"], "'--segments': There is no file 'absent.npy'."),
        (["-t", "dog"], "The model has no class 'dog'."),
        (["-t", "12"], "Class index 12 is out of range"),
        (["--rather-than", "cat"], "--rather-than cat needs --target"),
        (["-l", "layer9"], "Layer 'layer9' not found. Did you mean 'layer4'"),
        (["-m", "attention_rollout"], "follows self-attention, and ExampleNet has none"),
        (["--device", "abacus"], "'--device': 'abacus' cannot be used on this machine"),
    ],
)
def test_a_question_that_does_not_fit_ends_with_2_before_any_output(
    arguments: list[str], says: str, desk: Path
) -> None:
    assert says in refused("explain", "cat.png", *NET, *arguments)
    assert not list(desk.glob("cat.*.png"))


@pytest.mark.parametrize("method", list(method_classes()))
def test_every_field_of_every_method_is_an_option_with_its_help(method: str) -> None:
    page = "".join(call("explain", "--method", method, "--help").stdout.split())
    for parameter in parameters_of(method_classes()[method]):
        assert f"--{parameter.name.replace('_', '-')}" in page
        assert "".join(parameter.about.help.split()) in page


def test_every_kind_of_value_arrives_as_its_field_holds_it() -> None:
    np.save("segments.npy", np.repeat(np.arange(4), 32 * 128).reshape(128, 128))
    given = (
        "--segments",
        "segments.npy",
        "--samples",
        "20",
        "--kernel-width",
        "0.5",
        "--fill",
        "0.25",
        "--score",
        "logit",
    )
    answers("explain", "cat.png", *NET, *NPZ, "-m", "lime", *given)
    kept = Attribution.load("cat.lime.npz")
    assert kept.meta["segments"] == 4
    assert len(np.unique(kept.values)) == 4
    expected = {"samples": 20, "kernel_width": 0.5, "fill": 0.25, "score": "logit", "n_segments": 50}
    assert {name: kept.params[name] for name in expected} == expected


@pytest.mark.parametrize(("option", "value"), [("--relu", True), ("--no-relu", False), (None, None)])
def test_a_switch_is_on_off_or_left_to_the_method(option: str | None, value: object) -> None:
    answers("explain", "cat.png", *NET, *NPZ, *([option] if option else []))
    assert Attribution.load("cat.grad_cam.npz").params["relu"] is value


def test_auto_is_the_methods_own_choice() -> None:
    answers("explain", "cat.png", *NET, *NPZ, "-m", "occlusion", "--window", "64", "--stride", "auto")
    kept = Attribution.load("cat.occlusion.npz")
    assert (kept.params["window"], kept.params["stride"]) == (64, None)


def test_an_option_that_the_command_has_already_gets_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import make_dataclass

    strange = make_dataclass("Strange", [("device", int, 3)], bases=(Occlusion,), frozen=True)
    classes = {**method_classes(), "strange": strange}
    monkeypatch.setattr("xai_widget.explainers.method_classes", lambda: classes)
    assert "--param-device INTEGER" in call("explain", "--method", "strange", "--help").stdout


def test_the_foreground_is_read_from_a_picture_or_an_array() -> None:
    mask = np.zeros((128, 128), bool)
    mask[32:64, 32:96] = True
    Image.fromarray(mask).save("mask.png")
    np.save("mask.npy", mask.astype(np.uint8))
    expected = explain(examples.mosaic_net(), "cat.png", "occlusion", window=32, stride=32, mask=mask).values
    assert not expected[~mask].any()
    for file in ("mask.png", "mask.npy"):
        given = ("-m", "occlusion", "--window", "32", "--stride", "32", "--mask", file)
        answers("explain", "cat.png", *NET, *NPZ, *given)
        np.testing.assert_array_equal(Attribution.load("cat.occlusion.npz").values, expected)


def test_a_mask_of_another_shape_is_told_once() -> None:
    np.save("mask.npy", np.ones((4, 4), bool))
    said = refused("explain", "cat.png", "rocket.png", *NET, "--mask", "mask.npy")
    assert "mask must have the input's spatial shape (128, 128), got (4, 4)" in said


def test_labels_come_from_text_or_json() -> None:
    names = [f"thing {index}" for index in range(12)]
    Path("labels.txt").write_text("\n".join(names) + "\n")
    Path("labels.json").write_text(json.dumps({str(index): ["n0", name] for index, name in enumerate(names)}))
    for file in ("labels.txt", "labels.json"):
        assert answers("explain", "cat.png", *NET, "--labels", file)[0]["label"] == "thing 1"
    Path("labels.txt").write_text("one\ntwo\n")
    assert "Got 2 labels; the model scores 12 classes." in refused("explain", "cat.png", *NET, "--labels", "labels.txt")


def test_a_volume_is_explained_in_its_own_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xai_widget.cli.loading.load_object", lambda _name: Depths())
    affine = np.diag([2.0, 1, 3, 1])
    values = np.random.default_rng(0).random((8, 6, 10), np.float32)
    nibabel.save(nibabel.Nifti1Image(values, affine), "scan.nii.gz")
    given = ("-m", "occlusion", "--window", "2", "--stride", "2", "-t", "0", "--format", "nii.gz", "--format", "npz")
    (answer,) = answers("explain", "scan.nii.gz", "--model", "nets:depths", *given)
    assert answer["files"] == ["scan.occlusion.nii.gz", "scan.occlusion.npz"]
    written = nibabel.load("scan.occlusion.nii.gz")
    expected = explain(Depths(), "scan.nii.gz", "occlusion", window=2, stride=2, target=0)
    np.testing.assert_array_equal(written.affine, affine)
    np.testing.assert_allclose(written.get_fdata(), expected.resized(), atol=1e-6)
    assert expected.values[:2].mean() > 0
    assert not expected.values[2:].any()


def test_a_volume_is_kept_as_a_picture_and_in_its_space_unless_a_format_is_named() -> None:
    assert USUAL == {2: ("png",), 3: ("png", "nii.gz")}


def test_inputs_of_one_name_do_not_overwrite_each_other() -> None:
    paths = [Path("a/cat.png"), Path("b/cat.PNG"), Path("cat-2.jpg"), Path("x.nii.gz"), Path("x.NII"), Path("bare")]
    assert list(stems(paths)) == ["cat", "cat-2", "cat-2-2", "x", "x-2", "bare"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["folder"], "folder: 'folder' is a folder; name its files, or use `xai-widget cohort`."),
        (["cat.png", "--format", "nii.gz"], "cat.png: nii.gz is for volumes, and this is a picture"),
        (["cat.png", "--dims", "3"], "cat.png: The model takes volumes, and 'cat.png' is a picture."),
    ],
)
def test_an_input_of_another_kind_fails_by_itself(arguments: list[str], says: str) -> None:
    Path("folder").mkdir()
    done = call("explain", *arguments, *NET)
    assert done.exit_code == 1
    assert says in done.stderr
    assert not done.stdout
