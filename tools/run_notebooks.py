"""Execute every tutorial in place, so that its outputs can be committed and read without a kernel.

Run ``python tools/run_notebooks.py`` (or with the paths of some notebooks) after changing a tutorial or what it shows.
A notebook must run without an error and within `LIMIT` seconds. What is stored does not differ from run to run: no widget
state, no execution times, one piece of text for all that a cell prints. A widget is stored as its picture alone: without
a kernel, its live view would show an error. Figures are stored as JPEG, a third of PNG's size where photos are in them.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import time
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from PIL import Image

TUTORIALS: Final = Path(__file__).resolve().parents[1] / "tutorials"
LIMIT: Final = 60.0
# Of a widget's stored picture, in pixels.
WIDEST: Final = 640
WIDGET_VIEW: Final = "application/vnd.jupyter.widget-view+json"
METADATA: Final = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


def tidy(notebook: Any) -> None:
    """Remove what differs from run to run and from machine to machine, and what takes much space.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place.

    Raises
    ------
    ValueError
        If a widget has no picture that could stand for it.
    """
    notebook.metadata = nbformat.from_dict(METADATA)  # type: ignore[no-untyped-call]  # nbformat has no types here
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            data = output.get("data", {})
            if WIDGET_VIEW in data:
                if "image/png" not in data:
                    message = f"The widget of cell {cell.id!r} has no picture (image/png)."
                    raise ValueError(message)
                del data[WIDGET_VIEW]
                output.metadata.pop(WIDGET_VIEW, None)
                data["image/png"] = _lighter(data["image/png"])
            elif "image/png" in data:
                data["image/jpeg"] = _as_jpeg(data.pop("image/png"))


def _joined(outputs: list[Any]) -> list[Any]:
    """Join text of one stream: how it arrives in pieces is a matter of timing."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _lighter(png: str) -> str:
    """Return a wide picture (of a volume's three planes) narrower and in 192 colours: a quarter of the size."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if picture.width <= WIDEST:
        return png
    narrower = picture.convert("RGB")
    narrower.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    narrower.quantize(192).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def _as_jpeg(png: str) -> str:
    """Return a picture in base64 as JPEG in base64; full colour resolution, so that thin red lines stay red."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    # Figures may be transparent, and pages may be dark.
    page = Image.new("RGB", picture.size, "white")
    page.paste(picture, mask=picture.getchannel("A") if "A" in picture.getbands() else None)
    file = io.BytesIO()
    page.save(file, "JPEG", quality=80, subsampling=0, optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def run(path: Path) -> float:
    """Execute a notebook in place.

    Parameters
    ----------
    path : Path
        Of the notebook, which is written only if all of it ran.

    Returns
    -------
    float
        Seconds that it took, the kernel's start included.

    Raises
    ------
    CellExecutionError
        If a cell raised.
    CellTimeoutError
        If a cell alone took longer than `LIMIT`.
    ValueError
        If a widget has no picture.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types here
    client = NotebookClient(
        notebook,
        timeout=round(LIMIT),
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    began = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - began
    tidy(notebook)
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]  # nbformat has no types here
    return seconds


def main() -> int:
    """Run the notebooks named on the command line, or all; returns 1 if one failed or took too long."""
    parser = argparse.ArgumentParser(description="Execute the tutorials in place.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="Default: every notebook of tutorials/.")
    notebooks = parser.parse_args().notebooks or sorted(TUTORIALS.glob("*.ipynb"))
    failed = 0
    for path in notebooks:
        try:
            seconds = run(path)
        except (CellExecutionError, CellTimeoutError, ValueError) as error:
            failed += 1
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        slow = seconds > LIMIT
        failed += slow
        print(f"{path.name}: {seconds:.1f} s" + (f", more than {LIMIT:.0f} s" if slow else ""))
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
