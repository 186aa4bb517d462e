"""What a method gives: numbers at its own resolution (`Attribution`), and numbers that may still improve (`Estimate`)."""

from xai_widget.attribution.attribution import Attribution
from xai_widget.attribution.estimate import Estimate, last_of

__all__ = ["Attribution", "Estimate", "last_of"]
