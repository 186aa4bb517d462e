"""What importing costs, in processes of their own."""

import json
import subprocess
import sys
from functools import partial

from bench.job import OURS, Contender, Disagreement, Job, Target, Trial, Work
from bench.judge import Timing

CODE = """\
import json, sys, time
{before}
wall, cpu = time.perf_counter(), time.process_time()
import {name}
print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu, "torch" in sys.modules]))
"""


def imported(name: str, before: str = "") -> tuple[Timing, bool]:
    """Import a package in a fresh process that has run `before`; also return whether torch was imported."""
    code = CODE.format(name=name, before=before)
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    wall, cpu, torch = json.loads(done.stdout)
    return Timing(wall, cpu), torch


def trial(*, beside: tuple[str, ...] = ("captum", "monai", "pytorch_grad_cam", "torchcam")) -> Trial:
    """Return the job; ours counts from where anywidget is imported."""

    def work(name: str, before: str, _turn: int) -> Work:
        return lambda: imported(name, before)[0]

    def agree() -> str:
        if imported("xai_widget", "import anywidget")[1]:
            raise Disagreement("`import xai_widget` imports torch.")
        return "`import xai_widget` does not import torch."

    return Trial(
        {
            OURS: [Contender(partial(work, "xai_widget", "import anywidget"), "beyond anywidget")],
            **{name: [Contender(partial(work, name, ""))] for name in ("anywidget", *beside)},
        },
        agree,
    )


JOBS = (
    Job(
        "import_time",
        "`import xai_widget`, beyond `import anywidget`",
        lambda quick: trial(beside=()) if quick else trial(),
        [Target(0.05, "seconds")],
        repeats=9,
    ),
)
