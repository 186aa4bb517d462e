"""The command line as a test uses it: run in this process, in a folder with two photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from xai_widget.cli.app import NAME, group
from xai_widget.examples import photo

NET = ("--model", "examples:mosaic_net")


def photographs(folder: Path) -> None:
    """Put `cat.png` and `rocket.png` into a folder."""
    for name in ("cat", "rocket"):
        photo(name).save(folder / f"{name}.png")


def call(*arguments: str | Path) -> Result:
    """Run `xai-widget` with these arguments."""
    return CliRunner().invoke(group, [str(each) for each in arguments], prog_name=NAME)


def answers(*arguments: str | Path) -> list[dict[str, Any]]:
    """Run `xai-widget ... --json`, which has to succeed, and return what it printed."""
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(*arguments: str | Path) -> str:
    """Run `xai-widget` wrongly, and return the one message it gives."""
    done = call(*arguments)
    assert done.exit_code == 2, done.output
    assert isinstance(done.exception, SystemExit)
    assert not done.stdout
    usage, error, message = done.stderr.partition("\nError: ")
    assert usage.startswith("Usage: ")
    assert error
    assert "Traceback" not in message
    return message.strip()
