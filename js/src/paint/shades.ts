import { colourIndex, strength } from "./blend";
import { kept } from "./kept";

/** What of a map's look does not depend on opacity and threshold: for every pixel, one number each. */
export interface Shades {
  readonly strength: Float64Array;
  /** Which of the 256 colours. */
  readonly index: Uint8Array;
  /** The strength after gamma, but for the last digits: see `blend`. Of signed maps only. */
  readonly bent: Float64Array;
  readonly gamma: number;
  readonly signed: boolean;
}

export type Shader = (values: Float32Array, top: number, signed: boolean, gamma: number) => Shades;

const NONE = new Float64Array();

/** Finds the shades of maps, and keeps what the next frame may share. */
export function createShader(): Shader {
  const strengths = kept(strengthsOf);
  const logarithms = kept((strength: Float64Array) => strength.map(Math.log));
  const shades = kept((values: Float32Array, strength: Float64Array, signed: boolean, gamma: number): Shades => {
    const index = indicesOf(values, strength, signed, gamma);
    if (!signed || gamma === 1) {
      return { strength, index, bent: signed ? strength : NONE, gamma, signed };
    }
    // A power costs four times an exponential, which every frame would pay while gamma is dragged.
    const bent = new Float64Array(strength.length);
    const logarithm = logarithms(strength);
    for (let i = 0; i < bent.length; i++) {
      bent[i] = Math.exp(gamma * logarithm[i]);
    }
    return { strength, index, bent, gamma, signed };
  });
  return (values, top, signed, gamma) => shades(values, strengths(values, top, signed), signed, gamma);
}

function strengthsOf(values: Float32Array, top: number, signed: boolean): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = strength(values[i], top, signed);
  }
  return out;
}

function indicesOf(values: Float32Array, strength: Float64Array, signed: boolean, gamma: number): Uint8Array {
  const out = new Uint8Array(values.length);
  if (gamma === 1) {
    for (let i = 0; i < out.length; i++) {
      out[i] = colourIndex(strength[i], values[i], signed, 1);
    }
    return out;
  }
  const stairs = (sign: 1 | -1) =>
    createStairs(
      (s) => colourIndex(s, sign, signed, gamma),
      (step) => (signed ? (step + (sign + 1) / 2) / 127.5 : (step + 0.5) / 255) ** (1 / gamma),
    );
  const above = stairs(1);
  const below = signed ? stairs(-1) : above;
  for (let i = 0; i < out.length; i++) {
    out[i] = values[i] < 0 ? below(strength[i]) : above(strength[i]);
  }
  return out;
}

const BUCKETS = 1024;

/**
 * A function of [0, 1] to whole numbers that only ever goes up, or down, by steps of one: as fast as a look into a
 * table, however slow the function, and exact, because the places of the steps are found by the function itself.
 *
 * @param place about where a step lies
 */
function createStairs(f: (s: number) => number, place: (step: number) => number): (s: number) => number {
  const start = f(0);
  const rise = Math.sign(f(1) - start);
  const count = Math.abs(f(1) - start);
  const steps = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  for (let step = 0; step < count; step++) {
    steps[step] = stepAt((s) => rise * (f(s) - start) > step, place(step));
  }
  const first = new Uint8Array(BUCKETS + 1);
  for (let bucket = 0, step = 0; bucket <= BUCKETS; bucket++) {
    while (steps[step] <= bucket / BUCKETS) {
      step += 1;
    }
    first[bucket] = step;
  }
  return (s) => {
    let step = first[Math.floor(s * BUCKETS)];
    while (s >= steps[step]) {
      step += 1;
    }
    return start + rise * step;
  };
}

/** The smallest number in [0, 1] of which something is true, near a guess. */
function stepAt(reached: (s: number) => boolean, guess: number): number {
  let width = 1e-13;
  let low = guess;
  let high = guess;
  while (low > 0 && reached(low)) {
    low = Math.max(guess - width, 0);
    width *= 8;
  }
  while (high < 1 && !reached(high)) {
    high = Math.min(guess + width, 1);
    width *= 8;
  }
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (reached(middle)) {
      high = middle;
    } else {
      low = middle;
    }
  }
  return high;
}
