"""The picture that stays in the notebook's file, for readers without a kernel."""

import io
import time
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

from xai_widget.widget.asking import Asker
from xai_widget.widget.jobs import POLL_SECONDS

SMALLEST_PICTURE: Final = 384


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
    """Return a MIME bundle with `text` and `picture` in it; small pictures are shown larger."""
    encoded = io.BytesIO()
    picture.save(encoded, "PNG", optimize=True)
    scale = max(1, -(-SMALLEST_PICTURE // picture.width))
    others = {name: value for name, value in data.items() if name != "text/plain"}
    size = {"width": picture.width * scale, "height": picture.height * scale}
    return (
        {"text/plain": text, "image/png": encoded.getvalue(), **others},
        {**metadata, "image/png": size},
    )
