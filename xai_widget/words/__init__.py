"""What the package says of itself in other languages: methods, parameters, notes, statuses.

A catalogue is a JSON file named by its language. Its keys are the English texts as they stand in the code, so that a
text without a translation stays English; `{0}`, `{1}` ... are what differs from one text to the next. Errors are not
translated: they are looked up and quoted in bug reports.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_FOLDER: Final = files("xai_widget") / "words"


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that there are catalogues for; English needs none.

    Examples
    --------
    >>> languages()
    ('ko',)
    """
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def language_of(locale: str) -> str | None:
    """Return which of these languages a locale such as "ko-KR" means, or None.

    Examples
    --------
    >>> language_of("ko-KR"), language_of("en")
    ('ko', None)
    """
    tag = locale.lower().replace("_", "-").partition("-")[0]
    return tag if tag in languages() else None


@cache
def words_of(language: str) -> Mapping[str, str]:
    """Return the catalogue of one of the `languages`: translations by the English texts.

    Examples
    --------
    >>> words_of("ko")["Cancelled"]
    '취소됨'
    """
    return MappingProxyType(json.loads((_FOLDER / f"{language}.json").read_text("utf-8")))
