"""Models and weights by name: only what was named is imported, nothing in a file is run, nothing is downloaded."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.shell import NET, answers, call, photographs, refused
from xai_widget import examples
from xai_widget.cli.loading import load_model, load_object
from xai_widget.cli.weights import fill

ROOT = Path(__file__).parents[2]
NETS = """
from torch import nn

def make(classes=2):
    return nn.Sequential(nn.Conv2d(3, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

made = make(3)

class Own(nn.Sequential):
    def __init__(self):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten())

def scores(batch):
    return batch.mean((2, 3))

def fails():
    raise KeyError("no such part")

def grey(picture):
    from torchvision.transforms.functional import to_tensor
    return to_tensor(picture.convert("L").convert("RGB"))

number = 3

class Holder:
    class inner:
        make = staticmethod(make)
"""


class Code:
    """What a pickle can do to who loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, (f"touch {self.path}",)


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with photographs and a module of one's own, which is forgotten afterwards."""
    photographs(tmp_path)
    (tmp_path / "own_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_nets", raising=False)
    yield tmp_path
    sys.modules.pop("own_nets", None)


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))


def same(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


# -- models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("own_nets:make", 2),
        ("own_nets:made", 3),
        ("own_nets:Own", 3),
        ("own_nets:scores", 3),
        ("own_nets:Holder.inner.make", 2),
    ],
)
def test_a_module_here_gives_a_model_a_class_a_factory_or_a_function(name: str, outputs: int) -> None:
    model = load_model(name)
    assert model(torch.rand(4, 3, 5, 5)).shape == (4, outputs)
    assert not getattr(model, "training", False)


def test_networks_of_torchvision_are_built_with_the_classes_that_were_asked_for() -> None:
    model = load_model("torchvision:squeezenet1_1", weights=True, classes=5)
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 5)


def test_published_weights_bring_their_labels_and_preprocessing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def get_model(name: str, *, weights: Any) -> nn.Module:
        asked.append((name, weights))
        return small()

    monkeypatch.setattr("torchvision.models.get_model", get_model)
    model = load_model("torchvision:resnet18", pretrained=True)
    assert asked == [("resnet18", model.weights)]
    assert len(model.weights.meta["categories"]) == 1000


@pytest.mark.parametrize("pretrained", [False, True])
def test_networks_of_timm_are_downloaded_only_when_asked(pretrained: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def create_model(name: str, **how: Any) -> nn.Module:
        asked.append((name, how))
        return small()

    fake = SimpleNamespace(create_model=create_model, is_model=lambda name: name == "resnet50", list_models=list)
    monkeypatch.setitem(sys.modules, "timm", fake)  # type: ignore[arg-type]
    load_model("timm:resnet50.a1_in1k", pretrained=pretrained, weights=not pretrained, classes=7)
    assert asked == [("resnet50.a1_in1k", {"pretrained": pretrained, "num_classes": 7})]


def test_networks_of_transformers_come_as_safetensors_and_bring_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def from_pretrained(name: str, **how: Any) -> nn.Module:
        asked.append((name, how))
        return small()

    auto = SimpleNamespace(from_pretrained=from_pretrained)
    fake = SimpleNamespace(AutoModelForImageClassification=auto, AutoImageProcessor=auto)
    monkeypatch.setitem(sys.modules, "transformers", fake)  # type: ignore[arg-type]
    load_model("transformers:google/vit", pretrained=True)
    local = {"local_files_only": False, "trust_remote_code": False}
    assert asked == [("google/vit", {"use_safetensors": True, **local}), ("google/vit", local)]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet50", "package.module:factory of your own; got 'resnet50'."),
        ("torchvision:resnet5", "torchvision has no model 'resnet5'. Did you mean 'resnet"),
        ("torchvision:resnet50", "Pass --weights FILE, or --pretrained"),
        ("examples:mosaic", "There is no example 'mosaic'. Did you mean 'mosaic_net'?"),
        ("own_nets:mkae", "'own_nets' has no 'mkae'. Did you mean 'make'"),
        ("own_net:make", "There is no module 'own_net', neither in this folder"),
        ("own_nets:fails", "'own_nets:fails' made no model. KeyError: 'no such part'"),
        ("own_nets:number", "'own_nets:number' is a int; expected a model"),
    ],
)
def test_a_model_that_is_not_there_is_told(name: str, says: str) -> None:
    assert says in refused("explain", "cat.png", "--model", name)


@pytest.mark.parametrize("library", ["timm", "transformers"])
def test_a_library_that_is_missing_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=f"needs {library}, which is not installed: pip install {library}"):
        load_model(f"{library}:x", pretrained=True)


def test_what_a_module_lacks_is_told_as_its_own_trouble(desk: Path) -> None:
    (desk / "own_nets.py").write_text("import a_library_that_is_not_here\n")
    said = refused("explain", "cat.png", "--model", "own_nets:make")
    assert "No module named 'a_library_that_is_not_here'" in said
    assert "'own_nets' imports it." in said


@pytest.mark.parametrize("option", [["--pretrained"], ["--num-classes", "3"]])
def test_options_about_libraries_do_not_go_with_models_of_ones_own(option: list[str]) -> None:
    assert "makes its own choice" in refused("explain", "cat.png", "--model", "own_nets:make", *option)


def test_a_model_and_a_transform_of_ones_own_work_together() -> None:
    given = ("--model", "own_nets:scores", "--transform", "own_nets:grey", "-m", "occlusion", "--window", "200")
    (answer,) = answers("explain", "cat.png", *given)
    assert answer["prediction"]["probability"] == pytest.approx(1 / 3, abs=1e-6)
    assert "'own_nets' has no 'gray'. Did you mean" in refused(
        "explain", "cat.png", "--model", "own_nets:scores", "--transform", "own_nets:gray"
    )


# -- what is imported ------------------------------------------------------------------------------------------------


def imported(desk: Path, *arguments: str) -> set[str]:
    """Return which of the folder's modules a process imports; each says so in a file."""
    for name in ("nibabel", "pandas", "timm", "other", "tqdm"):
        (desk / f"{name}.py").write_text(f"open('imported {name}', 'w').close()\nraise ImportError\n")
    code = f"from xai_widget.cli import main; import sys; sys.argv = ['xai-widget', *{list(arguments)!r}]; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=desk, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.name.removeprefix("imported ") for path in desk.glob("imported *")}


@pytest.mark.slow
def test_nothing_of_the_working_folder_is_imported_unasked(desk: Path) -> None:
    assert imported(desk, "explain", "cat.png", *NET) == set()


@pytest.mark.slow
def test_of_the_working_folder_only_the_named_module_is_imported(desk: Path) -> None:
    (desk / "own_nets.py").write_text(NETS + "\nopen('imported own_nets', 'w').close()\n")
    assert imported(desk, "explain", "cat.png", "--model", "own_nets:make") == {"own_nets"}


def test_a_module_here_finds_its_neighbours_later_too(desk: Path) -> None:
    (desk / "own_parts.py").write_text("side = 4\n")
    (desk / "own_nets.py").write_text("def make():\n    import own_parts\n    return lambda batch: own_parts.side\n")
    try:
        assert load_object("own_nets:make")()(None) == 4
    finally:
        sys.modules.pop("own_parts", None)
    assert sys.path[-1] == str(desk)


# -- weights ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_weights_fill_the_model_whatever_wrapped_it(name: str, prefix: str) -> None:
    wanted, found = small(), small()
    nn.init.uniform_(wanted[0].weight)
    weights = {prefix + key: value for key, value in wanted.state_dict().items()}
    save_file(weights, name) if name.endswith("safetensors") else torch.save({"state_dict": weights, "epoch": 3}, name)
    fill(found, Path(name))
    assert same(wanted, found)


def test_weights_of_a_network_on_the_command_line() -> None:
    from torchvision.models import squeezenet1_1

    torch.manual_seed(1)
    model = squeezenet1_1(num_classes=4).eval()
    save_file(model.state_dict(), "w.safetensors")
    given = ("--model", "torchvision:squeezenet1_1", "--num-classes", "4", "--weights", "w.safetensors")
    (answer,) = answers("explain", "cat.png", *given, "--layer", "features.12", "-t", "2")
    from xai_widget.inputs import read_input

    expected = model(read_input("cat.png", model).tensor).softmax(1).detach()
    assert answer["probability"] == pytest.approx(float(expected[0, 2]), abs=1e-5)


def test_half_precision_and_missing_counters_are_no_mismatch() -> None:
    path = Path(examples.__file__).parent / "mosaic_net.safetensors"
    assert answers("explain", "cat.png", *NET, "--weights", str(path))[0]["label"] == "cat"


def test_code_in_a_file_of_weights_is_refused_and_not_run(desk: Path) -> None:
    for name in ("torch.pt", "plain.pth"):
        if name == "torch.pt":
            torch.save({"weight": Code(desk / "ran")}, name)
        else:
            Path(name).write_bytes(pickle.dumps(Code(desk / "ran")))
        said = refused("explain", "cat.png", *NET, "--weights", name)
        assert f"'{name}' holds more than tensors" in said
        assert "refused" in said
    assert not (desk / "ran").exists()


def test_a_whole_model_in_a_pickle_is_refused_too() -> None:
    torch.save(small(), "whole.pt")
    assert "holds more than tensors" in refused("explain", "cat.png", *NET, "--weights", "whole.pt")


def test_weights_that_do_not_fit_are_told_by_name() -> None:
    weights: dict[str, Tensor] = small().state_dict()
    weights["2.weight"] = weights.pop("0.weight")
    weights["1.bias"] = torch.zeros(5)
    save_file(weights, "w.safetensors")
    with pytest.raises(ValueError, match="does not fit Sequential") as caught:
        fill(small(), Path("w.safetensors"))
    told = str(caught.value)
    assert "1 missing: 0.weight" in told
    assert "1 unexpected: 2.weight" in told
    assert "1 of another shape: 1.bias (5 in the file, 2 in the model)" in told


def test_of_many_names_that_do_not_fit_the_first_are_told() -> None:
    save_file({"weight": torch.zeros(1)}, "w.safetensors")
    said = refused("explain", "cat.png", *NET, "--weights", "w.safetensors")
    assert "missing: stem.conv.weight, stem.bn.weight, stem.bn.bias, ...; 1 unexpected: weight." in said


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("w.bin", b"x", "expected weights as .safetensors, or as .pt or .pth"),
        ("w.safetensors", b"not a header", "is no safetensors file"),
        ("w.pt", b"", "cannot be read as weights"),
    ],
)
def test_a_file_of_another_kind_is_told(name: str, content: bytes, says: str) -> None:
    Path(name).write_bytes(content)
    assert says in refused("explain", "cat.png", *NET, "--weights", name)


def test_a_list_of_tensors_is_no_weights() -> None:
    torch.save([torch.zeros(2)], "w.pt")
    assert "holds no weights by name" in refused("explain", "cat.png", *NET, "--weights", "w.pt")


def test_weights_and_pretrained_contradict_each_other() -> None:
    save_file({"weight": torch.zeros(1)}, "w.safetensors")
    given = ("--model", "torchvision:resnet18", "--weights", "w.safetensors", "--pretrained")
    assert "leave one out" in refused("explain", "cat.png", *given)


def test_a_pickle_among_the_parameters_is_not_run(desk: Path) -> None:
    Path("segments.npy").write_bytes(pickle.dumps(Code(desk / "ran")))
    done = call("explain", "cat.png", *NET, "-m", "lime", "--segments", "segments.npy")
    assert done.exit_code == 2
    assert not (desk / "ran").exists()
