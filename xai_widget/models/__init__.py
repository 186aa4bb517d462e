"""What is known about a model without running it, and how to read what it returns.

Labels, preprocessing and input size are looked for where torchvision, timm and transformers leave them. These
libraries are recognised by the attributes of their objects and are never needed.
"""

from xai_widget.models.architecture import Expects, expects, unwrap
from xai_widget.models.gap_head import with_gap_head
from xai_widget.models.labels import labels_for, numbered
from xai_widget.models.outputs import Activation, ScoreKind, class_scores, logits_from
from xai_widget.models.preprocessing import Preprocess, preprocess_for

__all__ = [
    "Activation",
    "Expects",
    "Preprocess",
    "ScoreKind",
    "class_scores",
    "expects",
    "labels_for",
    "logits_from",
    "numbered",
    "preprocess_for",
    "unwrap",
    "with_gap_head",
]
