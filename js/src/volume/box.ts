import type { Solid } from "../paint/box";
import type { Place } from "../paint/lines";
import type { PlanePayload } from "../protocol";
import type { Triple } from "./space";

/** Where the slice of a plane meets a box, as it is shown: edges among the plane's voxels; null where it does not. */
export function solidOn(box: Solid | null, plane: PlanePayload, index: number, full: Triple): Place | null {
  if (box === null || index < box[plane.axis] || index >= box[plane.axis + 3]) {
    return null;
  }
  const along = (axis: number, flip: boolean): [number, number] =>
    flip ? [full[axis] - box[axis + 3], full[axis] - box[axis]] : [box[axis], box[axis + 3]];
  const [top, bottom] = along(plane.rows, plane.flip_rows);
  const [left, right] = along(plane.columns, plane.flip_columns);
  return { edges: [top, left, bottom, right], rows: full[plane.rows], columns: full[plane.columns] };
}
