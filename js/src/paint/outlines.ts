import { badge, middles } from "./badges";
import { coreCover, edgeCover, lineWidth, reachOf, stroked, WHITE } from "./lines";
import type { Raster } from "./raster";
import { resample } from "./resample";
import { trace } from "./traces";

/** What is left of the picture outside the regions. */
const OUTSIDE = 0.4;

/**
 * Dim a picture outside its regions, outline and number them.
 *
 * @param base the picture, `scale` times enlarged
 * @param labels a byte for each of the picture's own pixels: 0 outside, 1 ... 9 in the regions
 */
export function outlined(base: Raster, labels: Uint8Array, scale: number): Raster {
  const { width, height } = base;
  const columns = width / scale;
  const rows = height / scale;
  const line = lineWidth(columns, scale);
  const away = new Float64Array(width * height).fill(Number.POSITIVE_INFINITY);
  const inside = new Float64Array(width * height);
  const last = labels.reduce((most, label) => Math.max(most, label), 0);
  for (let label = 1; label <= last; label++) {
    const own = new Float32Array(labels.length);
    for (let at = 0; at < own.length; at++) {
      own[at] = labels[at] === label ? 1 : 0;
    }
    const mask = smooth(own, columns, rows);
    const field = { width, height, values: resample({ rows, columns, values: mask }, height, width, false) };
    const near = trace(field, [{ height: 0.5, snap: null }], reachOf(line));
    for (let at = 0; at < away.length; at++) {
      const gap = Math.sqrt(near.away[at]);
      const depth = field.values[at] >= 0.5 ? gap : -gap;
      away[at] = Math.min(away[at], gap);
      inside[at] = Math.max(inside[at], Math.min(Math.max(0.5 + depth, 0), 1));
    }
  }
  const pixels = base.pixels.map((pixel, at) =>
    stroked(pixel, WHITE, coreCover(away[at], line), edgeCover(away[at], line), 1 - (1 - OUTSIDE) * (1 - inside[at])),
  );
  const out = { width, height, pixels };
  for (const { label, x, y } of middles(labels, columns)) {
    badge(out, label, (y + 0.5) * scale, (x + 0.5) * scale, line);
  }
  return out;
}

/** Round the steps off a mask: the weights 1 4 6 4 1 along both axes; the outermost pixels continue. */
function smooth(mask: Float32Array, width: number, height: number): Float32Array {
  return along(along(mask, width, height, width), height, width, 1);
}

/** Along the axis whose neighbours lie `step` apart, `length` of them; the other axis has `count` pixels. */
function along(values: Float32Array, count: number, length: number, step: number): Float32Array {
  const across = step === 1 ? length : 1;
  const out = new Float32Array(values.length);
  for (let line = 0; line < count; line++) {
    const start = line * across;
    const at = (place: number) => values[start + Math.min(Math.max(place, 0), length - 1) * step];
    for (let i = 0; i < length; i++) {
      out[start + i * step] = (at(i - 2) + at(i + 2) + 4 * (at(i - 1) + at(i + 1)) + 6 * at(i)) / 16;
    }
  }
  return out;
}
