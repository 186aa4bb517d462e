/** What a strip leaves free at its ends. */
const MARGIN = 3;

/** Scroll a strip, and nothing around it, as little as it takes to show one of its items. */
export function bringIntoStrip(strip: Element | null, item: Element | null | undefined): void {
  if (strip && item) {
    const frame = strip.getBoundingClientRect();
    const { left, right } = item.getBoundingClientRect();
    const before = left - frame.left - MARGIN;
    strip.scrollLeft += before < 0 ? before : Math.max(right - frame.right + MARGIN, 0);
  }
}
