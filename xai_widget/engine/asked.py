"""What is asked: inputs with one question a row, how a score answers it, and the same asked differently."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Self

import torch
from torch import Tensor

from xai_widget.engine.facts import Facts
from xai_widget.engine.memory import Memory
from xai_widget.engine.runner import Runner, Tally
from xai_widget.targets import Question, TargetNotScored

ScoreName = Literal["logit", "probability", "log_odds"]
SCORES: Final[tuple[ScoreName, ...]] = ("logit", "probability", "log_odds")


@dataclass(frozen=True, eq=False)
class Asked:
    """Inputs `[N, C, *S]`, one question a row, and how to run the model on them.

    Attributes
    ----------
    memory : Memory
        What was computed for these inputs.
    inputs : Tensor
        `[N, C, *S]`, on the model's device.
    questions : tuple of Question
        One a row.
    layers : tuple of str
        Where a white-box method reads activations.
    mask : Tensor or None
        bool `[*S]`: the foreground that may be perturbed.
    chunk_seconds : float or None
        Upper bound for the duration of one chunk (for prompt cancelling); None = chunks of a fixed size.
    replay : bool
        Answer from what is kept: where a forward would be needed, raise `TargetNotScored`.
    spacings : tuple
        Size of a voxel along each axis in mm, None where it is not known; one a row, or empty.
    """

    runner: Runner
    memory: Memory
    facts: Facts
    inputs: Tensor
    questions: tuple[Question, ...]
    layers: tuple[str, ...] = ()
    mask: Tensor | None = None
    chunk_seconds: float | None = None
    replay: bool = False
    spacings: tuple[tuple[float, ...] | None, ...] = ()

    # -- the same, differently asked --------------------------------------------------------------------------------

    def with_inputs(self, inputs: Tensor) -> Self:
        """Return the same questions about other inputs (noise around any method nests through this).

        Parameters
        ----------
        inputs : Tensor
            `[n * N, C, *S]`: n variants of all rows, all rows of the first variant first.
        """
        placed = self.runner.place(inputs)
        times = len(placed) // len(self.inputs)
        return replace(
            self,
            inputs=placed,
            questions=self.questions * times,
            memory=Memory(self.runner, placed, of=self.memory),
            spacings=self.spacings * times,
        )

    def rows(self) -> tuple[Self, ...]:
        """Return one case for every row; what they compute is kept like this case's own."""
        if len(self.inputs) == 1:
            return (self,)
        return tuple(
            replace(
                self,
                inputs=self.inputs[row : row + 1],
                questions=(question,),
                memory=self.memory.row(row),
                spacings=self.spacings[row : row + 1],
            )
            for row, question in enumerate(self.questions)
        )

    def with_target(self, question: Question) -> Self:
        """Return the same inputs, every row asked `question`; everything computed so far is shared."""
        return replace(self, questions=(question,) * len(self.inputs))

    def with_layers(self, layers: Sequence[str]) -> Self:
        """Return the same question at other layers; everything captured so far is shared."""
        return replace(self, layers=tuple(layers))

    def replayed(self, question: Question) -> Self:
        """Return the case that answers `question` from what is kept, without running the model on inputs.

        What it still costs (a backward through what is held) is counted anew.
        """
        return replace(self.with_target(question), runner=replace(self.runner, tally=Tally()), replay=True)

    # -- questions --------------------------------------------------------------------------------------------------

    @property
    def contrasts(self) -> bool:
        """Whether a question is A rather than B."""
        return any(question.foil is not None for question in self.questions)

    def score(self, logits: Tensor, kind: ScoreName = "logit") -> Tensor:
        """Apply each row's question to logits `[N, ..., K]`; returns `[N, ...]`, differentiable.

        For "probability" the question is asked of the class probabilities (a contrast is their difference); for
        "log_odds" of log p/(1 - p).
        """
        values = self.class_scores(logits, kind)
        return torch.stack([question(row) for question, row in zip(self.questions, values, strict=True)])

    def class_scores(self, logits: Tensor, kind: ScoreName = "logit") -> Tensor:
        """Return the scores `[..., K]` of all classes: the logits, their probabilities, or log p/(1 - p)."""
        if kind == "logit":
            return logits
        values = self.facts.kind.probabilities(logits)
        return values if kind == "probability" else torch.logit(values, eps=torch.finfo(values.dtype).eps)

    def forbid_replay(self) -> None:
        """Raise where the model would have to run, and must not.

        Raises
        ------
        TargetNotScored
            In replay.
        """
        if self.replay:
            message = "The answer is not among what was kept of this run. Run the method again for this target."
            raise TargetNotScored(message)
