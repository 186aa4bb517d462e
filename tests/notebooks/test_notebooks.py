"""What is stored in the tutorials: they are read on code hosts, where nothing runs."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tools.run_notebooks import WIDGET_VIEW, tidy

TUTORIALS = Path(__file__).resolve().parents[2] / "tutorials"
NOTEBOOKS = sorted(TUTORIALS.glob("*.ipynb"))
FIRST = TUTORIALS / "01_GradCAM_and_Occlusion_Sensitivity.ipynb"
# The root of a file system, of a drive, or of a home; a web address has its slashes behind a colon.
ABSOLUTE_PATH = re.compile(r"(?<![\w:/.])/(?:home|root|Users|usr|tmp|work|opt|var|mnt)/|\b[A-Z]:\\\\|file://")
WEIGHTS_CELL = "resnet-code"

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


def shown(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything rich that a cell shows, by type."""
    return [output["data"] for output in cell["outputs"] if "data" in output]


def text(cell: dict[str, Any]) -> str:
    return "".join("".join(output.get("text", [])) for output in cell["outputs"])


def test_the_first_tutorial_is_there() -> None:
    assert FIRST in NOTEBOOKS


@every_notebook
def test_metadata_hold_no_widget_state_and_name_the_kernel_that_everyone_has(path: Path) -> None:
    metadata = read(path)["metadata"]
    assert set(metadata) == {"kernelspec", "language_info"}
    assert metadata["kernelspec"]["name"] == "python3"


@every_notebook
def test_every_cell_ran_once_and_in_order(path: Path) -> None:
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@every_notebook
def test_no_cell_failed_warned_or_kept_its_times(path: Path) -> None:
    for cell in code_cells(path):
        assert "execution" not in cell["metadata"], cell["id"]
        for output in cell["outputs"]:
            assert output["output_type"] != "error", cell["id"]
            assert output.get("name") != "stderr", cell["id"]


@every_notebook
def test_there_is_no_path_of_the_machine_that_ran_it(path: Path) -> None:
    assert ABSOLUTE_PATH.search(path.read_text("utf-8")) is None


@pytest.mark.parametrize("found", ["stored in /home/you/.cache/x", '"/home/me/a.py"', "C:\\\\Users", "file:///x"])
def test_a_path_would_be_found(found: str) -> None:
    assert ABSOLUTE_PATH.search(found)
    assert not ABSOLUTE_PATH.search("https://example.org/home/page and photos/home/cat.jpg")


@every_notebook
def test_every_widget_is_stored_as_a_picture_that_a_code_host_can_show(path: Path) -> None:
    widgets = [data for cell in code_cells(path) for data in shown(cell) if "XaiWidget(" in "".join(data["text/plain"])]
    assert widgets
    for data in widgets:
        picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
        extremes = picture.convert("L").getextrema()
        assert min(picture.size) >= 64
        assert extremes[1] - extremes[0] > 50, "a blank picture"
        assert WIDGET_VIEW not in data


@every_notebook
def test_it_is_small_enough_for_a_code_host(path: Path) -> None:
    assert path.stat().st_size <= 1_500_000


def test_the_first_widget_cell_comes_right_behind_the_imports_and_shows_a_heat_map() -> None:
    imports, widget = code_cells(FIRST)[:2]
    assert "import" in "".join(imports["source"])
    assert "".join(widget["source"]) == "XaiWidget(model, photo)"
    (data,) = shown(widget)
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
    # The heat map is warm where the photo alone is not: it lifts red above blue.
    red, _, blue = (band.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) for band in picture.split())
    assert picture.size == (128, 128)
    assert red > blue


def test_only_the_cell_with_a_download_is_not_compared() -> None:
    tagged = [cell["id"] for cell in code_cells(FIRST) if cell["metadata"].get("tags")]
    assert tagged == [WEIGHTS_CELL]


def test_the_seven_questions_have_folded_answers_behind_a_cell_to_run() -> None:
    cells = read(FIRST)["cells"]
    answers = [place for place, cell in enumerate(cells) if "<details>" in "".join(cell["source"])]
    assert len(answers) == 7
    for place in answers:
        source = "".join(cells[place]["source"])
        assert source.startswith("<details><summary>")
        assert source.rstrip().endswith("</details>")
        assert cells[place - 1]["cell_type"] == "code"
        assert cells[place - 1]["outputs"]


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", line)]


@pytest.fixture
def lines() -> dict[str, list[str]]:
    """What each cell of the first tutorial prints."""
    return {cell["id"]: text(cell).splitlines() for cell in code_cells(FIRST)}


class TestWhatTheTextSays:
    """The paragraphs comment on the outputs without repeating the numbers; here the two are held together."""

    def test_the_last_layer_lies_on_the_cat_and_the_first_does_not(self, lines: dict[str, list[str]]) -> None:
        first, *_, last = (numbers(line)[-1] for line in lines["layers-code"])
        assert first < 60
        assert last > 90

    def test_grad_cam_plus_plus_is_a_little_fairer_where_gradients_differ_and_less_clean(
        self, lines: dict[str, list[str]]
    ) -> None:
        mosaic, mosaic_pp, flat, flat_pp = (numbers(line)[-2:] for line in lines["pp-measure-code"])
        assert abs(mosaic[0] - mosaic_pp[0]) <= 2
        assert flat[0] + 2 <= flat_pp[0] <= flat[0] + 10
        assert mosaic_pp[1] <= mosaic[1] - 10
        assert flat_pp[1] <= flat[1] - 10

    def test_most_weights_of_grad_cam_are_negative_and_those_of_grad_cam_plus_plus_are_not(
        self, lines: dict[str, list[str]]
    ) -> None:
        weights, rectified, signed, plus_plus = lines["positive-code"]
        positive, negative = numbers(weights)
        assert negative > positive
        assert numbers(rectified)[0] == 0
        assert numbers(signed)[1] > 50
        assert numbers(plus_plus)[0] > 0.1

    def test_what_is_computed_by_hand_is_what_the_library_computes(self, lines: dict[str, list[str]]) -> None:
        assert lines["occlusion-check"][-1] == "the same as by hand: True"
        assert lines["cam-code"] == ["CAM equals 256 × Grad-CAM without ReLU: True"]

    def test_a_larger_window_makes_the_score_fall_further(self, lines: dict[str, list[str]]) -> None:
        drops = [numbers(line)[-1] for line in lines["occlusion-window-code"]]
        assert drops == sorted(drops)
        assert drops[-1] > 10 * drops[0]

    def test_both_methods_find_nearly_every_object(self, lines: dict[str, list[str]]) -> None:
        assert min(numbers(line)[0] for line in lines["agreement-code"][:2]) >= 36
        mean, worst = numbers(lines["agreement-code"][2])
        assert mean > 0.6
        assert worst < 0.5

    def test_cam_is_refused_with_a_way_out(self, lines: dict[str, list[str]]) -> None:
        refusal, instead = lines["cam-refused-code"]
        assert refusal.startswith("ValueError: CAM needs a head")
        assert "'grad_cam'" in refusal
        assert numbers(instead)[-1] > 75

    def test_the_map_of_an_absent_class_is_zero_and_negative_without_relu(self, lines: dict[str, list[str]]) -> None:
        (retina,) = (line for line in lines["q1"] if line.startswith("retina"))
        highest, _, signed_highest = numbers(retina)
        assert highest == 0
        assert signed_highest < 0

    def test_the_probability_hardly_moves_where_the_logit_does(self, lines: dict[str, list[str]]) -> None:
        logit, probability, whole = (numbers(line)[-1] for line in lines["q3"])
        assert probability < logit / 1000
        assert whole > 0.999

    def test_every_cover_leaves_the_highest_point_on_the_cat(self, lines: dict[str, list[str]]) -> None:
        found = [re.search(r"at row (\d+), column (\d+)   (\d+) %", line) for line in lines["q4"]]
        assert len(found) == 6
        for match in found:
            assert match is not None
            row, column, share = map(int, match.groups())
            assert max(row, column) < 64
            assert share > 50

    def test_the_map_of_a_broken_network_falls_apart(self, lines: dict[str, list[str]]) -> None:
        trained, *broken = (numbers(line)[-1] for line in lines["q5"])
        assert trained > 90
        assert max(broken) < 70

    def test_the_volumes_maps_by_hand_are_the_library_s(self, lines: dict[str, list[str]]) -> None:
        assert lines["volume-pp-hand"][-1] == "the same as by hand: True"
        by_hand, library = numbers(lines["volume-occlusion-hand"][0])
        assert by_hand == library == 94  # as the text says
        assert lines["volume-occlusion-hand"][-1] == "the same as by hand: True"

    def test_early_layers_find_nothing_in_a_head_and_the_last_does_under_a_haze(
        self, lines: dict[str, list[str]]
    ) -> None:
        *early, last = (
            [float(number) for number in re.findall(r"head (\d+) %.* ([\d.]+) × chance.*: (\d) of 8", line)[0]]
            for line in lines["measure"]
        )
        assert all(head < 46 and times < 1 and found == 0 for head, times, found in early)
        assert last[0] == 61  # as the text says
        assert last[1] > 5
        assert last[2] >= 7

    def test_fine_occlusion_beats_the_bright_part_painted_evenly(self, lines: dict[str, list[str]]) -> None:
        bright, coarse, fine = (numbers(line) for line in lines["coarse-to-fine-code"])
        assert 60 <= bright[0] <= 70
        assert coarse[1] + fine[1] == 130
        assert fine[-1] > 1.3 * bright[-1] > coarse[-1]

    def test_with_a_mask_there_is_no_noise_in_the_air_but_a_map(self, lines: dict[str, list[str]]) -> None:
        everywhere, masked = (numbers(line) for line in lines["smooth-code"])
        assert everywhere[0] == masked[0] == everywhere[1] > 0.1
        assert masked[1] == 0
        assert masked[2] > 10

    def test_the_second_call_asks_the_network_nothing(self, lines: dict[str, list[str]]) -> None:
        assert lines["cohort-again"][0] == "16 maps; the network was asked 0 times"

    def test_the_mid_sagittal_slice_misses_the_hippocampus(self, lines: dict[str, list[str]]) -> None:
        middle, highest = ([int(n) for n in re.findall(r"(\d+) %", line)] for line in lines["slices-code"])
        assert middle[0] < 35 < min(middle[1:])
        assert highest == [100, 100, 100]

    def test_the_difference_of_the_groups_leaves_the_haze_behind(self, lines: dict[str, list[str]]) -> None:
        patients, controls, difference = (numbers(line) for line in lines["templates-code"][:3])
        assert patients[0] < 66
        assert controls[0] < 66
        assert difference[0] > 95
        assert difference[1] > 2 * patients[1] > 2 * controls[1]

    def test_a_template_in_a_file_is_the_template(self, lines: dict[str, list[str]]) -> None:
        assert lines["save-code"][1:] == ["the same numbers: True", "the same space: True"]

    def test_healthy_heads_are_recognised_by_the_same_place(self, lines: dict[str, list[str]]) -> None:
        patients, controls, difference = (numbers(line) for line in lines["q6"])
        assert min(patients[1], controls[1]) >= 7
        assert difference[0] < numbers(lines["templates-code"][2])[1]

    def test_grad_cam_plus_plus_breaks_before_the_relu(self, lines: dict[str, list[str]]) -> None:
        negative, *rows = lines["q7"]
        assert numbers(negative)[0] > 50
        empty = [int(re.findall(r"maps: (\d)", row)[0]) for row in rows]
        found = [int(re.findall(r"region: (\d)", row)[0]) for row in rows]
        assert empty[:3] == [0, 0, 0]
        assert empty[3] > 4
        assert min(found[:3]) >= 7 > found[3] == 0


class TestTidy:
    """The tool that stores the outputs."""

    def notebook(self, *outputs: dict[str, Any]) -> Any:
        import nbformat

        cell = nbformat.v4.new_code_cell("w", id="one", metadata={"execution": {"iopub.status.busy": "now"}})
        cell.outputs = [nbformat.from_dict(output) for output in outputs]
        return nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})

    def png(self) -> str:
        file = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(file, "PNG")
        return base64.b64encode(file.getvalue()).decode()

    def display(self, **data: str) -> dict[str, Any]:
        return {"output_type": "display_data", "data": data, "metadata": {}}

    def test_state_and_times_go(self) -> None:
        notebook = self.notebook()
        tidy(notebook)
        assert "widgets" not in notebook.metadata
        assert notebook.cells[0].metadata == {}

    def test_a_widget_keeps_its_picture_only(self) -> None:
        notebook = self.notebook(self.display(**{"text/plain": "W", "image/png": self.png(), WIDGET_VIEW: "{}"}))
        tidy(notebook)
        assert set(notebook.cells[0].outputs[0].data) == {"text/plain", "image/png"}

    def test_a_widget_s_wide_picture_is_stored_narrower(self) -> None:
        file = io.BytesIO()
        Image.new("RGB", (960, 320), "red").save(file, "PNG")
        wide = base64.b64encode(file.getvalue()).decode()
        notebook = self.notebook(self.display(**{"text/plain": "W", "image/png": wide, WIDGET_VIEW: "{}"}))
        tidy(notebook)
        data = notebook.cells[0].outputs[0].data["image/png"]
        assert Image.open(io.BytesIO(base64.b64decode(data))).size == (640, 213)

    def test_a_widget_without_a_picture_is_an_error(self) -> None:
        with pytest.raises(ValueError, match=r"'one' has no picture"):
            tidy(self.notebook(self.display(**{"text/plain": "W", WIDGET_VIEW: "{}"})))

    def test_a_figure_becomes_jpeg_with_its_colours(self) -> None:
        notebook = self.notebook(self.display(**{"text/plain": "<Figure>", "image/png": self.png()}))
        tidy(notebook)
        data = notebook.cells[0].outputs[0].data
        assert set(data) == {"text/plain", "image/jpeg"}
        red, green, blue = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"]))).getpixel((4, 4))
        assert red > 245
        assert max(green, blue) < 10

    def test_text_that_came_in_pieces_is_joined(self) -> None:
        pieces = [{"output_type": "stream", "name": "stdout", "text": piece} for piece in ("a\n", "b\n")]
        notebook = self.notebook(*pieces)
        tidy(notebook)
        assert [output.text for output in notebook.cells[0].outputs] == ["a\nb\n"]
