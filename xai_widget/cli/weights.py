"""Weights from a file, without running anything that may be in it."""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from xai_widget.inputs.files import check_path

PICKLES: Final = (".pt", ".pth")
SAFE: Final = ".safetensors"
# Where training scripts put the weights among other things.
INSIDE: Final = ("state_dict", "model_state_dict", "model")
# What wrappers for several devices and for compilation put before every name.
PREFIXES: Final = ("module.", "_orig_mod.")
# Buffers that count and change nothing; older and smaller files lack them.
COUNTERS: Final = "num_batches_tracked"
SHOWN: Final = 3


def fill(model: Any, path: Path) -> None:
    """Load the weights in a file into a model, in place.

    Parameters
    ----------
    model : torch.nn.Module
        To fill.
    path : Path
        `.safetensors`, or `.pt` and `.pth` that hold tensors alone.

    Raises
    ------
    ValueError
        The file cannot be read safely, or does not fit the model.
    TypeError
        The model has no weights.
    """
    if not isinstance(model, nn.Module):
        message = f"Weights are for a torch.nn.Module; the model is a {type(model).__name__}."
        raise TypeError(message)
    weights = read(path)
    wanted = model.state_dict()
    for prefix in PREFIXES:
        if not any(name.startswith(prefix) for name in wanted) and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    missing = [name for name in wanted if name not in weights and not name.endswith(COUNTERS)]
    unexpected = [name for name in weights if name not in wanted]
    shapes = [
        f"{name} ({_shape(weights[name])} in the file, {_shape(wanted[name])} in the model)"
        for name in wanted
        if name in weights and weights[name].shape != wanted[name].shape
    ]
    told = [
        f"{len(names)} {what}: {_some(names)}"
        for names, what in ((missing, "missing"), (unexpected, "unexpected"), (shapes, "of another shape"))
        if names
    ]
    if told:
        hint = " For another number of classes see --num-classes." if shapes and not (missing or unexpected) else ""
        message = f"{path.name!r} does not fit {type(model).__name__}: {'; '.join(told)}.{hint}"
        raise ValueError(message)
    model.load_state_dict(weights, strict=False)


def read(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a file by name.

    Raises
    ------
    ValueError
        No such file, another kind of file, or one that holds more than tensors.
    """
    check_path(path)
    suffix = path.suffix.lower()
    if suffix == SAFE:
        return _read_safetensors(path)
    if suffix not in PICKLES:
        message = f"{path.name!r}: expected weights as {SAFE}, or as {' or '.join(PICKLES)}."
        raise ValueError(message)
    found = _read_pickle(path)
    for key in INSIDE:
        inner = found.get(key) if isinstance(found, Mapping) else None
        if isinstance(inner, Mapping):
            found = inner
            break
    if not isinstance(found, Mapping) or not found or not all(isinstance(value, Tensor) for value in found.values()):
        message = f"{path.name!r} holds no weights by name; expected what torch.save(model.state_dict(), ...) writes."
        raise ValueError(message)
    return {str(name): value for name, value in found.items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError  # noqa: PLC0415 - needed here only
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except SafetensorError as error:
        message = f"{path.name!r} is no safetensors file: {error}"
        raise ValueError(message) from error


def _read_pickle(path: Path) -> Any:
    import torch  # noqa: PLC0415 - needed here only

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        message = (
            f"{path.name!r} holds more than tensors, and loading it could run code that is in it, so it is refused. From"
            " someone you trust: load it in Python once, and keep safetensors.torch.save_file(model.state_dict(),"
            ' "weights.safetensors").'
        )
        raise ValueError(message) from error
    except (RuntimeError, EOFError) as error:
        message = f"{path.name!r} cannot be read as weights: {error}"
        raise ValueError(message) from error


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
