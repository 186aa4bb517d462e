"""The page about the methods says what the methods say, and what was measured of every one."""

import json

from tools.make_methods_doc import DOCS, page
from tools.measure_methods import verdict
from xai_widget.explainers import OWN

MEASURED = json.loads((DOCS / "methods.json").read_text())


def test_the_page_is_what_the_methods_say_now() -> None:
    written = (DOCS / "methods.md").read_text()
    assert page() == written, "Run python -m tools.make_methods_doc"


def test_every_method_was_measured() -> None:
    assert list(MEASURED) == [cls.id for cls in OWN], "Run python -m tools.measure_methods"
    assert all(facts["forwards"] >= 1 for facts in MEASURED.values())


def test_what_methods_say_of_themselves_is_what_was_measured() -> None:
    for cls in OWN:
        facts = MEASURED[cls.id]
        assert cls().signed == facts["signed"], cls.id
        assert cls.randomisation == verdict(facts["randomised"], facts["upper_half_randomised"]), cls.id


def test_every_method_says_when_to_use_it_what_it_costs_and_where_it_is_from() -> None:
    for cls in OWN:
        assert cls.when.endswith("."), cls.id
        assert cls.evaluations, cls.id
        assert cls.formula, cls.id
        assert (
            "arXiv" in cls.cites
            or "doi" in cls.cites.lower()
            or any(year in cls.cites for year in map(str, range(1990, 2027)))
        )


def test_a_correlation_is_read_by_its_bounds() -> None:
    assert [verdict(value) for value in (0.29, 0.3, 0.7, 0.71)] == ["passes", "partly", "partly", "fails"]
