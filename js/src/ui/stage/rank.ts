import type { Result, Session } from "../../paint/decode";
import { resample } from "../../paint/resample";

/** How a value compares with all the others: the share of the picture that is lower, or that it is an end. */
export type Rank = { readonly lower: number } | "highest" | "lowest";

interface Sorted {
  readonly session: Session;
  readonly cells: boolean;
  readonly values: Float32Array;
}

const known = new WeakMap<Result, Sorted>();

/** The rank of a value among the map's pixels; null where they are all the same, or the value is no number. */
export function rankOf(session: Session, result: Result, cells: boolean, value: number): Rank | null {
  return rankIn(sortedValues(session, result, cells), value);
}

/** The rank of a value among sorted ones. */
export function rankIn(sorted: Float32Array, value: number): Rank | null {
  const { length } = sorted;
  if (length === 0 || sorted[0] === sorted[length - 1] || !Number.isFinite(value)) {
    return null;
  }
  if (value >= sorted[length - 1]) {
    return "highest";
  }
  return value <= sorted[0] ? "lowest" : { lower: countBelow(sorted, value) / length };
}

function countBelow(sorted: Float32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Sorting takes a while on a large picture: it is done when first asked for, and kept with the result. */
function sortedValues(session: Session, result: Result, cells: boolean): Float32Array {
  const last = known.get(result);
  if (last !== undefined && last.session === session && last.cells === cells) {
    return last.values;
  }
  const values = resample(result, session.height, session.width, cells)
    .filter((value) => Number.isFinite(value))
    .sort();
  known.set(result, { session, cells, values });
  return values;
}
