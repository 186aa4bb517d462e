"""The Jupyter widget."""

from xai_widget.widget.given import from_attribution
from xai_widget.widget.xai_widget import XaiWidget

__all__ = ["XaiWidget", "from_attribution"]
