"""What explaining may leave behind on a model, and a fuse in a model that goes off while it runs."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STRUCTURE = ("modules", "training", "hooks", "inplace", "identity", "state_keys", "attributes")


class Record:
    """Everything of a model that a person could notice, and the state of the global random generators."""

    def __init__(self, model: nn.Module) -> None:
        self.modules = {name: id(module) for name, module in model.named_modules(remove_duplicate=False)}
        self.training = {name: module.training for name, module in model.named_modules()}
        self.hooks = {
            name: (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks), len(m._backward_pre_hooks))
            for name, m in model.named_modules()
        }
        self.inplace = {name: module.inplace for name, module in model.named_modules() if hasattr(module, "inplace")}
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        self.identity = {name: (id(t), t.data_ptr(), t.requires_grad, t.device, t.dtype) for name, t in tensors.items()}
        self.versions = {name: None if t.is_inference() else t._version for name, t in tensors.items()}
        self.values = {name: t.detach().clone() for name, t in tensors.items()}
        self.gradients = {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}
        self.state_keys = list(model.state_dict())
        self.attributes = {name: set(vars(module)) for name, module in model.named_modules()}
        self.generator = torch.get_rng_state()
        self.numpys = [part.tolist() if isinstance(part, np.ndarray) else part for part in np.random.get_state()]  # noqa: NPY002 - the global one is the point
        self.pythons = random.getstate()

    def assert_same_structure(self, model: nn.Module) -> None:
        """Modules, modes, hooks, flags and tensors are as they were; values may have been trained."""
        now = Record(model)
        for field in STRUCTURE:
            assert getattr(now, field) == getattr(self, field), field

    def assert_same(self, model: nn.Module) -> None:
        self.assert_same_structure(model)
        now = Record(model)
        assert now.versions == self.versions
        for name, values in self.values.items():
            assert torch.equal(now.values[name], values), name
        for name, gradient in self.gradients.items():
            after = now.gradients[name]
            assert after is None if gradient is None else torch.equal(after, gradient), name
        assert torch.equal(now.generator, self.generator)
        assert now.numpys == self.numpys
        assert now.pythons == self.pythons


class Fuse:
    """A hook of the user's own at the end of a model, which does something in the middle of an explanation.

    It acts in the thread that armed it alone: a training step in another thread passes by.
    """

    def __init__(self, model: nn.Module) -> None:
        self.forwards = 0
        self._thread: threading.Thread | None = None
        self._forward: Callable[[int], None] = _nothing
        self._backward: Callable[[], None] = _nothing

        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            if threading.current_thread() is not self._thread:
                return
            self.forwards += 1
            if output.requires_grad:
                output.register_hook(lambda _: self._backward())
            self._forward(self.forwards)

        list(model.modules())[-1].register_forward_hook(hook)

    @contextlib.contextmanager
    def armed(
        self, forward: Callable[[int], None] | None = None, backward: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Within, call ``forward(i)`` in the i-th forward and ``backward()`` in every backward of this thread."""
        self.forwards, self._thread = 0, threading.current_thread()
        self._forward, self._backward = forward or _nothing, backward or _nothing
        try:
            yield
        finally:
            self._thread = None


class Burnt(ArithmeticError):
    """What a fuse raises."""


def burning_at(count: int) -> Callable[[int], None]:
    """What raises in forward number `count`."""

    def burn(forwards: int) -> None:
        if forwards == count:
            raise Burnt

    return burn


def train(model: nn.Module, scores: Callable[[], Tensor]) -> None:
    """One training step without the optimiser, in a thread of its own: gradients anew, statistics moved on."""

    def step() -> None:
        try:
            torch.manual_seed(7)  # dropout: what is drawn depends on nothing else
            model.zero_grad(set_to_none=True)
            scores().float().square().mean().backward()
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            failures.append(error)

    failures: list[Exception] = []
    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    for error in failures:
        raise error


def _nothing(*_: Any) -> None:
    pass
