"""One call of a PyTorch function as it was met, whatever its spelling."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from xai_widget.engine.relevance_trace import Trace


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a function, out of place.

    Attributes
    ----------
    name : str
        Of the function, the same for `torch.add`, `Tensor.add_` and `+=`.
    run : callable
        The function, out of place.
    args, kwargs
        What it was given.
    attached : list of Tensor
        Those among them that hang on the input.
    """

    name: str
    run: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    attached: list[Tensor]

    def leading(self, *names: str) -> tuple[list[Any], tuple[Any, ...], dict[str, Any]]:
        """Return the first arguments, called `names` where given by keyword, then the other ones."""
        kwargs = dict(self.kwargs)
        given = list(self.args[: len(names)])
        given += [kwargs.pop(name, None) for name in names[len(given) :]]
        return given, self.args[len(names) :], kwargs


class Refused(Exception):
    """Relevance cannot pass this call; the text says why, if there is more to say than its name."""


Handler = Callable[[Trace, Call], Any]


def only(trace: Trace, call: Call) -> tuple[Tensor, tuple[Any, ...]]:
    """Return the one signal of a call, its first argument, and the other arguments."""
    if not call.args or not trace.is_attached(call.args[0]) or len(call.attached) > 1:
        raise Refused("more than its first argument depends on the input")
    return call.args[0], call.args[1:]
