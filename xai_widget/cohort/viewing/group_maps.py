"""Statistics of groups as methods: what a map is to a picture, a mean is to a group. Each grows while maps are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, make_dataclass
from functools import reduce
from itertools import zip_longest
from typing import Annotated, Any, ClassVar, Final, Literal, cast

import numpy as np
import torch

from xai_widget.attribution import Attribution, Estimate
from xai_widget.cohort.findings import statistics
from xai_widget.cohort.findings.statistics import Summary
from xai_widget.cohort.store.splits import Rows
from xai_widget.engine import Access, Case
from xai_widget.explainers import Cost, Explainer, Param
from xai_widget.explainers.method import Method

OTHERS: Final = "the others"
ZERO: Final = "zero"
COMPARED: Final = Param("Compared with", "Another group; the others are all members that are not in this one.")


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups whose maps can be read.

    Attributes
    ----------
    rows : mapping of str to int array
        Of each group, by name.
    read : callable
        Returns the map of a row.
    everybody : int array
        All rows that have a map.
    """

    rows: Mapping[str, Rows]
    read: Callable[[int], Attribution]
    everybody: Rows

    def of(self, name: str) -> Rows:
        """Return the rows of a group."""
        return self.rows[name]

    def against(self, name: str, other: str) -> Rows:
        """Return the rows of what a group is compared with.

        Raises
        ------
        ValueError
            Nobody is there, or it is the group itself.
        """
        if other == name:
            raise ValueError(f"{name!r} cannot be compared with itself. Choose another group in 'Compared with'.")
        rows = np.setdiff1d(self.everybody, self.rows[name]) if other == OTHERS else self.rows[other]
        if not len(rows):
            raise ValueError(f"Everybody is in {name!r}: there are no others to compare it with.")
        return rows

    def grown(self, name: str, rows: Rows) -> Iterator[Summary]:
        """Read the maps of some rows one by one; yield what is known after each."""
        return statistics.summaries(name, (self.read(int(row)) for row in rows))


@dataclass(frozen=True)
class Statistic(Explainer):
    """What can be said of a group; its name is the case's target.

    Estimates come after every member, so that a run can be stopped; they are computed anew when the number of members
    has doubled, and at the end.
    """

    access: ClassVar[Access] = "black_box"
    class_specific: ClassVar[bool] = True
    cites: ClassVar[str] = ""
    evaluations: ClassVar[str] = "none: maps are read from the store"
    id: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    least: ClassVar[int] = 1
    groups: ClassVar[Groups]

    @property
    def other(self) -> str:
        """What the group is compared with, `ZERO` for nothing."""
        return str(getattr(self, "compared_with", ZERO))

    def cost(self, case: Case) -> Cost:
        """No model is asked."""
        del case
        return Cost(0)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield what the members so far come to."""
        name = case.questions[0].label
        rows = [self.groups.of(name)]
        streams = [self.groups.grown(name, rows[0])]
        if self.other != ZERO:
            rows.append(self.groups.against(name, self.other))
            streams.append(self.groups.grown(self.other, rows[1]))
        total, last = sum(map(len, rows)), None
        for turn, parts in enumerate(_together(streams), 1):
            done = sum(part.n for part in parts)
            enough = len(parts) == len(rows) and min(part.n for part in parts) >= self.least
            if done == total or (enough and turn & (turn - 1) == 0):
                last = self.of(*parts)
            if last is not None:
                yield _estimate(last, done / total)

    def of(self, group: Summary, other: Summary | None = None) -> Attribution:
        """Return the statistic of a group, or of two."""
        raise NotImplementedError


class Mean(Statistic):
    """The mean of the members' maps."""

    id: ClassVar[str] = "mean"
    label: ClassVar[str] = "Mean"
    summary: ClassVar[str] = "The mean of the members' maps at each place, with its standard error."
    formula: ClassVar[str] = "M = (1/n) Σᵢ Aᵢ"
    when: ClassVar[str] = "Where the inputs are aligned, so that a place means the same in all of them."

    def of(self, group: Summary, other: Summary | None = None) -> Attribution:
        """Return the mean."""
        del other
        return statistics.mean(group)


class StandardDeviation(Statistic):
    """How much the members' maps differ."""

    id: ClassVar[str] = "std"
    label: ClassVar[str] = "Standard deviation"
    summary: ClassVar[str] = "How much the members' maps differ from their mean at each place."
    formula: ClassVar[str] = "s = √( Σᵢ (Aᵢ − M)² / (n − 1) )"
    when: ClassVar[str] = "To see where the members of a group do not agree."
    least: ClassVar[int] = 2

    @property
    def signed(self) -> bool:
        """A deviation is never negative."""
        return False

    def of(self, group: Summary, other: Summary | None = None) -> Attribution:
        """Return the standard deviation."""
        del other
        return statistics.std(group)


class TMap(Statistic):
    """How sure a mean, or a difference of means, is."""

    id: ClassVar[str] = "t_map"
    label: ClassVar[str] = "t-map"
    summary: ClassVar[str] = "How far the group's mean lies from zero, or from another group's, in standard errors."
    formula: ClassVar[str] = "t = M / (s/√n);  t = (M₁ − M₂) / √(s₁²/n₁ + s₂²/n₂)"
    when: ClassVar[str] = "To see what is more than chance. Every place is a test: look at q in the numbers as well."
    cites: ClassVar[str] = "Welch, Biometrika 34 (1947)"
    least: ClassVar[int] = 2

    @property
    def unit(self) -> str:
        """A t has none of its own."""
        return "t"

    def of(self, group: Summary, other: Summary | None = None) -> Attribution:
        """Return Student's t, or Welch's."""
        return statistics.t_map(group, other)


class Difference(Statistic):
    """Where two groups' means differ."""

    id: ClassVar[str] = "difference"
    label: ClassVar[str] = "Difference"
    summary: ClassVar[str] = "The group's mean minus another group's mean at each place."
    formula: ClassVar[str] = "D = M₁ − M₂"
    when: ClassVar[str] = "To see where a group's maps are stronger than another's; the t-map says how sure that is."

    def refuses(self, facts: Any) -> str | None:
        """Return why there is no difference: one group is all there is."""
        del facts
        return None if len(self.groups.rows) > 1 else "A difference needs two groups, and this cohort has one."

    def of(self, group: Summary, other: Summary | None = None) -> Attribution:
        """Return the difference."""
        if other is None:
            message = "A difference needs what a group is compared with."
            raise TypeError(message)
        return statistics.difference(group, other)


def statistics_of(groups: Groups) -> dict[str, type[Method]]:
    """Return the statistics of these groups, by id; two of them take another group's name as `compared_with`.

    Examples
    --------
    >>> sorted(statistics_of(Groups({}, lambda row: None, np.arange(0))))
    ['difference', 'mean', 'std', 't_map']
    """
    several = len(groups.rows) > 1
    names = [OTHERS, *(name for name in groups.rows if name not in {OTHERS, ZERO})] if several else []
    made = (_of(Mean, groups), _of(StandardDeviation, groups))
    compared = (_of(TMap, groups, ZERO, *names), _of(Difference, groups, *(names or [OTHERS])))
    return {cls.id: cls for cls in (*made, *compared)}


def _of(cls: type[Statistic], groups: Groups, *choices: str) -> type[Statistic]:
    """Return a statistic of these groups, with what it can be compared with; the first one is the default."""
    words: Any = reduce(lambda one, more: one | more, (Literal[word] for word in choices)) if choices else None
    fields = [("compared_with", Annotated[words, COMPARED], choices[0])] if choices else []
    made = make_dataclass(cls.__name__, fields, bases=(cls,), namespace={"groups": groups}, frozen=True)
    return cast("type[Statistic]", made)


def _together(streams: list[Iterator[Summary]]) -> Iterator[list[Summary]]:
    """Take a member of each group in turn until all are exhausted; yield what is known of each."""
    known: dict[int, Summary] = {}
    for turn in zip_longest(*streams):
        known.update({place: summary for place, summary in enumerate(turn) if summary is not None})
        yield [known[place] for place in sorted(known)]


def _estimate(found: Attribution, fraction: float) -> Estimate:
    return Estimate(
        torch.tensor(found.values)[None],
        fraction,
        signed=found.signed,
        error=None if found.error is None else torch.tensor(found.error)[None],
        arrays={name: torch.tensor(array)[None] for name, array in found.arrays.items()},
        meta=found.meta,
    )
