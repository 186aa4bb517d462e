"""What a method found for one input, as a person gets it: with what was asked, how, and what it took."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from xai_widget.attribution import Attribution, Estimate, last_of
from xai_widget.engine import Case
from xai_widget.explainers import Method, parameters_of
from xai_widget.inputs import ModelInput
from xai_widget.targets import Question, Target


def attribution_of(
    method: Method,
    case: Case,
    estimate: Estimate,
    row: int,
    item: ModelInput,
    seconds: float,
    resolve: Callable[[Target, int], Question],
) -> Attribution:
    """Return one row of an estimate.

    Parameters
    ----------
    row : int
        Of the case's inputs.
    item : ModelInput
        That input.
    seconds : float
        Since the question was asked.
    resolve : callable
        ``resolve(target, row)`` for another question about the same passes.
    """
    question = case.questions[row]

    def ask(target: Target) -> Attribution:
        again = case.replayed(resolve(target, row))
        return attribution_of(method, again, last_of(method.estimates(again)), row, item, seconds, resolve)

    automatic = method.automatic(case.facts)
    meta = {
        "fraction": estimate.fraction,
        "seconds": seconds,
        "forwards": case.runner.tally.forwards,
        "backwards": case.runner.tally.backwards,
        "precision": case.runner.precision,
        "activation": case.facts.kind.activation,
        "unit": question.unit(getattr(method, "unit", "")),
        "automatic": {name: value for name, value in automatic.items() if getattr(method, name) is None},
        **({} if item.affine_code is None else {"affine_code": item.affine_code}),
        **estimate.meta,
        **(estimate.row_meta[row] if estimate.row_meta else {}),
    }
    return Attribution(
        values=_array(estimate.values[row]),
        method=method.id,
        params={parameter.name: getattr(method, parameter.name) for parameter in parameters_of(type(method))},
        target=question.target,
        label=question.label,
        layer=None if not case.layers else (case.layers[0] if len(case.layers) == 1 else case.layers),
        input_size=tuple(case.inputs.shape[2:]),
        signed=estimate.signed,
        channels=None if estimate.channels is None else _array(estimate.channels[row]),
        error=None if estimate.error is None else _array(estimate.error[row]),
        arrays={name: _plain(values[row]) for name, values in estimate.arrays.items()},
        image=item.picture,
        affine=item.affine,
        meta=meta,
        _ask=ask,
    )


def _array(values: Tensor) -> NDArray[np.float32]:
    # A copy: an estimate must not change under the reader's hands.
    return np.array(values.detach().float().cpu().numpy())


def _plain(values: Tensor) -> NDArray[Any]:
    return _array(values) if values.is_floating_point() else np.array(values.detach().cpu().numpy())
