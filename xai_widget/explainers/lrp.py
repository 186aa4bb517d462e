"""Layer-wise relevance propagation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts, Relevance
from xai_widget.explainers.lrp_rules import CompositeName, RuleSet
from xai_widget.explainers.method import Cost, Explainer, Randomisation
from xai_widget.explainers.parameters import Param

# Layers that divide by statistics of their own input: no rule of the family covers them.
NORMALISING: Final = ("LayerNorm", "GroupNorm", "InstanceNorm", "RMSNorm")
LARGEST: Final = 5


@dataclass(frozen=True)
class Lrp(Explainer):
    r"""Layer-wise relevance propagation: what each part of the input contributed to the score, layer by layer.

    .. math::

        R_i = \sum_j \frac{c_{ij}}{\sum_i c_{ij}} R_j, \qquad
        \sum_p R_p + \text{absorbed} = f(x)

    From the score downwards, the relevance of every neuron is divided among its inputs in proportion to their
    contributions c. The rules differ in what counts as one (`explainers/lrp_rules.py` has the formulas), and a
    composite says which rule is used where:

    =========================== ==================== ============== ==========
    composite                   first layer          convolutions   linear
    =========================== ==================== ============== ==========
    epsilon_plus                as its kind          z⁺             ε
    epsilon_plus_flat           flat                 z⁺             ε
    epsilon_alpha2_beta1        as its kind          α = 2, β = 1   ε
    epsilon_alpha2_beta1_flat   flat                 α = 2, β = 1   ε
    epsilon_gamma_box           z-box (convolution)  γ              ε
    the name of a rule          that rule            that rule      that rule
    =========================== ==================== ============== ==========

    The first layer is the convolution or linear operation that the input reaches first in the forward as it runs.
    Batch norms are merged with the linear operation in front of them, in the computation only; one that stands alone
    passes relevance on (under "epsilon" it is a linear operation like any other), and so does every activation. Max
    pooling gives all to the winner; average pooling, means and sums follow ε. A residual sum divides relevance in proportion to its parts. Where a sigmoid or softmax scales another
    signal (squeeze and excitation), the signal takes all. Relevance starts as ∂score/∂logits ⊙ logits: the class's
    logit, and for "A rather than B" the logit of A at A and minus that of B at B.
    A negative logit is negative relevance: where a rule without ε in the head divides it, the signs of the map turn.

    Networks without biases conserve relevance up to ε. Elsewhere biases, constants and ε absorb some: `meta` has the
    share of the score that was measured to end there (`absorbed`; a negative share was added by them), and the
    operations with the largest (`absorbed_by`); `divided` is the relevance at the start. In half precision all this holds up to its rounding.

    Layer-wise relevance propagation is patented in some countries (Fraunhofer, TU Berlin): for commercial use, look
    into the licence terms.

    Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation",
    PLoS ONE 2015; Montavon et al., "Layer-Wise Relevance Propagation: An Overview", 2019.

    Parameters
    ----------
    composite : str
        A row of the table.
    epsilon : float
        Stabiliser: divisors are z + ε·sign(z) with sign(0) = +1; absolute.
    gamma : float
        How much the γ rule favours contributions with the sign of the output.
    alpha : float
        Of the rule "alpha_beta", with β = α - 1.
    low, high : float or None
        Smallest and largest possible input for z-box, in model-input units; None: those of each channel of the input.

    Raises
    ------
    ValueError
        Relevance reaches an operation that has no rule (a product of two signals, layer norm, attention); the message
        names it and its module.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> found = explain(examples.mosaic_net(), examples.photo("cat"), "lrp", composite="epsilon_gamma_box")
    >>> found.values.shape, found.signed
    ((128, 128), True)
    """

    id: ClassVar[str] = "lrp"
    label: ClassVar[str] = "LRP"
    access: ClassVar[Access] = "gradient"
    summary: ClassVar[str] = "What each pixel contributed to the score, divided up layer by layer from the top."
    formula: ClassVar[str] = "R_i = Σ_j c_ij / Σ_i c_ij · R_j, c the contributions by the layer's rule"
    cites: ClassVar[str] = "Bach et al., PLoS ONE 2015; Montavon et al., 2019"
    when: ClassVar[str] = (
        "For sharp, low-noise maps of convolutional networks that add up to the score. Not for transformers or layer"
        " norm, and not to test weights: z⁺ rules hardly look at what upper layers learned."
    )
    evaluations: ClassVar[str] = "1 forward, 1 backward"
    randomisation: ClassVar[Randomisation] = "fails"

    composite: Annotated[CompositeName, Param("Rules", "a composite (which rule for which layer) or one rule")] = (
        "epsilon_plus"
    )
    epsilon: Annotated[float, Param("ε", "stabiliser of divisions, absolute", minimum=0.0, maximum=1.0)] = 1e-6
    gamma: Annotated[
        float, Param("γ", "how much the γ rule favours one sign", minimum=0.0, maximum=100.0, step=0.05)
    ] = 0.25
    alpha: Annotated[
        float, Param("α", 'weight of positive contributions in "alpha_beta"', minimum=1.0, maximum=10.0, step=0.5)
    ] = 2.0
    low: Annotated[float | None, Param("Lowest input", "of z-box; auto: of each channel")] = None
    high: Annotated[float | None, Param("Highest input", "of z-box; auto: of each channel")] = None

    @property
    def unit(self) -> str:
        """What a value of the map is, in short words."""
        return "relevance, a share of the logit"

    def __post_init__(self) -> None:
        """Check every field, and that the box is one."""
        super().__post_init__()
        if self.low is not None and self.high is not None and self.low >= self.high:
            message = f"LRP: low must be below high, got low={self.low} and high={self.high}."
            raise ValueError(message)

    def refuses(self, facts: Facts) -> str | None:
        """Return why relevance cannot pass this model, in words, or None."""
        reason = super().refuses(facts)
        if reason is not None:
            return reason
        if facts.attention is not None:
            return (
                f"{self.label} has no rule for attention, which multiplies signals, and {facts.model} uses it. Use"
                " 'integrated_gradients', or 'transformer_attribution' for vision transformers."
            )
        layer = next((layer for layer in facts.layers if layer.type.startswith(NORMALISING)), None)
        if layer is None:
            return None
        return (
            f"{self.label} has no rule for {layer.type}, which divides by statistics of its input (layer"
            f" {layer.name!r} of {facts.model}). Use 'integrated_gradients' or 'input_x_gradient'."
        )

    def cost(self, case: Case) -> Cost:
        """One forward and one backward."""
        return Cost(len(case.inputs), len(case.inputs))

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map."""
        rules = RuleSet(self.composite, self.epsilon, self.gamma, self.alpha, self.low, self.high)
        relevance = case.relevance(rules)
        rows = tuple(_absorbed(relevance, row) for row in range(len(case.inputs)))
        yield Estimate(relevance.values.sum(1), channels=relevance.values, row_meta=rows)


def _absorbed(relevance: Relevance, row: int) -> Mapping[str, Any]:
    """Return the share of one row's score that was absorbed, and where most of it was."""
    start = float(relevance.start[row])
    by = {name: float(amount[row]) for name, amount in relevance.absorbed.items()}
    if start == 0:
        return {"absorbed": None, "absorbed_by": {}, "divided": start}
    largest = sorted(by, key=lambda name: abs(by[name]), reverse=True)[:LARGEST]
    shares = {name: by[name] / start for name in largest}
    return {"absorbed": sum(by.values()) / start, "absorbed_by": shares, "divided": start}
