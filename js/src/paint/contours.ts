import type { View } from "../protocol";
import { colourIndex } from "./blend";
import { type Colour, coreCover, edgeCover, reachOf, stroked } from "./lines";
import { colourTable } from "./tables";
import { type Heights, type Nearby, nothingNearby, trace } from "./traces";

/** Lines of equal strength lie at 1 / STEPS, 2 / STEPS ... of the strongest value. */
const STEPS = 5;
/** The least luminance of a line's colour: a darker one is made brighter. */
const LEAST_LUMINANCE = 120;

/** The levels that have a line, the strongest first: where lines coincide, the strongest is seen. */
export function shownLevels(threshold: number, signed: boolean): number[] {
  const levels: number[] = [];
  for (let level = STEPS - 1; level > 0; level--) {
    if (level / STEPS >= threshold) {
      levels.push(...(signed ? [level, -level] : [level]));
    }
  }
  return levels;
}

/**
 * Find the lines of equal strength of a map.
 *
 * @param levels which ones, parted by commas
 * @param cells whether lines run along the borders of cells, rather than smoothly
 */
export function findContours(field: Heights, levels: string, top: number, cells: boolean, line: number): Nearby {
  const near = nothingNearby(field.values.length);
  if (top > 0 && levels !== "") {
    // A cell's line lies in the middle of the border, or in the first pixel of the stronger side.
    const snap = line % 2 === 0 ? 0.5 : 1;
    for (const level of levels.split(",").map(Number)) {
      const inner = level > 0 ? snap : 1 - snap;
      trace(field, (level / STEPS) * top, cells ? inner : null, reachOf(line), level, near);
    }
  }
  return near;
}

/** Draw lines of equal strength over a packed picture, each in its colour of the table. */
export function drawContours(
  base: Uint32Array,
  { away, level }: Nearby,
  signed: boolean,
  view: View,
  line: number,
  out: Uint32Array,
): void {
  const colours = levelColours(signed, view);
  for (let at = 0; at < base.length; at++) {
    const edge = edgeCover(away[at], line);
    out[at] = edge > 0 ? stroked(base[at], colours[level[at] + STEPS - 1], coreCover(away[at], line), edge) : base[at];
  }
}

/** The colours of the levels -4 ... 4, none of them dark; 0 is never drawn. */
export function levelColours(signed: boolean, view: View): Colour[] {
  const table = colourTable(view.colormap, signed);
  return Array.from({ length: 2 * STEPS - 1 }, (_, place) => {
    const level = place + 1 - STEPS;
    const index = 3 * colourIndex(Math.abs(level) / STEPS, level, signed, view.gamma);
    return lightened([table[index], table[index + 1], table[index + 2]]);
  });
}

/** First as bright as the hue allows, then towards white. */
function lightened(colour: Colour): Colour {
  const brighter = Math.min(LEAST_LUMINANCE / Math.max(luminance(colour), 1), 255 / Math.max(...colour, 1));
  const vivid = each(colour, (channel) => channel * Math.max(brighter, 1));
  const reached = Math.min(luminance(vivid), LEAST_LUMINANCE);
  const white = (LEAST_LUMINANCE - reached) / (255 - reached);
  return each(vivid, (channel) => Math.floor(channel + (255 - channel) * white + 0.5));
}

function luminance([red, green, blue]: Colour): number {
  return (299 * red + 587 * green + 114 * blue) / 1000;
}

function each([red, green, blue]: Colour, change: (channel: number) => number): Colour {
  return [change(red), change(green), change(blue)];
}
