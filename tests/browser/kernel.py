"""A second door to a notebook's kernel: what Python knows can be asked without a cell, and without the page."""

from __future__ import annotations

import ast
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jupyter_client.blocking.client import BlockingKernelClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANSWER_SECONDS: Final = 90
PATIENCE_SECONDS: Final = 10
T = TypeVar("T")


class Kernel:
    """A client of a running kernel.

    Parameters
    ----------
    connection_file : Path
        Where the kernel's ports are written down.
    """

    def __init__(self, connection_file: Path) -> None:
        # Playwright's event loop runs in the tests' thread, and a blocking client would trip over it.
        self._thread = ThreadPoolExecutor(1, "kernel-client")
        self._client = self._there(lambda: _connect(connection_file))

    def run(self, code: str) -> None:
        """Execute `code`; an exception there is a RuntimeError here."""
        self._there(lambda: self._execute(code, {}))

    def value(self, expression: str) -> Any:
        """Return the value of an expression, which must be JSON-able."""
        expressions = {"value": f"__import__('json').dumps({expression})"}
        found = self._there(lambda: self._execute("", expressions))["user_expressions"]["value"]
        if found["status"] != "ok":
            raise RuntimeError(f"{expression}: {found['ename']}: {found['evalue']}")
        return json.loads(ast.literal_eval(found["data"]["text/plain"]))

    def until(self, expression: str, expected: Any) -> None:
        """Ask again until an expression has a value: what a page sends arrives a moment later."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.value(expression)) != expected:
            if time.monotonic() > deadline:
                raise AssertionError(f"{expression} is {found!r} in the kernel, expected {expected!r}")

    def close(self) -> None:
        """Let go of the kernel; it lives on."""
        self._there(self._client.stop_channels)
        self._thread.shutdown()

    def _execute(self, code: str, expressions: dict[str, str]) -> dict[str, Any]:
        name = self._client.execute(code, silent=not code, store_history=False, user_expressions=expressions)
        while True:
            reply = self._client.get_shell_msg(timeout=ANSWER_SECONDS)
            if reply["parent_header"].get("msg_id") == name:
                break
        content: dict[str, Any] = reply["content"]
        if content["status"] != "ok":
            raise RuntimeError("\n".join(content.get("traceback", [])) or str(content))
        return content

    def _there(self, work: Callable[[], T]) -> T:
        return self._thread.submit(work).result()


def _connect(connection_file: Path) -> BlockingKernelClient:
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False)
    client.kernel_info(reply=True, timeout=ANSWER_SECONDS)
    return client
