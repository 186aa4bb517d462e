"""Templates: the widget's viewer over groups. Its pictures are the groups' underlays, its methods their statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from xai_widget.attribution import Attribution, last_of
from xai_widget.binding import Binding
from xai_widget.cohort.store.splits import Rows
from xai_widget.cohort.viewing.group_maps import Groups, statistics_of
from xai_widget.cohort.viewing.underlay import MOST, affine_of_inputs
from xai_widget.inputs import ModelInput
from xai_widget.session import Session
from xai_widget.widget.asking import Key
from xai_widget.widget.comparing import Comparisons
from xai_widget.widget.doing import Doing
from xai_widget.widget.gallery import Gallery
from xai_widget.widget.given_maps import Below
from xai_widget.widget.opening import Spot
from xai_widget.widget.pins import Pins
from xai_widget.widget.saving import Saving
from xai_widget.widget.service import Service
from xai_widget.widget.translating import Words
from xai_widget.widget.xai_widget import XaiWidget

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

CONTROLS: Final = ("method", "params", "display", "compare", "save")
# How long a picture that stays in a notebook's file waits for its numbers.
STILL_SECONDS: Final = 5.0


class TemplateWords(Words):
    """Tells the cohort's own controls, too, which language a page speaks."""

    widget: Templates

    def speak(self, language: str) -> None:
        """Tell a new view the catalogues of its language, and whoever else wants to know it."""
        super().speak(language)
        self.widget.spoken(self.widget.locale or language)


class GroupGallery(Gallery):
    """Says of a group what the model says of its members: the class predicted most often, and the mean probability."""

    widget: Templates

    def said(self, index: int, session: Session) -> tuple[int, str, float]:
        """Return the prediction that most members share, its label, and their mean probability."""
        del session
        return self.widget.says[index]


class Templates(XaiWidget):
    """What a cohort's groups have in common, in the widget's viewer; made by `Cohort.widget`.

    Parameters
    ----------
    cohort : Cohort
    groups : mapping of str to int array
        Rows by name.
    below : sequence of Below
        What lies below each group's map.
    spoken : callable
        Is told the language of each page that shows this.
    view, locale
        As of `XaiWidget`.

    Attributes
    ----------
    groups : tuple of str
        Their names, in the order of `sessions`.
    """

    _offers: ClassVar[tuple[type[Service], ...]] = (TemplateWords, Doing, Pins, Comparisons, GroupGallery, Saving)

    def __init__(
        self,
        cohort: Cohort,
        groups: Mapping[str, Rows],
        below: Sequence[Below],
        spoken: Callable[[str], None],
        *,
        view: Mapping[str, Any] | None = None,
        locale: str | None = None,
    ) -> None:
        self.groups = tuple(groups)
        self.spoken = spoken
        frame = cohort.table.set_index("row")
        self.says = tuple(_said(frame.loc[rows], cohort.labels) for rows in groups.values())
        stand_in = _StandIn(cohort)
        notes = _notes(cohort, groups)
        sessions = [_session(stand_in, cohort, name, each, notes) for name, each in zip(groups, below, strict=True)]
        titles = [f"{name} ({len(rows)})" for name, rows in groups.items()]
        self.spots = tuple(Spot(place, 0, title) for place, title in enumerate(titles))
        offered = statistics_of(Groups(groups, cohort.store.attribution, cohort.group().rows))
        self._begin(sessions, titles, offered, method="mean", controls=list(CONTROLS), view=view, locale=locale)

    def lay(self, below: Sequence[Below]) -> None:
        """Put other pictures below the maps; nothing is computed."""
        asker = self.asker
        with asker.lock:
            for session, each in zip(self.sessions, below, strict=True):
                session.inputs = (replace(session.inputs[0], picture=each.image, affine=each.affine),)
            anew: dict[Key, Attribution] = {key: self._laid(key[0], each) for key, each in asker.finished.items()}
            if asker.latest is not None:
                wish, found, run = asker.latest
                asker.latest = wish, anew.get(wish.key) or self._laid(wish.session, found), run
            asker.finished.update(anew)
            self.service(GroupGallery).show_anew()
            self._send_session(None)
            if asker.latest is not None and asker.latest[0].session == self.active:
                wish, found, run = asker.latest
                self.report_result(run, wish, found)

    def _laid(self, index: int, found: Attribution) -> Attribution:
        item = self.sessions[index].inputs[0]
        return replace(found, image=item.picture, affine=item.affine)

    def complete(self) -> None:
        """Compute the present statistic of every group, as far as a group has one."""
        for index, session in enumerate(self.sessions):
            wish = replace(self.wish(), session=index)
            if wish.key in self.asker.finished:
                continue
            try:
                (found,) = last_of(session.run(wish.method))
            except ValueError:  # a group of one has no spread, a group is not compared with itself
                continue
            self.asker.keep(wish, found)

    def still(self) -> Image.Image:
        """Return the stage as a picture that stays, with its map if that is there in a few seconds."""
        if not self._awake and self.auto_run:
            self._start_by_itself()
        if (job := self.asker.job) is not None:
            job.ended.wait(STILL_SECONDS)
        return self.snapshot(scale=self._still_scale(1))

    def __repr__(self) -> str:
        return f"Templates({', '.join(self.groups)})" if self.sessions else "Templates(closed)"


class _StandIn:
    """Stands in a model's place: everything that is asked is read from the store."""

    def __init__(self, cohort: Cohort) -> None:
        plan = cohort.store.plan
        self.__name__ = f"{plan['method']} of {(plan.get('model') or {}).get('name', 'a model')}"

    def __call__(self, batch: Tensor) -> Tensor:
        return torch.zeros(len(batch), 1)


def _session(stand_in: _StandIn, cohort: Cohort, name: str, below: Below, notes: Sequence[str]) -> Session:
    # Of the input, nothing but its size is ever looked at.
    nothing = torch.zeros(1).expand(1, 1, *cohort.input_size)
    item = ModelInput(nothing, below.image, name, (), below.affine)
    session = Session(stand_in, [item], Binding(labels=[name], activation="none", dims=len(cohort.input_size)))
    session.notes = tuple(notes)
    return session


def _said(frame: Any, labels: Sequence[str]) -> tuple[int, str, float]:
    often = int(frame["prediction"].mode().iloc[0]) if frame["prediction"].notna().any() else 0
    share = pd.to_numeric(frame["probability"]).mean()
    return often, labels[often] if often < len(labels) else "", 0.0 if pd.isna(share) else float(share)


def _notes(cohort: Cohort, groups: Mapping[str, Rows]) -> list[str]:
    found = ["Groups: the class that most members are predicted as, and the mean probability of their predictions."]
    records = cohort.store.records()
    if affine_of_inputs(cohort) is not None and any(record["affine"] is not None for record in records.values()):
        found.append("The affines of the members differ: their voxels are not the same places.")
    if max(map(len, groups.values())) > MOST:
        found.append(f"The mean picture of a large group is that of {MOST} members, evenly spread.")
    return found
