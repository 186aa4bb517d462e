"""axe-core: what keeps people from using a page, found by rules of WCAG 2.2 A and AA and by good practice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.view import View

SCRIPT: Final = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# JupyterLab's body has no height and cuts off what overflows, so that axe takes everything in it for hidden.
RUN: Final = """async ([root, tags]) => {
  document.body.style.height = "100vh";
  for (const each of root.getAnimations({ subtree: true })) {
    if (each.effect.getComputedTiming().endTime < Infinity) each.finish();
  }
  const found = await axe.run(root, {
    runOnly: { type: "tag", values: tags },
    rules: { "target-size": { enabled: true } },
  });
  const seen = found.passes.find(({ id }) => id === "color-contrast")?.nodes ?? [];
  const read = seen.filter(({ any }) => any.some(({ data }) => data?.contrastRatio !== undefined));
  return { contrasts: read.length, violations: found.violations };
}"""


def violations(view: View) -> list[str]:
    """Return what axe finds in a widget: the rule, the element, and how to mend it; one text an element."""
    page = view.lab.page
    # It covers the page for a moment after another theme was chosen.
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(SCRIPT.read_text("utf-8"))
    found = page.evaluate(RUN, [view.root.element_handle(), list(TAGS)])
    assert found["contrasts"] > 0, "axe takes the widget for hidden"
    return [_told(rule, node) for rule in found["violations"] for node in rule["nodes"]]


def _told(rule: dict[str, Any], node: dict[str, Any]) -> str:
    summary = node["failureSummary"].replace("\n", " ")
    return f"{rule['id']} ({rule['help']}): {node['html'][:160]} -- {summary} See {rule['helpUrl']}"
