"""The measured pass: the model runs once on a real input and is watched."""

import time
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from xai_widget.engine.facts import Access, Facts
from xai_widget.engine.hooks import hooked
from xai_widget.engine.runner import Runner
from xai_widget.engine.watch import Watch
from xai_widget.models import class_scores

# Agreement asked for when a structure is recognised by its numbers: rounding over a few thousand terms.
RTOL: Final = {torch.float64: 1e-4, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 2e-2}


def measure(runner: Runner, inputs: Tensor, activation: str | None = None) -> tuple[Facts, Runner, Tensor]:
    """Run the model once and return its facts, the runner that knows the kind of scores, and the logits `[N, K]`.

    Parameters
    ----------
    runner : Runner
        For the model.
    inputs : Tensor
        `[N, C, *S]`; facts are read from the first row's shapes.
    activation : {None, "softmax", "sigmoid", "none"}
        None decides by looking at the output.
    """
    module = runner.module
    dtype = torch.bfloat16 if runner.precision == "bfloat16" else inputs.dtype
    watch = Watch(inputs, RTOL.get(dtype, RTOL[torch.bfloat16]))
    began = time.perf_counter()
    if module is not None:
        with runner.session(grad=False), hooked(module, watch.hooks(module)), watch.calls:
            raw = runner.raw(inputs)
        access: Access = "white_box"
    else:
        raw, access = _try(runner, inputs, watch)
    seconds = (time.perf_counter() - began) / inputs.shape[0]
    with torch.inference_mode(False):
        raw = raw.detach().clone()
        kind = class_scores(raw, activation)
        logits = kind.logits(raw)
        head = watch.head(raw, kind)
        facts = Facts(
            model=_name(runner.network),
            access=access,
            input_shape=tuple(inputs.shape[1:]),
            dims=inputs.ndim - 2,
            n_classes=logits.shape[1],
            kind=kind,
            layers=watch.layers(),
            default_layer=watch.default_layer(raw.shape[1], head),
            head=head,
            seconds=seconds,
            rectifiers=watch.calls.rectifiers,
            attention=watch.attention(),
        )
    return facts, replace(runner, kind=kind), logits


def _name(network: object) -> str:
    """Return what to call a model in a message: a function's name, a scripted module's own, else its class."""
    if isinstance(network, torch.jit.ScriptModule):
        return str(network.original_name)
    return str(getattr(network, "__name__", type(network).__name__))


def _try(runner: Runner, inputs: Tensor, watch: Watch) -> tuple[Tensor, Access]:
    """Run a plain callable and look whether its output depends on the input differentiably."""
    try:
        with runner.session(grad=True), watch.calls:
            raw = runner.raw(inputs.clone().requires_grad_())
    except Exception:  # noqa: BLE001 - a black box may refuse a tensor with gradients in any way (.numpy() does)
        with runner.session(grad=False):
            return runner.raw(inputs), "black_box"
    return raw, "gradient" if raw.requires_grad else "black_box"
