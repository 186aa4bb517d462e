"""A cohort's report: one page that loads nothing, says what is in the store, and survives any store."""

import base64
import io
import os
import re
import weakref
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.made_cohorts import a_cohort
from xai_widget.cohort.cohort import Cohort
from xai_widget.explainers import method_classes

pytestmark = pytest.mark.slow

VOID = {"meta", "link", "img"}
SIDE = 16
EVIL = "<script>alert(1)</script>\"'&\u202e.png"


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, texts, tables as rows of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.headings: list[str] = []
        self.words = ""
        self.feed(text)
        assert self.open == [], "an element has no end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
        elif tag in {"h1", "h2", "h3"}:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] in {"h1", "h2", "h3"}:
            self.headings[-1] += data

    def row(self, first: str) -> list[str]:
        (found,) = [row for row in self.rows if row and row[0] == first]
        return found

    @property
    def images(self) -> list[tuple[str, Image.Image]]:
        found = [each for tag, each in self.elements if tag == "img"]
        assert all(each["src"].startswith("data:image/png;base64,") for each in found)
        return [(each["alt"], Image.open(io.BytesIO(base64.b64decode(each["src"].split(",")[1])))) for each in found]

    def image(self, alt: str) -> np.ndarray:
        (found,) = [picture for known, picture in self.images if known == alt]
        return np.asarray(found.convert("RGB"))


def written(cohort: Cohort, path: Path, **arguments: Any) -> Page:
    page = path / "report.html"
    assert cohort.report(page, **arguments) == page
    return Page(page.read_text("utf-8"))


def two_groups(path: Path, n: int = 8, **plan: Any) -> Cohort:
    """Half of the maps are strong in the upper left (cat), half are weaker in the lower right (dog)."""
    rng = np.random.default_rng(0)
    maps = 0.1 * rng.normal(size=(n, SIDE, SIDE))
    maps[::2, :8, :8] += 2
    maps[1::2, 8:, 8:] += 1
    records = [
        {"id": f"{at}.png", "label": at % 2, "prediction": 0 if at == 1 else at % 2, "probability": 0.5 + at / 20}
        for at in range(n)
    ]
    pictures = rng.integers(0, 255, (n, SIDE, SIDE, 3)).astype(np.uint8)
    return a_cohort(path / "maps.zarr", maps, pictures, records, **{"group_by": "label", **plan})


def test_the_page_is_complete_and_runs_and_loads_nothing(tmp_path: Path):
    page = written(two_groups(tmp_path), tmp_path, atlas=np.ones((SIDE, SIDE), int))
    (policy,) = [each["content"] for tag, each in page.elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert not {"script", "iframe", "object", "form"} & {tag for tag, _ in page.elements}
    assert not [name for _, each in page.elements for name in each if name.startswith("on")]
    targets = [each.get("href") or each.get("src") for _, each in page.elements if "href" in each or "src" in each]
    assert all(target.startswith(("#", "data:")) for target in targets)
    assert "http" not in re.sub("http-equiv", "", page.text)


def test_what_was_run_is_in_words_with_the_formula(tmp_path: Path):
    plan = {"model": {"name": "ResNet", "fingerprint": "c0ffee"}, "layer": ["layer3", "layer4"], "target": 1}
    page = written(two_groups(tmp_path, **plan), tmp_path)
    occlusion = method_classes()["occlusion"]
    method = page.row("Method")[1]
    assert all(text in method for text in (occlusion.label, occlusion.summary, occlusion.formula, occlusion.cites))
    assert page.row("Parameters")[1] == "Window: 7"
    assert page.row("Asked about")[1] == "dog"
    assert page.row("Layer")[1] == "layer3, layer4"
    assert page.row("Model")[1] == "ResNet, fingerprint c0ffee"
    assert page.row("A value is")[1] == "fall of the logit"
    assert page.row("Grid")[1] == "inputs 16×16, maps 16×16"


def test_groups_are_counted_as_the_table_says(tmp_path: Path):
    page = written(two_groups(tmp_path), tmp_path)
    rows = {row[0]: row[1:] for row in page.rows if row and row[0] in {"cat", "dog", "all"}}
    assert rows["cat"] == ["4", "4 of 4", "100.0%", "0.650", "0.500", "0.800"]
    assert rows["dog"] == ["4", "3 of 4", "75.0%", "0.700", "0.550", "0.850"]
    assert rows["all"][:3] == ["8", "7 of 8", "87.5%"]


def test_mean_maps_share_one_scale(tmp_path: Path):
    cohort = two_groups(tmp_path)
    page = written(cohort, tmp_path, view={"clip": 100})
    means = {name: cohort.mean(name) for name in ("cat", "dog")}
    top = max(float(np.abs(each.values).max()) for each in means.values())
    for name, mean in means.items():
        painted = page.image(f"Mean map of {name}")
        scale = painted.shape[0] // SIDE
        assert (painted == mean.heat_map({"clip": 100}, top=top, scale=scale)).all()
    assert any(alt.startswith("Colour bar from −2") for alt, _ in page.images)


def test_pairs_are_compared_and_the_warning_is_there(tmp_path: Path):
    page = written(two_groups(tmp_path), tmp_path)
    assert "cat − dog" in page.headings
    assert {"Difference of the mean maps of cat and dog", "t-map of cat against dog"} <= {alt for alt, _ in page.images}
    assert "nothing is corrected for multiple comparisons" in page.words
    assert "n = 4 and 4" in page.words


def test_no_more_pairs_than_stated(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(12, SIDE, SIDE))
    records = [{"columns": {"site": f"site {at % 4}"}} for at in range(12)]
    cohort = a_cohort(tmp_path / "maps.zarr", maps, None, records)
    page = written(cohort, tmp_path, by="site")
    assert "3 of 6 pairs are shown." in page.words
    assert sum(" − " in heading for heading in page.headings) == 3


def test_regions_have_intervals_and_the_strongest_comes_first(tmp_path: Path):
    atlas = np.zeros((SIDE, SIDE), int)
    atlas[:8, :8], atlas[8:, 8:] = 1, 2
    cohort = two_groups(tmp_path)
    page = written(cohort, tmp_path, atlas=atlas, names={1: "upper", 2: "lower"})
    table = cohort.regions(atlas, {1: "upper", 2: "lower"}, by="label").set_index(["name", "group"])
    at = next(place for place, row in enumerate(page.rows) if row[:1] == ["upper"])
    assert page.rows[at][1:5] == ["64", "cat", "4", f"{table['mean']['upper', 'cat']:.3g}"]
    low, high = table["low"]["upper", "cat"], table["high"]["upper", "cat"]
    assert page.rows[at][5] == f"{low:.3g} … {high:.3g}"
    assert page.rows[at + 2][0] == "lower"
    assert sum(tag == "svg" for tag, _ in page.elements) == 4


def test_kinds_of_maps_are_shown_with_their_sizes(tmp_path: Path):
    rng = np.random.default_rng(0)
    maps = 0.05 * rng.normal(size=(24, SIDE, SIDE))
    maps[:16, 2:7, 2:7] += 1
    maps[16:, 10:15, 10:15] += 1
    page = written(a_cohort(tmp_path / "maps.zarr", maps), tmp_path)
    assert "Kind 1: 16 of 24" in page.words
    assert "Kind 2: 8 of 24" in page.words
    first, second = (page.image(f"Mean map of kind {kind} of cat").astype(int) for kind in (1, 2))
    half = len(first) // 2
    assert np.ptp(first[:half, :half], axis=-1).mean() > 2 * np.ptp(second[:half, :half], axis=-1).mean()


def test_representatives_say_who_they_are(tmp_path: Path):
    cohort = two_groups(tmp_path)
    page = written(cohort, tmp_path, representatives=2)
    (first, *_) = cohort.representatives(2).ids
    assert f"1. {first}" in page.words
    assert f"Map of {first}" in {alt for alt, _ in page.images}


def test_texts_of_other_people_stay_texts(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(4, SIDE, SIDE))
    records: list[dict[str, Any]] = [{"id": EVIL, "columns": {"<b>site": EVIL}}, {"id": "b"}, {"id": "c"}]
    records.append({"id": "d", "status": "error", "error": f"ValueError: {EVIL}"})
    plan = {"labels": [EVIL, "dog"], "model": {"name": EVIL, "fingerprint": "0"}, "unit": EVIL}
    page = written(a_cohort(tmp_path / EVIL.replace("/", "_"), maps, None, records, **plan), tmp_path, title=EVIL)
    assert not {"script", "b"} & {tag for tag, _ in page.elements}
    shown = EVIL.replace("\u202e", "")
    assert page.headings[0] == shown
    assert [row[0] for row in page.rows if row].count(shown) == 2  # a group, and a member
    assert "\u202e" not in page.text


def test_a_volume_has_three_slices(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(4, 6, 7, 5))
    records = [{"label": at % 2, "low": 0.0, "high": 1.0} for at in range(4)]
    pictures = np.random.default_rng(1).integers(0, 255, (4, 12, 14, 10)).astype(np.uint8)
    affine = np.diag([2.0, 2.0, 3.0, 1.0]).tolist()
    cohort = a_cohort(tmp_path / "maps.zarr", maps, pictures, records, affine=affine, group_by="label")
    page = written(cohort, tmp_path)
    wide = page.image("Mean map of cat: axial, coronal and sagittal slice")
    assert wide.shape[1] > 2 * wide.shape[0]
    assert "middle ones of the grid" in page.words


def test_failures_are_gathered_by_their_error(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(5, SIDE, SIDE))
    records = [{}, {}, *({"status": "error", "error": "ValueError: too small"} for _ in range(3))]
    page = written(a_cohort(tmp_path / "maps.zarr", maps, None, records), tmp_path)
    row = page.row("ValueError: too small")
    assert row[1] == "3"
    assert "2 of 5 inputs explained by Occlusion sensitivity, 3 failed." in page.words


def test_everything_failed(tmp_path: Path):
    maps = np.zeros((3, SIDE, SIDE))
    failed = {"status": "error", "error": "RuntimeError: no", "prediction": None, "probability": None, "target": None}
    nothing = dict.fromkeys(("labels", "input_size", "native", "signed", "unit", "layer"))
    page = written(a_cohort(tmp_path / "maps.zarr", maps, None, [failed] * 3, **nothing), tmp_path)
    assert page.row("RuntimeError: no")[1] == "3"
    assert "no groups" in page.words
    assert page.images == []


@pytest.mark.parametrize("picture", [True, False])
def test_one_member_alone(tmp_path: Path, picture: bool):
    maps = np.random.default_rng(0).normal(size=(1, SIDE, SIDE))
    pictures = np.full((1, SIDE, SIDE, 3), 99, np.uint8) if picture else None
    page = written(a_cohort(tmp_path / "maps.zarr", maps, pictures), tmp_path, atlas=np.ones((SIDE, SIDE), int))
    assert "Differences" not in page.headings
    assert page.row("cat")[:3] == ["cat", "1", "–"]
    assert "Too small, kinds need 4 maps or more: cat (1)." in page.words


def test_a_group_of_one_has_a_difference_but_no_t(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(3, SIDE, SIDE))
    page = written(a_cohort(tmp_path / "maps.zarr", maps, None, [{}, {}, {"prediction": 1}]), tmp_path)
    assert "There is no t-map: dog has one member alone" in page.words


def test_groups_by_label_without_labels_are_those_by_prediction(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(4, SIDE, SIDE))
    page = written(a_cohort(tmp_path / "maps.zarr", maps, group_by="label"), tmp_path)
    assert "No true classes are known" in page.words
    assert page.row("cat")[1] == "4"


def test_maps_of_zeros_and_a_method_that_is_not_installed(tmp_path: Path):
    page = written(a_cohort(tmp_path / "maps.zarr", np.zeros((6, SIDE, SIDE)), method="mine"), tmp_path)
    assert "not installed here" in page.row("Method")[1]


def test_the_same_store_gives_the_same_page(tmp_path: Path):
    cohort = two_groups(tmp_path)
    atlas = np.ones((SIDE, SIDE), int)
    pages = [
        written(cohort, tmp_path, atlas=atlas).text,
        written(Cohort.open(cohort.store.path), tmp_path, atlas=atlas).text,
    ]
    assert pages[0] == pages[1]
    os.utime(cohort.store.path / "table.jsonl", (0, 0))
    assert Page(written(cohort, tmp_path).text).row("Last result")[1] == "1970-01-01 00:00 UTC"


def test_the_table_ends_after_two_hundred_and_says_so(tmp_path: Path):
    maps = np.random.default_rng(0).normal(size=(210, 4, 4))
    page = written(a_cohort(tmp_path / "maps.zarr", maps), tmp_path, representatives=0)
    assert "The first 200 of 210 inputs" in page.words
    assert "10 more are in the store's table." in page.words


def test_maps_are_read_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    cohort = two_groups(tmp_path, n=40)
    alive: list[int] = []
    held, most = 0, 0
    read = type(cohort.store).attribution

    def counted(store: Any, row: int) -> Any:
        nonlocal held, most
        found = read(store, row)
        held += 1
        most = max(most, held)

        def gone() -> None:
            nonlocal held
            held -= 1

        weakref.finalize(found, gone)
        alive.append(row)
        return found

    monkeypatch.setattr(type(cohort.store), "attribution", counted)
    written(cohort, tmp_path)
    assert len(alive) > 80
    assert most <= 12


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"by": "sight"}, "no column 'sight'"),
        ({"view": {"clip": 3}}, "'clip' lies between"),
        ({"alike": "plaice"}, "Did you mean 'place'"),
        ({"representatives": -1}, "0 or more"),
        ({"atlas": np.ones((3, 3), int)}, "The atlas has shape"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path, wrong: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=re.escape(words)):
        two_groups(tmp_path).report(tmp_path / "report.html", **wrong)
    assert not (tmp_path / "report.html").exists()


def test_a_folder_that_is_not_there_is_told_before_anything_is_computed(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        two_groups(tmp_path).report(tmp_path / "nowhere" / "report.html")
