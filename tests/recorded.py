"""A widget without a kernel that keeps what it sends, and a model that waits and fails when it is told to."""

import threading
from typing import Any

import torch
from torch import Tensor

from tests.zoo import ZOO, picture
from xai_widget import XaiWidget

SOON = 10.0  # seconds; nothing waits that long unless it is broken
LABELS = ["cat", "dog", "fox", "owl", "ant"]


class Recorded(XaiWidget):
    """A widget that keeps what it sends to the page."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.sent: list[tuple[dict[str, Any], Any]] = []
        super().__init__(*args, **settings)

    def _send(self, msg: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append((msg, buffers))

    def customs(self, kind: str) -> list[dict[str, Any]]:
        messages = [msg["content"] for msg, _ in self.sent if msg["method"] == "custom"]
        return [content for content in messages if content["kind"] == kind]

    def states(self) -> dict[str, Any]:
        """The last value of each trait that was sent (echoes aside)."""
        last: dict[str, Any] = {}
        for msg, _ in self.sent:
            if msg["method"] == "update":
                last.update(msg["state"])
        return last

    def hear(self, content: Any, *buffers: Any) -> None:
        """Take a message of the page's own."""
        self._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": list(buffers)})

    def settle(self) -> None:
        """Wait until nothing runs."""
        while (job := self.asker.job) is not None:
            assert job.ended.wait(SOON)
            thread = self.asker._worker._thread
            if thread is not None:
                thread.join(0.01)


def a_widget(model: Any = None, img: Any = None, **settings: Any) -> Recorded:
    settings = {"labels": LABELS, **settings}
    return Recorded(ZOO["plain"]() if model is None else model, picture() if img is None else img, **settings)


class Gated:
    """A black box that answers only while its gate is open, and fails when it is told to."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.fails = False
        self.network = ZOO["plain"]()

    def __call__(self, x: Tensor) -> Tensor:
        if not self.gate.is_set():
            self.asked.set()
        assert self.gate.wait(SOON)
        if self.fails:
            message = "out of order"
            raise ArithmeticError(message)
        with torch.no_grad():
            return self.network(x)
