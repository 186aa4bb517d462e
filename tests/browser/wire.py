"""What goes over a notebook's websocket: every frame is counted, comm messages are read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocket


@dataclass(frozen=True)
class Frame:
    """A kernel message on the websocket.

    Attributes
    ----------
    sent : bool
        From the page to the kernel.
    kind : str
        The Jupyter message type, such as ``comm_msg``.
    content : dict
        The message's content.
    size : int
        Bytes of the whole frame.
    """

    sent: bool
    kind: str
    content: dict[str, Any]
    size: int

    @property
    def data(self) -> dict[str, Any]:
        """What a comm message carries: ``{"method": "update" | "custom" | ..., ...}``."""
        found: dict[str, Any] = self.content.get("data", {})
        return found


class Wire:
    """Records the kernel messages of a page, from the moment it is made.

    Parameters
    ----------
    page : Page
        Not yet navigated.
    """

    def __init__(self, page: Page) -> None:
        self.frames: list[Frame] = []
        page.on("websocket", self._opened)

    def comm(self, *, sent: bool) -> list[Frame]:
        """Return the comm messages of one direction, oldest first."""
        return [frame for frame in self.frames if frame.sent == sent and frame.kind == "comm_msg"]

    def updates(self) -> list[Frame]:
        """Return the updates of traits that the page has sent."""
        return [frame for frame in self.comm(sent=True) if frame.data.get("method") == "update"]

    def said(self) -> list[Frame]:
        """Return what the page has sent, but for the small maps of the layers: their strip asks when it is seen."""
        return [frame for frame in self.comm(sent=True) if frame.data.get("content", {}).get("kind") != "film"]

    def clear(self) -> None:
        """Forget what was recorded."""
        self.frames.clear()

    def _opened(self, socket: WebSocket) -> None:
        if "/channels" not in socket.url:
            return
        socket.on("framesent", lambda payload: self._record(payload, sent=True))
        socket.on("framereceived", lambda payload: self._record(payload, sent=False))

    def _record(self, payload: str | bytes, *, sent: bool) -> None:
        kind, content = read_frame(payload)
        self.frames.append(Frame(sent, kind, content, len(payload)))


def read_frame(payload: str | bytes) -> tuple[str, dict[str, Any]]:
    """Return type and content of a kernel message, in Jupyter's binary framing (version 1) or the older JSON one.

    A binary frame begins with the number of offsets and the offsets, all 64-bit little-endian; between them lie the
    channel, header, parent header, metadata, content and buffers.
    """
    if isinstance(payload, str):
        message = json.loads(payload)
        return message["header"]["msg_type"], message["content"]
    count = int.from_bytes(payload[:8], "little")
    offsets = [int.from_bytes(payload[8 * place : 8 * place + 8], "little") for place in range(1, count + 1)]
    parts = [payload[begin:end] for begin, end in pairwise(offsets)]
    return json.loads(parts[1])["msg_type"], json.loads(parts[4])
