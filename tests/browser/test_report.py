"""A cohort's report, opened from a file: nothing leaves it, and everybody can read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.browser.axe import SCRIPT, TAGS
from tests.made_cohorts import a_cohort

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

SIDE = 16
AXE = """async (tags) => {
  const found = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  const read = found.passes.find(({ id }) => id === "color-contrast");
  return [read.nodes.length, found.violations.map(({ id, nodes }) => id + ": " + nodes[0].html.slice(0, 160))];
}"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every section: two groups, kinds of maps, regions, a failure, a long id, a long table."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    maps = 0.05 * rng.normal(size=(24, SIDE, SIDE))
    maps[:16, 2:7, 2:7] += 1
    maps[16:, 10:15, 10:15] += 1
    records: list[dict[str, Any]] = [{"label": at % 2, "id": f"{at}.png"} for at in range(23)]
    records[5]["id"] = "a-folder-of-a-long-name/" * 6 + "<img src='http://example.org/x.png'>"
    records[7]["columns"] = {f"column {at}": "http://example.org" for at in range(12)}
    records.append({"status": "error", "error": "ValueError: " + "no such thing " * 20})
    pictures = rng.integers(0, 255, (24, SIDE, SIDE, 3)).astype(np.uint8)
    cohort = a_cohort(folder / "maps.zarr", maps, pictures, records, group_by="label")
    return cohort.report(folder / "report.html", atlas=1 + np.indices((SIDE, SIDE))[0] // 8)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing(chromium: Browser, page_file: Path, scheme: Any, width: int) -> None:
    # The page's own policy would keep axe out.
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.evaluate(SCRIPT.read_text("utf-8"))
    contrasts, violations = page.evaluate(AXE, list(TAGS))
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()
    assert contrasts > 50
    assert violations == []
    assert wider <= 0, "the page scrolls sideways"


def test_no_request_leaves_the_page_and_its_pictures_are_there(chromium: Browser, page_file: Path) -> None:
    context = chromium.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.route(re.compile("^(http|ws)s?:"), lambda route: (asked.append(route.request.url), route.abort()))
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    page.goto(page_file.as_uri())
    sizes = page.locator("img").evaluate_all("every => every.map(each => each.complete && each.naturalWidth)")
    refused = page.locator("body").evaluate(
        """body => new Promise(done => {
          document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
          body.append(Object.assign(new Image(), { src: "http://example.org/x.png" }));
        })"""
    )
    context.close()
    assert len(sizes) >= 10
    assert all(sizes)
    assert refused == "img-src"
    assert asked == []
    assert [line for line in said if "Content Security Policy" not in line] == []


def test_no_figure_is_cut_in_print(chromium: Browser, page_file: Path) -> None:
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    looks = page.locator("figure").evaluate_all("every => every.map(each => getComputedStyle(each).breakInside)")
    paper = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    context.close()
    assert set(looks) == {"avoid"}
    assert paper == "rgb(255, 255, 255)"
