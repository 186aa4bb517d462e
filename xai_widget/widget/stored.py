"""The picture that stays in the notebook's file, for readers without a kernel."""

import io
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from IPython.display import display, update_display
from PIL import Image

from xai_widget.widget.asking import Asker
from xai_widget.widget.jobs import POLL_SECONDS

SMALLEST_PICTURE: Final = 384
# Of zlib: the cell waits for the file. A photo is as small as with the best level, in a quarter of the time; and the
# largest pictures are 5 % larger, in a tenth of it.
QUICK: Final = 4


def wait_for_map(asker: Asker, seconds: float) -> None:
    """Wait until there is a first map, the run has ended, or the time is over."""
    job = asker.job
    deadline = time.monotonic() + seconds
    while job is not None and asker.latest is None and not job.ended.is_set():
        if not job.advanced.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                break
            continue
        job.advanced.clear()


def with_picture(
    data: Mapping[str, Any], metadata: Mapping[str, Any], text: str, picture: Image.Image
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a MIME bundle with `text` and `picture` in it."""
    still, size = still_bundle(text, picture)
    others = {name: value for name, value in data.items() if name != "text/plain"}
    return {**still, **others}, {**metadata, **size}


def still_bundle(text: str, picture: Image.Image) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a MIME bundle of `text` and `picture` alone, with its metadata; small pictures are shown larger."""
    encoded = io.BytesIO()
    picture.save(encoded, "PNG", compress_level=QUICK)
    scale = max(1, -(-SMALLEST_PICTURE // picture.width))
    size = {"width": picture.width * scale, "height": picture.height * scale}
    return {"text/plain": text, "image/png": encoded.getvalue()}, {"image/png": size}


def show(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Display a MIME bundle as the output of the running cell; returns the name under which it can be replaced.

    A notebook replaces what was displayed under a name. The value of a cell's last line has none.
    """
    name = uuid.uuid4().hex
    display(dict(data), metadata=dict(metadata), raw=True, display_id=name)  # type: ignore[no-untyped-call]
    return name


def replace(names: Iterable[str], data: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Put another MIME bundle in the place of what was displayed."""
    for name in names:
        update_display(dict(data), metadata=dict(metadata), raw=True, display_id=name)  # type: ignore[no-untyped-call]
