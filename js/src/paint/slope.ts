/** A field of numbers whose lines are drawn. */
interface Heights {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** How much a field changes per pixel where it changes most: from central differences, one-sided at the border. */
export function slopeAt({ width, height, values }: Heights, x: number, y: number): number {
  const at = y * width + x;
  const right = difference(values, at, 1, x, width);
  const down = difference(values, at, width, y, height);
  return Math.sqrt(right * right + down * down);
}

function difference(values: Float32Array, at: number, step: number, place: number, length: number): number {
  if (place > 0 && place < length - 1) {
    return (values[at + step] - values[at - step]) / 2;
  }
  if (length === 1) {
    return 0;
  }
  return place === 0 ? values[at + step] - values[at] : values[at] - values[at - step];
}

/** How many pixels away, about, a field reaches a level that it exceeds by so much; infinity where it is flat. */
export function distance(excess: number, slope: number): number {
  if (slope > 0) {
    return excess / slope;
  }
  return excess > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}
