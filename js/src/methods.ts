/** Which methods to show, and what is said of each at a glance. Pure. */

import type { MethodPayload } from "./protocol";

export const ACCESSES = ["white_box", "gradient", "black_box"] as const satisfies readonly MethodPayload["access"][];

export interface MethodGroup {
  readonly access: MethodPayload["access"];
  readonly methods: readonly MethodPayload[];
}

/** The methods whose name or summary has every word of the query, by what they need of the model. */
export function methodGroups(methods: readonly MethodPayload[], query = ""): MethodGroup[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = methods.filter(({ id, label, summary }) => {
    const text = `${id} ${label} ${summary}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return ACCESSES.map((access) => ({ access, methods: found.filter((each) => each.access === access) })).filter(
    (group) => group.methods.length > 0,
  );
}

/** The place that a key moves to in a row of so many, or null where it means nothing there. */
export function movedTo(key: string, place: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
    case "ArrowDown":
      return Math.min(place + 1, count - 1);
    case "ArrowLeft":
    case "ArrowUp":
      return Math.max(place - 1, 0);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Whether a method starts by itself when a setting changes: as somebody has said, else as the kernel thinks right. */
export function runsByItself({ id, auto }: MethodPayload, said: Record<string, boolean>): boolean {
  return said[id] ?? auto;
}
