"""A packed copy: the same network with the weights of its convolutions laid out once, as the processor wants them.

A convolution on a processor rearranges its weights at every call, which is half of a forward of one input. Nothing else
is changed, so that every layer gives what the model's own gives, up to rounding. For forwards without gradients.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from xai_widget.engine.hooks import Hook, hooked
from xai_widget.engine.runner import Runner, Tally
from xai_widget.engine.shadow import make_shadow
from xai_widget.engine.store import CACHE_BYTES

# A larger copy would leave no room for results.
LARGEST: Final = CACHE_BYTES // 2
# Of the largest score: what rounding differently leaves over a hundred layers.
TOLERANCE: Final = 1e-4


class _Packed(nn.modules.conv._ConvNd):
    packed: Tensor

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002 - torch's name
        if torch.is_grad_enabled() or input.ndim != weight.ndim:
            own: Tensor = super()._conv_forward(input, weight, bias)
            return own
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            input, self.packed, bias, *_arguments(self), "none", [], ""
        )
        return found


class _Packed2d(_Packed, nn.Conv2d):
    pass


class _Packed3d(_Packed, nn.Conv3d):
    pass


KINDS: Final[dict[type, type]] = {nn.Conv2d: _Packed2d, nn.Conv3d: _Packed3d}


def packed(runner: Runner, inputs: Tensor) -> Runner:
    """Return the runner for a forward of `inputs` without gradients: the same numbers at every layer, sooner.

    The copy is kept for a version of the model. A model's first inputs run on the model itself, as the copy only pays
    when there are others; so does what it cannot be made for (other devices and precisions, black boxes).
    """
    module = runner.module
    if (
        module is None
        or runner.is_borrowed
        or runner.precision != "float32"
        or inputs.dtype != torch.float32
        or inputs.device.type != "cpu"
        or not torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    ):
        return runner
    key = ("packed", runner.key, tuple(inputs.shape[1:]))
    with runner.store.lock:
        kept = runner.store.get(key)
        if kept is None and key not in runner.store.facts:
            runner.store.facts[key] = True
            return runner
        if kept is None:
            kept = _packed(runner, module, inputs[:1])
            runner.store.put(key, kept, kept[1])
        network, _ = kept
    return runner if network is None else replace(runner, network=network)


def _packed(runner: Runner, module: nn.Module, inputs: Tensor) -> tuple[nn.Module | None, int]:
    """Return the copy and the memory of its packed weights; None where it does not give the same scores."""
    shapes: dict[str, list[int]] = {}
    layers = {name: layer for name, layer in module.named_modules() if _is_plain(layer)}
    expected = _scores(runner, inputs, {name: _note(shapes, name) for name in layers})
    copy = make_shadow(module) if shapes else None
    if copy is None or sum(layers[name].weight.nbytes for name in shapes) > LARGEST:
        return None, 0
    try:
        nbytes = sum(_pack(copy.get_submodule(name), shape) for name, shape in shapes.items())
        found = _scores(replace(runner, network=copy), inputs, {})
    except (AttributeError, RuntimeError):  # this PyTorch, or this network, has other ways
        return None, 0
    same = torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * float(expected.abs().max()))
    return (copy, nbytes) if same else (None, 0)


def _scores(runner: Runner, inputs: Tensor, hooks: dict[str, Hook]) -> Tensor:
    silent = replace(runner, tally=Tally())
    module = silent.network
    with (
        silent.session(grad=False),
        hooked(module, hooks) if isinstance(module, nn.Module) else hooked(nn.Module(), {}),
    ):
        return silent.raw(inputs)


def _note(shapes: dict[str, list[int]], name: str) -> Hook:
    def note(_module: nn.Module, args: Any, _output: Any) -> None:
        if args and args[0].ndim > 3:
            shapes[name] = list(args[0].shape)

    return note


def _is_plain(layer: nn.Module) -> bool:
    """Whether this is a convolution and nothing else: no hook sets its weights, nobody computes them."""
    return (
        type(layer) in KINDS
        and isinstance(layer._parameters.get("weight"), nn.Parameter)
        and not (layer._forward_pre_hooks or isinstance(layer.padding, str) or layer.padding_mode != "zeros")
    )


def _pack(layer: Any, shape: list[int]) -> int:
    pack: Callable[..., Tensor] = torch.ops.mkldnn._reorder_convolution_weight
    with torch.inference_mode(False), torch.no_grad():
        layer.packed = pack(layer.weight, *_arguments(layer), shape)
    layer.__class__ = KINDS[type(layer)]
    return int(layer.weight.nbytes)


def _arguments(layer: Any) -> tuple[list[int], list[int], list[int], int]:
    return list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups
