"""The store of a cohort: what is written is there, what was torn is not, and only one writes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xai_widget.cohort.store.journal import NAME as JOURNAL
from xai_widget.cohort.store.store import Store

PLAN: dict[str, Any] = {
    "version": "0", "method": "occlusion", "params": {"window": 4}, "layer": None, "target": None,
    "target_column": None, "group_by": None, "labels": ["cat", "dog"], "input_size": [6, 8], "native": [3, 4],
    "signed": True, "unit": "fall of the logit", "affine": None, "count": 4,
    "model": {"name": "Net", "fingerprint": "0"}, "precision": "float32", "dataset": {"kind": "dataset"},
}  # fmt: skip


def record(row: int, **more: Any) -> dict[str, Any]:
    fixed = {"row": row, "id": f"s{row}", "label": 1, "prediction": 0, "probability": 0.75, "target": 0}
    return {**fixed, "probabilities": {"0": 0.75}, "seconds": 0.5, "status": "ok", "error": None, **more}


def values(row: int) -> np.ndarray:
    return np.arange(12, dtype=np.float32).reshape(3, 4) - row


def picture(row: int) -> np.ndarray:
    return np.full((6, 8, 3), 10 * row, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "maps.zarr"


def written(folder: Path, *rows: int) -> Path:
    with Store.create(folder, PLAN) as store:
        for row in rows:
            store.put(record(row, columns={"age": 30 + row}), values(row), picture(row))
    return folder


def test_what_was_put_is_read_back_in_row_order(folder):
    store = Store.open(written(folder, 2, 0))
    assert list(store.table.row) == [0, 2]
    assert list(store.table.index) == [0, 1]
    assert list(store.table.columns) == [
        "row", "id", "label", "prediction", "probability", "target", "seconds", "status", "error", "age",
    ]  # fmt: skip
    assert store.table.age.tolist() == [30, 32]
    assert store.table.label.dtype == "Int64"
    np.testing.assert_array_equal(store.map(2), values(2))
    np.testing.assert_array_equal(store.picture(2), picture(2))
    assert store.plan["labels"] == ["cat", "dog"]


def test_a_row_becomes_an_attribution_with_its_label_in_words(folder):
    a = Store.open(written(folder, 1)).attribution(1)
    assert (a.method, a.label, a.target, a.input_size, a.signed) == ("occlusion", "cat", 0, (6, 8), True)
    assert a.meta["unit"] == "fall of the logit"
    assert a.resized().shape == (6, 8)
    np.testing.assert_array_equal(a.image, picture(1))


def test_the_picture_of_a_volume_comes_back_in_its_own_values(folder):
    volume = np.array([[[0, 51], [102, 255]]], np.uint8)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    plan = {**PLAN, "native": [1, 2, 2], "input_size": [1, 2, 2], "affine": affine.tolist()}
    with Store.create(folder, plan) as store:
        store.put(record(0, low=-100.0, high=155.0), np.zeros((1, 2, 2), np.float32), volume)
    a = Store.open(folder).attribution(0)
    np.testing.assert_allclose(a.image, [[[-100, -49], [2, 155]]], atol=1e-4)
    np.testing.assert_array_equal(a.affine, affine)


def test_a_row_that_failed_is_in_the_table_and_has_no_map(folder):
    with Store.create(folder, PLAN) as store:
        store.put({"row": 3, "id": "bad", "status": "error", "error": "ValueError: no picture"})
    store = Store.open(folder)
    assert store.table.status.tolist() == ["error"]
    assert store.table.label.isna().all()
    with pytest.raises(KeyError, match=r"bad.*no picture"):
        store.map(3)
    with pytest.raises(KeyError, match="not finished"):
        store.map(0)


def test_the_last_record_of_a_row_counts(folder):
    with Store.create(folder, PLAN) as store:
        store.put({"row": 0, "id": "s0", "status": "error", "error": "once"})
        store.put(record(0), values(0))
    assert Store.open(folder).table.status.tolist() == ["ok"]


def test_a_torn_last_line_is_not_read_and_is_cut_off_by_the_next_writer(folder):
    written(folder, 0, 1)
    whole = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(whole + b'{"row": 2, "id": "s2", "sta')
    assert Store.open(folder).table.row.tolist() == [0, 1]
    with Store.resume(folder) as store:
        assert (folder / JOURNAL).read_bytes() == whole
        store.put(record(2), values(2), picture(2))
    assert Store.open(folder).table.row.tolist() == [0, 1, 2]


def test_a_damaged_line_is_named(folder):
    written(folder, 0, 1)
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    (folder / JOURNAL).write_bytes(b"\0\0\0\n" + lines[1])
    with pytest.raises(ValueError, match="Line 1"):
        _ = Store.open(folder).table


def test_the_map_is_written_before_its_line(folder, monkeypatch):
    store = Store.create(folder, PLAN)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        store.put(record(0), values(0))
    np.testing.assert_array_equal(store._chunks.row("maps", 0), values(0))


def test_what_the_first_map_tells_may_come_later(folder):
    unknown = dict.fromkeys(("labels", "input_size", "native", "signed", "unit"))
    with Store.create(folder, {**PLAN, **unknown}) as store:
        store.put({"row": 0, "id": "bad", "status": "error", "error": "x"})
        store.settle(**{name: PLAN[name] for name in unknown})
        store.put(record(1), values(1))
    np.testing.assert_array_equal(Store.open(folder).map(1), values(1))


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 1)])
def test_a_map_of_another_shape_is_refused(folder, shape):
    with Store.create(folder, PLAN) as store, pytest.raises(ValueError, match="shares one grid"):
        store.put(record(0), np.zeros(shape, np.float32))
    assert Store.open(folder).table.empty


def test_an_existing_folder_is_not_overwritten(folder):
    written(folder)
    with pytest.raises(FileExistsError, match="exists already"):
        Store.create(folder, PLAN)


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no cohort"):
        Store.open(tmp_path / "nothing")
    with pytest.raises(ValueError, match="is no cohort"):
        Store.open(tmp_path)


def test_a_later_format_is_refused(folder):
    written(folder)
    about = json.loads((folder / "zarr.json").read_text())
    about["attributes"]["format"] = 2
    (folder / "zarr.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="update xai-widget"):
        Store.open(folder)


def test_a_reader_cannot_write(folder):
    with pytest.raises(RuntimeError, match=r"Store\.resume"):
        Store.open(written(folder)).put(record(0), values(0))


def test_only_one_writes_at_a_time(folder):
    with Store.create(folder, PLAN):
        with pytest.raises(RuntimeError, match=f"process {os.getpid()} on {socket.gethostname()}"):
            Store.resume(folder)
        assert len(list(folder.glob("writer-*"))) == 1
    Store.resume(folder).close()


@pytest.mark.slow
def test_the_lock_of_a_process_that_is_gone_is_removed(folder):
    code = "import os, sys; from xai_widget.cohort.store.store import Store; Store.resume(sys.argv[1]); os._exit(1)"
    subprocess.run([sys.executable, "-c", code, written(folder)], check=False)
    assert len(list(folder.glob("writer-*"))) == 1
    Store.resume(folder).close()
    assert not list(folder.glob("writer-*"))


def leave_lock(folder: Path, **holder: Any) -> Path:
    path = folder / "writer-0.lock"
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": None, **holder}))
    return path


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="start times are read from /proc")
def test_a_process_number_that_is_used_again_is_another_process(folder):
    lock = leave_lock(written(folder), started="last boot:1")
    Store.resume(folder).close()
    assert not lock.exists()


def test_the_lock_of_another_machine_is_left_to_the_person(folder):
    lock = leave_lock(written(folder), host="elsewhere")
    with pytest.raises(RuntimeError, match=f"elsewhere.*delete .*{lock.name}"):
        Store.resume(folder)
    assert lock.exists()
