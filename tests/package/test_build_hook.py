"""The build hook on a front end of one line, which needs no download."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = """
import {appendFileSync, mkdirSync, readFileSync, writeFileSync} from "node:fs";
mkdirSync("../xai_widget/static", {recursive: true});
writeFileSync("../xai_widget/static/widget.js", readFileSync("src/index.ts"));
for (const name of ["widget.css", "offline.js", "offline.css", "eo.js"]) {
  writeFileSync(`../xai_widget/static/${name}`, "");
}
appendFileSync("../runs.txt", "built\\n");
"""
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "small"
version = "1"
[tool.hatch.build.targets.wheel]
packages = ["xai_widget"]
[tool.hatch.build.hooks.custom]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "js" / "src").mkdir(parents=True)
    (tmp_path / "xai_widget" / "words").mkdir(parents=True)
    (tmp_path / "xai_widget" / "words" / "eo.json").write_text("{}")
    shutil.copy(ROOT / "hatch_build.py", tmp_path)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "js" / "src" / "index.ts").write_text("first")
    (tmp_path / "js" / "build.mjs").write_text(BUILD)
    package = {"name": "small", "version": "1.0.0", "scripts": {"build": "node build.mjs"}}
    (tmp_path / "js" / "package.json").write_text(json.dumps(package))
    lock = {"name": "small", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": package}}
    (tmp_path / "js" / "package-lock.json").write_text(json.dumps(lock))
    return tmp_path


def run_hook(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # No PATH with a Node.js on it, no HOME that npm could write to.
    clean = {"PATH": only_a_shell(project), "HOME": os.devnull, "NO_COLOR": "1", **environment}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "--hooks-only"]
    return subprocess.run(command, cwd=project, env=clean, capture_output=True, text=True, check=False)


def only_a_shell(folder: Path) -> str:
    programs = folder / "programs"
    if not programs.is_dir():
        programs.mkdir()
        (programs / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    return str(programs)


def runs(project: Path) -> int:
    log = project / "runs.txt"
    return len(log.read_text().splitlines()) if log.is_file() else 0


def bundle(project: Path) -> str:
    return (project / "xai_widget" / "static" / "widget.js").read_text()


def test_builds_the_bundle_without_node_on_path_and_without_a_home(project: Path) -> None:
    done = run_hook(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert bundle(project) == "first"


def test_builds_again_only_when_a_source_or_the_bundle_changed(project: Path) -> None:
    run_hook(project)
    run_hook(project)
    assert runs(project) == 1
    (project / "js" / "src" / "index.ts").write_text("second")
    run_hook(project)
    assert (runs(project), bundle(project)) == (2, "second")
    (project / "xai_widget" / "static" / "widget.js").write_text("edited by hand")
    run_hook(project)
    assert (runs(project), bundle(project)) == (3, "second")


def test_builds_again_when_a_language_is_missing(project: Path) -> None:
    run_hook(project)
    (project / "xai_widget" / "static" / "eo.js").unlink()
    assert run_hook(project).returncode == 0
    assert runs(project) == 2


def test_a_source_distribution_keeps_the_bundle_it_carries(project: Path) -> None:
    static = project / "xai_widget" / "static"
    static.mkdir()
    (static / "widget.js").write_text("carried")
    for name in ("widget.css", "offline.js", "offline.css", "eo.js"):
        (static / name).write_text("")
    (project / "PKG-INFO").write_text("Metadata-Version: 2.4\nName: small\nVersion: 1\n")
    assert run_hook(project).returncode == 0
    assert (runs(project), bundle(project)) == (0, "carried")


def test_a_failing_build_script_ends_with_its_output_and_what_to_do(project: Path) -> None:
    (project / "js" / "build.mjs").write_text('console.error("no such colour"); process.exit(3);')
    done = run_hook(project)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "'npm run build' in js/ failed (exit code 3)" in said
    assert "no such colour" in said
    assert "Run 'python hatch_build.py run build'" in said
    assert "Traceback" not in said


def test_packages_that_cannot_be_fetched_are_named_with_a_way_out(project: Path) -> None:
    package = json.loads((project / "js" / "package.json").read_text())
    package["dependencies"] = {"left": "1.0.0"}
    lock = json.loads((project / "js" / "package-lock.json").read_text())
    lock["packages"] = {"": package, "node_modules/left": {"version": "1.0.0"}}
    (project / "js" / "package.json").write_text(json.dumps(package))
    (project / "js" / "package-lock.json").write_text(json.dumps(lock))
    done = run_hook(project, npm_config_offline="true")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "'npm ci --include=dev' in js/ failed" in said
    assert "check the network" in said
    assert "Traceback" not in said


def test_sources_without_a_front_end_say_so(project: Path) -> None:
    shutil.rmtree(project / "js")
    done = run_hook(project)
    assert done.returncode == 1
    assert "js/package-lock.json is missing" in done.stdout + done.stderr
