"""Every Python block of the README runs as it stands, and what it says about other files is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from PIL import Image

from xai_widget import Attribution, XaiWidget, examples

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
# This block downloads weights; the same network without them stands in.
NEEDS_NETWORK = 'resnet50(weights="DEFAULT")'


def named(part: str) -> str:
    (block,) = (block for block in BLOCKS if part in block)
    return block


def run(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102 - our own README
    return names


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)


def test_there_is_one_block_that_needs_the_network() -> None:
    assert len(BLOCKS) == 4
    assert [NEEDS_NETWORK in block for block in BLOCKS] == [True, False, False, False]


def test_the_first_example_has_three_lines_and_shows_a_widget() -> None:
    block = named(NEEDS_NETWORK)
    lines = [line for line in block.splitlines() if line]
    assert len(lines) == 3
    examples.photo("cat").save("cat.jpg")
    *imports, last = lines
    names = run("\n".join([*imports, f"w = {last}"]).replace(NEEDS_NETWORK, "resnet50(weights=None)"))
    widget = names["w"]
    assert isinstance(widget, XaiWidget)
    assert len(widget.predictions) == 1000
    assert "tabby" in {label for _, label, _ in widget.predictions}
    widget.close()


def test_the_functions_at_a_glance() -> None:
    names = run(named("explain_batch"))
    a = names["a"]
    assert isinstance(a, Attribution)
    assert (a.label, a.values.shape, a.values.dtype.name) == ("cat", (128, 128), "float32")
    assert Attribution.load("cat.npz").label == "cat"


def test_the_widgets_traits() -> None:
    names = run(named("w.snapshot("))
    w, a = names["w"], names["a"]
    assert (a.method, a.label, dict(w.params)) == ("occlusion", "coffee", {"window": 32, "stride": 16})
    assert w.view["opacity"] == 0.7
    assert w.predictions[0][1] == "cat"
    assert isinstance(w.snapshot(), Image.Image)
    w.close()


def test_targets_and_contrasts() -> None:
    names = run(named("Contrast("))
    assert names["model"].labels[9] == "rocket"


def test_the_guides_comparison_pins_what_it_says() -> None:
    (block,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs" / "widget.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    names = run(block)
    assert [(a.method, a.label) for a in names["maps"]] == [
        (method, label) for method in ("grad_cam", "occlusion") for label in ("cat", "temple")
    ]
    assert len(names["w"].pinned) == 4
    names["w"].close()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)]+)\)", README))))
def test_what_it_links_to_is_there(link: str) -> None:
    assert (ROOT / link).is_file()


def test_versions_for_machines_without_a_gpu_are_those_of_the_lock_file() -> None:
    locked = dict(
        re.findall(r"^(torch|torchvision)==(\S+)$", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    )
    assert dict(re.findall(r"\b(torch|torchvision)==([\d.]+\d)", README)) == locked


def test_the_make_targets_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^make (\w+)", README, flags=re.MULTILINE)) | set(re.findall(r"`make (\w+)`", README))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}\b.*:", makefile, flags=re.MULTILINE), target


def test_the_methods_it_lists_are_the_methods_there_are() -> None:
    from xai_widget import methods

    rows = re.findall(r"^\| [\w ]+ \| ((?:`\w+` ?)+)\|", README, flags=re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(row.id for row in methods())
