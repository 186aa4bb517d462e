"""What every row of this folder says, and that the peers are the ones it speaks of."""

import ast
from importlib.metadata import version
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PEERS = ("captum", "grad-cam", "lime", "monai", "shap", "torchcam", "zennit")
ROWS = [
    (path.stem, node)
    for path in sorted(HERE.glob("test_*.py"))
    if path != Path(__file__)
    for node in ast.parse(path.read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]


@pytest.mark.parametrize(("file", "row"), ROWS, ids=[f"{file}-{row.name}" for file, row in ROWS])
def test_a_row_names_its_convention_and_its_tolerance(file: str, row: ast.FunctionDef) -> None:
    said = ast.get_docstring(row) or ""
    assert "Convention: " in said, file
    assert "Tolerance: " in said, file


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_is_installed_in_the_version_that_is_pinned(peer: str) -> None:
    pinned = (HERE.parents[1] / "pyproject.toml").read_text("utf-8")
    assert f'"{peer}=={version(peer)}"' in pinned
