"""Case: what a method is asked about, and the few verbs it needs to answer.

A case is a batch of inputs with one question a row. It hides hooks, modes, devices, chunks and caches, so that a
method reads like its paper.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import torch
from torch import Tensor

from xai_widget.engine.capture import Captured, capture, logit_gradient
from xai_widget.engine.edits import Edits, Fill, fill_for
from xai_widget.engine.facts import Facts
from xai_widget.engine.kept import KeptLogits
from xai_widget.engine.memory import Memory, digest_of
from xai_widget.engine.rectified import GRADIENTS, GradientKind, backward_as
from xai_widget.engine.runner import Runner
from xai_widget.targets import Question, TargetNotScored

ScoreName = Literal["logit", "probability", "log_odds"]
SCORES: Final[tuple[ScoreName, ...]] = ("logit", "probability", "log_odds")
# Elements of one chunk of edited inputs: 32 colour pictures of 224 x 224. Fixed, so that a map does not depend on timing.
CHUNK_ELEMENTS: Final = 32 * 3 * 224 * 224
LARGEST_CHUNK: Final = 128


@dataclass(frozen=True, eq=False)
class Case:
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

    # -- the same case, differently asked ---------------------------------------------------------------------------

    def with_inputs(self, inputs: Tensor) -> "Case":
        """Return the same questions about other inputs (noise around any method nests through this).

        Parameters
        ----------
        inputs : Tensor
            `[n * N, C, *S]`: n variants of all rows, all rows of the first variant first.
        """
        placed = self.runner.place(inputs)
        questions = self.questions * (len(placed) // len(self.inputs))
        return replace(self, inputs=placed, questions=questions, memory=Memory(self.runner, placed))

    def rows(self) -> tuple["Case", ...]:
        """Return one case for every row; what they compute is kept like this case's own."""
        if len(self.inputs) == 1:
            return (self,)
        return tuple(
            replace(self, inputs=self.inputs[row : row + 1], questions=(question,), memory=self.memory.row(row))
            for row, question in enumerate(self.questions)
        )

    def with_target(self, question: Question) -> "Case":
        """Return the same inputs, every row asked `question`; everything computed so far is shared."""
        return replace(self, questions=(question,) * len(self.inputs))

    def with_layers(self, layers: Sequence[str]) -> "Case":
        """Return the same question at other layers; everything captured so far is shared."""
        return replace(self, layers=tuple(layers))

    def replayed(self, question: Question) -> "Case":
        """Return the case that answers `question` from what is kept, without running the model on inputs."""
        return replace(self.with_target(question), replay=True)

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
        values = logits
        if kind != "logit":
            values = self.facts.kind.probabilities(logits)
        if kind == "log_odds":
            tiny = torch.finfo(values.dtype).eps
            values = torch.logit(values, eps=tiny)
        return torch.stack([question(row) for question, row in zip(self.questions, values, strict=True)])

    # -- what the model says ----------------------------------------------------------------------------------------

    @property
    def logits(self) -> Tensor:
        """Logits of the inputs themselves, `[N, K]`; one forward, kept."""
        found = self.memory.recall(("logits",), Tensor)
        if found is None:
            self._forbid_replay()
            found = torch.cat([self._forward(part) for part in torch.split(self.inputs, self._rows())])
            self.memory.keep(("logits",), found, found.nbytes)
        return found

    def adopt_logits(self, logits: Tensor) -> None:
        """Take logits `[N, K]` of these inputs that a measured pass has given already."""
        self.memory.keep(("logits",), logits, logits.nbytes)

    def capture(self, kind: GradientKind = "plain") -> Captured:
        """Return activations at `layers` from one forward, ready to be differentiated; kept."""
        found = self.memory.captured(self.layers, kind)
        if found is not None:
            return found
        self._forbid_replay()
        captured = capture(self.runner, self.facts, self.inputs, self.layers, kind)
        self.memory.keep(("capture", kind, self.layers), captured, captured.nbytes)
        return captured

    def activations(self) -> dict[str, Tensor]:
        """Return activations by layer, `[N, C, *grid]`; of tokens those that make the grid."""
        kinds: tuple[GradientKind, ...] = GRADIENTS
        kept = (self.memory.captured(self.layers, kind) for kind in kinds)
        captured = next((found for found in kept if found is not None), None) or self.capture()
        return {name: captured.activations[name] for name in self.layers}

    def gradients(self, kind: GradientKind = "plain") -> dict[str, Tensor]:
        """Return the gradient of each row's score at each layer, `[N, C, *grid]`: a backward through the head alone.

        Parameters
        ----------
        kind : {"plain", "guided", "deconv"}
            What rectifiers above the layer let through on the way back.
        """
        captured = self.capture(kind)
        key = tuple(question.key for question in self.questions)
        self.runner.tally.backwards += 0 if captured.knows(key) else len(self.inputs)
        found = captured.gradients(self.score, key)
        return {name: found[name] for name in self.layers}

    def head_weights(self) -> Tensor:
        """Return the weights of a linear head for each row's question, `[N, C]`, without bias.

        Raises
        ------
        ValueError
            The head is not linear in the mean of a layer.
        """
        head = self.facts.head
        if head is None:
            message = "This model has no GAP + linear head."
            raise ValueError(message)
        logits = self.capture().logits
        return logit_gradient(self.score, logits) @ head.weight.to(logits)

    def input_gradient(self, kind: GradientKind = "plain") -> Tensor:
        """Return the gradient of each row's score at the inputs, `[N, C, *S]`; no gradient of a parameter.

        Parameters
        ----------
        kind : {"plain", "guided", "deconv"}
            What rectifiers let through on the way back.

        Raises
        ------
        ValueError
            The output does not depend on the input differentiably.
        """
        ((_, gradients),) = self.gradients_at(lambda _: self.inputs, 1, kind)
        return gradients[:, 0]

    def gradients_at(
        self, variant: Callable[[int], Tensor], count: int, kind: GradientKind = "plain"
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield each row's score and its gradient at variants of the inputs, in chunks.

        Parameters
        ----------
        variant : callable
            ``variant(i)`` is the i-th variant of the inputs, `[N, C, *S]`.
        count : int
            Number of variants n.
        kind : {"plain", "guided", "deconv"}
            What rectifiers let through on the way back.

        Yields
        ------
        scores : Tensor
            `[N, m]` for the next m variants.
        gradients : Tensor
            `[N, m, C, *S]`.

        Raises
        ------
        ValueError
            The output does not depend on the input differentiably.
        """
        self._forbid_replay()
        start, size = 0, self.batch
        while start < count:
            stop = min(count, start + size)
            variants = torch.cat([variant(index) for index in range(start, stop)])
            questions = self.questions * (stop - start)
            rows = self._rows()  # more inputs than fit together are split, whatever `size` says
            parts = []
            try:
                for first in range(0, len(variants), rows):
                    part = replace(self, inputs=variants[first : first + rows], questions=questions[first:][:rows])
                    parts.append(part._input_gradient(kind))
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error) or stop - start == 1:
                    raise
                size = (stop - start) // 2
                continue
            scores, gradients = (torch.cat(found) for found in zip(*parts, strict=True))
            gradients = gradients.reshape(stop - start, *self.inputs.shape)
            yield scores.reshape(stop - start, -1).transpose(0, 1), gradients.transpose(0, 1)
            start = stop

    def _input_gradient(self, kind: GradientKind) -> tuple[Tensor, Tensor]:
        with self.runner.session(grad=True):
            leaf = self.inputs.detach().clone().requires_grad_()
            with backward_as(kind):
                logits = self.runner.logits(leaf)
            value = self.score(logits)
            if not value.requires_grad:
                message = (
                    f"The scores of {self.facts.model} do not depend on the input differentiably (the forward leaves"
                    " PyTorch or runs under no_grad). Use a black-box method such as 'occlusion'."
                )
                raise ValueError(message)
            self.runner.tally.backwards += len(leaf)
            (gradient,) = torch.autograd.grad(value.sum(), leaf)
            return value.detach(), gradient.detach()

    def fill(self, fill: Fill, seed: int = 0) -> Tensor:
        """Return what a fill stands for, `[N, C, *S]` in model-input units: a baseline, or what covers a place."""
        return fill_for(self.inputs, fill, seed)

    def scores(self, edits: Edits) -> Iterator[Tensor]:
        """Yield the logits of the edited inputs in chunks `[N, n, K]`, in the order of the edits.

        The logits are kept: another question about the same edits costs no forward. The chunks are bounded in memory
        (an out-of-memory error halves them) and, with `chunk_seconds`, in time.

        Raises
        ------
        TargetNotScored
            In replay, where the logits of the question's classes were not kept.
        """
        key = ("scores", edits.key, None if self.mask is None else digest_of(self.mask))
        kept = self.memory.recall(key, KeptLogits)
        if kept is not None and not all(kept.answers(question.columns) for question in self.questions):
            if self.replay:
                message = f"{self.questions[0].label!r} was not among the classes kept. Run the method again for it."
                raise TargetNotScored(message)
            kept = None
        done = 0
        if kept is not None:
            for chunk in kept.chunks:
                done += chunk.shape[1]
                yield kept.full(chunk)
        if done >= len(edits):
            return
        self._forbid_replay()
        wanted = [column for question in self.questions for column in question.columns or ()]
        chunks = list(kept.chunks) if kept is not None else []
        planned = kept if kept is not None else KeptLogits.planned(self.logits, len(edits), wanted)
        growing = KeptLogits(planned.n_classes, planned.columns, chunks)
        try:
            for logits in self._edited_logits(edits, done):
                growing.append(logits)
                yield logits
        finally:  # also when the generator is closed: what was paid for is kept
            self.memory.keep(key, growing, growing.nbytes)

    # -- running ----------------------------------------------------------------------------------------------------

    def _edited_logits(self, edits: Edits, start: int) -> Iterator[Tensor]:
        rows = len(self.inputs)
        size = self.batch
        fill = fill_for(self.inputs, edits.fill)
        buffer: Tensor | None = None
        while start < len(edits):
            count = min(size, len(edits) - start)
            try:
                if buffer is None or len(buffer) < count:
                    buffer = self.inputs.new_empty((count, *self.inputs.shape))
                part = buffer[:count]
                began = time.perf_counter()
                edits.write(part, self.inputs, fill, start, self.mask)
                logits = self._forward(part.flatten(0, 1))
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error) or count == 1:
                    raise
                buffer, size = None, count // 2
                continue
            yield logits.reshape(count, rows, -1).transpose(0, 1)
            start += count
            if self.chunk_seconds is not None:
                per_edit = (time.perf_counter() - began) / count
                size = max(1, min(LARGEST_CHUNK, 2 * size, int(self.chunk_seconds / per_edit)))

    def _forward(self, inputs: Tensor) -> Tensor:
        with self.runner.session(grad=False):
            logits = self.runner.logits(inputs)
        with torch.inference_mode(False):
            return logits.clone()  # an ordinary tensor: a callable target may differentiate it later

    def _rows(self) -> int:
        per_input = math.prod(self.inputs.shape[1:])
        return max(1, min(LARGEST_CHUNK, CHUNK_ELEMENTS // per_input))

    @property
    def batch(self) -> int:
        """How many variants of all inputs run together."""
        size = max(1, self._rows() // len(self.inputs))
        if self.chunk_seconds is None:
            return size
        return max(1, min(size, int(self.chunk_seconds / max(1e-6, self.facts.seconds * len(self.inputs)))))

    def _forbid_replay(self) -> None:
        if self.replay:
            message = "The answer is not among what was kept of this run. Run the method again for this target."
            raise TargetNotScored(message)


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)
