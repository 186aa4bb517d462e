import { colourIndex, strength } from "../../paint/blend";
import { colourTable } from "../../paint/tables";
import { topOf } from "../../paint/top";
import type { View } from "../../protocol";
import type { Frame } from "./filming";

/**
 * A small map in the colours of the view: four bytes a cell, each map against its own maximum.
 *
 * @param values what is seen of it, where that is not all
 */
export function thumbnail(
  frame: Frame,
  { colormap, gamma, clip }: View,
  values: Float32Array = frame.values,
): Uint8ClampedArray<ArrayBuffer> {
  const { signed } = frame;
  const table = colourTable(colormap, signed);
  const top = topOf(frame, { clip });
  const out = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, at) => {
    const share = strength(value, top, signed);
    const colour = 3 * colourIndex(share, share === 0 ? 0 : value, signed, gamma);
    out.set([table[colour], table[colour + 1], table[colour + 2], 255], at * 4);
  });
  return out;
}
