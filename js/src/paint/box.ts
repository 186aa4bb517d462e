/** The box of the largest region of a map. Pure; the rule is that of the kernel's `largest_box`. */
import type { Triple } from "../volume/space";
import type { Box } from "./lines";
import { linearAxis } from "./resample";

/** Half-open, in voxels of the full volume: where it begins along each axis, and where it ends. */
export type Solid = readonly [number, number, number, number, number, number];

/** Lines before this one that touch it. */
const NEIGHBOURS = [
  [0, -1],
  [-1, -1],
  [-1, 0],
  [-1, 1],
] as const;

/** The voxels of a line, unless none of them is greater than `above`. */
type Lines = (i: number, j: number, above: number) => Float32Array | null;

/** The box of a map that lies on its picture already; see `largestSolid`. */
export function largestBox(values: Float32Array, width: number, height: number, threshold: number): Box | null {
  const rows: Lines = (_, row) => values.subarray(row * width, (row + 1) * width);
  const solid = largestOf(rows, [1, height, width], threshold);
  return solid && [solid[1], solid[2], solid[4], solid[5]];
}

/**
 * The box of the largest connected region above a share of the greatest value; null where nothing is positive.
 *
 * Diagonal neighbours are connected; of regions of one size, the one that begins first counts. The map is stretched over
 * the volume line by line, and lines that cannot matter are passed over: the whole of it would be far larger than the
 * map.
 */
export function largestSolid(values: Float32Array, grid: Triple, full: Triple, threshold: number): Solid | null {
  return largestOf(stretchedLines(values, grid, full), full, threshold);
}

function largestOf(lines: Lines, full: Triple, threshold: number): Solid | null {
  const highest = highestOf(lines, full);
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
  /** Join what touches of the runs of two lines, from `first` on. */
  const join = (first: number, line: number) => {
    for (let run = first, from = starts[line]; run < parent.length; run++) {
      while (from < starts[line + 1] && runs[3 * from + 2] < runs[3 * run + 1]) {
        from += 1;
      }
      for (let other = from; other < starts[line + 1] && runs[3 * other + 1] <= runs[3 * run + 2]; other++) {
        const [one, two] = [root(run), root(other)];
        parent[Math.max(one, two)] = Math.min(one, two);
      }
    }
  };
  for (let i = 0, line = 0; i < depth; i++) {
    for (let j = 0; j < height; j++, line++) {
      const first = parent.length;
      const found = lines(i, j, above);
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
      for (const [a, b] of NEIGHBOURS) {
        if (i + a >= 0 && j + b >= 0 && j + b < height) {
          join(first, line + a * height + b);
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

/** NaN where there is one. */
function highestOf(lines: Lines, [depth, height]: Triple): number {
  let highest = 0;
  for (let i = 0; i < depth; i++) {
    for (let j = 0; j < height; j++) {
      for (const value of lines(i, j, highest) ?? []) {
        highest = Math.max(highest, value);
      }
    }
  }
  return highest;
}

/** A map stretched over its volume. */
function stretchedLines(values: Float32Array, [depth, rows, columns]: Triple, full: Triple): Lines {
  const [down, along, across] = [depth, rows, columns].map((samples, axis) => linearAxis(samples, full[axis]));
  const finite = values.every(Number.isFinite);
  /** Nothing between samples is greater than they are. */
  const most = Float32Array.from({ length: depth * rows }, (_, line) =>
    values.subarray(line * columns, (line + 1) * columns).reduce((one, other) => Math.max(one, other)),
  );
  const joined = new Float64Array(columns);
  const out = new Float32Array(full[2]);
  return (i, j, above) => {
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
}
