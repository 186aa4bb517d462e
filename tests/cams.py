"""What the CAM family is checked against: plain autograd, hand-written networks, and cases with nothing kept."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.zoo import Flat
from xai_widget.engine import Case, Memory, Tally, measure, runner_for, store_for
from xai_widget.targets import Question


def activations_and_gradients(
    model: nn.Module, x: Tensor, target: int | Callable[[Tensor], Tensor], layer: str
) -> tuple[Tensor, Tensor]:
    """What the layer gives and the gradient there, by nothing but autograd on an untouched copy of its output."""
    kept: list[Tensor] = []

    def hook(_module: nn.Module, _args: object, output: Tensor) -> Tensor:
        kept.append(output)
        return output.clone()

    handle = model.get_submodule(layer).register_forward_hook(hook)
    logits = model(x[None])
    handle.remove()
    score = target(logits)[0] if callable(target) else logits[0, target]
    return kept[-1].detach()[0], torch.autograd.grad(score, kept[-1])[0][0]


class Guided(torch.autograd.Function):
    """Springenberg et al.: back through a ReLU where it was open and the gradient is positive."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return functional.relu(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.where((x > 0) & (gradients[0] > 0), gradients[0], 0.0)


class Deconvolved(torch.autograd.Function):
    """Zeiler and Fergus: back through a ReLU where the gradient is positive."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return functional.relu(x)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        return torch.where(gradients[0] > 0, gradients[0], 0.0)


RELUS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": functional.relu,
    "guided": Guided.apply,
    "deconv": Deconvolved.apply,
}


def flat_by_hand(model: Flat, x: Tensor, target: int, layer: str, kind: str) -> tuple[Tensor, Tensor]:
    """`Flat` written as functions with a ReLU of one's own: activation and gradient at conv1, norm, conv2 or relu2."""
    relu = RELUS[kind]
    norm = model.norm
    steps: dict[str, Callable[[Tensor], Tensor]] = {
        "conv1": lambda v: functional.conv2d(v, model.conv1.weight, model.conv1.bias, padding=1),
        "norm": lambda v: functional.batch_norm(v, norm.running_mean, norm.running_var, norm.weight, norm.bias),
        "relu1": relu,
        "conv2": lambda v: functional.conv2d(v, model.conv2.weight, model.conv2.bias, stride=2, padding=1),
        "relu2": relu,
    }
    value = x[None]
    at: Tensor | None = None
    for name, step in steps.items():
        value = step(value)
        if name == layer:
            at = value = value.detach().requires_grad_()
    first, _, last = model.fc[1:]
    hidden = relu(functional.linear(value.flatten(1), first.weight, first.bias))
    score = functional.linear(hidden, last.weight, last.bias)[0, target]
    assert at is not None
    return at.detach()[0], torch.autograd.grad(score, at)[0][0]


class Solid(nn.Module):
    """`Flat` for volumes: on volumes of depth 1 it gives what `Flat` gives on pictures."""

    def __init__(self, flat: Flat) -> None:
        super().__init__()
        self.conv1 = self._thick(flat.conv1)
        self.norm = nn.BatchNorm3d(flat.norm.num_features)
        self.norm.load_state_dict(flat.norm.state_dict())
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = self._thick(flat.conv2)
        self.relu2 = nn.ReLU(inplace=True)
        self.fc = flat.fc

    @staticmethod
    def _thick(conv: nn.Conv2d) -> nn.Conv3d:
        """Random slices around the picture's kernel: they only ever see the padding."""
        thick = nn.Conv3d(conv.in_channels, conv.out_channels, 3, stride=conv.stride[0], padding=1).to(conv.weight)
        thick.weight.data[:, :, 1] = conv.weight.data
        thick.bias.data.copy_(conv.bias.data)
        return thick

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu2(self.conv2(self.relu1(self.norm(self.conv1(x)))))
        return self.fc(x.flatten(1))


def empty_case(model: nn.Module, inputs: Tensor, targets: Sequence[int], layers: Sequence[str]) -> Case:
    """A case of which nothing is known yet, not even the logits."""
    store = store_for(model)
    store.refresh(force=True)
    runner = runner_for(model, store)
    placed = runner.place(inputs)
    facts, runner, _ = measure(runner, placed[:1])
    runner = replace(runner, tally=Tally())
    questions = tuple(Question(f"class {target}", index=target) for target in targets)
    return Case(runner, Memory(runner, placed), facts, placed, questions, tuple(layers))
