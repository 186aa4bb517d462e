"""Runner: one model ready to be run, whatever mode, device, precision or grad mode the caller is in."""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from xai_widget.engine.heap import give_back, keep_freed
from xai_widget.engine.prepared import Prepared, prepare
from xai_widget.engine.rectified import GradientKind
from xai_widget.engine.shadow import borrowed
from xai_widget.engine.store import CACHE_BYTES, Store
from xai_widget.models import ScoreKind, logits_from, unwrap

Precision = Literal["float32", "bfloat16"]
Forward = Callable[[Any, Tensor], Any]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
# A prepared copy above this size is made for every run anew: it would leave no room for results.
LARGEST_KEPT: Final = CACHE_BYTES // 2
# Passes over one input that repay the making of a prepared copy: it takes two or three itself.
REPAID: Final = 16


@dataclass(eq=False)
class Tally:
    """Counts model evaluations of one run: passes of one input each."""

    forwards: int = 0
    backwards: int = 0


@dataclass(frozen=True, eq=False)
class Runner:
    """Runs a model on batches of inputs and returns logits.

    Attributes
    ----------
    network : torch.nn.Module or callable
        The shadow; or the user's own model where it cannot be copied (`is_borrowed`); or a plain callable.
    is_borrowed : bool
        The network is the user's own: every run puts its training flags back.
    forward : callable or None
        The seam for unusual models: `forward(module, x)` returns what the model returns.
    dtype : torch.dtype or None
        Of the model's parameters; None: inputs keep theirs.
    kind : ScoreKind or None
        How raw outputs become logits; None until it has been decided from a first measured output.
    generation : int
        The store's generation when the network was taken.
    tally : Tally
        Counts the model evaluations.
    layout : torch.memory_format
        How inputs lie in memory when the network gets them.
    is_lowered_copy : bool
        The network is a prepared copy for bfloat16: it rounds where the model itself does not, and the other way round.
    """

    network: Callable[..., Any]
    store: Store
    is_borrowed: bool = False
    forward: Forward | None = None
    precision: Precision = "float32"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype | None = None
    kind: ScoreKind | None = None
    generation: int = 0
    tally: Tally = field(default_factory=Tally)
    layout: torch.memory_format = torch.preserve_format
    is_lowered_copy: bool = False

    @property
    def key(self) -> Hashable:
        """Equal for runners that give the same numbers: part of the key of everything that is kept."""
        return self.generation, self.forward, self.device, self.precision, self.kind

    @property
    def module(self) -> nn.Module | None:
        """The network where its layers can be read, else None (black box)."""
        network = self.network
        return network if isinstance(network, nn.Module) and not isinstance(network, torch.jit.ScriptModule) else None

    def prepared(self, inputs: Tensor, passes: int = REPAID, gradients: GradientKind | None = None) -> "Runner":
        """Return the runner for passes in which nothing inside the network is watched: same numbers, sooner.

        Its network is a prepared copy, made once for a version of the model and kept in the model's cache. Where there
        is none (a black box, a borrowed model, a copy that does not give the same scores) it is this runner.

        Parameters
        ----------
        inputs : Tensor
            `[N, C, *S]`: the copy must give the same scores for the first of these.
        passes : int
            Over one input, that are to come: for a few no copy is made, though one that is there is used.
        gradients : {"plain", "guided", "deconv"} or None
            Which gradients at inputs will be asked for, None if none: less has to stay as it is then.
        """
        module = self.module
        if module is None or self.is_borrowed:
            return self
        key = ("prepared", self.key, inputs.ndim, gradients)
        with self.store.lock:
            kept = self.store.get(key)
            if kept is None and passes < REPAID:
                return self
            found = self._prepare(module, inputs[:1], gradients) if kept is None else kept[0]
            if kept is None and (found is None or found.nbytes <= LARGEST_KEPT):
                self.store.put(key, (found,), 0 if found is None else found.nbytes)
        if found is None:
            return self
        lowered = self.precision == "bfloat16"
        return replace(self, network=found.network, layout=found.layout, is_lowered_copy=lowered)

    def _prepare(self, module: nn.Module, inputs: Tensor, gradients: GradientKind | None) -> Prepared | None:
        def scores(precision: Precision, network: nn.Module, given: Tensor) -> Tensor:
            runner = replace(self, network=network, precision=precision, tally=Tally())
            with runner.session(grad=False):
                return runner.raw(given)

        lowered = partial(scores, "bfloat16") if self.precision == "bfloat16" else None
        with torch.inference_mode(False):
            found = prepare(module, inputs, partial(scores, "float32"), lowered, gradients, LARGEST_KEPT)
        give_back()
        return found

    def place(self, inputs: Tensor) -> Tensor:
        """Return `inputs` on the model's device and in its dtype, as an ordinary (non-inference) tensor."""
        with torch.inference_mode(False):
            placed = inputs.detach().to(self.device, inputs.dtype if self.dtype is None else self.dtype)
            return placed.clone() if placed.is_inference() else placed

    @contextmanager
    def session(self, *, grad: bool) -> Iterator[None]:
        """Hold the model for one forward: grad mode, precision, modes and the lock that hooks need."""
        lowered = self.precision == "bfloat16"
        # Leaving inference mode is a context of its own: nested inside a caller's, it would otherwise stay on.
        with (
            self.store.lock,
            torch.inference_mode(not grad),
            torch.set_grad_enabled(grad),
            torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=lowered),
        ):
            if self.is_borrowed and isinstance(self.network, nn.Module):
                with borrowed(self.network, self.store.lock):
                    yield
            else:
                yield

    def raw(self, inputs: Tensor, *, own: bool = False) -> Tensor:
        """Return the model's raw scores `[N, K]` for `inputs`; call it inside `session`.

        `own`: the inputs may be overwritten (some models normalise theirs in place) and lie as `layout` says.
        """
        self.tally.forwards += len(inputs)
        began = time.perf_counter()
        given = inputs if own else inputs.clone(memory_format=self.layout)
        output = self.network(given) if self.forward is None else self.forward(self.network, given)
        scores = logits_from(output, inputs.shape[0])
        seconds, shape = (time.perf_counter() - began) / len(inputs), tuple(inputs.shape[1:])
        self.store.pace[shape] = min(seconds, self.store.pace.get(shape, seconds))
        return scores if scores.device == inputs.device else scores.to(inputs.device)

    def logits(self, inputs: Tensor, *, own: bool = False) -> Tensor:
        """Return the logits `[N, K]` for `inputs`; call it inside `session`, after the kind is known."""
        raw = self.raw(inputs, own=own)
        if self.kind is None:
            message = "The kind of scores is decided by Facts before logits are asked for."
            raise RuntimeError(message)
        return self.kind.logits(raw)


def runner_for(
    model: Callable[..., Any],
    store: Store,
    *,
    forward: Forward | None = None,
    device: str | torch.device | None = None,
    precision: str = "float32",
) -> Runner:
    """Return a runner for `model` as it is now.

    Raises
    ------
    ValueError
        Unknown `precision`, or a `device` that is not there.
    TypeError
        `model` is not callable.
    """
    if not callable(model):
        message = (
            f"Expected a torch.nn.Module or a callable from a batch to class scores, got {type(model).__name__}."
            " Pass the model itself, e.g. XaiWidget(resnet50(), image)."
        )
        raise TypeError(message)
    keep_freed()
    kept = known_precision(precision)
    wanted = usable_device(device)
    plain = unwrap(model)
    build = partial(Runner, store=store, forward=forward, precision=kept, generation=store.generation)
    if not isinstance(plain, nn.Module):
        return build(network=plain, device=wanted or torch.device("cpu"))
    shadow = store.shadow(plain, wanted)
    network = plain if shadow is None else shadow
    example = next((p for p in network.parameters() if p.is_floating_point()), None)
    place = wanted if wanted is not None else (example.device if example is not None else torch.device("cpu"))
    dtype = None if example is None else example.dtype
    return build(network=network, is_borrowed=shadow is None, device=place, dtype=dtype)


def known_precision(precision: str) -> Precision:
    """Return a precision that models can be run in; raises ValueError for any other."""
    if precision not in PRECISIONS:
        message = f"Unknown precision {precision!r}; choose one of {', '.join(PRECISIONS)}."
        raise ValueError(message)
    return precision


def usable_device(device: str | torch.device | None) -> torch.device | None:
    """Return a device that is there, None for None.

    Raises
    ------
    ValueError
        It is unknown, or not there.
    """
    if device is None:
        return None
    try:
        wanted = torch.device(device)
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        message = f"Device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}"
        raise ValueError(message) from error
    return wanted
