"""A cohort on a Dask cluster of real processes: one may be killed, and nothing is lost or there twice."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.cohorts import OCCLUSION, Counting, Deadly, Pictures, Unloadable, Unpacked
from xai_widget.cohort import explain_dataset
from xai_widget.cohort.running import luggage
from xai_widget.cohort.store.journal import NAME as JOURNAL
from xai_widget.cohort.store.store import Store

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def client():
    # A worker that dies is blamed at once: the default, four deaths, only takes longer.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def out(tmp_path):
    return tmp_path / "maps.zarr"


def run(dataset, out, workers, model=None):
    net = Counting() if model is None else model
    return explain_dataset(net, dataset, "occlusion", out, workers=workers, progress=False, **OCCLUSION)


def journal(out):
    return sorted(json.loads(line)["row"] for line in (out / JOURNAL).read_text().splitlines())


def test_a_cluster_gives_what_one_process_gives_and_gets_the_model_once(client, out, tmp_path):
    (tmp_path / "unpacked").mkdir()
    net = Unpacked(tmp_path / "unpacked")
    here = run(Pictures(10), tmp_path / "here", 1, net)
    there = run(Pictures(10), out, client, net)
    compared = ["row", "id", "label", "prediction", "target", "status"]
    assert there.table[compared].equals(here.table[compared])
    for row in range(10):
        np.testing.assert_allclose(there.store.map(row), here.store.map(row), atol=1e-6)
    assert set(there.table.pid) <= set(client.run(os.getpid).values())
    found = {int(file.name): file.read_text() for file in (tmp_path / "unpacked").iterdir()}
    assert found == dict.fromkeys(set(there.table.pid), "unpickled\n")
    # Nothing stays on the workers.
    assert not any(name.startswith("xai-widget") for names in client.run(plugins).values() for name in names)


def plugins(dask_worker):
    return list(dask_worker.plugins)


def test_a_worker_killed_in_the_middle_loses_nothing(client, out, monkeypatch):
    put, written = Store.put, []

    def counted(self, record, *rest):
        put(self, record, *rest)
        written.append(record["row"])
        if len(written) == 4:
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    monkeypatch.setattr(Store, "put", counted)
    table = run(Pictures(14), out, client).table
    assert table.status.tolist() == ["ok"] * 14
    assert journal(out) == list(range(14))


def test_an_input_that_always_kills_its_worker_is_recorded_and_the_run_goes_on(client, out):
    with pytest.warns(RuntimeWarning, match="1 of 8 inputs failed"):
        table = run(Pictures(8, Deadly(3)), out, client).table
    assert table.status.tolist() == ["ok"] * 3 + ["error"] + ["ok"] * 4
    assert "KilledWorker" in table.error[3]
    assert journal(out) == list(range(8))


def test_few_rows_are_out_at_once(client, out, monkeypatch):
    monkeypatch.setattr(luggage, "TRAVELS", 10)
    put, written, ahead = Store.put, [], []
    monkeypatch.setattr(Store, "put", lambda self, record, *rest: (put(self, record, *rest), written.append(record)))
    data = Pictures(30, lambda row: ahead.append(row - len(written)))
    table = run(data, out, client).table
    assert set(table.pid) == {os.getpid()}  # a dataset that does not travel is read here
    assert max(ahead) <= 8
    assert table.status.tolist() == ["ok"] * 30


def test_a_model_that_cannot_be_loaded_there_stops_the_run(client, out):
    with pytest.raises(RuntimeError, match=r"A worker cannot load the model .*no such module there"):
        run(Pictures(4), out, client, Unloadable())
    assert Store.open(out).table.empty


def test_the_address_of_a_scheduler_will_do(client, out):
    table = run(Pictures(3), out, client.scheduler.address).table
    assert table.status.tolist() == ["ok"] * 3


def test_without_dask_the_extra_is_named(out):
    code = (
        "import sys\nsys.modules['distributed'] = None\nfrom tests.cohorts import *\n"
        "from xai_widget.cohort import explain_dataset\n"
        "explain_dataset(Counting(), Pictures(2), 'saliency', sys.argv[1], workers='tcp://127.0.0.1:1')"
    )
    done = subprocess.run([sys.executable, "-c", code, out], check=False, capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1].endswith('pip install "xai-widget[cluster]".')
    assert not out.exists()
