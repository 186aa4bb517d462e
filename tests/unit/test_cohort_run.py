"""A run over a cohort: each row once and as `explain` gives it, whatever goes wrong on the way."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.cohorts import OCCLUSION, SIDE, Counting, Pictures, evaluations, picture
from tests.zoo import Volumetric, seeded
from xai_widget import Contrast, explain
from xai_widget.cohort import explain_dataset
from xai_widget.cohort.store.journal import NAME as JOURNAL
from xai_widget.cohort.store.store import Store


class HeadOfTwo(nn.Module):
    """A convolution, then a head with a rectifier between two layers."""

    labels = ("ant", "bee", "cow", "dog")

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Conv2d(3, 6, 3, padding=1)
        self.head = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).relu().mean((2, 3)))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "maps.zarr"


def run(model, dataset, out, method="occlusion", **more):
    params = OCCLUSION if method == "occlusion" else {}
    return explain_dataset(model, dataset, method, out, progress=False, **{**params, **more})


@pytest.mark.parametrize("method", ["occlusion", "grad_cam", "saliency"])
def test_every_map_is_the_one_that_explain_gives(out, method):
    net, data = Counting(), Pictures(4)
    store = run(net, data, out, method).store
    params = OCCLUSION if method == "occlusion" else {}
    for row in range(4):
        alone, kept = explain(net, picture(row), method, **params), store.attribution(row)
        np.testing.assert_allclose(kept.values, alone.values, rtol=1e-4, atol=1e-7)  # packed weights round otherwise
        np.testing.assert_array_equal(kept.image, alone.image)
        assert (kept.label, kept.target, kept.layer, kept.signed) == (
            alone.label, alone.target, alone.layer, alone.signed,
        )  # fmt: skip
        assert kept.meta["unit"] == alone.meta["unit"]
        assert kept.params == alone.params
    table = store.table
    assert table.label.tolist() == [0, 1, 2, 3]
    probabilities = net(torch.stack([picture(row) for row in range(4)])).softmax(1)
    assert table.prediction.tolist() == probabilities.argmax(1).tolist()
    np.testing.assert_allclose(table.probability, probabilities.max(1).values.detach(), rtol=1e-5)


@pytest.mark.parametrize(("network", "method"), [
    (Counting, "grad_cam"),
    (Counting, "layer_cam"),
    (HeadOfTwo, "grad_cam"),  # the gradient at its layer takes a backward
    (HeadOfTwo, "grad_cam_pp"),
])  # fmt: skip
def test_a_cam_and_the_prediction_come_from_one_forward(out, network, method):
    net = network()
    explain(net, picture(0), method)  # the model has been measured
    counts = []
    forward = lambda model, x: counts.append(len(x)) or model(x)  # noqa: E731
    store = run(net, Pictures(4), out, method, forward=forward).store
    # One more, which measures the model as it is run here, and two that make and check a packed copy.
    assert sum(counts) == (7 if network is Counting else 5)
    for row in range(4):
        alone = explain(net, picture(row), method).values
        np.testing.assert_allclose(store.map(row), alone, rtol=1e-4, atol=1e-7)


def test_an_input_may_be_asked_about_its_own_label_or_what_a_column_says(out, tmp_path):
    net = Counting()
    own = run(net, Pictures(3), out, "grad_cam", target="label")
    assert own.table.target.tolist() == [0, 1, 2]
    data = [(picture(row), None, {"ask": name}) for row, name in enumerate(["dog", 2, "ANT"])]
    named = run(net, data, tmp_path / "b", "grad_cam", target_column="ask")
    assert named.table.target.tolist() == [3, 2, 0]
    one = run(net, Pictures(2), tmp_path / "c", "grad_cam", target="cow")
    assert one.table.target.tolist() == [2, 2]
    two = run(net, Pictures(2), tmp_path / "d", "grad_cam", target=Contrast("cow", "dog"))
    assert two.table.target.tolist() == ["cow rather than dog"] * 2
    assert two.store.attribution(0).label == "cow rather than dog"
    np.testing.assert_array_equal(
        two.store.map(1), explain(net, picture(1), "grad_cam", target=Contrast("cow", "dog")).values
    )


def test_target_and_target_column_exclude_each_other(out):
    with pytest.raises(ValueError, match="not both"):
        run(Counting(), Pictures(1), out, target=1, target_column="ask")


BROKEN = {
    "not a number": (torch.full((3, SIDE, SIDE), torch.nan), "NaN or infinite"),
    "another size": (torch.zeros(3, SIDE + 4, SIDE), "shares one grid"),
    "other channels": (torch.zeros(4, SIDE, SIDE), "the model takes 3"),
    "no input": ("nothing.png", "no file 'nothing.png'"),
    "no kind of input": (object(), "cannot be object"),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("method", ["occlusion", "grad_cam"])
def test_an_input_that_fails_is_recorded_and_the_run_goes_on(out, broken, method):
    img, words = BROKEN[broken]
    data = [(picture(0), 0), (img, 1), (picture(2), 2)]
    with pytest.warns(RuntimeWarning, match="1 of 3 inputs failed"):
        table = run(Counting(), data, out, method).table
    assert table.status.tolist() == ["ok", "error", "ok"]
    assert words in table.error[1]
    assert table.label.tolist() == [0, 1, 2]


def test_the_grid_is_that_of_the_first_input_in_the_datasets_order(out):
    data = ["nothing.png", picture(0), torch.zeros(3, SIDE, SIDE * 2), picture(1)]
    with pytest.warns(RuntimeWarning, match="2 of 4"):
        cohort = run(Counting(), data, out)
    assert cohort.table.status.tolist() == ["error", "ok", "error", "ok"]
    assert cohort.store.plan["input_size"] == [SIDE, SIDE]


def test_where_all_inputs_fail_alike_the_run_says_so_at_its_end(out):
    with pytest.warns(RuntimeWarning, match=r"All 5 inputs failed with the same error.*Layer 'nowhere' not found"):
        table = run(Counting(), Pictures(5), out, "grad_cam", layer="nowhere").table
    assert table.status.tolist() == ["error"] * 5
    assert table.label.tolist() == [0, 1, 2, 3, 4]


def test_where_the_first_inputs_fail_alike_the_run_says_so_at_its_end(out):
    data = [*["nothing.png"] * 3, picture(0)]
    with pytest.warns(RuntimeWarning, match="3 of 4 inputs failed, the first 3 of them with the same error"):
        run(Counting(), data, out)


def test_a_model_that_answers_nan_gives_no_map(out):
    class Broken(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) * torch.nan

    with pytest.warns(RuntimeWarning, match="The only input failed"):
        table = run(Broken(), [picture(0)], out).table
    assert "not a number" in table.error[0]


class Stopping:
    """Ctrl-C while a row is read."""

    def __init__(self, row):
        self.row = row

    def __call__(self, row):
        if row == self.row:
            raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_where_it_stopped(out, tmp_path):
    net = Counting()
    whole = evaluations(lambda: run(net, Pictures(6), tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt) as stopped:
        run(net, Pictures(6, Stopping(4)), out)
    assert "4 of 6 rows are in" in stopped.value.__notes__[0]
    again = Pictures(6)
    assert evaluations(lambda: run(net, again, out)) == whole * 2 // 6
    assert again.read == [4, 5]
    rows = [json.loads(line)["row"] for line in (out / JOURNAL).read_text().splitlines()]
    assert rows == list(range(6))
    for row in range(6):
        np.testing.assert_array_equal(Store.open(out).map(row), Store.open(tmp_path / "whole").map(row))


def test_a_finished_run_is_opened_at_once(out):
    net = Counting()
    run(net, Pictures(3), out)
    again = Pictures(3)
    assert evaluations(lambda: run(net, again, out)) == 0
    assert again.read == []
    assert not list(out.glob("writer-*"))


@pytest.mark.slow
def test_another_process_finds_the_same_model(out):
    run(Counting(), Pictures(2), out, "grad_cam")
    code = (
        "import sys\nfrom tests.cohorts import *\nfrom xai_widget.cohort import explain_dataset\n"
        "data = Pictures(2)\nexplain_dataset(Counting(), data, 'grad_cam', sys.argv[1], progress=False)\nprint(data.read)"
    )
    found = subprocess.run([sys.executable, "-c", code, out], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


def other_weights():
    net = Counting()
    with torch.no_grad():
        net.inner.fc.bias[0] += 1e-3
    return net


DIFFERENT = {
    "method": ({"method": "saliency"}, "the method was 'occlusion', now it is 'saliency'"),
    "parameter": ({"stride": 8}, "stride was 4, now it is 8"),
    "target": ({"target": 1}, "the target was None, now it is 1"),
    "column": ({"target_column": "ask"}, "the target_column was None, now it is 'ask'"),
    "precision": ({"precision": "bfloat16"}, "the precision was 'float32', now it is 'bfloat16'"),
    "transform": ({"transform": torch.relu}, "transform was None"),
    "mask": ({"mask": np.eye(SIDE, dtype=bool)}, "mask was None"),
    "weights": ({"model": other_weights}, "the model Counting has other weights"),
    "model": ({"model": nn.Flatten}, "the model was Counting, now it is Flatten"),
    "length": ({"dataset": Pictures(3)}, "the number of inputs was 2, now it is 3"),
    "ids": ({"dataset": "named"}, "the inputs have other ids"),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_a_store_is_not_mixed_with_another_run(out, what):
    run(Counting(), Pictures(2), out)
    changes, words = DIFFERENT[what]
    given = {"model": Counting, "dataset": Pictures(2), "method": "occlusion", **changes}
    if given["dataset"] == "named":
        given["dataset"] = Pictures(2)
        given["dataset"].ids = ["a", "b"]
    with pytest.raises(ValueError, match="holds another run") as refused:
        run(given.pop("model")(), given.pop("dataset"), out, given.pop("method"), **given)
    assert words in str(refused.value)


def test_how_to_group_may_change(out):
    with pytest.raises(KeyboardInterrupt):
        run(Counting(), Pictures(3, Stopping(2)), out)
    assert run(Counting(), Pictures(3), out, group_by=["pid"]).store.plan["group_by"] == ["pid"]
    assert run(Counting(), Pictures(3), out, group_by="label").store.plan["group_by"] == "label"
    assert run(Counting(), Pictures(3), out).store.plan["group_by"] == "label"


def test_a_column_to_group_by_that_is_not_there_is_told_and_forgotten(out):
    with pytest.warns(RuntimeWarning, match=r"Nothing is grouped by 'sex': the table has row, id, .*pid"):
        cohort = run(Counting(), Pictures(2), out, group_by="sex")
    assert cohort.store.plan["group_by"] is None
    assert sum(map(len, cohort.groups().values())) == 2
    run(Counting(), Pictures(2), out, group_by="pid")
    with pytest.warns(RuntimeWarning, match="Nothing is grouped by 'sex'"):
        again = run(Counting(), Pictures(2), out, group_by=["pid", "sex"])
    assert again.store.plan["group_by"] == "pid"


@pytest.mark.parametrize(("wrong", "kind", "words"), [
    ({"precision": "half"}, ValueError, "Unknown precision 'half'"),
    ({"device": "gpu"}, ValueError, "Device 'gpu' cannot be used here"),
    ({"group_by": 3}, TypeError, "group_by is the name of a column"),
    ({"workers": "4"}, ValueError, "'4' is no address of a Dask scheduler"),
    ({"model": "resnet18"}, TypeError, "as model, got str"),
])  # fmt: skip
def test_what_no_input_could_cure_is_refused_before_anything_is_written(out, wrong, kind, words):
    given = {"model": Counting(), "dataset": Pictures(2), **wrong}
    with pytest.raises(kind, match=words):
        run(out=out, **given)
    assert not out.exists()


def test_a_cohort_without_a_single_map_can_be_looked_at(out):
    with pytest.warns(RuntimeWarning, match="The only input failed: ValueError: There is no file"):
        cohort = run(Counting(), ["nothing.png"], out)
    assert "no maps, 1 failed" in repr(cohort)


def test_failed_rows_are_run_again_when_asked_for(out):
    data = [picture(0), "nothing.png", picture(2)]
    with pytest.warns(RuntimeWarning, match="1 of 3"):
        run(Counting(), data, out)
    net, data[1] = Counting(), picture(1)
    assert evaluations(lambda: run(net, data, out)) == 0
    cohort = run(net, data, out, retry=True)
    assert cohort.table.status.tolist() == ["ok"] * 3
    assert cohort.table.row.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(cohort.store.map(1), explain(net, picture(1), "occlusion", **OCCLUSION).values)


def test_a_label_that_is_no_class_is_kept_beside(out):
    data = [(picture(0), "Bee"), (picture(1), "fly"), (picture(2), 7)]
    with pytest.warns(RuntimeWarning, match=r"2 labels are no class .*'fly'.*given_label"):
        table = run(Counting(), data, out, "grad_cam").table
    assert table.label.isna().tolist() == [False, True, True]
    assert table.label[0] == 1
    assert table.given_label.tolist()[1:] == ["fly", 7]


def test_volumes_with_another_affine_are_told(out):
    nibabel = pytest.importorskip("nibabel")
    net = seeded(Volumetric).eval()
    volume = np.random.default_rng(0).normal(size=(6, 8, 10)).astype(np.float32)
    images = [nibabel.Nifti1Image(volume + row, np.diag([1, 1, 2 + (row == 2), 1])) for row in range(3)]
    with pytest.warns(RuntimeWarning, match="1 inputs have another affine"):
        cohort = run(net, images, out, window=4, stride=2)
    assert [cohort.store.attribution(row).affine[2, 2] for row in range(3)] == [2, 2, 3]
    a = cohort.store.attribution(1)
    assert a.resized().shape == (6, 8, 10)
    inside = (volume + 1 > np.percentile(volume + 1, 0.5)) & (volume + 1 < np.percentile(volume + 1, 99.5))
    np.testing.assert_allclose(a.image[inside], (volume + 1)[inside], atol=np.ptp(volume) / 255)


def test_pictures_need_not_be_kept(out):
    store = run(Counting(), Pictures(2), out, "grad_cam", pictures=False).store
    assert store.picture(0) is None
    assert store.attribution(0).image is None


def test_the_bar_counts_failures_and_is_silent_when_told(out, capsys):
    data = [picture(0), "nothing.png"]
    with pytest.warns(RuntimeWarning, match="1 of 2"):
        explain_dataset(Counting(), data, "grad_cam", out)
    assert "failed=1" in capsys.readouterr().err
    with pytest.warns(RuntimeWarning, match="1 of 2"):
        run(Counting(), data, out.with_name("b"), "grad_cam")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("workers", "kind"), [(0, ValueError), (None, TypeError), (True, TypeError), (1.5, TypeError)])
def test_workers_is_a_number_or_a_client(out, workers, kind):
    with pytest.raises(kind, match="workers"):
        run(Counting(), Pictures(1), out, workers=workers)
    assert not out.exists()


def test_a_run_that_is_under_way_elsewhere_is_refused(out):
    with pytest.raises(KeyboardInterrupt):
        run(Counting(), Pictures(3, Stopping(1)), out)
    with Store.resume(out), pytest.raises(RuntimeError, match="is being written by process"):
        run(Counting(), Pictures(3), out)


def test_the_users_model_is_left_as_it_was(out):
    net = Counting().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    run(net, Pictures(2), out, "grad_cam")
    assert net.training
    assert net.inner.norm.training
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_any_path_will_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cohort = run(Counting(), Pictures(1), "some/where.zarr", "grad_cam")
    assert cohort.store.path == Path("some/where.zarr")
