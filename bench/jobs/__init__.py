"""The jobs: one module each, and each module's `JOBS`."""

from functools import cache
from importlib import import_module
from typing import Final

from bench.job import Job

# In the order of the table.
MODULES: Final = (
    "grad_cam",
    "another_class",
    "all_layers",
    "all_classes",
    "integrated_gradients",
    "completeness",
    "smooth_grad",
    "occlusion",
    "first_picture",
    "volumes",
    "lime",
    "kernel_shap",
    "lrp",
    "rollout",
    "import_time",
    "memory",
)


@cache
def all_jobs() -> list[Job]:
    """Return every job."""
    return [job for name in MODULES for job in _jobs_in(name)]


def job_of(name: str) -> Job:
    """Return the job of an id; its module alone is imported, with the peers that it needs.

    Raises
    ------
    ValueError
        There is none.
    """
    for module in sorted(MODULES, key=lambda module: not name.startswith(module)):
        for job in _jobs_in(module):
            if job.id == name:
                return job
    raise ValueError(f"No job {name!r}. There are: {', '.join(job.id for job in all_jobs())}.")


def _jobs_in(module: str) -> list[Job]:
    return list(import_module(f"bench.jobs.{module}").JOBS)
