"""Calls of PyTorch as a `TorchFunctionMode` sees them."""

from collections.abc import Mapping
from typing import Any


def argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], index: int, name: str, default: Any = None) -> Any:
    """Return an argument that may have been given by position or by name."""
    return args[index] if len(args) > index else kwargs.get(name, default)
