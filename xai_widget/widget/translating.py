"""Words: the package's own texts in the language of the page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xai_widget.page import Message
from xai_widget.widget.asking import Key
from xai_widget.widget.service import Service
from xai_widget.words import language_of, languages, words_of

if TYPE_CHECKING:
    from xai_widget.widget.line import Line


class Words(Service):
    """Tells a view the catalogue of its language, which is the setting `locale`, or else its browser's."""

    def __init__(self, widget: "Line") -> None:
        super().__init__(widget)
        self._greeted: str | None = None
        widget.observe(self._locale_changed, names="locale")

    def greet(self, language: str) -> None:
        """Tell a new view the catalogue of its language, if there is one."""
        self._greeted = language
        self._tell(self.widget.locale or language)

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        """Return the catalogue of the setting, or all of them: who will read the page is not known."""
        del places
        locale = self.widget.locale
        wanted = languages() if locale is None else [language_of(locale)]
        return [(_message(language), []) for language in wanted if language is not None]

    def _locale_changed(self, _change: Any) -> None:
        if self._greeted is not None:  # a view that comes later is greeted
            self._tell(self.widget.locale or self._greeted)

    def _tell(self, locale: str) -> None:
        language = language_of(locale)
        if language is not None:
            self.widget.tell(_message(language))


def _message(language: str) -> dict[str, Any]:
    return {"kind": "words", "request_id": None, "locale": language, "words": dict(words_of(language))}
