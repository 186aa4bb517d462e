"""The Jupyter widget."""

from xai_widget.widget.xai_widget import XaiWidget

__all__ = ["XaiWidget"]
