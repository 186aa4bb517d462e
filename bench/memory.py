"""Peak memory of one contender: a process of its own, above what stands there when model and input are ready."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import torch

from bench.jobs import job_of

STATUS: Final = Path("/proc/self/status")
RESET: Final = Path("/proc/self/clear_refs")
ROOT: Final = Path(__file__).parents[1]


def peak_of(job: str, quick: bool, name: str, place: int) -> int:
    """Return the bytes that one run takes at most, measured in a fresh process with as many threads as here.

    Parameters
    ----------
    job, quick, name, place
        The job's id and size, the contender's name and which of its alternatives.
    """
    asked = json.dumps([job, quick, name, place, torch.get_num_threads(), torch.get_default_device().type])
    command = [sys.executable, "-W", "ignore", "-m", "bench.memory", asked]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.splitlines()[-1])


def main(asked: str) -> None:
    """Set a job up, run one contender of it once, and print the peak."""
    name_of_job, quick, name, place, threads, device = json.loads(asked)
    torch.set_num_threads(threads)
    if device != "cpu":
        torch.set_default_device(device)
    work = job_of(name_of_job).set_up(quick).contenders[name][place].prepare(0)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        print(torch.cuda.max_memory_allocated() - before)
        return
    before = resident()
    work()
    print(max(0, high_water() - before))


def resident() -> int:
    """Return the bytes that this process holds now, and forget how many it held before.

    Where Linux does not tell, the most that it ever held.
    """
    if not (STATUS.exists() and RESET.exists()):
        return high_water()
    RESET.write_text("5")  # the high-water mark
    return _status("VmRSS")


def high_water() -> int:
    """Return the most bytes that this process held."""
    if STATUS.exists():  # ru_maxrss begins with the peak of the process that started this one
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main(sys.argv[1])
