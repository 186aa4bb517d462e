"""A cell that makes a widget is run again and again, as people do, and nobody calls close()."""

from collections.abc import Iterator

import pytest

from tests.kernel.driver import Kernel, Page

MEGABYTE = 2**20
RUNS = 30
LIMIT = 50.0
WARM_UP = 5  # code, thread pools and the allocator's first pages belong to no widget
SETUP = """
from xai_widget import XaiWidget, examples
model = examples.mosaic_net()
img = examples.mosaic(seed=1).image
"""


def run_again(kernel: Kernel, cell: str) -> None:
    """Run the cell, let a page greet the widget, and wait for its heat map."""
    start = kernel.now
    kernel.run(cell)
    opened = kernel.wait(lambda m: m.type == "comm_open" and "method" in m.content["data"]["state"], start)
    page = Page(kernel, opened.content["comm_id"])
    page.answer(page.ask("hello"))
    page.until("done", start)


@pytest.fixture
def kernel(newest: Kernel) -> Iterator[Kernel]:
    newest.run(SETUP)
    yield newest
    newest.run("import ipywidgets; ipywidgets.Widget.close_all()")


def growth(kernel: Kernel, cell: str) -> float:
    """Megabytes by which the kernel grows in thirty runs of a cell."""
    for _ in range(WARM_UP):
        run_again(kernel, cell)
    before = kernel.resident()
    for _ in range(RUNS):
        run_again(kernel, cell)
    return (kernel.resident() - before) / MEGABYTE


def test_a_cell_that_is_run_thirty_times_grows_by_less_than_50_megabytes(kernel: Kernel) -> None:
    assert growth(kernel, "w = XaiWidget(model, img); w") <= LIMIT


def test_a_cell_that_also_makes_its_model_grows_by_as_little_beside_the_models(kernel: Kernel) -> None:
    before = kernel.resident()
    kernel.run(f"models = [examples.mosaic_net() for _ in range({RUNS})]")
    models = (kernel.resident() - before) / MEGABYTE
    assert growth(kernel, "w = XaiWidget(examples.mosaic_net(), img); w") - models <= LIMIT
