"""Words: what the page and the package itself say, in the language of the page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xai_widget.page import Message, Payload, catalogues
from xai_widget.widget.asking import Key
from xai_widget.widget.service import Service
from xai_widget.words import language_of, languages, words_of

if TYPE_CHECKING:
    from xai_widget.widget.line import Line


class Words(Service):
    """Sends a view the catalogues of its language, which is the setting `locale`, or else its browser's."""

    def __init__(self, widget: "Line") -> None:
        super().__init__(widget)
        # Read together with the bundle, which they belong to.
        self._catalogues = catalogues()
        # The languages of the browsers that have said hello, and what they have been told since the last one did.
        self._browsers: set[str | None] = set()
        self._told: set[str] = set()
        widget.observe(self._locale_changed, names="locale")

    def speak(self, language: str) -> None:
        """Tell a new view the catalogues of its language, if there are any."""
        self._browsers.add(language_of(language))
        self._told.clear()
        self._tell(language_of(self.widget.locale or language))

    def keepsakes(self, places: Mapping[Key, int]) -> list[Message]:
        """Return the words of the setting, or all of them: who will read the page is not known.

        Its own words such a page has within.
        """
        del places
        locale = self.widget.locale
        wanted = languages() if locale is None else [language_of(locale)]
        return [(words_message(language, None), []) for language in wanted if language is not None]

    def _locale_changed(self, _change: Any) -> None:
        locale = self.widget.locale
        # A view that comes later hears it when it says hello.
        for browser in self._browsers:
            self._tell(browser if locale is None else language_of(locale))

    def _tell(self, language: str | None) -> None:
        if language is not None and language not in self._told:
            self._told.add(language)
            self.widget.tell(words_message(language, self._catalogues[language]))


def words_message(language: str, catalogue: str | None) -> Payload:
    """Return what a page is told of a language; the `catalogue` of its own words is None where it has them."""
    words = dict(words_of(language))
    return {"kind": "words", "request_id": None, "locale": language, "words": words, "catalogue": catalogue}
