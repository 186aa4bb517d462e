"""The functions: `explain` and its relatives."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xai_widget.attribution import Attribution, last_of
from xai_widget.binding import Binding
from xai_widget.engine import Forward
from xai_widget.explainers import Layer, Method, build_method
from xai_widget.film import layer_maps
from xai_widget.inputs import ModelInput, read_batch
from xai_widget.session import Session
from xai_widget.targets import Contrast, Target

# Pixels of one batch of inputs: sixteen colour pictures of 224 x 224.
BATCH_ELEMENTS = 16 * 3 * 224 * 224


def explain(
    model: Callable[..., Any],
    img: Any,
    method: str | Method = "grad_cam",
    *,
    target: Target = None,
    layer: Layer = None,
    transform: Any = None,
    labels: Any = None,
    mask: Any = None,
    device: str | torch.device | None = None,
    precision: str = "float32",
    forward: Forward | None = None,
    activation: str | None = None,
    dims: int | None = None,
    **params: Any,
) -> Attribution:
    """Explain one input: how much each place speaks for the target.

    Parameters
    ----------
    model : torch.nn.Module or callable
        A classifier, or any callable from a batch to class scores. It is left exactly as it was.
    img : str, Path, PIL.Image, array, Tensor or NIfTI image
        A picture goes through the transform; a float tensor is model input as it is (`[C, *S]` or `[1, C, *S]`). A volume,
        also from a NIfTI file, is taken as stored.
    method : str or Method
        An id, see `methods()`.
    target : int, str, Contrast or callable, optional
        The class asked about, by index or label; A rather than B; a function of the logits. None: the predicted one.
    layer : str or sequence of str, optional
        Where activations are read, see `layers(model, img)`; several are fused. None: the method's default.
    transform : callable or torchvision weights, optional
        From a picture to the model's input. None: what the model carries, else ImageNet's.
    labels : sequence or mapping, optional
        Names of the classes.
    mask : bool array [*S], Tensor, nibabel image or path of a NIfTI file, optional
        The foreground that may be perturbed: noise, windows, masks, superpixels and baselines stay inside, and the rest
        of the input is in every forward as it came.
    device : str or torch.device, optional
        Where to compute; the model itself is never moved.
    precision : {"float32", "bfloat16"}
        Of the forward passes.
    forward : callable, optional
        ``forward(module, x)`` for a model that needs more than one tensor or returns something unusual.
    activation : {"softmax", "sigmoid", "none"}, optional
        From logits to probabilities. None: decided by looking.
    dims : {2, 3}, optional
        Spatial dimensions, where the model does not tell.
    **params
        Parameters of the method.

    Returns
    -------
    Attribution
        Numbers at the method's own resolution, and ways to see and keep them.

    Raises
    ------
    ValueError
        A value that cannot be used: unknown method, layer or label, parameter out of range, pixels that are no
        picture, a model without scores. The message says what was expected and what to do.
    TypeError
        An argument of another kind.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> a = explain(examples.mosaic_net(), examples.photo("cat"))
    >>> a.method, a.label
    ('grad_cam', 'cat')
    """
    chosen = build_method(method, params)
    binding = Binding(transform, labels, mask, device, precision, forward, activation, dims)
    session = Session.open(model, img, binding)
    return last_of(session.run(chosen, [target], layer, fresh=True))[0]


def explain_batch(
    model: Callable[..., Any],
    inputs: Any,
    method: str | Method = "grad_cam",
    *,
    targets: Target | Sequence[Target] = None,
    layer: Layer = None,
    transform: Any = None,
    labels: Any = None,
    mask: Any = None,
    device: str | torch.device | None = None,
    precision: str = "float32",
    forward: Forward | None = None,
    activation: str | None = None,
    dims: int | None = None,
    **params: Any,
) -> list[Attribution]:
    """Explain many inputs; inputs of one shape run through the model together.

    Parameters
    ----------
    inputs : sequence or Tensor
        A list of anything `explain` takes, or one float tensor `[N, C, *S]`.
    targets : Target or sequence of Target, optional
        One for all, or one an input. None: each input's predicted class.
    model, method, layer, transform, labels, mask, device, precision, forward, activation, dims, **params
        As in `explain`.

    Returns
    -------
    list of Attribution
        In the order of the inputs, each equal to what `explain` gives for it alone.

    Raises
    ------
    ValueError
        As `explain`; or the number of targets is not the number of inputs.

    Examples
    --------
    >>> from xai_widget import examples, explain_batch
    >>> photos = [examples.photo("cat"), examples.photo("rocket")]
    >>> [a.label for a in explain_batch(examples.mosaic_net(), photos)]
    ['cat', 'rocket']
    """
    chosen = build_method(method, params)
    binding = Binding(transform, labels, mask, device, precision, forward, activation, dims)
    items = read_batch(inputs, model, transform=transform, dims=dims)
    wanted = _one_each(targets, len(items))
    found: list[Attribution] = []
    for start, stop in _runs(items, wanted):
        session = Session(model, items[start:stop], binding)
        found.extend(last_of(session.run(chosen, wanted[start:stop], layer, fresh=True)))
    return found


def explain_layers(
    model: Callable[..., Any],
    img: Any,
    layers: Sequence[str] | None = None,
    method: str | Method = "grad_cam",
    *,
    target: Target = None,
    transform: Any = None,
    labels: Any = None,
    mask: Any = None,
    device: str | torch.device | None = None,
    precision: str = "float32",
    forward: Forward | None = None,
    activation: str | None = None,
    dims: int | None = None,
    **params: Any,
) -> dict[str, Attribution]:
    """Explain one input at many layers, from one forward and one backward.

    Parameters
    ----------
    layers : sequence of str, optional
        Dotted module names. None: every layer that the method can read.
    model, img, method, target, transform, labels, mask, device, precision, forward, activation, dims, **params
        As in `explain`.

    Returns
    -------
    dict of str to Attribution
        By layer, in the order asked for (None: in the model's order).

    Raises
    ------
    ValueError
        As `explain`; or the method does not read a layer.

    Examples
    --------
    >>> from xai_widget import examples, explain_layers
    >>> maps = explain_layers(examples.mosaic_net(), examples.photo("cat"), ["layer1", "layer2"])
    >>> list(maps)
    ['layer1', 'layer2']
    """
    chosen = build_method(method, params)
    if not chosen.uses_layer:
        message = f"{chosen.label} does not read a layer. Use explain(...), or a method of the CAM family."
        raise ValueError(message)
    binding = Binding(transform, labels, mask, device, precision, forward, activation, dims)
    session = Session.open(model, img, binding)
    return dict(layer_maps(session, chosen, target, layers))


def _one_each(targets: Target | Sequence[Target], count: int) -> list[Target]:
    if isinstance(targets, str) or not isinstance(targets, Sequence | np.ndarray | Tensor):
        return [targets] * count
    found = list(targets)
    if len(found) != count:
        message = f"Expected one target for all or one for each of the {count} inputs, got {len(found)} targets."
        raise ValueError(message)
    return found


def _runs(items: Sequence[ModelInput], targets: Sequence[Target]) -> list[tuple[int, int]]:
    """Return ranges of neighbouring inputs of one shape and one kind of target, bounded in size."""
    ranges: list[tuple[int, int]] = []
    start = 0
    while start < len(items):
        shape, kind = items[start].tensor.shape, _kind(targets[start])
        most = max(1, BATCH_ELEMENTS // items[start].tensor.numel())
        stop = start + 1
        while (
            stop < min(len(items), start + most) and items[stop].tensor.shape == shape and _kind(targets[stop]) == kind
        ):
            stop += 1
        ranges.append((start, stop))
        start = stop
    return ranges


def _kind(target: Target) -> str:
    """Return what sort of question a target is: a method answers one sort at a time (a ReLU, signed or not)."""
    if isinstance(target, Contrast):
        return "contrast"
    return "function" if callable(target) else "class"
