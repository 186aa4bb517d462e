import type { View } from "../protocol";
import { colourTable } from "./tables";

/** The number that gets the strongest colour: max |v| of a signed map, max v of an unsigned one; 0 if there is none. */
export function scaleTop(values: Float32Array, signed: boolean): number {
  let top = 0;
  for (const value of values) {
    const size = signed ? Math.abs(value) : value;
    if (size > top && Number.isFinite(size)) {
      top = size;
    }
  }
  return top;
}

/** How strong a value is, from 0 to 1; values that are not finite, or negative on an unsigned map, count as zero. */
export function strength(value: number, top: number, signed: boolean): number {
  if (!(top > 0) || !Number.isFinite(value)) {
    return 0;
  }
  const size = signed ? Math.abs(value) : value;
  return Math.min(Math.max(size / top, 0), 1);
}

/** An overlay of signed values is as opaque as it gets from 1 / FADE of the maximum on: zero must not veil the picture. */
const FADE = 2;

function bend(s: number, gamma: number): number {
  return gamma === 1 ? s : s ** gamma;
}

/** Which of the 256 colours stands for a strength. */
export function colourIndex(s: number, sign: number, signed: boolean, gamma: number): number {
  const bent = bend(s, gamma);
  return Math.floor((signed ? 0.5 + 0.5 * Math.sign(sign) * bent : bent) * 255 + 0.5);
}

/**
 * Paint a resized map over a picture.
 *
 * The rule is that of the kernel's `render.overlay`, step by step, so that a saved picture and this one agree.
 *
 * @param pixels the picture, three bytes a pixel
 * @param resized one value a pixel, or null for the picture alone
 * @param out four bytes a pixel, overwritten
 */
export function blend(
  pixels: Uint8Array,
  resized: Float32Array | null,
  top: number,
  signed: boolean,
  view: View,
  out: Uint8ClampedArray,
): void {
  if (resized === null || view.mode === "image") {
    copy(pixels, out);
    return;
  }
  const table = colourTable(view.colormap, signed);
  const mapOnly = view.mode === "map";
  const alpha = mapOnly ? 1 : view.opacity;
  const zero = colourIndex(0, 0, signed, view.gamma);
  for (let i = 0, from = 0, to = 0; i < resized.length; i++, from += 3, to += 4) {
    const value = resized[i];
    const s = strength(value, top, signed);
    const visible = s >= view.threshold;
    const a = mapOnly ? alpha : visible ? alpha * (signed ? Math.min(1, FADE * bend(s, view.gamma)) : 1) : 0;
    const colour = 3 * (visible ? colourIndex(s, s === 0 ? 0 : value, signed, view.gamma) : zero);
    for (let channel = 0; channel < 3; channel++) {
      out[to + channel] = Math.floor(pixels[from + channel] * (1 - a) + table[colour + channel] * a + 0.5);
    }
    out[to + 3] = 255;
  }
}

function copy(pixels: Uint8Array, out: Uint8ClampedArray): void {
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    out[to] = pixels[from];
    out[to + 1] = pixels[from + 1];
    out[to + 2] = pixels[from + 2];
    out[to + 3] = 255;
  }
}
