"""What the table of a cohort says, in words: what was run, its groups, what failed, and who the members are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from xai_widget.cohort.reporting.page import Html, element, escaped, facts, joined, note, paragraph, section, table
from xai_widget.cohort.store.journal import NAME as JOURNAL
from xai_widget.cohort.store.splits import CORRECT, Rows, explained, words_of
from xai_widget.cohort.store.table import COLUMNS
from xai_widget.explainers import method_classes, parameters_of

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

# Rows of a table, and columns of the dataset's own beside the members.
LISTED: Final = 200
FURTHER: Final = 8
ERRORS: Final = 20
NAMED: Final = 5
NOTHING: Final = "–"
TITLES: Final = {"run": "What was run", "groups": "Groups", "failures": "Failures", "members": "Members"}


def method_name(cohort: Cohort) -> str:
    """Return what a method is called on screen, or its id where it is not installed."""
    method = cohort.store.plan["method"]
    found = method_classes().get(method)
    return found.label if found is not None else str(method)


def lead(cohort: Cohort) -> Html:
    """Return how far the run is, in a sentence."""
    total, rows, done = cohort.store.plan["count"], len(cohort.table), len(cohort)
    words = f"{_of(done, total)} explained by {method_name(cohort)}"
    words += f", {rows - done} failed" if rows > done else ""
    words += f"; {total - rows} not yet explained" if total > rows else ""
    return element("p", f"{words}.", class_="lead")


def run(cohort: Cohort) -> Html:
    """Return what was asked of which model, and when."""
    return section(TITLES["run"], facts(_run(cohort)))


def _run(cohort: Cohort) -> Iterator[tuple[str, Any]]:
    plan = cohort.store.plan
    yield "Method", _method(plan["method"])
    if plan["params"]:
        yield "Parameters", _parameters(plan["method"], plan["params"])
    yield "A value is", plan["unit"] or "without a unit"
    yield "Asked about", _question(plan)
    if plan["layer"] is not None:
        yield "Layer", ", ".join(plan["layer"]) if isinstance(plan["layer"], list) else plan["layer"]
    model = plan.get("model") or {}
    yield "Model", joined([model.get("name", "unknown"), _code(model.get("fingerprint"), "fingerprint")])
    if cohort.labels:
        yield "Classes", _some(list(cohort.labels), 12)
    yield "Precision", plan.get("precision") or "unknown"
    for name, value in (plan.get("settings") or {}).items():
        if value is not None and name != "layer":
            yield name.capitalize(), _plain(value)
    # Where it lies is nobody's business who gets the page; the store knows.
    dataset = plan.get("dataset") or {}
    about = " ".join(str(dataset[name]) for name in ("kind", "name") if dataset.get(name))
    yield "Data set", joined([f"{about}, {_of(plan['count'])}".removeprefix(", "), _code(dataset.get("ids"), "ids")])
    if plan["input_size"] is not None:
        grid, native = ("×".join(map(str, plan[name])) for name in ("input_size", "native"))
        yield "Grid", f"inputs {grid}, maps {native}"
    yield "Store", element("code", cohort.store.path.name)
    yield "Version", f"xai-widget {plan.get('version', 'unknown')}"
    written = datetime.fromtimestamp((cohort.store.path / JOURNAL).stat().st_mtime, UTC)
    yield "Last result", f"{written:%Y-%m-%d %H:%M} UTC"


def _method(name: str) -> Html:
    found = method_classes().get(name)
    if found is None:
        return joined([name, " (a method that is not installed here)"])
    lines = [joined([element("strong", found.label), f" ({name}). ", found.summary])]
    lines += [element("code", found.formula)] if found.formula else []
    lines += [escaped(found.cites)] if found.cites else []
    return joined(map(paragraph, lines))


def _parameters(method: str, given: Mapping[str, Any]) -> str:
    found = method_classes().get(method)
    labels = {} if found is None else {each.name: each.about.label for each in parameters_of(found)}
    said = (f"{labels.get(name) or name}: {_plain(value)}" for name, value in given.items())
    return "; ".join(said)


def _question(plan: Mapping[str, Any]) -> str:
    target, column = plan["target"], plan["target_column"]
    if column is not None:
        return f"the class that the column {column!r} names, for each input"
    if target is None:
        return "the class that is predicted, for each input"
    if target == "label":
        return "each input's own label"
    if isinstance(target, Mapping) and {"target", "foil"} <= set(target):
        return f"{_class(target['target'], plan)} rather than {_class(target['foil'], plan)}"
    return _class(target, plan)


def _class(target: Any, plan: Mapping[str, Any]) -> str:
    labels = plan["labels"] or []
    return str(labels[target]) if isinstance(target, int) and 0 <= target < len(labels) else _plain(target)


def groups(cohort: Cohort, split: Mapping[str, Rows]) -> Html:
    """Return the table of groups: how many, how often right, how sure."""
    if not len(cohort):
        return section(TITLES["groups"], paragraph("There is no map, so there are no groups."))
    frame = explained(cohort.table, cohort.labels).set_index("row")
    every = {**split, **({"all": frame.index.to_numpy()} if len(split) != 1 else {})}
    rows = [_group(name, frame.loc[rows]) for name, rows in list(every.items())]
    inside = len(np.unique(np.concatenate(list(split.values())))) if split else 0
    outside = len(frame) - inside
    told = [paragraph(f"{_of(outside)} with a map belong to no group.")] if split and outside else []
    head = ("Group", "Members", "Right", "Accuracy", "Mean probability", "Lowest", "Highest")
    if not frame[CORRECT].notna().any():
        told.append(paragraph("No true classes are known, so there is no accuracy."))
    caption = "Members with a map. The probability is that of the predicted class."
    return section(TITLES["groups"], table(caption, head, rows, numbers=range(1, len(head))), *told)


def _group(name: str, frame: Any) -> list[str]:
    known = frame[CORRECT].dropna()
    sure = frame["probability"].dropna().to_numpy(np.float64)
    right = f"{int(known.sum())} of {len(known)}" if len(known) else NOTHING
    accuracy = f"{known.astype(float).mean():.1%}" if len(known) else NOTHING
    spread = [f"{value:.3f}" for value in (sure.mean(), sure.min(), sure.max())] if len(sure) else [NOTHING] * 3
    return [name, f"{len(frame)}", right, accuracy, *spread]


def failures(cohort: Cohort) -> Html | None:
    """Return what went wrong and how often, None where nothing did."""
    failed = cohort.table[cohort.table["status"] != "ok"]
    if not len(failed):
        return None
    by_error: dict[str, list[str]] = defaultdict(list)
    for name, error in zip(failed["id"], failed["error"], strict=True):
        by_error[str(error)].append(str(name))
    order = sorted(by_error.items(), key=lambda each: (-len(each[1]), each[0]))
    rows = [(error, f"{len(ids)}", _some(ids, NAMED)) for error, ids in order[:ERRORS]]
    more = [paragraph(f"{len(order) - ERRORS} further errors are in the store's table.")] if len(order) > ERRORS else []
    caption = f"{_of(len(failed))} failed. They have no map and belong to no group."
    return section(TITLES["failures"], table(caption, ("Error", "Inputs", "Which"), rows, numbers=[1]), *more)


def members(cohort: Cohort) -> Html:
    """Return the first rows of the table."""
    whole = cohort.table
    if not len(whole):
        return section(TITLES["members"], note("Nothing is finished yet."))
    shown, labels = whole.head(LISTED), cohort.labels
    columns = {"Label": "label", "Prediction": "prediction", "Asked about": "target"}
    known = {title: words_of(shown, name, labels) for title, name in columns.items() if shown[name].notna().any()}
    further = [str(name) for name in shown if name not in COLUMNS]
    cells: dict[str, list[str]] = {"Input": [str(name) for name in shown["id"]]}
    cells |= {title: [NOTHING if word is None else word for word in words] for title, words in known.items()}
    cells["Probability"] = [NOTHING if pd.isna(value) else f"{value:.3f}" for value in shown["probability"]]
    cells |= {name: [_cell(value) for value in shown[name]] for name in further[:FURTHER]}
    if (shown["status"] != "ok").any():
        cells["Status"] = [str(status) for status in shown["status"]]
    numbers = [at for at, name in enumerate(cells) if name == "Probability"]
    caption = f"{_of(len(whole))}" if len(whole) <= LISTED else f"The first {LISTED} of {_of(len(whole))}"
    left = [f"{len(whole) - LISTED} more are in the store's table."] if len(whole) > LISTED else []
    left += [f"Further columns: {_some(further[FURTHER:], 12)}."] if len(further) > FURTHER else []
    rows = list(zip(*cells.values(), strict=True))
    return section(TITLES["members"], table(caption, list(cells), rows, numbers), *map(paragraph, left))


def _cell(value: Any) -> str:
    if value is None or (np.ndim(value) == 0 and pd.isna(value)):
        return NOTHING
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _of(count: int, whole: int | None = None) -> str:
    """Return how many inputs, perhaps of how many."""
    every = count if whole is None else whole
    return f"{count:,} {'' if whole is None else f'of {whole:,} '}input{'' if every == 1 else 's'}"


def _plain(value: Any) -> str:
    match value:
        case None:
            return "auto"
        case bool():
            return "on" if value else "off"
        case {"array": words}:
            return str(words)
        case list():
            return ", ".join(map(_plain, value))
        case Mapping():
            return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
        case _:
            return str(value)


def _some(names: list[str], most: int) -> str:
    return ", ".join(names[:most]) + (f", and {len(names) - most} more" if len(names) > most else "")


def _code(text: Any, what: str) -> Html:
    return Html("") if text is None else joined([f", {what} ", element("code", text)])
