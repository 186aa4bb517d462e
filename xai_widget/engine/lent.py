"""The model lent to somebody else's code: a copy as an ordinary module from inputs to scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from xai_widget.engine.shadow import make_shadow

if TYPE_CHECKING:
    from collections.abc import Callable

    from xai_widget.engine.runner import Runner


class Lent(nn.Module):
    """A copy of a model that gives the score that is asked about.

    Calling it with inputs `[n, C, *S]` gives `[n]`, one score an input, differentiable. Every pass is counted.

    Attributes
    ----------
    network : torch.nn.Module or callable
        The copy itself, in eval mode, with the layers' own names. Hooks and replaced modules end with it; its weights
        share their memory with the person's model, so they are there to be read.
    """

    def __init__(self, runner: Runner, network: Any, score: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self._runner = runner
        self._score = score
        self.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the score `[n]` of each of the inputs `[n, C, *S]`."""
        logits = self._runner.logits(inputs)
        if logits.requires_grad:
            logits.register_hook(  # type: ignore[no-untyped-call]
                lambda gradient: self._backward_came(len(gradient))
            )
        return self._score(logits)

    def _backward_came(self, inputs: int) -> None:
        self._runner.tally.backwards += inputs


def lend(
    runner: Runner, inputs: Tensor, score: Callable[[Tensor], Tensor], use: Callable[[Any, Tensor], Tensor]
) -> Tensor:
    """Return `use(module, inputs)` for a copy of the runner's model, detached.

    Raises
    ------
    ValueError
        The model cannot be copied.
    """
    network = runner.network
    if isinstance(network, nn.Module):
        # The runner's own copy serves every other method: what is done to this one must not reach it.
        copy = None if runner.is_borrowed else make_shadow(network)
        if copy is None:
            message = (
                f"{type(network).__name__} cannot be copied, and foreign code works on a copy only. Use a method of"
                " xai_widget's own, such as 'grad_cam' or 'occlusion'."
            )
            raise ValueError(message)
        network = copy
    with runner.session(grad=True):
        found = use(Lent(replace(runner, network=network), network, score), inputs.detach().clone())
    with torch.inference_mode(False):
        return found.detach().clone()
