"""The function: `explain_dataset`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from xai_widget.binding import Binding
from xai_widget.cohort.running.identity import plan_of
from xai_widget.cohort.running.items import items_of
from xai_widget.cohort.running.origin import Origin
from xai_widget.cohort.running.rows import Task
from xai_widget.cohort.running.run import run_dataset
from xai_widget.engine import Forward, known_precision, usable_device
from xai_widget.explainers import Layer, Method, build_method
from xai_widget.session import check_model
from xai_widget.targets import Target

if TYPE_CHECKING:
    from xai_widget.cohort.cohort import Cohort


def explain_dataset(
    model: Callable[..., Any],
    dataset: Any,
    method: str | Method = "occlusion",
    out: str | Path = "maps.zarr",
    target: Target = None,
    target_column: str | None = None,
    group_by: str | Sequence[str] | None = None,
    workers: Any = 1,
    *,
    layer: Layer = None,
    transform: Any = None,
    labels: Any = None,
    mask: ArrayLike | Tensor | None = None,
    device: str | torch.device | None = None,
    precision: str = "float32",
    forward: Forward | None = None,
    activation: str | None = None,
    dims: int | None = None,
    pictures: bool = True,
    progress: bool = True,
    retry: bool = False,
    **params: Any,
) -> "Cohort":
    """Explain many inputs, one after the other, into a store on disk.

    Each map is written as soon as it is there, so memory does not grow with the number of inputs. A run that was
    stopped, in whatever way, goes on where it stopped when the same call is made again; a run that is complete is
    opened at once. An input that fails is recorded with its error, and the run goes on.

    Parameters
    ----------
    model : torch.nn.Module or callable
        As in `explain`. It is left exactly as it was.
    dataset : Dataset, str or Path
        * a map-style dataset (anything with `len` and items by index) of `(input, label)`, `(input, label, columns)`,
          mappings with the keys `input` (or `image`), `label`, `id` and further columns, or inputs alone. Inputs are
          whatever `explain` takes. An attribute `ids` names the rows; otherwise they are numbered.
        * a folder of pictures or NIfTI volumes: the first sub-folder is the label, the path below the folder is the id.
          A model that does not name its classes gets the folders' names in alphabetical order, as torchvision's
          ImageFolder has it, and a warning says so; those of a `Dataset` with `classes` are taken as they are.
        * a CSV file with a column `path` (or `file`), relative to its own folder, and perhaps `label`, `id` (else the
          path) and further columns.

        Labels are class indices or names. One that is no class of the model is kept in the column `given_label`.
    method : str or Method
        An id, see `methods()`.
    out : str or Path
        The store: a folder, made by the first call.
    target : int, str, Contrast or callable, optional
        What all inputs are asked about, as in `explain`. None: each one's predicted class. "label": its own label.
    target_column : str, optional
        The column that holds each input's target, by class index or name.
    group_by : str or sequence of str, optional
        Columns that group the cohort by default; see `Cohort.groups`.
    workers : int, dask.distributed.Client or str
        1: in this process. More: so many local processes, which share this one's threads, and in turn the GPUs where
        `device="cuda"`. A Dask client (or the address of its scheduler): the workers of that cluster; needs
        `xai-widget[cluster]`. Model and dataset are sent once to each worker, which reads its inputs itself; a dataset
        of more than 64 MB, or one that cannot be pickled, stays here and its items are sent one by one. This process
        writes the store.
    layer, transform, labels, mask, device, precision, forward, activation, dims
        As in `explain`.
    pictures : bool
        Whether to keep what the model saw beside each map.
    progress : bool
        Whether to show a bar with the time left.
    retry : bool
        Whether to run the inputs again that failed before.
    **params
        Parameters of the method.

    Returns
    -------
    Cohort
        The maps and their table, read from `out` as they are needed.

    Raises
    ------
    ValueError
        Nothing to explain; an unknown method, parameter, precision or device; or `out` holds another run: the message names what differs.
    TypeError
        A model, dataset or target of another kind; or a model that cannot be sent to workers.
    FileNotFoundError
        No such folder or CSV file.
    RuntimeError
        Another process writes to `out`.
    ImportError
        A cluster without Dask.

    Warns
    -----
    RuntimeWarning
        After a run: how many inputs failed, and the most frequent error; labels that are no classes; volumes with
        different affines; a column to group by that the table lacks.

    Examples
    --------
    >>> import tempfile
    >>> from xai_widget import examples
    >>> from xai_widget.cohort import explain_dataset
    >>> photos = [(examples.photo(name), name) for name in ("cat", "rocket")]
    >>> folder = tempfile.TemporaryDirectory()
    >>> cohort = explain_dataset(
    ...     examples.mosaic_net(), photos, method="grad_cam", out=f"{folder.name}/maps.zarr", progress=False
    ... )
    >>> cohort.table[["id", "label", "prediction", "status"]].values.tolist()
    [['0', 1, 1, 'ok'], ['1', 9, 9, 'ok']]
    >>> cohort.store.attribution(1).label
    'rocket'
    >>> folder.cleanup()
    """
    from xai_widget.cohort.cohort import Cohort  # noqa: PLC0415 - what it needs is slow to import

    if target is not None and target_column is not None:
        message = f"Give target={target!r} or target_column={target_column!r}, not both."
        raise ValueError(message)
    check_model(model)
    known_precision(precision)
    if workers == 1:  # workers may have other devices
        usable_device(device)
    chosen = build_method(method, params)
    binding = Binding(transform, labels, mask, device, precision, forward, activation, dims)
    items = items_of(dataset)
    plan = plan_of(model, items, chosen, binding, target=target, target_column=target_column, layer=layer)
    if group_by is not None and not isinstance(group_by, str | Sequence):
        message = f"group_by is the name of a column, or a list of such names; got {type(group_by).__name__}."
        raise TypeError(message)
    grouping = group_by if group_by is None or isinstance(group_by, str) else list(group_by)
    task = Task(model, chosen, binding, layer, target, target_column, pictures, items, items.classes)
    store = run_dataset(
        task, items, {**plan, "group_by": grouping}, out, workers=workers, progress=progress, retry=retry
    )
    return Cohort(store, Origin(model, items, binding, chosen, layer, target))
