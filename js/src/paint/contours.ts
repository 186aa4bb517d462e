import type { View } from "../protocol";
import { colourIndex } from "./blend";
import { type Colour, coreCover, edgeCover, reachOf, stroked } from "./lines";
import { colourTable } from "./tables";
import { type Heights, type Nearby, trace } from "./traces";

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
 * @param cells whether lines run along the borders of cells, rather than smoothly
 */
export function findContours(
  field: Heights,
  levels: readonly number[],
  top: number,
  cells: boolean,
  line: number,
): Nearby {
  // A cell's line lies in the middle of the border, or in the first pixel of the stronger side.
  const snap = line % 2 === 0 ? 0.5 : 1;
  const lines = levels.map((level) => ({
    height: (level / STEPS) * top,
    snap: cells ? (level > 0 ? snap : 1 - snap) : null,
  }));
  return trace(field, top > 0 ? lines : [], reachOf(line));
}

/** Draw lines of equal strength over a packed picture, each in its colour of the table. */
export function drawContours(
  base: Uint32Array,
  near: Nearby,
  levels: readonly number[],
  signed: boolean,
  view: View,
  line: number,
  out: Uint32Array,
): void {
  const all = levelColours(signed, view);
  const colours = levels.map((level) => all[level + STEPS - 1]);
  for (let at = 0; at < base.length; at++) {
    if (near.away[at] === Number.POSITIVE_INFINITY) {
      out[at] = base[at];
    } else {
      const away = Math.sqrt(near.away[at]);
      out[at] = stroked(base[at], colours[near.line[at]], coreCover(away, line), edgeCover(away, line));
    }
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
