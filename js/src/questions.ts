/** One class, or one class rather than another. Pure. */

import type { WireTarget } from "./protocol";

/** The classes a question is about; null where it is about none. */
export interface Asked {
  readonly target: number | null;
  readonly foil: number | null;
}

/** What a target asks about; a target made of code asks about no class. */
export function askedClasses(target: WireTarget, predicted: number | undefined): Asked {
  if (target === null) {
    return { target: predicted ?? null, foil: null };
  }
  if (typeof target === "number") {
    return { target, foil: null };
  }
  return "foil" in target ? target : { target: null, foil: null };
}

/** The likeliest class that is not asked about yet: the one that a person would have expected instead. */
export function suggestedFoil(order: readonly number[], { target }: Asked): number | null {
  return target === null ? null : (order.find((index) => index !== target) ?? null);
}

/** The question with a foil, or, where that is the foil already, without one. */
export function toggleFoil({ target, foil }: Asked, index: number): WireTarget {
  if (target === null || target === index) {
    return target;
  }
  return foil === index ? target : { target, foil: index };
}

/** Whether two targets ask the same. */
export function sameQuestion(one: WireTarget, other: WireTarget): boolean {
  return JSON.stringify(askedOrdered(one)) === JSON.stringify(askedOrdered(other));
}

function askedOrdered(target: WireTarget): unknown {
  return target !== null && typeof target === "object" && "foil" in target ? [target.target, target.foil] : target;
}
