import type { View } from "../protocol";
import type { Panel } from "./lines";
import { pack } from "./raster";
import type { Shades } from "./shades";
import { colourTable, type Table } from "./tables";

/** An overlay of signed values is as opaque as it gets from 1 / FADE of the maximum on: zero must not veil the picture. */
const FADE = 2;
/** Far more than an exponential can differ from a power. */
const DOUBT = 1e-9;

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
export function blend(base: Uint32Array, shades: Shades, view: View, columns: number, panel: Panel): void {
  const table = colourTable(view.colormap, shades.signed);
  const cover = view.mode === "map" ? coverAll : shades.signed ? coverMore : coverEvenly;
  for (let y = 0; y < panel.height; y++) {
    const from = y * panel.width;
    cover(base, shades, view, table, from, from + columns, panel.pixels, panel.start + y * panel.stride - from);
  }
}

/** Paints the pixels from one to another (exclusively), `shift` further on. */
type Cover = (
  base: Uint32Array,
  shades: Shades,
  view: View,
  table: Table,
  from: number,
  to: number,
  out: Uint32Array,
  shift: number,
) => void;

/** A map has no picture behind it: what is below the threshold looks like zero. */
const coverAll: Cover = (_base, { strength, index, signed }, { threshold }, table, from, to, out, shift) => {
  const zero = colourIndex(0, 0, signed, 1);
  for (let i = from; i < to; i++) {
    const colour = 3 * (strength[i] >= threshold ? index[i] : zero);
    out[i + shift] = pack(table[colour], table[colour + 1], table[colour + 2]);
  }
};

/** Unsigned maps cover the picture everywhere by the same share. */
const coverEvenly: Cover = (base, { strength, index }, { threshold, opacity: a }, table, from, to, out, shift) => {
  for (let i = from; i < to; i++) {
    const pixel = base[i];
    const colour = 3 * index[i];
    out[i + shift] =
      strength[i] >= threshold
        ? pack(
            Math.floor((pixel & 255) * (1 - a) + table[colour] * a + 0.5),
            Math.floor(((pixel >> 8) & 255) * (1 - a) + table[colour + 1] * a + 0.5),
            Math.floor(((pixel >> 16) & 255) * (1 - a) + table[colour + 2] * a + 0.5),
          )
        : pixel;
  }
};

/** Signed maps cover it the more, the stronger they are. */
const coverMore: Cover = (base, shades, { threshold, opacity }, table, from, to, out, shift) => {
  const { strength, index, bent, gamma } = shades;
  for (let i = from; i < to; i++) {
    const pixel = base[i];
    if (!(strength[i] >= threshold)) {
      out[i + shift] = pixel;
      continue;
    }
    const colour = 3 * index[i];
    let a = opacity * Math.min(1, FADE * bent[i]);
    let red = (pixel & 255) * (1 - a) + table[colour] * a + 0.5;
    let green = ((pixel >> 8) & 255) * (1 - a) + table[colour + 1] * a + 0.5;
    let blue = ((pixel >> 16) & 255) * (1 - a) + table[colour + 2] * a + 0.5;
    if (gamma !== 1 && (doubtful(red) || doubtful(green) || doubtful(blue))) {
      // The last digits of the strength decide how this is rounded.
      a = opacity * Math.min(1, FADE * strength[i] ** gamma);
      red = (pixel & 255) * (1 - a) + table[colour] * a + 0.5;
      green = ((pixel >> 8) & 255) * (1 - a) + table[colour + 1] * a + 0.5;
      blue = ((pixel >> 16) & 255) * (1 - a) + table[colour + 2] * a + 0.5;
    }
    out[i + shift] = pack(Math.floor(red), Math.floor(green), Math.floor(blue));
  }
};

function doubtful(channel: number): boolean {
  const part = channel - Math.floor(channel);
  return part < DOUBT || part > 1 - DOUBT;
}
