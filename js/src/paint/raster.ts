import type { Picture } from "./decode";
import { resample } from "./resample";

/** Packed pixels, row by row: red in the lowest byte, then green, blue, and full opacity. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
}

const OPAQUE = 0xff000000;

export function pack(red: number, green: number, blue: number): number {
  return (OPAQUE | (blue << 16) | (green << 8) | red) >>> 0;
}

/** The bytes of a canvas as packed pixels. */
export function packed(out: Uint8ClampedArray): Uint32Array {
  return new Uint32Array(out.buffer, out.byteOffset, out.byteLength / 4);
}

/** A picture with `scale` pixels for each of its own along each side, joined linearly. */
export function enlarged(picture: Picture, scale: number): Raster {
  const width = picture.width * scale;
  const height = picture.height * scale;
  const pixels = new Uint32Array(width * height);
  if (scale === 1) {
    const { pixels: bytes } = picture;
    for (let i = 0, at = 0; i < pixels.length; i++, at += 3) {
      pixels[i] = OPAQUE | (bytes[at + 2] << 16) | (bytes[at + 1] << 8) | bytes[at];
    }
    return { width, height, pixels };
  }
  pixels.fill(OPAQUE);
  const own = new Float32Array(picture.width * picture.height);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < own.length; i++) {
      own[i] = picture.pixels[3 * i + channel];
    }
    const values = resample({ rows: picture.height, columns: picture.width, values: own }, height, width, false);
    for (let i = 0; i < pixels.length; i++) {
      pixels[i] |= Math.floor(values[i] + 0.5) << (8 * channel);
    }
  }
  return { width, height, pixels };
}
