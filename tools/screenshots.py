"""Take the pictures of the documentation, in a real JupyterLab.

Run as ``python -m tools.screenshots [FOLDER]``; the folder is ``docs/images`` unless another one is named. Writes
``widget.png`` (light), ``widget-dark.png`` and ``widget-narrow.png`` (480 px).
"""

import io
import sys
from pathlib import Path
from typing import Final

from PIL import Image

from tests.browser.desk import desk
from tests.browser.view import View

ROOT: Final = Path(__file__).parents[1]
WIDTH: Final = 960
NARROW: Final = 480
DENSITY: Final = 2
LARGEST_BYTES: Final = 700_000

SCENE: Final = """\
from xai_widget import XaiWidget, examples

scene = examples.mosaic(["cat", "rocket", "temple", "coffee"])
XaiWidget(examples.mosaic_net(), scene.image, target="rocket")"""


def main(folder: Path) -> None:
    """Write the pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with desk(1400, 1200, density=DENSITY) as lab:
        lab.open("screenshots", [SCENE])
        lab.run(0)
        widget = lab.view(0).wait()
        lab.widen(widget, WIDTH)
        _keep(widget, folder / "widget.png")
        lab.theme("Dark")
        _keep(widget, folder / "widget-dark.png")
        lab.theme("Light")
        lab.widen(widget, NARROW)
        _keep(widget, folder / "widget-narrow.png")


def _keep(view: View, path: Path) -> None:
    """Photograph a widget; of the colours' eight bits, only as many are kept as fit into the file."""
    view.lab.frames()
    shot = Image.open(io.BytesIO(view.photograph())).convert("RGB")
    for bits in (8, 7, 6, 5):
        _coarse(shot, bits).save(path, optimize=True)
        if path.stat().st_size <= LARGEST_BYTES:
            break
    print(f"{path}: {shot.width} x {shot.height}, {path.stat().st_size / 1000:.0f} kB, {bits} bits")


def _coarse(picture: Image.Image, bits: int) -> Image.Image:
    # Rounded to the nearest step, with black and white left as they are: 256 colours in all would show as bands.
    steps = 2**bits - 1
    return picture.point([round(round(value / 255 * steps) * 255 / steps) for value in range(256)] * 3)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
