"""A cohort in local processes: the same store as in one, and nothing lost when a process is killed."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import psutil
import pytest
import torch

from tests.cohorts import OCCLUSION, Counting, Deadly, Pictures, Unloadable, Unpacked, evaluations
from xai_widget.cohort import explain_dataset
from xai_widget.cohort.running import luggage
from xai_widget.cohort.store.journal import NAME as JOURNAL
from xai_widget.cohort.store.store import Store

# Inputs that make the copy of the network on which many windows run, once in a process.
PREPARING = 2


@pytest.fixture
def out(tmp_path):
    return tmp_path / "maps.zarr"


def run(dataset, out, model=None, workers=2, **more):
    net = Counting() if model is None else model
    return explain_dataset(net, dataset, "occlusion", out, workers=workers, progress=False, **{**OCCLUSION, **more})


def same(one, other, rows):
    for row in range(rows):
        np.testing.assert_allclose(one.map(row), other.map(row), atol=1e-6)
        np.testing.assert_array_equal(one.picture(row), other.picture(row))


def test_two_processes_give_what_one_gives_in_the_same_order(out, tmp_path):
    here = run(Pictures(8), tmp_path / "here", workers=1)
    there = run(Pictures(8), out)
    compared = ["row", "id", "label", "prediction", "target", "status"]
    assert there.table[compared].equals(here.table[compared])
    np.testing.assert_allclose(there.table.probability, here.table.probability, rtol=1e-5)
    same(there.store, here.store, 8)
    assert there.store.plan["labels"] == here.store.plan["labels"]
    processes = set(there.table.pid)
    assert os.getpid() not in processes
    assert len(processes) <= 2
    # Both together use no more threads than one process did.
    assert set(there.table.threads) == {max(1, torch.get_num_threads() // 2)}


def test_the_model_is_unpacked_once_in_each_process(out, tmp_path):
    (tmp_path / "unpacked").mkdir()
    table = run(Pictures(8), out, Unpacked(tmp_path / "unpacked")).table
    found = {int(file.name): file.read_text() for file in (tmp_path / "unpacked").iterdir()}
    assert found == dict.fromkeys(set(table.pid), "unpickled\n")


def test_a_dataset_too_large_to_travel_is_read_here(out, monkeypatch):
    monkeypatch.setattr(luggage, "TRAVELS", 10)
    data = Pictures(6)
    table = run(data, out).table
    assert set(table.pid) == {os.getpid()}
    assert data.read == list(range(6))
    assert table.status.tolist() == ["ok"] * 6


def test_a_dataset_that_cannot_be_pickled_is_read_here_and_its_failures_are_recorded(out):
    def first(row):
        if row == 1:
            message = "a broken file"
            raise OSError(message)

    data = Pictures(4, first)
    data.lock = threading.Lock()  # it cannot be pickled
    with pytest.warns(RuntimeWarning, match="1 of 4"):
        table = run(data, out).table
    assert set(table.pid.dropna()) == {os.getpid()}
    assert table.status.tolist() == ["ok", "error", "ok", "ok"]
    assert table.error[1] == "OSError: a broken file"


def test_inputs_and_results_do_not_pile_up(out, monkeypatch):
    monkeypatch.setattr(luggage, "TRAVELS", 10)
    written, ahead, data = [], [], None

    def first(row):
        ahead.append(row - len(written))

    put = Store.put
    monkeypatch.setattr(Store, "put", lambda self, record, *rest: (put(self, record, *rest), written.append(record)))
    data = Pictures(20, first)
    run(data, out)
    assert max(ahead) <= 2 * 2


def test_an_input_that_kills_its_process_is_recorded_and_no_other_is_lost(out):
    with pytest.warns(RuntimeWarning, match=r"1 of 8 inputs failed.*died \(SIGKILL"):
        table = run(Pictures(8, Deadly(3)), out).table
    assert table.row.tolist() == list(range(8))
    assert table.status.tolist() == ["ok"] * 3 + ["error"] + ["ok"] * 4


def test_a_process_that_is_killed_once_costs_nothing(out, tmp_path):
    table = run(Pictures(8, Deadly(3, tmp_path / "killed")), out).table
    assert (tmp_path / "killed").exists()
    assert table.status.tolist() == ["ok"] * 8
    rows = sorted(json.loads(line)["row"] for line in (out / JOURNAL).read_text().splitlines())
    assert rows == list(range(8))


def test_an_interrupted_run_ends_its_processes_and_goes_on_later(out, monkeypatch):
    put, written = Store.put, []

    def interrupted(self, record, *rest):
        put(self, record, *rest)
        written.append(record["row"])
        if len(written) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put", interrupted)
        with pytest.raises(KeyboardInterrupt) as stopped:
            run(Pictures(8), out)
    assert "3 of 8 rows are in" in stopped.value.__notes__[0]
    first = set(Store.open(out).table.pid)
    assert not [pid for pid in first if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert run(Pictures(8), out).table.row.tolist() == list(range(8))


def test_a_model_that_cannot_be_loaded_there_stops_the_run_and_it_can_go_on(out):
    with pytest.raises(RuntimeError, match=r"A worker cannot load the model .*no such module there"):
        run(Pictures(4), out, Unloadable())
    assert Store.open(out).table.empty
    assert run(Pictures(4), out, Unloadable(), workers=1).table.status.tolist() == ["ok"] * 4


def test_a_model_that_cannot_be_sent_is_refused(out):
    net = Counting()
    net.lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot be sent to other processes"):
        run(Pictures(4), out, net)


NOTEBOOK = """\
import sys, torch
from torch import nn
from xai_widget.cohort import explain_dataset
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
    def forward(self, x):
        return self.conv(x).relu().mean((2, 3))
class Noise:
    def __len__(self):
        return 4
    def __getitem__(self, row):
        return torch.full((3, 8, 8), float(row)), row
torch.manual_seed(0)
cohort = explain_dataset(Net().eval(), Noise(), "saliency", sys.argv[1], workers=2, progress=False,
                         transform=lambda picture: picture)
print(cohort.table.status.tolist())
"""


def test_what_a_notebook_defines_can_be_sent(out):
    # A program given with -c has its classes in __main__, where no other process can import them.
    done = subprocess.run([sys.executable, "-c", NOTEBOOK, out], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(["ok"] * 4)


KILLED = """\
import sys
import threading
from tests.cohorts import *
from xai_widget.cohort import explain_dataset
explain_dataset(Counting(), Pictures(9, Announcing(5)), "occlusion", sys.argv[1], workers=int(sys.argv[2]),
                progress=False, **OCCLUSION)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_after_sigkill_the_same_call_goes_on_where_the_run_stopped(out, tmp_path, workers):
    whole = evaluations(lambda: run(Pictures(9), tmp_path / "whole", workers=1))
    code = [sys.executable, "-c", KILLED, str(out), str(workers)]
    with subprocess.Popen(code, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        process.kill()
        # Its end comes when nobody can write any more: no worker has outlived the process that started it.
        assert process.stdout.read() == ""
    before = [json.loads(line)["row"] for line in (out / JOURNAL).read_text().splitlines()]
    if workers == 1:
        assert before == list(range(5))
    again = Pictures(9)
    counted = evaluations(lambda: run(again, out, workers=1))
    missing = [row for row in range(9) if row not in before]
    assert again.read == missing
    assert counted - PREPARING == (whole - PREPARING) * len(missing) // 9
    rows = [json.loads(line)["row"] for line in (out / JOURNAL).read_text().splitlines()]
    assert sorted(rows) == list(range(9))
    assert Store.open(out).table.status.tolist() == ["ok"] * 9
    same(Store.open(out), Store.open(tmp_path / "whole"), 9)


def test_devices_are_shared_out_in_turn():
    device_of = luggage.device_of
    assert [device_of(torch.device("cuda"), number, 3) for number in range(4)] == [
        "cuda:0",
        "cuda:1",
        "cuda:2",
        "cuda:0",
    ]
    assert device_of("cuda", 5, 1) == "cuda"
    assert device_of("cuda:1", 0, 3) == "cuda:1"
    assert device_of(None, 0, 3) is None
