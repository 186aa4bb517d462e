import type { View } from "../protocol";
import { colourIndex, type Field } from "./blend";
import { type Colour, coreCover, edgeCover, stroked } from "./lines";
import { distance, slopeAt } from "./slope";
import { colourTable } from "./tables";

/** Lines of equal strength lie at 1 / STEPS, 2 / STEPS ... of the strongest value. */
const STEPS = 5;
/** The least luminance of a line's colour: a darker one is mixed with white. */
const LEAST_LUMINANCE = 110;

/**
 * Draw lines of equal strength over a picture, each in its colour of the table; levels below the threshold have none.
 *
 * With `cells`, lines run along the cells' borders, inside. The rule is that of the kernel's `render.contours`.
 *
 * @param base the picture, packed
 * @param line width in pixels
 * @param out packed, overwritten
 */
export function contours(base: Uint32Array, field: Field, view: View, line: number, out: Uint32Array): void {
  const lowest = Math.ceil(view.threshold * STEPS);
  out.set(base);
  if (!(field.top > 0) || lowest >= STEPS) {
    return;
  }
  const colours = levelColours(field.signed, view);
  const draw = view.cells ? borders : isolines;
  draw(field, line, Math.max(1, lowest), (at, level, core, edge) => {
    out[at] = stroked(base[at], colours[level + STEPS - 1], core, edge);
  });
}

/** The colours of the levels -4 ... 4, none of them dark; 0 is never drawn. */
export function levelColours(signed: boolean, view: View): Colour[] {
  const table = colourTable(view.colormap, signed);
  return Array.from({ length: 2 * STEPS - 1 }, (_, place) => {
    const level = place + 1 - STEPS;
    const index = 3 * colourIndex(Math.abs(level) / STEPS, level, signed, view.gamma);
    return lightened(table[index], table[index + 1], table[index + 2]);
  });
}

function lightened(...colour: [number, number, number]): Colour {
  const luminance = (299 * colour[0] + 587 * colour[1] + 114 * colour[2]) / 1000;
  const missing = Math.max(LEAST_LUMINANCE - luminance, 0) / (255 - Math.min(luminance, LEAST_LUMINANCE));
  const [red, green, blue] = colour.map((channel) => Math.floor(channel + (255 - channel) * missing + 0.5));
  return [red, green, blue];
}

type Draw = (at: number, level: number, core: number, edge: number) => void;

/** Every pixel belongs to the level that it is nearest to; how far the line is follows from how steep the map is. */
function isolines(field: Field, line: number, lowest: number, draw: Draw): void {
  const { width, height, values, top, signed } = field;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const size = signed ? Math.abs(values[at]) : values[at];
      const level = Math.min(Math.max(Math.floor((size / top) * STEPS + 0.5), lowest), STEPS - 1);
      const away = Math.abs(distance(size - (level / STEPS) * top, slopeAt(field, x, y)));
      const edge = edgeCover(away, line);
      if (edge > 0) {
        draw(at, signed && values[at] < 0 ? -level : level, coreCover(away, line), edge);
      }
    }
  }
}

/** A line lies inside the border of the cells that reach its level, and has its dark edge outside. */
function borders(field: Field, line: number, lowest: number, draw: Draw): void {
  const { width, height, values, top, signed } = field;
  const level = new Int8Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const size = signed ? Math.abs(values[at]) : values[at];
    const step = Math.min(Math.floor((size / top) * STEPS), STEPS - 1);
    level[at] = step >= lowest ? (signed && values[at] < 0 ? -step : step) : 0;
  }
  const core = new Uint8Array(values.length);
  const edge = new Uint8Array(values.length);
  for (const sign of signed ? [1, -1] : [1]) {
    const side = level.map((value) => Math.max(sign * value, 0));
    const least = extreme(side, width, height, line, Math.min);
    const most = extreme(side, width, height, line, Math.max);
    for (let at = 0; at < side.length; at++) {
      core[at] |= least[at] < side[at] ? 1 : 0;
      edge[at] |= most[at] > side[at] ? 1 : 0;
    }
  }
  for (let at = 0; at < core.length; at++) {
    if (core[at] > 0 || edge[at] > 0) {
      draw(at, level[at], core[at], edge[at]);
    }
  }
}

/** The least or greatest value of the square of pixels within `radius` of each pixel. */
function extreme(
  values: Int8Array,
  width: number,
  height: number,
  radius: number,
  pick: (a: number, b: number) => number,
): Int8Array {
  const across = values.slice();
  for (let y = 0; y < height; y++) {
    for (let shift = 1; shift <= Math.min(radius, width - 1); shift++) {
      for (let x = 0, at = y * width; x < width - shift; x++, at++) {
        across[at] = pick(across[at], values[at + shift]);
        across[at + shift] = pick(across[at + shift], values[at]);
      }
    }
  }
  const out = across.slice();
  for (let shift = 1; shift <= Math.min(radius, height - 1); shift++) {
    for (let at = 0, below = shift * width; below < values.length; at++, below++) {
      out[at] = pick(out[at], across[below]);
      out[below] = pick(out[below], across[at]);
    }
  }
  return out;
}
