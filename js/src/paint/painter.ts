import type { View } from "../protocol";
import { blend, scaleTop } from "./blend";
import type { Result, Session } from "./decode";
import { resample } from "./resample";

/** A result stretched over its picture; what display settings change is cheap from here on. */
export interface Stretched {
  readonly result: Result;
  readonly session: Session;
  readonly cells: boolean;
  readonly values: Float32Array;
  readonly top: number;
}

export function stretch(session: Session, result: Result, cells: boolean, last: Stretched | null): Stretched {
  if (last !== null && last.result === result && last.session === session && last.cells === cells) {
    return last;
  }
  const values = resample(result, session.height, session.width, cells);
  return { result, session, cells, values, top: scaleTop(result.values, result.signed) };
}

export function paint(session: Session, map: Stretched | null, view: View, out: Uint8ClampedArray): void {
  blend(session.pixels, map?.values ?? null, map?.top ?? 0, map?.result.signed ?? false, view, out);
}
