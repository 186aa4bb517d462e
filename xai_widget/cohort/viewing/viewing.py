"""Viewing: a cohort in a notebook, and what it must know to open its members live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from xai_widget.cohort.membership.membership import Membership
from xai_widget.cohort.store.splits import By

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort
    from xai_widget.cohort.viewing.widget import CohortWidget


class Viewing(Membership):
    """The part of a cohort that is looked at."""

    def widget(
        self,
        by: By | None = None,
        underlay: Any = None,
        model: Any = None,
        dataset: Any = None,
        view: Mapping[str, Any] | None = None,
        locale: str | None = None,
    ) -> CohortWidget:
        """Return a widget that shows each group's template, the group's members, and any member in `XaiWidget`.

        Parameters
        ----------
        by : str, mapping or list, optional
            What makes the groups, as in `groups`.
        underlay : optional
            What lies below the maps. None: each group's mean picture. "all": everybody's. Or a member's id, a path, a
            picture, an array or a NIfTI image on the inputs' grid.
        model, dataset : optional
            For members that are opened, where the cohort does not know them; see `open`.
        view : mapping, optional
            How maps are shown, as in `XaiWidget`.
        locale : str, optional
            Language, such as "ko" or "en". None: the browser's.

        Raises
        ------
        ValueError
            There are no groups, or the underlay does not lie on the inputs' grid.

        Examples
        --------
        >>> import tempfile
        >>> from xai_widget import examples
        >>> from xai_widget.cohort import explain_dataset
        >>> net, folder = examples.mosaic_net(), tempfile.TemporaryDirectory()
        >>> data = [(examples.photo(name), name) for name in ("cat", "rocket", "coffee")]
        >>> c = explain_dataset(net, data, "grad_cam", out=f"{folder.name}/maps.zarr", progress=False)
        >>> w = c.widget(underlay="all")
        >>> w.group, w.members
        ('cat', ('0',))
        >>> w.open("2").explain().label
        'coffee'
        >>> w.close()
        >>> folder.cleanup()
        """
        from xai_widget.cohort.viewing.widget import CohortWidget  # noqa: PLC0415 - it brings Jupyter along

        return CohortWidget(cast("Cohort", self), by, underlay, model=model, dataset=dataset, view=view, locale=locale)
