"""Photos: pictures that somebody brings through the page."""

import io
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, ClassVar, Final

from PIL import Image, UnidentifiedImageError

from xai_widget.session import Session
from xai_widget.shown import is_picture
from xai_widget.widget.gallery import Gallery
from xai_widget.widget.opening import Spot, open_another, session_names
from xai_widget.widget.pins import Pins
from xai_widget.widget.protocol import ack
from xai_widget.widget.service import Service

# What a page sends is made smaller there; whatever sends more is no page of ours.
LARGEST_BYTES: Final = 2 * 2**20
# Own photos that are kept.
MOST: Final = 50


class Photos(Service):
    """Opens a photo for every model and turns to it; a file that cannot be used changes nothing."""

    hears: ClassVar[tuple[str, ...]] = ("photo",)

    def hear(self, kind: str, request_id: str, content: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        """Open the photo in buffer 0, in the background."""
        del kind
        name = str(content.get("name") or "photo")[:120]
        if not self.widget.spots:
            message = "This viewer shows a map that was computed elsewhere; there is no model to ask about a photo."
            raise ValueError(message)
        if not is_picture(self.widget.session.inputs[0].picture):
            message = "This model is asked about volumes, and a photo is none. Open another XaiWidget for it."
            raise ValueError(message)
        if len(buffers) != 1:
            message = f"A photo travels as one buffer; got {len(buffers)}."
            raise ValueError(message)
        photo = bytes(buffers[0])
        if len(photo) > LARGEST_BYTES:
            message = f"{name!r} has {len(photo) / 1e6:.1f} MB; a photo may have {LARGEST_BYTES / 1e6:.1f} MB."
            raise ValueError(message)
        self.widget.asker.beside("probe", request_id, lambda: self._steps(request_id, name, photo))

    def _steps(self, request_id: str, name: str, photo: bytes) -> Iterator[None]:
        picture = read_photo(photo, name)
        widget = self.widget
        spots = widget.spots
        firsts = [session for session, spot in zip(widget.sessions, spots, strict=True) if spot.picture == 0]
        opened = [open_another(session, picture) for session in firsts]
        yield
        with widget.asker.lock:
            if widget.sessions:  # the widget may have been closed meanwhile
                places = self._place(opened, name)
                widget.service(Gallery).tell(self._unseen(places, first=len(spots) == 1))
                widget.active = places[0]
            widget.tell(ack("photo", request_id, name))

    def _unseen(self, places: Sequence[int], *, first: bool) -> tuple[int, ...]:
        """Return the places whose thumbnails no page has: the first photo makes a gallery of a single picture."""
        return (0, *places) if first else tuple(places)

    def _place(self, opened: Sequence[Session], name: str) -> list[int]:
        """Give a photo's sessions their places: at the end, or those of the oldest photo that nobody needs."""
        widget = self.widget
        sessions, spots = list(widget.sessions), list(widget.spots)
        own = sorted({spot.picture for spot in spots if spot.own})
        picture = max(spot.picture for spot in spots) + 1
        name = _unlike(name, {spot.title for spot in spots})
        if len(own) < MOST:
            places = list(range(len(sessions), len(sessions) + len(opened)))
            sessions.extend(opened)
            spots.extend(Spot(picture, model, name, own=True) for model in range(len(opened)))
        else:
            places = self._free(own)
            for model, (place, session) in enumerate(zip(places, opened, strict=True)):
                sessions[place], spots[place] = session, Spot(picture, model, name, own=True)
                widget.asker.drop(place)
        widget.sessions = widget.asker.sessions = tuple(sessions)
        widget.spots = tuple(spots)
        widget.names[:] = session_names(sessions, spots)
        return places

    def _free(self, own: Sequence[int]) -> list[int]:
        """Return the places of the oldest photo that is neither pinned nor shown."""
        widget = self.widget
        needed = {pin.wish.session for pin in widget.service(Pins).held.values()} | {widget.active}
        for picture in own:
            places = [at for at, spot in enumerate(widget.spots) if spot.picture == picture]
            if needed.isdisjoint(places):
                return places
        message = f"{MOST} own photos are kept, and maps of all of them are pinned; let some pins go."
        raise ValueError(message)


def _unlike(name: str, others: Collection[str]) -> str:
    """Return a name that none of the others has: what is pasted is always called the same."""
    numbered = (name if number == 1 else f"{name} ({number})" for number in count(1))
    return next(each for each in numbered if each not in others)


def read_photo(photo: bytes, name: str) -> Image.Image:
    """Return the picture in a file's bytes, decoded.

    Raises
    ------
    ValueError
        It is no picture, damaged, or too large to be opened safely.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(photo))
            picture.load()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        message = f"{name!r} is too large to be opened safely: {error}"
        raise ValueError(message) from error
    except UnidentifiedImageError as error:
        message = f"{name!r} is no picture that can be read. Choose a JPEG, PNG or WebP file."
        raise ValueError(message) from error
    except OSError as error:
        message = f"The picture {name!r} is damaged: {error}"
        raise ValueError(message) from error
    return picture
