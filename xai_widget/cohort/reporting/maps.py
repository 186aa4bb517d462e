"""The mean maps of groups, and where two groups differ."""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xai_widget.attribution import Attribution
from xai_widget.cohort.findings import statistics
from xai_widget.cohort.reporting.figures import figure, gallery, scale, shared_top
from xai_widget.cohort.reporting.page import Html, element, note, paragraph, section
from xai_widget.cohort.store.splits import Rows
from xai_widget.render import top_of
from xai_widget.view import View

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

# Groups whose mean maps are shown, and pairs of them that are compared.
GROUPS: Final = 8
PAIRS: Final = 3
TITLES: Final = {"templates": "Mean maps", "pairs": "Differences"}
ALPHA: Final = 0.05
# The percentile of |t| that gets the strongest colour, at most.
CLIPPED: Final = 99.0


class Summaries:
    """Groups' summaries, each of one pass over its members; the two that were used last stay.

    Parameters
    ----------
    cohort : Cohort

    Attributes
    ----------
    warned : list of str
        What was warned of meanwhile.
    """

    def __init__(self, cohort: Cohort) -> None:
        self._cohort = cohort
        self._kept: OrderedDict[str, statistics.Summary] = OrderedDict()
        self.warned: list[str] = []

    def of(self, name: str, rows: Rows) -> statistics.Summary:
        """Return the summary of a group."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        if len(self._kept) > 1:
            self._kept.popitem(last=False)
        members = (self._cohort.store.attribution(int(row)) for row in rows)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = self._kept[name] = statistics.summarise(name, members)
        self.warned += [words for each in caught if (words := str(each.message)) not in self.warned]
        return found


def chosen(split: Mapping[str, Rows]) -> dict[str, Rows]:
    """Return the groups that are drawn: the largest, in their own order.

    Examples
    --------
    >>> list(chosen({str(each): np.arange(each % 10 + 1) for each in range(10)}))
    ['2', '3', '4', '5', '6', '7', '8', '9']
    """
    largest = sorted(split, key=lambda name: -len(split[name]))[:GROUPS]
    return {name: rows for name, rows in split.items() if name in largest}


def templates(summaries: Summaries, split: Mapping[str, Rows], view: View) -> Html:
    """Return the mean map of each group over its mean picture, all on one scale."""
    shown = chosen(split)
    means = {name: _without_error(statistics.mean(summaries.of(name, rows))) for name, rows in shown.items()}
    every = list(means.values())
    top = shared_top(every, view)
    volumes = len(every[0].input_size) == 3
    figures = [
        figure(each, view, top, f"Mean map of {name}{SLICES if volumes else ''}", name, f"n = {each.meta['n']}")
        for name, each in means.items()
    ]
    said = "Each group's mean map over its mean picture. All share one scale."
    said += f" {len(shown)} of {len(split)} groups are shown, the largest." if len(split) > len(shown) else ""
    care = (
        "The planes are the middle ones of the grid."
        if volumes and view["crosshair"] is None
        else "A mean says something only where a place means the same in all members: photographs that are not aligned"
        " blur each other, and their kinds and representatives tell more."
        if not volumes
        else ""
    )
    parts = [paragraph(said, " ", care), gallery(figures, volumes=volumes), scale(every, view, top)]
    return section(TITLES["templates"], *parts, *map(note, summaries.warned))


SLICES: Final = ": axial, coronal and sagittal slice"


def pairs(summaries: Summaries, split: Mapping[str, Rows], view: View) -> Html | None:
    """Return differences and t-maps of pairs of groups; None where there is one group alone."""
    every = list(itertools.combinations(chosen(split), 2))
    if not every:
        return None
    parts = [
        paragraph(
            "Left, the difference of two groups' mean maps. Right, Welch's t: at each place, how many standard errors of"
            " it the difference is large, where the groups may vary differently. Each map has a scale of its own."
        ),
        note(
            "Each place is tested by itself, and nothing is corrected for multiple comparisons: of 1,000 places without"
            " any effect about 50 have p < 0.05. Groups that were formed by looking at their maps differ in any case."
        ),
    ]
    if len(every) > PAIRS:
        parts.append(paragraph(f"{PAIRS} of {len(every)} pairs are shown."))
    for a, b in every[:PAIRS]:
        first, second = summaries.of(a, split[a]), summaries.of(b, split[b])
        parts += [element("h3", f"{a} − {b}"), _pair(first, second, view)]
    return section(TITLES["pairs"], *parts)


def _pair(a: statistics.Summary, b: statistics.Summary, view: View) -> Html:
    volumes = len(a.like.input_size) == 3
    gap = _without_error(statistics.difference(a, b))
    drawn = [_scaled(gap, view, "Difference of the means", f"Difference of the mean maps of {a.name} and {b.name}")]
    if min(a.n, b.n) < 2:
        alone = a.name if a.n < 2 else b.name
        drawn.append(note(f"There is no t-map: {alone} has one member alone, whose spread is unknown."))
        return gallery(drawn, volumes=volumes)
    t = statistics.t_map(a, b)
    # A few places where hardly anything varies have a huge t; the others would all be pale.
    clipped: View = {**view, "clip": min(view["clip"], CLIPPED)}
    unit = "t, in standard errors of the difference"
    drawn.append(_scaled(t, clipped, "Welch's t", f"t-map of {a.name} against {b.name}", *_read(t), unit=unit))
    return gallery(drawn, volumes=volumes)


def _read(t: Attribution) -> list[str]:
    tested, finite = t.meta["tested"], np.abs(t.values[np.isfinite(t.values)])
    counts = f"n = {t.meta['n']} and {t.meta['n_other']}"
    if not tested:
        return [f"{counts}; nothing varies within the groups"]
    p, q = t.arrays["p"], t.arrays["q"]
    share = ((p < ALPHA) & np.isfinite(t.values)).sum() / tested
    return [
        f"{counts}, {t.meta['df']:.1f} degrees of freedom or more, largest |t| {finite.max(initial=0):.3g}",
        (
            f"p < 0.05 at {share:.1%} of {tested:,} places, uncorrected; false discovery rate q < 0.05 at"
            f" {(q < ALPHA).sum() / tested:.1%}"
        ),
    ]


def _scaled(member: Attribution, view: View, title: str, alt: str, *lines: Any, unit: str = "") -> Html:
    """Return a figure with its own colour bar."""
    top = top_of(member.values, member.signed, view["clip"])
    alt += SLICES if len(member.input_size) == 3 else ""
    return figure(member, view, top, alt, title, *lines, scale([member], view, top, unit))


def _without_error(member: Attribution) -> Attribution:
    return replace(member, error=None)
