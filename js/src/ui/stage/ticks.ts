import { formatTicks } from "../../format";
import type { Result } from "../../paint/decode";

/**
 * The numbers under the colour bar.
 *
 * Where the scale ends before the map does, because it is clipped or shared, its end stands for everything beyond it.
 */
export function tickWords(numbers: readonly number[], result: Result, top: number): readonly string[] {
  const words = formatTicks(numbers);
  const last = words.length - 1;
  if (top > 0 && result.maximum > top) {
    words[last] = `≥ ${words[last]}`;
  }
  if (top > 0 && result.signed && result.minimum < -top) {
    words[0] = `≤ ${words[0]}`;
  }
  return words;
}
