"""Class scores out of whatever a model returns, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from xai_widget.models.preprocessing import as_tensor

Activation: TypeAlias = Literal["softmax", "sigmoid", "none"]
_ACTIVATIONS: Final = ("softmax", "sigmoid", "none")
_SCORE_KEYS: Final = ("logits", "scores", "out", "output")
_FORWARD_HINT: Final = "Pass forward=lambda module, x: ... that returns class scores [N, K]."


@dataclass(frozen=True)
class ScoreKind:
    """How a model's raw scores are read.

    Attributes
    ----------
    activation
        What turns logits into probabilities; "none" where they already are.
    binary
        Whether the model has one output that decides between two classes: its logit z becomes the rows -z and z.
    note
        Says so in words.
    """

    activation: Activation
    binary: bool
    note: str

    def logits(self, raw: Tensor) -> Tensor:
        """Return the logits ``[N, K]`` of raw scores ``[N, K0]``; K differs from K0 for a binary model only."""
        return torch.cat([-raw, raw], dim=-1) if self.binary else raw

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities ``[N, K]`` of logits ``[N, K]``."""
        if self.activation == "softmax":
            return logits.softmax(dim=-1)
        return logits.sigmoid() if self.activation == "sigmoid" else logits


def logits_from(output: Any, batch: int) -> Tensor:
    """Find the class scores in whatever a model returned.

    Parameters
    ----------
    output
        A tensor or array, a sequence with one in it, or a mapping or object with ``logits``, ``scores``, ``out`` or
        ``output``.
    batch
        The number N of inputs.

    Returns
    -------
    Tensor
        Raw scores ``[N, K]``, float32 or float64, attached to the graph if they were.

    Raises
    ------
    ValueError
        If there are no such scores, or some are not a number.

    Examples
    --------
    >>> logits_from({"loss": torch.tensor(0.0), "logits": torch.zeros(2, 5)}, 2).shape
    torch.Size([2, 5])
    """
    scores = _scores_in(output, batch)
    if scores is None or scores.is_complex():
        raise ValueError(f"The model returned {_described(output)}; expected class scores [N, K]. {_FORWARD_HINT}")
    if not scores.is_floating_point() or scores.dtype in (torch.float16, torch.bfloat16):
        scores = scores.float()
    rows = _as_rows(scores, batch)
    if rows is None:
        what = " (one map a class, as for segmentation?)" if scores.ndim > 3 else ""
        raise ValueError(
            f"The model returned scores of shape {list(scores.shape)}{what} for {batch} input(s); "
            f"expected class scores [{batch}, K]. {_FORWARD_HINT}"
        )
    if rows.isnan().any():
        raise ValueError(
            "The model returned scores that are not a number (NaN). "
            "Check its weights and that the input is preprocessed as in training."
        )
    return rows


def class_scores(raw: Tensor, activation: str | None = None) -> ScoreKind:
    """Decide once, from one measured output, how a model's scores are read.

    Parameters
    ----------
    raw
        Raw scores ``[N, K0]``, as `logits_from` returns them.
    activation
        "softmax", "sigmoid", "none", or None to look: rows of numbers >= 0 that sum to 1 (within 1e-3) already are
        probabilities, a single output is the logit of the second of two classes, all else is for softmax.

    Returns
    -------
    ScoreKind
        The reading, with a note that says it.

    Raises
    ------
    ValueError
        If the activation is not known, or is softmax over a single output.

    Examples
    --------
    >>> kind = class_scores(torch.tensor([[2.0]]))
    >>> kind.activation, kind.logits(torch.tensor([[2.0]])).tolist()
    ('sigmoid', [[-2.0, 2.0]])
    """
    outputs = raw.shape[1]
    if activation is not None and activation not in _ACTIVATIONS:
        raise ValueError(f"Unknown activation {activation!r}; choose one of {', '.join(_ACTIVATIONS)}, or None.")
    if outputs == 1 and activation in (None, "sigmoid"):
        note = "Scores: one output, read as the logit of the second of two classes (sigmoid)."
        hint = ' Pass activation="none" if it is no logit.' if activation is None else ""
        return ScoreKind("sigmoid", binary=True, note=note + hint)
    if activation == "softmax" or (activation is None and not _are_probabilities(raw)):
        if outputs == 1:
            raise ValueError('Softmax over a single output is always 1; use activation="sigmoid" or "none".')
        return ScoreKind("softmax", binary=False, note=f"Scores: softmax over {outputs} classes.")
    if activation == "sigmoid":
        return ScoreKind("sigmoid", binary=False, note=f"Scores: sigmoid of each of {outputs} classes.")
    said = "already probabilities" if activation is None else "taken as they are"
    return ScoreKind("none", binary=False, note=f"Scores: {said}.")


def _scores_in(output: Any, batch: int) -> Tensor | None:
    """Return the tensor that holds the scores, None if it cannot be told."""
    direct = as_tensor(output)
    if direct is not None:
        return direct
    if isinstance(output, Mapping):
        named = next((output[key] for key in _SCORE_KEYS if key in output), None)
        floats = [t for t in map(as_tensor, output.values()) if t is not None and t.is_floating_point()]
        return as_tensor(named) if named is not None else floats[0] if len(floats) == 1 else None
    if isinstance(output, list | tuple):
        tensors = [t for t in map(as_tensor, output) if t is not None]
        return next((t for t in tensors if t.ndim and len(t) == batch), None) if tensors else _plain_numbers(output)
    return next((t for t in (as_tensor(getattr(output, key, None)) for key in _SCORE_KEYS) if t is not None), None)


def _plain_numbers(output: Sequence[Any]) -> Tensor | None:
    """Return nested lists of numbers, as a plain function may return them, as a tensor."""
    try:
        return torch.tensor(output, dtype=torch.float32) if len(output) else None
    except (TypeError, ValueError):
        return None


def _as_rows(scores: Tensor, batch: int) -> Tensor | None:
    """Return scores as ``[N, K]``, None if they cannot be read so."""
    if scores.numel() == 0:
        return None
    if scores.ndim < 2 and scores.numel() == batch:
        return scores.reshape(batch, 1)
    if scores.ndim == 1 and batch == 1:
        return scores[None]
    if scores.ndim >= 2 and len(scores) == batch and scores[0].numel() == scores.shape[1]:
        return scores.reshape(batch, -1)
    return None


def _are_probabilities(raw: Tensor) -> bool:
    return bool((raw >= 0).all()) and bool(((raw.sum(dim=1) - 1).abs() <= 1e-3).all())


def _described(output: Any) -> str:
    if isinstance(output, Mapping):
        return f"a {type(output).__name__} with keys {sorted(map(str, output))}"
    if isinstance(output, list | tuple):
        return f"a {type(output).__name__} of {', '.join(type(item).__name__ for item in output[:4]) or 'nothing'}"
    shape = f" of shape {list(output.shape)} and type {output.dtype}" if isinstance(output, Tensor | np.ndarray) else ""
    return f"{type(output).__name__}{shape}"
