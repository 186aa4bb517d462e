"""Where no kernel runs, the picture of the heat map is still there."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys

import numpy as np
from PIL import Image

from tests.browser.scenes import SCENE
from tests.browser.view import difference


def test_a_saved_notebook_becomes_a_page_with_the_heat_map(show, server):
    lab = show(SCENE)
    lab.view().wait()
    lab.wait_for_kernel()
    lab.save()
    page = lab.path.with_suffix(".html")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--output", page.name, lab.path.name]
    subprocess.run(command, cwd=server.notebooks, check=True, capture_output=True)
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", page.read_text("utf-8"))
    pictures = [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]
    # The page's own ornaments are smaller.
    (shown,) = [each for each in pictures if each.size == (128, 128)]
    picture = np.asarray(shown.convert("RGB"))
    assert (picture == np.asarray(lab.kernel.value("w.explain().heat_map(w.view).tolist()"), np.uint8)).all()
    photo = np.asarray(lab.kernel.value("w.attribution.image.tolist()"), np.uint8)
    assert difference(picture, photo) > 5
