/** Whether maps can be read on one scale, and which. Pure. */
import type { Result } from "../paint/decode";
import { topOf } from "../paint/top";
import type { View } from "../protocol";

export interface Scales {
  /** The value of the strongest colour, one a map. */
  readonly tops: readonly number[];
  /** Whether all maps have one scale; they can only have one if their numbers are in the same unit. */
  readonly shared: boolean;
  /** Whether they have different units. */
  readonly mixed: boolean;
}

/**
 * The scales of maps that are compared.
 *
 * Numbers of different methods, or of one method set to another score, are in different units: no common number
 * would mean anything, so that each map is then scaled by its own maximum, whatever is wished.
 */
export function scalesOf(results: readonly Result[], view: Pick<View, "shared" | "clip">): Scales {
  const own = results.map((result) => topOf(result, view));
  const mixed = new Set(results.map(unitOf)).size > 1;
  const shared = view.shared && !mixed && results.length > 1;
  const largest = own.reduce((most, top) => Math.max(most, top), 0);
  return { tops: shared ? own.map(() => largest) : own, shared, mixed };
}

/** Equal where numbers can be compared: windows and steps only change how well they are known, words what they are. */
function unitOf({ method, signed, params }: Result): string {
  const words = Object.entries(params).filter(([, value]) => typeof value === "string" || typeof value === "boolean");
  return JSON.stringify([method, signed, words.sort(([one], [other]) => (one < other ? -1 : 1))]);
}
