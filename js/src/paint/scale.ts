import { formatTicks } from "../format";
import type { View } from "../protocol";
import { colourIndex } from "./blend";
import { colourTable } from "./tables";

/** The numbers at the two ends of the colour bar. */
export function legend(top: number, signed: boolean): [number, number] {
  return [signed && top > 0 ? -top : 0, top];
}

/** Evenly spaced numbers under the bar, both ends included; none where every value is zero. */
export function ticks(top: number, signed: boolean): number[] {
  if (!(top > 0)) {
    return [0];
  }
  const [low, high] = legend(top, signed);
  return [0, 0.25, 0.5, 0.75, 1].map((at) => low + at * (high - low));
}

/** The numbers of one scale in words; an end says so if it stands for everything beyond, too: see `beyond`. */
export function tickWords(numbers: readonly number[], [below, above]: readonly [boolean, boolean]): string[] {
  const last = numbers.length - 1;
  return formatTicks(numbers).map((word, place) => {
    const sign = place === 0 && below ? "≤ " : place === last && above ? "≥ " : "";
    return sign + word;
  });
}

/** Where a value lies on the bar, from 0 to 1; beyond the ends it stays at the end. */
export function barPosition(value: number, top: number, signed: boolean): number {
  if (!(top > 0) || !Number.isFinite(value)) {
    return signed ? 0.5 : 0;
  }
  const [low, high] = legend(top, signed);
  return Math.min(Math.max((value - low) / (high - low), 0), 1);
}

/** The colour bar as one row of pixels; what the threshold hides is transparent, or looks like zero in a map. */
export function barPixels(length: number, signed: boolean, view: View): Uint8ClampedArray {
  const table = colourTable(view.colormap, signed);
  const out = new Uint8ClampedArray(length * 4);
  for (let i = 0; i < length; i++) {
    const at = i / (length - 1);
    const value = signed ? 2 * at - 1 : at;
    const visible = Math.abs(value) >= view.threshold;
    const colour = 3 * colourIndex(visible ? Math.abs(value) : 0, visible ? value : 0, signed, view.gamma);
    out.set(table.subarray(colour, colour + 3), i * 4);
    out[i * 4 + 3] = visible || view.mode === "map" ? 255 : 0;
  }
  return out;
}
