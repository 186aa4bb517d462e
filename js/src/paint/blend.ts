import type { View } from "../protocol";
import type { Panel } from "./lines";
import { pack } from "./raster";
import { colourTable, type Table } from "./tables";

/** An overlay of signed values is as opaque as it gets from 1 / FADE of the maximum on: zero must not veil the picture. */
const FADE = 2;

/** A map on the pixels that are painted: finite numbers, and what they mean. */
export interface Field {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
  readonly signed: boolean;
  /** The value of the strongest colour. */
  readonly top: number;
}

/** How strong a value is, from 0 to 1; negative values of an unsigned map count as zero. */
export function strength(value: number, top: number, signed: boolean): number {
  if (!(top > 0)) {
    return 0;
  }
  return Math.min(Math.max((signed ? Math.abs(value) : value) / top, 0), 1);
}

function bend(s: number, gamma: number): number {
  return gamma === 1 ? s : s ** gamma;
}

/** Which of the 256 colours stands for a strength. */
export function colourIndex(s: number, sign: number, signed: boolean, gamma: number): number {
  return indexOf(bend(s, gamma), sign, signed);
}

function indexOf(bent: number, sign: number, signed: boolean): number {
  return Math.floor((signed ? 0.5 + 0.5 * Math.sign(sign) * bent : bent) * 255 + 0.5);
}

/**
 * Cover a picture by the colours of a map, as far as a column.
 *
 * The rule is that of the kernel's `render.paint`, step by step, so that a saved picture and this one agree.
 *
 * @param base the picture, packed
 * @param columns how many columns are covered, from the left
 * @param panel where the picture's pixels lie
 */
export function blend(base: Uint32Array, field: Field, view: View, columns: number, panel: Panel): void {
  const table = colourTable(view.colormap, field.signed);
  const cover = view.mode === "map" ? mapCover(table, field, view) : overlayCover(table, field, view);
  for (let y = 0; y < field.height; y++) {
    const from = y * field.width;
    const to = panel.start + y * panel.stride;
    for (let x = 0; x < columns; x++) {
      panel.pixels[to + x] = cover(field.values[from + x], base[from + x]);
    }
  }
}

type Cover = (value: number, pixel: number) => number;

/** A map has no picture behind it: what is below the threshold looks like zero. */
function mapCover(table: Table, { top, signed }: Field, { threshold, gamma }: View): Cover {
  const colours = Uint32Array.from({ length: 256 }, (_, i) => pack(table[3 * i], table[3 * i + 1], table[3 * i + 2]));
  return (value) => {
    const s = strength(value, top, signed);
    return colours[indexOf(s >= threshold ? bend(s, gamma) : 0, value, signed)];
  };
}

function overlayCover(table: Table, { top, signed }: Field, { opacity, threshold, gamma }: View): Cover {
  return (value, pixel) => {
    const s = strength(value, top, signed);
    if (s < threshold) {
      return pixel;
    }
    const bent = bend(s, gamma);
    const a = opacity * (signed ? Math.min(1, FADE * bent) : 1);
    const colour = 3 * indexOf(bent, value, signed);
    return pack(
      Math.floor((pixel & 255) * (1 - a) + table[colour] * a + 0.5),
      Math.floor(((pixel >> 8) & 255) * (1 - a) + table[colour + 1] * a + 0.5),
      Math.floor(((pixel >> 16) & 255) * (1 - a) + table[colour + 2] * a + 0.5),
    );
  };
}
