"""Attributions in files: a picture, all numbers without pickle, or a volume."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_widget.attribution.figures import still_scale
from xai_widget.targets import Contrast
from xai_widget.view import DEFAULT_VIEW

if TYPE_CHECKING:
    from xai_widget.attribution.attribution import Attribution

FORMAT: Final = 1
SUFFIXES: Final = (".png", ".npz", ".nii", ".nii.gz")
OPTIONAL: Final = ("channels", "error", "image", "affine")
ARRAY: Final = "array:"


def write(attribution: "Attribution", path: Path) -> None:
    """Write `attribution` in the format that the name's end says.

    Raises
    ------
    ValueError
        Another end than `SUFFIXES`.
    """
    name = path.name.lower()
    if name.endswith(".png"):
        Image.fromarray(attribution.heat_map(scale=still_scale(attribution, DEFAULT_VIEW))).save(path)
    elif name.endswith(".npz"):
        with path.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **_arrays(attribution))
    elif name.endswith((".nii", ".nii.gz")):
        _write_nifti(attribution, path)
    else:
        message = f"Cannot save as {path.name!r}: the name must end with one of {', '.join(SUFFIXES)}."
        raise ValueError(message)


def read(path: Path) -> dict[str, Any]:
    """Return the fields of the attribution that was written to an .npz file.

    Raises
    ------
    ValueError
        Not such a file.
    """
    with np.load(path, allow_pickle=False) as file:
        if "header" not in file:
            message = f"{path.name!r} was not written by Attribution.save: it has no header."
            raise ValueError(message)
        fields: dict[str, Any] = json.loads(str(file["header"]))
        fields |= {name: file[name] for name in ("values", *OPTIONAL) if name in file}
        fields["arrays"] = {name.removeprefix(ARRAY): file[name] for name in file.files if name.startswith(ARRAY)}
    if fields.pop("format") != FORMAT:
        message = f"{path.name!r} was written by another version of xai-widget; explain again, or update."
        raise ValueError(message)
    target, layer = fields["target"], fields["layer"]
    fields["target"] = Contrast(*target) if isinstance(target, list) else target
    fields["layer"] = tuple(layer) if isinstance(layer, list) else layer
    fields["input_size"] = tuple(fields["input_size"])
    return fields


def _arrays(attribution: "Attribution") -> dict[str, NDArray[Any]]:
    match attribution.target:
        case Contrast(index, foil):
            target: Any = [index, foil]
        case int() | str():
            target = attribution.target
        case _:
            target = attribution.label
    header = {
        "format": FORMAT,
        "method": attribution.method,
        "params": dict(attribution.params),
        "target": target,
        "label": attribution.label,
        "layer": attribution.layer,
        "input_size": attribution.input_size,
        "signed": attribution.signed,
        "meta": dict(attribution.meta),
    }
    optional = {name: getattr(attribution, name) for name in OPTIONAL}
    found = {name: array for name, array in optional.items() if array is not None}
    arrays = {ARRAY + name: array for name, array in attribution.arrays.items()}
    return {"header": np.array(json.dumps(header, default=str)), "values": attribution.values, **found, **arrays}


def _write_nifti(attribution: "Attribution", path: Path) -> None:
    try:
        import nibabel  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        message = 'Saving NIfTI needs nibabel: pip install "xai-widget[volumes]".'
        raise ImportError(message) from error
    affine = np.eye(4) if attribution.affine is None else attribution.affine
    nibabel.save(nibabel.Nifti1Image(attribution.resized(), affine), path)
