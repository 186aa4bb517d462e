/** Slices of volumes and of maps, as they are shown. Pure; the rule is that of the kernel's `render.volumes`. */
import type { Picture, Result } from "../paint/decode";
import { nearestCell, resample } from "../paint/resample";
import type { PlanePayload } from "../protocol";
import { strides, type Triple } from "./space";
import type { Volume } from "./volume";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size of a plane in square pixels, as large as the shortest side of a voxel. */
export function paneSize(full: Triple, { rows, columns, spacing: [across, down, right] }: PlanePayload): Size {
  const smallest = Math.min(across, down, right);
  const pixels = (axis: number, spacing: number) => Math.max(Math.round((full[axis] * spacing) / smallest), 1);
  return { width: pixels(columns, right), height: pixels(rows, down) };
}

/** One slice of a grid, in the order in which it is shown. */
function slice(from: Uint8Array | Float32Array, shape: Triple, plane: PlanePayload, index: number): Float32Array {
  const steps = strides(shape);
  const [rows, columns] = [shape[plane.rows], shape[plane.columns]];
  const to = new Float32Array(rows * columns);
  const down = plane.flip_rows ? -steps[plane.rows] : steps[plane.rows];
  const across = plane.flip_columns ? -steps[plane.columns] : steps[plane.columns];
  const start = (down < 0 ? -down * (rows - 1) : 0) + (across < 0 ? -across * (columns - 1) : 0);
  // How many, how far apart in the volume, how far apart in the slice. Near voxels are read one after the other: where
  // they lie in lines of memory of their own, that is what takes the time.
  const vertical = [rows, down, columns];
  const horizontal = [columns, across, 1];
  const [outer, inner] = Math.abs(down) > Math.abs(across) ? [vertical, horizontal] : [horizontal, vertical];
  let line = index * steps[plane.axis] + start;
  for (let i = 0; i < outer[0]; i++, line += outer[1]) {
    let at = i * outer[2];
    for (let j = 0, place = line; j < inner[0]; j++, place += inner[1], at += inner[2]) {
      to[at] = from[place];
    }
  }
  return to;
}

/** One slice of a volume, as a picture of grey pixels. */
export function cutPicture({ voxels, shape, full }: Volume, plane: PlanePayload, at: number): Picture {
  const { width, height } = paneSize(full, plane);
  const [rows, columns] = [shape[plane.rows], shape[plane.columns]];
  const values = cutValues(voxels, shape, plane, at, full[plane.axis], false);
  const grey =
    rows === height && columns === width ? values : resample({ rows, columns, values }, height, width, false);
  const pixels = new Uint8Array(3 * grey.length);
  for (let at = 0, to = 0; at < grey.length; at++, to += 3) {
    const value = Math.floor(grey[at] + 0.5);
    pixels[to] = value;
    pixels[to + 1] = value;
    pixels[to + 2] = value;
  }
  return { width, height, pixels };
}

/** The shape of a map, with its first axis where it has three. */
export function gridOf({ depth, rows, columns }: Pick<Result, "depth" | "rows" | "columns">): Triple {
  return [depth, rows, columns];
}

/** The cut of a map at its own resolution: linear between its slices, or the nearest with `cells`. */
export function cutMap(result: Result, plane: PlanePayload, at: number, full: Triple, cells: boolean): Result {
  const grid = gridOf(result);
  const cut = (values: Float32Array) => cutValues(values, grid, plane, at, full[plane.axis], cells);
  const [rows, columns] = [grid[plane.rows], grid[plane.columns]];
  const { values, errors } = result;
  return { ...result, depth: 1, rows, columns, values: cut(values), errors: errors && cut(errors) };
}

/** Of the values of a grid, those of the slice at a place of `length` along the plane's axis. */
export function cutValues(
  values: Uint8Array | Float32Array,
  grid: Triple,
  plane: PlanePayload,
  at: number,
  length: number,
  cells: boolean,
): Float32Array {
  const samples = grid[plane.axis];
  if (cells) {
    return slice(values, grid, plane, nearestCell(at, samples, length));
  }
  const position = Math.min(Math.max(((at + 0.5) * samples) / length - 0.5, 0), samples - 1);
  const below = Math.floor(position);
  const weight = position - below;
  const out = slice(values, grid, plane, below);
  if (weight > 0) {
    const above = slice(values, grid, plane, Math.min(below + 1, samples - 1));
    for (let i = 0; i < out.length; i++) {
      out[i] = out[i] * (1 - weight) + above[i] * weight;
    }
  }
  return out;
}
