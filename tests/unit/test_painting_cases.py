"""The checked-in cases, which the page's painting is tested with, are what Python paints today."""

import json

from tools.make_painting_cases import TARGET, cases


def test_the_pages_cases_are_what_python_paints() -> None:
    assert json.loads(TARGET.read_text()) == cases(), "run python tools/make_painting_cases.py"
