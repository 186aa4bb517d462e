"""When windows are run incrementally: on networks that allow it, where it pays, after a look at both results."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

from xai_widget.engine.edits import Boxes
from xai_widget.engine.incremental.driver import Incremental
from xai_widget.engine.incremental.plan import Plan, plan_for
from xai_widget.engine.runner import Runner
from xai_widget.models import logits_from

# Fewer windows do not repay the clean pass.
FEWEST: Final = 8
# Of the network's work; above it the copies of the regions outweigh what is left out.
LARGEST_SHARE: Final = 0.85
# Rows of a chunk, and what they may hold where the network is narrowest: streams wait for each other once a chunk, of all
# windows more are alike, and linear layers read their weights once for all of them.
MOST: Final = 1024
MOST_BYTES: Final = 2**25
# Clean activations that a run may hold.
LARGEST_BYTES: Final = 2**29
# What rounding may make of the same sums in another order: of the largest score, and beside it of the window's effect.
TOLERANCE: Final = {torch.float64: 1e-9, torch.float32: 1e-5}
LOWERED_TOLERANCE: Final = 5e-2
OF_EFFECT: Final = 1e-2


@dataclass
class Kept:
    """A plan as the store keeps it; None: the plain path is taken for this model and this shape."""

    plan: Plan | None
    checked: bool = False
    network: nn.Module | None = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class Windows:
    """Edited inputs of one run, recomputed in part."""

    runner: Runner
    run: Incremental
    fill: Tensor
    mask: Tensor | None

    @property
    def together(self) -> int:
        """How many edits run together where nothing has to be cancelled."""
        return max(1, min(MOST, MOST_BYTES // self.run.row_bytes) // len(self.fill))

    def logits(self, start: int, count: int) -> Tensor:
        """Return logits `[count, N, K]` of the edits from `start` on; each counts as one model evaluation."""
        runner = self.runner
        with runner.session(grad=False):
            raw = self.run.logits(start, count, self.fill, self.mask)
            runner.tally.forwards += raw.shape[0] * raw.shape[1]
            logits = raw if runner.kind is None else runner.kind.logits(raw.flatten(0, 1)).reshape(*raw.shape[:2], -1)
        with torch.inference_mode(False):
            return logits.clone()


def windows_for(
    runner: Runner, inputs: Tensor, edits: Boxes, fill: Tensor, mask: Tensor | None, start: int
) -> Windows | None:
    """Return the run of `edits` on regions, or None where the plain path is to be taken.

    Parameters
    ----------
    inputs : Tensor
        `[N, C, *S]`.
    fill : Tensor
        `[N, C, *S]`: what stands in the boxes.
    mask : Tensor or None
        bool `[*S]`: where it may stand.
    start : int
        The first edit that is still to be run.
    """
    module = runner.module
    asked = len(edits) - start >= FEWEST and inputs.device.type == "cpu" and inputs.is_floating_point()
    if module is None or runner.is_borrowed or runner.forward is not None or not asked:
        return None
    key: Hashable = ("incremental", runner.key, id(module), tuple(inputs.shape[1:]), inputs.dtype)
    kept = runner.store.get(key)
    if not isinstance(kept, Kept):
        kept = Kept(_plan(runner, module, inputs), network=module)
        runner.store.put(key, kept, 0 if kept.plan is None else kept.plan.nbytes)
    plan = kept.plan
    if plan is None or plan.share(edits) > LARGEST_SHARE or plan.activation_bytes * len(inputs) > LARGEST_BYTES:
        return None
    with runner.session(grad=False):
        windows = Windows(runner, Incremental(plan, inputs, edits), fill, mask)
    if not kept.checked:
        kept.checked = True
        if not _agrees(windows, module, inputs, edits, (start + len(edits)) // 2):
            kept.plan = None
            return None
    return windows


def _plan(runner: Runner, module: nn.Module, inputs: Tensor) -> Plan | None:
    with runner.session(grad=False):
        try:
            return plan_for(module, inputs, torch.bfloat16 if runner.precision == "bfloat16" else None)
        except Exception:  # noqa: BLE001 - a network may do anything with a stand-in or a single row
            return None


def _agrees(windows: Windows, module: nn.Module, inputs: Tensor, edits: Boxes, place: int) -> bool:
    """Whether a window gives what the whole network gives, beside the score and beside what the window changes."""
    fill, mask, runner = windows.fill, windows.mask, windows.runner
    dtype = torch.bfloat16 if runner.precision == "bfloat16" else inputs.dtype
    edited = torch.empty_like(inputs)[None]
    edits.write(edited, inputs, fill, place, mask)
    with runner.session(grad=False):
        expected = logits_from(module(edited[0]), len(inputs))
        try:
            found = windows.run.logits(place, 1, fill, mask)[0]
        except Exception:  # noqa: BLE001 - rows of other shapes than the traced one may fail anywhere
            return False
    if found.shape != expected.shape:
        return False
    allowed = TOLERANCE.get(dtype, LOWERED_TOLERANCE) * expected.abs().max()
    if dtype in TOLERANCE:  # a small effect on large scores must be right as well
        allowed = allowed + OF_EFFECT * (expected - windows.run.clean_scores).abs().max()
    return bool((found - expected).abs().max() <= allowed)
