"""Heading: what stands above the member that is open, with the ways to its neighbours."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets

from xai_widget.cohort.viewing.speech import Speech


class Heading:
    """The name of a member, and buttons: the one before, the one after, close.

    Parameters
    ----------
    go : callable
        Is called with -1 or 1.
    close : callable
        Is called without anything.

    Attributes
    ----------
    box : ipywidgets.HBox
        What is displayed.
    """

    def __init__(self, go: Callable[[int], Any], close: Callable[[], Any], say: Speech) -> None:
        self._title = ipywidgets.HTML()
        icons = ("chevron-left", "chevron-right", "close")
        self._back, self._on, self._shut = (ipywidgets.Button(icon=icon) for icon in icons)
        self.box = ipywidgets.HBox([self._title, ipywidgets.HBox([self._back, self._on, self._shut])])
        self.box.add_class("xai-cohort-head")
        self._back.on_click(lambda _: go(-1))
        self._on.on_click(lambda _: go(1))
        self._shut.on_click(lambda _: close())
        self.speak(say)

    def show(self, name: str, about: str, *, before: bool, after: bool) -> None:
        """Name a member, what is known of it, and whether it has neighbours."""
        self._title.value = (
            f"<span role='status'><strong>{html.escape(name)}</strong> "
            f"<span class='xai-cohort-quiet'>{html.escape(about)}</span></span>"
        )
        self._back.disabled, self._on.disabled = not before, not after

    def speak(self, say: Speech) -> None:
        """Say everything in another language."""
        self._back.description, self._back.tooltip = say("Previous"), say("Previous member")
        self._on.description, self._on.tooltip = say("Next"), say("Next member")
        self._shut.description, self._shut.tooltip = say("Close"), say("Close this member")
