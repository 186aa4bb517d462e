"""`xai-widget methods` says what the methods say of themselves."""

from __future__ import annotations

import json

from tests.shell import NET, call
from xai_widget import examples, methods
from xai_widget.explainers import method_classes, parameters_of


def test_the_table_has_every_method_with_what_it_needs_and_costs() -> None:
    page = call("methods").stdout
    first = {line.split()[0]: line for line in page.splitlines() if line and not line.startswith(" ")}
    assert list(first)[1:] == list(method_classes())
    assert "Occlusion sensitivity" in first["occlusion"]
    assert "scores" in first["occlusion"]
    assert "1 + windows forwards" in first["occlusion"]


def test_with_a_model_it_says_which_work_and_why_others_do_not() -> None:
    page = call("methods", *NET)
    assert page.exit_code == 0, page.output
    words = {line.split()[0]: line.split()[1] for line in page.stdout.splitlines() if not line.startswith(" ")}
    expected = {row.id: row for row in methods(examples.mosaic_net())}
    assert words == {"method": "works", **{name: "yes" if row.works else "no" for name, row in expected.items()}}
    joined = " ".join(page.stdout.split())
    assert words["attention_rollout"] == "no"
    assert " ".join(str(expected["attention_rollout"].why_not).split()) in joined


def test_one_method_is_told_in_full() -> None:
    cls = method_classes()["occlusion"]
    page = " ".join(call("methods", "occlusion").stdout.split())
    for text in (cls.label, cls.summary, cls.formula, cls.when, cls.evaluations, cls.cites):
        assert " ".join(text.split()) in page
    for parameter in parameters_of(cls):
        assert f"--{parameter.name}" in page
        assert parameter.about.help in page
    assert "[1 to 256; default: auto]" in page


def test_numbers_keep_their_defaults() -> None:
    page = " ".join(call("methods", "rise").stdout.split())
    assert "--seed INTEGER Of the random masks. [0 to 2147483647; default: 0]" in page
    assert "[0.01 to 0.99; default: 0.5]" in page


def test_json_holds_the_same_facts() -> None:
    rows = {row["id"]: row for row in json.loads(call("methods", *NET, "--json").stdout)}
    assert list(rows) == list(method_classes())
    window = rows["occlusion"]["parameters"][0]
    expected = {"name": "window", "option": "--window", "kind": "int", "minimum": 1, "maximum": 256, "default": None}
    assert expected.items() <= window.items()
    assert rows["occlusion"]["works"] is True
    assert rows["attention_rollout"]["works"] is False
    assert [row["id"] for row in json.loads(call("methods", "rise", "--json").stdout)] == ["rise"]
