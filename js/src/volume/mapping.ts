/** What a map says of single voxels. Pure. */
import type { Result } from "../paint/decode";
import { nearestCell } from "../paint/resample";
import { gridOf } from "./cut";
import { acrossGrids, crosshairOf, type Triple } from "./space";

/** The value of a map's grid at a voxel: linear along all axes, or that of the nearest cell. */
export function valueAt(values: Float32Array, grid: Triple, voxel: Triple, full: Triple, cells: boolean): number {
  const [, rows, columns] = grid;
  const value = (i: number, j: number, k: number) => values[(i * rows + j) * columns + k];
  if (cells) {
    const [i, j, k] = voxel.map((at, axis) => nearestCell(at, grid[axis], full[axis]));
    return value(i, j, k);
  }
  const [[i, i2, u], [j, j2, v], [k, k2, w]] = voxel.map((at, axis) => {
    const place = Math.min(Math.max(((at + 0.5) * grid[axis]) / full[axis] - 0.5, 0), grid[axis] - 1);
    const below = Math.floor(place);
    return [below, Math.min(below + 1, grid[axis] - 1), place - below];
  });
  // One axis after the other, as the kernel does.
  const down = (b: number, c: number) => value(i, b, c) * (1 - u) + value(i2, b, c) * u;
  const along = (c: number) => down(j, c) * (1 - v) + down(j2, c) * v;
  return Math.fround(along(k) * (1 - w) + along(k2) * w);
}

/** The voxel of the full volume in the middle of the map's strongest cell; null where the map shows nothing. */
export function strongestVoxel(result: Result, full: Triple): Triple | null {
  const { values, signed } = result;
  let best = -1;
  let size = 0;
  for (let at = 0; at < values.length; at++) {
    const candidate = signed ? Math.abs(values[at]) : values[at];
    if (candidate > size && candidate < Number.POSITIVE_INFINITY) {
      best = at;
      size = candidate;
    }
  }
  if (best < 0) {
    return null;
  }
  const { rows, columns } = result;
  const cell: Triple = [Math.floor(best / (rows * columns)), Math.floor(best / columns) % rows, best % columns];
  return acrossGrids(cell, gridOf(result), full);
}

/** The value of a map where the crosshair is. */
export function valueAtCrosshair(result: Result, full: Triple, at: readonly number[] | null, cells: boolean): number {
  return valueAt(result.values, gridOf(result), crosshairOf(at, full), full, cells);
}

/** As many voxels a side say how alike two maps are. */
const SAMPLES = 32;

/** A map on a coarse grid of its volume, so that maps of several resolutions can be compared. */
export function sampled(result: Result, full: Triple): Float32Array {
  const [depth, rows, columns] = full.map((length) => Math.min(length, SAMPLES));
  const coarse: Triple = [depth, rows, columns];
  return Float32Array.from({ length: depth * rows * columns }, (_, at) => {
    const place: Triple = [Math.floor(at / (rows * columns)), Math.floor(at / columns) % rows, at % columns];
    return valueAt(result.values, gridOf(result), place, coarse, false);
  });
}
