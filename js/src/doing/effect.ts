import type { WireTarget } from "../protocol";
import { areProbabilities, ranking } from "../ranking";

/** What a class had before something was covered, and has after. */
export interface Change {
  readonly index: number;
  readonly before: number;
  readonly after: number;
}

export interface Effect {
  /** The class that is asked about first, then the likeliest. */
  readonly changes: readonly Change[];
  /** Whether the numbers are probabilities, and differences of them points. */
  readonly shares: boolean;
}

/** Others beside the class that is asked about; one more where covering has brought another to the top. */
const OTHERS = 3;

export function effectOf(before: Float32Array, after: Float32Array, target: WireTarget): Effect {
  const order = ranking(before);
  const first = classOf(target) ?? order[0];
  const rows = [first, ...order.filter((index) => index !== first).slice(0, OTHERS)];
  const [winner] = ranking(after);
  const shown = rows.includes(winner) ? rows : [...rows, winner];
  const changes = shown.map((index) => ({ index, before: before[index], after: after[index] }));
  return { changes, shares: areProbabilities(before) && areProbabilities(after) };
}

/** The class that a question is about; a function of the scores is about none. */
export function classOf(target: WireTarget): number | null {
  if (typeof target === "number") {
    return target;
  }
  return target !== null && "target" in target ? target.target : null;
}

/** A probability in whole percent; what is not certain is never called so. */
export function wholeShare(share: number): string {
  const percent = Math.round(share * 100);
  if (percent === 0 && share > 0) {
    return "<1 %";
  }
  return percent === 100 && share < 1 ? ">99 %" : `${percent} %`;
}

/** The difference of two probabilities as they are shown: what stands beside it must add up. */
export function points(before: number, after: number): number {
  return Math.round(after * 100) - Math.round(before * 100);
}
