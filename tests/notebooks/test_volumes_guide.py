"""The example of docs/volumes.md runs as it stands."""

import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "volumes.md"


def test_the_guides_example_of_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(block, "volumes.md", "exec"), names)  # noqa: S102 - our own guide
    assert names["a"].values.ndim == 3
    np.testing.assert_array_equal(nibabel.load("map.nii.gz").affine, names["scan"].affine)
    assert Path("map.png").is_file()
    assert names["w"].snapshot(scale=4, bar=True).width > 250
    names["w"].close()
