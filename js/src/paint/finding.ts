import type { Result } from "./decode";

/** A ninth of the picture: -1, 0 or 1 down and to the right. */
export interface Place {
  readonly vertical: -1 | 0 | 1;
  readonly horizontal: -1 | 0 | 1;
}

export interface Finding {
  readonly row: number;
  readonly column: number;
  readonly value: number;
  readonly place: Place;
}

/** Where the map is strongest, or null if it shows nothing. */
export function strongest(result: Result): Finding | null {
  let best = -1;
  let size = 0;
  for (let i = 0; i < result.values.length; i++) {
    const candidate = result.signed ? Math.abs(result.values[i]) : result.values[i];
    if (candidate > size && Number.isFinite(candidate)) {
      best = i;
      size = candidate;
    }
  }
  if (best < 0) {
    return null;
  }
  const row = Math.floor(best / result.columns);
  const column = best % result.columns;
  return {
    row,
    column,
    value: result.values[best],
    place: { vertical: third(row, result.rows), horizontal: third(column, result.columns) },
  };
}

function third(cell: number, cells: number): -1 | 0 | 1 {
  const at = (cell + 0.5) / cells;
  if (at < 1 / 3) {
    return -1;
  }
  return at > 2 / 3 ? 1 : 0;
}
