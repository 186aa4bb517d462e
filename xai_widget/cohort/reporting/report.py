"""A cohort on one page: what was run, what came of it, and what the maps have in common; to read, print and send."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xai_widget._version import __version__
from xai_widget.cohort.findings.map_features import Likeness
from xai_widget.cohort.reporting import facts, findings, maps
from xai_widget.cohort.reporting.page import page
from xai_widget.cohort.store.splits import By, Rows
from xai_widget.names import nearest
from xai_widget.view import check_view

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

# The percentile of a map's sizes that gets the strongest colour: single pixels would leave all others pale.
CLIP: Final = 99.0
TITLES: Final = {**facts.TITLES, **maps.TITLES, **findings.TITLES}


def write_report(
    cohort: Cohort,
    path: str | Path,
    by: By | None,
    atlas: Any,
    names: Mapping[Any, str] | None,
    *,
    title: str | None,
    view: Mapping[str, Any] | None,
    representatives: int,
    alike: Likeness,
) -> Path:
    """Write the page; see `Cohort.report`."""
    path = Path(path).expanduser()
    settings = check_view({"clip": CLIP, **(view or {})})
    if path.is_dir() or not path.parent.is_dir():
        message = f"{str(path)!r} cannot be written: "
        message += "it is a folder." if path.is_dir() else f"there is no folder {str(path.parent)!r}."
        raise FileNotFoundError(message)
    if alike not in findings.ALIKE:
        message = f"Unknown alike={alike!r}.{nearest(alike, findings.ALIKE)} There are {', '.join(findings.ALIKE)}."
        raise ValueError(message)
    if representatives < 0:
        message = f"representatives is a number of members, 0 or more; got {representatives}."
        raise ValueError(message)

    split = _groups(cohort, by)
    sections = {
        "run": facts.run(cohort),
        "groups": facts.groups(cohort, split),
        "failures": facts.failures(cohort),
    }
    if split:
        summaries = maps.Summaries(cohort)
        sections["templates"] = maps.templates(summaries, split, settings)
        sections["pairs"] = maps.pairs(summaries, split, settings)
        del summaries  # two groups' statistics, which nothing needs any more
        if atlas is not None:
            sections["regions"] = findings.regions(cohort, split, atlas, names)
        sections["kinds"] = findings.kinds(cohort, split, alike, settings)
        if representatives:
            features = _features(cohort, atlas)
            sections["representatives"] = findings.representatives(cohort, representatives, features, names, settings)
    sections["members"] = facts.members(cohort)

    there = {TITLES[key]: each for key, each in sections.items() if each is not None}
    heading = title or f"{(cohort.store.plan.get('model') or {}).get('name', 'A model')}: {facts.method_name(cohort)}"
    foot = f"Written by xai-widget {__version__}. This page is complete: it loads nothing and runs nothing."
    text = page(heading, facts.lead(cohort), list(there.values()), list(there), foot)
    path.write_text(text, "utf-8")
    return path


def _groups(cohort: Cohort, by: By | None) -> dict[str, Rows]:
    """Return the groups; by prediction where those of the run are of a column that holds nothing, such as labels."""
    if not len(cohort):
        return {}
    return cohort.groups(by) or cohort.groups("prediction")


def _features(cohort: Cohort, atlas: Any) -> Any:
    if atlas is not None:
        return atlas
    first = int(cohort.group().rows[0])
    return "grid" if cohort.store.picture(first) is None else None
