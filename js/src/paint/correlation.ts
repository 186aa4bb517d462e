/**
 * Spearman's rank correlation: 1 where two maps put all places into the same order, -1 where into the opposite one.
 *
 * Equal values share the average of their ranks; places where one of the two is not finite are left out. NaN if a map
 * is the same everywhere, for then it has no order.
 */
export function spearman(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) {
    throw new Error(`Two maps of one size can be correlated; got ${a.length} and ${b.length} values.`);
  }
  const both = (_: number, i: number) => Number.isFinite(a[i]) && Number.isFinite(b[i]);
  return pearson(ranks(a.filter(both)), ranks(b.filter(both)));
}

/** The place of every value in the order of all, from 1; equal ones share their average. */
export function ranks(values: Float32Array): Float64Array {
  const order = Uint32Array.from(values, (_, i) => i).sort((one, other) => values[one] - values[other]);
  const out = new Float64Array(values.length);
  for (let first = 0; first < order.length; ) {
    let end = first + 1;
    while (end < order.length && values[order[end]] === values[order[first]]) {
      end += 1;
    }
    for (let i = first; i < end; i++) {
      out[order[i]] = (first + 1 + end) / 2;
    }
    first = end;
  }
  return out;
}

function pearson(a: Float64Array, b: Float64Array): number {
  const middle = (a.length + 1) / 2;
  let [both, ofA, ofB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    both += (a[i] - middle) * (b[i] - middle);
    ofA += (a[i] - middle) ** 2;
    ofB += (b[i] - middle) ** 2;
  }
  return both / Math.sqrt(ofA * ofB);
}
