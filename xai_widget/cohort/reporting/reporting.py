"""Reporting: a cohort on a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from xai_widget.cohort.findings.map_features import Likeness
from xai_widget.cohort.membership.membership import Membership
from xai_widget.cohort.store.splits import By

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort


class Reporting(Membership):
    """The part of a cohort that is handed on."""

    def report(
        self,
        path: str | Path,
        by: By | None = None,
        atlas: Any = None,
        names: Mapping[Any, str] | None = None,
        *,
        title: str | None = None,
        view: Mapping[str, Any] | None = None,
        representatives: int = 6,
        alike: Likeness = "place",
    ) -> Path:
        """Write a page about the cohort, one HTML file without scripts that loads nothing, and return its path.

        It says what was run, counts groups and failures, and shows the groups' mean maps on one scale, differences and
        t-maps, kinds of maps, representatives and the table. The same store gives the same page.

        Parameters
        ----------
        path : str or Path
            A file in a folder that is there; replaced if it is there already.
        by : str, mapping or list, optional
            Groups as in `groups`; the eight largest are drawn, and three pairs of them.
        atlas, names
            As in `regions`: adds a table of regions with intervals.
        title : str, optional
            The page's heading; by default model and method.
        view : mapping, optional
            How maps are drawn, as in `Attribution.heat_map`; `clip` is 99 by default. Volumes are cut in the middle, or
            where `crosshair` says.
        representatives : int
            How many members stand for all; 0: none.
        alike : {"place", "shape", "content"}
            What makes maps of one kind; see `clusters`.

        Raises
        ------
        ValueError
            Unknown groups or view settings, or an atlas that does not fit.
        FileNotFoundError
            There is no such folder.
        """
        from xai_widget.cohort.reporting.report import write_report  # noqa: PLC0415 - brings torch, for what methods say of themselves

        return write_report(
            cast("Cohort", self),
            path,
            by,
            atlas,
            names,
            title=title,
            view=view,
            representatives=representatives,
            alike=alike,
        )
