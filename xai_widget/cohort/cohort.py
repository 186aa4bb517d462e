"""Cohort: what can be said of many maps at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xai_widget.cohort.findings import clusters as kinds
from xai_widget.cohort.findings import map_features, regions, representatives, shared_features
from xai_widget.cohort.findings.atlas import Atlas, grid, read_atlas
from xai_widget.cohort.findings.averaging import Averaging
from xai_widget.cohort.findings.importance import Importance
from xai_widget.cohort.membership.groups import Members
from xai_widget.cohort.reporting.reporting import Reporting
from xai_widget.cohort.store.splits import By
from xai_widget.cohort.viewing.viewing import Viewing


class Cohort(Averaging, Viewing, Reporting):
    """Many inputs, explained in one run.

    Wherever a `group` is asked for, it can be said as

    - None: everybody who has a map,
    - a name in `groups()`, or "correct" or "wrong",
    - a class, in words or as an index (of the label where the cohort is grouped by label, else of the prediction),
    - a query of the table's columns: ``"label == 1 and probability >= 0.75"``; `correct`, `label_name` and
      `prediction_name` are columns there,
    - a mapping ``{column: value}``; a tuple is a range ``(low, high)`` with both ends (None: open), a list holds
      choices, a function is asked about each value,
    - booleans, one a row of `table`,
    - a list of ids or rows,
    - a `Group`: rows with a name of your own.

    Inputs that failed are in `table`, but in no group.

    Parameters
    ----------
    store : Store
        As `explain_dataset` filled it. The table is read once: open the cohort again to see what a run added.

    Examples
    --------
    >>> import tempfile
    >>> from xai_widget import examples
    >>> from xai_widget.cohort import explain_dataset
    >>> net, folder = examples.mosaic_net(), tempfile.TemporaryDirectory()
    >>> names = ["cat", "rocket", "coffee"]
    >>> data = [(net.transform(examples.photo(name)), net.labels.index(name)) for name in names]
    >>> c = explain_dataset(net, data, "grad_cam", out=f"{folder.name}/maps.zarr", group_by="label", progress=False)
    >>> len(c), sorted(c.groups())
    (3, ['cat', 'coffee', 'rocket'])
    >>> c.mean("cat").resized().shape, c.mean("probability > 0").meta["n"]
    ((128, 128), 3)
    >>> folder.cleanup()
    """

    # -- regions --------------------------------------------------------------------------------------------------------

    def regions(
        self,
        atlas: Any,
        names: Mapping[Any, str] | None = None,
        by: By | None = None,
        group: Members = None,
        statistic: regions.Statistic = "mean",
        *,
        level: float = 0.95,
        resamples: int = 2000,
        seed: int = 0,
    ) -> Any:
        """Return the table of regions and groups.

        Parameters
        ----------
        atlas : int array [*S], nibabel image, or path of a NIfTI file
            A number for each place of the input grid; 0 is background.
        names : mapping, optional
            `{number: name}`.
        by : str, mapping or list, optional
            Groups as in `groups`. By default those of the run, or `group` alone where one is named.
        group : group, optional
            Only these members.
        statistic : {"mean", "mean_abs", "positive"}
            What a member has in a region: the mean of its map, of the map's size, or of its positive part.
        level : float
            Of the interval, in (0, 1).
        resamples : int
            Bootstrap samples of members.
        seed : int
            Of the bootstrap.

        Returns
        -------
        DataFrame
            A row for each group and region: `group`; `region` (number); `name`; `n` members; `mean` of the statistic
            over members; `low` and `high`, its bootstrap percentile interval (NaN for one member); `share`, the part of
            a member's positive relevance that lies in the region, averaged over members that have any; `voxels`; `mm3`
            (NaN without an affine).

        Raises
        ------
        ValueError
            The atlas does not fit the inputs, or an argument is out of range.
        """
        cut = self._atlas(atlas, names)
        inside = self.group(group)
        split = {inside.name: inside.rows}
        if by is not None or group is None:
            split = {name: np.intersect1d(rows, inside.rows) for name, rows in self.groups(by).items()}
        found = {name: regions.profiles(self._members(rows), cut) for name, rows in split.items() if len(rows)}
        return regions.table(found, cut, statistic, level, resamples, seed)

    def importance(
        self,
        atlas: Any = None,
        names: Mapping[Any, str] | None = None,
        group: Members = None,
        *,
        cells: int | None = None,
    ) -> Importance:
        """Return which regions count, over all members of a group: mean |value| by region, and each member's value.

        For `kernel_shap` and `lime` this is the global view that SHAP's summary plot gives (Lundberg et al., "From
        local explanations to global understanding", Nature Machine Intelligence 2020): a map's value in a superpixel
        is the superpixel's attribution. It works for the maps of any method.

        Parameters
        ----------
        atlas, names
            As in `regions`. Without an atlas the input is cut into boxes.
        group : group, optional
        cells : int, optional
            Boxes along each axis; by default 7 of a picture, 5 of a volume.

        Raises
        ------
        ValueError
            The atlas does not fit the inputs.
        """
        picked = self.group(group)
        cut = grid(self.input_size, cells) if atlas is None else self._atlas(atlas, names)
        found = regions.profiles(self._members(picked.rows), cut)
        unit, signed = self.store.plan["unit"] or "", self.store.plan["signed"]
        return Importance(picked.name, cut.names, picked.rows, found.mean, found.intensity, unit, signed)

    # -- members that stand for others -------------------------------------------------------------------------------------

    def representatives(
        self,
        n: int = 5,
        group: Members = None,
        features: Any = None,
        *,
        names: Mapping[Any, str] | None = None,
        count: int | None = None,
        strongest: int = 5,
        seed: int = 0,
    ) -> representatives.Representatives:
        r"""Return the few members whose maps together show most of what counts in a group (SP-LIME).

        Ribeiro, Singh, Guestrin (2016) pick explanations that cover the important features. Texts share their words; the
        superpixels of two photographs share nothing, so features must be made comparable first. They are

        - "words" (default for pictures): each member's superpixels are described by how they look (colour, its spread,
          edges, texture) and pooled over the cohort into `count` kinds, wherever they lie; see `visual_words`,
        - "parcels" (default for volumes): superpixels of the mean picture, for aligned inputs; "grid": boxes,
        - an atlas, as in `regions`.

        :math:`W_{if}` is the size of map i's mean in feature f, weighed by f's part of the picture, as a part of the
        member's sum: strong and weak maps count the same, and signs cannot cancel. Of each member its `strongest`
        features stay, as LIME's explanations have few; a heat map has a little of everything, and any one would cover
        all.

        Parameters
        ----------
        n : int
            How many members, at most all.
        group : group, optional
        features : {"words", "parcels", "grid"} or atlas, optional
        names : mapping, optional
            Of the atlas' regions.
        count : int, optional
            How many words (by default 20), parcels (60), or boxes along each axis (7 of a picture, 5 of a volume).
        strongest : int
            How many features a member shows.
        seed : int
            Of k-means, which makes the words.

        Raises
        ------
        ValueError
            n or `strongest` below 1, unknown features, or words of members without pictures.
        """
        if n < 1 or strongest < 1 or (count is not None and count < 1):
            raise ValueError(f"Expected numbers of 1 or more; got n={n!r}, strongest={strongest!r}, count={count!r}.")
        picked = self.group(group)
        called, weights = shared_features.weights(lambda: self._members(picked.rows), features, names, count, seed)
        weights = representatives.strongest(weights, strongest)
        order, coverage, importance = representatives.submodular_pick(weights, min(n, len(picked)))
        rows = picked.rows[order]
        return representatives.Representatives(
            picked.name, rows, self._ids(rows), coverage, called, importance, weights, picked.rows, self.__getitem__
        )

    def clusters(
        self,
        n: int | None = None,
        group: Members = None,
        size: tuple[int, ...] | None = None,
        seed: int = 0,
        *,
        features: map_features.Likeness = "place",
        neighbours: int | None = None,
    ) -> kinds.Clusters:
        """Return kinds of maps within a group, to unmask a strategy that looks right one map at a time (SpRAy).

        Lapuschkin et al., "Unmasking Clever Hans predictors and assessing what machines really learn", Nature
        Communications 10 (2019). Best asked of one class at a time: classes differ anyway.

        Parameters
        ----------
        n : int, optional
            How many kinds. By default as many as there are eigenvalues before the widest gap of the likeness graph's
            spectrum; without a gap that counts 2 if one tight kind stands out from scattered maps, else 1; see
            `spectral.kinds`.
        group : group, optional
        size : tuple of int, optional
            The grid that maps are pooled to by area means; by default 16 cells an axis of a picture, 8 of a volume.
        seed : int
            Of k-means and of the embedding.
        features : {"place", "shape", "content"}
            What makes two maps alike. "place": where relevance lies (the pooled map, brought to length 1); for aligned
            inputs, and for marks that stay where they are. "shape": how it is spread, wherever it lies (the sizes of
            the pooled map's Fourier coefficients). "content": how that looks on which it is strongest (colour, edges,
            texture of the superpixels; see `visual_words.looked_at`), for a mark that turns up anywhere. Strong and
            weak maps count the same.
        neighbours : int, optional
            Of the likeness graph; by default half of the members.

        Raises
        ------
        ValueError
            Too few members, or an argument that does not fit.
        """
        picked = self.group(group)
        dims = len(self.input_size)
        points = map_features.features(self._members(picked.rows), features, size, dims)
        return kinds.found(picked, self._ids(picked.rows), points, n, neighbours, features, seed, self.mean)

    def _atlas(self, atlas: Any, names: Mapping[Any, str] | None) -> Atlas:
        affine = next(self._members(self.group().rows[:1])).affine
        return read_atlas(atlas, names, self.input_size, affine)
