"""Methods that follow a transformer's attention from the tokens it reads back to the patches.

Symbols: A is the attention map `[heads, L, L]` of a layer (row i says how much token i takes from each token), E the mean
over heads, r the tokens that the model reads behind the last layer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts
from xai_widget.explainers.method import Cost, Explainer, Randomisation
from xai_widget.explainers.parameters import Param

Heads = Literal["mean", "max", "min"]


@dataclass(frozen=True)
class _OnAttention(Explainer):
    """What both share: one map for every layer over one grid of tokens, and the way back through the layers."""

    access: ClassVar[Access] = "white_box"
    # Gradients are needed from this map on.
    _first: ClassVar[int] = -1

    def refuses(self, facts: Facts) -> str | None:
        """Return why this model cannot be explained so, in words, or None."""
        if (reason := super().refuses(facts)) is not None:
            return reason
        attention = facts.attention
        if attention is None:
            return (
                f"{self.label} follows self-attention, and {facts.model} has none that could be seen."
                " Use 'grad_cam' or 'occlusion'."
            )
        if attention.windowed:
            return (
                f"{self.label} is undefined for windowed attention: in {facts.model} tokens attend within windows, or"
                " are merged on the way, so that the maps of two layers are not about the same tokens."
                " Use 'grad_cam' or 'occlusion'."
            )
        if attention.crossed:
            return (
                f"{self.label} is undefined for {facts.model}: some of its attention is not of tokens to all tokens (a"
                " query reads them, or keys are merged), and its maps do not chain. Use 'grad_cam' or 'occlusion'."
            )
        if attention.grid is None:
            return (
                f"{self.label} needs tokens that make a grid over the input, but the {attention.tokens} tokens of"
                f" {facts.model} do not. Use 'saliency' or 'occlusion'."
            )
        return None

    def cost(self, case: Case) -> Cost:
        """One forward and one backward."""
        return Cost(len(case.inputs), len(case.inputs))

    def look(self, case: Case) -> Tensor:
        """Run the forward and return its logits: whoever needs both has them from one pass."""
        return case.attention(first=self._first).logits.detach()


@dataclass(frozen=True)
class AttentionRollout(_OnAttention):
    r"""Attention rollout: how much of each patch reaches the tokens that the model reads.

    .. math:: R = \hat A_L \cdots \hat A_1, \qquad \hat A_l = \tfrac12 \big(E_h[A_l] + I\big), \qquad
              M = \text{mean of } R_{i \cdot} \text{ over the tokens } i \text{ that are read}

    The identity stands for the skip connection. The tokens that are read are found by looking (`meta["read"]`,
    `meta["read_patches"]`): the class token of a ViT, class and distillation token of a DeiT with two heads, all patches
    where a mean is taken. Only their rows are propagated, from the last layer down. The map does not depend on the target.

    Abnar, Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020, arXiv:2005.00928 (there for text).

    Parameters
    ----------
    heads : {"mean", "max", "min"}
        How the heads of a layer become one map; the paper takes the mean. Rows are normalised again afterwards.
    discard : float
        Share of the smallest attentions of every layer that count as 0, in [0, 0.99].

    Examples
    --------
    >>> from torchvision.models import VisionTransformer
    >>> from xai_widget import examples, explain
    >>> model = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32).eval()
    >>> explain(model, examples.photo("cat").resize((32, 32)), "attention_rollout").values.shape
    (4, 4)
    """

    id: ClassVar[str] = "attention_rollout"
    label: ClassVar[str] = "Attention rollout"
    class_specific: ClassVar[bool] = False
    summary: ClassVar[str] = "How much of each patch flows through all attention layers into the answer's tokens."
    formula: ClassVar[str] = "M = row of Â_L ··· Â₁,  Â = (mean of heads A + I)/2"
    cites: ClassVar[str] = "Abnar and Zuidema, ACL 2020, arXiv:2005.00928"
    when: ClassVar[str] = (
        "To see where a vision transformer gathers its information, whatever the answer. It is the same for every class;"
        " for evidence of one class use 'transformer_attribution'. Its maximum need not lie on the object: on a trained"
        " DeiT-tiny and 30 photos it did 12 times, the picture's centre 14 times."
    )
    evaluations: ClassVar[str] = "1 forward; of a model's first input, 1 backward through the last layer"
    randomisation: ClassVar[Randomisation] = "fails"

    heads: Annotated[Heads, Param("Heads", "How the heads of a layer become one map.")] = "mean"
    discard: Annotated[
        float, Param("Discard", "Share of the smallest attentions that count as 0.", minimum=0, maximum=0.99, step=0.05)
    ] = 0.0

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "share of attention"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return False

    def cost(self, case: Case) -> Cost:
        """One forward, and a backward where it is not known yet which tokens are read."""
        return Cost(len(case.inputs), len(case.inputs) if case.known_read is None else 0)

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        attention = case.attention()
        read, meta = _read(case)
        eye = torch.eye(len(read)).to(read)

        def layers() -> Iterator[Tensor]:
            for a in reversed(attention.maps):
                mixed = self._kept(self._fused(a.to(read))) + eye
                yield mixed / mixed.sum(-1, keepdim=True)

        rows = _row_times(read.expand(len(case.inputs), -1), layers())
        yield _on_patches(case, rows, meta)

    def _fused(self, a: Tensor) -> Tensor:
        """Return one map `[N, L, L]` of the heads, its rows summing to 1."""
        if self.heads == "mean":
            return a.mean(1)
        mixed = a.amax(1) if self.heads == "max" else a.amin(1)
        total = mixed.sum(-1, keepdim=True)
        return mixed / torch.where(total > 0, total, torch.ones_like(total))

    def _kept(self, a: Tensor) -> Tensor:
        """Return the map with the smallest attentions of each input set to 0."""
        lost = int(self.discard * a[0].numel())
        if lost == 0:
            return a
        smallest = a.flatten(1).argsort(dim=1, stable=True)[:, :lost]
        return a.flatten(1).scatter(1, smallest, 0.0).reshape_as(a)


@dataclass(frozen=True)
class TransformerAttribution(_OnAttention):
    r"""Transformer attribution: attention weighted by how much it raises the score, through all layers.

    .. math:: R \leftarrow R + \bar A_l R \quad (l = 1 \ldots L,\; R = I), \qquad
              \bar A_l = E_h\big[\mathrm{ReLU}(\nabla A_l \odot A_l)\big], \qquad
              M = \text{mean of } R_{i \cdot} \text{ over the tokens } i \text{ that are read}

    :math:`\nabla A = \partial y / \partial A`. This is the rule for self-attention of the generic method (ICCV 2021).
    It needs gradients alone; the authors' method of CVPR 2021 multiplies the gradient with a relevance that is
    propagated back through every layer instead of with the attention.

    Chefer, Gur, Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder
    Transformers", ICCV 2021, arXiv:2103.15679.

    Examples
    --------
    >>> from torchvision.models import VisionTransformer
    >>> from xai_widget import examples, explain
    >>> model = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32).eval()
    >>> explain(model, examples.photo("cat").resize((32, 32)), "transformer_attribution").values.shape
    (4, 4)
    """

    id: ClassVar[str] = "transformer_attribution"
    label: ClassVar[str] = "Transformer attribution"
    summary: ClassVar[str] = "Which patches reach the answer's tokens through attention that raises the score."
    formula: ClassVar[str] = "R ← R + Ā R over the layers,  Ā = mean of heads ReLU(∂y/∂A · A);  M = row of R"
    cites: ClassVar[str] = "Chefer, Gur, Wolf, ICCV 2021, arXiv:2103.15679"
    when: ClassVar[str] = (
        "For a vision transformer, where rollout's one map for all classes is not enough. Evidence that is carried by"
        " the values or the MLPs, and not by attention, is not seen."
    )
    evaluations: ClassVar[str] = "1 forward, 1 backward"
    randomisation: ClassVar[Randomisation] = "partly"
    _first: ClassVar[int] = 0

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "relevance through attention"

    @property
    def signed(self) -> bool:
        """Whether a map about one class can be negative."""
        return False

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        gradients = case.attention_gradients()
        attention = case.attention()
        read, meta = _read(case)
        eye = torch.eye(len(read)).to(read)

        def layers() -> Iterator[Tensor]:
            for a, g in zip(reversed(attention.maps), reversed(gradients), strict=True):
                yield eye + (g.to(read) * a.to(read)).clamp(min=0).mean(1)

        rows = _row_times(read.expand(len(case.inputs), -1), layers())
        yield _on_patches(case, rows, meta)


def _read(case: Case) -> tuple[Tensor, dict[str, Any]]:
    """Return the weight of each token in the answer `[L]`, summing to 1, and what to say about it.

    Tokens that are read weigh alike; where some in front and the patches are read, both groups do. Where gradients
    cannot tell, it is taken to be the first token, or all if none stands in front.
    """
    attention, found = case.attention(), case.tokens_read()
    last = attention.maps[-1]
    length = last.shape[-1]
    tokens = found
    if tokens is None:
        tokens = torch.arange(length, device=last.device) < (1 if attention.prefix else length)
    weights = tokens.to(torch.promote_types(last.dtype, torch.float32))
    groups = (weights[: attention.prefix], weights[attention.prefix :])
    filled = sum(bool(group.any()) for group in groups)
    weights = torch.cat([group / (group.sum().clamp(min=1) * filled) for group in groups])
    meta = {
        "read": [int(index) for index in tokens[: attention.prefix].nonzero()],
        "read_patches": bool(tokens[attention.prefix :].any()),
        "read_found": "by looking" if found is not None else "assumed: the scores have no gradient at the attention",
        "prefix": attention.prefix,
    }
    return weights, meta


def _row_times(row: Tensor, layers: Iterable[Tensor]) -> Tensor:
    """Return row · M_L ··· M₁ `[N, L]` for matrices `[N, L, L]` that come from the last layer down."""
    for matrix in layers:
        row = torch.einsum("nl,nlm->nm", row, matrix)
    return row


def _on_patches(case: Case, rows: Tensor, meta: dict[str, Any]) -> Estimate:
    """Return the part `[N, *grid]` of the tokens `[N, L]` that stands for patches."""
    attention = case.attention()
    return Estimate(rows[:, attention.prefix :].reshape(len(rows), *attention.grid), signed=False, meta=meta)
