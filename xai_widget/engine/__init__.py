"""How a model is run: facts, shadow, capture, edits -> scores, gradients."""

from xai_widget.engine.capture import Captured
from xai_widget.engine.case import SCORES, Case, ScoreName
from xai_widget.engine.edits import FILLS, Boxes, Edits, Fill, Masks, Segments
from xai_widget.engine.facts import Access, AttentionFact, Facts, Head, LayerFact, measure
from xai_widget.engine.memory import Memory
from xai_widget.engine.rectified import GRADIENTS, GradientKind
from xai_widget.engine.runner import Forward, Precision, Runner, Tally, runner_for
from xai_widget.engine.store import Store, store_for

__all__ = [
    "FILLS",
    "GRADIENTS",
    "SCORES",
    "Access",
    "AttentionFact",
    "Boxes",
    "Captured",
    "Case",
    "Edits",
    "Facts",
    "Fill",
    "Forward",
    "GradientKind",
    "Head",
    "LayerFact",
    "Masks",
    "Memory",
    "Precision",
    "Runner",
    "ScoreName",
    "Segments",
    "Store",
    "Tally",
    "measure",
    "runner_for",
    "store_for",
]
