"""Saving: what a person takes away from the page beyond what the page itself can make."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from xai_widget.attribution import Attribution
from xai_widget.offline_page import offline_page
from xai_widget.page import Message, result_payload
from xai_widget.targets import Wire
from xai_widget.widget.protocol import TRAITS, ack
from xai_widget.widget.service import Service

if TYPE_CHECKING:
    from xai_widget.widget.xai_widget import XaiWidget

# What a page without a kernel takes over: it has nothing to run.
SAVED: Final = [name for name in TRAITS if name not in {"status", "auto_run"}]
FORMATS: Final = ("npz", "nii.gz")
MIME: Final = "application/octet-stream"
# File systems allow 255 bytes, and a letter may take four.
LONGEST_NAME: Final = 60


class Saving(Service):
    """Writes the numbers of the map that is shown, and leaves a picture in the widget's place.

    Pictures are answered at once: that takes as long as one small file, and a run need not be over for it.
    """

    hears: ClassVar[tuple[str, ...]] = ("save", "freeze")
    widget: "XaiWidget"

    def hear(self, kind: str, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Save or freeze.

        Raises
        ------
        ValueError
            Another format, or there is no heat map yet.
        RuntimeError
            There is no output to freeze.
        """
        del buffers
        if kind == "freeze":
            self.widget.freeze()
            self.widget.tell(ack("freeze", request_id))
        else:
            self._save(request_id, content.get("format"))

    def _save(self, request_id: str, file_format: object) -> None:
        if file_format not in FORMATS:
            message = f"Cannot save as {file_format!r}; expected one of {', '.join(FORMATS)}."
            raise ValueError(message)
        latest = self.widget.asker.latest
        if latest is None or latest[0].session != self.widget.active:
            message = "There is no heat map to save yet; run the method first."
            raise ValueError(message)
        _, attribution, _ = latest
        if file_format == "nii.gz" and attribution.values.ndim != 3:
            message = "A NIfTI file holds volumes, and this is a heat map of a picture. Save it as npz."
            raise ValueError(message)
        name = file_name(attribution, str(file_format))
        answer = {"kind": "saved", "request_id": request_id, "name": name, "mime": MIME}

        def steps() -> Iterator[None]:
            self.widget.tell(answer, [memoryview(in_a_file(attribution, name))])
            yield

        if attribution.values.ndim == 2:
            next(steps())
        else:  # a large volume takes seconds
            self.widget.asker.beside("probe", request_id, steps)


def in_a_file(attribution: Attribution, name: str) -> bytes:
    """Return what `attribution.save(name)` writes."""
    with tempfile.TemporaryDirectory() as folder:
        return attribution.save(Path(folder) / name).read_bytes()


def saved_page(widget: "XaiWidget", sessions: Sequence[tuple[Message, Wire]], current: Attribution | None) -> str:
    """Return a page with everything that `widget` has computed.

    Parameters
    ----------
    widget : XaiWidget
        Its maps, and what its services keep.
    sessions : sequence of message and target
        As for `offline_page`.
    current : Attribution or None
        The map of its settings, if they have one.
    """
    with widget.asker.lock:
        finished = list(widget.asker.finished.items())
        places = {key: place for place, (key, _) in enumerate(finished)}
        news = [message for service in widget.services for message in service.keepsakes(places)]
    return offline_page(
        f"{widget.session.facts.model}: {', '.join(widget.names)}",
        widget.get_state(SAVED),
        sessions,
        [result_payload(found, session, method.label) for (session, method, *_), found in finished],
        next((place for place, (_, found) in enumerate(finished) if found is current), None),
        news,
    )


def file_name(attribution: Attribution, ending: str = "npz") -> str:
    """Return a name for the file: method and class, in letters, digits and dashes.

    Examples
    --------
    >>> from xai_widget import examples, explain
    >>> file_name(explain(examples.mosaic_net(), examples.photo("cat")))
    'grad-cam-cat.npz'
    """
    words = re.sub(r"[\W_]+", "-", f"{attribution.method} {attribution.label}".lower())
    return f"{words[:LONGEST_NAME].strip('-') or 'heat-map'}.{ending}"
