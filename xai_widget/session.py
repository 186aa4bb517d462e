"""Session: one model and the inputs it is asked about; questions go in, attributions come out."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.answered import attribution_of
from xai_widget.attribution import Attribution
from xai_widget.binding import Binding, read_mask
from xai_widget.engine import Case, Facts, Memory, Runner, Tally, measure, runner_for, store_for
from xai_widget.explainers import Cost, Layer, Looking, Method, layer_names
from xai_widget.inputs import ModelInput, read_batch
from xai_widget.models import labels_for, unwrap
from xai_widget.targets import Question, Target, resolve

# What will be asked first.
Ahead = tuple[Method, Layer] | None
# An input that a model cannot take fails deep inside PyTorch; this says what the person can do about it.
ADVICE: Final = (
    "The model failed on an input of shape {shape}. If it expects another size, pass transform= (a callable from the"
    " picture to a tensor), or the ready tensor itself; if its forward needs more than one tensor, pass forward=."
)


class Session:
    """One model and N inputs of one shape (a widget's session has N = 1).

    Parameters
    ----------
    model : torch.nn.Module or callable
        Untouched.
    inputs : sequence of ModelInput
        Of one shape.
    binding : Binding
        How the model is run.
    ahead : tuple of Method and layer, optional
        What will be asked first. Where its one forward also tells what the model says, there is no other.

    Attributes
    ----------
    facts : Facts
        Of the model, from one measured pass.
    labels : tuple of str
        One a class.
    notes : tuple of str
        What was assumed: preprocessing, labels, kind of scores.
    """

    facts: Facts
    labels: tuple[str, ...]
    notes: tuple[str, ...]

    def __init__(
        self, model: Callable[..., Any], inputs: Sequence[ModelInput], binding: Binding, ahead: Ahead = None
    ) -> None:
        self.model = model
        self._ahead = ahead
        self.inputs = tuple(inputs)
        self.binding = binding
        self._store = store_for(unwrap(model)) if callable(model) else store_for(model)
        self._runner: Runner | None = None
        self._said: tuple[NDArray[np.float32], list[int]] | None = None
        only = self.inputs[0].tensor  # not copied: a notebook may hold many widgets
        self._tensor = only if len(self.inputs) == 1 else torch.cat([item.tensor for item in self.inputs])
        self.mask = read_mask(binding.mask, tuple(self._tensor.shape[2:]))
        self.refresh()

    @classmethod
    def open(cls, model: Callable[..., Any], img: Any, binding: Binding, ahead: Ahead = None) -> "Session":
        """Return a session on one input, anything `explain` takes."""
        check_model(model)
        items = read_batch([img], model, transform=binding.transform, dims=binding.dims)
        return cls(model, items, binding, ahead)

    # -- what the model is and says ---------------------------------------------------------------------------------

    def refresh(self, *, force: bool = False) -> bool:
        """Look whether the model has changed, and measure it anew if so; returns whether it had."""
        with self._store.lock:
            self._store.refresh(force=force)
            if self._runner is not None and self._runner.generation == self._store.generation:
                return False
            self._measure()
            return True

    def _measure(self) -> None:
        binding = self.binding
        runner = runner_for(
            self.model, self._store, forward=binding.forward, device=binding.device, precision=binding.precision
        )
        inputs = runner.place(self._tensor)
        key = (runner.key, tuple(inputs.shape[1:]), binding.activation)
        facts = self._store.facts.get(key)
        logits: Tensor | None = None
        if facts is None:
            try:
                facts, _, logits = measure(runner, inputs[:1], binding.activation)
            except RuntimeError as error:
                error.add_note(ADVICE.format(shape=list(inputs[:1].shape)))
                raise
            self._store.facts[key] = facts
        self.facts = facts
        self._runner = replace(runner, kind=facts.kind)
        self._placed = inputs
        self._memory = Memory(self._runner, inputs)  # of nothing: each case has its own beside it
        self.labels, label_note = labels_for(self.model, facts.n_classes, binding.labels)
        self._said = None
        if logits is not None and len(inputs) == 1:
            self._case((), ()).adopt_logits(logits)
            self._hear(logits)
        own = [note for item in self.inputs for note in item.notes]
        self.notes = tuple(dict.fromkeys(note for note in (*own, label_note, facts.kind.note) if note))

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """What the model says of the inputs, `[N, K]`; one forward, unless a method has run it already."""
        return self._says()[0]

    def _says(self) -> tuple[NDArray[np.float32], list[int]]:
        """Return the probabilities and the predicted class of each row."""
        if self._said is not None:  # known: nobody waits for a forward that is under way
            return self._said
        with self._store.lock:
            if self._said is None and self._ahead is not None and self._ahead[0].refuses(self.facts) is None:
                method, layer = self._ahead
                with contextlib.suppress(Exception):  # whatever it raises is told when the question is asked
                    self._look(method, self._case(self.layer_names(method, layer), ()))
            return self._said or self._hear(self._case((), ()).logits)

    def _look(self, method: Method, case: Case) -> None:
        """Let the method run its own forward, where that tells what the model says too."""
        if isinstance(method, Looking):
            self._hear(method.look(case))

    def _hear(self, logits: Tensor) -> tuple[NDArray[np.float32], list[int]]:
        """Take in what the model says of the inputs, logits `[N, K]`."""
        shares = self.facts.kind.probabilities(logits).float().cpu().numpy()
        self._said = shares, logits.argmax(1).tolist()
        return self._said

    def predictions(self, row: int = 0) -> list[tuple[int, str, float]]:
        """Return (index, label, probability) of every class, best first."""
        shares = self.probabilities[row]
        order, values = np.argsort(-shares, kind="stable").tolist(), shares.tolist()
        return [(index, self.labels[index], values[index]) for index in order]

    def question(self, target: Target, row: int = 0) -> Question:
        """Return `target` resolved against the labels; None is the predicted class."""
        return resolve(target, self.labels, self._says()[1][row] if target is None else 0)

    # -- what can be asked ------------------------------------------------------------------------------------------

    def layer_names(self, method: Method, layer: Layer = None) -> tuple[str, ...]:
        """Return the layers `method` will read; raises as `explainers.layers.layer_names` does."""
        return layer_names(self.model, self.facts, method, layer)

    def cost(self, method: Method, layer: Layer = None) -> tuple[Cost, float]:
        """Return the model evaluations `method` needs and the seconds they should take."""
        cost = method.cost(self._case(self.layer_names(method, layer), (self.question(None),)))
        # The measured pass was the first one, and cold; later ones tell better.
        seconds = self._store.pace.get(tuple(self._placed.shape[1:]), self.facts.seconds)
        return cost, (cost.forwards + 2 * cost.backwards) * min(seconds, self.facts.seconds)

    # -- asking -----------------------------------------------------------------------------------------------------

    def run(
        self, method: Method, targets: Sequence[Target] | None = None, layer: Layer = None, *, fresh: bool = False
    ) -> Iterator[list[Attribution]]:
        """Yield ever better attributions, one a row each time; the last ones are final.

        Parameters
        ----------
        method : Method
            With its parameters.
        targets : sequence of Target, optional
            One a row; None = each row's predicted class.
        layer : str or sequence of str, optional
            Where activations are read.
        fresh : bool
            The model was looked at just now, and need not be again.

        Raises
        ------
        ValueError
            The method refuses the model or the layer; an unknown target.
        """
        case = self.case(method, targets, layer, fresh=fresh)
        try:
            yield from self.attributions(method, case)
        finally:
            case.memory.release()

    def forget(self) -> None:
        """Let go of what the model's cache keeps of these inputs: they will not be asked about again."""
        if self._runner is not None:
            self._memory.forget()

    def case(
        self, method: Method, targets: Sequence[Target] | None = None, layer: Layer = None, *, fresh: bool = False
    ) -> Case:
        """Return the case that `run` drains; everything is checked before any compute.

        `fresh`: the model was looked at just now, and need not be again.
        """
        if not fresh:
            self.refresh()
        reason = method.refuses(self.facts)
        if reason is not None:
            raise ValueError(reason)
        case = self._case(self.layer_names(method, layer), ())
        wanted = [None] * len(self.inputs) if targets is None else list(targets)
        if self._said is None and any(target is None for target in wanted):
            self._look(method, case)
        return replace(case, questions=tuple(self.question(target, row) for row, target in enumerate(wanted)))

    def plain_case(self, target: Target = None) -> Case:
        """Return a case that no method asks: for what is measured of the model itself."""
        self.refresh()
        return self._case((), tuple(self.question(target, row) for row in range(len(self.inputs))))

    def attributions(self, method: Method, case: Case) -> Iterator[list[Attribution]]:
        """Yield the attributions of `method` on `case`, one a row each time."""
        began = time.perf_counter()
        for estimate in method.estimates(case):
            seconds = time.perf_counter() - began
            yield [
                attribution_of(method, case, estimate, row, item, seconds, self.question)
                for row, item in enumerate(self.inputs)
            ]

    def _case(self, layers: tuple[str, ...], questions: tuple[Question, ...]) -> Case:
        if self._runner is None:
            message = "A session measures its model before it asks."
            raise RuntimeError(message)
        runner = replace(self._runner, tally=Tally())
        mask = None if self.mask is None else self.mask.to(runner.device)
        memory = Memory(runner, self._placed, self._memory)
        return Case(
            runner,
            memory,
            self.facts,
            self._placed,
            questions,
            layers,
            mask,
            self.binding.chunk_seconds,
            spacings=tuple(item.spacing for item in self.inputs),
        )


def check_model(model: object) -> None:
    """Raise TypeError unless `model` can be called."""
    if not callable(model):
        message = (
            f"Expected a torch.nn.Module or a callable from a batch to class scores as model, got"
            f" {type(model).__name__}. The order is (model, image)."
        )
        raise TypeError(message)
