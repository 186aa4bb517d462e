"""Origin: the model and the inputs that a cohort came from, to ask more of a member than its map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xai_widget.binding import Binding
from xai_widget.cohort.running.identity import fingerprint
from xai_widget.cohort.running.items import Item, Items, items_of
from xai_widget.explainers import Layer, Method, build_method
from xai_widget.targets import Contrast, Target


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a cohort came from, as far as that is known here.

    Attributes
    ----------
    model : callable or None
    items : Items or None
        The inputs, by row.
    binding : Binding
        How the model is run.
    method : Method or None
        None: as the store's plan says.
    layer, target
        What the run was asked.
    """

    model: Callable[..., Any] | None = None
    items: Items | None = None
    binding: Binding = field(default_factory=Binding)
    method: Method | None = None
    layer: Layer = None
    target: Target = None

    def item(self, row: int, name: str) -> Item | None:
        """Return a row's input; None where model or inputs are not known.

        Raises
        ------
        ValueError
            These are other inputs than the cohort's.
        """
        if self.model is None or self.items is None:
            return None
        count = len(self.items.ids)
        found = self.items[row] if row < count else None
        if found is None or name not in {self.items.ids[row], found.id}:
            here = f"there are {count} inputs" if found is None else f"row {row} is {self.items.ids[row]!r}"
            raise ValueError(f"This is another dataset than the cohort's: {name!r} was row {row}, and here {here}.")
        return found

    def is_model(self, known: str | None) -> bool:
        """Return whether the model still has the fingerprint that the run noted."""
        return self.model is not None and fingerprint(self.model) == known


def origin_of(plan: Mapping[str, Any], model: Any, dataset: Any, **how: Any) -> Origin:
    """Return the origin of a store that was opened, with what its plan tells.

    Parameters
    ----------
    plan : mapping
        Of the store.
    model : callable or None
    dataset
        As `explain_dataset` takes it, or None.
    **how
        Keywords of `Binding`.
    """
    known: dict[str, Any] = {"precision": plan.get("precision") or "float32"}
    if plan["labels"] and getattr(model, "labels", None) is None:
        known["labels"] = list(plan["labels"])
    asked = plan.get("target")
    known_target = None
    if isinstance(asked, dict) and asked.keys() == {"target", "foil"}:
        known_target = Contrast(asked["target"], asked["foil"])
    return Origin(
        model,
        None if dataset is None else items_of(dataset),
        Binding(**{**known, **how}),
        _method(plan),
        plan["layer"],
        known_target,
    )


def _method(plan: Mapping[str, Any]) -> Method | None:
    """Return the method of a plan; None where a parameter, such as an array, is no more than named there."""
    try:
        return build_method(plan["method"], plan["params"])
    except (ValueError, TypeError):
        return None
