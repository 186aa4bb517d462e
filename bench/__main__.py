"""The benchmark's command line: ``python -m bench [job ...]`` and ``python -m bench plots [job ...]``."""

import argparse
import os
import sys
import warnings
from pathlib import Path

import torch

from bench.job import Disagreement, Job
from bench.jobs import all_jobs, job_of
from bench.judge import judge
from bench.plots import plot
from bench.table import keep, record, section

HERE = Path(__file__).parent
PLOTS = "plots"


def main() -> int:
    """Run what was asked for; return how many jobs could not be compared."""
    asked = _parser().parse_args()
    os.environ["TQDM_DISABLE"] = "1"  # also of the child processes
    warnings.filterwarnings("ignore")  # of the peers
    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
    if asked.device != "cpu":  # a default that is set, even to what it is, slows every call of torch
        torch.set_default_device(asked.device)
    names = [name for name in asked.jobs if name != PLOTS]
    jobs = [job_of(name) for name in names] if names else all_jobs()
    if asked.list:
        print("\n".join(f"{job.id:24} {job.title}" for job in jobs))
        return 0
    if PLOTS in asked.jobs:
        for job in jobs:
            if job.sweep is not None:
                print(plot(job, job.sweep, asked.out / PLOTS), flush=True)
        return 0
    return sum(not _judged(job, asked) for job in jobs)


def _judged(job: Job, asked: argparse.Namespace) -> bool:
    try:
        agreement, rows = judge(job, quick=asked.quick, memory=not asked.no_memory)
    except Disagreement as error:
        print(f"\n{job.id}: not compared. {error}", flush=True)
        return False
    found = record(job, agreement, rows, job.turns(asked.quick))
    print("", job.id, "", *section(found), sep="\n")
    for target in found["targets"]:
        if target["reached"] is not None:
            print(f"{target['said']}: {target['reached']:.3g}", flush=True)
    if not asked.quick:
        keep(asked.out, found, [one.id for one in all_jobs()])
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="We and the peers, side by side.")
    parser.add_argument("jobs", nargs="*", help="ids (all by default); first 'plots' for figures of cost against work")
    parser.add_argument("--quick", action="store_true", help="small sizes, one turn: shows that it works; not kept")
    parser.add_argument("--threads", type=int, help="of torch; by default a thread a core")
    parser.add_argument("--device", default="cpu", help="where networks and inputs are, e.g. cuda")
    parser.add_argument("--no-memory", action="store_true", help="without peak memory, which takes a process each")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of results.md, results.json and plots")
    parser.add_argument("--list", action="store_true", help="what there is")
    return parser


if __name__ == "__main__":
    sys.exit(main())
