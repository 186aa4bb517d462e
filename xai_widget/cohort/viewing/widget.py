"""CohortWidget: templates by group, the members of a group, and any of them in the widget."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
from PIL import Image

from xai_widget.cohort.running.origin import origin_of
from xai_widget.cohort.store.splits import By
from xai_widget.cohort.viewing.heading import Heading
from xai_widget.cohort.viewing.members import Members
from xai_widget.cohort.viewing.opened import open_member
from xai_widget.cohort.viewing.speech import Speech
from xai_widget.cohort.viewing.templates import Templates
from xai_widget.cohort.viewing.underlay import ALL, below_groups
from xai_widget.names import nearest
from xai_widget.view import check_view
from xai_widget.widget.stored import with_picture
from xai_widget.widget.xai_widget import XaiWidget

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort


class CohortWidget:
    """Shows what groups of a cohort have in common, and their members; made by `Cohort.widget`.

    Parameters
    ----------
    cohort, by, underlay, model, dataset, view, locale
        As in `Cohort.widget`.

    Attributes
    ----------
    templates : Templates
        The viewer of the groups' maps, with everything an `XaiWidget` has: `method`, `params`, `active`, `explain()`,
        `pin()`, `view` ...
    member : XaiWidget or None
        The member that is open. Another one takes its place, and it is closed.
    box : ipywidgets.VBox
        What is displayed, to be put into other boxes.
    """

    def __init__(
        self,
        cohort: Cohort,
        by: By | None = None,
        underlay: Any = None,
        *,
        model: Any = None,
        dataset: Any = None,
        view: Mapping[str, Any] | None = None,
        locale: str | None = None,
    ) -> None:
        if model is not None or dataset is not None:
            known = cohort.origin
            given = origin_of(cohort.store.plan, known.model if model is None else model, dataset)
            cohort = type(cohort)(cohort.store, given if dataset is not None else replace(given, items=known.items))
        self.cohort = cohort
        self._rows = cohort.groups(by)
        if not self._rows:
            message = "There are no groups: no input has a map, or the column to group by is empty in all of them."
            raise ValueError(message)
        self._underlay = underlay
        self._say = Speech(locale)
        self.templates = Templates(
            cohort, self._rows, below_groups(cohort, self._rows, underlay), self._speak, view=view, locale=locale
        )
        self.member: XaiWidget | None = None
        self._open, self._words = -1, ""
        self._make_parts()
        self.templates.observe(lambda _: self._safely(self._show_group), "active")
        self._show_group()

    def _make_parts(self) -> None:
        style = ipywidgets.HTML(
            f"<style>{files('xai_widget.cohort.viewing').joinpath('widget.css').read_text('utf-8')}</style>"
        )
        style.layout.display = "none"
        self._gallery = Members(
            self.cohort, lambda row: self._safely(lambda: self.open(row)), check_view(self.templates.view), self._say
        )
        self._below = ipywidgets.Dropdown()
        self._told = ipywidgets.HTML()
        self._heading = Heading(
            lambda by: self._safely(lambda: self._go(by)), lambda: self._safely(self.close_member), self._say
        )
        self._stage = ipywidgets.VBox()
        self.box = ipywidgets.VBox(
            [style, self._below, self.templates, self._gallery.box, self._told, self._stage],
            _dom_classes=("xai-cohort",),
        )
        for part, name in ((self._stage, "member"), (self._below, "below"), (self._told, "told")):
            part.add_class(f"xai-cohort-{name}")
        self._speaking = False
        self._label()
        self._below.observe(lambda change: self._safely(lambda: self._choose_underlay(change.new)), "value")

    # -- groups -----------------------------------------------------------------------------------------------------

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of the groups."""
        return self.templates.groups

    @property
    def group(self) -> str:
        """The group that is shown; set it to show another."""
        return self.groups[self.templates.active]

    @group.setter
    def group(self, name: str) -> None:
        if name not in self.groups:
            raise ValueError(
                f"There is no group {name!r}.{nearest(str(name), self.groups)} The groups are {', '.join(self.groups)}."
            )
        self.templates.active = self.groups.index(name)

    @property
    def statistic(self) -> str:
        """What is shown of the group: "mean", "std", "t_map" or "difference"; set it to show another.

        With what the last two compare is a parameter: ``w.templates.params = {"compared_with": "control"}``.
        """
        return str(self.templates.method)

    @statistic.setter
    def statistic(self, name: str) -> None:
        offered = self.templates.offered
        if name not in offered:
            raise ValueError(
                f"There is no statistic {name!r}.{nearest(str(name), offered)} It is one of {', '.join(offered)}."
            )
        self.templates.method = name

    @property
    def underlay(self) -> Any:
        """What lies below the maps, as in `Cohort.widget`; set it to see something else below them."""
        return self._underlay

    @underlay.setter
    def underlay(self, wanted: Any) -> None:
        self.templates.lay(below_groups(self.cohort, self._rows, wanted))
        self._underlay = wanted
        self._label()

    # -- members ----------------------------------------------------------------------------------------------------

    @property
    def members(self) -> tuple[str, ...]:
        """The ids on the page of the gallery."""
        return tuple(self.cohort.table.set_index("row")["id"].loc[self._gallery.shown])

    @property
    def gallery(self) -> Members:
        """The gallery: its `page`, `pages`, `order`, `search`."""
        return self._gallery

    @property
    def told(self) -> str:
        """What is said about the member that is open, or what went wrong last; "" if there is nothing to say."""
        return self._words

    def open(self, which: int | str) -> XaiWidget:
        """Open a member, by id or row, in the place of the one before; returns its widget.

        It is live where the cohort knows its model and dataset, and begins with the map in the store. Otherwise, and
        where an input cannot be read any more, the widget shows that map alone, and says so.

        Raises
        ------
        KeyError
            There is no such member, or it failed.
        """
        row = self.cohort.row(which)
        made, told = open_member(self.cohort, row, self.templates.view, self.templates.locale)
        before, self.member, self._open = self.member, made, row
        name = self.cohort.table.set_index("row")["id"].loc[row]
        self._gallery.mark(row)
        before_it, after_it = (self._gallery.beside(row, by) is not None for by in (-1, 1))
        self._heading.show(name, self._gallery.about(row), before=before_it, after=after_it)
        self._stage.children = (self._heading.box, made)
        self._tell(told)
        if before is not None:
            _close(before)
        return made

    def close_member(self) -> None:
        """Close the member that is open, if there is one."""
        before, self.member, self._open = self.member, None, -1
        self._stage.children = ()
        self._gallery.mark(-1)
        self._tell("")
        if before is not None:
            _close(before)

    def _go(self, by: int) -> None:
        to = self._gallery.beside(self._open, by)
        if to is not None:
            self.open(to)

    # -- to take away -----------------------------------------------------------------------------------------------

    def snapshot(self, *, scale: int = 1, bar: bool = False) -> Image.Image:
        """Return the template that is shown as a picture; see `XaiWidget.snapshot`."""
        return self.templates.snapshot(scale=scale, bar=bar)

    def to_html(self, path: str | Path) -> Path:
        """Write the templates into one HTML file that needs neither a kernel nor a network, and return its path.

        It holds the present statistic of every group, and what else was computed; members are not in it.

        Raises
        ------
        ValueError
            `path` does not end in `.html`.
        """
        if Path(path).suffix.lower() in {".html", ".htm"}:
            self.templates.complete()
        return self.templates.to_html(path)

    def close(self) -> None:
        """Close everything, and let go of maps, pictures, model and member."""
        self.close_member()
        self._gallery.close()
        for part in (self.templates, self.box, self._heading.box, *self._gallery.tiles):
            _close(part)

    # -- in a notebook ----------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        groups = ", ".join(f"{name} {len(rows)}" for name, rows in self._rows.items())
        return f"CohortWidget({groups})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        made = self.box._repr_mimebundle_(**kwargs)
        return None if made is None else with_picture(made, {}, repr(self), self.templates.still())

    # -- the page ---------------------------------------------------------------------------------------------------

    def _show_group(self) -> None:
        self._gallery.show(self.group, self._rows[self.group])
        if self.member is None:
            self._tell("")

    def _choose_underlay(self, name: str) -> None:
        if not self._speaking:
            self.underlay = {"group": None, "all": ALL}[name]

    def _label(self) -> None:
        """Say everything in the page's language."""
        say = self._say
        self._speaking = True
        choices = [(say("Mean of the group"), "group"), (say("Mean of all"), "all")]
        now = "group" if self._underlay is None else "given"
        if isinstance(self._underlay, str):
            now = "all" if self._underlay == ALL else "given"
        if now == "given":
            called = self._underlay if isinstance(self._underlay, str) else say("As given")
            choices.append((Path(called).name, "given"))
        self._below.options = choices
        self._below.value = now
        self._below.description = say("Underlay")
        self._speaking = False

    def _speak(self, locale: str) -> None:
        say = Speech(locale)
        if say.language != self._say.language:
            self._say = say
            self._label()
            self._gallery.speak(say)
            self._heading.speak(say)

    def _tell(self, text: str) -> None:
        self._words = text
        self._told.value = f"<div role='alert'>{html.escape(text)}</div>" if text else ""

    def _safely(self, action: Callable[[], Any]) -> None:
        """Do what somebody asked for in the page; what goes wrong is said there."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a cell must not fill with tracebacks, whatever a file or a model does
            self._tell(f"{type(error).__name__}: {error}")


def _close(widget: Any) -> None:
    """Close a control, with all that it is made of."""
    for part in (*getattr(widget, "children", ()), getattr(widget, "style", None), getattr(widget, "layout", None)):
        if isinstance(part, ipywidgets.Widget):
            _close(part)
    widget.close()
