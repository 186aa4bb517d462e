"""captum's attributions as methods: `explain(model, img, "captum_deep_lift")`, and in the widget's menu."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from captum.attr import Attribution, DeepLift, GradientShap
from torch import Tensor, nn

from xai_widget.attribution import Estimate
from xai_widget.engine import Access, Case, Facts
from xai_widget.explainers import Cost, Explainer, Param

Baseline = Annotated[float, Param("Baseline", "What stands for nothing, in model-input units.", minimum=-5, maximum=5)]


class CaptumMethod(Explainer):
    """A captum attribution as a method. A subclass says which one, and with what arguments."""

    access: ClassVar[Access] = "gradient"
    cites: ClassVar[str] = "Kokhlikyan et al., 2020, arXiv:2009.07896"

    def attribution(self, module: nn.Module) -> Attribution:
        """Return the captum object that explains `module`."""
        raise NotImplementedError

    def arguments(self, inputs: Tensor) -> dict[str, Any]:
        """Return what its `attribute` takes besides the inputs; the target is in the module already."""
        raise NotImplementedError

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map: captum's numbers, their channels added up."""

        def attribute(module: nn.Module, inputs: Tensor) -> Tensor:
            found: Tensor = self.attribution(module).attribute(inputs, **self.arguments(inputs))
            return found

        channels = case.on_module(attribute)
        yield Estimate(channels.sum(1), channels=channels)


@dataclass(frozen=True)
class CaptumDeepLift(CaptumMethod):
    """DeepLIFT with the rescale rule (Shrikumar et al., 2017), as captum does it."""

    id: ClassVar[str] = "captum_deep_lift"
    label: ClassVar[str] = "DeepLIFT (captum)"
    summary: ClassVar[str] = "What each pixel adds to the score, compared with a baseline, layer by layer."
    formula: ClassVar[str] = "M = (x − x₀) · Δy/Δx, by the rescale rule"

    baseline: Baseline = 0.0

    def attribution(self, module: nn.Module) -> Attribution:
        """captum's DeepLift."""
        return DeepLift(module)

    def arguments(self, inputs: Tensor) -> dict[str, Any]:
        """The baseline, everywhere the same."""
        return {"baselines": torch.full_like(inputs, self.baseline)}

    def refuses(self, facts: Facts) -> str | None:
        """captum's DeepLift needs a module of its own for every nonlinearity."""
        reason = super().refuses(facts)
        if reason is not None:
            return reason
        twice = [layer.name for layer in facts.layers if layer.type == "ReLU" and layer.calls > 1]
        if twice:
            return (
                f"{self.label} needs an activation module for every use; {facts.model} uses {twice[0]} more than once."
            )
        return None

    def cost(self, case: Case) -> Cost:
        """The inputs and their baselines go forward together, and back."""
        return Cost(2 * len(case.inputs), 2 * len(case.inputs))


@dataclass(frozen=True)
class CaptumGradientShap(CaptumMethod):
    """Expected gradients (Lundberg and Lee, 2017), as captum does it."""

    id: ClassVar[str] = "captum_gradient_shap"
    label: ClassVar[str] = "Gradient SHAP (captum)"
    summary: ClassVar[str] = "Gradients at random points between the input and a baseline, times their difference."

    samples: Annotated[int, Param("Samples", "Random points.", minimum=1, maximum=200, cost=True)] = 20
    noise: Annotated[float, Param("Noise", "Standard deviation, in model-input units.", minimum=0, maximum=2)] = 0.1
    baseline: Baseline = 0.0
    seed: Annotated[int, Param("Seed", "The same seed draws the same points.", minimum=0)] = 0

    def attribution(self, module: nn.Module) -> Attribution:
        """captum's GradientShap."""
        return GradientShap(module)

    def arguments(self, inputs: Tensor) -> dict[str, Any]:
        """How much is drawn, and around what."""
        baselines = torch.full_like(inputs, self.baseline)
        return {"baselines": baselines, "n_samples": self.samples, "stdevs": self.noise}

    def estimates(self, case: Case) -> Iterator[Estimate]:
        """Yield the one map; nobody else's random numbers change."""
        with seeded(self.seed):
            found = list(super().estimates(case))
        yield from found

    def cost(self, case: Case) -> Cost:
        """A forward and a backward a sample."""
        return Cost(self.samples * len(case.inputs), self.samples * len(case.inputs))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed both generators that captum draws from, and put them back."""
    state = np.random.get_state()  # noqa: NPY002 - what captum draws from
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - what captum draws from
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002 - what captum draws from
