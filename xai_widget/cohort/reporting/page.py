"""Pieces of a page: everything that is text is escaped, unless it was made here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from importlib import resources
from string import Template
from typing import Any, Final

# No scripts, and nothing may be loaded: whoever reads the page tells nobody.
PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
$style</style>
</head>
<body>
$body
</body>
</html>
""")
# Letters that turn the direction of what follows, or show nothing: an id must not disguise the words around it.
UNSEEN: Final = {ord(letter): None for letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00"}


class Html(str):
    """Text that is a piece of a page already."""

    __slots__ = ()


def escaped(part: Any) -> Html:
    """Return a piece of a page: what is one already as it is, anything else as text.

    Examples
    --------
    >>> escaped("<script>"), escaped(Html("<b>bold</b>"))
    ('&lt;script&gt;', '<b>bold</b>')
    """
    return part if isinstance(part, Html) else Html(html.escape(str(part).translate(UNSEEN)))


def element(name: str, *parts: Any, **attributes: Any) -> Html:
    """Return an element.

    Parameters
    ----------
    name : str
        Of the element.
    *parts : Html or text
        What is in it.
    **attributes
        `class_` is class, `aria_label` is aria-label; those that are None are left out.

    Examples
    --------
    >>> element("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>" + ("" if name == "img" else f"{joined(parts)}</{name}>"))


def joined(parts: Iterable[Any]) -> Html:
    """Return pieces one after the other."""
    return Html("".join(escaped(part) for part in parts))


def paragraph(*parts: Any) -> Html:
    """Return a paragraph of text."""
    return element("p", *parts)


def note(*parts: Any) -> Html:
    """Return a paragraph that stands out: what a reader must not miss."""
    return element("p", *parts, class_="note")


def section(title: str, *parts: Any) -> Html:
    """Return a section under a heading that can be linked to."""
    return element("section", element("h2", title), *parts, id=anchor(title))


def anchor(title: str) -> str:
    """Return the id of a section."""
    return title.lower().replace(" ", "-")


def facts(rows: Iterable[tuple[str, Any]]) -> Html:
    """Return a table of two columns: what, and its value."""
    lines = [element("tr", element("th", name, scope="row"), element("td", value)) for name, value in rows]
    return element("table", element("tbody", *lines), class_="facts")


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> Html:
    """Return a table that can be scrolled where it is too wide; the first cell of each row names it.

    Parameters
    ----------
    caption : str
        What is in it.
    head : sequence of str
        Names of the columns.
    rows : iterable of sequences
        Their cells.
    numbers : sequence of int
        Columns of numbers, which are aligned to the right.
    """
    kind = dict.fromkeys(numbers, "number")
    titles = [element("th", name, scope="col", class_=kind.get(at)) for at, name in enumerate(head)]
    lines = [
        element(
            "tr",
            *(
                element("td" if at else "th", cell, scope=None if at else "row", class_=kind.get(at))
                for at, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    return scrolled(caption, element("thead", element("tr", *titles)), element("tbody", *lines))


def scrolled(caption: str, *parts: Html) -> Html:
    """Return a table of these parts; the keyboard reaches what lies outside on a narrow screen."""
    whole = element("table", element("caption", element("span", caption)), *parts)
    return element("div", whole, class_="wide", tabindex=0, role="region", aria_label=caption)


def page(title: str, lead: Html, sections: Sequence[Html], titles: Sequence[str], foot: str) -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
        Its heading.
    lead : Html
        What stands below the heading.
    sections : sequence of Html
    titles : sequence of str
        Of the sections.
    foot : str
        The last line.
    """
    links = [element("li", element("a", each, href=f"#{anchor(each)}")) for each in titles]
    contents = element("nav", element("ul", *links), aria_label="Contents")
    header = element("header", element("h1", title), lead, contents)
    body = joined([header, element("main", *sections), element("footer", element("p", foot))])
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    return PAGE.substitute(title=escaped(title), style=style, body=body)
