"""The contract of a method: a frozen dataclass whose fields are its parameters, and one generator."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Protocol, runtime_checkable

from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts, LayerFact, ScoreName
from xai_widget.explainers.parameters import checked

# How `channels` become `values`: their sum, or the largest magnitude.
Reduction = Literal["sum", "largest"]
# Whether the map changes as it must when the network's weights are drawn anew (`docs/methods.md` has the measurement).
Randomisation = Literal["passes", "fails", "partly", "unknown"]
# What a method perturbs or shares out, in words.
SCORE_WORDS: Final[dict[ScoreName, str]] = {
    "logit": "logit",
    "probability": "probability",
    "log_odds": "log-odds",
}


@dataclass(frozen=True)
class Cost:
    """Model evaluations a method needs: passes of one input each.

    Attributes
    ----------
    forwards, backwards : int
        Their numbers.
    exact : bool
        False where they depend on something that is slow to find out before a run (how many superpixels there are).
    """

    forwards: int
    backwards: int = 0
    exact: bool = True


@runtime_checkable
class Method(Protocol):
    """What every method offers; a third party's class may implement it in any way.

    Three more attributes are shown where a class has them, as those here do (see `Explainer`): `unit` and `signed`, which
    may depend on the parameters, and `randomisation`.

    Attributes
    ----------
    id, label : str
        As in code, as on screen.
    access : {"black_box", "gradient", "white_box"}
        What it needs of the model.
    class_specific : bool
        Whether the map depends on the target.
    summary, formula, cites : str
        One sentence, the formula in plain text, the paper.
    when : str
        When to use it, and when not.
    evaluations : str
        Model evaluations in words, such as "1 forward, 1 backward".
    """

    id: ClassVar[str]
    label: ClassVar[str]
    access: ClassVar[Access]
    class_specific: ClassVar[bool]
    summary: ClassVar[str]
    formula: ClassVar[str]
    cites: ClassVar[str]
    when: ClassVar[str]
    evaluations: ClassVar[str]

    @property
    def uses_layer(self) -> bool:
        """Whether it reads activations at a layer."""

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""

    def refuses_layer(self, layer: LayerFact, facts: Facts) -> str | None:
        """Return why this layer cannot be used, in words, or None."""

    def default_layer(self, facts: Facts) -> str | None:
        """Return the layer that is used where none is named."""

    def automatic(self, facts: Facts) -> dict[str, Any]:
        """Return what parameters left at None (auto) come to for inputs of this shape."""

    def cost(self, case: Case) -> Cost:
        """Return the model evaluations that `estimates` will need, caches aside."""

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield ever better estimates; the last one has fraction 1."""


@runtime_checkable
class Looking(Protocol):
    """A method whose one forward of the inputs also tells what the model says of them."""

    def look(self, case: Case) -> Tensor:
        """Run that forward, which `estimates` finds again, and return its logits `[N, K]`; no question is needed."""


@dataclass(frozen=True)
class Explainer:
    """Base of the methods here: parameters are checked on construction; sensible defaults for the rest."""

    class_specific: ClassVar[bool] = True
    access: ClassVar[Access] = "black_box"
    reduction: ClassVar[Reduction] = "sum"
    formula: ClassVar[str] = ""
    label: ClassVar[str] = ""
    when: ClassVar[str] = ""
    evaluations: ClassVar[str] = ""
    randomisation: ClassVar[Randomisation] = "unknown"

    @property
    def uses_layer(self) -> bool:
        """Whether it reads activations at a layer."""
        return False

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return ""

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return True

    def __post_init__(self) -> None:
        """Check every field and hold it in its own type."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name, value in checked(type(self), given, self.label).items():
            object.__setattr__(self, name, value)

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        order = ("black_box", "gradient", "white_box")
        if order.index(facts.access) >= order.index(self.access):
            return None
        if self.access == "gradient":
            return (
                f"{self.label} needs gradients, but {facts.model} is a black box: its output does not depend on the"
                " input differentiably. Use a black-box method such as 'occlusion'."
            )
        return (
            f"{self.label} reads a model's layers, but {facts.model} can only be called. Pass the torch.nn.Module"
            " itself, or use 'occlusion'."
        )

    def refuses_layer(self, layer: LayerFact, facts: Facts) -> str | None:
        """Return why this layer cannot be used, in words, or None."""
        del layer, facts
        return None if self.uses_layer else f"{self.label} does not read a layer."

    def default_layer(self, facts: Facts) -> str | None:
        """Return the layer that is used where none is named."""
        return facts.default_layer if self.uses_layer else None

    def automatic(self, facts: Facts) -> dict[str, Any]:
        """Return what parameters left at None (auto) come to for inputs of this shape."""
        del facts
        return {}
