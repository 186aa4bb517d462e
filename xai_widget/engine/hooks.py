"""Forward hooks that act in one thread only and are gone afterwards, whatever happens in between."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

Hook = Callable[[nn.Module, Any, Any], Any]


@contextmanager
def hooked(module: nn.Module, hooks: Mapping[str, Hook]) -> Iterator[None]:
    """Hang `hooks` (layer name -> hook) into `module` for the duration of the block.

    The thread check matters where a user's own model had to be borrowed: a training step in another thread runs
    through the same modules and must not notice.
    """
    thread = threading.get_ident()

    def only_here(hook: Hook) -> Hook:
        def checked(layer: nn.Module, args: Any, output: Any) -> Any:
            return hook(layer, args, output) if threading.get_ident() == thread else None

        return checked

    handles = []
    try:
        for name, hook in hooks.items():
            handles.append(module.get_submodule(name).register_forward_hook(only_here(hook)))
        yield
    finally:
        for handle in handles:
            handle.remove()
