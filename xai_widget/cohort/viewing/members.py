"""Members: the gallery of a group, page by page, made of Jupyter's own controls."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import ipywidgets
import numpy as np
import pandas as pd

from xai_widget.cohort.store.splits import Rows, words_of
from xai_widget.cohort.viewing.ordering import ORDERS, arranged
from xai_widget.cohort.viewing.speech import Speech
from xai_widget.cohort.viewing.thumbnails import thumbnail
from xai_widget.view import View
from xai_widget.widget.jobs import Job, Outcome, Worker

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

PAGE: Final = 24


class Members:
    """A group's members, `PAGE` at a time: a click on one calls `chosen` with its row.

    Thumbnails are read for the page that is shown alone, in the background; another page stops that.

    Attributes
    ----------
    box : ipywidgets.VBox
        What is displayed.
    rows : int array
        All members that fit, in their order.
    tiles : list of ipywidgets.VBox
        As many as the fullest page so far needed.
    """

    def __init__(self, cohort: Cohort, chosen: Callable[[int], None], view: View, say: Speech) -> None:
        self.rows: Rows = np.arange(0)
        self._cohort, self._chosen, self._view, self._say = cohort, chosen, view, say
        self._frame = cohort.table.set_index("row")
        self._named = {
            name: dict(zip(self._frame.index, words_of(self._frame, name, cohort.labels), strict=True))
            for name in ("prediction", "label")
        }
        self._group, self._everyone, self._first, self._open = "", self.rows, 0, -1
        self._worker = Worker()
        self._job: Job | None = None
        self._orders: dict[tuple[str, str], Rows] = {}
        self._speaking = False
        self._title = ipywidgets.HTML()
        self._order = ipywidgets.Dropdown(options=[(name, name) for name in ORDERS], value="table")
        self._search = ipywidgets.Text(continuous_update=True)
        self._before, self._after = ipywidgets.Button(icon="chevron-left"), ipywidgets.Button(icon="chevron-right")
        self._place = ipywidgets.HTML()
        self._grid = ipywidgets.Box()
        self._pictures: list[ipywidgets.HTML] = []
        self._buttons: list[ipywidgets.Button] = []
        self.tiles: list[ipywidgets.Box] = []
        tools = ipywidgets.HBox([self._title, self._order, self._search])
        pager = ipywidgets.HBox([self._before, self._place, self._after])
        self.box = ipywidgets.VBox([tools, self._grid, pager])
        for part, name in ((self.box, "members"), (tools, "tools"), (self._grid, "grid"), (pager, "pager")):
            part.add_class(f"xai-cohort-{name}")
        self._before.on_click(lambda _: self.turn(-1))
        self._after.on_click(lambda _: self.turn(1))
        self._order.observe(self._arrange, "value")
        self._search.observe(self._arrange, "value")
        self.speak(say)

    # -- what is shown ----------------------------------------------------------------------------------------------

    def show(self, group: str, rows: Rows) -> None:
        """Show the members of a group, from the first page."""
        self._group, self._everyone = group, rows
        self._arrange()

    @property
    def order(self) -> str:
        """One of `ORDERS`."""
        return str(self._order.value)

    @order.setter
    def order(self, name: str) -> None:
        if name not in ORDERS:
            raise ValueError(f"Members are ordered by one of {', '.join(ORDERS)}; got {name!r}.")
        self._order.value = name

    @property
    def search(self) -> str:
        """What ids must contain."""
        return str(self._search.value)

    @search.setter
    def search(self, text: str) -> None:
        self._search.value = text

    @property
    def page(self) -> int:
        """Which page is shown, from 0."""
        return self._first // PAGE

    @page.setter
    def page(self, number: int) -> None:
        if not 0 <= number < self.pages:
            raise ValueError(f"There are {self.pages} pages, 0 ... {self.pages - 1}; got {number!r}.")
        self._first = number * PAGE
        self._draw()

    @property
    def pages(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-len(self.rows) // PAGE))

    @property
    def shown(self) -> Rows:
        """The rows on this page."""
        return self.rows[self._first : self._first + PAGE]

    def turn(self, by: int) -> None:
        """Turn pages, as far as there are some."""
        self.page = min(max(self.page + by, 0), self.pages - 1)

    def mark(self, row: int) -> None:
        """Mark the member that is open (-1: none), on its page."""
        self._open = row
        places = np.flatnonzero(self.rows == row)
        if len(places) and row not in self.shown:
            self.page = int(places[0]) // PAGE
        self._mark()

    def beside(self, row: int, by: int) -> int | None:
        """Return the member before (-1) or after (1) another one in this order; None where there is none."""
        places = np.flatnonzero(self.rows == row)
        to = int(places[0]) + by if len(places) else 0
        return int(self.rows[to]) if 0 <= to < len(self.rows) else None

    def says(self, row: int) -> str:
        """Return in a few words whether the model is right about a member, and what it says."""
        record = self._frame.loc[row]
        share = "" if pd.isna(record["probability"]) else f" {100 * record['probability']:.0f} %"
        mark = "" if pd.isna(record["label"]) else "✓ " if record["label"] == record["prediction"] else "✗ "
        return f"{mark}{self._named['prediction'][row]}{share}"

    def about(self, row: int) -> str:
        """Return in a line what is known of a member."""
        label = self._named["label"][row]
        return (
            self.says(row)
            if label in {None, self._named["prediction"][row]}
            else f"{self.says(row)} · {self._say('label {0}', label)}"
        )

    def wait(self) -> None:
        """Wait until the page's thumbnails are there."""
        if self._job is not None:
            self._job.ended.wait()

    def speak(self, say: Speech) -> None:
        """Say everything in another language."""
        self._say, self._speaking = say, True
        value = self._order.value
        self._order.options = [(say(text), name) for name, text in ORDERS.items()]
        self._order.value = value
        self._speaking = False
        self._order.description, self._search.description = say("Order"), say("Find")
        self._search.placeholder = say("part of an id")
        self._before.description, self._after.description = say("Previous"), say("Next")
        self._before.tooltip, self._after.tooltip = say("Previous page"), say("Next page")
        if len(self._everyone):
            self._draw()

    def close(self) -> None:
        """Stop reading."""
        self._worker.cancel()
        self._orders.clear()

    # -- drawing ----------------------------------------------------------------------------------------------------

    def _arrange(self, _change: Any = None) -> None:
        if self._speaking or not len(self._everyone):
            return
        key = self._group, self.order
        if key not in self._orders:
            self._orders[key] = arranged(self._cohort.store, self._everyone, self.order, self._cohort.table)
        ids = self._frame["id"]
        wanted = self.search.strip().lower()
        self.rows = np.array([row for row in self._orders[key] if wanted in str(ids.loc[row]).lower()], np.int64)
        self._first = 0
        self._draw()

    def _draw(self) -> None:
        say, rows = self._say, self.shown
        self._title.value = (
            f"<strong>{html.escape(say('Members of {0}', self._group))}</strong> "
            f"<span class='xai-cohort-quiet'>{len(self._everyone)}</span>"
        )
        last = self._first + len(rows)
        counted = say("{0}–{1} of {2}", self._first + 1, last, len(self.rows)) if len(rows) else say("No id fits.")
        self._place.value = f"<span role='status'>{html.escape(counted)}</span>"
        self._before.disabled, self._after.disabled = self._first == 0, last >= len(self.rows)
        for button in (self._before, self._after):
            button.layout.display = "none" if self.pages == 1 else None
        self._grow(len(rows))
        for row, picture, button in zip(rows, self._pictures, self._buttons, strict=False):
            picture.value = _frame("")
            button.description = f"{self._frame['id'].loc[row]}\n{self.says(row)}"
            button.tooltip = f"{say('Open {0}', self._frame['id'].loc[row])}: {self.about(row)}"
        self._grid.children = tuple(self.tiles[: len(rows)])
        self._mark()
        job = self._job = Job("thumbnails", lambda: self._read(rows), _nothing)
        self._worker.submit(job)

    def _grow(self, count: int) -> None:
        """Make as many tiles as this page needs; the next one uses them again."""
        while len(self.tiles) < count:
            place = len(self.tiles)
            picture = ipywidgets.HTML()
            button = ipywidgets.Button(style={"button_color": "transparent"})
            button.add_class("xai-cohort-name")
            button.on_click(lambda _, place=place: self._chosen(int(self.shown[place])))
            tile = ipywidgets.VBox([picture, button])
            tile.add_class("xai-cohort-tile")
            self._pictures.append(picture)
            self._buttons.append(button)
            self.tiles.append(tile)

    def _mark(self) -> None:
        for row, tile in zip(self.shown, self.tiles, strict=False):
            (tile.add_class if row == self._open else tile.remove_class)("xai-cohort-open")

    def _read(self, rows: Rows) -> Iterator[None]:
        """Paint the page's thumbnails, one a step."""
        ids = self._frame["id"]
        for row, picture in zip(rows, self._pictures, strict=False):
            try:
                png = base64.b64encode(thumbnail(self._cohort.store, int(row), self._view)).decode()
            except Exception as error:  # noqa: BLE001 - one damaged file must not keep the others from being seen
                said = f"{type(error).__name__}: {error}"
                picture.value = _frame(
                    f"<span title='{html.escape(said)}'>{html.escape(self._say('No picture'))}</span>"
                )
            else:
                alt = html.escape(self._say("Heat map of {0}: {1}", ids.loc[row], self.about(int(row))), quote=True)
                picture.value = _frame(f"<img src='data:image/png;base64,{png}' alt='{alt}'>")
            yield


def _frame(inside: str) -> str:
    return f"<div class='xai-cohort-frame'>{inside}</div>"


def _nothing(job: Job, outcome: Outcome, error: BaseException | None) -> None:
    """Nobody asks how a page of thumbnails ended."""
    del job, outcome, error
