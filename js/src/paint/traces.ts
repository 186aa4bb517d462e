/** A field of numbers in which lines are looked for. */
export interface Heights {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** A line along which a field has one height. */
export interface Line {
  /** The number that is crossed. */
  readonly height: number;
  /**
   * Null: a crossing lies where a straight line between two pixels has the height; otherwise it lies this share of the
   * way from the smaller to the greater number.
   */
  readonly snap: number | null;
}

/** For every pixel: the nearest line. */
export interface Nearby {
  /** The square of its distance; infinity where no line is within reach. */
  readonly away: Float64Array;
  /** Which one; of two that are equally near, the first. */
  readonly line: Uint8Array;
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

/**
 * Find the lines along which a field has given heights (marching squares), and the pixels near them.
 *
 * @param reach how far from a line anybody cares
 */
export function trace(field: Heights, lines: readonly Line[], reach: number): Nearby {
  const { width, height, values } = field;
  const near = {
    away: new Float64Array(values.length).fill(Number.POSITIVE_INFINITY),
    line: new Uint8Array(values.length),
  };
  const rising = lines.map((_, place) => place).sort((a, b) => lines[a].height - lines[b].height);
  const storeys = storeysOf(
    values,
    Float64Array.from(rising, (place) => lines[place].height),
  );
  const square = createSquare(field, reach, near);
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0, at = y * width; x < width - 1; x++, at++) {
      const [a, b, c, d] = [storeys[at], storeys[at + 1], storeys[at + width + 1], storeys[at + width]];
      if (a !== b || b !== c || c !== d) {
        const highest = Math.max(a, b, c, d);
        for (let storey = Math.min(a, b, c, d); storey < highest; storey++) {
          square(x, y, lines[rising[storey]], rising[storey]);
        }
      }
    }
  }
  return near;
}

/** How many of the heights each value reaches. */
function storeysOf(values: Float32Array, heights: Float64Array): Uint8Array {
  const storeys = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    let storey = 0;
    while (storey < heights.length && value >= heights[storey]) {
      storey += 1;
    }
    storeys[i] = storey;
  }
  return storeys;
}

/** Draws the pieces of a line that lie in a square of four pixels. */
function createSquare({ width, height, values }: Heights, reach: number, { away, line }: Nearby) {
  const corner = new Float64Array(4);
  const points = new Float64Array(8);

  const piece = (first: number, last: number, number: number) => {
    const y = points[2 * first];
    const x = points[2 * first + 1];
    const endY = points[2 * last];
    const endX = points[2 * last + 1];
    const alongY = endY - y;
    const alongX = endX - x;
    const inverse = 1 / (alongY * alongY + alongX * alongX || 1);
    const bottom = Math.min(Math.floor(Math.max(y, endY) + reach), height - 1);
    const right = Math.min(Math.floor(Math.max(x, endX) + reach), width - 1);
    const left = Math.max(Math.ceil(Math.min(x, endX) - reach), 0);
    for (let row = Math.max(Math.ceil(Math.min(y, endY) - reach), 0); row <= bottom; row++) {
      for (let column = left, at = row * width + left; column <= right; column++, at++) {
        const along = ((row - y) * alongY + (column - x) * alongX) * inverse;
        const share = along < 0 ? 0 : along > 1 ? 1 : along;
        const missY = row - (y + share * alongY);
        const missX = column - (x + share * alongX);
        const gap = missY * missY + missX * missX;
        if (gap < reach * reach && (gap < away[at] || (gap === away[at] && number < line[at]))) {
          away[at] = gap;
          line[at] = number;
        }
      }
    }
  };

  return (x: number, y: number, { height: level, snap }: Line, number: number) => {
    const at = y * width + x;
    corner[0] = values[at];
    corner[1] = values[at + 1];
    corner[2] = values[at + width + 1];
    corner[3] = values[at + width];
    let crossed = 0;
    for (let side = 0; side < 4; side++) {
      const [one, other] = SIDES[side];
      if (corner[one] >= level !== corner[other] >= level) {
        crossed |= 1 << side;
        const rise = corner[other] - corner[one];
        const share = snap === null ? (level - corner[one]) / rise : rise > 0 ? snap : 1 - snap;
        points[2 * side] = y + CORNERS[one][0] + share * (CORNERS[other][0] - CORNERS[one][0]);
        points[2 * side + 1] = x + CORNERS[one][1] + share * (CORNERS[other][1] - CORNERS[one][1]);
      }
    }
    // A line that enters once joins the two sides it crosses; where it enters twice, the middle decides what is joined.
    if (crossed === 15) {
      const middle = (corner[0] + corner[1] + corner[2] + corner[3]) / 4 >= level;
      const along = middle === corner[0] >= level;
      piece(0, along ? 1 : 3, number);
      piece(along ? 3 : 1, 2, number);
    } else {
      piece(31 - Math.clz32(crossed & -crossed), 31 - Math.clz32(crossed), number);
    }
  };
}
