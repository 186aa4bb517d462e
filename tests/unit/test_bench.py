"""The judge of bench/: its arithmetic, its registry, and every job for real on a tiny network."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bench import machine, memory
from bench.agreement import near
from bench.evaluations import Evaluations, counting, told
from bench.floors import ENOUGH, forwards, gradients, to_layers
from bench.job import BEST_PEER, EVERY, FLOOR, OURS, Contender, Disagreement, Job, Sweep, Target, Trial
from bench.jobs import MODULES, all_jobs, job_of
from bench.judge import Row, Timing, compete, judge, ratio, reached
from bench.networks import image, of_side
from bench.plots import drawn, plot
from bench.table import keep, page, record, section
from tests.networks import NETWORKS
from tests.transformer_zoo import torchvision_vit
from tests.zoo import Scan, Volumetric, seeded
from xai_widget import explain, explain_layers

HERE = Path(__file__).parents[2]
ROWS_PROMISED = {
    "grad_cam", "another_class", "all_layers", "all_classes", "integrated_gradients", "smooth_grad", "completeness",
    "occlusion_resnet18", "occlusion_vgg16", "first_picture", "volumes", "lime", "kernel_shap", "lrp_vgg16",
    "lrp_resnet50", "rollout", "import_time", "memory",
}  # fmt: skip


class Noted:
    """Contenders that say how long they took, and note when they ran."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []

    def one(self, name: str, *walls: float, share: float = 1.0, note: str = "") -> Contender:
        """The first of `walls` is turn 1's, which only warms up."""

        def prepare(turn: int) -> Callable[[], Timing]:
            def work() -> Timing:
                self.ran.append((name, turn))
                return Timing(walls[turn - 1], 2 * walls[turn - 1])

            return work

        return Contender(prepare, note, share)


def rows(**walls: float) -> list[Row]:
    return [Row(name, "", 1.0, wall, wall, wall, wall, 1, 0, round(100 * wall)) for name, wall in walls.items()]


def agreed() -> str:
    return "The same."


# -- turns --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_median_of_the_turns_counts_and_the_first_only_warms_up() -> None:
    (row,) = compete(Trial({OURS: [Noted().one(OURS, 100.0, 3.0, 1.0, 2.0)]}, agreed), 3)
    assert (row.wall, row.least, row.most, row.cpu) == (2.0, 1.0, 3.0, 4.0)


@pytest.mark.slow
def test_everybody_runs_once_a_turn_and_nobody_always_runs_first() -> None:
    noted = Noted()
    compete(Trial({name: [noted.one(name, *[1.0] * 4)] for name in "abc"}, agreed), 3)
    assert "".join(name for name, _ in noted.ran) == "abccababcbca"
    assert [turn for _, turn in noted.ran] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_a_part_of_the_job_is_scaled() -> None:
    (row,) = compete(Trial({"peer": [Noted().one("peer", 0.0, 5.0, share=0.02)]}, agreed), 1)
    assert row.wall == pytest.approx(250.0)
    assert row.cpu == pytest.approx(500.0)


@pytest.mark.slow
def test_the_fastest_way_takes_part() -> None:
    noted = Noted()
    ways = [
        noted.one("slow", 3.0, 3.0, note="batch=1"),
        noted.one("fast", 1.0, 2.0, note="batch=8"),
        noted.one("half", 1.0, 2.0, share=0.5, note="batch=16"),
    ]
    (row,) = compete(Trial({"peer": ways}, agreed), 1)
    assert (row.note, row.wall) == ("batch=8", 2.0)


def test_results_that_differ_are_not_timed() -> None:
    noted = Noted()

    def differ() -> str:
        raise Disagreement("apart")

    job = Job("job", "A job", lambda _quick: Trial({OURS: [noted.one(OURS, 1.0, 1.0)]}, differ))
    with pytest.raises(Disagreement, match="apart"):
        judge(job, memory=False)
    assert noted.ran == []


def test_a_quick_look_takes_one_turn() -> None:
    noted = Noted()
    job = Job("job", "A job", lambda _quick: Trial({OURS: [noted.one(OURS, 1.0, 7.0)]}, agreed))
    said, (row,) = judge(job, quick=True, memory=False)
    assert (said, row.wall, len(noted.ran)) == ("The same.", 7.0, 2)


def test_a_job_about_memory_has_no_turns() -> None:
    noted = Noted()
    (row,) = compete(Trial({OURS: [noted.one(OURS)]}, agreed), 0)
    assert (row.wall, row.cpu, noted.ran) == (None, None, [])


# -- ratios -------------------------------------------------------------------------------------------------------------


def test_ratios_are_of_the_fastest_peer_and_of_the_floor() -> None:
    found = rows(**{OURS: 2.0, "slow": 10.0, "fast": 4.0, FLOOR: 1.0})
    assert ratio(found[0], found) == 0.5
    assert ratio(found[0], found, FLOOR) == 2.0
    assert ratio(found[1], found) == 2.5
    assert ratio(found[3], found) is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(1, BEST_PEER), 0.5),
        (Target(1, "slow"), 0.2),
        (Target(1, FLOOR), 2.0),
        (Target(1, "seconds"), 2.0),
        (Target(1, FLOOR, f"{OURS}, bfloat16"), 0.5),
        (Target(1, FLOOR, EVERY), 2.0),
        (Target(1, FLOOR, EVERY, "peak"), 2.0),
        (Target(1, "nobody"), None),
        (Target(1, FLOOR, "nobody"), None),
    ],
)
def test_what_a_target_is_about(target: Target, expected: float | None) -> None:
    found = rows(**{OURS: 2.0, f"{OURS}, bfloat16": 0.5, "slow": 10.0, "fast": 4.0, FLOOR: 1.0})
    assert reached(target, found) == expected


def test_a_target_in_words() -> None:
    assert str(Target(0.3)) == "≤ 0.3 × best peer"
    assert str(Target(1, "seconds")) == "≤ 1 s"
    assert str(Target(1.5, FLOOR, EVERY, "peak")) == "each of ours: peak memory ≤ 1.5 × floor"


# -- agreement ----------------------------------------------------------------------------------------------------------


def test_results_within_the_tolerance_agree() -> None:
    assert near("peer", np.array([1.0, 2.0]), torch.tensor([1.0, 2.001])) == "peer: 5e-04 of the largest value apart."


@pytest.mark.parametrize(
    ("found", "expected"),
    [([1.0, 2.0], [1.0, 2.1]), ([1.0], [1.0, 1.0]), ([np.nan], [1.0]), ([0.0], [0.0]), ([1.0], [np.nan])],
)
def test_other_results_do_not(found: list[float], expected: list[float]) -> None:
    with pytest.raises(Disagreement, match=r"^peer: "):
        near("peer", found, expected)


# -- what is counted and measured -----------------------------------------------------------------------------------------


def test_passes_of_a_peer_are_counted_from_outside() -> None:
    model = seeded(Scan)
    with counting(Scan) as found:
        model(torch.ones(3, 1, 8, 8, 8))
        x = torch.ones(2, 1, 8, 8, 8, requires_grad=True)
        torch.autograd.grad(model(x).sum(), x)
        nn.ReLU()(x)
    model(torch.ones(1, 1, 8, 8, 8))
    assert found == Evaluations(5, 2)


def test_our_own_results_tell_what_they_cost() -> None:
    model, x = NETWORKS["resnet"].model(), image(0, 64)
    assert told(explain(model, x, "grad_cam")) == Evaluations(1, 0)
    several = told(explain_layers(model, image(1, 64), ["layer1", "layer2"]))
    assert several is not None
    assert several.forwards == 1
    assert told(torch.ones(1)) is None


def test_floors_run_what_they_say() -> None:
    model = NETWORKS["resnet"].model()
    for way, passes in [
        *((way, (5, 0)) for way in forwards(model, of_side(32), 5, (1, 5))),
        *((way, (4, 4)) for way in gradients(model, of_side(32), 4, (2,))),
        *((way, (1, 1)) for way in to_layers(model, of_side(32), ["layer2", "layer4"], 1)),
    ]:
        with counting(type(model)) as found:
            way.prepare(0)()
        assert (found.forwards, found.backwards) == passes
    (many,) = forwards(model, of_side(32), 10 * ENOUGH, (32,))
    assert many.share == pytest.approx(0.1)


@pytest.mark.skipif(not memory.RESET.exists(), reason="Linux alone tells the peak since a moment")
def test_the_peak_is_what_was_held_in_between() -> None:
    # A process of its own, as where it is used: here other tests' memory may come and go meanwhile.
    code = """
import numpy as np
from bench import memory
np.ones(80 * 2**20, np.uint8)  # an older, higher peak does not count
before = memory.resident()
np.ones(40 * 2**20, np.uint8)
print((memory.high_water() - before) / 2**20)
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300)
    assert 36 < float(found.stdout) < 60


def test_the_machine_is_described() -> None:
    found = machine.machine()
    assert found["processor"]
    assert found["cores"] >= 1
    assert set(found["versions"]) > set(machine.PEERS)
    assert machine.moment()["threads"] == torch.get_num_threads()


# -- the table ----------------------------------------------------------------------------------------------------------


def judged(name: str = "job", wall: float = 2.0) -> dict[str, Any]:
    job = Job(name, "A job", lambda _quick: Trial({}, agreed), [Target(0.6), Target(1.5, FLOOR)])
    return record(job, "The same.", rows(**{OURS: wall, "peer": 4.0, FLOOR: 1.0}), 5)


def test_a_record_says_which_targets_are_met() -> None:
    assert [(one["said"], one["reached"], one["met"]) for one in judged()["targets"]] == [
        ("≤ 0.6 × best peer", 0.5, True),
        ("≤ 1.5 × floor", 2.0, False),
    ]


def test_the_table_has_the_figures() -> None:
    lines = section(judged())
    assert lines[0].startswith("A job. Median of 5 turn(s), ")
    assert lines[2] == "The same."
    cells = [cell.strip() for cell in next(line for line in lines if line.startswith(f"| {OURS}")).split("|")[1:-1]]
    assert cells == [OURS, "2 s", "2 s … 2 s", "2 s", "0.5", "2", "1", "0", "0 MB", ""]


def test_a_new_record_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for found in (judged("second"), judged("gone"), judged("first"), judged("second", 1.0)):
        keep(tmp_path, found, ["first", "gone", "second"] if found["id"] != "second" else ["first", "second"])
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [(one["id"], one["rows"][0]["wall"]) for one in kept["jobs"]] == [("first", 2.0), ("second", 1.0)]
    told_there = (tmp_path / "results.md").read_text()
    assert told_there == page(kept)
    assert "| second | ≤ 1.5 × floor     | 1       | yes    |" in told_there
    assert "| first  | ≤ 1.5 × floor     | 2       | **no** |" in told_there


# -- plots --------------------------------------------------------------------------------------------------------------


def test_a_plot_has_a_line_a_contender() -> None:
    found = {10: rows(**{OURS: 1.0, "peer": 2.0}), 20: rows(**{OURS: 2.0, "peer": 4.0})}
    (ax,) = drawn("A job", "windows", found).axes
    lines = {line.get_label(): [list(line.get_xdata()), list(line.get_ydata())] for line in ax.lines}
    assert lines == {OURS: [[10, 20], [1.0, 2.0]], "peer": [[10, 20], [2.0, 4.0]]}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("windows", "seconds")


@pytest.mark.slow
def test_a_sweep_becomes_a_file(tmp_path: Path) -> None:
    noted = Noted()

    def sized(size: int) -> Trial:
        walls = [float(size)] * 4
        return Trial({OURS: [noted.one(OURS, *walls)], "peer": [noted.one("peer", *walls)]}, agreed)

    job = Job("job", "A job", lambda _quick: sized(1), sweep=Sweep("The same", "size", (1, 2), sized))
    assert job.sweep is not None
    path = plot(job, job.sweep, tmp_path / "plots")
    assert path.read_bytes().startswith(b"\x89PNG")
    kept = json.loads(path.with_suffix(".json").read_text())
    assert (kept["title"], kept["axis"]) == ("The same", "size")
    assert [(one["size"], one["rows"][0]["wall"]) for one in kept["sizes"]] == [(1, 1.0), (2, 2.0)]
    ran = {name: sorted(turn for other, turn in noted.ran if other == name) for name in (OURS, "peer")}
    assert ran["peer"] == sorted([1, 2, 3, 4] * 2)
    assert ran[OURS] == sorted([0, 1, 2, 3, 4] * 2)  # what we keep of a network is made in two runs


# -- the jobs -----------------------------------------------------------------------------------------------------------


def test_every_module_of_jobs_is_registered() -> None:
    assert set(MODULES) == {path.stem for path in (HERE / "bench" / "jobs").glob("*.py")} - {"__init__"}


@pytest.mark.slow
def test_every_row_of_the_benchmark_is_a_job_with_a_target() -> None:
    jobs = all_jobs()
    assert sorted(job.id for job in jobs) == sorted(ROWS_PROMISED)
    assert all(job.targets for job in jobs)
    assert all(job_of(job.id) is job for job in jobs)


@pytest.mark.slow
def test_a_job_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="No job 'grad_kam'"):
        job_of("grad_kam")


SMALL = of_side(64)


def tiny(name: str) -> nn.Module:
    return NETWORKS[name].model()


def labels(side: int = 64) -> Any:
    return importlib.import_module("bench.jobs.lime").blocks(side, 2, 3)


def canonizer(name: str) -> Any:
    return getattr(importlib.import_module("zennit.torchvision"), name)


TRIALS: dict[str, Callable[[Any], Trial]] = {
    "grad_cam": lambda job: job.trial(tiny("resnet"), SMALL, "layer4", 1),
    "another_class": lambda job: job.trial(tiny("resnet"), SMALL, "layer4"),
    "all_layers": lambda job: job.trial(tiny("resnet"), SMALL, ("layer2.0", "layer4.0"), 1),
    "all_classes": lambda job: job.trial(tiny("resnet"), SMALL, "layer4", 5, 2),
    "integrated_gradients": lambda job: job.trial(tiny("resnet"), SMALL, 6, 1),
    "completeness": lambda job: job.trial(tiny("vgg"), SMALL),
    "smooth_grad": lambda job: job.trial(tiny("resnet"), SMALL, 6, 1),
    "occlusion": lambda job: job.trial(tiny("resnet"), SMALL, 16, 8, part=16, photos=0, target=1),
    "first_picture": lambda job: job.trial(tiny("resnet"), SMALL, 16, 8, 1),
    "volumes": lambda job: job.trial(seeded(Volumetric).eval(), 27, 5, 3),
    "lime": lambda job: job.trial(tiny("resnet"), SMALL, labels(), 200, 1),
    "kernel_shap": lambda job: job.trial(tiny("resnet"), SMALL, labels(), 40, 1),
    "lrp": lambda job: job.trial(tiny("vgg"), canonizer("VGGCanonizer"), SMALL, 1),
    "rollout": lambda job: job.trial(seeded(torchvision_vit).eval(), of_side(32)),
    "import_time": lambda job: job.trial(beside=()),
    "memory": lambda job: job.trial(tiny("resnet"), SMALL, 1, few=True),
}


IGNORED = pytest.mark.filterwarnings("ignore:::(captum|monai|lime|shap|zennit|sklearn)")


def tried(module: str) -> Trial:
    return TRIALS[module](importlib.import_module(f"bench.jobs.{module}"))


@IGNORED
@pytest.mark.slow
@pytest.mark.parametrize("module", [module for module in MODULES if module != "memory"])
def test_every_job_agrees_and_runs(module: str) -> None:
    """On a tiny network, where everything that takes part does."""
    trial = tried(module)
    assert trial.agree()
    found = compete(trial, 1)
    assert [row.name for row in found] == list(trial.contenders)
    assert all(row.wall is not None and row.wall > 0 for row in found)
    if trial.network is not None:
        again = {OURS, "torchcam, graph kept"}  # what was kept makes forwards unnecessary
        assert all(
            row.forwards > 0 for row in found if module not in {"another_class", "all_classes"} or row.name not in again
        )


@pytest.mark.slow
def test_memory_is_measured_of_every_method_that_works() -> None:
    trial = tried("memory")
    assert {f"{OURS}, grad_cam", f"{OURS}, occlusion", f"{OURS}, lrp", FLOOR} <= set(trial.contenders)
    assert f"{OURS}, attention_rollout" not in trial.contenders
    for ways in trial.contenders.values():
        ways[0].prepare(0)()
