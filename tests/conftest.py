"""What every test folder shares: marks by folder, and the browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.install_browser import find_browser

HERE = Path(__file__).parent
MARKED_FOLDERS = ("browser", "cohort", "kernel", "package")
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        if folder in MARKED_FOLDERS:
            item.add_marker(folder)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """A Chromium. Without one the browser tests are skipped on a desk, and fail in CI."""
    path = find_browser()
    if path is None:
        reason = "No Chromium found; `python tools/install_browser.py` installs one."
        if IN_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return path
