"""A real scan from the folder that XAI_WIDGET_TEST_DATA names: its map lies where the scan lies."""

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest
from torch import Tensor, nn

from tests.zoo import Scan, seeded
from xai_widget import explain

FOLDER = os.environ.get("XAI_WIDGET_TEST_DATA")
SCAN = Path(FOLDER or "") / "volumes" / "t1_crop.nii.gz"
pytestmark = [
    pytest.mark.real_weights,
    pytest.mark.skipif(FOLDER is None or not SCAN.is_file(), reason="XAI_WIDGET_TEST_DATA names no folder with a scan"),
    pytest.mark.timeout(300),
]


class Coarse(nn.Module):
    """A small network for large scans."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.scan = nn.AvgPool3d(4), Scan()
        self.smallest = nn.Conv3d(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.scan(self.smallest(self.pool(x)) / 64)


@pytest.mark.parametrize("method", ["grad_cam", "saliency", "occlusion"])
def test_a_map_of_a_real_scan_has_its_header(method: str, tmp_path: Path) -> None:
    image = nibabel.load(SCAN)
    stored = np.asanyarray(image.dataobj)
    inside = stored > 0.2 * stored.max()
    params = {"window": 128, "stride": 128} if method == "occlusion" else {}
    found = explain(seeded(Coarse).eval(), SCAN, method, target=1, mask=inside, **params)
    assert found.input_size == image.shape
    np.testing.assert_allclose(found.affine, image.affine)
    read = nibabel.load(found.save(tmp_path / "map.nii.gz"))
    np.testing.assert_allclose(read.affine, image.affine, atol=1e-3)
    assert read.shape == image.shape
    assert int(read.header["sform_code"]) == int(image.header["sform_code"])
    native = nibabel.load(found.save(tmp_path / "native.nii.gz", native=True))
    corner = native.affine @ [*(-0.5 for _ in range(3)), 1]
    np.testing.assert_allclose(corner, image.affine @ [-0.5, -0.5, -0.5, 1], atol=1e-3)
    far = [n - 0.5 for n in native.shape]
    np.testing.assert_allclose(
        native.affine @ [*far, 1], image.affine @ [*(n - 0.5 for n in image.shape), 1], atol=1e-3
    )
