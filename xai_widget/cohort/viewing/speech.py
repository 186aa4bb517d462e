"""Speech: what the controls of a cohort's widget say, in the language of the page."""

from __future__ import annotations

from xai_widget.words import language_of, words_of


class Speech:
    """Says a text in a language; one without a translation stays English.

    Examples
    --------
    >>> say = Speech("ko-KR")
    >>> say("Cancelled"), say("{0} of {1}", 3, 4)
    ('취소됨', '3 of 4')
    """

    def __init__(self, locale: str | None) -> None:
        self.language = language_of(locale or "en")

    def __call__(self, text: str, *values: object) -> str:
        """Return a text, its holes `{0}`, `{1}` ... filled."""
        words = words_of(self.language) if self.language is not None else {}
        return words.get(text, text).format(*values)
