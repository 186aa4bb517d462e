import type { View } from "../protocol";
import type { Result } from "./decode";

/** As much of a result as decides its scale. */
type Numbers = Pick<Result, "values" | "signed">;

/** The finite values' sizes in order, of the maps that somebody has clipped. */
const ordered = new WeakMap<Numbers, Float32Array>();
const maxima = new WeakMap<Numbers, number>();

/**
 * The value of the strongest colour; 0 if there is none.
 *
 * It is the percentile `clip` of the finite values' sizes (|v| on a signed map, max(v, 0) on an unsigned one), joined
 * linearly between neighbours; where that is 0 though some value is not, it is the maximum.
 */
export function topOf(result: Numbers, view: Pick<View, "clip">): number {
  const highest = remembered(maxima, result, largest);
  if (!(highest > 0) || view.clip >= 100) {
    return highest;
  }
  const sizes = remembered(ordered, result, sorted);
  const position = (sizes.length - 1) * (view.clip / 100);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sizes.length - 1);
  const weight = position - below;
  const clipped = sizes[below] * (1 - weight) + sizes[above] * weight;
  return clipped > 0 ? clipped : highest;
}

/** Whether values lie below the low end of a colour bar, and above its high end: there, its ends stand for more. */
export function beyond(result: Numbers, top: number): [boolean, boolean] {
  let below = false;
  let above = false;
  for (const value of result.values) {
    if (Number.isFinite(value)) {
      below ||= result.signed && value < -top;
      above ||= value > top;
    }
  }
  return [below, above];
}

function largest({ values, signed }: Numbers): number {
  let top = 0;
  for (const value of values) {
    const size = signed ? Math.abs(value) : value;
    if (size > top && Number.isFinite(size)) {
      top = size;
    }
  }
  return top;
}

function sorted({ values, signed }: Numbers): Float32Array {
  const sizes = values.filter((value) => Number.isFinite(value));
  for (let i = 0; i < sizes.length; i++) {
    sizes[i] = signed ? Math.abs(sizes[i]) : Math.max(sizes[i], 0);
  }
  return sizes.sort();
}

function remembered<T>(memory: WeakMap<Numbers, T>, result: Numbers, make: (result: Numbers) => T): T {
  let known = memory.get(result);
  if (known === undefined) {
    known = make(result);
    memory.set(result, known);
  }
  return known;
}
