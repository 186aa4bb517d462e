import { pack, type Raster } from "./raster";

type Size = Pick<Raster, "width" | "height">;

/** How much of the picture the dark edge of a line takes away: so it is seen on bright photos, and its core on dark. */
const EDGE = 0.6;
export const WHITE: Colour = [255, 255, 255];

export type Colour = readonly [number, number, number];

/** Half-open: top, left, bottom, right. */
export type Box = readonly [number, number, number, number];

/** A box by its edges among `rows` and `columns` of something that is shown. */
export interface Place {
  readonly edges: Box;
  readonly rows: number;
  readonly columns: number;
}

/** A box in pixels; nothing is thinner than one. */
export function placed({ edges: [top, left, bottom, right], rows, columns }: Place, size: Size): Box {
  const along = (edge: number, pixels: number, count: number) => Math.floor((edge * pixels) / count + 0.5);
  const upper = Math.min(along(top, size.height, rows), size.height - 1);
  const before = Math.min(along(left, size.width, columns), size.width - 1);
  return [
    upper,
    before,
    Math.max(along(bottom, size.height, rows), upper + 1),
    Math.max(along(right, size.width, columns), before + 1),
  ];
}

/** How many output pixels a line is wide on a picture of `width` pixels. */
export function lineWidth(width: number, scale: number): number {
  return Math.max(1, Math.floor((width * scale) / 220 + 0.5));
}

/** How far from its middle a line changes a picture. */
export function reachOf(line: number): number {
  return 0.5 * line + (0.5 * line + 0.5) + 0.75;
}

/** How much of a pixel a line's core covers, by the distance from the line's middle. */
export function coreCover(away: number, line: number): number {
  return Math.min(Math.max(0.5 * line + 0.75 - away, 0), 1);
}

/** How much of a pixel a line's core and its dark edges cover. */
export function edgeCover(away: number, line: number): number {
  return Math.min(Math.max(reachOf(line) - away, 0), 1);
}

/** A pixel under a line: first what its dark edges cover, then its core; `lit` is how bright the picture is kept. */
export function stroked(pixel: number, colour: Colour, core: number, edge: number, lit = 1): number {
  const light = 1 - EDGE * edge;
  const channel = (shift: number, ink: number) =>
    Math.floor(((pixel >> shift) & 255) * lit * light * (1 - core) + ink * core + 0.5);
  return pack(channel(0, colour[0]), channel(8, colour[1]), channel(16, colour[2]));
}

/** A window into larger pixels: where the first one lies, and how many make a row. */
export interface Panel extends Raster {
  readonly start: number;
  readonly stride: number;
}

/** Outline a box: white inside its edge, dark on both sides. */
export function frameBox(panel: Panel, box: Box, line: number): void {
  const outer = grown(box, rimOf(line));
  const inner = grown(box, -line);
  const within = grown(box, -line - rimOf(line));
  for (let y = Math.max(outer[0], 0); y < Math.min(outer[2], panel.height); y++) {
    for (let x = Math.max(outer[1], 0); x < Math.min(outer[3], panel.width); x++) {
      if (!holds(within, x, y)) {
        const core = holds(box, x, y) && !holds(inner, x, y);
        const at = panel.start + y * panel.stride + x;
        panel.pixels[at] = stroked(panel.pixels[at], WHITE, core ? 1 : 0, 1);
      }
    }
  }
}

/** A white line between dark ones at the left border of a column, unless the column is the picture's end. */
export function curtainEdge(panel: Panel, column: number, line: number): void {
  if (column <= 0 || column >= panel.width) {
    return;
  }
  const start = column - Math.floor(line / 2);
  const rim = rimOf(line);
  for (let y = 0; y < panel.height; y++) {
    for (let x = Math.max(start - rim, 0); x < Math.min(start + line + rim, panel.width); x++) {
      const at = panel.start + y * panel.stride + x;
      panel.pixels[at] = stroked(panel.pixels[at], WHITE, x >= start && x < start + line ? 1 : 0, 1);
    }
  }
}

/** The width of the dark edges of a line that runs along the pixels. */
function rimOf(line: number): number {
  return Math.floor((line + 1) / 2);
}

function grown([top, left, bottom, right]: Box, by: number): Box {
  return [top - by, left - by, bottom + by, right + by];
}

function holds([top, left, bottom, right]: Box, x: number, y: number): boolean {
  return y >= top && y < bottom && x >= left && x < right;
}
