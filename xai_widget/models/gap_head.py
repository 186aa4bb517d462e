"""Global average pooling and one linear layer in place of a classifier's head: what class activation maps need."""

import inspect
import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from xai_widget.models.architecture import expects, unwrap
from xai_widget.models.labels import labels_for
from xai_widget.models.outputs import logits_from
from xai_widget.models.preprocessing import as_tensor, preprocess_for
from xai_widget.models.trunk import own_copy, trunk_of

POOLS: Final = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
# What `labels_for`, `preprocess_for` and `expects` look for.
CARRIED: Final = (
    *("labels", "transform", "weights", "processor", "image_processor"),
    *("pretrained_cfg", "default_cfg", "config", "image_size"),
)

Batch = tuple[Tensor, Any]


def with_gap_head(
    model: nn.Module,
    loader: Iterable[Batch] | None = None,
    *,
    layer: str | None = None,
    example: Tensor | None = None,
    regularisation: float = 1.0,
) -> nn.Sequential:
    r"""Give a copy of a classifier the head that class activation maps need, and train that head.

    The network is cut behind its last features on a grid, A ``[C, *grid]``, with Z positions, and gets the head

    .. math:: y_k = \sum_c w_{kc} \, \frac{1}{Z} \sum_{ij} A_{cij} + b_k.

    Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, arXiv:1512.04150, replaced the
    fully connected layers of AlexNet, VGG and GoogLeNet so, and trained again. Here all but the head stays as it is,
    so that the training is a logistic regression: one pass over the loader, then L-BFGS on the pooled features.

    Parameters
    ----------
    model : nn.Module
        A classifier that ``torch.fx`` can trace, for pictures or volumes. It is copied, and never changed.
    loader : iterable of (inputs, classes), optional
        Batches of model inputs ``[N, C0, *S]`` and their class indices ``[N]``, such as a `DataLoader`; read once.
        Every class must occur. For networks with one output: 0 and 1.
        None leaves the head untrained. If the model's own head is one linear layer over all positions, its weights are
        summed over the positions: the logits stay the same wherever the features are the same at all positions. If
        it is a linear layer behind global average pooling already, the logits stay the same. Behind any other head,
        **the new one is random and knows nothing until it is trained**.
    layer : str, optional
        Cut behind this module instead, named as in ``named_modules()``.
    example : Tensor, optional
        Inputs ``[N, C0, *S]`` with which to look for the grid. None: the first of the loader; without a loader, noise
        of the size that the model's preprocessing gives.
    regularisation : float, default 1.0
        λ > 0 in :math:`\lambda \lVert w \rVert^2 / 2 +` the sum of the cross-entropies, for features scaled to unit
        variance; the bias is free.

    Returns
    -------
    nn.Sequential
        ``features``, ``pool``, ``flatten`` and ``fc``, in eval mode, with as many outputs as the model, and with its
        labels and preprocessing. It shares no memory with the model. Dropout that is a function, not a module, stays
        off in train mode.

    Raises
    ------
    TypeError
        If the model is no module, or the loader does not give pairs of a tensor and class indices.
    ValueError
        If the model cannot be copied, traced, or cut; if the size of its input is not known; if the loader is empty,
        lacks a class, or names one that the model does not have; if `regularisation` is not positive.

    Notes
    -----
    The head learns what the loader shows. Where pictures with several objects are asked about and the loader has one
    each, a greater `regularisation`, such as 100, keeps it closer to what all of them share.

    Examples
    --------
    >>> import torch
    >>> from xai_widget.examples import classes, flatten_net, photo
    >>> net = flatten_net()
    >>> photos = torch.stack([net.transform(photo(name)) for name in classes()])
    >>> repaired = with_gap_head(net, [(photos, range(len(classes())))])
    >>> [name for name, _ in repaired.named_children()]
    ['features', 'pool', 'flatten', 'fc']
    >>> repaired(photos).argmax(dim=1).tolist() == list(range(12))
    True
    """
    network = unwrap(model)
    if not isinstance(network, nn.Module):
        raise TypeError(f"with_gap_head replaces a part of a torch.nn.Module; got {type(network).__name__}.")
    if not regularisation > 0:
        raise ValueError(f"regularisation must be positive; got {regularisation}.")
    first, batches = (None, None) if loader is None else _peeked(loader)
    with torch.inference_mode(mode=False), torch.no_grad():
        own = own_copy(network)
        given = first if example is None else example
        x = _like_weights(_noise(own) if given is None else given, own)
        raw = _scores(own, x)
        trunk = trunk_of(own, x, layer)
        fc = _initial(own, trunk.features, raw)
        dims = trunk.features.ndim - 2
        parts = {"features": trunk.module, "pool": POOLS[dims](1), "flatten": nn.Flatten(), "fc": fc}
        repaired = nn.Sequential(OrderedDict(parts)).eval()
        if batches is not None:
            names, _ = labels_for(own, max(raw.shape[1], 2))
            pooled, classes = _pooled(repaired[:-1], batches, names, own)
            _regress(fc, pooled, classes, regularisation)
    fc.requires_grad_()
    for name in CARRIED:
        value = getattr(own, name, None)
        is_part = isinstance(value, nn.Module) and next(value.parameters(), None) is not None
        if value is not None and not is_part and not inspect.ismethod(value):
            setattr(repaired, name, value)
    return repaired


def _peeked(loader: Iterable[Batch]) -> tuple[Tensor, Iterator[tuple[Tensor, Tensor]]]:
    """Return the first inputs of a loader and an iterator over all of it."""
    batches = map(_checked, loader)
    first = next(batches, None)
    if first is None:
        raise ValueError("The loader is empty; expected batches (inputs, class indices). Pass None to train later.")
    return first[0][:1], chain([first], batches)


def _checked(batch: Any) -> tuple[Tensor, Tensor]:
    """Return a batch of the loader as inputs and int64 class indices."""
    if not isinstance(batch, list | tuple) or len(batch) != 2 or not isinstance(batch[0], Tensor):
        raise TypeError(
            f"The loader gave {type(batch).__name__}; expected pairs of model inputs [N, C, *S], a tensor, and class"
            " indices [N]. Wrap it: ((batch['image'], batch['label']) for batch in loader)."
        )
    inputs = batch[0]
    classes = batch[1] if isinstance(batch[1], Tensor) else as_tensor(np.asarray(batch[1]))
    if (
        classes is None
        or classes.is_floating_point()
        or classes.dtype == torch.bool
        or classes.shape != inputs.shape[:1]
    ):
        got = type(batch[1]).__name__ if classes is None else f"{classes.dtype} of shape {list(classes.shape)}"
        raise TypeError(
            f"The loader gave classes as {got} with inputs of shape {list(inputs.shape)}; expected one class index,"
            " an integer, for each input."
        )
    return inputs, classes.long().cpu()


def _noise(network: nn.Module) -> Tensor:
    """Draw a standard normal input of the size that the model's preprocessing gives."""
    wanted = expects(network)
    if wanted.size is not None and wanted.channels is not None:
        shape: tuple[int, ...] = (wanted.channels, *wanted.size)
    elif wanted.dims == 2 and wanted.channels in {1, 3}:
        shape = tuple(preprocess_for(network).apply(Image.new("RGB", (256, 256), "grey")).shape)
    else:
        raise ValueError(
            f"{type(network).__name__} does not tell the size of its input. Pass example=, a tensor [N, C, *S], or a"
            " loader."
        )
    # Features of noise differ from cell to cell, so that a head can be recognised by its numbers.
    return torch.randn(1, *shape, generator=_generator())


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _like_weights(inputs: Tensor, network: nn.Module) -> Tensor:
    weight = next((p for p in network.parameters() if p.is_floating_point()), inputs)
    return inputs.to(weight.device, weight.dtype)


def _scores(network: nn.Module, x: Tensor) -> Tensor:
    """Return the model's raw scores ``[N, K]``."""
    try:
        output = network(x)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"{type(network).__name__} cannot run on inputs of shape {list(x.shape)}: {error} Pass example=, a tensor"
            " [N, C, *S] that it can run on."
        ) from error
    return logits_from(output, len(x))


def _initial(network: nn.Module, features: Tensor, raw: Tensor) -> nn.Linear:
    """Return a linear layer that starts from the old head where that was one, over all positions or their mean."""
    channels, outputs = features.shape[1], raw.shape[1]
    # The usual start draws from the global generator, which is the user's.
    fc = nn.Linear(channels, outputs, device="meta", dtype=features.dtype).to_empty(device=features.device)
    fc.weight.copy_(torch.randn(outputs, channels, generator=_generator()) / math.sqrt(channels))
    fc.bias.zero_()
    tolerance = (1e-4 if features.dtype in {torch.float32, torch.float64} else 2e-2) * float(raw.abs().max())
    for old in network.modules():
        if not isinstance(old, nn.Linear) or old.out_features != outputs:
            continue
        for entering in (features.flatten(2).mean(2), features.flatten(1)):
            if old.in_features == entering.shape[1] and (old(entering) - raw).abs().max() <= tolerance:
                fc.weight.copy_(old.weight.reshape(outputs, channels, -1).sum(2))
                if old.bias is not None:
                    fc.bias.copy_(old.bias)
                return fc
    return fc


def _pooled(
    pooling: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], names: tuple[str, ...], network: nn.Module
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the pooled features ``[M, C]`` and the classes ``[M]`` of a whole loader."""
    pairs = [(pooling(_like_weights(inputs, network)).double().cpu(), classes) for inputs, classes in batches]
    pooled, classes = (torch.cat(parts).numpy() for parts in zip(*pairs, strict=True))
    strange = sorted(set(classes.tolist()) - set(range(len(names))))
    if strange:
        raise ValueError(f"The loader names class {strange[0]}; the model has classes 0 to {len(names) - 1}.")
    missing = [name for index, name in enumerate(names) if index not in classes]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"The loader shows no example of {len(missing)} of {len(names)} classes ({shown}), and their weights cannot"
            " be learned without. Add examples of each."
        )
    return pooled, classes


def _regress(fc: nn.Linear, pooled: NDArray[np.float64], classes: NDArray[np.int64], regularisation: float) -> None:
    """Fit a linear layer by multinomial logistic regression on features scaled to unit variance."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import, needed here only

    mean, scale = pooled.mean(axis=0), pooled.std(axis=0)
    scale[scale == 0] = 1
    fit = LogisticRegression(C=1 / regularisation, max_iter=2000).fit((pooled - mean) / scale, classes)
    weight = fit.coef_ / scale
    bias = fit.intercept_ - weight @ mean
    if len(weight) < fc.out_features:  # two classes have one difference of logits
        weight, bias = np.concatenate((-weight, weight)) / 2, np.concatenate((-bias, bias)) / 2
    fc.weight.copy_(torch.from_numpy(weight))
    fc.bias.copy_(torch.from_numpy(bias))
