/** Which slices a montage shows, and how they are laid out. Pure. */

/** Evenly spaced slices: the middles of `tiles` equal parts of `length` slices; all of them where there are fewer. */
export function montageSlices(length: number, tiles: number): number[] {
  const count = Math.min(tiles, length);
  return Array.from({ length: count }, (_, tile) => Math.floor(((2 * tile + 1) * length) / (2 * count)));
}

/** The tile whose slice is nearest to one. */
export function nearestTile(slices: readonly number[], index: number): number {
  return slices.reduce((best, slice, at) => (Math.abs(slice - index) < Math.abs(slices[best] - index) ? at : best), 0);
}

/** How many tiles stand in a row. */
export function montageColumns(count: number): number {
  return Math.ceil(Math.sqrt(count));
}
