"""Taking: the widget as a picture, in a notebook's file, and as a page of its own."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_widget.covering import PLACES, strongest_places
from xai_widget.render import enlarged, fitting_scale, paint_volume, voxels_of
from xai_widget.shown import is_picture
from xai_widget.view import check_view
from xai_widget.widget.comparing import Comparing
from xai_widget.widget.saving import saved_page
from xai_widget.widget.stored import replace, show, still_bundle, wait_for_map, with_picture

# How long the stored picture waits for a first heat map.
FIRST_ESTIMATE_SECONDS: Final = 2.0
# What stands in the widget's place for good is as sharp as a screen.
FROZEN_SCALE: Final = 2


class Taking(Comparing):
    """The part of the widget that can be taken away."""

    # Under which names the notebook knows what was displayed of this widget.
    _displays: tuple[str, ...] = ()

    def snapshot(self, *, scale: int = 1, bar: bool = False) -> Image.Image:
        """Return the picture under the heat map as the page shows it (without a map yet: the picture).

        Of a volume: its three planes, or the montage; see `Attribution.heat_map`.

        Parameters
        ----------
        scale : int
            Output pixels per picture pixel along each side.
        bar : bool
            Put it on white paper, with its colour bar and numbers.

        Raises
        ------
        ValueError
            The scale is not a whole number of at least 1.

        Examples
        --------
        >>> from xai_widget import XaiWidget, examples
        >>> w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
        >>> w.snapshot(scale=2).size
        (256, 256)
        """
        latest = self.asker.latest
        if latest is None or latest[0].session != self.active:
            return Image.fromarray(self._without_map(scale))
        found = latest[1]
        outlined = self.view["mode"] == "regions" and found.values.ndim == 2
        labels = strongest_places(found.resized(), PLACES) if outlined else None
        if bar:
            return found.sheet(self.view, labels=labels, scale=scale)
        return Image.fromarray(found.heat_map(self.view, labels=labels, scale=scale))

    def _without_map(self, scale: int) -> NDArray[np.uint8]:
        image, affine = self.session.inputs[0].picture, self.session.inputs[0].affine
        if is_picture(image):
            return enlarged(image, scale)
        return paint_volume(
            voxels_of(image), None, affine=affine, signed=False, view=check_view(self.view), scale=scale
        )

    def _still_scale(self, scale: int) -> int:
        """Return a scale for a picture that stays: volumes may have few voxels, and marks that must be read."""
        item = self.session.inputs[0]
        if is_picture(item.picture):
            return scale
        return fitting_scale(item.picture.shape, item.affine, check_view(self.view))

    def freeze(self) -> None:
        """Put a picture in the widget's place, wherever a cell has displayed it.

        For a notebook that will be read without its kernel, where a live widget would be blank: freeze, then save the
        notebook. The widget itself lives on; run its cell again, or `display(w)`, to see it. Where a page was loaded
        anew since the cell ran, the cell must be run again before.

        Raises
        ------
        RuntimeError
            No cell has displayed it by itself: it is part of another widget, or of a host that is not a notebook.
        """
        if not self._displays:
            message = (
                "This widget was not displayed by a notebook's cell, so there is no output to replace. Display it by"
                " itself, as the last line of a cell or with display(w), then freeze it."
            )
            raise RuntimeError(message)
        replace(
            self._displays, *still_bundle(repr(self), self.snapshot(scale=self._still_scale(FROZEN_SCALE), bar=True))
        )

    def to_html(self, path: str | Path) -> Path:
        """Write the widget, with every map in `attributions`, into one HTML file, and return its path.

        The page needs neither a kernel nor a network. It shows the same interface: a method, class and layer whose map
        was computed shows that map, any other question says so. All maps can also be chosen from a list. What was
        pinned, and what was measured of the most important places, is there too.

        The current settings are explained first, as by `explain`, if they have not been. With `auto_run=False` that
        happens only where nothing at all has been explained; a page whose settings have no map opens with the newest.

        Parameters
        ----------
        path : str or Path
            Ends in `.html`; a file that is there is replaced. A photo of 224 x 224 and ten maps of that size come to
            at most 2 MB. Maps of more than 4096 values are kept with three digits, all others as they are. A volume is
            kept once, a byte a voxel and deflated: a head scan of 48 x 56 x 52 makes a page of 0.4 MB, one of 256³ a
            page of 4 MB; each map that is as fine as 256³ adds up to 41 MB.

        Raises
        ------
        ValueError
            `path` does not end in `.html`.
        OSError
            The file cannot be written.
        Exception
            Whatever the run raised.

        Examples
        --------
        >>> from tempfile import mkdtemp
        >>> from xai_widget import XaiWidget, examples
        >>> w = XaiWidget(examples.mosaic_net(), examples.photo("cat"))
        >>> w.to_html(f"{mkdtemp()}/cat.html").name
        'cat.html'
        """
        path = Path(path)
        if path.suffix.lower() not in {".html", ".htm"}:
            message = f"to_html writes a web page; expected a path that ends in .html, got {str(path)!r}."
            raise ValueError(message)
        current = self.explain() if self.auto_run or not self.asker.finished else None
        sessions = [
            (self._session_message(each, index), each.question(None).wire) for index, each in enumerate(self.sessions)
        ]
        page = saved_page(self, sessions, current)
        path.write_text(page, "utf-8", newline="\n")
        return path

    # -- in a notebook ----------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if not self.sessions:
            return "XaiWidget(closed)"
        model = self.sessions[0].facts.model
        return f"XaiWidget({model}, {', '.join(map(repr, self.names))})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self._displayed = True
        made = super()._repr_mimebundle_(**kwargs)
        if made is None:
            return None
        if not self._awake and self.auto_run:
            self._start_by_itself()
        wait_for_map(self.asker, FIRST_ESTIMATE_SECONDS)
        return with_picture(*made, repr(self), self.snapshot(scale=self._still_scale(1)))

    def _ipython_display_(self) -> None:
        # What a cell's last line gives could not be replaced by freeze(); what is displayed under a name can.
        made = self._repr_mimebundle_()
        if made is not None:
            self._displays = (*self._displays, show(*made))
