"""The page that `XaiWidget.to_html` writes: the front end with everything that was computed, in one file.

`js/src/offline/saved.ts` describes the data as the page reads it.
"""

import base64
import html
import json
import re
import zlib
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xai_widget.page import Message, Payload, bundle
from xai_widget.targets import Wire

# Maps with more values are kept in 16 bits: ten of 224 x 224 would make a page of 3 MB otherwise.
DENSE: Final = 64 * 64
# The largest value comes to lie between 2**14 and 2**15: whatever is above a hundred-millionth of it keeps three digits.
HALF_EXPONENT: Final = 15
# The policy lets nothing be loaded, wherever the page may lie: it is complete, and it tells nobody that it is read.
PAGE: Final = Template("""\
<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>$title – xai-widget</title>
<style>
$style</style>
</head>
<body>
<main>
<h1>$title</h1>
<noscript>This page needs JavaScript: switch it on to see the heat maps.</noscript>
<div id="xai-head"></div>
<div id="xai-body"></div>
</main>
<script type="application/json" id="xai-data">$data</script>
<script>
$script</script>
</body>
</html>
""")


def offline_page(
    title: str,
    settings: Mapping[str, Any],
    sessions: Sequence[tuple[Message, Wire]],
    maps: Sequence[Message],
    shown: int | None,
    news: Sequence[Message] = (),
) -> str:
    """Return a page that shows the widget, without a kernel and without a network.

    Parameters
    ----------
    title : str
        Of the page.
    settings : mapping
        The widget's traits as they are sent.
    sessions : sequence of message and target
        What `session_payload` gives, each with the predicted class.
    maps : sequence of message
        What `result_payload` gives, oldest first. Maps of more than 4096 values are kept as 16-bit floats, which have
        three digits; all others are kept as they are.
    shown : int or None
        Place of the map that belongs to the settings.
    news : sequence of message
        What else the page is told, as it is: pins, regions, films, the gallery.

    Raises
    ------
    FileNotFoundError
        The front end was not built.
    ValueError
        Something that is no JSON.
    """
    known = _Known({"sessions": [message for message, _ in sessions], "maps": maps})
    state = {
        "settings": dict(settings),
        "sessions": [
            {"content": content, "predicted": predicted, "buffers": [_packed(np.asarray(each)) for each in buffers]}
            for (content, buffers), predicted in sessions
        ],
        "maps": [
            {"content": content, "buffers": [_packed_map(np.asarray(each)) for each in buffers]}
            for content, buffers in maps
        ],
        "shown": shown,
        "news": [
            {"content": content, "buffers": [known.packed(each) for each in buffers]} for content, buffers in news
        ],
    }
    script, style = bundle("offline")
    data = json.dumps(state, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return PAGE.substitute(
        language=html.escape(settings.get("locale") or "en"),
        title=html.escape(title),
        style=re.sub("</(?=style)", r"<\\/", style, flags=re.IGNORECASE),
        # In text for people a tag may occur; to JSON a "<" is the same in either spelling.
        data=data.replace("<", r"\u003c"),
        script=_in_a_page(script),
    )


def _in_a_page(script: str) -> str:
    """Escape what would end a script element; such text occurs in a script's strings only."""
    return re.sub("</(?=script)", r"<\\/", script, flags=re.IGNORECASE).replace("<!--", r"<\!--")


class _Known:
    """Buffers that the page has already: a pinned map is one of the maps, and is not kept twice."""

    def __init__(self, carried: Mapping[str, Sequence[Message]]) -> None:
        self._places: dict[bytes, Payload] = {}
        for name, messages in carried.items():
            for at, (_, buffers) in enumerate(messages):
                for buffer, each in enumerate(buffers):
                    self._places.setdefault(bytes(each), {"within": name, "at": at, "buffer": buffer})

    def packed(self, buffer: memoryview | bytes) -> Payload:
        """Return a buffer's numbers, or where they are."""
        place = self._places.get(bytes(buffer))
        if place is not None:
            return place
        numbers = np.asarray(memoryview(buffer))
        return _packed_map(numbers) if numbers.dtype == np.float32 else _packed(numbers)


def _packed_map(values: NDArray[np.float32]) -> Payload:
    if values.size <= DENSE:
        return _packed(values)
    peak = np.abs(values[np.isfinite(values)]).max(initial=0)
    exponent = int(np.frexp(peak)[1]) - HALF_EXPONENT
    return _packed(np.ldexp(values.astype(np.float64), -exponent).astype(np.float16), exponent)


def _packed(numbers: NDArray[Any], exponent: int = 0) -> Payload:
    little = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
    data = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")
    return {"dtype": numbers.dtype.name, "exponent": exponent, "data": data}
