"""The checked-in cases, which the page's painting is tested with, are what Python paints today."""

import json

from tools.make_painting_cases import PANES, TARGET, cases, pane_cases


def test_the_pages_cases_are_what_python_paints() -> None:
    assert json.loads(TARGET.read_text()) == cases(), "run python tools/make_painting_cases.py"


def test_the_pages_cases_of_volumes_are_what_python_paints() -> None:
    assert json.loads(PANES.read_text()) == pane_cases(), "run python tools/make_painting_cases.py"
