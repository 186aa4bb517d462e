"""One row of a cohort: read the input, ask the method, keep the last estimate and what it says of the model's answer.

The same code runs here, in a local process and on a cluster's worker.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.attribution import last_of
from xai_widget.binding import Binding
from xai_widget.cohort.running.items import Item, Items, class_of
from xai_widget.explainers import Layer, Method
from xai_widget.models import numbered
from xai_widget.session import Session
from xai_widget.targets import Target

# The target that is each input's own label.
OWN_LABEL: Final = "label"
LIKELIEST: Final = 5
# A volume is kept in 8 bits between these percentiles of its voxels.
WINDOW: Final = (0.5, 99.5)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one row.

    Attributes
    ----------
    row : int
        Of the dataset.
    item : Item or None
        Without its input; None where it could not even be read.
    record : mapping
        What the journal says of it, but for what the dataset knows: id, label and columns.
    values : float32 array or None
        The map; None where it failed.
    picture : uint8 array or None
        What the model saw.
    seen : mapping
        What every row of the cohort shares: see `store.SEEN`.
    """

    row: int
    item: Item | None
    record: Mapping[str, Any]
    values: NDArray[np.float32] | None = None
    picture: NDArray[np.uint8] | None = None
    seen: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def failed(cls, row: int, item: Item | None, error: BaseException, seconds: float = 0.0) -> "Outcome":
        """Return the outcome of a row that raised `error`."""
        notes = [*getattr(error, "__notes__", ())]
        said = " ".join([f"{type(error).__name__}: {error}".rstrip(": "), *notes])
        bare = None if item is None else replace(item, img=None)
        return cls(row, bare, {"status": "error", "error": said, "seconds": round(seconds, 4)})


@dataclass(frozen=True, eq=False)
class Task:
    """What all rows share; a worker gets it once.

    Attributes
    ----------
    model, method, binding, layer, target, target_column
        As `explain_dataset` was told.
    pictures : bool
        Whether to keep what the model saw.
    items : Items or None
        Where inputs come from; None where they come with each row.
    classes : tuple of str
        What the dataset calls its classes: they name those of a model that has no names, if there are as many.
    """

    model: Callable[..., Any]
    method: Method
    binding: Binding
    layer: Layer
    target: Target
    target_column: str | None
    pictures: bool
    items: Items | None
    classes: tuple[str, ...] = ()

    def explain(self, row: int, item: Item | None = None) -> Outcome:
        """Explain one row; whatever goes wrong with it is in the outcome."""
        began = time.perf_counter()
        try:
            item = self._item(row) if item is None else item
            record, values, picture, seen = self._explained(item)
        except Exception as error:  # noqa: BLE001 - a dataset, a file, a model and a method may raise anything
            return Outcome.failed(row, item, error, time.perf_counter() - began)
        record["seconds"] = round(time.perf_counter() - began, 4)
        return Outcome(row, replace(item, img=None), record, values, picture, seen)

    def _item(self, row: int) -> Item:
        if self.items is None:
            message = "A task without items needs the item of each row."
            raise RuntimeError(message)
        return self.items[row]

    def _explained(
        self, item: Item
    ) -> tuple[dict[str, Any], NDArray[np.float32], NDArray[np.uint8] | None, dict[str, Any]]:
        session = Session.open(self.model, item.img, self.binding, (self.method, self.layer))
        if len(self.classes) == len(session.labels) and session.labels == numbered(len(self.classes)):
            session.labels = self.classes
        try:
            case = session.case(self.method, [self._target(item, session.labels)], self.layer, fresh=True)
            last = last_of(self.method.estimates(case))
            values = np.array(last.values[0].detach().float().cpu().numpy())
        finally:
            session.forget()
        question, given, shares = case.questions[0], session.inputs[0], session.probabilities[0]
        if not np.isfinite(values).all() or not np.isfinite(shares).all():
            message = "The map or the probabilities are not finite: the model gives NaN or infinity for this input."
            raise ArithmeticError(message)
        picture, low, high = _eight_bit(given.picture) if self.pictures else (None, None, None)
        best = session.predictions()[:LIKELIEST]
        record = {
            "status": "ok",
            "prediction": best[0][0],
            "probability": best[0][2],
            "probabilities": {str(index): share for index, _, share in best},
            "target": question.index if question.foil is None and question.index is not None else question.label,
            "low": low,
            "high": high,
        }
        seen = {
            "labels": list(session.labels),
            "input_size": list(case.inputs.shape[2:]),
            "native": list(values.shape),
            "signed": last.signed,
            "unit": question.unit(getattr(self.method, "unit", "")),
            "layer": None if not case.layers else (case.layers[0] if len(case.layers) == 1 else list(case.layers)),
            "affine": None if given.affine is None else given.affine.tolist(),
        }
        return record, values, picture, seen

    def _target(self, item: Item, labels: tuple[str, ...]) -> Target:
        if self.target_column is not None:
            wanted = item.columns.get(self.target_column)
            if wanted is None:
                has = ", ".join(item.columns) or "none"
                message = f"There is no target in the column {self.target_column!r}. Columns: {has}."
                raise ValueError(message)
        elif self.target == OWN_LABEL:
            wanted = item.label
            if wanted is None:
                message = "The target is the input's own label, and this input has none."
                raise ValueError(message)
        else:
            return self.target
        index = class_of(wanted, labels)
        return wanted if index is None else index


def _eight_bit(picture: NDArray[Any]) -> tuple[NDArray[np.uint8], float | None, float | None]:
    """Return a picture in 8 bits, and what 0 and 255 stand for where it was a volume."""
    if picture.dtype == np.uint8:
        return picture, None, None
    low, high = (float(edge) for edge in np.percentile(picture, WINDOW))
    if not math.isfinite(low + high) or high <= low:
        low, high = float(picture.min()), float(picture.max())
    spread = (picture - low) / (high - low) if high > low else np.zeros_like(picture)
    return np.floor(spread.clip(0, 1) * 255 + 0.5).astype(np.uint8), low, high
