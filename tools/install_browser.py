"""Find a Chromium for the browser tests, or install one: Debian's package where apt can be used, else Playwright's own.

Run as ``python tools/install_browser.py``; it prints the path of the browser.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# A page without fonts cannot be looked at.
PACKAGES: Final = ("chromium", "fonts-dejavu-core")


def find_browser() -> str | None:
    """Return the path of a Chromium that starts, or None.

    ``XAI_WIDGET_BROWSER`` comes first, then PATH, then what Playwright has installed.
    """
    named = os.environ.get("XAI_WIDGET_BROWSER")
    candidates = [named] if named else [*map(shutil.which, NAMES), _playwright_browser()]
    return next((path for path in candidates if path and _starts(path)), None)


def _starts(path: str) -> bool:
    # Some systems have a stub in the place of the browser, so the file alone proves nothing.
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _playwright_browser() -> str | None:
    # In a process of its own: Playwright may be missing, and its synchronous interface refuses a running event loop.
    code = "from playwright.sync_api import sync_playwright as p\nwith p() as q: print(q.chromium.executable_path)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    path = found.stdout.strip()
    return path if found.returncode == 0 and Path(path).is_file() else None


def _install() -> None:
    apt = shutil.which("apt-get")
    if apt and hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([apt, "update"], env=quiet, stdin=subprocess.DEVNULL, check=False)
        command = [apt, "install", "--yes", "--no-install-recommends", *PACKAGES]
        subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, check=False)
        if find_browser():
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdin=subprocess.DEVNULL, check=False)


def main() -> int:
    """Make sure that there is a browser; the exit code says whether there is."""
    if find_browser() is None:
        _install()
    path = find_browser()
    if path is None:
        print(
            "No Chromium was found and none could be installed. Install one (on Debian: apt-get install chromium), "
            "or name one with XAI_WIDGET_BROWSER=/path/to/chromium.",
            file=sys.stderr,
        )
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
