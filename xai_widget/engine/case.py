"""Case: what a method is asked about, and the few verbs it needs to answer.

A case is a batch of inputs with one question a row. It hides hooks, modes, devices, chunks and caches, so that a
method reads like its paper.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from xai_widget.engine.asked import Asked
from xai_widget.engine.attention import Attention, attend
from xai_widget.engine.capture import Captured, Check, capture, logit_gradient
from xai_widget.engine.edits import Edits, Fill, fill_for
from xai_widget.engine.gradients import gradients_at
from xai_widget.engine.kept import KeptLogits
from xai_widget.engine.lent import Lent, lend
from xai_widget.engine.memory import digest_of
from xai_widget.engine.packed import packed
from xai_widget.engine.rectified import GRADIENTS, GradientKind
from xai_widget.engine.relevance import Relevance, relevance
from xai_widget.engine.relevance_steps import Composite
from xai_widget.engine.variants import Pace, edited_logits, logits_of
from xai_widget.targets import TargetNotScored


class Case(Asked):
    """Inputs `[N, C, *S]` with one question a row, and everything a method may ask the model about them."""

    # -- what the model says ----------------------------------------------------------------------------------------

    @property
    def logits(self) -> Tensor:
        """Logits of the inputs themselves, `[N, K]`; one forward, kept."""
        found = self.memory.recall(("logits",), Tensor)
        if found is None:
            self.forbid_replay()
            runner, rows = packed(self.runner, self.inputs), self._pace.rows(self.inputs)
            found = torch.cat([logits_of(runner, part) for part in torch.split(self.inputs, rows)])
            self.memory.keep(("logits",), found, found.nbytes)
        return found

    def adopt_logits(self, logits: Tensor) -> None:
        """Take logits `[N, K]` of these inputs that a measured pass has given already."""
        self.memory.keep(("logits",), logits, logits.nbytes)

    def capture(self, kind: GradientKind = "plain", check: Check | None = None) -> Captured:
        """Return activations at `layers` from one forward, ready to be differentiated; kept.

        Parameters
        ----------
        kind : {"plain", "guided", "deconv"}
            What rectifiers above the layers will let through on the way back.
        check : callable, optional
            Called at every layer on the way; what it raises ends the pass.
        """
        found = self.memory.captured(self.layers, kind)
        if found is not None:
            return found
        self.forbid_replay()
        captured = capture(self.runner, self.facts, self.inputs, self.layers, kind, check)
        self.memory.keep(("capture", kind, self.layers), captured, captured.nbytes)
        self.adopt_logits(captured.logits.detach())
        return captured

    def activations(self) -> dict[str, Tensor]:
        """Return activations by layer, `[N, C, *grid]`; of tokens those that make the grid."""
        kinds: tuple[GradientKind, ...] = GRADIENTS
        kept = (self.memory.captured(self.layers, kind) for kind in kinds)
        captured = next((found for found in kept if found is not None), None) or self.capture()
        return {name: captured.activations[name] for name in self.layers}

    def gradients(self, kind: GradientKind = "plain", check: Check | None = None) -> dict[str, Tensor]:
        """Return the gradient of each row's score at each layer, `[N, C, *grid]`: a backward through the head alone.

        Parameters
        ----------
        kind : {"plain", "guided", "deconv"}
            What rectifiers above the layer let through on the way back.
        check : callable, optional
            Called at every layer on the way; what it raises ends the pass.
        """
        captured = self.capture(kind, check)
        key = tuple(question.key for question in self.questions)
        self.runner.tally.backwards += 0 if captured.knows(key) else len(self.inputs)
        found = captured.gradients(self.score, key, check)
        return {name: found[name] for name in self.layers}

    def attention(self, *, first: int = -1) -> Attention:
        """Return the attention maps of every layer from one forward, ready to be differentiated; kept.

        Parameters
        ----------
        first : int
            Gradients can be asked for from this map on; the last map's alone tell which tokens are read.
        """
        for kept in (0, first):  # what has all gradients answers for the last map too
            found = self.memory.recall(("attention", kept), Attention)
            if found is not None:
                return found
        self.forbid_replay()
        attended = attend(self.runner, self.facts, self.inputs, first, self.known_read)
        self.memory.keep(("attention", first), attended, attended.nbytes)
        self.adopt_logits(attended.logits.detach())
        return attended

    def attention_gradients(self) -> tuple[Tensor, ...]:
        """Return the gradient of each row's score at every attention map, `[N, heads, L, L]` a layer."""
        attended = self.attention(first=0)
        key = tuple(question.key for question in self.questions)
        self.runner.tally.backwards += 0 if attended.knows(key) else len(self.inputs)
        return attended.gradients(self.score, key)

    def tokens_read(self) -> Tensor | None:
        """Return which tokens the model reads behind its last attention, bool `[L]`; None where that cannot be seen."""
        attended = self.attention()
        self.runner.tally.backwards += 0 if attended.knows_read else len(self.inputs)
        found = attended.read()
        # Tokens in front are read as the network is built; which patches are can depend on the input (a maximum).
        if found is not None and not found[attended.prefix :].any():
            self.runner.store.put(self._read_key, found, found.nbytes)
        return found

    @property
    def known_read(self) -> Tensor | None:
        """Which tokens the model was seen to read of another input of this shape, bool `[L]`, if it is the same for all."""
        known: Tensor | None = self.runner.store.get(self._read_key)
        return known

    @property
    def _read_key(self) -> Hashable:
        return "read", self.runner.key, tuple(self.inputs.shape[1:])

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
        self.forbid_replay()
        rows = len(self.inputs)

        def score(logits: Tensor, first: int) -> Tensor:
            asked = tuple(self.questions[row % rows] for row in range(first, first + len(logits)))
            return replace(self, questions=asked).score(logits)

        yield from gradients_at(self.runner, self.inputs, variant, count, score, kind, self._pace)

    def relevance(self, composite: Composite) -> Relevance:
        """Return what each part of the inputs contributed to each row's score, divided by the rules of `composite`.

        Raises
        ------
        ValueError
            Relevance reaches an operation without a rule; or the output does not depend on the input differentiably.
        """
        self.forbid_replay()
        rows, parts = self._pace.rows(self.inputs), []
        for start in range(0, len(self.inputs), rows):
            part = replace(self, inputs=self.inputs[start : start + rows], questions=self.questions[start:][:rows])
            parts.append(relevance(self.runner, self.facts, part.inputs, part.score, composite))
        return Relevance.joined(parts)

    def fill(self, fill: Fill, seed: int = 0) -> Tensor:
        """Return what a fill stands for, `[N, C, *S]` in model-input units: a baseline, or what covers a place."""
        return fill_for(self.inputs, fill, seed, self.mask)

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
            for chunk in kept.together():
                done += chunk.shape[1]
                yield kept.full(chunk)
        if done >= len(edits):
            return
        self.forbid_replay()
        wanted = [column for question in self.questions for column in question.columns or ()]
        chunks = list(kept.chunks) if kept is not None else []
        planned = kept if kept is not None else KeptLogits.planned(self.logits, len(edits), wanted)
        growing = KeptLogits(planned.n_classes, planned.columns, chunks)
        try:
            for logits in edited_logits(self.runner, self.inputs, self.logits, edits, self.mask, self._pace, done):
                growing.append(logits)
                yield logits
        finally:  # also when the generator is closed: what was paid for is kept
            self.memory.keep(key, growing, growing.nbytes)

    def on_module(self, use: Callable[[Lent, Tensor], Tensor]) -> Tensor:
        """Return what somebody else's code makes of the model, `[N, ...]`: the way to wrap another library.

        The model's passes are counted. Nothing of what happens to the copy reaches the model or another method.

        Parameters
        ----------
        use : callable
            ``use(module, inputs)`` is called once for every row: `inputs` `[1, C, *S]` are on the model's device,
            and `module`, a copy of the model, gives the score `[n]` that the row is asked about for any inputs
            `[n, C, *S]`. `module.network` is the copy itself, with its layers. It returns `[1, ...]`.

        Raises
        ------
        ValueError
            The model cannot be copied.
        """
        self.forbid_replay()

        def lent(row: Case) -> Tensor:
            return lend(row.runner, row.inputs, lambda logits: row.score(logits[None])[0], use)

        return torch.cat([lent(row) for row in self.rows()])

    # -- running ----------------------------------------------------------------------------------------------------

    @property
    def batch(self) -> int:
        """How many variants of all inputs run together."""
        return min(self._pace.batch(self.inputs), max(1, self._pace.rows(self.inputs) // len(self.inputs)))

    @property
    def _pace(self) -> Pace:
        return Pace(self.facts, self.chunk_seconds)
