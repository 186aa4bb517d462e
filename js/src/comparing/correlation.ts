/** How alike two maps order the places of a picture. Pure. */
import type { Picture, Result } from "../paint/decode";
import { resample } from "../paint/resample";
import { sampled } from "../volume/mapping";

/** The rank of every value, from 1; equal values share the mean of their ranks; what is not finite counts as zero. */
export function ranks(values: Float32Array): Float64Array {
  const finite = values.map((value) => (Number.isFinite(value) ? value : 0));
  const sorted = finite.slice().sort();
  const unique: number[] = [];
  const means: number[] = [];
  for (let start = 0; start < sorted.length; ) {
    let stop = start + 1;
    while (stop < sorted.length && sorted[stop] === sorted[start]) {
      stop += 1;
    }
    unique.push(sorted[start]);
    means.push((start + 1 + stop) / 2);
    start = stop;
  }
  const places = Float32Array.from(unique);
  return Float64Array.from(finite, (value) => means[find(places, value)]);
}

/** Where a value stands in a sorted array that holds it. */
function find(sorted: Float32Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Pearson's correlation; null where one side is the same everywhere. */
export function correlation(one: Float64Array, other: Float64Array): number | null {
  const mean = (one.length + 1) / 2;
  let both = 0;
  let first = 0;
  let second = 0;
  for (let i = 0; i < one.length; i++) {
    const a = one[i] - mean;
    const b = other[i] - mean;
    both += a * b;
    first += a * a;
    second += b * b;
  }
  return first > 0 && second > 0 ? both / Math.sqrt(first * second) : null;
}

/** A map on its picture. */
export interface Drawn {
  readonly result: Result;
  readonly picture: Picture;
}

/** Spearman's rank correlation of maps stretched over their picture; every map is ranked once, every pair compared once. */
export function createCorrelations(): (one: Drawn, other: Drawn) => number | null {
  const ranked = new WeakMap<Result, Float64Array>();
  const known = new WeakMap<Result, WeakMap<Result, number | null>>();
  const ranksOf = ({ result, picture }: Drawn): Float64Array => {
    const { volume, height, width } = picture;
    const values = () => (volume ? sampled(result, volume.full) : resample(result, height, width, false));
    const found = ranked.get(result) ?? ranks(values());
    ranked.set(result, found);
    return found;
  };
  return (one, other) => {
    const row = known.get(one.result) ?? new WeakMap<Result, number | null>();
    known.set(one.result, row);
    let value = row.get(other.result);
    if (value === undefined) {
      value = correlation(ranksOf(one), ranksOf(other));
      row.set(other.result, value);
    }
    return value;
  };
}
