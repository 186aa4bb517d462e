/** A grid of numbers, row by row. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** Where along `samples` cells the pixels of an axis lie, and how their two neighbours are weighted. */
export interface Axis {
  readonly below: Int32Array;
  readonly above: Int32Array;
  readonly weight: Float64Array;
}

/**
 * Resize a map to a picture.
 *
 * Pixel `i` of `N` lies at `(i + 1/2) n / N - 1/2` of the `n` samples; in between, neighbours are joined linearly, rows
 * first; the outermost samples continue to the edge. With `cells`, the nearest sample is repeated instead.
 */
export function resample(grid: Grid, height: number, width: number, cells: boolean): Float32Array {
  return cells ? repeat(grid, height, width) : interpolate(grid, height, width);
}

function interpolate(grid: Grid, height: number, width: number): Float32Array {
  const { rows, columns, values } = grid;
  const vertical = linearAxis(rows, height);
  const horizontal = linearAxis(columns, width);
  const out = new Float32Array(height * width);
  // Rounded to single precision once, at the end, as the kernel's renderer does.
  const row = new Float64Array(columns);
  for (let y = 0; y < height; y++) {
    const upper = vertical.below[y] * columns;
    const lower = vertical.above[y] * columns;
    const down = vertical.weight[y];
    for (let column = 0; column < columns; column++) {
      row[column] = values[upper + column] * (1 - down) + values[lower + column] * down;
    }
    const start = y * width;
    for (let x = 0; x < width; x++) {
      const right = horizontal.weight[x];
      out[start + x] = row[horizontal.below[x]] * (1 - right) + row[horizontal.above[x]] * right;
    }
  }
  return out;
}

function repeat(grid: Grid, height: number, width: number): Float32Array {
  const { rows, columns, values } = grid;
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const start = nearestCell(y, rows, height) * columns;
    for (let x = 0; x < width; x++) {
      out[y * width + x] = values[start + nearestCell(x, columns, width)];
    }
  }
  return out;
}

export function linearAxis(samples: number, length: number): Axis {
  const below = new Int32Array(length);
  const above = new Int32Array(length);
  const weight = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    [below[i], above[i], weight[i]] = neighbours(i, samples, length);
  }
  return { below, above, weight };
}

/** The two samples a pixel lies between, and the weight of the second. */
function neighbours(pixel: number, samples: number, length: number): [number, number, number] {
  const position = Math.min(Math.max(((pixel + 0.5) * samples) / length - 0.5, 0), samples - 1);
  const below = Math.floor(position);
  return [below, Math.min(below + 1, samples - 1), position - below];
}

/** The value that `resample` gives one pixel. */
export function sampleAt(grid: Grid, height: number, width: number, cells: boolean, x: number, y: number): number {
  const { rows, columns, values } = grid;
  if (cells) {
    return values[nearestCell(y, rows, height) * columns + nearestCell(x, columns, width)];
  }
  const [top, bottom, down] = neighbours(y, rows, height);
  const [left, right, across] = neighbours(x, columns, width);
  const mix = (column: number) =>
    values[top * columns + column] * (1 - down) + values[bottom * columns + column] * down;
  return Math.fround(mix(left) * (1 - across) + mix(right) * across);
}

/** `floor((i + 1/2) n / N)` in whole numbers, so that no rounding moves a cell's border. */
export function nearestCell(pixel: number, samples: number, length: number): number {
  return Math.floor(((2 * pixel + 1) * samples) / (2 * length));
}
