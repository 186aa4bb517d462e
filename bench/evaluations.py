"""Model evaluations: how many inputs went through a model, forwards and backwards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from xai_widget import Attribution


@dataclass
class Evaluations:
    """Passes of one input each."""

    forwards: int = 0
    backwards: int = 0


@contextmanager
def counting(network: type[nn.Module] | None) -> Iterator[Evaluations]:
    """Count what goes through any module of exactly this type while the block runs."""
    found = Evaluations()

    def passed(gradient: Tensor) -> None:
        found.backwards += len(gradient)

    def called(module: nn.Module, _args: Any, output: Any) -> None:
        if type(module) is network:
            found.forwards += len(output)
            if output.requires_grad:
                output.register_hook(passed)

    handle = register_module_forward_hook(called)
    try:
        yield found
    finally:
        handle.remove()


def told(result: Any) -> Evaluations | None:
    """Return what one of our own results says that it cost; None of anything else.

    We run copies of the model, and parts of it, so that nothing outside could count.
    """
    if isinstance(result, Mapping | list):
        several = result.values() if isinstance(result, Mapping) else result
        parts = [part for part in map(told, several) if part is not None]
        # All layers, and all inputs, come from one run.
        return max(parts, key=lambda part: part.forwards + part.backwards, default=None)
    if isinstance(result, Attribution):
        return Evaluations(result.meta["forwards"], result.meta["backwards"])
    return None
