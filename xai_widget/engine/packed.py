"""A packed copy: the same network for forwards of one input without gradients, with layers of `onednn`.

Batch norms are folded into its convolutions. Every other layer gives what the model's own gives, up to rounding.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from xai_widget.engine.folding import Readers, fold
from xai_widget.engine.heap import give_back
from xai_widget.engine.hooks import Hook, hooked
from xai_widget.engine.onednn import PACKED, SHARING, is_plain, pack, serves
from xai_widget.engine.runner import Runner, Tally
from xai_widget.engine.shadow import make_shadow
from xai_widget.engine.store import CACHE_BYTES

# A larger copy would leave no room for results.
LARGEST: Final = CACHE_BYTES // 2
# Of the largest score: what rounding differently leaves over a hundred layers.
TOLERANCE: Final = 1e-4


class _Kept(NamedTuple):
    """A copy as the store keeps it; None where it does not give the same scores."""

    network: nn.Module | None
    nbytes: int = 0
    folded: frozenset[str] = frozenset()


def packed(runner: Runner, inputs: Tensor, layers: Iterable[str] = ()) -> Runner:
    """Return the runner for a forward of `inputs` without gradients: the same numbers, sooner.

    The copy is kept for a version of the model. A model's first inputs run on the model itself, as the copy only pays
    when there are others; so does what it cannot be made for (other devices and precisions, black boxes).

    Parameters
    ----------
    inputs : Tensor
        `[N, C, *S]`.
    layers : iterable of str
        Layers whose outputs will be looked at. Where a batch norm is folded into one, the runner is the given one.
    """
    module = runner.module
    if module is None or runner.is_borrowed or runner.precision != "float32" or not serves(inputs):
        return runner
    # How weights are best laid out depends on the number of threads.
    key = ("packed", runner.key, tuple(inputs.shape[1:]), torch.get_num_threads())
    with runner.store.lock:
        kept = runner.store.get(key)
        if not isinstance(kept, _Kept):
            if key not in runner.store.facts:
                runner.store.facts[key] = True
                return runner
            kept = _packed(runner, module, inputs[:1])
            give_back()
            runner.store.put(key, kept, kept.nbytes)
    return runner if kept.network is None or kept.folded & set(layers) else replace(runner, network=kept.network)


def _packed(runner: Runner, module: nn.Module, inputs: Tensor) -> _Kept:
    shapes: dict[str, list[int]] = {}
    plain = {name: layer for name, layer in module.named_modules() if is_plain(layer)}
    layers = {name: layer for name, layer in plain.items() if type(layer) in PACKED}
    others = plain.keys() - layers.keys()
    readers = Readers(module)
    with readers.watching():
        expected = _scores(runner, inputs, {name: _note(shapes, name) for name in layers})
    copy = make_shadow(module) if shapes or others else None
    if copy is None or sum(layers[name].weight.nbytes for name in shapes) > LARGEST:
        return _Kept(None)
    norms, folded, nbytes = dict(readers.norms()), set(), 0
    try:
        for name, shape in shapes.items():  # one by one: all folded weights at once would take a network's memory
            if name in norms and fold(copy, [(name, norms[name])]):
                folded.add(name)
            nbytes += pack(copy.get_submodule(name), shape)
        for name in others:
            copy.get_submodule(name).__class__ = SHARING[type(plain[name])]
        found = _scores(replace(runner, network=copy), inputs, {})
    except (AttributeError, RuntimeError):  # this PyTorch, or this network, has other ways
        return _Kept(None)
    same = torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * float(expected.abs().max()))
    return _Kept(copy, nbytes, frozenset(folded)) if same else _Kept(None)


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
