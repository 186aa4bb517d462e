"""A cohort of any size needs the memory of one input."""

import subprocess
import sys
import weakref

import pytest

from tests.cohorts import OCCLUSION, Counting, Pictures, picture
from xai_widget.cohort import explain_dataset
from xai_widget.engine import store_for


@pytest.fixture
def out(tmp_path):
    return tmp_path / "maps.zarr"


def run(model, dataset, out, method="occlusion"):
    return explain_dataset(model, dataset, method, out, progress=False, **(OCCLUSION if method == "occlusion" else {}))


def test_one_input_is_held_at_a_time(out):
    alive, most = weakref.WeakSet(), []

    class Watched:
        def __len__(self):
            return 12

        def __getitem__(self, row):
            most.append(len(alive))
            found = picture(row)
            alive.add(found)
            return found, 0

    run(Counting(), Watched(), out)
    assert max(most) <= 1


def test_of_the_inputs_nothing_is_kept_in_the_models_cache(out):
    def kept(count):
        net = Counting()
        for method in ("occlusion", "grad_cam", "integrated_grad_cam", "noise_tunnel", "lrp", "saliency"):
            run(net, Pictures(count), out.with_name(f"{method}-{count}"), method)
        return sorted(key[0] for key in store_for(net).held())

    # What is kept belongs to the network: copies of it, and how it is run.
    assert kept(2) == kept(5)
    assert set(kept(2)) <= {"prepared", "packed", "graph", "incremental", "relevance weights"}


PEAK = """\
import resource, sys, torch
from tests.cohorts import Counting, OCCLUSION
from xai_widget.cohort import explain_dataset
class Large:
    def __len__(self):
        return int(sys.argv[1])
    def __getitem__(self, row):
        return torch.randn(3, 128, 128, generator=torch.Generator().manual_seed(row)), 0
explain_dataset(Counting(), Large(), "saliency", sys.argv[2], progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is in kilobytes on Linux")
def test_memory_does_not_grow_with_the_number_of_inputs(tmp_path):
    peaks = []
    for count in (50, 500):
        code = [sys.executable, "-c", PEAK, str(count), tmp_path / f"{count}.zarr"]
        peaks.append(int(subprocess.run(code, check=True, capture_output=True, text=True).stdout))
    few, many = peaks
    # Were inputs, pictures or maps held, it would be 88, 22 or 29 MB.
    assert many - few < 15_000, f"{few} kB, then {many} kB"
