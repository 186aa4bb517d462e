"""xai-widget: ask an image classifier why.

>>> from xai_widget import XaiWidget  # doctest: +SKIP
>>> XaiWidget(model, "cat.jpg")  # doctest: +SKIP
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

from xai_widget._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from xai_widget import examples as examples
    from xai_widget.api import explain, explain_batch, explain_layers
    from xai_widget.attribution import Attribution
    from xai_widget.catalogue import layers, methods, show_versions
    from xai_widget.targets import Contrast, Target, TargetNotScored
    from xai_widget.widget import XaiWidget, from_attribution

__all__ = [
    "Attribution",
    "Contrast",
    "Target",
    "TargetNotScored",
    "XaiWidget",
    "__version__",
    "examples",
    "explain",
    "explain_batch",
    "explain_layers",
    "from_attribution",
    "layers",
    "methods",
    "show_versions",
]

# Where each public name lives: torch and the widget libraries are imported when a name is first used.
_HOMES: Final = {
    "Attribution": "attribution",
    "Contrast": "targets",
    "Target": "targets",
    "TargetNotScored": "targets",
    "XaiWidget": "widget",
    "explain": "api",
    "explain_batch": "api",
    "explain_layers": "api",
    "from_attribution": "widget",
    "layers": "catalogue",
    "methods": "catalogue",
    "show_versions": "catalogue",
}


def load_ipython_extension(ipython: "InteractiveShell") -> None:
    """Offer `%xai model img`: what `%load_ext xai_widget` calls."""
    importlib.import_module("xai_widget.widget.magics").load(ipython)


def unload_ipython_extension(ipython: "InteractiveShell") -> None:
    """Take `%xai` away again: what `%unload_ext xai_widget` calls."""
    importlib.import_module("xai_widget.widget.magics").unload(ipython)


def __getattr__(name: str) -> Any:
    if name == "examples":
        return importlib.import_module("xai_widget.examples")
    if name in _HOMES:
        return getattr(importlib.import_module(f"xai_widget.{_HOMES[name]}"), name)
    message = f"module 'xai_widget' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)
