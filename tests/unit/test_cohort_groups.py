"""Who is meant: groups of a cohort, and every way to say one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.made_cohorts import a_cohort, failed
from xai_widget.cohort.cohort import Cohort
from xai_widget.cohort.membership.groups import Group

# row: label, prediction, probability, age
PEOPLE = [
    (0, 0, 0.95, 61.0),
    (0, 1, 0.60, 72.0),
    (1, 1, 0.80, 68.0),
    (1, 1, 0.75, 80.0),
    (None, 0, 0.70, None),
]


def people(path: Path, **plan: Any) -> Cohort:
    """Five people with a map, and one whose input was broken, between them (row 2)."""
    records = [
        {"label": label, "prediction": prediction, "probability": probability, "columns": {"age": age, "site": "A"}}
        for label, prediction, probability, age in PEOPLE
    ]
    records.insert(2, failed(2))
    for row, record in enumerate(records):
        record.setdefault("id", f"p{row}")
        record["row"] = row
    return a_cohort(path, np.arange(24.0).reshape(6, 2, 2), None, records, labels=["control", "patient"], **plan)


@pytest.fixture
def c(tmp_path: Path) -> Cohort:
    return people(tmp_path)


def rows(groups: dict[str, Any]) -> dict[str, list[int]]:
    return {name: found.tolist() for name, found in groups.items()}


@pytest.mark.parametrize(
    ("group", "expected", "name"),
    [
        (None, [0, 1, 3, 4, 5], "all"),
        ("all", [0, 1, 3, 4, 5], "all"),
        ("patient", [1, 3, 4], "patient"),
        ("Patient", [1, 3, 4], "patient"),
        (1, [1, 3, 4], "patient"),
        (np.int64(0), [0, 5], "control"),
        ("correct", [0, 3, 4], "correct"),
        ("wrong", [1], "wrong"),
        ("label == 1 and probability >= 0.8", [3], "label == 1 and probability >= 0.8"),
        ("correct and age > 65", [3, 4], "correct and age > 65"),
        ("not correct", [1], "not correct"),
        ("label_name == 'patient'", [3, 4], "label_name == 'patient'"),
        ({"prediction": 1, "probability": (0.75, 1)}, [3, 4], "prediction 1, probability 0.75 ... 1"),
        ({"prediction": "patient", "probability": (None, 0.75)}, [1, 4], "prediction patient, probability <= 0.75"),
        ({"label": ["control", 1], "correct": True}, [0, 3, 4], "label ['control', 1], correct"),
        ({"age": lambda age: age % 2 == 0}, [1, 3, 4], "age chosen by <lambda>"),
        ([True, False, True, True, False, False], [0, 3], "chosen rows"),
        (np.array([False, True, True, False, False, True]), [1, 5], "chosen rows"),
        (["p4", "p0"], [0, 4], "chosen rows"),
        ([5, 2, 3], [3, 5], "chosen rows"),
        (np.array([1, 0]), [0, 1], "chosen rows"),
        (Group("mine", np.array([4, 3])), [3, 4], "mine"),
    ],
)
def test_a_group_can_be_said_in_many_ways(c: Cohort, group: Any, expected: list[int], name: str):
    picked = c.group(group)
    assert picked.rows.tolist() == expected
    assert picked.name == name


def test_a_series_of_the_tables_own_says_a_group(c: Cohort):
    assert c.group(c.table.probability > 0.7).rows.tolist() == [0, 3, 4]
    assert c.group(c.table.label == 1).rows.tolist() == [3, 4]


def test_groups_are_made_by_prediction_unless_the_run_said_otherwise(c: Cohort, tmp_path: Path):
    assert rows(c.groups()) == {"control": [0, 5], "patient": [1, 3, 4]}
    by_label = people(tmp_path / "other", group_by="label")
    assert rows(by_label.groups()) == {"control": [0, 1], "patient": [3, 4]}
    assert by_label.group("patient").rows.tolist() == [3, 4]
    assert by_label.group(1).rows.tolist() == [3, 4]


def test_groups_by_columns_thresholds_and_their_products(c: Cohort):
    assert rows(c.groups("correct")) == {"correct": [0, 3, 4], "wrong": [1]}
    assert rows(c.groups("site")) == {"A": [0, 1, 3, 4, 5]}
    assert rows(c.groups({"probability": 0.75})) == {"probability < 0.75": [1, 5], "probability >= 0.75": [0, 3, 4]}
    assert rows(c.groups({"age": [65, 75]})) == {"age < 65": [0], "65 <= age < 75": [1, 3], "age >= 75": [4]}
    assert rows(c.groups(["prediction", {"probability": 0.75}])) == {
        "control, probability < 0.75": [5],
        "control, probability >= 0.75": [0],
        "patient, probability < 0.75": [1],
        "patient, probability >= 0.75": [3, 4],
    }


def test_classes_of_the_same_name_stay_apart(tmp_path: Path):
    records = [{"prediction": each} for each in (0, 1, 1)]
    c = a_cohort(tmp_path, np.zeros((3, 2, 2)), None, records, labels=["crane", "crane"])
    assert rows(c.groups()) == {"crane (0)": [0], "crane (1)": [1, 2]}
    assert c.group("crane (1)").rows.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("patiant", "no group 'patiant'. Did you mean 'patient'"),
        ("probabilty > 0.5", "no column 'probabilty'. Did you mean 'probability'"),
        ({"agee": 3}, "no column 'agee'. Did you mean 'age'"),
        ("age >", "cannot be read"),
        ("age", "must say yes or no"),
        ({"site": (1, 2)}, "a tuple is a range"),
        (["p9"], "no id 'p9'"),
        ([17], "no row 17"),
        ([True, False], "one boolean a row of the table, 6; got shape (2,)"),
        (7, "Class index 7 is out of range"),
    ],
)
def test_what_is_not_understood_is_named(c: Cohort, group: Any, words: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its words are the test
        c.group(group)
    assert words in str(caught.value)


@pytest.mark.parametrize("group", [3.5, True, [[1]], [1.5], object()])
def test_what_is_no_way_to_say_a_group_is_a_type_error(c: Cohort, group: Any):
    with pytest.raises(TypeError, match=r"A group is a name|A list holds ids"):
        c.group(group)


def test_an_empty_group_says_how_many_there_are_and_why_nobody_fits(c: Cohort):
    for group, words in [
        ("probability > 0.99", ["5 rows have a map", "1 failed", "'probability' lies in 0.6 ... 0.95"]),
        ({"prediction": 1, "probability": (0.9, 1)}, ["3 have prediction 1.", "1 have probability 0.9 ... 1."]),
        ({"site": "B"}, ["0 have site B", "'site' holds A."]),
        ([2], ["1 are listed", "1 failed"]),
        ([], ["0 are listed"]),
    ]:
        with pytest.raises(ValueError, match="Nobody is in the group") as caught:
            c.group(group)
        assert all(each in str(caught.value) for each in words), str(caught.value)


def test_thresholds_must_increase_and_cut_numbers(c: Cohort):
    for by, words in [
        ({"age": [70, 60]}, "increasing"),
        ({"site": 3}, "holds no numbers"),
        ({"aeg": 3}, "Did you mean 'age'"),
        ([], "something to be made by"),
    ]:
        with pytest.raises(ValueError, match=words):
            c.groups(by)


def test_a_column_of_many_numbers_asks_for_a_threshold(tmp_path: Path):
    records = [{"probability": 0.5 + each / 100} for each in range(30)]
    c = a_cohort(tmp_path, np.zeros((30, 2, 2)), None, records)
    with pytest.raises(ValueError, match=r"30 different numbers .* cut it at a threshold"):
        c.groups("probability")


def test_members_are_found_by_row_and_id_and_failures_say_why(c: Cohort):
    assert c[3].values.tolist() == c["p3"].values.tolist() == [[12, 13], [14, 15]]
    assert len(c) == 5
    assert [a.meta["row"] for a in c] == [0, 1, 3, 4, 5]
    with pytest.raises(KeyError, match="OSError: truncated"):
        c[2]
    with pytest.raises(KeyError, match="Did you mean 'p3'"):
        c["p33"]


def test_an_id_of_several_rows_asks_for_the_row(tmp_path: Path):
    c = a_cohort(tmp_path, np.zeros((2, 2, 2)), None, [{"id": "x"}, {"id": "x"}])
    with pytest.raises(ValueError, match="2 rows have the id 'x': 0, 1"):
        c["x"]


def test_a_cohort_says_what_it_is(c: Cohort):
    assert repr(c) == ("cohort  5 maps of 2x2, 1 failed\nmethod  occlusion of Net\ngroups  control 2, patient 3")
    assert "<td style='text-align:left'>control 2, patient 3</td>" in c._repr_html_()


def test_text_of_a_dataset_is_escaped(tmp_path: Path):
    c = a_cohort(tmp_path, np.zeros((1, 2, 2)), labels=["<b>", "x"])
    assert "&lt;b&gt;" in c._repr_html_()
    assert "<b>" not in c._repr_html_()
