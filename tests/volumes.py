"""Small volumes in any orientation, and a widget on one."""

from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from tests.recorded import Recorded, a_widget
from tests.zoo import Volumetric, seeded

SHAPE = (10, 12, 8)
LABELS = ["control", "patient"]
# Stored towards the patient's left, bottom and front, with voxels of 2 x 1 x 1.5 mm.
LIA = np.array([[-2.0, 0, 0, 9], [0, 0, 1.5, -4], [0, -1.0, 0, 6], [0, 0, 0, 1]])


def a_volume(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(100, 20, shape).astype(np.float32)


def a_scan(seed: int = 0, affine: Any = LIA) -> Any:
    """A nibabel image."""
    return nibabel.Nifti1Image(a_volume(seed), affine)


def a_volume_widget(img: Any = None, model: Any = None, **settings: Any) -> Recorded:
    settings = {"labels": LABELS, "method": "occlusion", "params": {"window": 4, "stride": 4}, **settings}
    return a_widget(seeded(Volumetric) if model is None else model, a_scan() if img is None else img, **settings)
