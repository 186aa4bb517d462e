/** What keys do to the crosshair. Pure. */
import type { PlanePayload } from "../protocol";
import { clampVoxel, goesUp, type PlaneNumber, type Triple, withAxis } from "./space";
import type { Volume } from "./volume";

const LEAP = 10;
const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const THROUGH: Record<string, number> = { PageUp: 1, PageDown: -1 };
const SHIFTED: Record<string, number> = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 };

/** The keys that count: which one, and whether Shift or Ctrl are held. */
export interface Press {
  readonly key: string;
  readonly shiftKey: boolean;
}

/**
 * Where a key moves the crosshair, seen on a plane as it is shown; null where it does not.
 *
 * Arrows move it on the plane, Page Up and Page Down (or Shift and an arrow) through it, up being right, anterior or
 * superior; with Shift, pages leap.
 */
export function steppedBy(
  { key, shiftKey }: Press,
  from: Triple,
  number: PlaneNumber,
  plane: PlanePayload,
  { full, affine }: Pick<Volume, "full" | "affine">,
): Triple | null {
  const step = (axis: number, by: number) => clampVoxel(withAxis(from, axis, from[axis] + by), full);
  const through = THROUGH[key] ?? (shiftKey ? SHIFTED[key] : undefined);
  if (through !== undefined) {
    const pace = shiftKey && key in THROUGH ? LEAP : 1;
    return step(plane.axis, (goesUp(number, plane.axis, affine) ? through : -through) * pace);
  }
  const arrow = ARROWS[key];
  if (arrow === undefined) {
    return null;
  }
  const [across, down] = arrow;
  return across === 0
    ? step(plane.rows, plane.flip_rows ? -down : down)
    : step(plane.columns, plane.flip_columns ? -across : across);
}
