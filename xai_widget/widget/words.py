"""The words of a magic's line: what stands in brackets or quotes stays together."""

from typing import Final

CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
QUOTES: Final = "\"'"


def words(line: str) -> list[str]:
    """Split a line at the spaces outside brackets and quotes.

    Raises
    ------
    ValueError
        A bracket or a quote is not closed.

    Examples
    --------
    >>> words('model load("my cat.jpg", 2) --target "tabby cat"')
    ['model', 'load("my cat.jpg", 2)', '--target', '"tabby cat"']
    """
    found, last, missing = _split(line)
    if missing:
        message = f"{missing} is missing"
        raise ValueError(message)
    return [*found, last] if last else found


def words_so_far(line: str) -> tuple[list[str], str]:
    """Return the complete words of a line that is being written, and the one that is not (empty after a space).

    Examples
    --------
    >>> words_so_far('model img --target "tabby c')
    (['model', 'img', '--target'], '"tabby c')
    """
    found, last, _ = _split(line)
    return found, last


def bare(word: str) -> str:
    """Return a word without the quotes around it.

    Examples
    --------
    >>> bare("'tabby cat'")
    'tabby cat'
    """
    quoted = len(word) > 1 and word[0] in QUOTES and word[-1] == word[0]
    return word[1:-1] if quoted else word


def _split(line: str) -> tuple[list[str], str, str]:
    """Return the words that a space ends, the rest, and the sign that is still missing."""
    found: list[str] = []
    word, awaited, previous = "", "", ""
    for sign in line:
        if awaited and awaited[-1] in QUOTES:
            if sign == awaited[-1] and previous != "\\":
                awaited = awaited[:-1]
        elif sign in QUOTES:
            awaited += sign
        elif sign in CLOSING:
            awaited += CLOSING[sign]
        elif awaited and sign == awaited[-1]:
            awaited = awaited[:-1]
        if sign.isspace() and not awaited:
            if word:
                found.append(word)
            word = ""
        else:
            word += sign
        previous = sign
    return found, word, awaited[-1:]
