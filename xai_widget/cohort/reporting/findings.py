"""What was found in the maps: regions, kinds of maps, and members that stand for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xai_widget.cohort.findings.clusters import FEWEST, Clusters
from xai_widget.cohort.findings.map_features import Likeness
from xai_widget.cohort.membership.groups import Group
from xai_widget.cohort.reporting.figures import figure, gallery, interval, plotted, scale, shared_top
from xai_widget.cohort.reporting.maps import SLICES, chosen
from xai_widget.cohort.reporting.page import Html, element, note, paragraph, scrolled, section
from xai_widget.cohort.store.splits import Rows, explained, words_of
from xai_widget.render import top_of
from xai_widget.view import View

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

# Regions in the table, the strongest ones.
REGIONS: Final = 40
TITLES: Final = {"regions": "Regions", "kinds": "Kinds of maps", "representatives": "Representatives"}
ALIKE: Final = {
    "place": "where relevance lies",
    "shape": "how relevance is spread, wherever it lies",
    "content": "how that looks on which relevance is strongest, wherever it lies",
}


def regions(cohort: Cohort, split: Mapping[str, Rows], atlas: Any, names: Mapping[Any, str] | None) -> Html:
    """Return the table of regions and groups, and the beeswarm of their importance."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, needed here only

    parts = [cohort.regions(atlas, names, group=Group(name, rows)) for name, rows in chosen(split).items()]
    found = {name: part.set_index("region") for name, part in zip(chosen(split), parts, strict=True)}
    one = next(iter(found.values()))
    strength = np.max([part["mean"].abs() for part in found.values()], axis=0)
    order = [one.index[at] for at in np.argsort(-strength, kind="stable")]
    values = np.concatenate([part[["mean", "low", "high"]].to_numpy().ravel() for part in found.values()])
    ends = min(float(np.nanmin(values)), 0.0), max(float(np.nanmax(values)), 0.0)
    sized = bool(one["mm3"].notna().all())
    size = "Size (mm³)" if sized else "Size (places)"
    head = [
        element("th", name, scope="col", class_="number" if name in {size, "n", "Mean", "Share"} else None)
        for name in ("Region", size, "Group", "n", "Mean", "95 % interval", "Mean and interval", "Share")
    ]
    bodies = [_region(found, number, ends, "mm3" if sized else "voxels") for number in order[:REGIONS]]
    unit = cohort.store.plan["unit"] or "relevance"
    caption = f"Mean over members of their map's mean in the region ({unit}), the strongest region first"
    said = paragraph(
        "The interval is a bootstrap percentile interval: members drawn with replacement. The share is the part of a"
        " member's positive relevance that lies in the region. Large regions have large shares."
    )
    more = [paragraph(f"{len(order) - REGIONS} weaker regions are left out.")] if len(order) > REGIONS else []
    importance = cohort.importance(atlas, names)
    drawn = Figure(figsize=(7, 1 + 0.42 * min(len(importance.names), 12)), layout="constrained")
    importance.plot(drawn.subplots())
    bright = "" if importance.intensity is None else ", coloured by how bright its picture is there"
    swarm = plotted(drawn, "Bars of the mean size of the maps in each region, with each member as a point")
    return section(
        TITLES["regions"],
        said,
        scrolled(caption, element("thead", element("tr", *head)), *bodies),
        *more,
        element("h3", "Which regions count over all members"),
        paragraph(f"Bars: mean size over members. Points: each member{bright}."),
        swarm,
    )


def _region(found: Mapping[str, Any], number: int, ends: tuple[float, float], size: str) -> Html:
    rows = []
    for at, (group, part) in enumerate(found.items()):
        line = part.loc[number]
        name = [
            element("th", line["name"], scope="rowgroup", rowspan=len(found)),
            element("td", f"{line[size]:,.0f}", rowspan=len(found), class_="number"),
        ]
        alone = not np.isfinite(line["low"])
        cells = [
            element("td", group),
            element("td", f"{line['n']}", class_="number"),
            element("td", f"{line['mean']:.3g}", class_="number"),
            element("td", "–" if alone else f"{line['low']:.3g} … {line['high']:.3g}"),
            element("td", interval(line["mean"], line["low"], line["high"], ends)),
            element("td", "–" if np.isnan(line["share"]) else f"{line['share']:.1%}", class_="number"),
        ]
        rows.append(element("tr", *([] if at else name), *cells))
    return element("tbody", *rows)


def kinds(cohort: Cohort, split: Mapping[str, Rows], alike: Likeness, view: View) -> Html:
    """Return the kinds of maps within each group."""
    parts = [
        paragraph(
            f"Maps within a group that are alike by {ALIKE[alike]} (SpRAy: Lapuschkin et al., 2019). Several kinds can"
            " mean several strategies, one of them perhaps a wrong one: open typical members and look. The number of kinds"
            " is a proposal; a kind is no proof. Within a group the mean maps share one scale."
        )
    ]
    alone, small = [], []
    for name, rows in chosen(split).items():
        if len(rows) < FEWEST:
            small.append(f"{name} ({len(rows)})")
            continue
        try:
            found = cohort.clusters(group=Group(name, rows), features=alike)
        except ValueError as error:
            parts += [element("h3", name), paragraph(f"No kinds were looked for: {error}")]
            continue
        if len(found) > 1:
            parts += [element("h3", name), *_kinds(cohort, found, view)]
        else:
            alone.append(f"{name} ({len(rows)})")
    if alone:
        parts.append(paragraph(f"One kind, no gap in the spectrum parts the maps: {', '.join(alone)}."))
    if small:
        parts.append(paragraph(f"Too small, kinds need {FEWEST} maps or more: {', '.join(small)}."))
    return section(TITLES["kinds"], *parts)


def _kinds(cohort: Cohort, found: Clusters, view: View) -> list[Html]:
    top = shared_top(found.means, view)
    volumes = len(cohort.input_size) == 3
    figures = [
        figure(
            mean,
            view,
            top,
            f"Mean map of kind {kind} of {found.group}{SLICES if volumes else ''}",
            f"Kind {kind}: {size} of {len(found.rows)}",
            f"typically {', '.join(typical)}",
        )
        for kind, (mean, size, typical) in enumerate(zip(found.means, found.sizes, found.typical, strict=True), 1)
    ]
    return [gallery(figures, volumes=volumes), scale(found.means, view, top)]


def representatives(cohort: Cohort, n: int, features: Any, names: Mapping[Any, str] | None, view: View) -> Html:
    """Return the few members whose maps show most of what counts over all."""
    try:
        found = cohort.representatives(min(n, len(cohort)), features=features, names=names)
    except ValueError as error:
        return section(TITLES["representatives"], note(f"None were picked: {error}"))
    # Further picks show nothing new.
    picked = int(np.argmax(found.coverage >= found.coverage[-1])) + 1
    frame = explained(cohort.table, cohort.labels).set_index("row")
    labels, predictions = (words_of(frame, name, cohort.labels) for name in ("label", "prediction"))
    volumes = len(cohort.input_size) == 3
    figures = []
    for at, (row, name, covered) in enumerate(zip(found.rows[:picked], found.ids, found.coverage, strict=False), 1):
        member, sure = cohort.store.attribution(int(row)), frame["probability"][row]
        top = top_of(member.values, member.signed, view["clip"])
        words = [
            f"predicted {predictions[row]}" + ("" if np.isnan(sure) else f", {sure:.3f}"),
            *([f"label {labels[row]}"] if labels[row] is not None else []),
            *([f"asked about {member.label}"] if member.label != predictions[row] else []),
            f"together {covered:.0%}",
            f"strongest colour {top:.3g}",
        ]
        alt = f"Map of {name}{SLICES if volumes else ''}"
        figures.append(figure(member, view, top, alt, f"{at}. {name}", *words))
    said = paragraph(
        f"{picked} of {len(cohort)} members whose maps together show {found.coverage[-1]:.0%} of what counts over all"
        " (SP-LIME: Ribeiro et al., 2016), in the order of their pick. Each map has a scale of its own."
    )
    return section(TITLES["representatives"], said, gallery(figures, volumes=volumes))
