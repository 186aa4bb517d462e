"""Neighbouring layers that do less work together: which layers are neighbours is seen in one real forward.

A network need not be traceable for that. Where the tensor that a convolution or linear layer gives is read by a batch
norm and by nothing else, at every call, both are one layer: at rest a batch norm is a scale and a shift per channel.
Where what a ReLU gives is read by a max pool alone, the pool goes first: the largest of rectified numbers is the
rectified largest, and there are fewer to rectify.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from weakref import ref

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED: Final = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
# Subclasses may compute something else: exactly these.
LINEAR: Final = frozenset({*CONVOLUTIONS, *TRANSPOSED, nn.Linear})
NORMS: Final = frozenset({nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm})
RECTIFIERS: Final = frozenset({nn.ReLU})
MAXIMA: Final = frozenset({nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d})
# What a batch norm asks of its input before it reads the numbers.
SHAPE_QUESTIONS: Final = frozenset({Tensor.dim, Tensor.size})


class Readers(TorchFunctionMode):
    """Sees which tensors of linear layers and ReLUs are read, and by what; a context for one forward of `network`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network
        self._made: dict[int, tuple[ref[Tensor], str]] = {}
        self._reads: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._handed: Counter[tuple[str, str]] = Counter()
        self._places: dict[str, tuple[int, int]] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in SHAPE_QUESTIONS:
            for tensor in _tensors((*args, *kwargs.values())):
                maker = self._maker(tensor)
                if maker is not None:
                    self._reads[maker] += 1
        return func(*args, **kwargs)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what runs within."""
        handles = []
        try:
            for name, module in self._network.named_modules():
                if type(module) in LINEAR | RECTIFIERS:
                    handles.append(module.register_forward_hook(self._make(name)))
                elif type(module) in NORMS | MAXIMA:
                    handles.append(module.register_forward_hook(self._take(name)))
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def norms(self) -> list[tuple[str, str]]:
        """Return names of a linear layer and of the batch norm that alone reads what it gives."""
        return self._pairs(LINEAR, NORMS)

    def pools(self) -> list[tuple[str, str]]:
        """Return names of a ReLU and of the max pool that alone reads what it gives."""
        return self._pairs(RECTIFIERS, MAXIMA)

    def _pairs(self, makers: frozenset[type], takers: frozenset[type]) -> list[tuple[str, str]]:
        return [
            (maker, taker)
            for (maker, taker), times in self._handed.items()
            if times == self._calls[maker] == self._calls[taker] == self._reads[maker]
            and type(self._network.get_submodule(maker)) in makers
            and type(self._network.get_submodule(taker)) in takers
        ]

    def head(self, scores: Tensor) -> str | None:
        """Return the name of the layer that gave the scores, None if something was done to what it gave."""
        latest = reversed(self._places.items())
        return next((name for name, place in latest if place == (scores.data_ptr(), scores.numel())), None)

    def _maker(self, tensor: Tensor) -> str | None:
        weak, name = self._made.get(id(tensor), (None, None))
        return name if weak is not None and weak() is tensor else None  # an id may be given again

    def _make(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def made(module: Any, _args: Any, output: Tensor) -> None:
            self._calls[name] += 1
            if type(module) in LINEAR:
                self._places.pop(name, None)  # the latest is the last
                self._places[name] = output.data_ptr(), output.numel()
            # Of a linear layer's rows of rows a norm's channels are not the features.
            if type(module) in RECTIFIERS or output.ndim == module.weight.ndim:
                self._made[id(output)] = ref(output), name  # from here on it counts who looks at it

        return made

    def _take(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def taken(_module: nn.Module, args: Any, _output: Any) -> None:
            self._calls[name] += 1
            maker = self._maker(args[0]) if args else None
            if maker is not None:
                self._handed[maker, name] += 1

        return taken


def fold(network: nn.Module, pairs: Iterable[tuple[str, str]]) -> int:
    """Fold batch norms of `network`, which is changed: each gives its place to an identity; returns how many.

    Parameters
    ----------
    network : torch.nn.Module
        A copy: parameters are replaced, those that it shares with another module are not written to.
    pairs : iterable of (str, str)
        Names of a layer and of the batch norm behind it.
    """
    replaced: dict[nn.Module, nn.Module] = {}
    for maker, norm in pairs:
        layer, scaling = network.get_submodule(maker), network.get_submodule(norm)
        if _is_plain(layer) and _is_plain(scaling) and _is_at_rest(scaling):
            weight, bias = folded(layer, scaling)
            layer.weight = nn.Parameter(weight, requires_grad=False)
            layer.bias = nn.Parameter(bias, requires_grad=False)
            replaced[scaling] = nn.Identity().eval()
    _replace(network, replaced)
    return len(replaced)


def pool_first(network: nn.Module, pairs: Iterable[tuple[str, str]]) -> int:
    """Let max pools of `network`, which is changed, go before the ReLUs that stand before them; returns how many.

    Parameters
    ----------
    network : torch.nn.Module
        A copy.
    pairs : iterable of (str, str)
        Names of a ReLU and of the max pool behind it.
    """
    replaced: dict[nn.Module, nn.Module] = {}
    for maker, taker in pairs:
        rectifier, pool = network.get_submodule(maker), network.get_submodule(taker)
        if _is_plain(rectifier) and _is_plain(pool) and not pool.return_indices:
            replaced[rectifier] = nn.Identity().eval()
            replaced[pool] = nn.Sequential(pool, nn.ReLU(inplace=True)).eval()
    _replace(network, replaced)
    return len(replaced) // 2


def _replace(network: nn.Module, replaced: Mapping[nn.Module, nn.Module]) -> None:
    for module in list(network.modules()):
        for name, child in module._modules.items():
            if child is not None and child in replaced:
                module._modules[name] = replaced[child]


def folded(layer: Any, norm: Any) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the layer that does what `layer` and a batch norm at rest do."""
    weight: Tensor = layer.weight.detach()
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    shift = -norm.running_mean.double() if layer.bias is None else layer.bias.detach().double() - norm.running_mean
    bias = shift * scale if norm.bias is None else shift * scale + norm.bias.detach()
    factor = scale.to(weight)  # of all weights in double, a large network would take seconds
    if isinstance(layer, TRANSPOSED):  # [in, out / groups, ...]
        apart = weight.reshape(layer.groups, -1, *weight.shape[1:])
        factors = factor.reshape(layer.groups, 1, -1, *[1] * (weight.ndim - 2))
        weight = (apart * factors).reshape(weight.shape)
    else:
        weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    return weight, bias.to(weight)


def _is_plain(module: nn.Module) -> bool:
    """Whether nothing happens around the module's own forward (a legacy weight_norm is a hook)."""
    return not (module._forward_hooks or module._forward_pre_hooks)


def _is_at_rest(norm: Any) -> bool:
    return not norm.training and norm.running_mean is not None and norm.running_var is not None


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
