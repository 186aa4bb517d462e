"""A JupyterLab of its own: temporary folders, a free port, nothing of the person's settings, nothing from the network."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

ROOT: Final = Path(__file__).parents[2]
TOKEN: Final = "t"  # noqa: S105 - a server of our own, for minutes
START_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.1

# News, updates and the extension manager would ask the network; pop-ups would lie over what is looked at.
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/extensionmanager-extension/plugin": {"enabled": False},
}


class JupyterServer:
    """A running ``jupyter lab``.

    Parameters
    ----------
    home : Path
        An empty folder for everything that Jupyter reads and writes.

    Attributes
    ----------
    notebooks : Path
        The folder that the server shows.
    url : str
        Its address, without a slash at the end.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.notebooks = home / "notebooks"
        self.notebooks.mkdir(parents=True)
        self.reset_settings()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = (home / "server.log").open("wb")
        self._process = subprocess.Popen(
            self._command(), cwd=self.notebooks, env=self._environment(), stdout=self._log, stderr=subprocess.STDOUT
        )

    def __enter__(self) -> Self:
        """Wait until the server answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ask("GET", "/api/status")
            except (OSError, urllib.error.URLError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__(None, None, None)
                    raise RuntimeError(f"JupyterLab did not start:\n{self.log()}") from None
                # The server has no other way to say that it is there.
                time.sleep(POLL_SECONDS)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def log(self) -> str:
        """Return what the server wrote."""
        return (self.home / "server.log").read_text("utf-8", "replace")

    def ask(self, verb: str, path: str, body: object = None) -> Any:
        """Call the server's HTTP interface and return the decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=verb)  # noqa: S310 - our own address
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
            text = answer.read()
        return json.loads(text) if text else None

    def reset_settings(self) -> None:
        """Forget what pages have changed in JupyterLab's settings, such as the theme."""
        settings = self.home / "settings"
        shutil.rmtree(settings, ignore_errors=True)
        for name, values in SETTINGS.items():
            file = settings / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps(values))

    def start_kernel(self) -> str:
        """Start a kernel and return its id."""
        return str(self.ask("POST", "/api/kernels", {"name": "python3"})["id"])

    def attach(self, notebook: str, kernel_id: str) -> None:
        """Let `notebook` use a kernel that runs already when it is opened."""
        kernel = {"id": kernel_id}
        self.ask("POST", "/api/sessions", {"path": notebook, "name": notebook, "type": "notebook", "kernel": kernel})

    def kernel_of(self, notebook: str) -> str:
        """Return the id of the kernel that `notebook` uses."""
        found = [each["kernel"]["id"] for each in self.ask("GET", "/api/sessions") if each["path"] == notebook]
        return str(found[0])

    def connection_file(self, kernel_id: str) -> Path:
        """Return where the ports of a kernel are written down."""
        return self.home / "runtime" / f"kernel-{kernel_id}.json"

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.notebooks}"),
            # Restarting and changing the theme go through Lab's own commands.
            *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
            *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
        ]

    def _environment(self) -> dict[str, str]:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return os.environ | {
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.home / "workspaces"),
            "IPYTHONDIR": str(self.home / "ipython"),
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": "2",
        }


def free_port() -> int:
    """Return a port that nobody listens to.

    It lies below those that the system hands out by itself: a kernel of another run might be given such a one before the
    server listens there.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as found:
            try:
                found.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
