/** The box of the largest region of a map in three dimensions. Pure; the rule is that of the kernel's `largest_box`. */
import type { Place } from "../paint/lines";
import { linearAxis } from "../paint/resample";
import type { PlanePayload } from "../protocol";
import type { Triple } from "./space";

/** Half-open, in voxels of the full volume: where it begins along each axis, and where it ends. */
export type Solid = readonly [number, number, number, number, number, number];

/**
 * The box of the largest connected region above a share of the greatest value; null where nothing is positive.
 *
 * The map is stretched over the volume line by line, and lines that cannot matter are passed over: the whole of it would
 * be far larger than the map.
 */
export function largestSolid(values: Float32Array, grid: Triple, full: Triple, threshold: number): Solid | null {
  const lines = createLines(values, grid, full);
  const highest = lines.highest();
  if (!(highest > 0)) {
    return null;
  }
  const above = Math.fround(threshold * highest);
  const [depth, height, width] = full;
  /** Stretches above the threshold: line, first voxel, voxel after the last, and so on; and where each line's begin. */
  const runs: number[] = [];
  const starts = new Int32Array(depth * height + 1);
  const parent: number[] = [];
  const root = (of: number) => {
    let run = of;
    while (parent[run] !== run) {
      parent[run] = parent[parent[run]];
      run = parent[run];
    }
    return run;
  };
  const join = (run: number, line: number) => {
    for (let other = starts[line]; other < starts[line + 1]; other++) {
      if (runs[3 * other + 1] <= runs[3 * run + 2] && runs[3 * run + 1] <= runs[3 * other + 2]) {
        const [one, two] = [root(run), root(other)];
        parent[Math.max(one, two)] = Math.min(one, two);
      }
    }
  };
  for (let i = 0, line = 0; i < depth; i++) {
    for (let j = 0; j < height; j++, line++) {
      const first = parent.length;
      const found = lines.at(i, j, above);
      for (let k = 0, open = false; found !== null && k < width; k++) {
        const inside = found[k] > above;
        if (inside && !open) {
          runs.push(line, k, k + 1);
          parent.push(parent.length);
        } else if (inside) {
          runs[runs.length - 1] = k + 1;
        }
        open = inside;
      }
      starts[line + 1] = parent.length;
      for (let run = first; run < parent.length; run++) {
        for (const [a, b] of [
          [0, -1],
          [-1, -1],
          [-1, 0],
          [-1, 1],
        ]) {
          if (i + a >= 0 && j + b >= 0 && j + b < height) {
            join(run, line + a * height + b);
          }
        }
      }
    }
  }
  return boxOf(
    runs,
    parent.map((_, run) => root(run)),
    height,
  );
}

/** The box of the region with most voxels; of regions of one size, the one that begins first. */
function boxOf(runs: readonly number[], region: readonly number[], height: number): Solid | null {
  if (region.length === 0) {
    return null;
  }
  const size = new Float64Array(region.length);
  region.forEach((root, run) => {
    size[root] += runs[3 * run + 2] - runs[3 * run + 1];
  });
  const largest = size.reduce((best, each, run) => (each > size[best] ? run : best), 0);
  const low = [Infinity, Infinity, Infinity];
  const high = [0, 0, 0];
  region.forEach((root, run) => {
    if (root === largest) {
      const [line, left, right] = runs.slice(3 * run, 3 * run + 3);
      const from = [Math.floor(line / height), line % height, left];
      const to = [from[0] + 1, from[1] + 1, right];
      for (let axis = 0; axis < 3; axis++) {
        low[axis] = Math.min(low[axis], from[axis]);
        high[axis] = Math.max(high[axis], to[axis]);
      }
    }
  });
  return [low[0], low[1], low[2], high[0], high[1], high[2]];
}

/** A map stretched over its volume, one line of voxels at a time. */
function createLines(values: Float32Array, [depth, rows, columns]: Triple, full: Triple) {
  const [down, along, across] = [depth, rows, columns].map((samples, axis) => linearAxis(samples, full[axis]));
  const finite = values.every(Number.isFinite);
  /** Nothing between samples is greater than they are. */
  const most = Float32Array.from({ length: depth * rows }, (_, line) =>
    values.subarray(line * columns, (line + 1) * columns).reduce((one, other) => Math.max(one, other)),
  );
  const joined = new Float64Array(columns);
  const out = new Float32Array(full[2]);

  /** The line, unless nothing of it is greater than `above`. */
  const at = (i: number, j: number, above: number): Float32Array | null => {
    const ends = [down.below[i], down.above[i]].flatMap((a) => [a * rows + along.below[j], a * rows + along.above[j]]);
    if (finite && Math.max(...ends.map((line) => most[line])) <= above) {
      return null;
    }
    const [u, v] = [down.weight[i], along.weight[j]];
    const [a, b, c, d] = ends.map((line) => line * columns);
    for (let k = 0; k < columns; k++) {
      const upper = values[a + k] * (1 - u) + values[c + k] * u;
      const lower = values[b + k] * (1 - u) + values[d + k] * u;
      joined[k] = upper * (1 - v) + lower * v;
    }
    for (let k = 0; k < out.length; k++) {
      const w = across.weight[k];
      out[k] = joined[across.below[k]] * (1 - w) + joined[across.above[k]] * w;
    }
    return out;
  };
  return {
    at,
    /** NaN where there is one. */
    highest() {
      let highest = 0;
      for (let i = 0; i < full[0]; i++) {
        for (let j = 0; j < full[1]; j++) {
          for (const value of at(i, j, highest) ?? []) {
            highest = Math.max(highest, value);
          }
        }
      }
      return highest;
    },
  };
}

/** Where the slice of a plane meets a box, as it is shown: edges among the plane's voxels; null where it does not. */
export function solidOn(box: Solid | null, plane: PlanePayload, index: number, full: Triple): Place | null {
  if (box === null || index < box[plane.axis] || index >= box[plane.axis + 3]) {
    return null;
  }
  const along = (axis: number, flip: boolean): [number, number] =>
    flip ? [full[axis] - box[axis + 3], full[axis] - box[axis]] : [box[axis], box[axis + 3]];
  const [top, bottom] = along(plane.rows, plane.flip_rows);
  const [left, right] = along(plane.columns, plane.flip_columns);
  return { edges: [top, left, bottom, right], rows: full[plane.rows], columns: full[plane.columns] };
}
