import { pack, type Raster } from "./raster";
import { resample } from "./resample";

/** The digits 1 ... 9: seven rows each, five pixels a row, the highest bit on the left. */
const DIGITS = [
  [4, 12, 4, 4, 4, 4, 14],
  [14, 17, 1, 2, 4, 8, 31],
  [14, 17, 1, 6, 1, 17, 14],
  [2, 6, 10, 18, 31, 2, 2],
  [31, 16, 30, 1, 1, 17, 14],
  [6, 8, 16, 30, 17, 17, 14],
  [31, 1, 2, 4, 4, 4, 4],
  [14, 17, 17, 14, 17, 17, 14],
  [14, 17, 17, 15, 1, 2, 12],
];
/** In line widths: a digit's bitmap with one empty pixel around, and the disc's radius. */
const ROWS = 9;
const COLUMNS = 7;
const RADIUS = 6.5;
const INK = 24;

export interface Middle {
  readonly label: number;
  readonly x: number;
  readonly y: number;
}

/** Of each region the pixel that is nearest to the region's centre of mass. */
export function middles(labels: Uint8Array, width: number): Middle[] {
  const found: Middle[] = [];
  for (let label = 1; label <= DIGITS.length; label++) {
    let count = 0;
    let sumX = 0;
    let sumY = 0;
    for (let at = 0; at < labels.length; at++) {
      if (labels[at] === label) {
        count += 1;
        sumX += at % width;
        sumY += Math.floor(at / width);
      }
    }
    if (count > 0) {
      found.push({ label, ...nearest(labels, width, label, sumX / count, sumY / count) });
    }
  }
  return found;
}

function nearest(labels: Uint8Array, width: number, label: number, x: number, y: number): { x: number; y: number } {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < labels.length; at++) {
    if (labels[at] === label) {
      const down = Math.floor(at / width) - y;
      const right = (at % width) - x;
      const away = down * down + right * right;
      if (away < least) {
        best = at;
        least = away;
      }
    }
  }
  return { x: best % width, y: Math.floor(best / width) };
}

/**
 * Draw a badge into a picture, around a point in pixels from its top left corner, but within the picture.
 *
 * @param unit the width of the digit's strokes
 */
export function badge(target: Raster, digit: number, row: number, column: number, unit: number): void {
  const { width, height, pixels } = target;
  const tall = ROWS * unit;
  const wide = COLUMNS * unit;
  const reach = (RADIUS + 1) * unit;
  const first = Math.floor(within(row, reach, height) - tall / 2 + 0.5);
  const left = Math.floor(within(column, reach, width) - wide / 2 + 0.5);
  const margin = Math.ceil(reach - wide / 2) + 1;
  const ink = glyph(digit, unit);
  for (let y = Math.max(first - margin, 0); y < Math.min(first + tall + margin, height); y++) {
    for (let x = Math.max(left - margin, 0); x < Math.min(left + wide + margin, width); x++) {
      const down = y + 0.5 - (first + tall / 2);
      const right = x + 0.5 - (left + wide / 2);
      const away = Math.sqrt(down * down + right * right);
      const ring = cover(reach - away);
      const disc = cover(RADIUS * unit - away);
      const inside = y >= first && y < first + tall && x >= left && x < left + wide;
      const drawn = inside ? cover((ink[(y - first) * wide + x - left] - 0.5) * (2 * unit - 1)) : 0;
      const pixel = pixels[y * width + x];
      const channel = (shift: number) => {
        const ringed = ((pixel >> shift) & 255) * (1 - ring) + INK * ring;
        const filled = ringed * (1 - disc) + 255 * disc;
        return Math.floor(filled * (1 - drawn) + INK * drawn + 0.5);
      };
      pixels[y * width + x] = pack(channel(0), channel(8), channel(16));
    }
  }
}

/** How much of a pixel is covered whose middle lies so deep inside. */
function cover(depth: number): number {
  return Math.min(Math.max(0.5 + depth, 0), 1);
}

function within(at: number, reach: number, length: number): number {
  return 2 * reach >= length ? length / 2 : Math.min(Math.max(at, reach), length - reach);
}

/** A digit on `unit` times as many pixels; enlarged, its steps become curves. */
function glyph(digit: number, unit: number): Float32Array {
  const values = new Float32Array(ROWS * COLUMNS);
  DIGITS[digit - 1].forEach((bits, row) => {
    for (let column = 0; column < 5; column++) {
      values[(row + 1) * COLUMNS + column + 1] = (bits >> (4 - column)) & 1;
    }
  });
  return resample({ rows: ROWS, columns: COLUMNS, values }, ROWS * unit, COLUMNS * unit, false);
}
