"""`xai-widget report` writes the page of a store, and says what cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.made_cohorts import a_cohort
from tests.shell import call, refused

pytestmark = pytest.mark.slow

SIDE = 16


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the store `maps.zarr` of twelve maps, and an atlas."""
    monkeypatch.chdir(tmp_path)
    records = [{"label": at % 2, "probability": 0.5 + at / 25} for at in range(12)]
    a_cohort(tmp_path / "maps.zarr", np.random.default_rng(0).normal(size=(12, SIDE, SIDE)), None, records)
    np.save("atlas.npy", np.repeat([[1], [2]], SIDE // 2, axis=0) * np.ones((1, SIDE), int))
    Path("names.json").write_text(json.dumps({"1": "upper half", "2": "lower half"}))
    Path("names.txt").write_text("top\nbottom\n")
    return Path("maps.zarr")


def test_it_writes_what_the_cohort_writes(store: Path) -> None:
    from xai_widget.cohort import Cohort

    done = call("report", store)
    assert done.exit_code == 0, done.output
    assert done.stdout == "report.html\n"
    assert Path("report.html").read_text("utf-8") == Cohort.open(store).report("same.html").read_text("utf-8")


def test_everything_that_is_said_arrives(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xai_widget.cohort.cohort import Cohort

    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    monkeypatch.setattr(Cohort, "report", lambda _, *given, **named: calls.append((given, named)) or given[0])
    groups = ("--group-by", "prediction", "--group-by", "probability=0.75")
    regions = ("--atlas", "atlas.npy", "--atlas-names", "names.json")
    others = ("--alike", "shape", "--representatives", 2, "--crosshair", 1, 2, 3, "--title", "Mine", "-o", "page.html")
    done = call("report", store, *groups, *regions, *others)
    assert done.exit_code == 0, done.output
    ((path, by, atlas, names), named) = calls[0]
    assert (path, by, names) == (
        Path("page.html"),
        ["prediction", {"probability": 0.75}],
        {1: "upper half", 2: "lower half"},
    )
    assert np.array_equal(atlas, np.load("atlas.npy"))
    assert named == {"title": "Mine", "view": {"crosshair": [1, 2, 3]}, "representatives": 2, "alike": "shape"}


def test_regions_can_be_named_by_lines(store: Path) -> None:
    done = call("report", store, "--atlas", "atlas.npy", "--atlas-names", "names.txt")
    assert done.exit_code == 0, done.output
    page = Path("report.html").read_text("utf-8")
    assert ">top</th>" in page
    assert ">bottom</th>" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.zarr",), "'STORE': There is no cohort 'nowhere.zarr'"),
        (("maps.zarr", "--group-by", "lable"), "no column 'lable'. Did you mean 'label'?"),
        (("maps.zarr", "--group-by", "probability=high"), "expected a column, or COLUMN=NUMBER"),
        (("maps.zarr", "--atlas-names", "names.json"), "give it with --atlas"),
        (("maps.zarr", "--atlas", "names.json"), "names.json"),
        (("maps.zarr", "--out", "nowhere/page.html"), "there is no folder 'nowhere'"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_cannot_be_is_one_message(arguments: tuple[str, ...], words: str) -> None:
    assert words in refused("report", *arguments)
    assert not Path("report.html").exists()


def test_names_that_are_no_numbers_are_refused(store: Path) -> None:
    Path("names.json").write_text('{"hippocampus": "1"}')
    told = refused("report", store, "--atlas", "atlas.npy", "--atlas-names", "names.json")
    assert "regions have whole numbers" in told
