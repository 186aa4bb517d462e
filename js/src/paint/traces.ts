/** A field of numbers in which lines are looked for. */
export interface Heights {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** For every pixel: how far the nearest line is, and which one. */
export interface Nearby {
  /** Infinity where no line is within reach. */
  readonly away: Float64Array;
  readonly level: Int8Array;
}

/** The corners of a square of four pixels, clockwise (down, right), and its sides as pairs of corners. */
const CORNERS = [
  [0, 0],
  [0, 1],
  [1, 1],
  [1, 0],
] as const;
const SIDES = [
  [0, 1],
  [1, 2],
  [3, 2],
  [0, 3],
] as const;

export function nothingNearby(length: number): Nearby {
  return { away: new Float64Array(length).fill(Number.POSITIVE_INFINITY), level: new Int8Array(length) };
}

/**
 * Draw nearer the pixels around the line along which a field has a height (marching squares).
 *
 * @param height the number that is crossed
 * @param snap null: a crossing lies where a straight line between two pixels has the height; otherwise it lies this
 *   share of the way from the smaller to the greater number
 * @param reach how far from the line anybody cares
 * @param level what the line is called; where two lines are equally near, the first one counts
 */
export function trace(
  field: Heights,
  height: number,
  snap: number | null,
  reach: number,
  level: number,
  into: Nearby,
): void {
  const { width, values } = field;
  const corner = new Float64Array(4);
  const points = new Float64Array(8);
  for (let y = 0; y < field.height - 1; y++) {
    for (let x = 0, at = y * width; x < width - 1; x++, at++) {
      const over = values[at] >= height;
      if (
        over === values[at + 1] >= height &&
        over === values[at + width] >= height &&
        over === values[at + width + 1] >= height
      ) {
        continue;
      }
      corner[0] = values[at];
      corner[1] = values[at + 1];
      corner[2] = values[at + width + 1];
      corner[3] = values[at + width];
      let crossed = 0;
      for (let side = 0; side < 4; side++) {
        const [one, other] = SIDES[side];
        if (corner[one] >= height !== corner[other] >= height) {
          crossed |= 1 << side;
          const rise = corner[other] - corner[one];
          const share = snap === null ? (height - corner[one]) / rise : rise > 0 ? snap : 1 - snap;
          points[2 * side] = y + CORNERS[one][0] + share * (CORNERS[other][0] - CORNERS[one][0]);
          points[2 * side + 1] = x + CORNERS[one][1] + share * (CORNERS[other][1] - CORNERS[one][1]);
        }
      }
      if (crossed === 15) {
        const along = (corner[0] + corner[1] + corner[2] + corner[3]) / 4 >= height === over;
        draw(points, 0, along ? 1 : 3, field, reach, level, into);
        draw(points, along ? 3 : 1, 2, field, reach, level, into);
      } else {
        draw(points, 31 - Math.clz32(crossed & -crossed), 31 - Math.clz32(crossed), field, reach, level, into);
      }
    }
  }
}

/** Draw nearer the pixels around one straight piece, between the points on two sides of a square. */
function draw(
  points: Float64Array,
  first: number,
  last: number,
  { width, height }: Heights,
  reach: number,
  level: number,
  into: Nearby,
): void {
  const y = points[2 * first];
  const x = points[2 * first + 1];
  const endY = points[2 * last];
  const endX = points[2 * last + 1];
  const alongY = endY - y;
  const alongX = endX - x;
  const length = alongY * alongY + alongX * alongX || 1;
  const bottom = Math.min(Math.floor(Math.max(y, endY) + reach), height - 1);
  const right = Math.min(Math.floor(Math.max(x, endX) + reach), width - 1);
  const left = Math.max(Math.ceil(Math.min(x, endX) - reach), 0);
  for (let row = Math.max(Math.ceil(Math.min(y, endY) - reach), 0); row <= bottom; row++) {
    for (let column = left, at = row * width + left; column <= right; column++, at++) {
      const share = Math.min(Math.max(((row - y) * alongY + (column - x) * alongX) / length, 0), 1);
      const missY = row - (y + share * alongY);
      const missX = column - (x + share * alongX);
      const gap = Math.sqrt(missY * missY + missX * missX);
      if (gap < reach && gap < into.away[at]) {
        into.away[at] = gap;
        into.level[at] = level;
      }
    }
  }
}
