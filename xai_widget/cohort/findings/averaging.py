"""Averaging: one map for each of a cohort's groups."""

from __future__ import annotations

from xai_widget.attribution import Attribution
from xai_widget.cohort.findings import statistics
from xai_widget.cohort.membership.groups import Members
from xai_widget.cohort.membership.membership import Membership


class Averaging(Membership):
    """The part of a cohort that turns many maps into one."""

    def mean(self, group: Members = None) -> Attribution:
        """Return the mean map of a group on the input grid, over the mean picture.

        Maps are read one at a time. `error` is the standard error of the mean at each place, None for one member.
        Only where inputs are aligned (volumes in one space, faces cut alike) does a place mean the same in all of them.
        """
        return statistics.mean(self._summary(group))

    def std(self, group: Members = None) -> Attribution:
        """Return the standard deviation (n - 1) of a group's maps at each place of the input grid.

        Raises
        ------
        ValueError
            The group has one member alone.
        """
        return statistics.std(self._summary(group))

    def difference(self, a: Members, b: Members) -> Attribution:
        """Return the mean map of `a` minus the mean map of `b`; `error` is the standard error."""
        return statistics.difference(self._summary(a), self._summary(b))

    def t_map(self, a: Members = None, b: Members = None) -> Attribution:
        """Return how far a group's mean lies from zero, or from another group's, in standard errors.

        Parameters
        ----------
        a : group
        b : group, optional
            None: Student's t of `a` against zero; else Welch's t of `a` minus `b`.

        Returns
        -------
        Attribution
            t, on the input grid. `arrays` holds `p` (two-sided, of each place by itself), `q` (Benjamini and Hochberg's
            false discovery rate over all places where anything varies) and `df`; `meta["df"]` is the smallest one.

        Raises
        ------
        ValueError
            A group has one member alone.
        """
        return statistics.t_map(self._summary(a), None if b is None else self._summary(b))

    def _summary(self, group: Members) -> statistics.Summary:
        picked = self.group(group)
        return statistics.summarise(picked.name, self._members(picked.rows))
