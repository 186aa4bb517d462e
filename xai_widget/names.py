"""Names that may have been meant: the end of an error message about one that is not known."""

import difflib
from collections.abc import Iterable


def nearest(name: str, choices: Iterable[str]) -> str:
    """Suggest what may have been meant, as the end of an error message.

    Parameters
    ----------
    name
        What was given.
    choices
        What there is; a choice may consist of synonyms separated by commas.

    Returns
    -------
    str
        A sentence with a space before it that names up to three choices, or nothing if none comes near.

    Examples
    --------
    >>> nearest("layer5", ["stem", "layer4"])
    " Did you mean 'layer4'?"
    >>> nearest("zebra", ["cat"])
    ''
    """
    wanted = name.strip().casefold()
    # A later choice must not take a spelling from an earlier one: the first of equals is suggested.
    spellings: dict[str, str] = {}
    for choice in choices:
        for spelling in (choice, *choice.split(",")):
            spellings.setdefault(spelling.strip().casefold(), choice)
    alike = difflib.get_close_matches(wanted, spellings, n=3)
    parts = sorted((s for s in spellings if len(wanted) > 1 and wanted in s), key=len)
    same = [wanted] if wanted in spellings else []
    close = list(dict.fromkeys(spellings[s] for s in (*same, *alike, *parts)))[:3]
    if not close:
        return ""
    *first, last = [repr(choice) for choice in close]
    return f" Did you mean {', '.join(first)} or {last}?" if first else f" Did you mean {last}?"
