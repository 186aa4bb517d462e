"""`xai-widget cohort` hands a run to `explain_dataset`, and says what became of it."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest

from tests.shell import NET, call, photographs, refused
from xai_widget import Contrast, examples

OK = {"status": "ok", "error": None}


class Recorder:
    """Stands in for `explain_dataset`: keeps what it was called with, and returns a cohort of known rows."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.rows = [{"id": "cat.png", "prediction": 1, **OK}, {"id": "rocket.png", "prediction": 9, **OK}]
        self.error: Exception | None = None

    def __call__(self, *positional: Any, **keywords: Any) -> Recorder:
        self.calls.append((positional, keywords))
        if self.error is not None:
            raise self.error
        return self

    @property
    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)

    def groups(self) -> dict[str, list[int]]:
        return {"cat": [0], "rocket": [1]}

    @property
    def positional(self) -> tuple[Any, ...]:
        return self.calls[-1][0]

    @property
    def keywords(self) -> dict[str, Any]:
        return self.calls[-1][1]


@pytest.fixture(autouse=True)
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A folder `photos` with two photographs, and nothing that computes."""
    (tmp_path / "photos").mkdir()
    photographs(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    recorder = Recorder()
    fake = ModuleType("xai_widget.cohort")
    monkeypatch.setattr(fake, "explain_dataset", recorder, raising=False)
    monkeypatch.setitem(sys.modules, "xai_widget.cohort", fake)
    return recorder


def test_what_is_left_out_is_what_explain_dataset_does_by_itself(recorder: Recorder) -> None:
    done = call("cohort", "photos", *NET)
    assert done.exit_code == 0, done.output
    model, *rest = recorder.positional
    assert type(model) is examples.ExampleNet
    assert rest == [Path("photos"), "occlusion", Path("maps.zarr"), None, None, None, 1]
    assert recorder.keywords == {"layer": None, "progress": True, "retry": False, "precision": "float32"}


def test_everything_that_is_said_arrives(recorder: Recorder) -> None:
    Path("photos.csv").write_text("path\nphotos/cat.png\n")
    Path("labels.txt").write_text("\n".join(f"thing {index}" for index in range(12)))
    np.save("mask.npy", np.ones((128, 128)))
    method = ("-m", "score_cam", "--channels", "7", "--fill", "0.5", "--no-relu", "-l", "layer3", "-l", "layer4")
    asked = (
        "-t",
        "3",
        "--rather-than",
        "thing 5",
        "--target-column",
        "diagnosis",
        "--group-by",
        "sex",
        "--group-by",
        "label",
    )
    bound = (
        "--labels",
        "labels.txt",
        "--mask",
        "mask.npy",
        "--dims",
        "2",
        "--activation",
        "sigmoid",
        "--device",
        "cpu",
    )
    work = ("--workers", "3", "--resume", "--retry", "-q", "-o", "out.zarr", "--precision", "bfloat16")
    done = call("cohort", "photos.csv", *NET, *method, *asked, *bound, *work)
    assert done.exit_code == 0, done.output
    expected = [
        Path("photos.csv"),
        "score_cam",
        Path("out.zarr"),
        Contrast(3, "thing 5"),
        "diagnosis",
        ["sex", "label"],
        3,
    ]
    assert list(recorder.positional[1:]) == expected
    keywords = dict(recorder.keywords)
    np.testing.assert_array_equal(keywords.pop("mask"), np.ones((128, 128), bool))
    assert keywords == {
        "layer": ["layer3", "layer4"],
        "labels": [f"thing {index}" for index in range(12)],
        "precision": "bfloat16",
        "activation": "sigmoid",
        "device": "cpu",
        "dims": 2,
        "progress": False,
        "retry": True,
        "channels": 7,
        "fill": 0.5,
        "relu": False,
    }


def test_every_argument_is_one_that_explain_dataset_has(recorder: Recorder) -> None:
    import inspect

    call("cohort", "photos", *NET, "--mask", "photos/cat.png", "--transform", "json:loads", "--layer", "layer4")
    sys.modules.pop("xai_widget.cohort")
    real = pytest.importorskip("xai_widget.cohort", exc_type=ImportError)
    inspect.signature(real.explain_dataset).bind(*recorder.positional, **recorder.keywords)


def test_a_pattern_chooses_files_and_keeps_their_folders_as_labels(recorder: Recorder) -> None:
    folder = Path("photos")
    for name in ("train/cat/a.png", "val/cat/b.png", "val/c.png", "val/c.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    call("cohort", "photos", *NET, "--glob", "*.png")
    every = recorder.positional[1]
    assert every.ids == ("cat.png", "rocket.png", "train/cat/a.png", "val/c.png", "val/cat/b.png")
    assert (every[0], every[2]) == ((folder / "cat.png", None), (folder / "train/cat/a.png", "train"))
    call("cohort", "photos", *NET, "--glob", "val/**/*.png")
    chosen = recorder.positional[1]
    assert chosen.ids == ("val/c.png", "val/cat/b.png")
    assert len(chosen) == 2
    assert pickle.loads(pickle.dumps(chosen)) == chosen  # noqa: S301 - as it travels to workers
    assert "no file below 'photos' matches '*.gif'" in refused("cohort", "photos", *NET, "--glob", "*.gif")
    assert "--glob chooses files of a folder" in refused("cohort", "photos/cat.png", *NET, "--glob", "*")


def test_a_store_that_is_there_is_not_touched_unasked(recorder: Recorder) -> None:
    Path("maps.zarr").mkdir()
    said = refused("cohort", "photos", *NET)
    assert "'maps.zarr' is there already. --resume goes on where it stopped" in said
    assert not recorder.calls
    assert call("cohort", "photos", *NET, "--resume").exit_code == 0
    assert len(recorder.calls) == 1


def test_the_end_tells_groups_and_where_the_store_is() -> None:
    assert call("cohort", "photos", *NET).stdout == (
        "maps.zarr: 2 of 2 inputs explained\ngroups: cat (1), rocket (1)\nsee them: xai-widget report maps.zarr\n"
    )


def test_failures_end_with_1_and_the_first_errors(recorder: Recorder) -> None:
    recorder.rows += [{"id": f"bad-{n}.png", "status": "error", "error": f"no picture {n}"} for n in range(4)]
    done = call("cohort", "photos", *NET)
    assert done.exit_code == 1
    assert done.stdout == (
        "maps.zarr: 2 of 6 inputs explained\n"
        "groups: cat (1), rocket (1)\n"
        "failed: 4, recorded in the store (--resume --retry tries them again)\n"
        "  bad-0.png: no picture 0\n  bad-1.png: no picture 1\n  bad-2.png: no picture 2\n  ...\n"
        "see them: xai-widget report maps.zarr\n"
    )
    again = call("cohort", "photos", *NET, "--json")
    assert again.exit_code == 1
    assert json.loads(again.stdout) == {
        "store": "maps.zarr",
        "inputs": 6,
        "ok": 2,
        "failed": 4,
        "errors": {f"bad-{n}.png": f"no picture {n}" for n in range(3)},
        "groups": {"cat": 1, "rocket": 1},
    }


def test_warnings_are_remarks_that_quiet_leaves_out(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def warned(*_: Any, **__: Any) -> Recorder:
        for _time in range(2):
            warnings.warn("The volumes have different affines.", RuntimeWarning, stacklevel=2)
        return recorder

    monkeypatch.setattr(sys.modules["xai_widget.cohort"], "explain_dataset", warned)
    assert call("cohort", "photos", *NET).stderr == "The volumes have different affines.\n"
    assert call("cohort", "photos", *NET, "-q").stderr == ""


def test_what_explain_dataset_refuses_is_one_message(recorder: Recorder) -> None:
    recorder.error = ValueError("maps.zarr was made with another method.")
    assert refused("cohort", "photos", *NET) == "maps.zarr was made with another method."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--steps", "5"], "The method 'occlusion' (used where --method names none) has no option '--steps'."),
        (["--window", "8", "--stride", "9"], "stride 9 is larger than window 8"),
        (["--retry"], "--retry tries again what failed in a store that is there; it needs --resume."),
        (["--workers", "0"], "'--workers'"),
        (["--workers", "2", "--scheduler", "tcp://host:8786"], "leave one out"),
    ],
)
def test_contradictions_are_told_before_anything_runs(arguments: list[str], says: str, recorder: Recorder) -> None:
    assert says in refused("cohort", "photos", *NET, *arguments)
    assert not recorder.calls


class Client:
    """A Dask client that remembers whether it was closed."""

    made: list[Client] = []  # noqa: RUF012 - of the test below

    def __init__(self, address: str) -> None:
        self.address = address
        self.open = True
        self.made.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False


def test_a_scheduler_is_used_through_a_client_that_is_closed(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = ModuleType("distributed")
    monkeypatch.setattr(fake, "Client", Client, raising=False)
    monkeypatch.setitem(sys.modules, "distributed", fake)
    assert call("cohort", "photos", *NET, "--scheduler", "tcp://host:8786").exit_code == 0
    (client,) = Client.made
    assert recorder.positional[-1] is client
    assert client.address == "tcp://host:8786"
    assert not client.open


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = refused("cohort", "photos", *NET, "--scheduler", "tcp://host:8786")
    assert said == '--scheduler needs Dask: pip install "xai-widget[cluster]"'


def test_the_real_function_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "xai_widget.cohort")
    cohort = pytest.importorskip("xai_widget.cohort", exc_type=ImportError)
    assert importlib.import_module("xai_widget.cohort").explain_dataset is cohort.explain_dataset
    done = call("cohort", "photos", *NET, "--window", "64", "--stride", "64", "-q")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("maps.zarr: 2 of 2 inputs explained\n")
    found = cohort.Cohort.open("maps.zarr")
    assert list(found.table["id"]) == ["cat.png", "rocket.png"]
