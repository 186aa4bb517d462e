"""Speaks to a Jupyter kernel as a notebook page does: runs cells, sends comm messages, waits for what comes back.

Nothing sleeps: every wait is for a message, with a deadline.
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, Final

import numpy as np
import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from numpy.typing import NDArray

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 60.0
# Far more than anything takes; only a broken kernel waits so long.
PATIENCE: Final = 30.0


@dataclass(frozen=True)
class Message:
    """What came from the kernel, and when (seconds, monotonic)."""

    type: str
    parent: str | None
    content: Mapping[str, Any]
    buffers: tuple[bytes, ...]
    at: float
    place: int

    @property
    def comm(self) -> str | None:
        """The id of the comm it came through."""
        return self.content.get("comm_id")

    @property
    def custom(self) -> Mapping[str, Any]:
        """The widget's own message; empty if it is none."""
        data = self.content.get("data", {})
        if self.type != "comm_msg" or data.get("method") != "custom":
            return {}
        return dict(data["content"])

    @property
    def kind(self) -> str | None:
        """The kind of the widget's own message."""
        return self.custom.get("kind")

    @property
    def request_id(self) -> Any:
        """The request that the widget's own message answers."""
        return self.custom.get("request_id")

    @property
    def state(self) -> Mapping[str, Any]:
        """The traits that the kernel sends (echoes aside)."""
        data = self.content.get("data", {})
        return dict(data["state"]) if self.type == "comm_msg" and data.get("method") == "update" else {}

    @property
    def status(self) -> Mapping[str, Any]:
        """The widget's status, if the message brings one."""
        return dict(self.state.get("status", {}))

    @property
    def result(self) -> Mapping[str, Any]:
        """The map's description, if the message brings one."""
        return dict(self.custom.get("result", {}))

    def values(self) -> NDArray[np.float32]:
        """The map itself."""
        return np.frombuffer(self.buffers[0], np.float32).reshape(self.result["shape"])


Wanted = Callable[[Message], bool]


class CellError(Exception):
    """A cell raised; `name` is the class of what it raised."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


@dataclass(frozen=True)
class Gate:
    """Keeps a cell busy until it is opened: the cell opens a pipe that nobody writes to."""

    path: Path

    @classmethod
    def made(cls, folder: Path) -> "Gate":
        """Make the pipe in `folder`."""
        path = folder / "gate"
        os.mkfifo(path)
        return cls(path)

    @property
    def code(self) -> str:
        """The end of a cell that stays busy."""
        # One write, so that it is one message however soon the stream is sent.
        return f"import sys; sys.stdout.write('busy\\n'); sys.stdout.flush(); open({str(self.path)!r}).close()"

    def open(self) -> None:
        """Let the cell go on."""
        os.close(os.open(self.path, os.O_WRONLY))


@dataclass
class Kernel:
    """A running kernel. Everything it publishes is kept in `messages`, in order."""

    manager: KernelManager
    client: BlockingKernelClient
    messages: list[Message] = field(default_factory=list)

    # -- cells ------------------------------------------------------------------------------------------------------

    def begin(self, code: str) -> str:
        """Start a cell and return its id."""
        return str(self.client.execute(code))

    def finish(self, cell: str, seconds: float = PATIENCE) -> str:
        """Wait until a cell is over and return what it printed.

        Raises
        ------
        CellError
            It raised.
        """
        self.ended(cell, seconds)
        mine = [message for message in self.messages if message.parent == cell]
        for message in mine:
            if message.type == "error":
                raise CellError(message.content["ename"], message.content["evalue"])
        return "".join(message.content["text"] for message in mine if message.type == "stream")

    def run(self, code: str, seconds: float = PATIENCE) -> str:
        """Run a cell to its end and return what it printed."""
        return self.finish(self.begin(code), seconds)

    def ended(self, cell: str, seconds: float = PATIENCE) -> Message:
        """Wait for the message that says a cell is over."""
        return self.wait(lambda m: m.parent == cell and m.content.get("execution_state") == "idle", seconds=seconds)

    @contextmanager
    def busy(self, gate: Gate, first: str = "pass") -> Iterator[str]:
        """Keep the kernel busy with a cell, which does `first`, for the duration of the block."""
        cell = self.begin(f"{first}\n{gate.code}")
        self.wait(lambda m: m.parent == cell and m.content.get("text") == "busy\n")
        try:
            yield cell
        finally:
            gate.open()
            self.finish(cell)

    # -- pages ------------------------------------------------------------------------------------------------------

    def open_subshell(self) -> str:
        """Ask for a subshell, as JupyterLab does for the messages of its widgets, and return its id."""
        return str(self._control("create_subshell_request", {})["subshell_id"])

    def close_subshell(self, subshell: str) -> None:
        """Give a subshell back."""
        self._control("delete_subshell_request", {"subshell_id": subshell})

    def _control(self, kind: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        request = self.client.session.msg(kind, dict(content))
        self.client.control_channel.send(request)
        while True:
            reply = self.client.get_control_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == request["header"]["msg_id"]:
                assert reply["content"]["status"] == "ok", reply["content"]
                return dict(reply["content"])

    def send(self, comm: str, data: Mapping[str, Any], subshell: str | None = None) -> None:
        """Send a comm message as a page does."""
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def interrupt(self) -> None:
        """Kernel > Interrupt."""
        self.manager.interrupt_kernel()

    # -- what comes back --------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The place of the next message: `wait` from here on."""
        return len(self.messages)

    @staticmethod
    def clock() -> float:
        """The time by which messages are stamped."""
        return time.monotonic()

    def wait(self, wanted: Wanted, start: int = 0, seconds: float = PATIENCE) -> Message:
        """Return the first message from place `start` on that is `wanted`; read on until it comes.

        Raises
        ------
        TimeoutError
            It did not come; the last messages are told.
        """
        deadline = time.monotonic() + seconds
        place = start
        while True:
            while place < len(self.messages):
                if wanted(self.messages[place]):
                    return self.messages[place]
                place += 1
            try:
                raw = self.client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                recent = "\n".join(f"{m.type} {dict(m.content)}"[:300] for m in self.messages[-12:])
                message = f"The kernel did not send it within {seconds} s. Its last messages:\n{recent}"
                raise TimeoutError(message) from None
            self.messages.append(
                Message(
                    raw["msg_type"],
                    raw["parent_header"].get("msg_id"),
                    raw["content"],
                    tuple(bytes(buffer) for buffer in raw["buffers"]),
                    time.monotonic(),
                    len(self.messages),
                )
            )

    def resident(self) -> int:
        """Resident memory of the kernel in bytes, after its garbage was collected."""
        pid = int(self.run("import gc, os; gc.collect(); print(os.getpid())"))
        return int(psutil.Process(pid).memory_info().rss)


@dataclass
class Page:
    """A page that shows one widget; with a subshell, as JupyterLab has one, or without."""

    kernel: Kernel
    comm: str
    subshell: str | None = None

    def ask(self, kind: str) -> str:
        """Send a message of the widget's own and return its request id."""
        request_id = f"{kind}-{uuid.uuid4().hex[:8]}"
        self.say({"kind": kind, "request_id": request_id})
        return request_id

    def say(self, content: Any) -> None:
        """Send any content as a message of the widget's own."""
        self.kernel.send(self.comm, {"method": "custom", "content": content}, self.subshell)

    def set(self, **traits: Any) -> None:
        """Change settings."""
        self.kernel.send(self.comm, {"method": "update", "state": traits, "buffer_paths": []}, self.subshell)

    def wait(self, wanted: Wanted, start: int = 0, seconds: float = PATIENCE) -> Message:
        """Return the widget's first message from place `start` on that is `wanted`."""
        return self.kernel.wait(lambda m: m.comm == self.comm and wanted(m), start, seconds)

    def answer(self, request_id: str, kind: str = "ack", seconds: float = PATIENCE) -> Message:
        """Wait for the answer to a request."""
        return self.wait(lambda m: m.kind == kind and m.request_id == request_id, seconds=seconds)

    def until(self, state: str, start: int = 0, request_id: Any = None, seconds: float = PATIENCE) -> Message:
        """Wait for a status."""
        return self.wait(
            lambda m: m.status.get("state") == state and (request_id is None or m.status["request_id"] == request_id),
            start,
            seconds,
        )

    def partial(self, start: int = 0) -> Message:
        """Wait for a map that is not final: proof that a run is under way."""
        return self.wait(lambda m: bool(m.result) and not m.result["final"], start)

    def since(self, start: int) -> list[Message]:
        """Everything the widget sent from place `start` on."""
        return [message for message in self.kernel.messages[start:] if message.comm == self.comm]


@contextmanager
def started(python: str, folder: Path) -> Iterator[Kernel]:
    """Run a kernel of the interpreter `python`; `folder` holds its description."""
    spec = folder / "under_test"
    spec.mkdir()
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    described = {"argv": argv, "display_name": "under test", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(described), "utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(folder)])
    manager = KernelManager(kernel_name="under_test", kernel_spec_manager=specs)
    manager.start_kernel(cwd=str(ROOT), env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"})
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=START_SECONDS)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
