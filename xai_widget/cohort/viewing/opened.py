"""A member in the widget: live where model and input are there, else as the store has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

from xai_widget.cohort.running.items import Item
from xai_widget.cohort.running.origin import Origin
from xai_widget.cohort.viewing.underlay import blank
from xai_widget.explainers import parameters_of
from xai_widget.widget.given import from_attribution
from xai_widget.widget.settings import offered_methods
from xai_widget.widget.xai_widget import XaiWidget

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort

UNKNOWN: Final = (
    "This is the map in the store. To ask more of members, tell the cohort its model and dataset:"
    " Cohort.open(path, model=..., dataset=...)."
)


def open_member(
    cohort: Cohort, row: int, view: Mapping[str, Any] | None = None, locale: str | None = None
) -> tuple[XaiWidget, str]:
    """Return a member's widget, and what there is to say about it ("" where it is live).

    A live one begins with the question that the run asked. It shows the map in the store, unless the model has changed;
    everything else is computed when it is asked for.

    Raises
    ------
    KeyError
        The row has no map.
    """
    name = str(cohort.table.set_index("row")["id"].loc[row])
    try:
        item = cohort.origin.item(row, name)
        if item is not None:
            return _live(cohort, row, item, view, locale), ""
        told = UNKNOWN
    except Exception as error:  # noqa: BLE001 - a file, a dataset and a model may fail in any way
        told = f"{name} could not be opened live, this is its map in the store. {type(error).__name__}: {error}"
    return _stored(cohort, row, name, view, locale), told


def _stored(cohort: Cohort, row: int, name: str, view: Mapping[str, Any] | None, locale: str | None) -> XaiWidget:
    found = cohort.store.attribution(row)
    if found.image is None:
        found = replace(found, image=blank(cohort))
    made = from_attribution(None, found, view=view, locale=locale)
    made.names[:] = [name]
    return made


def _live(cohort: Cohort, row: int, item: Item, view: Mapping[str, Any] | None, locale: str | None) -> XaiWidget:
    origin, plan, record = cohort.origin, cohort.store.plan, cohort.store.records()[row]
    method, target = origin.method, _target(origin, record["target"])
    settings: dict[str, Any] = {"method": plan["method"]} if plan["method"] in offered_methods(None) else {}
    if method is not None and settings:
        settings["params"] = {each.name: getattr(method, each.name) for each in parameters_of(type(method))}
    how = {each.name: getattr(origin.binding, each.name) for each in fields(origin.binding)}
    how.pop("chunk_seconds")
    # As a tuple travels: the trait takes a name or a list of names.
    layer = list(origin.layer) if isinstance(origin.layer, tuple) else origin.layer
    made = XaiWidget(
        origin.model, item.img, target=target, layer=layer, view=view, locale=locale, expected=record["label"],
        **settings, **how,
    )  # fmt: skip
    if "params" in settings and isinstance(target, int) and origin.is_model((plan["model"] or {}).get("fingerprint")):
        wish = made.wish()
        held = {each.name: getattr(wish.method, each.name) for each in parameters_of(type(wish.method))}
        image, affine = made.session.inputs[0].picture, made.session.inputs[0].affine
        made.asker.keep(
            wish, replace(cohort.store.attribution(row), params=held, target=target, image=image, affine=affine)
        )
    return made


def _target(origin: Origin, recorded: Any) -> Any:
    """Return what was asked of a row: a class, or what the run asked of all of them."""
    if not isinstance(recorded, int) and origin.target is None:
        message = f"The run asked about {recorded!r}, which a store can name and not ask again."
        raise ValueError(message)
    return recorded if isinstance(recorded, int) else origin.target
