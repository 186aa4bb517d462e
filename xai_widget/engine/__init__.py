"""How a model is run: facts, shadow, capture, edits -> scores, gradients."""

from xai_widget.engine.asked import SCORES, ScoreName
from xai_widget.engine.attention import Attention
from xai_widget.engine.capture import Captured
from xai_widget.engine.case import Case
from xai_widget.engine.edits import FILLS, Boxes, Edits, Fill, Masks, Segments
from xai_widget.engine.facts import Access, AttentionFact, Facts, Head, LayerFact
from xai_widget.engine.lent import Lent
from xai_widget.engine.measure import measure
from xai_widget.engine.memory import Memory
from xai_widget.engine.rectified import GRADIENTS, GradientKind
from xai_widget.engine.relevance import Relevance
from xai_widget.engine.relevance_steps import Composite, Flow, LinearOp, Rule
from xai_widget.engine.runner import Forward, Precision, Runner, Tally, known_precision, runner_for, usable_device
from xai_widget.engine.store import Store, store_for

__all__ = [
    "FILLS",
    "GRADIENTS",
    "SCORES",
    "Access",
    "Attention",
    "AttentionFact",
    "Boxes",
    "Captured",
    "Case",
    "Composite",
    "Edits",
    "Facts",
    "Fill",
    "Flow",
    "Forward",
    "GradientKind",
    "Head",
    "LayerFact",
    "Lent",
    "LinearOp",
    "Masks",
    "Memory",
    "Precision",
    "Relevance",
    "Rule",
    "Runner",
    "ScoreName",
    "Segments",
    "Store",
    "Tally",
    "known_precision",
    "measure",
    "runner_for",
    "store_for",
    "usable_device",
]
