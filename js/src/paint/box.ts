import type { Box } from "./lines";

/** Stretches of pixels in one row that lie in a region: row, first column, column after the last, and so on. */
interface Runs {
  readonly count: number;
  readonly row: Int32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
}

/**
 * The half-open box [top, left, bottom, right] of the largest connected region above a share of the greatest value.
 *
 * Diagonal neighbours are connected; of regions of one size, the one that begins first, row by row. Null if nothing is
 * positive. The rule is that of the kernel's `Attribution.box`.
 */
export function largestBox(values: Float32Array, width: number, height: number, threshold: number): Box | null {
  let highest = 0;
  for (const value of values) {
    if (Number.isNaN(value)) {
      return null;
    }
    highest = Math.max(highest, value);
  }
  const runs = findRuns(values, width, height, Math.fround(threshold * highest));
  if (!(highest > 0) || runs.count === 0) {
    return null;
  }
  const region = join(runs);
  const size = new Int32Array(runs.count);
  let largest = 0;
  for (let run = 0; run < runs.count; run++) {
    size[region[run]] += runs.right[run] - runs.left[run];
  }
  for (let run = 1; run < runs.count; run++) {
    largest = size[run] > size[largest] ? run : largest;
  }
  let [top, left, bottom, right] = [height, width, 0, 0];
  for (let run = 0; run < runs.count; run++) {
    if (region[run] === largest) {
      top = Math.min(top, runs.row[run]);
      bottom = Math.max(bottom, runs.row[run] + 1);
      left = Math.min(left, runs.left[run]);
      right = Math.max(right, runs.right[run]);
    }
  }
  return [top, left, bottom, right];
}

function findRuns(values: Float32Array, width: number, height: number, above: number): Runs {
  const most = height * Math.ceil(width / 2);
  const row = new Int32Array(most);
  const left = new Int32Array(most);
  const right = new Int32Array(most);
  let count = 0;
  for (let y = 0; y < height; y++) {
    let open = false;
    for (let x = 0; x < width; x++) {
      const inside = values[y * width + x] > above;
      if (inside && !open) {
        row[count] = y;
        left[count] = x;
        count += 1;
      }
      if (inside) {
        right[count - 1] = x + 1;
      }
      open = inside;
    }
  }
  return { count, row, left, right };
}

/** For each run, the first run that it is connected with. */
function join({ count, row, left, right }: Runs): Int32Array {
  const parent = Int32Array.from({ length: count }, (_, run) => run);
  const root = (of: number) => {
    let run = of;
    while (parent[run] !== run) {
      parent[run] = parent[parent[run]];
      run = parent[run];
    }
    return run;
  };
  let above = 0;
  for (let here = 0; here < count; here++) {
    while (row[above] < row[here] - 1 || (row[above] === row[here] - 1 && right[above] < left[here])) {
      above += 1;
    }
    for (let other = above; other < here && row[other] === row[here] - 1 && left[other] <= right[here]; other++) {
      const [one, two] = [root(here), root(other)];
      parent[Math.max(one, two)] = Math.min(one, two);
    }
  }
  return parent.map((_, run) => root(run));
}
