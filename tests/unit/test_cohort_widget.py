"""A cohort's widget: what it shows is what the cohort says; members come page by page and open in the widget."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

from tests.cohorts import OCCLUSION, Counting, Pictures, evaluations
from tests.made_cohorts import a_cohort
from xai_widget.cohort import Cohort, explain_dataset
from xai_widget.cohort.viewing import members as pages
from xai_widget.cohort.viewing.ordering import likeness
from xai_widget.widget.settings import SettingValueError

AFFINE = [[2.0, 0, 0, -10], [0, 1.5, 0, 4], [0, 0, 3, 0], [0, 0, 0, 1]]


@pytest.fixture(autouse=True)
def _no_widget_stays() -> Iterator[None]:
    yield
    ipywidgets.Widget.close_all()


def animals(path: Path, count: int = 11, size: tuple[int, ...] = (8, 10), native: tuple[int, ...] = (3, 4)) -> Cohort:
    """Cats, and after two thirds of them dogs; half of the maps' resolution."""
    rng = np.random.default_rng(0)
    maps = rng.normal(1, 1, (count, *native)).astype(np.float32)
    shape = (*size, 3) if len(size) == 2 else size
    pictures = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    ends = {} if len(size) == 2 else {"low": -1.0, "high": 4.0}
    records = [
        {"prediction": int(row >= 2 * count // 3), "label": 0, "probability": 0.5 + 0.4 * (row % 7) / 7, **ends}
        for row in range(count)
    ]
    return a_cohort(path, maps, pictures, records, affine=AFFINE if len(size) == 3 else None)


@pytest.mark.parametrize(("size", "native"), [((8, 10), (3, 4)), ((6, 5, 7), (3, 2, 4))])
def test_templates_are_what_the_cohort_says_of_its_groups(
    tmp_path: Path, size: tuple[int, ...], native: tuple[int, ...]
):
    c = animals(tmp_path, 11, size, native)
    w = c.widget()
    assert (w.groups, w.group, w.statistic) == (("cat", "dog"), "cat", "mean")
    found, mean = w.templates.explain(), c.mean("cat")
    np.testing.assert_array_equal(found.values, mean.values)
    np.testing.assert_array_equal(found.error, mean.error)
    np.testing.assert_array_equal(found.image, mean.image)
    assert (found.label, found.meta["n"], found.signed) == ("cat", 7, mean.signed)
    assert found.affine is None if mean.affine is None else np.array_equal(found.affine, mean.affine)
    w.group = "dog"
    np.testing.assert_array_equal(w.templates.explain().values, c.mean("dog").values)
    w.statistic = "std"
    np.testing.assert_array_equal(w.templates.explain().values, c.std("dog").values)
    w.statistic = "t_map"
    alone = w.templates.explain()
    np.testing.assert_array_equal(alone.values, c.t_map("dog").values)
    np.testing.assert_allclose(alone.arrays["q"], c.t_map("dog").arrays["q"], rtol=1e-6)
    assert alone.meta["unit"] == "t"


def test_a_group_is_compared_with_another_or_with_all_others(tmp_path: Path):
    c = animals(tmp_path)
    w = c.widget()
    w.statistic = "difference"
    np.testing.assert_array_equal(w.templates.explain().values, c.difference("cat", "dog").values)
    w.group = "dog"
    w.templates.params = {"compared_with": "cat"}
    np.testing.assert_array_equal(w.templates.explain().values, c.difference("dog", "cat").values)
    w.statistic = "t_map"
    w.templates.params = {"compared_with": "cat"}
    np.testing.assert_array_equal(w.templates.explain().values, c.t_map("dog", "cat").values)
    w.templates.params = {"compared_with": "dog"}
    with pytest.raises(ValueError, match="cannot be compared with itself"):
        w.templates.explain()
    with pytest.raises(SettingValueError, match="one of 'zero', 'the others', 'cat', 'dog'"):
        w.templates.params = {"compared_with": "cow"}


def test_one_group_has_nothing_to_be_compared_with_and_one_member_no_spread(tmp_path: Path):
    w = animals(tmp_path, 2).widget(by={"probability": 0.1})
    w.statistic = "difference"
    with pytest.raises(ValueError, match="needs two groups"):
        w.templates.explain()
    w = animals(tmp_path / "other", 2).widget()
    w.statistic = "std"
    with pytest.raises(ValueError, match="needs two members or more"):
        w.templates.explain()
    w.statistic = "mean"
    assert w.templates.explain().error is None


def test_a_template_grows_map_by_map_and_is_computed_when_the_number_has_doubled(tmp_path: Path):
    c = animals(tmp_path, 15)
    w = c.widget()
    method = w.templates.wish().method
    found = [each for (each,) in w.templates.session.run(method)]
    assert [round(each.meta["fraction"] * 10) for each in found] == list(range(1, 11))
    assert [each.meta["n"] for each in found] == [1, 2, 2, 4, 4, 4, 4, 8, 8, 10]
    np.testing.assert_allclose(found[3].values, c.mean(list(range(4))).values, rtol=1e-6)


def test_a_run_that_is_stopped_reads_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    c = animals(tmp_path, 15)
    w = c.widget()
    read: list[int] = []
    attribution = c.store.attribution

    def counted(row: int) -> Any:
        read.append(row)
        if len(read) == 3:
            w.templates.cancel()
        return attribution(row)

    groups: Any = w.templates.offered["mean"]
    monkeypatch.setattr(groups, "groups", replace(groups.groups, read=counted))
    with pytest.raises(RuntimeError, match="cancelled"):
        w.templates.explain()
    assert len(read) == 3


def test_the_underlay_is_the_groups_mean_everybodys_a_members_or_ones_own(tmp_path: Path):
    c = animals(tmp_path)
    w = c.widget()
    w.templates.explain()
    everybody = c.mean().image
    w.underlay = "all"
    assert w.templates.attribution is not None
    np.testing.assert_array_equal(w.templates.attribution.image, everybody)
    np.testing.assert_array_equal(w.templates.sessions[1].inputs[0].picture, everybody)
    w.underlay = "3.png"
    np.testing.assert_array_equal(w.templates.attribution.image, c.store.picture(3))
    own = np.full((8, 10, 3), 77, np.uint8)
    Image.fromarray(own).save(tmp_path / "own.png")
    for given in (own, tmp_path / "own.png"):
        w.underlay = given
        np.testing.assert_array_equal(w.templates.attribution.image, own)
    # The map under it is still the same one.
    np.testing.assert_array_equal(w.templates.attribution.values, c.mean("cat").values)
    w.underlay = None
    np.testing.assert_array_equal(w.templates.attribution.image, c.mean("cat").image)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("4.pgn", r"neither a file nor a member\. Did you mean '4.png'"),
        (np.zeros((9, 10, 3), np.uint8), r"shape \[9, 10\], and the inputs \[8, 10\]"),
    ],
)
def test_an_underlay_that_does_not_lie_on_the_grid_is_refused_and_changes_nothing(
    tmp_path: Path, given: Any, said: str
):
    w = animals(tmp_path).widget(underlay="all")
    with pytest.raises(ValueError, match=said):
        w.underlay = given
    assert w.underlay == "all"


def test_a_nifti_underlay_must_lie_where_the_inputs_lie(tmp_path: Path):
    nibabel = pytest.importorskip("nibabel")
    w = animals(tmp_path, 4, (6, 5, 7), (3, 2, 4)).widget()
    volume = np.random.default_rng(1).normal(size=(6, 5, 7)).astype(np.float32)
    w.underlay = nibabel.Nifti1Image(volume, np.array(AFFINE))
    np.testing.assert_allclose(w.templates.session.inputs[0].picture, volume)
    with pytest.raises(ValueError, match="lies elsewhere"):
        w.underlay = nibabel.Nifti1Image(volume, np.eye(4))


@pytest.mark.slow
def test_members_come_page_by_page_and_no_more_than_a_page_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    c = animals(tmp_path, 500, (8, 8), (4, 4))
    read: list[int] = []
    real = pages.thumbnail
    monkeypatch.setattr(pages, "thumbnail", lambda store, row, view: read.append(row) or real(store, row, view))
    w = c.widget(by={"probability": 0.0})
    w.gallery.wait()
    assert (w.gallery.pages, w.members) == (21, tuple(f"{row}.png" for row in range(24)))
    assert read == list(range(24))
    assert len(w.templates.sessions) == 1
    assert len(w.gallery.tiles) == 24
    w.gallery.page = 20
    w.gallery.wait()
    assert w.members == tuple(f"{row}.png" for row in range(480, 500))
    assert read[24:] == list(range(480, 500))
    assert len(w.gallery.tiles) == 24
    with pytest.raises(ValueError, match="There are 21 pages"):
        w.gallery.page = 21


def test_members_are_ordered_and_found(tmp_path: Path):
    c = animals(tmp_path)
    w = c.widget()
    w.gallery.order = "probability"
    table = c.table.set_index("id")["probability"]
    assert list(w.members) == list(table[:7].sort_values(ascending=False, kind="stable").index)
    w.gallery.order = "nearest"
    maps = np.stack([c.store.map(row).ravel() for row in range(7)]).astype(np.float64)
    mean = maps.mean(0)
    cosines = maps @ mean / np.linalg.norm(maps, axis=1) / np.linalg.norm(mean)
    np.testing.assert_allclose(likeness(c.store, np.arange(7)), cosines, rtol=1e-6)
    assert w.members == tuple(f"{row}.png" for row in np.argsort(-cosines))
    w.gallery.order = "farthest"
    assert w.members == tuple(f"{row}.png" for row in np.argsort(cosines))
    w.gallery.search = "3.P"
    assert w.members == ("3.png",)
    w.gallery.search = "nobody"
    assert w.members == ()
    w.gallery.search = ""
    w.group = "dog"
    assert set(w.members) == {f"{row}.png" for row in range(7, 11)}
    with pytest.raises(ValueError, match="ordered by one of table, probability"):
        w.gallery.order = "size"


def test_a_member_opens_live_with_the_map_in_the_store_and_asks_further(tmp_path: Path):
    model, data = Counting(), Pictures(6)
    c = explain_dataset(model, data, out=tmp_path / "m", group_by="label", progress=False, **OCCLUSION)
    w = c.widget()
    opened = w.open("2")
    assert w.member is opened
    assert evaluations(opened.explain) == 0
    np.testing.assert_array_equal(opened.explain().values, c["2"].values)
    assert opened.params["window"] == 8
    opened.target = (c["2"].target + 1) % 5
    assert evaluations(opened.explain) > 0
    other = w.open(3)
    assert w.member is other
    assert repr(opened) == "XaiWidget(closed)"
    w.close_member()
    assert w.member is None


def test_a_model_that_was_trained_on_answers_for_itself(tmp_path: Path):
    model = Counting()
    c = explain_dataset(model, Pictures(3), out=tmp_path / "m", progress=False, **OCCLUSION)
    with torch.no_grad():
        for each in model.parameters():
            each.mul_(1.5)
    opened = c.widget().open("1")
    assert evaluations(opened.explain) > 0
    assert not np.array_equal(opened.explain().values, c["1"].values)


def test_a_cohort_that_was_opened_shows_stored_maps_or_is_told_model_and_dataset(tmp_path: Path):
    model, data = Counting(), Pictures(4)
    made = explain_dataset(model, data, out=tmp_path / "m", progress=False, **OCCLUSION)
    c = Cohort.open(tmp_path / "m")
    w = c.widget()
    opened = w.open("1")
    np.testing.assert_array_equal(opened.explain().values, made["1"].values)
    assert "Cohort.open(path, model=..., dataset=...)" in w.told
    for w in (
        Cohort.open(tmp_path / "m", model=model, dataset=data).widget(),
        c.widget(model=model, dataset=data),
    ):
        opened = w.open("1")
        assert w.told == ""
        assert opened.session.facts.model == "Counting"
        assert evaluations(opened.explain) == 0


def test_a_file_that_is_gone_is_told_in_place_and_the_stored_map_shown(tmp_path: Path):
    for row in range(3):
        pixels = np.random.default_rng(row).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        (tmp_path / "data").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "data" / f"{row}.png")
    c = explain_dataset(Counting(), tmp_path / "data", out=tmp_path / "m", progress=False, window=64, stride=64)
    w = c.widget()
    (tmp_path / "data" / "1.png").unlink()
    opened = w.open("1.png")
    assert "could not be opened live" in w.told
    np.testing.assert_array_equal(opened.explain().values, c["1.png"].values)
    w.open("2.png")
    assert w.told == ""
    with pytest.raises(KeyError, match=r"No input has the id .7\.png."):
        w.open("7.png")


def test_another_dataset_than_the_cohorts_is_not_taken_for_it(tmp_path: Path):
    model = Counting()
    explain_dataset(model, Pictures(4), out=tmp_path / "m", progress=False, **OCCLUSION)
    w = Cohort.open(tmp_path / "m", model=model, dataset=Pictures(2)).widget()
    w.open("3")
    assert "another dataset" in w.told


def test_settings_that_are_not_there_are_told_with_their_neighbours(tmp_path: Path):
    w = animals(tmp_path).widget()
    with pytest.raises(ValueError, match=r"no group 'dgo'.*Did you mean 'dog'"):
        w.group = "dgo"
    with pytest.raises(ValueError, match=r"no statistic 'median'.*mean, std, t_map, difference"):
        w.statistic = "median"


def test_it_is_stored_in_a_notebook_as_picture_and_text(tmp_path: Path):
    w = animals(tmp_path).widget()
    data, size = w._repr_mimebundle_()
    assert data["text/plain"] == "CohortWidget(cat 7, dog 4)"
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == w.box.model_id
    assert size["image/png"]["width"] >= 384
    assert w.templates.attribution is not None


def test_its_page_holds_every_groups_template(tmp_path: Path):
    w = animals(tmp_path).widget()
    w.statistic = "difference"
    assert w.to_html(tmp_path / "page.html").stat().st_size > 10_000
    assert {(each.method, each.label) for each in w.templates.attributions} == {
        ("difference", "cat"),
        ("difference", "dog"),
    }
    with pytest.raises(ValueError, match=r"ends in \.html"):
        w.to_html(tmp_path / "page.pdf")


def test_when_it_is_closed_no_control_is_left(tmp_path: Path):
    alive = set(ipywidgets.widgets.widget._instances)
    w = animals(tmp_path).widget()
    w.open("1.png")
    w.gallery.page = 0
    w.close()
    left = set(ipywidgets.widgets.widget._instances) - alive
    assert [type(ipywidgets.widgets.widget._instances[each]).__name__ for each in left] == []
    assert w.templates.sessions == ()


def test_it_speaks_korean(tmp_path: Path):
    w = animals(tmp_path).widget(locale="ko-KR")
    texts = [getattr(each, "description", "") for each in ipywidgets.widgets.widget._instances.values()]
    assert {"배경", "순서", "찾기", "이전", "다음"} <= set(texts)
    w.templates._message_came(w.templates, {"kind": "hello", "request_id": "a", "language": "en-US"}, [])
    texts = [getattr(each, "description", "") for each in ipywidgets.widgets.widget._instances.values()]
    assert "배경" in texts
