"""The console script itself: help, version, exit codes, what it imports."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from tests.shell import NET, call, photographs, refused
from xai_widget import __version__
from xai_widget.cli.app import NAME, group

ROOT = Path(__file__).parents[2]
QUICK = [["--version"], ["--help"], *([name, "--help"] for name in ("explain", "cohort", "report", "methods"))]


def run_python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a Python that finds this checkout, and no module of its working folder by itself."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_installed_script_is_this_group() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts[NAME].partition(":")
    assert getattr(import_module(module), name) is import_module("xai_widget.cli.app").main


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_help_and_version_load_neither_torch_nor_numpy(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys, xai_widget.cli.app as app\n"
        f"try: app.group({arguments!r}, prog_name={NAME!r})\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = run_python("-c", code, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("command", ["", "explain", "cohort", "report", "methods"])
def test_examples_in_the_help_keep_their_lines(command: str) -> None:
    page = call(*filter(None, [command]), "--help").stdout
    assert "\\b" not in page
    assert f"  xai-widget {command}" in page


def test_version() -> None:
    assert call("--version").stdout == f"xai-widget, version {__version__}\n"


@pytest.mark.slow
def test_a_real_process_explains_a_photograph(tmp_path: Path) -> None:
    photographs(tmp_path)
    done = run_python("-m", "xai_widget", "explain", "cat.png", *NET, "--out", "maps", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "cat.png: cat, 1.000 -> maps/cat.grad_cam.png\n"
    assert "Preprocessing: model.transform." in done.stderr
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["cat.grad_cam.png"]


@pytest.mark.slow
def test_a_real_process_ends_with_2_and_no_traceback_where_it_cannot_start(tmp_path: Path) -> None:
    done = run_python("-m", "xai_widget", "explain", "cat.png", "--model", "nowhere:net", cwd=tmp_path)
    assert done.returncode == 2
    assert not done.stdout
    assert "There is no module 'nowhere'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_shows_where_it_is_on_request() -> None:
    plain = call("explain", "cat.png", "--model", "nowhere:net")
    debugged = call("explain", "cat.png", "--model", "nowhere:net", "--debug")
    assert "Traceback" not in plain.output
    assert "ModuleNotFoundError" in debugged.stderr
    assert debugged.exit_code == plain.exit_code == 2


def test_every_command_says_what_its_options_are_about() -> None:
    for name in group.commands:
        page = call(name, "--help").stdout
        about, chosen = ("Contents", "--group-by ") if name == "report" else ("Model", "--model ")
        assert f"\n{about}:\n" in page, name
        assert chosen in page
        assert "\nOutput:\n" in page, name


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["explode"], "No such command 'explode'"),
        (["explain"], "Missing argument 'FILE...'"),
        (["explain", "cat.png"], "Missing option '--model'"),
        (["cohort", "nowhere", *NET], "'nowhere' does not exist"),
        (["methods", "grad_cma"], "There is no method 'grad_cma'. Did you mean 'grad_cam'"),
        (["methods", "--pretrained"], "--pretrained says something about a model; name it with --model"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_wrong_command_is_told_in_one_message(arguments: list[str], says: str) -> None:
    assert says in refused(*arguments)


def test_the_shell_completes_methods_their_options_and_words() -> None:
    from click.shell_completion import ShellComplete

    complete = ShellComplete(group, {}, NAME, "_XAI_WIDGET_COMPLETE")

    def offered(arguments: list[str], incomplete: str) -> list[str]:
        return [item.value for item in complete.get_completions(arguments, incomplete)]

    assert offered([], "ex") == ["explain"]
    assert offered(["explain", "--method"], "occ") == ["occlusion"]
    assert offered(["explain", "--method", "occlusion"], "--win") == ["--window"]
    assert offered(["explain", "--method", "grad_cam"], "--win") == []
    assert offered(["explain", "--method", "occlusion", "--fill"], "n") == ["noise"]
