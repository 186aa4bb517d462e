"""Service: a part of the conversation beside the run, such as covering places or pinning maps."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from xai_widget.attribution import Attribution
from xai_widget.page import Message
from xai_widget.widget.asking import Key, Wish
from xai_widget.widget.protocol import RequestId

if TYPE_CHECKING:
    from xai_widget.widget.line import Line


class Service:
    """Hears its kinds of messages, and brings a new view up to date.

    Handlers run in whatever thread the kernel hears messages in and only enqueue: what takes time is a job in a lane of
    its own, see `Asker.beside`. Whatever is told, is told under the asker's lock.

    Parameters
    ----------
    widget : Line
        The widget it works for.
    """

    hears: ClassVar[tuple[str, ...]] = ()

    def __init__(self, widget: "Line") -> None:
        self.widget = widget

    def hear(self, kind: str, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Answer a message of one of the kinds in `hears`.

        Raises
        ------
        ValueError, TypeError
            It cannot be answered; the page is told so.
        """
        raise NotImplementedError

    def speak(self, language: str) -> None:
        """Tell a new view what it needs to speak at all, before it is shown anything."""

    def greet(self, language: str) -> None:
        """Tell a new view what it must know; `language` is its browser's."""

    def answered(self, wish: Wish, attribution: Attribution, request_id: RequestId) -> None:
        """Take notice of a final map that the page is shown; called in the worker, or whoever greets a view."""

    def changed(self, session: int) -> None:
        """The model of a session has changed: what was computed with it is not true any more."""

    def close(self) -> None:
        """Let go of models, pictures and maps: the widget was closed."""

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        """Return messages, with their buffers, that a page without a kernel needs.

        `places` says where in that page the map of a wish is; a message about a map names it by that number.
        """
        del places
        return []
