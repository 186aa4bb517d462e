/** Which slices a montage shows, and how they are laid out. Pure. */
import type { PlanePayload } from "../protocol";
import { goesUp, type PlaneNumber } from "./space";
import type { Volume } from "./volume";

/**
 * Evenly spaced slices: the middles of `tiles` equal parts of all; all of them where there are fewer.
 *
 * However they are stored, they come from bottom to top, from back to front, from left to right.
 */
export function montageSlices(
  { full, affine }: Pick<Volume, "full" | "affine">,
  number: PlaneNumber,
  { axis }: Pick<PlanePayload, "axis">,
  tiles: number,
): number[] {
  const length = full[axis];
  const count = Math.min(tiles, length);
  const slices = Array.from({ length: count }, (_, tile) => Math.floor(((2 * tile + 1) * length) / (2 * count)));
  return goesUp(number, axis, affine) ? slices : slices.reverse();
}

/** The tile whose slice is nearest to one. */
export function nearestTile(slices: readonly number[], index: number): number {
  return slices.reduce((best, slice, at) => (Math.abs(slice - index) < Math.abs(slices[best] - index) ? at : best), 0);
}

/** How many tiles stand in a row. */
export function montageColumns(count: number): number {
  return Math.ceil(Math.sqrt(count));
}
