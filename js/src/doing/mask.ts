/** Masks of a picture: what a brush or a box marks, as bits on the wire, as an outline, and how far two agree. Pure. */

/** One byte a pixel, row by row: 1 where it is marked. Replaced, never changed. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly marks: Uint8Array;
}

/** A place in the picture's pixels: whole numbers are the borders between them. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export function blank(width: number, height: number): Mask {
  return { width, height, marks: new Uint8Array(width * height) };
}

export function isBlank({ marks }: Mask): boolean {
  return !marks.includes(1);
}

export function sameMask(one: Mask, other: Mask): boolean {
  return (
    one === other ||
    (one.width === other.width &&
      one.height === other.height &&
      one.marks.every((mark, place) => mark === other.marks[place]))
  );
}

/** Move a round brush: pixels whose centre it passes over, and those under both ends, become `value`. */
export function brushed(mask: Mask, from: Point, to: Point, radius: number, value: 0 | 1): Mask {
  const { width, height } = mask;
  const marks = mask.marks.slice();
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius));
  const bottom = Math.min(height, Math.ceil(Math.max(from.y, to.y) + radius));
  const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius));
  const right = Math.min(width, Math.ceil(Math.max(from.x, to.x) + radius));
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
      const along = length === 0 ? 0 : Math.min(Math.max((px * dx + py * dy) / length, 0), 1);
      const [ox, oy] = [px - along * dx, py - along * dy];
      if (ox * ox + oy * oy <= radius * radius) {
        marks[y * width + x] = value;
      }
    }
  }
  for (const end of [from, to]) {
    const [x, y] = [Math.floor(end.x), Math.floor(end.y)];
    if (x >= 0 && x < width && y >= 0 && y < height) {
      marks[y * width + x] = value;
    }
  }
  return { width, height, marks };
}

/** Mark the pixels that a box between two corners touches. */
export function boxed(mask: Mask, one: Point, other: Point, value: 0 | 1): Mask {
  const { width, height } = mask;
  const marks = mask.marks.slice();
  const [left, right] = span(one.x, other.x, width);
  const [top, bottom] = span(one.y, other.y, height);
  for (let y = top; y < bottom; y++) {
    marks.fill(value, y * width + left, y * width + right);
  }
  return { width, height, marks };
}

function span(a: number, b: number, length: number): [number, number] {
  const low = Math.min(Math.max(Math.floor(Math.min(a, b)), 0), length);
  const high = Math.min(Math.max(Math.ceil(Math.max(a, b)), 0), length);
  return [low, Math.max(low, high)];
}

export function inverted({ width, height, marks }: Mask): Mask {
  return { width, height, marks: marks.map((mark) => 1 - mark) };
}

/** A bit a pixel, the first pixel in the lowest bit of the first byte. */
export function packed({ marks }: Mask): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(Math.ceil(marks.length / 8));
  for (let place = 0; place < marks.length; place++) {
    bits[place >> 3] |= marks[place] << (place & 7);
  }
  return bits;
}

export function unpacked(bits: Uint8Array, width: number, height: number): Mask {
  const mask = blank(width, height);
  if (bits.length !== Math.ceil((width * height) / 8)) {
    throw new Error(
      `A mask of ${width}×${height} pixels has ${Math.ceil((width * height) / 8)} bytes; got ${bits.length}.`,
    );
  }
  for (let place = 0; place < mask.marks.length; place++) {
    mask.marks[place] = (bits[place >> 3] >> (place & 7)) & 1;
  }
  return mask;
}

/** Of what either marks, the share that both mark (intersection over union); 0 where neither marks anything. */
export function overlap(one: Mask, other: Mask): number {
  let both = 0;
  let either = 0;
  for (let place = 0; place < one.marks.length; place++) {
    both += one.marks[place] & other.marks[place];
    either += one.marks[place] | other.marks[place];
  }
  return either === 0 ? 0 : both / either;
}

/** The borders of what is marked as an SVG path of closed lines; inside is what is marked, holes are left out. */
export function outline({ width, height, marks }: Mask): string {
  const at = (x: number, y: number) => x >= 0 && x < width && y >= 0 && y < height && marks[y * width + x] === 1;
  const across = width + 1;
  // Edges go around the marked side clockwise; from a corner where two places meet, two edges begin.
  const edges = new Map<number, number[]>();
  const add = (x: number, y: number, toX: number, toY: number) => {
    const start = y * across + x;
    const known = edges.get(start);
    const end = toY * across + toX;
    if (known === undefined) {
      edges.set(start, [end]);
    } else {
      known.push(end);
    }
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (marks[y * width + x] === 1) {
        at(x, y - 1) || add(x, y, x + 1, y);
        at(x + 1, y) || add(x + 1, y, x + 1, y + 1);
        at(x, y + 1) || add(x + 1, y + 1, x, y + 1);
        at(x - 1, y) || add(x, y + 1, x, y);
      }
    }
  }
  let path = "";
  for (const start of edges.keys()) {
    while ((edges.get(start)?.length ?? 0) > 0) {
      path += loop(edges, start, across);
    }
  }
  return path;
}

/** Follow edges back to where they began, and take them away; straight pieces become one. */
function loop(edges: Map<number, number[]>, start: number, across: number): string {
  let path = `M${start % across} ${Math.floor(start / across)}`;
  let here = start;
  let step = 0;
  do {
    const next = edges.get(here)?.pop();
    if (next === undefined) {
      break;
    }
    if (step !== 0 && next - here !== step) {
      path += turn(here, step, across);
    }
    step = next - here;
    here = next;
  } while (here !== start);
  return `${path}Z`;
}

function turn(corner: number, step: number, across: number): string {
  return Math.abs(step) === 1 ? `H${corner % across}` : `V${Math.floor(corner / across)}`;
}
